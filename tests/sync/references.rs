//! Groups and units that the spec names: followed through renames, and doubt when they are lost.

use std::time::Duration;

use adsync::api::{
    SyncScope,
    sync_scope::ProblemReason::{NoTargetUser, NumberMissing},
};
use serde_json::json;

use super::scene::{Scene, counts, everyone, left, numbered_by, numbers, problem_of, problems, with};
use crate::scenario::{has, message};

/// Every name was found.
fn all_found(scope: &SyncScope) -> bool {
    has(scope.status.as_ref().unwrap(), "ReferencesResolved", "True")
}

/// The message names this one.
fn is_lost(scope: &SyncScope, dn: &str) {
    assert!(
        has(scope.status.as_ref().unwrap(), "ReferencesResolved", "False"),
        "{:?}",
        scope.status
    );
    assert!(
        message(scope, "ReferencesResolved").contains(dn),
        "{}",
        message(scope, "ReferencesResolved")
    );
    assert!(has(scope.status.as_ref().unwrap(), "Ready", "True"), "the rest goes on");
}

#[tokio::test]
async fn a_unit_that_was_renamed_or_moved_is_followed_with_its_people() {
    let scene = Scene::new("refer").await;
    let (north, other) = (scene.ou.unit("North").await, scene.ou.unit("Other").await);
    let ada = north.person("Ada Lovelace").await;
    let users = json!({"users": {"organizationalUnits": [{"dn": north.dn()}]}});
    let scope = scene.scope("staff", users).await;
    let references = scope.status.unwrap().references;
    assert_eq!(
        (references.len(), references[0].dn.as_str()),
        (1, north.dn()),
        "{references:?}"
    );
    assert!(references[0].object_guid.is_some());

    let renamed = scene.ou.rename(north.dn(), "Up there").await;
    let moved = scene.ou.move_below(&renamed, other.dn()).await;
    let grace = scene.ou.person("Grace Hopper").await;
    scene.ou.move_below(&grace.dn, &moved).await;
    let scope = scene.sync("staff").await;
    assert!(all_found(&scope));
    assert_eq!((counts(&scope), left(&scope)), ([2, 0, 0, 2, 2, 0], [0, 0, 0]));
    let user = scene.user(&ada.login).await;
    assert_eq!(user.spec.organizational_unit.as_deref(), Some(&*moved));
    scene.finish().await;
}

#[tokio::test]
async fn an_exclude_group_that_was_renamed_still_excludes() {
    let scene = Scene::new("refer").await;
    let [ada, grace] = scene
        .ou
        .people(["Ada Lovelace", "Grace Hopper"])
        .await
        .try_into()
        .unwrap();
    let group = scene.ou.group("No Phones", &[&grace.dn]).await;
    let spec = with(
        everyone(),
        json!({"exclude": [{"name": "none", "group": {"dn": group}}]}),
    );
    scene.scope("staff", spec).await;
    scene.ou.rename(&group, "Quiet People").await;
    let scope = scene.sync("staff").await;
    assert!(all_found(&scope));
    assert_eq!(counts(&scope), [2, 1, 0, 1, 1, 0]);
    assert_eq!(scene.logins().await, [ada.login]);
    scene.finish().await;
}

#[tokio::test]
async fn an_exclude_group_that_was_deleted_stops_creations_and_nothing_else() {
    let scene = Scene::new("refer").await;
    let [ada, grace] = scene
        .ou
        .people(["Ada Lovelace", "Grace Hopper"])
        .await
        .try_into()
        .unwrap();
    let group = scene.ou.group("No Phones", &[&grace.dn]).await;
    let spec = with(
        everyone(),
        json!({"exclude": [{"name": "none", "group": {"dn": group}}]}),
    );
    scene.scope("staff", spec).await;

    scene.ou.delete(&group).await;
    let newcomer = scene.ou.person("Nina New").await;
    scene.ou.set(&ada.dn, "title", &["Countess"]).await;
    let scope = scene.sync("staff").await;
    is_lost(&scope, &group);
    assert_eq!(scene.logins().await, [&*ada.login], "nobody is created");
    assert_eq!(
        scene.user(&ada.login).await.spec.title.as_deref(),
        Some("Countess"),
        "who is there is served"
    );
    let mut expected = [(&*grace.login, NoTargetUser), (&newcomer.login, NoTargetUser)];
    expected.sort_unstable();
    assert_eq!(problems(&scope), expected);
    assert_eq!(problem_of(&scope, &newcomer.login).other.as_deref(), Some(&*group));

    // Another group of that name is not the same one.
    let again = scene.ou.group("No Phones", &[]).await;
    let scope = scene.sync("staff").await;
    is_lost(&scope, &again);
    assert!(message(&scope, "ReferencesResolved").contains("another entry has this name now"));
    assert_eq!(scene.logins().await, [&*ada.login]);
    scene.finish().await;
}

#[tokio::test]
async fn a_group_that_never_existed_selects_nobody_and_is_named() {
    let scene = Scene::new("refer").await;
    let unit = scene.ou.unit("North").await;
    let ada = unit.person("Ada Lovelace").await;
    let nowhere = format!("CN=Nowhere,{}", scene.ou.dn());
    let users = json!({"users": {"organizationalUnits": [{"dn": unit.dn()}], "groups": [{"dn": nowhere}]}});
    let scope = scene.scope("staff", users).await;
    is_lost(&scope, &nowhere);
    assert_eq!(scene.logins().await, [ada.login], "the others are served");
    assert_eq!(counts(&scope), [1, 0, 0, 1, 1, 0]);

    // As soon as it is there, it counts.
    let grace = scene.ou.person("Grace Hopper").await;
    assert_eq!(scene.ou.group("Nowhere", &[&grace.dn]).await, nowhere);
    let scope = scene.sync("staff").await;
    assert!(all_found(&scope));
    assert_eq!(counts(&scope), [2, 0, 0, 2, 2, 0]);
    scene.finish().await;
}

#[tokio::test]
async fn people_selected_by_a_group_that_was_deleted_stay_as_they_are() {
    let scene = Scene::new("refer").await;
    let [ada, grace] = scene
        .ou
        .people(["Ada Lovelace", "Grace Hopper"])
        .await
        .try_into()
        .unwrap();
    let group = scene.ou.group("Phones", &[&ada.dn]).await;
    let kept = scene.ou.group("More Phones", &[&grace.dn]).await;
    let spec = json!({"users": {"groups": [{"dn": group}, {"dn": kept}]}, "extensions": numbered_by("hq-numbers")});
    scene.scope("staff", spec).await;
    let before = scene.user(&ada.login).await;

    scene.ou.delete(&group).await;
    scene.ou.set(&ada.dn, "title", &["Countess"]).await;
    scene.ou.set(&grace.dn, "title", &["Admiral"]).await;
    let scope = scene.sync("staff").await;
    is_lost(&scope, &group);
    assert_eq!(
        (counts(&scope), left(&scope)),
        ([2, 0, 0, 2, 2, 0], [0, 0, 0]),
        "neither false nor empty"
    );
    assert_eq!(scene.user(&ada.login).await.spec, before.spec);
    assert_eq!(scene.user(&grace.login).await.spec.title.as_deref(), Some("Admiral"));
    scene.finish().await;
}

#[tokio::test]
async fn while_a_when_group_is_lost_numbers_stay_and_newcomers_wait() {
    let scene = Scene::new("refer").await;
    let [ada, grace] = scene
        .ou
        .people(["Ada Lovelace", "Grace Hopper"])
        .await
        .try_into()
        .unwrap();
    let sales = scene.ou.group("Sales", &[&ada.dn]).await;
    scene.rule("sales-numbers", numbers("3000", "3009")).await;
    let spec = json!({"users": {"everyone": {}}, "extensions": [
        {"name": "sales", "ruleRef": {"name": "sales-numbers"}, "when": {"group": {"dn": sales}}},
        {"name": "everybody", "ruleRef": {"name": "hq-numbers"}},
    ]});
    scene.scope("staff", spec).await;
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("3000"));
    assert_eq!(scene.number(&grace.login).await.as_deref(), Some("2000"));

    scene.ou.delete(&sales).await;
    let newcomer = scene.ou.person("Nina New").await;
    scene.ou.set(&ada.dn, "title", &["Countess"]).await;
    let scope = scene.sync("staff").await;
    is_lost(&scope, &sales);
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("3000"));
    assert_eq!(scene.number(&grace.login).await.as_deref(), Some("2000"));
    assert_eq!(scene.user(&ada.login).await.spec.title.as_deref(), Some("Countess"));
    assert_eq!(problems(&scope), [(&*newcomer.login, NumberMissing)]);
    assert!(!scene.logins().await.contains(&newcomer.login));
    scene.finish().await;
}

#[tokio::test]
async fn a_lost_department_group_leaves_its_ring_group_as_it_is() {
    let mut scene = Scene::new("refer").await;
    // As long as it is not known to be deleted.
    scene.flags.confirm_absence_after = Some(Duration::from_mins(5));
    let [ada, grace] = scene
        .ou
        .people(["Ada Lovelace", "Grace Hopper"])
        .await
        .try_into()
        .unwrap();
    let sales = scene.ou.group("Sales", &[&ada.dn]).await;
    let support = scene.ou.group("Support", &[&ada.dn]).await;
    let spec = with(
        everyone(),
        json!({"departments": [
            {"name": "sales", "group": {"dn": sales}, "ringGroup": {"number": "600"}},
            {"name": "support", "group": {"dn": support}, "ringGroup": {"number": "601"}},
        ]}),
    );
    let scope = scene.scope("staff", spec).await;
    assert_eq!(scope.status.unwrap().ring_groups.unwrap().synced, 2);
    let before = scene.ring_group("Sales").await;

    scene.ou.delete(&sales).await;
    scene.ou.add_member(&support, &grace.dn).await;
    let scope = scene.sync("staff").await;
    is_lost(&scope, &sales);
    assert_eq!(scene.ring_group("Sales").await.spec, before.spec);
    assert_eq!(
        scene.ring_group("Support").await.spec.members.unwrap(),
        ["2000", "2001"],
        "the others go on"
    );
    scene.finish().await;
}
