//! `removalLimit` of an ActiveDirectoryConfig: what all scopes that read it may remove together.

use adsync::api::{SyncScope, sync_scope::HeldType};
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::scene::{Scene, everyone, with};
use crate::{
    env::{self, Person, PersonSpec, TestOu},
    scenario::{eventually, has, message},
};

async fn staff(unit: &TestOu<'_>, name: &str) -> Vec<Person> {
    let specs = (0..8).map(|number| PersonSpec::named(&format!("{name} {number}")));
    unit.people(specs).await
}

fn of(unit: &TestOu<'_>) -> Value {
    with(
        everyone(),
        json!({"users": {"organizationalUnits": [{"dn": unit.dn()}]}}),
    )
}

/// So many leave; what their scope makes of it.
async fn leave(scene: &Scene, people: &[Person], scope: &str) -> SyncScope {
    for person in people {
        env::directory().await.disable(&person.dn).await;
    }
    scene.sync(scope).await
}

/// How many removals a scope holds back.
fn held(scope: &SyncScope) -> i64 {
    let status = scope.status.as_ref().unwrap();
    let held = status.held.iter().filter(|held| held.kind == HeldType::Removals);
    let count = held.map(|held| held.count).sum();
    assert_eq!(has(status, "RemovalsHeld", "True"), count > 0, "{status:#?}");
    count
}

async fn switched_off(scene: &Scene) -> usize {
    let users = scene.users().await;
    users.values().filter(|user| user.spec.enabled == Some(false)).count()
}

/// Two scopes, North and South, on a directory of which four may leave.
async fn two_scopes(scene: &Scene, north: &TestOu<'_>, south: &TestOu<'_>) {
    let limit = json!({"percent": 100, "count": 4});
    scene
        .directory(json!({"baseDN": scene.ou.dn(), "removalLimit": limit}))
        .await;
    scene.scope("north", of(north)).await;
    scene.scope("south", of(south)).await;
}

#[tokio::test]
async fn two_scopes_on_a_directory_spend_one_allowance_also_after_a_restart() {
    let mut scene = Scene::new("spending").await;
    let (north, south) = (scene.ou.unit("North").await, scene.ou.unit("South").await);
    let (northerners, southerners) = (staff(&north, "North").await, staff(&south, "South").await);
    two_scopes(&scene, &north, &south).await;
    let synced = leave(&scene, &northerners[..3], "north").await;
    assert_eq!((held(&synced), switched_off(&scene).await), (0, 3));
    let synced = leave(&scene, &southerners[..3], "south").await;
    assert_eq!((held(&synced), switched_off(&scene).await), (3, 3), "six are too many");
    let said = message(&synced, "RemovalsHeld");
    let limit = "100 percent or 4 in 24h, by removalLimit of ActiveDirectoryConfig corp";
    assert!(said.contains(limit), "{said}");

    scene.restart().await;
    scene.sync("north").await;
    let synced = scene.sync("south").await;
    assert_eq!((held(&synced), switched_off(&scene).await), (3, 3));
    // What is left of the allowance is there for whoever needs no more.
    for person in &southerners[1..3] {
        env::directory().await.enable(&person.dn).await;
    }
    let synced = scene.sync("south").await;
    assert_eq!((held(&synced), switched_off(&scene).await), (0, 4));
    scene.finish().await;
}

#[tokio::test]
async fn a_scope_that_is_deleted_and_made_again_has_spent_what_it_had() {
    let scene = Scene::new("spending").await;
    let (north, south) = (scene.ou.unit("North").await, scene.ou.unit("South").await);
    let (northerners, southerners) = (staff(&north, "North").await, staff(&south, "South").await);
    two_scopes(&scene, &north, &south).await;
    let synced = leave(&scene, &northerners[..3], "north").await;
    assert_eq!(held(&synced), 0);

    let api = scene.namespace.api::<SyncScope>();
    api.delete("north", &DeleteParams::default()).await.unwrap();
    eventually("it is gone", async || {
        api.get_opt("north").await.unwrap().is_none().then_some(())
    })
    .await;
    scene.scope("north", of(&north)).await;
    let synced = leave(&scene, &northerners[3..4], "north").await;
    assert_eq!(
        (held(&synced), switched_off(&scene).await),
        (1, 3),
        "its own limit is three"
    );
    let synced = leave(&scene, &southerners[..2], "south").await;
    assert_eq!(
        (held(&synced), switched_off(&scene).await),
        (2, 3),
        "the directory's is four"
    );
    scene.finish().await;
}
