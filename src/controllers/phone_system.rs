//! The PhoneSystem controller: whether a number plan makes sense, what there is of a phone system, and what of it nobody
//! provides.

use std::{collections::BTreeSet, sync::Arc};

use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};

use super::{
    changes::{Change, NamespacedName},
    client::CallError,
    conditions::ConditionSetter,
    configuration::{Configuration, in_namespace},
    context::Context,
    runner,
    status::{self, Written},
};
use crate::{
    api::{
        PhoneSystem, PhoneSystemStatus,
        conditions::{READY, STALLED, ready},
        extension::{ExtensionState, HolderKind},
        phone_system::{ExtensionTotals, RingGroupTotals, UnmanagedTotals, UserTotals},
    },
    causes::with_causes,
    sync::{
        field::RingField,
        observed::{Observed, ObservedExtension, ObservedRingGroup, ObservedUser},
        validated::{SpecError, ValidatedSystem},
        value::Value,
    },
};

const KIND: &str = "PhoneSystem";

/// Why a look at a phone system is to be repeated.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot write the status")]
    WriteStatus(#[source] CallError),
}

/// Runs the controller until the operator stops. Listens to changes from the call on.
pub fn run(context: &Context) -> impl Future<Output = ()> + Send + use<> {
    let triggers = triggers(context);
    let systems = context.configuration.systems.clone();
    let looking = context.clone();
    let written = Written::default();
    let reconciling = runner::run(KIND, context, systems, triggers, written.clone(), move |system| {
        reconcile(looking.clone(), written.clone(), system)
    });
    let context = context.clone();
    async move {
        if context.filled().await {
            reconciling.await;
        }
    }
}

fn triggers(context: &Context) -> impl Stream<Item = ObjectRef<PhoneSystem>> + Send + use<> {
    let configuration = context.configuration.clone();
    let written = context
        .changes
        .concerning(move |change| concerned(&configuration, change));
    let counted = context.objects.settled_changes().flat_map(|changes| {
        let systems: BTreeSet<NamespacedName> = changes.into_iter().map(|change| change.system).collect();
        stream::iter(systems.into_iter().map(|system| system.reference()).collect::<Vec<_>>())
    });
    stream::select(Box::pin(written), Box::pin(counted))
}

/// The phone systems that a change concerns. What a scope provided is nobody's when it goes; it takes along whose it was.
fn concerned(configuration: &Configuration, change: &Change) -> Vec<NamespacedName> {
    match change {
        Change::System(system) => vec![system.clone()],
        Change::Scope(scope) => in_namespace(&configuration.systems, &scope.namespace)
            .iter()
            .map(|system| NamespacedName::of(&**system))
            .collect(),
        Change::Everything => configuration
            .systems
            .state()
            .iter()
            .map(|system| NamespacedName::of(&**system))
            .collect(),
        Change::Directory(_)
        | Change::Rule(_)
        | Change::Secret(_)
        | Change::ConfigMap(_)
        | Change::Connected(_)
        | Change::Unconnected { .. }
        | Change::Refused(_)
        | Change::Trusted(_) => Vec::new(),
    }
}

/// 1. validate; 2. count; 3. report. What another operator serves is left to it.
async fn reconcile(context: Context, written: Written<PhoneSystem>, system: Arc<PhoneSystem>) -> Result<Action, Error> {
    if !context.agent.serves_system(&system) {
        return Ok(Action::await_change());
    }
    let name = NamespacedName::of(&*system);
    let problem = ValidatedSystem::new(&name.name, &system.spec).err();
    let scopes = live_scopes(&context.configuration, &name);
    let totals = Totals::of(&*context.objects.of(&name).await, &scopes);
    let before = system.status.clone().unwrap_or_default();
    let after = status_after(
        &before,
        system.metadata.generation,
        problem.as_ref(),
        totals,
        Timestamp::now(),
    );
    let api: Api<PhoneSystem> = Api::namespaced(context.client.clone(), &name.namespace);
    let now = status::write(&api, &*system, system.status.as_ref(), &after).await;
    if let Some(system) = now.map_err(Error::WriteStatus)? {
        written.note(system);
    }
    Ok(Action::await_change())
}

/// Names of the scopes that provide for the phone system.
fn live_scopes(configuration: &Configuration, system: &NamespacedName) -> BTreeSet<String> {
    let scopes = in_namespace(&configuration.scopes, &system.namespace);
    let live = scopes
        .iter()
        .filter(|scope| scope.spec.phone_system_ref.name == system.name)
        .filter(|scope| scope.metadata.deletion_timestamp.is_none())
        .map(|scope| scope.name_any());
    let unreadable = configuration.unreadable_scopes.in_namespace(&system.namespace);
    live.chain(unreadable.into_keys()).collect()
}

/// What there is of a phone system.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Totals {
    users: UserTotals,
    extensions: ExtensionTotals,
    ring_groups: RingGroupTotals,
    unmanaged: UnmanagedTotals,
}

impl Totals {
    /// Counts what there is. Pure.
    fn of(observed: &Observed, live_scopes: &BTreeSet<String>) -> Self {
        let is_live = |scope: Option<&str>| scope.is_some_and(|scope| live_scopes.contains(scope));
        let mut totals = Self::default();
        for user in observed.users.values() {
            let is_linked = !user.is_unlinked && user.values.link().is_some();
            totals.users.total += 1;
            totals.users.enabled += i64::from(user.values.enabled() == Some(true));
            totals.users.linked += i64::from(is_linked);
            totals.users.unlinked += i64::from(user.is_unlinked);
            totals.unmanaged.users += i64::from(!is_live(provider_of_user(user)));
        }
        for extension in observed.extensions.values() {
            totals.extensions.total += 1;
            match extension.state {
                Some(ExtensionState::Assigned) => totals.extensions.assigned += 1,
                Some(ExtensionState::Cooling) => totals.extensions.cooling += 1,
                Some(ExtensionState::Reserved) => totals.extensions.reserved += 1,
                None => {}
            }
            totals.unmanaged.extensions += i64::from(!is_live(provider_of_extension(observed, extension)));
        }
        for ring_group in observed.ring_groups.values() {
            let is_enabled = ring_group.values.get(&RingField::Enabled) == Some(&Value::Flag(true));
            totals.ring_groups.total += 1;
            totals.ring_groups.enabled += i64::from(is_enabled);
            totals.unmanaged.ring_groups += i64::from(!is_live(provider_of_ring_group(ring_group)));
        }
        totals
    }
}

/// Nobody provides those whom people unlinked.
fn provider_of_user(user: &ObservedUser) -> Option<&str> {
    user.values
        .link()
        .filter(|_| !user.is_unlinked)
        .map(|link| &*link.scope)
}

/// A number is its holder's, whoever gave it first; the label tells of one that nobody holds any more.
fn provider_of_extension<'a>(observed: &'a Observed, extension: &'a ObservedExtension) -> Option<&'a str> {
    let holder = extension.holder.as_ref();
    let held = holder.and_then(|holder| match holder.kind {
        HolderKind::PhoneUser => observed.users.get(holder.name.as_str()).map(provider_of_user),
        HolderKind::RingGroup => observed
            .ring_groups
            .get(holder.name.as_str())
            .map(provider_of_ring_group),
    });
    held.unwrap_or(extension.scope.as_deref())
}

fn provider_of_ring_group(ring_group: &ObservedRingGroup) -> Option<&str> {
    match ring_group.values.get(&RingField::Source) {
        Some(Value::Source(source)) => Some(&source.scope_ref.name),
        _ => None,
    }
}

/// The status after a look. Pure.
fn status_after(
    before: &PhoneSystemStatus,
    generation: Option<i64>,
    problem: Option<&SpecError>,
    totals: Totals,
    now: Timestamp,
) -> PhoneSystemStatus {
    let mut after = PhoneSystemStatus {
        observed_generation: generation,
        conditions: before.conditions.clone(),
        users: Some(totals.users),
        extensions: Some(totals.extensions),
        ring_groups: Some(totals.ring_groups),
        unmanaged: Some(totals.unmanaged),
    };
    let mut setter = ConditionSetter::new(&mut after.conditions, generation, now);
    if let Some(problem) = problem {
        let message = with_causes(problem);
        setter.set(READY, false, ready::INVALID_SPEC, &message);
        setter.only_while(STALLED, Some((ready::INVALID_SPEC, &message)));
    } else {
        setter.set(READY, true, ready::VALID, "the number plan can be used");
        setter.only_while(STALLED, None);
    }
    after
}

#[cfg(test)]
mod tests {
    use kube::api::DynamicObject;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::controllers::{conditions::find, observed::Record};

    fn object(name: &str, labels: &Json, spec: &Json) -> DynamicObject {
        let metadata = json!({"name": name, "uid": name, "resourceVersion": "1", "labels": labels});
        serde_json::from_value(json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "Any",
            "metadata": metadata, "spec": spec}))
        .unwrap()
    }

    fn user(name: &str, mut spec: Json, scope: Option<&str>) -> DynamicObject {
        spec["phoneSystemRef"] = json!({"name": "hq"});
        if let Some(scope) = scope {
            spec["directory"] = json!({"configRef": {"name": "corp"}, "scopeRef": {"name": scope},
                "origin": "Provisioned", "objectGUID": "0f7c1b1e-7a0c-4d5a-9f7e-0123456789ab"});
        }
        object(name, &json!({}), &spec)
    }

    fn observed() -> Observed {
        let users = [
            user("provided", json!({"enabled": true}), Some("staff")),
            user("disabled", json!({"enabled": false}), Some("staff")),
            user("left-behind", json!({"enabled": true}), Some("deleted")),
            user("unlinked", json!({"enabled": true, "link": "Unlinked"}), Some("staff")),
            user("by-hand", json!({}), None),
        ];
        let number = |number: &str, state: &str, labels: Json| {
            let spec = json!({"phoneSystemRef": {"name": "hq"}, "number": number, "state": state});
            object(&format!("hq-{number}"), &labels, &spec)
        };
        let extensions = [
            number("2000", "Assigned", json!({"adsync.dev/scope": "staff"})),
            number("2001", "Cooling", json!({"adsync.dev/scope": "deleted"})),
            number("2002", "Reserved", json!({})),
            number("2003", "Parked", json!({})),
        ];
        let ring_group = |name: &str, spec: Json| object(name, &json!({}), &spec);
        let source = json!({"scopeRef": {"name": "staff"}, "department": "all", "objectGUID": "g"});
        let ring_groups = [
            ring_group(
                "sales",
                json!({"phoneSystemRef": {"name": "hq"}, "enabled": true, "source": source}),
            ),
            ring_group("by-hand", json!({"phoneSystemRef": {"name": "hq"}, "enabled": false})),
        ];
        let name = |object: &DynamicObject| object.name_any().into();
        Observed {
            users: users
                .iter()
                .map(|user| (name(user), ObservedUser::read(user)))
                .collect(),
            extensions: extensions
                .iter()
                .map(|one| (name(one), ObservedExtension::read(one)))
                .collect(),
            ring_groups: ring_groups
                .iter()
                .map(|one| (name(one), ObservedRingGroup::read(one)))
                .collect(),
        }
    }

    #[test]
    fn everything_is_counted_and_what_no_live_scope_provides() {
        let totals = Totals::of(&observed(), &BTreeSet::from(["staff".to_owned()]));
        assert_eq!(
            totals.users,
            UserTotals {
                total: 5,
                enabled: 3,
                linked: 3,
                unlinked: 1
            }
        );
        assert_eq!(
            totals.extensions,
            ExtensionTotals {
                total: 4,
                assigned: 1,
                cooling: 1,
                reserved: 1
            }
        );
        assert_eq!(totals.ring_groups, RingGroupTotals { total: 2, enabled: 1 });
        assert_eq!(
            totals.unmanaged,
            UnmanagedTotals {
                users: 3,
                extensions: 3,
                ring_groups: 1
            }
        );
    }

    #[test]
    fn a_number_is_its_holders_whichever_scope_gave_it() {
        let observed = observed();
        let number = |kind: &str, name: &str, label: &str| {
            let mut spec = json!({"phoneSystemRef": {"name": "hq"}, "number": "2000", "state": "Assigned"});
            spec["holder"] = json!({"kind": kind, "name": name});
            ObservedExtension::read(&object("hq-2000", &json!({"adsync.dev/scope": label}), &spec))
        };
        let provider =
            |kind: &str, name: &str| provider_of_extension(&observed, &number(kind, name, "former")).map(str::to_owned);
        assert_eq!(provider("PhoneUser", "provided").as_deref(), Some("staff"));
        assert_eq!(provider("RingGroup", "sales").as_deref(), Some("staff"));
        assert_eq!(provider("PhoneUser", "by-hand"), None);
        assert_eq!(provider("PhoneUser", "gone").as_deref(), Some("former"));
    }

    #[test]
    fn a_number_plan_that_makes_no_sense_is_stalled_and_the_totals_are_there() {
        let spec = serde_json::from_value(json!({"numberPlan": {"reserved": [{"from": "3", "to": "2"}]}})).unwrap();
        let problem = ValidatedSystem::new("hq", &spec).unwrap_err();
        let now = Timestamp::UNIX_EPOCH;
        let totals = Totals::of(&observed(), &BTreeSet::new());
        let status = status_after(&PhoneSystemStatus::default(), Some(1), Some(&problem), totals, now);
        assert_eq!(find(&status.conditions, READY).unwrap().status, "False");
        assert!(
            find(&status.conditions, STALLED)
                .unwrap()
                .message
                .contains("reserved[0]")
        );
        assert_eq!(status.users, Some(totals.users));
        let mended = status_after(&status, Some(2), None, totals, now);
        assert!(find(&mended.conditions, STALLED).is_none());
    }
}
