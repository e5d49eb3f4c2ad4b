//! What ExtensionRules and PhoneSystems say about themselves: how full, of whom, and what they miss.

use adsync::api::{ExtensionRule, PhoneSystem, phone_system};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{
    env::{self, Namespace, Operator, operator},
    scenario::{apply_rule, await_rest, eventually},
};

const SYSTEM: &str =
    "{apiVersion: telephony.adsync.dev/v1alpha1, kind: PhoneSystem, metadata: {name: hq}, spec: {numberPlan: {}}}";

async fn served(prefix: &str) -> (Namespace<'static>, Operator) {
    let kube = env::kube().await;
    let namespace = kube.namespace(prefix).await;
    let operator = Operator::start(kube, &[&namespace]).await;
    (namespace, operator)
}

/// Waits until a rule's conditions are these, each as `Type=Status Reason`.
async fn await_rule(namespace: &Namespace<'_>, name: &str, expected: &[&str]) -> ExtensionRule {
    let mut last = Vec::new();
    let what = format!("{name} as {expected:?}");
    eventually(&what, async || {
        let rule = namespace.api::<ExtensionRule>().get(name).await.unwrap();
        let conditions = rule
            .status
            .as_ref()
            .map(|status| status.conditions.clone())
            .unwrap_or_default();
        let shown = shown(&conditions);
        if shown != last {
            println!("{name}: {shown:?}");
            last.clone_from(&shown);
        }
        (shown == expected).then_some(rule)
    })
    .await
}

fn shown(conditions: &[Condition]) -> Vec<String> {
    let mut shown: Vec<String> = conditions
        .iter()
        .map(|condition| format!("{}={} {}", condition.type_, condition.status, condition.reason))
        .collect();
    shown.sort();
    shown
}

fn numbers(rule: &ExtensionRule) -> [Option<i64>; 4] {
    let status = rule.status.clone().unwrap();
    [status.capacity, status.assigned, status.cooling, status.free]
}

fn extension(number: &str, state_and_holder: &str) -> String {
    format!(
        "{{apiVersion: telephony.adsync.dev/v1alpha1, kind: Extension, metadata: {{name: hq-{number}}}, \
         spec: {{phoneSystemRef: {{name: hq}}, number: '{number}', {state_and_holder}}}}}"
    )
}

#[tokio::test]
async fn a_rule_waits_for_its_phone_system_and_then_counts() {
    let (namespace, operator) = served("counting").await;
    apply_rule(&namespace, "hq-numbers", "2000", "2003").await;
    let missing = ["Ready=False ReferenceNotFound", "Reconciling=True ReferenceNotFound"];
    await_rule(&namespace, "hq-numbers", &missing).await;

    namespace.apply(SYSTEM).await;
    let free = [
        "NumbersAvailable=True NumbersFree",
        "RangesDisjoint=True NoOverlap",
        "Ready=True Valid",
    ];
    let rule = await_rule(&namespace, "hq-numbers", &free).await;
    assert_eq!(numbers(&rule), [Some(4), Some(0), Some(0), Some(4)]);

    namespace
        .apply(&extension(
            "2000",
            "state: Assigned, holder: {kind: PhoneUser, name: ada}",
        ))
        .await;
    namespace.apply(&extension("2001", "state: Reserved")).await;
    let cooling = "state: Cooling, holder: {kind: PhoneUser, name: bob}, releaseAfter: '2999-01-01T00:00:00Z'";
    namespace.apply(&extension("2002", cooling)).await;
    let counted = eventually("the count", async || {
        let rule = namespace.api::<ExtensionRule>().get("hq-numbers").await.unwrap();
        (numbers(&rule) == [Some(4), Some(1), Some(1), Some(1)]).then_some(rule)
    });
    counted.await;
    let series = |state: &str| {
        let namespace = namespace.name();
        format!(r#"adsync_extension_rule_numbers{{namespace="{namespace}",name="hq-numbers",state="{state}"}}"#)
    };
    assert_eq!(operator::value(operator.metrics, &series("free")).await, Some(1));

    namespace
        .apply(&extension(
            "2003",
            "state: Assigned, holder: {kind: RingGroup, name: sales}",
        ))
        .await;
    let full = [
        "NumbersAvailable=False RangeExhausted",
        "RangesDisjoint=True NoOverlap",
        "Ready=True Valid",
    ];
    await_rule(&namespace, "hq-numbers", &full).await;

    namespace.kubectl(&["delete", "extensionrule", "hq-numbers"]).await;
    eventually("the end of its series", async || {
        operator::value(operator.metrics, &series("free"))
            .await
            .is_none()
            .then_some(())
    })
    .await;
    await_rest(&namespace).await;
}

#[tokio::test]
async fn two_rules_that_share_numbers_both_say_so_until_they_do_not() {
    let (namespace, _operator) = served("counting").await;
    namespace.apply(SYSTEM).await;
    apply_rule(&namespace, "one", "2000", "2009").await;
    apply_rule(&namespace, "two", "2009", "2019").await;
    let overlap = [
        "NumbersAvailable=True NumbersFree",
        "RangesDisjoint=False RangeOverlap",
        "Ready=True Valid",
    ];
    for (name, other) in [("one", "two"), ("two", "one")] {
        let rule = await_rule(&namespace, name, &overlap).await;
        let conditions = rule.status.unwrap().conditions;
        let message = &conditions
            .iter()
            .find(|condition| condition.type_ == "RangesDisjoint")
            .unwrap()
            .message;
        assert!(message.ends_with(other), "{message}");
    }
    apply_rule(&namespace, "two", "2010", "2019").await;
    let disjoint = [
        "NumbersAvailable=True NumbersFree",
        "RangesDisjoint=True NoOverlap",
        "Ready=True Valid",
    ];
    for name in ["one", "two"] {
        await_rule(&namespace, name, &disjoint).await;
    }
    await_rest(&namespace).await;
}

#[tokio::test]
async fn a_phone_system_counts_what_is_there_and_what_nobody_provides() {
    let (namespace, operator) = served("counting").await;
    namespace.apply(SYSTEM).await;
    namespace
        .apply(
            "{apiVersion: telephony.adsync.dev/v1alpha1, kind: PhoneUser, metadata: {name: by-hand}, \
             spec: {phoneSystemRef: {name: hq}, login: lobby, enabled: true}}",
        )
        .await;
    namespace.apply(&extension("2001", "state: Reserved")).await;
    let system = eventually("the totals", async || {
        let system = namespace.api::<PhoneSystem>().get("hq").await.unwrap();
        let status = system.status.clone()?;
        let is_counted = status.users.is_some_and(|users| users.total == 1)
            && status.extensions.is_some_and(|extensions| extensions.total == 1);
        is_counted.then_some(system)
    })
    .await;
    let status = system.status.unwrap();
    assert_eq!(shown(&status.conditions), ["Ready=True Valid"]);
    assert_eq!(status.observed_generation, system.metadata.generation);
    let users = phone_system::UserTotals {
        total: 1,
        enabled: 1,
        linked: 0,
        unlinked: 0,
    };
    assert_eq!(status.users, Some(users));
    let unmanaged = phone_system::UnmanagedTotals {
        users: 1,
        extensions: 1,
        ring_groups: 0,
    };
    assert_eq!(status.unmanaged, Some(unmanaged));

    // What makes no difference makes no write.
    let position = env::kube().await.audit_position();
    namespace
        .kubectl(&["annotate", "phoneuser", "by-hand", "note=hello"])
        .await;
    namespace
        .kubectl(&["annotate", "phonesystem", "hq", "note=hello"])
        .await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let mut writes = namespace.writes(position);
    writes.retain(|write| write.user.username == operator.user());
    assert!(writes.is_empty(), "{writes:#?}");
    await_rest(&namespace).await;
}
