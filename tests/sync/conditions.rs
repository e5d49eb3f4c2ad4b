//! What a scope says of itself: what is missing or wrong, suspended, planned, and when it syncs by itself.

use std::time::Duration;

use adsync::api::{SyncScope, SyncScopeStatus, sync_scope::Trigger};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::scene::{Scene, counts, everyone, numbers, with};
use crate::{
    env,
    scenario::{await_scope, await_synced, eventually, has, message, written},
};

/// A condition's reason.
fn reason(status: &SyncScopeStatus, kind: &str) -> String {
    let condition = status.conditions.iter().find(|condition| condition.type_ == kind);
    condition.map(|condition| condition.reason.clone()).unwrap_or_default()
}

/// Waits until the scope says that it is not ready, in its present generation.
async fn await_not_ready(scene: &Scene, why: &str) -> SyncScope {
    await_scope(&scene.namespace, "staff", "not ready", |scope, status| {
        status.observed_generation == scope.metadata.generation
            && has(status, "Ready", "False")
            && reason(status, "Ready") == why
    })
    .await
}

#[tokio::test]
async fn what_is_missing_is_named_and_made_up_for_as_soon_as_it_is_there() {
    let scene = Scene::new("conditions").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    let missing = json!({"users": {"everyone": {}}, "directoryRef": {"name": "elsewhere"},
        "extensions": [{"name": "everybody", "ruleRef": {"name": "late"}}]});
    scene.apply_scope("staff", missing).await;
    let scope = await_not_ready(&scene, "ReferenceNotFound").await;
    let said = message(&scope, "Ready");
    for name in [
        "ActiveDirectoryConfig elsewhere does not exist",
        "ExtensionRule late does not exist",
    ] {
        assert!(said.contains(name), "{said}");
    }
    let status = scope.status.as_ref().unwrap();
    assert!(has(status, "Reconciling", "True"), "charts create things in any order");
    assert!(!has(status, "Stalled", "True") && has(status, "Matched", "Unknown"));
    assert_eq!(reason(status, "Synced"), "ReferenceNotFound");
    scene.finish().await;

    scene.rule("late", numbers("2000", "2009")).await;
    let corrected =
        json!({"users": {"everyone": {}}, "extensions": [{"name": "everybody", "ruleRef": {"name": "late"}}]});
    scene.scope("staff", corrected).await;
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("2000"));
    let told = events(&scene).await;
    assert!(
        !told.contains("Ready is"),
        "what is applied a moment later is no news: {told}"
    );
    assert!(told.contains("created PhoneUser"), "{told}");
    scene.finish().await;
}

#[tokio::test]
#[ignore = "waits for more than a minute"]
async fn what_is_missing_for_a_minute_makes_a_scope_stalled() {
    let scene = Scene::new("conditions").await;
    let missing =
        json!({"users": {"everyone": {}}, "extensions": [{"name": "everybody", "ruleRef": {"name": "late"}}]});
    scene.apply_scope("staff", missing).await;
    let scope = await_not_ready(&scene, "ReferenceNotFound").await;
    let since = Instant::now();
    assert!(!has(scope.status.as_ref().unwrap(), "Stalled", "True"));
    sleep(Duration::from_secs(45)).await;
    let scope = await_scope(&scene.namespace, "staff", "stalled", |_, status| {
        has(status, "Stalled", "True")
    })
    .await;
    assert!(since.elapsed() > Duration::from_secs(55), "{:?}", since.elapsed());
    assert!(!has(scope.status.as_ref().unwrap(), "Reconciling", "True"));
    scene.finish().await;
    let warnings = events(&scene).await;
    assert!(
        warnings.contains("Ready is False: ExtensionRule late does not exist"),
        "{warnings}"
    );
    scene.rule("late", numbers("2000", "2009")).await;
    await_synced(&scene.namespace, "staff").await;
    eventually("an Event that says that it is mended", async || {
        events(&scene).await.contains("Ready is True").then_some(())
    })
    .await;
    scene.finish().await;
}

async fn events(scene: &Scene) -> String {
    scene
        .namespace
        .kubectl(&["events", "--for=syncscope/staff", "--no-headers"])
        .await
}

#[tokio::test]
async fn a_spec_that_cannot_be_understood_is_refused_with_the_place_and_changes_nothing() {
    let scene = Scene::new("conditions").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.scope("staff", everyone()).await;
    scene.ou.set(&ada.dn, "title", &["Countess"]).await;
    let filtered = |filter: &str| json!({"users": {"everyone": {}, "filter": filter}});
    for (spec, place, says) in [
        (filtered("(&(sn=Lovelace)(title=*)"), "users.filter", "position"),
        (filtered("(sn=Lovelace)(title=*)"), "users.filter", "position 13"),
        (filtered("(thumbnailPhoto=\\ff)"), "users.filter", "position"),
        (
            with(everyone(), json!({"exclude": [{"name": "odd", "filter": "(title="}]})),
            "exclude",
            "position",
        ),
        (
            with(everyone(), json!({"schedule": {"cron": "99 2 * * *"}})),
            "schedule",
            "99",
        ),
    ] {
        scene.apply_scope("staff", spec.clone()).await;
        let scope = await_not_ready(&scene, "InvalidSpec").await;
        let (said, status) = (message(&scope, "Ready"), scope.status.as_ref().unwrap());
        assert!(said.contains(place) && said.contains(says), "{spec}: {said}");
        assert!(has(status, "Stalled", "True") && !has(status, "Reconciling", "True"));
        assert_eq!(reason(status, "Synced"), "InvalidSpec");
    }
    assert_eq!(
        scene.user(&ada.login).await.spec.title,
        None,
        "nothing is written by half a spec"
    );
    scene.finish().await;
    scene.scope("staff", everyone()).await;
    assert_eq!(scene.user(&ada.login).await.spec.title.as_deref(), Some("Countess"));
    scene.finish().await;
}

#[tokio::test]
async fn a_suspended_scope_is_ready_and_does_nothing_until_it_is_resumed() {
    let scene = Scene::new("conditions").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.scope("staff", everyone()).await;
    let name = scene.user(&ada.login).await.metadata.name.unwrap();
    scene
        .apply_scope("staff", with(everyone(), json!({"suspend": true})))
        .await;
    let scope = await_scope(&scene.namespace, "staff", "suspended", |scope, status| {
        status.observed_generation == scope.metadata.generation && reason(status, "Ready") == "Suspended"
    })
    .await;
    let status = scope.status.as_ref().unwrap();
    assert!(has(status, "Ready", "True") && has(status, "Synced", "Unknown"));
    let position = env::kube().await.audit_position();
    scene.ou.set(&ada.dn, "title", &["Countess"]).await;
    scene.edit_user(&name, json!({"displayName": "Somebody else"})).await;
    scene.finish().await;
    // A second scope gets its turn, so that the first would have had its own.
    let nobody = json!({"users": {"everyone": {}, "filter": "(sn=nobody)"}});
    scene.scope("other", nobody).await;
    let writes = written(&scene.namespace, position, scene.operator().await);
    assert!(
        writes.iter().all(|event| event.object.resource != "phoneusers"),
        "{writes:#?}"
    );
    assert_eq!(
        scene.user(&ada.login).await.spec.display_name.as_deref(),
        Some("Somebody else")
    );

    scene.scope("staff", everyone()).await;
    let spec = scene.user(&ada.login).await.spec;
    assert_eq!(
        (spec.display_name.as_deref(), spec.title.as_deref()),
        (Some("Ada Lovelace"), Some("Countess"))
    );
    scene.finish().await;
}

#[tokio::test]
async fn with_mode_plan_everything_is_reported_and_nothing_written() {
    let scene = Scene::new("conditions").await;
    let people = ["Ada Lovelace", "Berta Benz", "Zoe Late"];
    scene.ou.people(people).await;
    let group = scene.ou.group("Support", &[]).await;
    scene.rule("hq-numbers", numbers("2000", "2001")).await;
    let spec = with(
        everyone(),
        json!({"departments": [{"name": "support", "group": {"dn": group}, "ringGroup": {"number": "600"}}]}),
    );
    let position = env::kube().await.audit_position();
    let scope = scene.scope("staff", with(spec.clone(), json!({"mode": "Plan"}))).await;
    let status = scope.status.as_ref().unwrap();
    assert_eq!(counts(&scope), [3, 0, 0, 3, 2, 1]);
    assert_eq!(status.problems.len(), 1);
    assert_eq!(reason(status, "Synced"), "Planned");
    let said = message(&scope, "Synced");
    assert!(
        said.starts_with("mode is Plan: a sync would write 3 numbers, 2 users and 1 ring group\n"),
        "{said}"
    );
    let created = |kind: &str| {
        said.lines()
            .filter(|line| line.starts_with(&format!("- create {kind} ")))
            .count()
    };
    assert_eq!([created("PhoneUser"), created("RingGroup")], [2, 1], "{said}");
    scene.finish().await;
    let writes = written(&scene.namespace, position, scene.operator().await);
    assert!(
        writes
            .iter()
            .all(|event| !["phoneusers", "extensions", "ringgroups"].contains(&&*event.object.resource)),
        "{writes:#?}"
    );
    assert!(scene.users().await.is_empty() && scene.extension("2000").await.is_none());

    let scope = scene.scope("staff", spec).await;
    assert_eq!(counts(&scope), [3, 0, 0, 3, 2, 1], "and that is what happens");
    assert_eq!(scene.users().await.len(), 2);
    scene.finish().await;
}

#[tokio::test]
async fn a_scope_syncs_by_itself_when_its_interval_is_over() {
    let scene = Scene::new("conditions").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.scope("staff", with(everyone(), json!({"interval": "10s"}))).await;
    scene.ou.set(&ada.dn, "title", &["Countess"]).await;
    let name = scene.user(&ada.login).await.metadata.name.unwrap();
    scene
        .user_when(&name, "has the title", |user| {
            user.spec.title.as_deref() == Some("Countess")
        })
        .await;
    let scope = await_scope(&scene.namespace, "staff", "told of", |_, status| {
        status
            .last_sync
            .as_ref()
            .is_some_and(|last| last.trigger == Trigger::Scheduled)
    })
    .await;
    let status = scope.status.unwrap();
    let last = status.last_sync.unwrap();
    assert_eq!((last.created, last.updated, last.failed), (0, 1, 0));
    assert_eq!(status.history.len(), 2, "the first, and this one");
    // Without an interval it is an hour, so that nothing comes in between at the end of a test.
    scene.scope("staff", everyone()).await;
    scene.finish().await;
}

#[tokio::test]
async fn the_last_sync_tells_what_was_made_and_changed() {
    let scene = Scene::new("conditions").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    let scope = scene.scope("staff", everyone()).await;
    let last = scope.status.unwrap().last_sync.unwrap();
    assert_eq!(
        (last.trigger, last.created, last.updated, last.failed),
        (Trigger::Started, 2, 0, 0),
        "a PhoneUser and an Extension"
    );
    scene.ou.set(&ada.dn, "title", &["Countess"]).await;
    let scope = scene.sync("staff").await;
    let status = scope.status.unwrap();
    let last = status.last_sync.unwrap();
    assert_eq!(
        (last.trigger, last.created, last.updated, last.failed),
        (Trigger::Requested, 0, 1, 0)
    );
    let kept: Vec<Value> = status
        .history
        .iter()
        .map(|record| json!([record.created, record.updated]))
        .collect();
    assert_eq!(kept, [json!([0, 1]), json!([2, 0])], "latest first");
    scene.finish().await;
}

#[tokio::test]
async fn an_operator_that_starts_again_has_nothing_to_write() {
    let mut scene = Scene::new("conditions").await;
    let people = scene.ou.people(["Ada Lovelace", "Grace Hopper"]).await;
    let group = scene.ou.group("Support", &[&people[0].dn]).await;
    let spec = with(
        everyone(),
        json!({"map": {"title": {"policy": "Ignore"}},
            "departments": [{"name": "support", "group": {"dn": group}, "ringGroup": {"number": "600"}}]}),
    );
    scene.scope("staff", spec).await;
    let name = scene.user(&people[1].login).await.metadata.name.unwrap();
    scene.edit_user(&name, json!({"link": "Unlinked"})).await;
    scene.sync("staff").await;
    scene.finish().await;

    let position = env::kube().await.audit_position();
    scene.restart().await;
    scene.sync("staff").await;
    let writes = written(&scene.namespace, position, scene.operator().await);
    let written: Vec<_> = writes
        .iter()
        .filter(|event| !event.object.subresource.starts_with("status"))
        .collect();
    assert!(written.is_empty(), "{written:#?}");
    scene.finish().await;
}
