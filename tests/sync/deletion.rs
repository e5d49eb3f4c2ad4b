//! A scope is deleted: what it leaves, what it takes along, and that it goes whatever else is missing.

use std::collections::BTreeMap;

use adsync::api::{
    ActiveDirectoryConfig, DELETION_FINALIZER, PhoneUser, RingGroup, SyncScope, annotations, extension::ExtensionState,
};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::scene::{Scene, WAIT_FOR_END, WAIT_FOR_RENAME, everyone, numbered_by, with};
use crate::{
    env::{self, Flags, Kube, Operator, Person, PersonSpec},
    scenario::{self, eventually, eventually_within},
};

async fn staff(scene: &Scene, count: usize) -> Vec<Person> {
    let specs = (0..count).map(|number| PersonSpec::named(&format!("Person {number:02}")));
    scene.ou.people(specs).await
}

/// A scope that takes along what it made, however much that is.
fn taking_along() -> Value {
    let limit = json!({"limit": {"percent": 100, "count": 1000}});
    with(everyone(), json!({"deletionPolicy": "Delete", "removal": limit}))
}

/// A directory of which all may leave.
async fn unlimited(scene: &Scene) {
    let limit = json!({"percent": 100, "count": 1000});
    scene
        .directory(json!({"baseDN": scene.ou.dn(), "removalLimit": limit}))
        .await;
}

async fn delete(scene: &Scene, name: &str) {
    let api = scene.namespace.api::<SyncScope>();
    api.delete(name, &DeleteParams::default()).await.unwrap();
}

async fn is_gone(scene: &Scene, name: &str) {
    let api = scene.namespace.api::<SyncScope>();
    eventually_within(
        WAIT_FOR_END * 10 + std::time::Duration::from_mins(1),
        &format!("{name} is gone"),
        async || api.get_opt(name).await.unwrap().is_none().then_some(()),
    )
    .await;
}

/// What people have: by login, the uid of their PhoneUser, whether it is on, and its number.
async fn phones(scene: &Scene) -> BTreeMap<String, (Option<String>, Option<bool>, Option<String>)> {
    let users = scene.users().await.into_iter();
    users
        .map(|(login, user)| (login, (user.uid(), user.spec.enabled, user.spec.extension)))
        .collect()
}

async fn events(scene: &Scene) -> String {
    scene.namespace.kubectl(&["get", "events.v1.events.k8s.io"]).await
}

#[tokio::test]
async fn the_finalizer_is_there_exactly_while_the_policy_is_delete() {
    let scene = Scene::new("deletion").await;
    staff(&scene, 1).await;
    let scope = scene.scope("staff", everyone()).await;
    assert!(scope.finalizers().is_empty());
    let api = scene.namespace.api::<SyncScope>();
    for (policy, wanted) in [("Delete", vec![DELETION_FINALIZER]), ("Retain", Vec::new())] {
        let patch = json!({"spec": {"deletionPolicy": policy}});
        api.patch("staff", &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
        eventually(policy, async || {
            let scope = api.get("staff").await.unwrap();
            (scope.finalizers() == wanted).then_some(())
        })
        .await;
    }
    scene.finish().await;
}

#[tokio::test]
async fn a_scope_that_retains_goes_at_once_and_nothing_is_written() {
    let scene = Scene::new("deletion").await;
    staff(&scene, 2).await;
    scene.scope("staff", everyone()).await;
    let before = phones(&scene).await;
    let position = env::kube().await.audit_position();
    delete(&scene, "staff").await;
    is_gone(&scene, "staff").await;
    assert_eq!(phones(&scene).await, before);
    let user = scene.operator().await.user().to_owned();
    let written = scene.namespace.writes(position).into_iter().filter(|event| {
        event.user.username == user && ["phoneusers", "extensions", "ringgroups"].contains(&&*event.object.resource)
    });
    assert_eq!(written.count(), 0);
}

#[tokio::test]
async fn a_scope_takes_along_what_it_made_and_nothing_else() {
    let scene = Scene::new("deletion").await;
    unlimited(&scene).await;
    let people = staff(&scene, 4).await;
    let group = scene.ou.group("Support", &[&people[0].dn]).await;
    scene.make_user("theirs", json!({"login": people[3].login})).await;
    let department = json!([{"name": "support", "group": {"dn": group}, "ringGroup": {"number": "2900"}}]);
    scene
        .scope("staff", with(taking_along(), json!({"departments": department})))
        .await;
    let numbers = scene.numbers().await;
    let protected = scene.user(&people[2].login).await.name_any();
    let protect = json!({"metadata": {"annotations": {annotations::PROTECT: "true"}}});
    let api = scene.namespace.api::<PhoneUser>();
    api.patch(&protected, &PatchParams::default(), &Patch::Merge(&protect))
        .await
        .unwrap();
    delete(&scene, "staff").await;
    is_gone(&scene, "staff").await;
    assert_eq!(
        scene.logins().await,
        [people[2].login.clone(), people[3].login.clone()],
        "who is protected, and whom people made"
    );
    for person in &people[..2] {
        let extension = scene.extension(&numbers[&person.login]).await.unwrap().spec;
        assert_eq!(extension.state, ExtensionState::Cooling, "{}", person.login);
    }
    let groups = scene.namespace.api::<RingGroup>();
    assert!(
        groups
            .list(&kube::api::ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(
        scene.extension("2900").await.unwrap().spec.state,
        ExtensionState::Cooling
    );
    assert!(events(&scene).await.contains("Removed"));
}

#[tokio::test]
async fn over_the_limit_everything_stays_and_an_event_says_so() {
    let scene = Scene::new("deletion").await;
    staff(&scene, 8).await;
    scene
        .scope("staff", with(everyone(), json!({"deletionPolicy": "Delete"})))
        .await;
    let before = phones(&scene).await;
    delete(&scene, "staff").await;
    is_gone(&scene, "staff").await;
    assert_eq!(phones(&scene).await, before);
    let said = events(&scene).await;
    assert!(
        said.contains("Retained") && said.contains("more than the limit allows"),
        "{said}"
    );
    // Whoever selects them next has them as they are.
    scene.scope("next", everyone()).await;
    assert_eq!(phones(&scene).await, before);
    scene.finish().await;
}

#[tokio::test]
async fn whom_another_scope_selects_goes_over_with_phone_and_number() {
    let scene = Scene::new("deletion").await;
    unlimited(&scene).await;
    let people = staff(&scene, 3).await;
    scene.scope("staff", taking_along()).await;
    let before = phones(&scene).await;
    let filter = format!("(sAMAccountName={})", people[0].login);
    let renamed = json!({"users": {"everyone": {}, "filter": filter}, "extensions": numbered_by("hq-numbers")});
    scene.scope("renamed", renamed).await;
    delete(&scene, "staff").await;
    is_gone(&scene, "staff").await;
    let name = scene.user(&people[0].login).await.name_any();
    let is_of = |user: &PhoneUser, scope: &str| {
        let directory = user.spec.directory.as_ref();
        directory.is_some_and(|directory| directory.scope_ref.name == scope)
    };
    scene
        .user_when(&name, "of the other scope", |user| is_of(user, "renamed"))
        .await;
    let after = phones(&scene).await;
    assert_eq!(after.len(), 1);
    assert_eq!(after[&people[0].login], before[&people[0].login]);
    scene.finish().await;
}

/// The scope goes, and everybody stays.
async fn goes_and_leaves_everybody(scene: &Scene) {
    let before = phones(scene).await;
    delete(scene, "staff").await;
    is_gone(scene, "staff").await;
    assert_eq!(phones(scene).await, before);
    let said = events(scene).await;
    assert!(said.contains("Waiting") && said.contains("Retained"), "{said}");
}

async fn ready_to_go(scene: &Scene) {
    unlimited(scene).await;
    staff(scene, 3).await;
    scene.scope("staff", taking_along()).await;
}

#[tokio::test]
async fn a_scope_goes_while_the_directory_is_down() {
    let scene = Scene::new("deletion").await;
    ready_to_go(&scene).await;
    let nobody = json!([{"host": env::Directory::HOST, "port": 1}]);
    scene
        .directory(json!({"baseDN": scene.ou.dn(), "servers": nobody}))
        .await;
    goes_and_leaves_everybody(&scene).await;
}

#[tokio::test]
async fn a_scope_goes_after_the_secret() {
    let scene = Scene::new("deletion").await;
    ready_to_go(&scene).await;
    let api = scene.namespace.api::<Secret>();
    api.delete("corp-bind", &DeleteParams::default()).await.unwrap();
    goes_and_leaves_everybody(&scene).await;
}

#[tokio::test]
async fn a_scope_goes_after_the_config() {
    let scene = Scene::new("deletion").await;
    ready_to_go(&scene).await;
    let api = scene.namespace.api::<ActiveDirectoryConfig>();
    api.delete("corp", &DeleteParams::default()).await.unwrap();
    goes_and_leaves_everybody(&scene).await;
}

#[tokio::test]
async fn a_scope_that_is_suspended_leaves_everybody() {
    let scene = Scene::new("deletion").await;
    ready_to_go(&scene).await;
    let before = phones(&scene).await;
    let api = scene.namespace.api::<SyncScope>();
    let suspend = json!({"spec": {"suspend": true}});
    api.patch("staff", &PatchParams::default(), &Patch::Merge(&suspend))
        .await
        .unwrap();
    delete(&scene, "staff").await;
    is_gone(&scene, "staff").await;
    assert_eq!(phones(&scene).await, before);
}

#[tokio::test]
async fn a_scope_that_goes_with_its_namespace_deletes_nobody() {
    let scene = Scene::new("deletion").await;
    ready_to_go(&scene).await;
    let before = phones(&scene).await;
    scene
        .namespace
        .kubectl(&["delete", "namespace", scene.namespace.name(), "--wait=false"])
        .await;
    // What the namespace controller, which is not part of the API server, does next.
    delete(&scene, "staff").await;
    is_gone(&scene, "staff").await;
    assert_eq!(phones(&scene).await, before);
}

/// The rights of an operator show it no CRD.
#[tokio::test]
async fn a_scope_that_goes_with_its_kind_deletes_nobody() {
    let kube = Kube::own().await;
    let (namespace, ou) = (
        kube.namespace("deletion").await,
        env::directory().await.ou("deletion").await,
    );
    let flags = Flags {
        wait_for_rename: Some(WAIT_FOR_RENAME),
        ..Flags::default()
    };
    let _operator = Operator::start_with(&kube, &[&namespace], flags).await;
    scenario::apply_company(&namespace, env::directory().await).await;
    let limit = json!({"spec": {"removalLimit": {"percent": 100, "count": 1000}}});
    let configs = namespace.api::<ActiveDirectoryConfig>();
    configs
        .patch("corp", &PatchParams::default(), &Patch::Merge(&limit))
        .await
        .unwrap();
    ou.person("Ada Lovelace").await;
    let takes_along = "deletionPolicy: Delete\nremoval: {limit: {percent: 100, count: 1000}}";
    scenario::apply_scope(&namespace, "staff", ou.dn(), takes_along).await;
    scenario::await_synced(&namespace, "staff").await;
    assert_eq!(scenario::phone_users(&namespace).await.len(), 1);

    kube.kubectl(&["delete", "crd", "syncscopes.adsync.dev", "--timeout=60s"])
        .await;
    assert_eq!(scenario::phone_users(&namespace).await.len(), 1);
}

#[tokio::test]
async fn operators_that_are_killed_while_a_scope_ends_take_along_all_of_it() {
    let mut scene = Scene::new("deletion").await;
    unlimited(&scene).await;
    staff(&scene, 50).await;
    scene.scope("staff", taking_along()).await;
    let numbers = scene.numbers().await;
    delete(&scene, "staff").await;
    for moment in 1..=5 {
        tokio::time::sleep(std::time::Duration::from_millis(40 * moment)).await;
        scene.restart().await;
    }
    is_gone(&scene, "staff").await;
    assert_eq!(scene.logins().await, [""; 0]);
    for number in numbers.values() {
        let extension = scene.extension(number).await.unwrap().spec;
        assert_eq!(extension.state, ExtensionState::Cooling, "{number}");
    }
}
