//! What else waits for somebody's word or for time: mass creation, values that go blank, numbers that are protected, and deletion long after.

use adsync::api::{Extension, PhoneUser, SyncScope, sync_scope::HeldType};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use serde_json::json;

use super::scene::{Scene, everyone, numbers, with};
use crate::{
    env::PersonSpec,
    scenario::{await_scope, has},
};

/// The digest of the one batch that is held.
fn held(scope: &SyncScope, kind: HeldType, count: i64) -> String {
    let status = scope.status.as_ref().unwrap();
    let [held] = &*status.held else {
        panic!("not one batch: {:#?}", status.held)
    };
    assert_eq!((held.kind, held.count), (kind, count));
    held.digest.clone()
}

async fn approve(scene: &Scene, digest: &str) {
    scene.approve("staff", digest).await;
    await_scope(&scene.namespace, "staff", "done with the batch", |_, status| {
        status.held.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_filter_that_suddenly_selects_many_creates_them_once_somebody_has_approved() {
    let scene = Scene::new("hold").await;
    let ada = scene.ou.person("Ada").await;
    scene.ou.people(["Bob", "Cem"]).await;
    let limit = json!({"creationLimit": {"percent": 1000, "count": 2}});
    let selecting = |filter: &str| {
        with(
            with(everyone(), limit.clone()),
            json!({"users": {"everyone": {}, "filter": filter}}),
        )
    };
    scene
        .scope("staff", selecting(&format!("(sAMAccountName={})", ada.login)))
        .await;
    assert_eq!(scene.logins().await.len(), 1);

    scene.ou.people(["Dan", "Eve"]).await;
    let scope = scene.scope("staff", selecting("(objectClass=user)")).await;
    assert!(has(scope.status.as_ref().unwrap(), "CreationsHeld", "True"));
    assert_eq!(scene.logins().await.len(), 1, "four are more than two");
    assert_eq!(scene.numbers().await.len(), 1, "and take no numbers");
    approve(&scene, &held(&scope, HeldType::Creations, 4)).await;
    assert_eq!((scene.logins().await.len(), scene.numbers().await.len()), (5, 5));
    scene.finish().await;
}

#[tokio::test]
async fn values_that_go_blank_for_many_go_once_somebody_has_approved() {
    let scene = Scene::new("hold").await;
    let agent = |name| PersonSpec::named(name).with("title", "Agent");
    let people = scene.ou.people(["Ada", "Bob", "Cem"].map(agent)).await;
    let limit = json!({"removal": {"limit": {"percent": 100, "count": 2}}});
    scene.scope("staff", with(everyone(), limit)).await;
    for person in &people {
        scene.ou.set(&person.dn, "title", &[]).await;
    }
    let scope = scene.sync("staff").await;
    let titles = async || {
        let users = scene.users().await;
        users.values().filter(|user| user.spec.title.is_some()).count()
    };
    assert_eq!(titles().await, 3);
    approve(&scene, &held(&scope, HeldType::Blanks, 3)).await;
    assert_eq!(titles().await, 0);
    scene.finish().await;
}

#[tokio::test]
async fn a_protected_number_is_never_taken_from_its_holder() {
    let scene = Scene::new("hold").await;
    let attribute = json!({"source": "Attribute", "attribute": {"name": "ipPhone"}});
    scene.rule("hq-numbers", attribute).await;
    let ada = scene.ou.person(PersonSpec::named("Ada").with("ipPhone", "2001")).await;
    scene.scope("staff", everyone()).await;
    let extension = scene.extension("2001").await.unwrap().name_any();
    scene
        .annotate::<Extension>(&extension, "adsync.dev/protect", "true")
        .await;

    scene.ou.set(&ada.dn, "ipPhone", &["2002"]).await;
    let bob = scene.ou.person(PersonSpec::named("Bob").with("ipPhone", "2001")).await;
    scene.sync("staff").await;
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("2001"));
    assert_eq!(
        scene.logins().await,
        [&*ada.login],
        "the number that he is to have is hers"
    );

    scene
        .annotate::<Extension>(&extension, "adsync.dev/protect", "false")
        .await;
    scene.sync("staff").await;
    let numbers = [&ada, &bob].map(|person| person.login.as_str());
    let [hers, his] = [scene.number(numbers[0]).await, scene.number(numbers[1]).await];
    assert_eq!((hers.as_deref(), his.as_deref()), (Some("2002"), Some("2001")));
    scene.finish().await;
}

/// The time is what the PhoneUser says, so that it survives a restart. That it is over deletes nobody who is back.
#[tokio::test]
async fn who_has_been_gone_for_long_enough_is_deleted_and_nobody_else() {
    let scene = Scene::new("hold").await;
    scene.rule("hq-numbers", numbers("2000", "2009")).await;
    let [ada, bob, _] = scene.ou.people(["Ada", "Bob", "Cem"]).await.try_into().unwrap();
    let removal = json!({"removal": {"whenDeleted": "Disable", "deleteAfter": "1h", "limit": {"count": 10}}});
    scene.scope("staff", with(everyone(), removal)).await;
    for person in [&ada, &bob] {
        scene.ou.delete(&person.dn).await;
    }
    scene.sync("staff").await;
    let mut left = Vec::new();
    for person in [&ada, &bob] {
        let name = scene.user(&person.login).await.name_any();
        left.push(
            scene
                .user_when(&name, "switched off", |user| user.spec.enabled == Some(false))
                .await,
        );
    }
    scene.sync("staff").await;
    assert_eq!(scene.logins().await.len(), 3, "an hour is not over");

    // As if the one had left long before.
    let since = (Timestamp::now() - SignedDuration::from_hours(2)).to_string();
    let directory = json!({"directory": {"absence": {"since": since}}});
    scene.edit_user_as("adsync", &left[0].name_any(), directory).await;
    scene.sync("staff").await;
    let users: Vec<PhoneUser> = scene.users().await.into_values().collect();
    assert_eq!(users.len(), 2, "{users:#?}");
    assert!(!users.iter().any(|user| user.name_any() == left[0].name_any()));
    scene.finish().await;
}
