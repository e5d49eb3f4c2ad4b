//! People leave, and come back: what is switched off, deleted, held and let through. A company of its own each time.

use std::collections::BTreeMap;

use adsync::api::{
    Extension, PhoneUser, SyncScope, annotations,
    extension::ExtensionState,
    phone_user::AbsenceReason,
    sync_scope::{Held, HeldType, SyncScopeStatus, Trigger},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::scene::{Scene, everyone, with};
use crate::{
    env::{Person, PersonSpec},
    scenario::{await_scope, await_synced, eventually, has, message},
};

/// So many people, `Person 00` and so on.
async fn staff(scene: &Scene, count: usize) -> Vec<Person> {
    let specs = (0..count).map(|number| PersonSpec::named(&format!("Person {number:02}")));
    scene.ou.people(specs).await
}

async fn disable(people: &[Person]) {
    let directory = crate::env::directory().await;
    for person in people {
        directory.disable(&person.dn).await;
    }
}

/// A directory of which all may leave.
async fn unlimited(scene: &Scene) {
    let limit = json!({"percent": 100, "count": 1000});
    scene
        .directory(json!({"baseDN": scene.ou.dn(), "removalLimit": limit}))
        .await;
}

fn removing(removal: &Value) -> Value {
    with(everyone(), json!({"removal": removal}))
}

fn status(scope: &SyncScope) -> &SyncScopeStatus {
    scope.status.as_ref().unwrap()
}

fn held(scope: &SyncScope) -> &Held {
    let [held] = &*status(scope).held else {
        panic!("not one batch: {:#?}", status(scope).held)
    };
    held
}

async fn approve(scene: &Scene, digest: &str) {
    let patch = json!({"metadata": {"annotations": {annotations::APPROVE: digest}}});
    let api = scene.namespace.api::<SyncScope>();
    api.patch("staff", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
}

/// The names of those who are switched off.
async fn switched_off(scene: &Scene) -> Vec<String> {
    let users = scene.users().await.into_iter();
    users
        .filter(|(_, user)| user.spec.enabled == Some(false))
        .map(|(login, _)| login)
        .collect()
}

fn by_login(numbers: &BTreeMap<String, String>, people: &[Person]) -> Vec<String> {
    people.iter().map(|person| numbers[&person.login].clone()).collect()
}

#[tokio::test]
async fn whoever_is_disabled_is_switched_off_keeps_the_number_and_comes_back() {
    let scene = Scene::new("removal").await;
    let directory = crate::env::directory().await;
    let people = staff(&scene, 3).await;
    scene.scope("staff", everyone()).await;
    let numbers = scene.numbers().await;
    directory.disable(&people[0].dn).await;
    let synced = scene.sync("staff").await;
    assert_eq!(switched_off(&scene).await, [people[0].login.clone()]);
    assert_eq!(scene.numbers().await, numbers);
    let record = status(&synced).last_sync.as_ref().unwrap();
    assert_eq!((record.disabled, record.deleted, record.updated), (1, 0, 0));
    assert_eq!(status(&synced).history.len(), 2);
    assert_eq!(status(&synced).budget.iter().map(|entry| entry.count).sum::<i64>(), 1);
    let absence = scene.user(&people[0].login).await.spec.directory.unwrap().absence;
    assert_eq!(absence.unwrap().reason, AbsenceReason::Disabled);

    directory.enable(&people[0].dn).await;
    let synced = scene.sync("staff").await;
    assert_eq!(switched_off(&scene).await, [""; 0]);
    assert_eq!(scene.numbers().await, numbers);
    assert!(
        scene
            .user(&people[0].login)
            .await
            .spec
            .directory
            .unwrap()
            .absence
            .is_none()
    );
    assert_eq!(status(&synced).last_sync.as_ref().unwrap().updated, 1);
    scene.finish().await;
}

#[tokio::test]
async fn whoever_is_deleted_leaves_a_number_that_rests_and_gets_it_back() {
    let scene = Scene::new("removal").await;
    let directory = crate::env::directory().await;
    let people = staff(&scene, 3).await;
    scene.scope("staff", removing(&json!({"whenDisabled": "Delete"}))).await;
    let numbers = scene.numbers().await;
    let number = &numbers[&people[0].login];
    let before = scene.user(&people[0].login).await;
    directory.disable(&people[0].dn).await;
    let synced = scene.sync("staff").await;
    assert_eq!(scene.logins().await.len(), 2);
    let rests = scene.extension(number).await.unwrap().spec;
    assert_eq!(rests.state, ExtensionState::Cooling);
    assert_eq!(rests.holder.unwrap().name, before.name_any());
    let record = status(&synced).last_sync.as_ref().unwrap();
    assert_eq!((record.disabled, record.deleted), (0, 1));

    directory.enable(&people[0].dn).await;
    scene.sync("staff").await;
    assert_eq!(scene.numbers().await, numbers, "before anybody else gets it");
    assert_ne!(
        scene.user(&people[0].login).await.uid(),
        before.uid(),
        "it is another object"
    );
    scene.finish().await;
}

#[tokio::test]
async fn a_deleted_account_is_gone_once_two_reads_have_missed_it() {
    let scene = Scene::new("removal").await;
    let directory = crate::env::directory().await;
    let people = staff(&scene, 3).await;
    scene.scope("staff", everyone()).await;
    let name = scene.user(&people[0].login).await.name_any();
    directory.delete(&people[0].dn).await;
    scene.sync("staff").await;
    // The second read comes by itself, long before the interval.
    let gone = scene
        .user_when(&name, "switched off", |user| user.spec.enabled == Some(false))
        .await;
    let absence = gone.spec.directory.unwrap().absence.unwrap();
    assert_eq!(absence.reason, AbsenceReason::Deleted);
    let synced = await_synced(&scene.namespace, "staff").await;
    let history = &status(&synced).history;
    assert!(
        history.iter().all(|record| record.trigger != Trigger::Scheduled),
        "{history:?}"
    );
    scene.finish().await;
}

#[tokio::test]
async fn what_is_over_the_limit_waits_whole_until_it_is_approved_once() {
    let scene = Scene::new("removal").await;
    let people = staff(&scene, 12).await;
    scene.scope("staff", everyone()).await;
    let numbers = scene.numbers().await;
    disable(&people[..5]).await;
    let synced = scene.sync("staff").await;
    assert_eq!(switched_off(&scene).await, [""; 0], "held whole");
    let batch = held(&synced).clone();
    assert_eq!((batch.kind, batch.count), (HeldType::Removals, 5));
    assert!(has(status(&synced), "RemovalsHeld", "True"));
    let said = message(&synced, "RemovalsHeld");
    assert!(said.contains(&batch.digest), "{said}");
    assert!(
        said.contains(&format!("{}: Disable (Disabled)", people[0].login))
            && said.contains("The limit is 10 percent or 50 in 24h"),
        "{said}"
    );
    assert_eq!(status(&synced).users.unwrap().lingering, 5);
    let record = status(&synced).last_sync.clone().unwrap();
    assert_eq!((record.disabled, record.held), (0, 5));
    let shown = scene
        .namespace
        .kubectl(&["get", "syncscopes", "staff", "-o", "wide"])
        .await;
    assert!(shown.contains("HELD") && shown.contains(&batch.digest), "{shown}");
    let events = scene.namespace.kubectl(&["events", "--for", "syncscope/staff"]).await;
    assert!(
        events.contains("Held") && events.contains("5 removals wait for approval"),
        "{events}"
    );

    // Again is no news, and joiners go on.
    let again = scene.sync("staff").await;
    assert_eq!(held(&again), &batch);
    assert_eq!(status(&again).history.len(), status(&synced).history.len());

    // One comes back, one more leaves: the batch stays what it was, less who is back.
    crate::env::directory().await.enable(&people[0].dn).await;
    disable(&people[5..6]).await;
    approve(&scene, &batch.digest).await;
    let done = await_scope(&scene.namespace, "staff", "done", |_, status| {
        status.history.first().is_some_and(|record| record.disabled > 0)
    })
    .await;
    let off = switched_off(&scene).await;
    for person in &people[1..5] {
        assert!(off.contains(&person.login), "{off:?}");
    }
    assert!(
        !off.contains(&people[0].login),
        "whoever is back is left alone: {off:?}"
    );
    assert_eq!(by_login(&scene.numbers().await, &people), by_login(&numbers, &people));
    assert!(!status(&done).held.iter().any(|held| held.digest == batch.digest));
    let events = scene.namespace.kubectl(&["events", "--for", "syncscope/staff"]).await;
    assert!(events.contains("Approved") && events.contains("Finished"), "{events}");

    // The same value lets nothing else through.
    disable(&people[7..12]).await;
    scene.sync("staff").await;
    let off = switched_off(&scene).await;
    assert!(!people[7..12].iter().any(|person| off.contains(&person.login)));
    scene.finish().await;
}

#[tokio::test]
async fn a_person_who_is_protected_or_whose_phone_somebody_took_over_keeps_it() {
    let scene = Scene::new("removal").await;
    let people = staff(&scene, 4).await;
    scene.scope("staff", removing(&json!({"whenDisabled": "Delete"}))).await;
    let api = scene.namespace.api::<PhoneUser>();
    let mut names = Vec::new();
    for person in &people {
        names.push(scene.user(&person.login).await.name_any());
    }
    let protect = json!({"metadata": {"annotations": {annotations::PROTECT: "true"}}});
    api.patch(&names[0], &PatchParams::default(), &Patch::Merge(&protect))
        .await
        .unwrap();
    scene.edit_user(&names[1], json!({"link": "Unlinked"})).await;
    disable(&people[..3]).await;
    scene.sync("staff").await;
    let left = scene.logins().await;
    assert!(
        left.contains(&people[0].login) && left.contains(&people[1].login),
        "{left:?}"
    );
    assert!(!left.contains(&people[2].login), "{left:?}");
    let synced = await_synced(&scene.namespace, "staff").await;
    assert_eq!(status(&synced).users.unwrap().lingering, 2);
    let said = message(&synced, "Synced");
    assert!(
        said.ends_with("2 keep service although the directory says no: 1 Unlinked, 1 Protected"),
        "{said}"
    );
    scene.finish().await;
}

#[tokio::test]
async fn a_finalizer_that_somebody_holds_keeps_the_number_until_it_goes() {
    let scene = Scene::new("removal").await;
    let people = staff(&scene, 3).await;
    scene.scope("staff", removing(&json!({"whenDisabled": "Delete"}))).await;
    let number = scene.numbers().await[&people[0].login].clone();
    let api = scene.namespace.api::<PhoneUser>();
    let name = scene.user(&people[0].login).await.name_any();
    let keep = |finalizers: Value| Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    api.patch(
        &name,
        &PatchParams::default(),
        &keep(json!(["phones.example.com/unregister"])),
    )
    .await
    .unwrap();
    disable(&people[..1]).await;
    let synced = scene.sync("staff").await;
    assert_eq!(status(&synced).last_sync.as_ref().unwrap().deleted, 1);
    assert_eq!(
        scene.extension(&number).await.unwrap().spec.state,
        ExtensionState::Assigned
    );
    let spent = status(&scene.sync("staff").await).budget.clone();
    assert_eq!(
        spent.iter().map(|entry| entry.count).sum::<i64>(),
        1,
        "it is removed once"
    );
    api.patch(&name, &PatchParams::default(), &keep(json!(null)))
        .await
        .unwrap();
    eventually("the number rests", async || {
        let extension = scene.extension(&number).await.unwrap();
        (extension.spec.state == ExtensionState::Cooling).then_some(())
    })
    .await;
    scene.finish().await;
}

#[tokio::test]
async fn operators_that_are_killed_while_they_remove_end_as_one_that_is_not() {
    let mut scene = Scene::new("removal").await;
    let people = staff(&scene, 60).await;
    unlimited(&scene).await;
    let removal = json!({"whenDisabled": "Delete", "limit": {"percent": 100, "count": 200}});
    scene.scope("staff", removing(&removal)).await;
    let numbers = scene.numbers().await;
    disable(&people[..40]).await;
    // Each goes a little further before it dies.
    for moment in 1..=6 {
        tokio::time::sleep(std::time::Duration::from_millis(40 * moment)).await;
        scene.restart().await;
    }
    scene.sync("staff").await;
    eventually("all of them are gone", async || {
        (scene.logins().await.len() == 20).then_some(())
    })
    .await;
    for person in &people[..40] {
        let extension = scene.extension(&numbers[&person.login]).await.unwrap().spec;
        assert_eq!(extension.state, ExtensionState::Cooling, "{}", person.login);
    }
    assert_eq!(
        by_login(&scene.numbers().await, &people[40..]),
        by_login(&numbers, &people[40..])
    );
    scene.finish().await;
}

#[tokio::test]
async fn operators_that_are_killed_in_an_approved_batch_finish_it_and_nothing_else() {
    let mut scene = Scene::new("removal").await;
    let people = staff(&scene, 40).await;
    scene.scope("staff", removing(&json!({"whenDisabled": "Delete"}))).await;
    disable(&people[..20]).await;
    let digest = held(&scene.sync("staff").await).digest.clone();
    approve(&scene, &digest).await;
    for moment in 1..=5 {
        tokio::time::sleep(std::time::Duration::from_millis(50 * moment)).await;
        scene.restart().await;
        // Leavers in between wait for their own approval.
        if moment == 2 {
            disable(&people[20..26]).await;
        }
    }
    eventually("the batch is done", async || {
        let left = scene.logins().await;
        people[..20]
            .iter()
            .all(|person| !left.contains(&person.login))
            .then_some(())
    })
    .await;
    let synced = scene.sync("staff").await;
    let spent: i64 = status(&synced).budget.iter().map(|entry| entry.count).sum();
    assert!(
        spent <= 4,
        "the approved ones don't count, and the others fit or wait: {spent}"
    );
    // What is spent before the deed is spent although the operator was killed in between.
    let removed = 20 - i64::try_from(scene.logins().await.len()).unwrap();
    assert!((0..=spent).contains(&removed), "{removed} of {spent}");
    scene.finish().await;
}

#[tokio::test]
async fn what_somebody_deletes_by_hand_leaves_its_number_to_rest() {
    let scene = Scene::new("removal").await;
    let people = staff(&scene, 2).await;
    scene.scope("staff", everyone()).await;
    let numbers = scene.numbers().await;
    let name = scene.user(&people[0].login).await.name_any();
    scene
        .namespace
        .api::<PhoneUser>()
        .delete(&name, &DeleteParams::default())
        .await
        .unwrap();
    // They are still in scope: made again, with the number that was theirs.
    scene
        .user_when(&name, "back", |user| user.spec.extension.is_some())
        .await;
    assert_eq!(scene.numbers().await, numbers);
    scene.finish().await;
}

/// How long a sync with 50 removals takes: printed, never asserted.
#[tokio::test]
async fn fifty_removals_take_one_sync() {
    let scene = Scene::new("removal").await;
    let people = staff(&scene, 60).await;
    unlimited(&scene).await;
    let limit = json!({"percent": 100, "count": 200});
    scene
        .scope("staff", removing(&json!({"whenDisabled": "Delete", "limit": limit})))
        .await;
    disable(&people[..50]).await;
    let synced = scene.sync("staff").await;
    let record = status(&synced).last_sync.clone().unwrap();
    println!("a sync with 50 removals took {}", record.duration);
    assert_eq!((record.deleted, record.failed), (50, 0));
    let api = scene.namespace.api::<Extension>();
    let resting = api.list(&kube::api::ListParams::default()).await.unwrap().items;
    let resting = resting
        .iter()
        .filter(|extension| extension.spec.state == ExtensionState::Cooling);
    assert_eq!(resting.count(), 50);
    scene.finish().await;
}
