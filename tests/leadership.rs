//! Several replicas, as processes: one serves, and whatever becomes of it, another one goes on.

use std::time::Duration;

use adsync::controllers::leadership::{LEASE, lease_of};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    env::{self, AuditEvent, Binary, Namespace, PersonSpec, TestOu, helm, operator, rights::Right},
    scenario::{self, await_synced, eventually, phone_users},
};

/// All other tests run meanwhile.
const PATIENCE: Duration = Duration::from_mins(3);

/// Gives what the chart gives to replicas that elect a leader, in the namespace of the Lease: that of an agent, or of those without a name.
pub async fn let_elect(namespace: &Namespace<'_>, agent: Option<&str>) {
    let release = agent.map_or_else(|| LEASE.to_owned(), lease_of);
    let_release_elect(namespace, &release, &release, agent).await;
}

async fn let_release_elect(namespace: &Namespace<'_>, release: &str, lease: &str, agent: Option<&str>) {
    let agent = agent.unwrap_or_default();
    let whose = format!("--set=agent.name={agent},fullnameOverride={release}");
    let values = [
        "--show-only=templates/rbac.yaml",
        "--set=leaderElection.enabled=true,serviceAccount.create=false,serviceAccount.name=adsync",
        &whose,
    ];
    let rendered = helm::manifests(namespace.name(), &values).await;
    let of_leases = helm::objects(&rendered).into_iter().filter(|object| {
        let kind = object["kind"].as_str();
        matches!(kind, Some("Role" | "RoleBinding"))
    });
    let of_leases: Vec<String> = of_leases.map(|object| object.to_string()).collect();
    assert_eq!(of_leases.len(), 2, "a role and its binding: {rendered}");
    namespace.apply(&of_leases.join("\n---\n")).await;
    let user = format!("system:serviceaccount:{}:adsync", namespace.name());
    let right = Right {
        name: Some(lease.to_owned()),
        ..Right::to("update", "coordination.k8s.io", "leases", namespace.name())
    };
    right.is_given(&namespace.client(), &user).await;
}

async fn replica(namespace: &Namespace<'_>) -> Binary {
    let place = format!("--leader-election-namespace={}", namespace.name());
    Binary::start(env::kube().await, &[namespace], &["--leader-elect", &place]).await
}

async fn leads(replica: &Binary) -> bool {
    operator::value(replica.metrics, "adsync_leader").await == Some(1)
}

/// The place of the one that leads.
async fn leader(replicas: &[&Binary]) -> usize {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut leading = Vec::new();
        for (place, replica) in replicas.iter().enumerate() {
            if leads(replica).await {
                leading.push(place);
            }
        }
        match leading[..] {
            [] => assert!(Instant::now() < deadline, "nobody leads"),
            [leader] => return leader,
            _ => panic!("two lead"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// A company of so many people in an OU of its own, and a scope of all of them.
async fn company(namespace: &Namespace<'_>, ou: &TestOu<'_>, people: usize) {
    ou.people((0..people).map(|number| PersonSpec::named(&format!("Person {number:03}"))))
        .await;
    scenario::apply_company(namespace, env::directory().await).await;
    let base = json!({"spec": {"baseDN": ou.dn()}}).to_string();
    namespace
        .kubectl(&[
            "patch",
            "activedirectoryconfigs",
            "corp",
            "--type=merge",
            "--patch",
            &base,
        ])
        .await;
    let scope = json!({"apiVersion": "adsync.dev/v1alpha1", "kind": "SyncScope", "metadata": {"name": "staff"}, "spec": {
        "directoryRef": {"name": "corp"}, "phoneSystemRef": {"name": "hq"}, "users": {"everyone": {}}}});
    namespace.apply(&scope.to_string()).await;
}

/// How many are served once so many are.
async fn await_people(namespace: &Namespace<'_>, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    while phone_users(namespace).await.len() < count {
        assert!(
            Instant::now() < deadline,
            "{} of {count}",
            phone_users(namespace).await.len()
        );
        sleep(Duration::from_millis(50)).await;
    }
}

/// What they wrote, but for Leases.
fn writes_of_replicas(namespace: &Namespace<'_>, position: u64) -> Vec<AuditEvent> {
    let mut writes = namespace.writes(position);
    writes.retain(|event| event.object.resource != "leases");
    writes
}

#[tokio::test]
async fn operators_with_leases_of_their_own_do_not_wait_for_each_other() {
    let namespace = env::kube().await.namespace("leader").await;
    let_elect(&namespace, None).await;
    let_release_elect(&namespace, "other", "leader-other", None).await;
    let first = replica(&namespace).await;
    let place = format!("--leader-election-namespace={}", namespace.name());
    let arguments = ["--leader-elect", &place, "--leader-election-lease=leader-other"];
    let other = Binary::start(env::kube().await, &[&namespace], &arguments).await;
    eventually("both lead", async || {
        (leads(&first).await && leads(&other).await).then_some(())
    })
    .await;
    let leases = namespace
        .kubectl(&["get", "leases", "--output=jsonpath={.items[*].metadata.name}"])
        .await;
    assert_eq!(leases, "adsync leader-other");
}

#[tokio::test]
async fn of_three_one_serves_and_the_next_goes_on_after_its_end_and_after_its_death() {
    let kube = env::kube().await;
    let namespace = kube.namespace("leader").await;
    let ou = env::directory().await.ou("leader").await;
    let_elect(&namespace, None).await;
    let mut replicas = vec![
        replica(&namespace).await,
        replica(&namespace).await,
        replica(&namespace).await,
    ];
    let first = leader(&replicas.iter().collect::<Vec<_>>()).await;
    for replica in &replicas {
        assert_eq!(
            operator::get(replica.health, "/readyz").await.0,
            200,
            "who stands by is ready"
        );
    }
    company(&namespace, &ou, 5).await;
    await_synced(&namespace, "staff").await;

    // The end in peace gives the Lease back.
    let mut ended = replicas.remove(first);
    let began = Instant::now();
    assert_eq!(ended.terminate().await.code(), Some(0), "{:#?}", ended.log());
    let second = leader(&replicas.iter().collect::<Vec<_>>()).await;
    eprintln!("handed over {:?} after SIGTERM", began.elapsed());
    ou.person("Newcomer").await;
    scenario::sync_now(&namespace, "staff").await;
    await_people(&namespace, 6).await;

    // Whoever dies can't.
    let dead = replicas.remove(second);
    let began = Instant::now();
    dead.signal("KILL").await;
    leader(&replicas.iter().collect::<Vec<_>>()).await;
    eprintln!("taken over {:?} after SIGKILL", began.elapsed());
    ou.person("Latecomer").await;
    scenario::sync_now(&namespace, "staff").await;
    await_people(&namespace, 7).await;
    drop(dead);
}

#[tokio::test]
async fn a_leader_that_is_frozen_in_the_middle_of_writing_writes_nothing_when_it_wakes() {
    let kube = env::kube().await;
    let namespace = kube.namespace("frozen").await;
    let ou = env::directory().await.ou("frozen").await;
    let_elect(&namespace, None).await;
    let mut frozen = replica(&namespace).await;
    assert_eq!(leader(&[&frozen]).await, 0);
    let other = replica(&namespace).await;
    company(&namespace, &ou, 400).await;
    await_people(&namespace, 20).await;
    frozen.signal("STOP").await;
    let there = phone_users(&namespace).await.len();
    assert!(there < 400, "it was faster than this test: {there}");

    // (The one that is frozen answers nobody.)
    assert_eq!(leader(&[&other]).await, 0);
    await_people(&namespace, 400).await;
    await_synced(&namespace, "staff").await;
    // Totals follow a moment later.
    let position = loop {
        let position = kube.audit_position();
        sleep(Duration::from_secs(2)).await;
        if writes_of_replicas(&namespace, position).is_empty() {
            break position;
        }
    };
    frozen.signal("CONT").await;
    let status = frozen.end(PATIENCE).await;
    assert!(!status.success(), "it must not stay: {:#?}", frozen.log());
    let log = frozen.log().join("\n");
    assert!(log.contains("the Lease is lost"), "{log}");
    // What had left the fence before it froze may still arrive, and is refused for its version: no more than can be under way.
    let (refused, done): (Vec<_>, Vec<_>) = writes_of_replicas(&namespace, position)
        .into_iter()
        .partition(|event| event.response_status.code == 409);
    assert!(done.is_empty() && refused.len() <= 16, "{done:#?} {refused:#?}");
    assert!(leads(&other).await);
}

#[tokio::test]
async fn without_rights_on_the_lease_it_says_so_and_stands_by() {
    let namespace = env::kube().await.namespace("leader").await;
    let mut alone = replica(&namespace).await;
    alone.expect_refusals_of("leases");
    let deadline = Instant::now() + PATIENCE;
    let complaint = "cannot look at the Lease";
    while !alone
        .log()
        .iter()
        .any(|line| line.contains(complaint) && line.contains("leases"))
    {
        assert!(Instant::now() < deadline, "{:#?}", alone.log());
        sleep(Duration::from_millis(50)).await;
    }
    assert!(!leads(&alone).await);
    assert_eq!(alone.terminate().await.code(), Some(0));
}
