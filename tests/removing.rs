//! Taking away on a real API server: only the version that was judged, and a number rests only once nobody names it.

use adsync::{
    api::{Extension, PhoneUser, annotations, extension::ExtensionState},
    controllers::{apply::Fate, observed::Author},
    sync::{
        field::Field,
        observed::Version,
        plan::{Deletion, Expected, Free, Plan, Subject},
    },
};
use futures::StreamExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::{
    env,
    telephony::{Telephony, claim, holder, user, user_name},
};

/// The n-th account's user, with a number.
async fn with_number(telephony: &Telephony<'_>, account: u32, number: &str) {
    let name = user_name(account);
    let mut newcomer = user(
        account,
        &[(Field::Login, "ada"), (Field::Extension, number)],
        Expected::Absent,
    );
    newcomer.needs = Some(number.parse().unwrap());
    let plan = Plan {
        claims: vec![claim(number, &name, Expected::Absent)],
        users: vec![newcomer],
        ..Plan::default()
    };
    let applied = telephony.apply(&plan).await;
    assert!(applied.fates().all(|fate| *fate == Fate::Created), "{applied:?}");
}

fn version(expected: Expected) -> Version {
    let Expected::Present(version) = expected else {
        panic!("it does not exist")
    };
    version
}

/// Deletes the n-th account's user as it is now, and frees the number.
async fn removal(telephony: &Telephony<'_>, account: u32, number: &str) -> Plan {
    let name = user_name(account);
    let deletion = Deletion {
        kind: holder(&name).kind,
        name: name.as_str().into(),
        subject: Subject::default(),
        version: version(telephony.expected(&name).await),
        why: "the account was deleted".to_owned(),
    };
    let free = Free {
        number: number.parse().unwrap(),
        holder: holder(&name),
        version: version(telephony.expected_number(number).await),
        release_after: "2030-01-01T00:00:00Z".parse().unwrap(),
        awaited_by: None,
    };
    Plan {
        deletions: vec![deletion],
        frees: vec![free],
        ..Plan::default()
    }
}

async fn exists(telephony: &Telephony<'_>, account: u32) -> bool {
    let api = telephony.namespace.api::<PhoneUser>();
    api.get_opt(&user_name(account)).await.unwrap().is_some()
}

async fn number(telephony: &Telephony<'_>, number: &str) -> Extension {
    let api = telephony.namespace.api::<Extension>();
    api.get(&format!("hq-{number}")).await.unwrap()
}

#[tokio::test]
async fn whoever_is_deleted_is_known_to_be_gone_at_once_and_their_number_rests() {
    let kube = env::kube().await;
    let telephony = Telephony::new(kube, "removing").await;
    with_number(&telephony, 1, "2001").await;
    let mut changes = Box::pin(telephony.objects.changes());
    let plan = removal(&telephony, 1, "2001").await;
    let before = kube.audit_position();
    let applied = telephony.apply(&plan).await;
    assert_eq!(
        (applied.deletions, applied.frees),
        (vec![Fate::Deleted], vec![Fate::Updated])
    );
    let maps = telephony.objects.of(&telephony.system).await;
    assert!(maps.users.is_empty());
    assert_eq!(maps.extensions["hq-2001"].state, Some(ExtensionState::Cooling));
    drop(maps);
    assert!(!exists(&telephony, 1).await);
    let rests = number(&telephony, "2001").await;
    assert_eq!(rests.spec.holder, Some(holder(&user_name(1))), "who had it");
    assert_eq!(
        rests.spec.release_after.unwrap().0,
        "2030-01-01T00:00:00Z".parse().unwrap()
    );
    let gathered = changes.next().await.unwrap();
    assert!(
        gathered.iter().all(|change| change.by == Author::Operator),
        "nobody else did it: {gathered:?}"
    );
    let written: Vec<_> = telephony
        .namespace
        .writes(before)
        .into_iter()
        .map(|event| (event.verb, event.object.resource))
        .collect();
    let wanted = [("delete", "phoneusers"), ("patch", "extensions")];
    assert_eq!(
        written,
        wanted.map(|(verb, resource)| (verb.to_owned(), resource.to_owned()))
    );
    // They come back, and get it back.
    let expected = telephony.expected_number("2001").await;
    let mut returner = user(1, &[(Field::Extension, "2001")], Expected::Absent);
    returner.needs = Some("2001".parse().unwrap());
    let plan = Plan {
        claims: vec![claim("2001", &user_name(1), expected)],
        users: vec![returner],
        ..Plan::default()
    };
    let applied = telephony.apply(&plan).await;
    assert_eq!(
        (applied.claims, applied.users),
        (vec![Fate::Updated], vec![Fate::Created])
    );
    let assigned = number(&telephony, "2001").await.spec;
    assert_eq!(
        (assigned.state, assigned.release_after),
        (ExtensionState::Assigned, None)
    );
}

#[tokio::test]
async fn what_somebody_took_over_or_changed_meanwhile_is_left_with_its_number() {
    let telephony = Telephony::new(env::kube().await, "removing").await;
    let api = telephony.namespace.api::<PhoneUser>();
    with_number(&telephony, 1, "2001").await;
    let plan = removal(&telephony, 1, "2001").await;
    let unlink = json!({"spec": {"link": "Unlinked"}});
    api.patch(&user_name(1), &PatchParams::default(), &Patch::Merge(&unlink))
        .await
        .unwrap();
    let applied = telephony.apply(&plan).await;
    assert_eq!(
        (applied.deletions, applied.frees),
        (vec![Fate::Lost], vec![Fate::Skipped])
    );
    assert!(exists(&telephony, 1).await);
    assert_eq!(number(&telephony, "2001").await.spec.state, ExtensionState::Assigned);
    assert!(
        telephony.objects.of(&telephony.system).await.users[&*user_name(1)].is_unlinked,
        "the next plan knows"
    );

    // Another object of the name, in whatever version.
    with_number(&telephony, 2, "2002").await;
    let mut plan = removal(&telephony, 2, "2002").await;
    api.delete(&user_name(2), &DeleteParams::default()).await.unwrap();
    let again = user(2, &[(Field::Login, "eve")], Expected::Absent);
    while telephony.expected(&user_name(2)).await != Expected::Absent {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let applied = telephony
        .apply(&Plan {
            users: vec![again],
            ..Plan::default()
        })
        .await;
    assert_eq!(applied.users, [Fate::Created]);
    let now = version(telephony.expected(&user_name(2)).await);
    plan.deletions[0].version.resource_version = now.resource_version;
    assert_eq!(telephony.apply(&plan).await.deletions, [Fate::Lost]);
    assert!(exists(&telephony, 2).await);
}

#[tokio::test]
async fn what_is_gone_already_is_lost_once_and_then_known() {
    let telephony = Telephony::new(env::kube().await, "removing").await;
    with_number(&telephony, 1, "2001").await;
    let plan = removal(&telephony, 1, "2001").await;
    let api = telephony.namespace.api::<PhoneUser>();
    api.delete(&user_name(1), &DeleteParams::default()).await.unwrap();
    let applied = telephony.apply(&plan).await;
    assert_eq!(
        (applied.deletions, applied.frees),
        (vec![Fate::Lost], vec![Fate::Skipped])
    );
    assert_eq!(telephony.expected(&user_name(1)).await, Expected::Absent);
    // Nobody names the number any more: it can rest by itself.
    let frees = Plan {
        frees: plan.frees,
        ..Plan::default()
    };
    assert_eq!(telephony.apply(&frees).await.frees, [Fate::Updated]);
}

#[tokio::test]
async fn a_number_waits_for_the_finalizer_that_keeps_its_holder() {
    let telephony = Telephony::new(env::kube().await, "removing").await;
    let api = telephony.namespace.api::<PhoneUser>();
    with_number(&telephony, 1, "2001").await;
    let keep = json!({"metadata": {"finalizers": ["phones.example.com/unregister"]}});
    api.patch(&user_name(1), &PatchParams::default(), &Patch::Merge(&keep))
        .await
        .unwrap();
    let mut plan = removal(&telephony, 1, "2001").await;
    let current = api.get(&user_name(1)).await.unwrap().metadata.resource_version.unwrap();
    plan.deletions[0].version.resource_version = current.into();
    let applied = telephony.apply(&plan).await;
    assert_eq!(
        (applied.deletions, applied.frees),
        (vec![Fate::Going], vec![Fate::Going])
    );
    assert_eq!(number(&telephony, "2001").await.spec.state, ExtensionState::Assigned);
    let maps = telephony.objects.of(&telephony.system).await;
    assert!(
        maps.users[&*user_name(1)].is_protected,
        "it is on its way: nothing more is to be done about it"
    );
}

#[tokio::test]
async fn a_number_that_another_tool_applies_as_assigned_stays_so() {
    let telephony = Telephony::new(env::kube().await, "removing").await;
    with_number(&telephony, 1, "2001").await;
    let theirs = json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "Extension", "metadata": {"name": "hq-2001"},
        "spec": {"phoneSystemRef": {"name": "hq"}, "number": "2001", "state": "Assigned"}});
    let api = telephony.namespace.api::<Extension>();
    api.patch("hq-2001", &PatchParams::apply("git"), &Patch::Apply(&theirs))
        .await
        .unwrap();
    let mut plan = removal(&telephony, 1, "2001").await;
    let current = number(&telephony, "2001").await.metadata.resource_version.unwrap();
    plan.frees[0].version.resource_version = current.into();
    let applied = telephony.apply(&plan).await;
    assert_eq!(applied.deletions, [Fate::Deleted]);
    let [Fate::Failed(reason)] = &*applied.frees else {
        panic!("{applied:?}")
    };
    assert!(reason.contains("git"), "{reason}");
}

#[tokio::test]
async fn what_people_protect_is_known_as_protected() {
    let telephony = Telephony::new(env::kube().await, "removing").await;
    with_number(&telephony, 1, "2001").await;
    let protect = json!({"metadata": {"annotations": {annotations::PROTECT: "true"}}});
    let api = telephony.namespace.api::<PhoneUser>();
    api.patch(&user_name(1), &PatchParams::default(), &Patch::Merge(&protect))
        .await
        .unwrap();
    let mut changes = Box::pin(telephony.objects.changes());
    while !telephony.objects.of(&telephony.system).await.users[&*user_name(1)].is_protected {
        changes.next().await;
    }
}

/// Between two plans only this tells which number is to be whose.
#[tokio::test]
async fn a_number_that_somebody_awaits_says_so_until_it_is_claimed() {
    let kube = env::kube().await;
    let telephony = Telephony::new(kube, "removing").await;
    with_number(&telephony, 1, "2001").await;
    let mut plan = removal(&telephony, 1, "2001").await;
    plan.frees[0].awaited_by = Some(holder(&user_name(2)));
    telephony.apply(&plan).await;
    assert_eq!(
        number(&telephony, "2001").await.spec.awaited_by,
        Some(holder(&user_name(2)))
    );
    let maps = telephony.objects.of(&telephony.system).await;
    let seen = maps.extensions["hq-2001"].awaited_by.as_deref().cloned();
    assert_eq!(seen, Some(holder(&user_name(2))), "whoever plans next knows it");
    drop(maps);
    let expected = telephony.expected_number("2001").await;
    let plan = Plan {
        claims: vec![claim("2001", &user_name(2), expected)],
        ..Plan::default()
    };
    telephony.apply(&plan).await;
    let claimed = number(&telephony, "2001").await.spec;
    assert_eq!(
        (claimed.holder, claimed.awaited_by),
        (Some(holder(&user_name(2))), None)
    );
}
