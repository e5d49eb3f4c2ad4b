//! The API server slow, angry, silent, away, restarted, and without the past that a watch asks for: nothing wrong is written,
//! `/readyz` tells the truth, and when it is over the operator goes on within seconds.

use std::time::Duration;

use adsync::api::{PhoneUser, SyncScope, annotations};
use kube::{ResourceExt, api::DeleteParams};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::scene::{Scene, everyone};
use crate::{
    env::{self, Fault, Kube, Operator, operator, process},
    scenario::{
        NUMBERED, apply_company, apply_rule, apply_scope, await_rest, await_scope, await_synced, eventually,
        eventually_within, phone_users,
    },
};

/// How long it may take until the operator is back, on a busy machine: far less than any of its longest waits.
const SECONDS: Duration = Duration::from_secs(20);

#[tokio::test]
async fn whatever_the_api_server_does_nothing_wrong_is_written_and_afterwards_it_goes_on() {
    let (scene, gate) = Scene::behind_gate("outage").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    let kept = scene.ou.people(["Grace Hopper", "Jürgen Müller"]).await;
    scene.scope("staff", everyone()).await;
    let numbers = scene.numbers().await;
    let faults = [
        ("slow", Fault::Slow(Duration::from_secs(1))),
        ("429", Fault::Answer(429)),
        ("500", Fault::Answer(500)),
        ("503", Fault::Answer(503)),
        ("lost answers", Fault::LoseAnswers),
        ("silent", Fault::Silent),
        ("closed", Fault::Closed),
    ];
    for (what, fault) in faults {
        gate.set(fault);
        let newcomer = scene.ou.person(&*format!("New {what}")).await;
        scene.ou.set(&ada.dn, "title", &[what]).await;
        // People reach the API server all the while.
        scene
            .annotate::<SyncScope>("staff", annotations::REQUESTED_AT, what)
            .await;
        sleep(Duration::from_secs(6)).await;
        assert_eq!(
            operator::get(scene.operator().await.health, "/livez").await.0,
            200,
            "{what}"
        );
        let now = scene.numbers().await;
        for person in kept.iter().chain([&ada]) {
            assert_eq!(now.get(&person.login), numbers.get(&person.login), "{what}");
        }
        gate.set(Fault::None);
        eventually_within(SECONDS, &format!("going on after {what}"), async || {
            let users = scene.users().await;
            let is_numbered = users.get(&newcomer.login)?.spec.extension.is_some();
            let is_titled = users.get(&ada.login)?.spec.title.as_deref() == Some(what);
            (is_numbered && is_titled).then_some(())
        })
        .await;
        await_scope(&scene.namespace, "staff", "done with the request", |_, status| {
            status.last_handled_reconcile_at.as_deref() == Some(what)
        })
        .await;
    }
    let now = scene.numbers().await;
    assert!(
        numbers.iter().all(|(login, number)| now.get(login) == Some(number)),
        "{now:?}"
    );
    scene.finish().await;
}

#[tokio::test]
async fn who_cannot_reach_the_api_server_is_not_ready_and_yet_alive() {
    let (scene, gate) = Scene::behind_gate("outage").await;
    scene.ou.person("Ada Lovelace").await;
    scene.scope("staff", everyone()).await;
    let operator = scene.operator().await;
    assert_eq!(operator::get(operator.health, "/readyz").await.0, 200);
    gate.set(Fault::Silent);
    sleep(Duration::from_secs(10)).await;
    let (code, _) = operator::get(operator.health, "/readyz").await;
    assert_eq!(code, 200, "a server that is restarted is away as long");
    eventually("word of it", async || {
        let (code, text) = operator::get(operator.health, "/readyz").await;
        (code == 503).then(|| assert_eq!(text, "waiting for the API server\n"))
    })
    .await;
    assert_eq!(operator::value(operator.metrics, "adsync_ready").await, Some(0));
    assert_eq!(
        operator::get(operator.health, "/livez").await.0,
        200,
        "a restart would not help"
    );
    gate.set(Fault::None);
    eventually_within(SECONDS, "its return", async || {
        (operator::get(operator.health, "/readyz").await.0 == 200).then_some(())
    })
    .await;
    scene.sync("staff").await;
    scene.finish().await;
}

/// Asks etcd, which listens in the server's folder, by its JSON gateway.
async fn etcd(kube: &Kube, call: &str, body: &Value) -> Value {
    let (socket, url) = (kube.folder().join("etcd.sock"), format!("http://etcd/v3/kv/{call}"));
    let socket = socket.to_str().unwrap();
    let arguments = ["-sSf", "--unix-socket", socket, &url, "--data", &body.to_string()];
    serde_json::from_str(&process::run("curl", &arguments, &[], "").await).unwrap()
}

#[tokio::test]
async fn a_restart_and_a_compacted_past_are_caught_up_with() {
    let kube = Kube::own().await;
    let directory = env::directory().await;
    let (namespace, ou) = (kube.namespace("outage").await, directory.ou("outage").await);
    let people = ou.people(["Ada Lovelace", "Grace Hopper", "Jürgen Müller"]).await;
    let flags = env::Flags::default();
    let (operator, gate) = Operator::start_behind_gate(&kube, &[&namespace], flags).await;
    apply_company(&namespace, directory).await;
    apply_rule(&namespace, "hq-numbers", "2000", "2009").await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    await_synced(&namespace, "staff").await;
    let before = phone_users(&namespace).await;
    assert_eq!(before.len(), people.len());

    // What happens now, no watch will ever tell.
    gate.set(Fault::Closed);
    let [deleted, edited] = [0, 1].map(|place: usize| before[place].name_any());
    let api = namespace.api::<PhoneUser>();
    api.delete(&deleted, &DeleteParams::default()).await.unwrap();
    let edit = json!({"spec": {"displayName": "Countess"}}).to_string();
    namespace
        .kubectl(&["patch", "phoneuser", &edited, "--type=merge", "--patch", &edit])
        .await;
    let now = etcd(&kube, "range", &json!({"key": "AA=="})).await;
    let compaction = json!({"revision": now["header"]["revision"], "physical": true});
    etcd(&kube, "compaction", &compaction).await;
    kube.kill().await;
    // The watch cache forgets what it still had.
    kube.start_again().await;
    gate.set(Fault::None);

    eventually_within(SECONDS, "catching up", async || {
        let users = phone_users(&namespace).await;
        let specs = |users: &[PhoneUser]| users.iter().map(|user| user.spec.clone()).collect::<Vec<_>>();
        (specs(&users) == specs(&before)).then_some(())
    })
    .await;
    assert!(gate.expired() > 0, "no watch had asked for the past");
    await_rest(&namespace).await;
    assert_eq!(operator::get(operator.health, "/livez").await.0, 200);
    let lists = kube.audit_events(0).into_iter().filter(|event| {
        event.user.username == operator.user()
            && event.object.resource == "phoneusers"
            && event.response_status.code == 410
    });
    eprintln!("{} watches were told that their past is gone", lists.count());
    drop(operator);
}
