//! Who changed this phone, when and why: what the log of the operator answers.

use kube::ResourceExt;
use serde_json::{Value, json};

use super::scene::{Scene, everyone, with};
use crate::{
    env::{self, Binary, PersonSpec},
    scenario::{await_scope, await_synced},
};

/// The lines about changes of objects of a kind, each with the fields that an audit asks for.
fn changes(binary: &Binary, kind: &str) -> Vec<Value> {
    let lines = binary.log().into_iter();
    let lines = lines.map(|line| serde_json::from_str::<Value>(&line).expect("the log is JSON"));
    let changes = lines.filter(|line| line["kind"] == kind && line["changes"].is_string());
    let changes: Vec<Value> = changes.collect();
    for change in &changes {
        assert!(
            change["timestamp"].is_string() && change["trigger"].is_string(),
            "{change}"
        );
        assert_eq!(change["scope"], "staff", "{change}");
    }
    changes
}

/// The last change of somebody, or of a number.
fn last(binary: &Binary, kind: &str, key: &str, value: &str) -> Value {
    let changes = changes(binary, kind);
    let found = changes.iter().rfind(|change| change[key] == value);
    found
        .unwrap_or_else(|| panic!("nothing of {value}: {changes:#?}"))
        .clone()
}

/// The scope, for the operator that the test has started itself.
async fn apply(scene: &Scene, spec: Value) {
    let spec = with(
        json!({"directoryRef": {"name": "corp"}, "phoneSystemRef": {"name": "hq"}}),
        spec,
    );
    scene
        .apply(json!({"apiVersion": "adsync.dev/v1alpha1", "kind": "SyncScope", "metadata": {"name": "staff"}, "spec": spec}))
        .await;
}

#[tokio::test]
async fn each_change_of_a_phone_is_a_line_with_before_after_trigger_and_reason() {
    let scene = Scene::new("audit").await;
    let ada = scene
        .ou
        .person(PersonSpec::named("Ada Audit").with("ipPhone", "2301"))
        .await;
    let bob = scene
        .ou
        .person(PersonSpec::named("Bob Audit").with("ipPhone", "2302"))
        .await;
    let rule = json!({"source": "Attribute", "attribute": {"name": "ipPhone"}});
    scene.rule("hq-numbers", rule).await;
    let binary = Binary::start(env::kube().await, &[&scene.namespace], &[]).await;
    apply(&scene, everyone()).await;
    await_synced(&scene.namespace, "staff").await;
    let created = last(&binary, "PhoneUser", "login", &ada.login);
    assert_eq!(
        (&created["message"], &created["extension"]),
        (&json!("created"), &json!("2301"))
    );
    assert_eq!(created["why"], "rule hq-numbers reads it from ipPhone");
    let claimed = last(&binary, "Extension", "extension", "2301");
    assert_eq!(claimed["why"], "rule hq-numbers reads it from ipPhone");

    let directory = env::directory().await;
    directory.set(&ada.dn, "ipPhone", &["2303"]).await;
    directory.disable(&bob.dn).await;
    scene.sync("staff").await;
    let moved = last(&binary, "PhoneUser", "login", &ada.login);
    assert_eq!(moved["trigger"], "Requested");
    assert_eq!(moved["changes"], r#"spec.extension: "2301" → "2303""#);
    assert_eq!(moved["why"], "rule hq-numbers reads it from ipPhone");
    let switched_off = last(&binary, "PhoneUser", "login", &bob.login);
    let (why, what) = (switched_off["why"].as_str(), switched_off["changes"].as_str());
    assert!(
        why.is_some_and(|why| why.starts_with("Disabled since ")),
        "{switched_off}"
    );
    assert!(
        what.is_some_and(|what| what.contains("spec.enabled: true → false")),
        "{switched_off}"
    );
    assert_eq!(switched_off["extension"], "2302", "whose phone that is");
    let rests = last(&binary, "Extension", "extension", "2301");
    let what = rests["changes"].as_str().unwrap_or_default();
    assert!(
        what.starts_with("Assigned to PhoneUser") && what.contains("→ Cooling after PhoneUser"),
        "{rests}"
    );
}

#[tokio::test]
async fn what_is_deleted_let_go_of_or_rings_fewer_is_a_line_that_says_why() {
    let scene = Scene::new("audit").await;
    let people = scene.ou.people(["Ada", "Bob", "Cleo", "Dan"]).await;
    let [ada, bob, cleo, _] = &people[..] else {
        panic!("four people")
    };
    let members: Vec<&str> = people.iter().map(|person| &*person.dn).collect();
    let group = scene.ou.group("Sales", &members).await;
    let binary = Binary::start(env::kube().await, &[&scene.namespace], &[]).await;
    let spec = with(
        everyone(),
        json!({
            "removal": {"whenDisabled": "Delete"},
            "departments": [{"name": "sales", "group": {"dn": group}, "ringGroup": {"number": "600"}}],
        }),
    );
    apply(&scene, spec.clone()).await;
    await_synced(&scene.namespace, "staff").await;
    let name = scene.user(&ada.login).await.name_any();
    let numbers = scene.numbers().await;

    scene.edit_user(&name, json!({"link": "Unlinked"})).await;
    env::directory().await.disable(&bob.dn).await;
    let exclude = json!([{"name": "cleo", "login": cleo.login}]);
    apply(&scene, with(spec, json!({"exclude": exclude}))).await;
    let scope = await_scope(&scene.namespace, "staff", "without two of them", |_, status| {
        status.users.is_some_and(|users| users.excluded == 1)
    })
    .await;
    let history = &scope.status.as_ref().unwrap().history;
    let deleted: i64 = history.iter().map(|record| record.deleted).sum();
    assert_eq!(deleted, 2, "who unlinks somebody removes nobody: {history:#?}");
    for (login, message, why) in [
        (&ada.login, "updated", "it is unlinked"),
        (&bob.login, "deleted", "the account is disabled or has expired, since "),
        (&cleo.login, "updated", "the scope excludes the account"),
    ] {
        let line = last(&binary, "PhoneUser", "login", login);
        assert_eq!(line["message"], message, "{line}");
        assert!(line["why"].as_str().is_some_and(|said| said.starts_with(why)), "{line}");
    }
    let gone = last(&binary, "PhoneUser", "login", &bob.login);
    assert_eq!(gone["extension"], json!(numbers[&bob.login]), "which number that was");
    let shrunk = last(&binary, "RingGroup", "login", "Sales");
    let what = shrunk["changes"].as_str().unwrap_or_default();
    let (before, after) = what.split_once(" → ").unwrap_or_default();
    assert!(
        before.contains(&numbers[&bob.login]) && !after.contains(&numbers[&bob.login]),
        "{shrunk}"
    );
}
