//! What holds at the end of every test of a sync, whatever it was about: statuses are as kstatus reads them, counts add up, a
//! number has one holder, and another sync of what has converged writes nothing.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use adsync::api::{
    ActiveDirectoryConfig, Extension, ExtensionRule, PhoneSystem, PhoneUser, RingGroup, SyncScope,
    conditions::{self, READY, RECONCILING, STALLED},
    extension::{ExtensionState, HolderKind},
    labels,
    sync_scope::UserCounts,
};
use kube::{Resource, ResourceExt, api::ListParams, core::NamespaceResourceScope};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::scene::Scene;
use crate::{
    env,
    scenario::{eventually, has, written},
};

/// What is under way at the end of a test is over soon.
const PATIENCE: Duration = Duration::from_secs(30);

impl Scene {
    /// The end of a test.
    pub async fn finish(&self) {
        self.await_kstatus().await;
        for scope in self.list::<SyncScope>().await {
            let status = scope.status.as_ref().unwrap();
            if let Some(users) = &status.users {
                adds_up(users);
            }
            if !scope.spec.suspend && has(status, READY, "True") && has(status, "Synced", "True") {
                self.is_silent(&scope).await;
            }
        }
        self.numbers_have_one_holder().await;
    }

    /// Every configuration object says what kstatus, Helm and Argo CD need, in its present generation.
    pub async fn await_kstatus(&self) {
        let latest = RefCell::new(Vec::new());
        let sound = eventually("a sound status of every configuration object", async || {
            let mut complaints = Vec::new();
            self.complain_of::<ActiveDirectoryConfig>(&mut complaints).await;
            self.complain_of::<ExtensionRule>(&mut complaints).await;
            self.complain_of::<PhoneSystem>(&mut complaints).await;
            self.complain_of::<SyncScope>(&mut complaints).await;
            *latest.borrow_mut() = complaints;
            latest.borrow().is_empty().then_some(())
        });
        let in_time = timeout(PATIENCE, sound).await.is_ok();
        assert!(in_time, "unsound: {:#?}", latest.borrow());
    }

    async fn complain_of<K>(&self, complaints: &mut Vec<String>)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
        K: serde::Serialize,
    {
        for object in self.list::<K>().await {
            let object = serde_json::to_value(&object).unwrap();
            let name = format!("{} {}", K::kind(&()), object["metadata"]["name"]);
            complaints.extend(unsound(&object).into_iter().map(|what| format!("{name}: {what}")));
        }
    }

    async fn list<K>(&self) -> Vec<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
    {
        self.namespace
            .api::<K>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
    }

    /// One more sync writes nothing but its echo.
    async fn is_silent(&self, scope: &SyncScope) {
        // What the test did last may still be under way: it is over when the scope was synced once more.
        self.sync(&scope.name_any()).await;
        let position = env::kube().await.audit_position();
        let began = jiff::Timestamp::now();
        self.sync(&scope.name_any()).await;
        let operator = self.operator().await;
        // A status can be seen a moment before its patch is in the log; whatever came before the patch is there by then.
        let writes = eventually("the echo of a request", async || {
            let mut writes = written(&self.namespace, position, operator);
            writes.retain(|event| {
                let received: jiff::Timestamp = event.request_received_timestamp.parse().unwrap();
                // These two count what is there in their own time.
                received >= began && !["extensionrules", "phonesystems"].contains(&&*event.object.resource)
            });
            let echoed = writes.iter().any(|event| event.object.resource == "syncscopes");
            echoed.then_some(writes)
        })
        .await;
        let told: Vec<_> = writes
            .iter()
            .map(|event| (&*event.object.resource, &*event.object.name, &*event.object.subresource))
            .collect();
        assert_eq!(
            told,
            [("syncscopes", &*scope.name_any(), "status")],
            "a converged scope writes nothing but the echo of a request"
        );
    }

    /// Whom the operator gave a number holds it, and nobody else has it.
    async fn numbers_have_one_holder(&self) {
        let mut holders = BTreeMap::new();
        for extension in self.list::<Extension>().await {
            let assigned = extension.spec.state == ExtensionState::Assigned;
            if let Some(holder) = extension.spec.holder.filter(|_| assigned) {
                holders.insert(extension.spec.number, holder);
            }
        }
        let users = self.list::<PhoneUser>().await.into_iter();
        let users = users
            .filter(is_managed)
            .map(|user| (HolderKind::PhoneUser, user.name_any(), user.spec.extension));
        let groups = self.list::<RingGroup>().await.into_iter();
        let groups = groups
            .filter(is_managed)
            .map(|group| (HolderKind::RingGroup, group.name_any(), group.spec.number));
        for (kind, name, number) in users.chain(groups) {
            let Some(number) = number else { continue };
            let holder = holders.get(&number);
            assert!(
                holder.is_some_and(|holder| holder.kind == kind && holder.name == name),
                "{name} has {number}, which is held by {holder:?}"
            );
        }
    }
}

fn is_managed(object: &impl ResourceExt) -> bool {
    object.labels().contains_key(labels::MANAGED_BY)
}

fn adds_up(users: &UserCounts) {
    assert_eq!(
        users.found,
        users.excluded + users.inactive + users.in_scope,
        "found: {users:?}"
    );
    assert_eq!(users.in_scope, users.matched + users.unmatched, "inScope: {users:?}");
    assert!(users.disabled <= users.matched, "disabled: {users:?}");
}

/// What is wrong with an object's status, in the eyes of kstatus and of `api::conditions`.
pub fn unsound(object: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    let generation = &object["metadata"]["generation"];
    let status = &object["status"];
    if status["observedGeneration"] != *generation {
        complaints.push(format!(
            "observedGeneration is {}, generation {generation}",
            status["observedGeneration"]
        ));
    }
    let all = status["conditions"].as_array().cloned().unwrap_or_default();
    let mut statuses = BTreeMap::new();
    for condition in &all {
        let text = |field: &str| condition[field].as_str().unwrap_or_default();
        let (kind, holds, reason) = (text("type"), text("status"), text("reason"));
        if statuses.insert(kind, holds).is_some() {
            complaints.push(format!("{kind} stands twice"));
        }
        // The others tell what the last sync that went to the end found, which may be one of an earlier spec.
        if [READY, RECONCILING, STALLED].contains(&kind) && condition["observedGeneration"] != *generation {
            complaints.push(format!("{kind} speaks of another generation: {condition}"));
        }
        let is_known = conditions::reason(reason).is_some_and(|known| known.goes_with.contains(&(kind, holds)));
        if !is_known {
            complaints.push(format!("{kind}={holds} has no reason {reason} in api::conditions"));
        }
        let is_camel_case = reason.starts_with(|first: char| first.is_ascii_uppercase())
            && reason.chars().all(|character| character.is_ascii_alphanumeric());
        if !is_camel_case {
            complaints.push(format!("{reason} is not CamelCase"));
        }
        if holds != "True" && text("message").is_empty() {
            complaints.push(format!("{kind}={holds} has no message"));
        }
        if [RECONCILING, STALLED].contains(&kind) && holds != "True" {
            complaints.push(format!("{kind} is there, and {holds}"));
        }
    }
    if !statuses.contains_key(READY) {
        complaints.push("there is no Ready".to_owned());
    }
    if statuses.contains_key(STALLED) && (statuses.contains_key(RECONCILING) || statuses.get(READY) != Some(&"False")) {
        complaints.push(format!("Stalled beside {statuses:?}"));
    }
    complaints
}
