//! People, departments and whole scopes that move: nobody's phone changes.

use std::{collections::BTreeMap, fmt::Debug, time::Duration};

use adsync::api::{ActiveDirectoryConfig, ExtensionRule, PhoneSystem, PhoneUser, RingGroup, SyncScope};
use kube::{
    Resource, ResourceExt,
    api::{DeleteParams, ListParams},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::scene::{Scene, everyone, numbers, with};
use crate::{
    env::TestOu,
    scenario::{await_scope, eventually, has, message},
};

/// What a phone system sees of everybody: uid, number, and whether the phone works; of ring groups, who rings.
async fn phones(scene: &Scene) -> BTreeMap<String, (String, bool, String)> {
    let users = scene
        .namespace
        .api::<PhoneUser>()
        .list(&ListParams::default())
        .await
        .unwrap();
    let users = users.into_iter().map(|user| {
        let enabled = user.spec.enabled == Some(true);
        (
            user.name_any(),
            (user.uid().unwrap(), enabled, user.spec.extension.unwrap_or_default()),
        )
    });
    let groups = scene
        .namespace
        .api::<RingGroup>()
        .list(&ListParams::default())
        .await
        .unwrap();
    let groups = groups.into_iter().map(|group| {
        let rings = format!("{:?} {:?}", group.spec.number, group.spec.members);
        (group.name_any(), (group.uid().unwrap(), true, rings))
    });
    users.chain(groups).collect()
}

fn of(unit: &TestOu<'_>, departments: &Value) -> Value {
    let spec = json!({"users": {"organizationalUnits": [{"dn": unit.dn()}]}, "departments": departments});
    with(everyone(), spec)
}

#[tokio::test]
async fn people_and_a_department_that_move_between_two_scopes_keep_their_phones() {
    let scene = Scene::new("moving").await;
    let (north, south) = (scene.ou.unit("North").await, scene.ou.unit("South").await);
    let people = north.people(["Ada", "Bob"]).await;
    let members: Vec<&str> = people.iter().map(|person| &*person.dn).collect();
    south.person("Cleo").await;
    let group = scene.ou.group("Sales", &members).await;
    scene.rule("ring-numbers", numbers("600", "699")).await;
    let sales = json!([{"name": "sales", "group": {"dn": group}, "ringGroup": {"ruleRef": {"name": "ring-numbers"}}}]);
    scene.scope("north", of(&north, &sales)).await;
    scene.scope("south", of(&south, &json!([]))).await;
    let before = phones(&scene).await;

    // As one commit in Git does it, one object after the other.
    scene.apply_scope("south", of(&south, &sales)).await;
    scene.apply_scope("north", of(&north, &json!([]))).await;
    for person in &people {
        scene.ou.move_below(&person.dn, south.dn()).await;
    }
    eventually("the other scope provides everybody", async || {
        for scope in ["north", "south", "north"] {
            scene.sync(scope).await;
            assert_eq!(phones(&scene).await, before);
        }
        let users = scene.users().await;
        let all_south = users.values().all(|user| user.labels()["adsync.dev/scope"] == "south");
        let ring = scene.ring_group("Sales").await;
        (all_south && ring.labels()["adsync.dev/scope"] == "south").then_some(())
    })
    .await;
    assert_eq!(phones(&scene).await, before);
    scene.finish().await;
}

#[tokio::test]
async fn a_scope_that_is_renamed_changes_nobodys_phone() {
    let scene = Scene::new("moving").await;
    let people = scene.ou.people(["Ada", "Bob", "Cem"]).await;
    let group = scene.ou.group("Sales", &[&people[0].dn, &people[1].dn]).await;
    scene.rule("ring-numbers", numbers("600", "699")).await;
    let sales = json!([{"name": "sales", "group": {"dn": group}, "ringGroup": {"ruleRef": {"name": "ring-numbers"}}}]);
    let spec = with(everyone(), json!({"departments": sales}));
    scene.scope("old", spec.clone()).await;
    let before = phones(&scene).await;
    scene
        .namespace
        .api::<SyncScope>()
        .delete("old", &DeleteParams::default())
        .await
        .unwrap();
    scene.scope("new", spec).await;
    assert_eq!(phones(&scene).await, before);
    for user in scene.users().await.values() {
        assert_eq!(user.labels()["adsync.dev/scope"], "new");
    }
    assert_eq!(scene.ring_group("Sales").await.labels()["adsync.dev/scope"], "new");
    scene.finish().await;
}

#[tokio::test]
async fn a_scope_that_takes_along_what_it_made_may_be_renamed_the_delete_first() {
    let mut scene = Scene::new("moving").await;
    // Long enough for a busy machine to make the other scope.
    scene.flags.wait_for_rename = Some(Duration::from_secs(20));
    let people = scene.ou.people(["Ada", "Bob", "Cem"]).await;
    let group = scene.ou.group("Sales", &[&people[0].dn, &people[1].dn]).await;
    let sales = json!([{"name": "sales", "group": {"dn": group}, "ringGroup": {"number": "600"}}]);
    // As few as always may leave: no limit keeps them.
    let spec = with(everyone(), json!({"departments": sales, "deletionPolicy": "Delete"}));
    scene.scope("old", spec.clone()).await;
    let before = phones(&scene).await;
    let scopes = scene.namespace.api::<SyncScope>();
    scopes.delete("old", &DeleteParams::default()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(phones(&scene).await, before);
    scene.scope("new", spec).await;
    assert_eq!(phones(&scene).await, before);
    eventually("the old scope is gone", async || {
        scopes.get_opt("old").await.unwrap().is_none().then_some(())
    })
    .await;
    scene.sync("new").await;
    assert_eq!(phones(&scene).await, before);
    for user in scene.users().await.values() {
        assert_eq!(user.labels()["adsync.dev/scope"], "new");
    }
    scene.finish().await;
}

/// Somebody deletes what a scope needs, and makes it again: the scope says which are missing, and nobody's phone changes.
async fn are_deleted_while_in_use<K>(scene: &Scene, names: &[&str], make_again: impl AsyncFnOnce())
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let before = phones(scene).await;
    for name in names {
        let api = scene.namespace.api::<K>();
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }
    let missing = names
        .iter()
        .map(|name| format!("{} {name} does not exist", K::kind(&())));
    let missing: Vec<String> = missing.collect();
    let scope = await_scope(&scene.namespace, "staff", "missing what it needs", |scope, status| {
        let said = |name: &String| message(scope, "Ready").contains(name);
        has(status, "Ready", "False") && missing.iter().all(said)
    })
    .await;
    assert_eq!(phones(scene).await, before);
    assert!(scope.meta().deletion_timestamp.is_none());
    // They are back, and everything goes on with the same numbers.
    make_again().await;
    await_scope(&scene.namespace, "staff", "ready again", |_, status| {
        has(status, "Ready", "True")
    })
    .await;
    scene.sync("staff").await;
    assert_eq!(phones(scene).await, before);
}

/// A scope `staff` of two people and a ring group, each numbered by a rule.
async fn in_use() -> Scene {
    let scene = Scene::new("moving").await;
    let people = scene.ou.people(["Ada", "Bob"]).await;
    let group = scene.ou.group("Sales", &[&people[0].dn]).await;
    scene.rule("ring-numbers", numbers("600", "699")).await;
    let sales = json!([{"name": "sales", "group": {"dn": group}, "ringGroup": {"ruleRef": {"name": "ring-numbers"}}}]);
    scene
        .scope("staff", with(everyone(), json!({"departments": sales})))
        .await;
    scene
}

#[tokio::test]
async fn a_rule_that_is_deleted_while_in_use_is_told_of_and_takes_nothing_from_anybody() {
    let scene = in_use().await;
    are_deleted_while_in_use::<ExtensionRule>(&scene, &["hq-numbers", "ring-numbers"], async || {
        scene.rule("hq-numbers", numbers("2000", "2999")).await;
        scene.rule("ring-numbers", numbers("600", "699")).await;
    })
    .await;
    scene.finish().await;
}

#[tokio::test]
async fn a_directory_that_is_deleted_while_in_use_is_told_of_and_takes_nothing_from_anybody() {
    let scene = in_use().await;
    are_deleted_while_in_use::<ActiveDirectoryConfig>(&scene, &["corp"], async || {
        scene.directory(json!({"baseDN": scene.ou.dn()})).await;
    })
    .await;
    scene.finish().await;
}

#[tokio::test]
async fn a_phone_system_that_is_deleted_while_in_use_is_told_of_and_takes_nothing_from_anybody() {
    let scene = in_use().await;
    are_deleted_while_in_use::<PhoneSystem>(&scene, &["hq"], async || {
        let rules = scene.namespace.api::<ExtensionRule>();
        eventually("the rules say so, too", async || {
            let rule = rules.get("hq-numbers").await.unwrap();
            let conditions = rule.status.map(|status| status.conditions).unwrap_or_default();
            let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready")?;
            (ready.status == "False" && ready.message.contains("PhoneSystem hq does not exist")).then_some(())
        })
        .await;
        scene.system(json!({})).await;
    })
    .await;
    scene.finish().await;
}
