//! Numbers under siege: several scopes, several operators and people at the same time, on the real pair.

use std::collections::BTreeMap;

use adsync::api::{Extension, PhoneUser};
use kube::{ResourceExt, api::ListParams};

use crate::{
    env::{self, Namespace, Operator, PersonSpec},
    scenario::{
        NUMBERED, apply_company, apply_rule, apply_scope, await_scope, await_synced, has, message, phone_users,
        sync_now,
    },
};

/// Nobody has a number that somebody else has, and every number is its holder's.
async fn assert_no_number_twice(namespace: &Namespace<'_>) -> BTreeMap<String, String> {
    let extensions = namespace
        .api::<Extension>()
        .list(&ListParams::default())
        .await
        .unwrap()
        .items;
    let holders: BTreeMap<String, String> = extensions
        .iter()
        .filter_map(|extension| Some((extension.spec.number.clone(), extension.spec.holder.clone()?.name)))
        .collect();
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    for user in phone_users(namespace).await {
        let Some(number) = user.spec.extension.clone() else {
            continue;
        };
        assert_eq!(
            holders.get(&number),
            Some(&user.name_any()),
            "{number} is somebody else's"
        );
        assert_eq!(
            given.insert(number.clone(), user.name_any()),
            None,
            "{number} was given twice"
        );
    }
    given
}

#[tokio::test]
async fn two_scopes_number_from_one_rule_in_their_first_sync() {
    let (kube, directory) = (env::kube().await, env::directory().await);
    let namespace = kube.namespace("numbers").await;
    let (one, two) = (directory.ou("one").await, directory.ou("two").await);
    one.people((0..10).map(|number| PersonSpec::named(&format!("One {number}"))))
        .await;
    two.people((0..10).map(|number| PersonSpec::named(&format!("Two {number}"))))
        .await;
    apply_company(&namespace, directory).await;
    apply_rule(&namespace, "hq-numbers", "2000", "2019").await;
    apply_scope(&namespace, "one", one.dn(), NUMBERED).await;
    apply_scope(&namespace, "two", two.dn(), NUMBERED).await;
    let _operator = Operator::start(kube, &[&namespace]).await;
    for scope in ["one", "two"] {
        assert_eq!(
            message(&await_synced(&namespace, scope).await, "Matched"),
            "10 matched, 0 unmatched"
        );
    }
    assert_eq!(assert_no_number_twice(&namespace).await.len(), 20);
}

#[tokio::test]
async fn two_operators_number_from_one_rule_at_once() {
    let (kube, directory) = (env::kube().await, env::directory().await);
    let namespace = kube.namespace("numbers").await;
    let (one, two) = (directory.ou("one").await, directory.ou("two").await);
    one.people((0..15).map(|number| PersonSpec::named(&format!("One {number}"))))
        .await;
    two.people((0..15).map(|number| PersonSpec::named(&format!("Two {number}"))))
        .await;
    let _first = Operator::start(kube, &[&namespace]).await;
    let _second = Operator::start(kube, &[&namespace]).await;
    apply_company(&namespace, directory).await;
    apply_rule(&namespace, "hq-numbers", "2000", "2029").await;
    apply_scope(&namespace, "one", one.dn(), NUMBERED).await;
    apply_scope(&namespace, "two", two.dn(), NUMBERED).await;
    for scope in ["one", "two"] {
        let wanted = "15 matched, 0 unmatched";
        await_scope(&namespace, scope, wanted, |_, status| has(status, "Matched", "True")).await;
    }
    assert_eq!(assert_no_number_twice(&namespace).await.len(), 30);
    let numbers = namespace
        .api::<Extension>()
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .len();
    assert_eq!(numbers, 30, "no number was claimed for nobody");
}

#[tokio::test]
async fn a_number_that_people_hold_in_the_middle_of_a_range_is_passed_over() {
    let (kube, directory) = (env::kube().await, env::directory().await);
    let (namespace, ou) = (kube.namespace("numbers").await, directory.ou("numbers").await);
    ou.people((0..4).map(|number| PersonSpec::named(&format!("Person {number}"))))
        .await;
    apply_company(&namespace, directory).await;
    apply_rule(&namespace, "hq-numbers", "2000", "2009").await;
    namespace
        .apply(
            "{apiVersion: telephony.adsync.dev/v1alpha1, kind: Extension, metadata: {name: hq-2001},
              spec: {phoneSystemRef: {name: hq}, number: '2001', state: Reserved}}",
        )
        .await;
    namespace
        .apply(
            "{apiVersion: telephony.adsync.dev/v1alpha1, kind: PhoneUser, metadata: {name: lobby},
              spec: {phoneSystemRef: {name: hq}, login: lobby, extension: '2003'}}",
        )
        .await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    let _operator = Operator::start(kube, &[&namespace]).await;
    await_synced(&namespace, "staff").await;
    let mut numbers: Vec<String> = namespace
        .api::<PhoneUser>()
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .filter_map(|user| user.spec.extension)
        .collect();
    numbers.sort();
    assert_eq!(
        numbers,
        ["2000", "2002", "2003", "2004", "2005"],
        "2003 is the lobby's, without an Extension of its own"
    );
    let reserved = namespace.api::<Extension>().get("hq-2001").await.unwrap();
    assert_eq!(
        (reserved.labels().len(), reserved.spec.holder),
        (0, None),
        "people's Extension is as they made it"
    );
}

#[tokio::test]
async fn operators_that_are_killed_and_stopped_half_way_leave_nothing_that_the_next_does_not_finish() {
    let (kube, directory) = (env::kube().await, env::directory().await);
    let (namespace, ou) = (kube.namespace("numbers").await, directory.ou("numbers").await);
    ou.people((0..60).map(|number| PersonSpec::named(&format!("Person {number}"))))
        .await;
    apply_company(&namespace, directory).await;
    apply_rule(&namespace, "hq-numbers", "2000", "2099").await;
    let mut operator = Operator::start(kube, &[&namespace]).await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    // Each goes a little further before it dies, every other one in peace.
    for moment in 1..=6 {
        tokio::time::sleep(std::time::Duration::from_millis(40 * moment)).await;
        if moment % 2 == 0 {
            operator.stop().await;
        } else {
            drop(operator);
        }
        operator = Operator::start(kube, &[&namespace]).await;
    }
    await_synced(&namespace, "staff").await;
    let given = assert_no_number_twice(&namespace).await;
    assert_eq!(given.len(), 60);
    let extensions = namespace
        .api::<Extension>()
        .list(&ListParams::default())
        .await
        .unwrap()
        .items;
    assert_eq!(
        extensions.len(),
        60,
        "a number that was claimed before the crash is its person's after it"
    );
    sync_now(&namespace, "staff").await;
    assert_eq!(assert_no_number_twice(&namespace).await, given);
}
