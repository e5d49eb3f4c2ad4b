//! The ExtensionRule controller: whether a rule can be used, how full it is, and whether it shares numbers with another one.
//! It gives no number.

mod report;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};
use tokio::task::JoinError;

use self::report::Look;
use super::{
    changes::{Change, NamespacedName},
    client::CallError,
    configuration::{self, Configuration, in_namespace},
    context::Context,
    patience::PATIENCE,
    runner,
    status::{self, Written},
};
use crate::{
    api::{ExtensionRule, PhoneSystem},
    serve::metrics::RuleNumbers,
    sync::{
        number_holders::NumberHolders,
        rule_usage::{RuleUsage, rule_usage},
        validated::{ValidatedRule, ValidatedSystem},
    },
};

const KIND: &str = "ExtensionRule";
/// Numbers stop resting without anybody touching an object.
const LOOK_AGAIN: Duration = Duration::from_mins(5);

/// Why a look at a rule is to be repeated.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot ask for PhoneSystem {name}")]
    FindSystem { name: String, source: CallError },
    #[error("cannot count the numbers")]
    CountNumbers(#[source] JoinError),
    #[error("cannot write the status")]
    WriteStatus(#[source] CallError),
}

/// Runs the controller until the operator stops. Listens to changes from the call on.
pub fn run(context: &Context) -> impl Future<Output = ()> + Send + use<> {
    let triggers = triggers(context);
    let rules = context.configuration.rules.clone();
    let forgetting = forget_the_deleted(context.clone(), Box::pin(context.changes.subscribe()));
    let looking = context.clone();
    let written = Written::default();
    let reconciling = runner::run(KIND, context, rules, triggers, written.clone(), move |rule| {
        reconcile(looking.clone(), written.clone(), rule)
    });
    let context = context.clone();
    async move {
        if !context.filled().await {
            return;
        }
        // Forgetting has no end of its own.
        tokio::select! {
            () = reconciling => {}
            () = forgetting => {}
        }
    }
}

fn triggers(context: &Context) -> impl Stream<Item = ObjectRef<ExtensionRule>> + Send + use<> {
    let configuration = context.configuration.clone();
    let written = context
        .changes
        .concerning(move |change| concerned(&configuration, change));
    let configuration = context.configuration.clone();
    let counted = context.objects.settled_changes().flat_map(move |changes| {
        let systems = changes.into_iter().map(|change| change.system);
        let rules = systems.flat_map(|system| rules_of(&configuration, &system));
        stream::iter(rules.map(|rule| rule.reference()).collect::<Vec<_>>())
    });
    stream::select(Box::pin(written), Box::pin(counted))
}

/// The rules that a change concerns. Two rules can share numbers, so a change of one concerns the others.
fn concerned(configuration: &Configuration, change: &Change) -> Vec<NamespacedName> {
    match change {
        Change::Rule(rule) => all_in(configuration, &rule.namespace),
        Change::System(system) => rules_of(configuration, system),
        Change::Everything => configuration
            .rules
            .state()
            .iter()
            .map(|rule| NamespacedName::of(&**rule))
            .collect(),
        Change::Directory(_)
        | Change::Scope(_)
        | Change::Secret(_)
        | Change::ConfigMap(_)
        | Change::Connected(_)
        | Change::Unconnected { .. }
        | Change::Refused(_)
        | Change::Trusted(_) => Vec::new(),
    }
}

fn all_in(configuration: &Configuration, namespace: &str) -> Vec<NamespacedName> {
    in_namespace(&configuration.rules, namespace)
        .iter()
        .map(|rule| NamespacedName::of(&**rule))
        .collect()
}

fn rules_of(configuration: &Configuration, system: &NamespacedName) -> Vec<NamespacedName> {
    let rules = in_namespace(&configuration.rules, &system.namespace);
    let of_it = rules
        .iter()
        .filter(|rule| rule.spec.phone_system_ref.name == system.name);
    of_it.map(|rule| NamespacedName::of(&**rule)).collect()
}

async fn forget_the_deleted(context: Context, mut heard: impl Stream<Item = Change> + Send + Unpin) {
    while let Some(change) = heard.next().await {
        if let Change::Rule(name) = change
            && context.configuration.rules.get(&name.reference()).is_none()
        {
            context.metrics.forget_rule(&name.namespace, &name.name);
        }
    }
}

/// 1. fetch the phone system; 2. validate both; 3. count; 4. report. What another operator serves is left to it.
async fn reconcile(
    context: Context,
    written: Written<ExtensionRule>,
    rule: Arc<ExtensionRule>,
) -> Result<Action, Error> {
    let system_name = NamespacedName::of(&*rule).beside(&rule.spec.phone_system_ref.name);
    let system = configuration::find(&context.client, &context.configuration.systems, &system_name).await;
    let system = system.map_err(|source| Error::FindSystem {
        name: system_name.name.clone(),
        source,
    })?;
    let is_served = system.as_ref().map_or_else(
        || context.agent.is_unnamed(),
        |system| context.agent.serves_system(system),
    );
    if !is_served {
        context.metrics.forget_rule(&system_name.namespace, &rule.name_any());
        return Ok(Action::await_change());
    }
    let look = match validate(&rule, system.as_deref()) {
        Ok((rule, system)) => {
            let rules = validated_rules(&context.configuration, &system_name);
            let usage = count(&context, &system_name, rule.clone(), system, rules).await?;
            Look::Usable {
                rule: Box::new(rule),
                usage,
            }
        }
        Err(look) => look,
    };
    report(&context, &written, &rule, &look).await
}

fn validate(rule: &ExtensionRule, system: Option<&PhoneSystem>) -> Result<(ValidatedRule, ValidatedSystem), Look> {
    let validated = ValidatedRule::new(&rule.name_any(), &rule.spec).map_err(Look::Invalid)?;
    let name = rule.spec.phone_system_ref.name.clone();
    match system.map(|system| ValidatedSystem::new(&name, &system.spec)) {
        None => Err(Look::Missing { system: name }),
        Some(Err(problem)) => Err(Look::SystemInvalid { system: name, problem }),
        Some(Ok(system)) => Ok((validated, system)),
    }
}

/// All rules of the phone system that make sense.
fn validated_rules(configuration: &Configuration, system: &NamespacedName) -> BTreeMap<Box<str>, ValidatedRule> {
    let rules = in_namespace(&configuration.rules, &system.namespace);
    let of_it = rules
        .iter()
        .filter(|rule| rule.spec.phone_system_ref.name == system.name);
    let validated = of_it.filter_map(|rule| ValidatedRule::new(&rule.name_any(), &rule.spec).ok());
    validated.map(|rule| (rule.name.clone(), rule)).collect()
}

/// Counts on a thread of its own: with 100,000 objects it takes long enough to hold up others.
async fn count(
    context: &Context,
    system_name: &NamespacedName,
    rule: ValidatedRule,
    system: ValidatedSystem,
    rules: BTreeMap<Box<str>, ValidatedRule>,
) -> Result<RuleUsage, Error> {
    let observed = context.objects.of(system_name).await;
    let counting = tokio::task::spawn_blocking(move || {
        rule_usage(&rule, &system, &rules, &NumberHolders::new(&observed, Timestamp::now()))
    });
    counting.await.map_err(Error::CountNumbers)
}

async fn report(
    context: &Context,
    written: &Written<ExtensionRule>,
    rule: &ExtensionRule,
    look: &Look,
) -> Result<Action, Error> {
    let name = NamespacedName::of(rule);
    let before = rule.status.clone().unwrap_or_default();
    let after = report::status(&before, rule.metadata.generation, look, Timestamp::now());
    let api: Api<ExtensionRule> = Api::namespaced(context.client.clone(), &name.namespace);
    let now = status::write(&api, rule, rule.status.as_ref(), &after).await;
    if let Some(rule) = now.map_err(Error::WriteStatus)? {
        written.note(rule);
    }

    let is_there = context.configuration.rules.get(&name.reference()).is_some();
    match look {
        Look::Usable { usage, .. } if is_there => {
            let &RuleUsage {
                assigned,
                cooling,
                free,
                ..
            } = usage;
            context.metrics.rule_numbers(
                &name.namespace,
                &name.name,
                RuleNumbers {
                    assigned,
                    cooling,
                    free,
                },
            );
        }
        _ => context.metrics.forget_rule(&name.namespace, &name.name),
    }
    Ok(match look {
        Look::Missing { .. } => Action::requeue(PATIENCE.unsigned_abs()),
        Look::Invalid(_) | Look::SystemInvalid { .. } => Action::await_change(),
        Look::Usable { .. } => Action::requeue(LOOK_AGAIN),
    })
}
