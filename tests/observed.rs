//! The maps of users, numbers and ring groups, when the API server comes and goes, and when it is an old one.

use std::time::Duration;

use adsync::{
    api::PhoneUser,
    controllers::{changes::NamespacedName, configuration::Reach, observed::Objects},
    sync::field::Field,
};
use axum::http::{Request, Response};
use kube::{
    Client,
    api::{DeleteParams, Patch, PatchParams},
    client::Body,
};
use serde_json::{Value, json};

use crate::{
    env::{self, Kube, Namespace},
    scenario::eventually,
};

async fn apply_user(namespace: &Namespace<'_>, name: &str, login: &str) {
    namespace
        .apply(&format!(
            "{{apiVersion: telephony.adsync.dev/v1alpha1, kind: PhoneUser, metadata: {{name: {name}}},
              spec: {{phoneSystemRef: {{name: hq}}, login: {login}}}}}"
        ))
        .await;
}

async fn logins(objects: &Objects, system: &NamespacedName) -> Vec<String> {
    let maps = objects.of(system).await;
    maps.users
        .values()
        .filter_map(|user| user.values.text(Field::Login).map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn every_phone_system_of_every_namespace_has_maps_of_its_own() {
    let kube = env::kube().await;
    let (one, two) = (kube.namespace("observed").await, kube.namespace("observed").await);
    apply_user(&one, "ada", "ada").await;
    apply_user(&two, "grace", "grace").await;
    let (objects, watching) = Objects::watch(&kube.client().await, &Reach::Cluster);
    let watching = tokio::spawn(watching);
    objects.filled().await;
    assert_eq!(logins(&objects, &NamespacedName::new(one.name(), "hq")).await, ["ada"]);
    assert_eq!(
        logins(&objects, &NamespacedName::new(two.name(), "hq")).await,
        ["grace"]
    );
    assert!(
        logins(&objects, &NamespacedName::new(two.name(), "branch"))
            .await
            .is_empty()
    );
    watching.abort();
}

#[tokio::test]
async fn what_happened_while_the_api_server_was_away_is_caught_up() {
    let kube = Kube::own().await;
    let namespace = kube.namespace("observed").await;
    apply_user(&namespace, "ada", "ada").await;
    apply_user(&namespace, "grace", "grace").await;
    let (objects, watching) = Objects::watch(&kube.client().await, &Reach::Namespace(namespace.name().to_owned()));
    let watching = tokio::spawn(watching);
    objects.filled().await;
    let system = NamespacedName::new(namespace.name(), "hq");
    assert_eq!(logins(&objects, &system).await, ["ada", "grace"]);

    kube.kill().await;
    kube.start_again().await;
    let api = namespace.api::<PhoneUser>();
    eventually("the API server's return", async || api.get("ada").await.ok()).await;
    let edit = Patch::Merge(json!({"spec": {"login": "countess"}}));
    api.patch("ada", &PatchParams::default(), &edit).await.unwrap();
    api.delete("grace", &DeleteParams::default()).await.unwrap();
    eventually("catching up", async || {
        (logins(&objects, &system).await == ["countess"]).then_some(())
    })
    .await;
    watching.abort();
}

/// A fake, since no real API server that we have is so old: it refuses to stream a list, as before Kubernetes 1.34.
#[tokio::test]
async fn an_api_server_that_cannot_stream_lists_is_asked_for_pages() {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let server = tokio::spawn(async move {
        while let Some((request, answer)) = handle.next_request().await {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let (code, body) = if query.contains("sendInitialEvents=true") {
                (
                    422,
                    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 422, "reason": "Invalid",
                    "message": "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"}),
                )
            } else if query.contains("watch=true") {
                // An idle watch: it is held until the test ends.
                std::mem::forget(answer);
                continue;
            } else {
                (200, list(request.uri().path(), &query))
            };
            let body = Body::from(serde_json::to_vec(&body).unwrap());
            answer.send_response(Response::builder().status(code).body(body).unwrap());
        }
    });
    let (objects, watching) = Objects::watch(
        &Client::new(service, "telephony"),
        &Reach::Namespace("telephony".to_owned()),
    );
    let watching = tokio::spawn(watching);
    tokio::time::timeout(Duration::from_secs(30), objects.filled())
        .await
        .expect("it falls back");
    let system = NamespacedName::new("telephony", "hq");
    assert_eq!(logins(&objects, &system).await, ["ada", "grace"], "both pages");
    watching.abort();
    server.abort();
}

/// Two pages of one PhoneUser each; none of anything else.
fn list(path: &str, query: &str) -> Value {
    let user = |login: &str| {
        json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneUser",
            "metadata": {"name": login, "namespace": "telephony", "uid": login, "resourceVersion": "7"},
            "spec": {"phoneSystemRef": {"name": "hq"}, "login": login}})
    };
    let (items, next) = match (path.ends_with("/phoneusers"), query.contains("continue=more")) {
        (true, false) => (vec![user("ada")], "more"),
        (true, true) => (vec![user("grace")], ""),
        (false, _) => (Vec::new(), ""),
    };
    json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "List", "items": items,
        "metadata": {"resourceVersion": "9", "continue": next}})
}
