//! Operators that share a cluster: each serves what names it, one of them outside of the cluster with a password in a file.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::{
    env::{self, Binary, Directory, Namespace, PersonSpec, TestOu},
    leadership::let_elect,
    scenario::{self, await_synced, phone_users},
};

/// A directory that names an agent and holds no credentials, and a scope of all its people.
async fn site(namespace: &Namespace<'_>, ou: &TestOu<'_>) {
    scenario::apply_company(namespace, env::directory().await).await;
    namespace.kubectl(&["delete", "secret", "corp-bind"]).await;
    let theirs =
        json!({"spec": {"baseDN": ou.dn(), "agent": "site-a", "credentials": {"type": "Agent", "secretRef": null}}});
    namespace
        .kubectl(&[
            "patch",
            "activedirectoryconfigs",
            "corp",
            "--type=merge",
            "--patch",
            &theirs.to_string(),
        ])
        .await;
    let scope = json!({"apiVersion": "adsync.dev/v1alpha1", "kind": "SyncScope", "metadata": {"name": "staff"}, "spec": {
        "directoryRef": {"name": "corp"}, "phoneSystemRef": {"name": "hq"}, "users": {"everyone": {}}}});
    namespace.apply(&scope.to_string()).await;
}

fn connected_with(reason: &str) -> String {
    format!("--for=jsonpath={{.status.conditions[?(@.type=='Connected')].reason}}={reason}")
}

#[tokio::test]
async fn an_agent_with_its_password_in_a_file_serves_what_names_it_and_nobody_else_does() {
    let kube = env::kube().await;
    let namespace = kube.namespace("agent").await;
    let ou = env::directory().await.ou("agent").await;
    ou.person(PersonSpec::named("Ada Agent")).await;
    let_elect(&namespace, None).await;
    let_elect(&namespace, Some("site-a")).await;
    let place = format!("--leader-election-namespace={}", namespace.name());
    let central = Binary::start(kube, &[&namespace], &[&place]).await;
    site(&namespace, &ou).await;

    // The one without a name says that nobody serves it, and does nothing else.
    namespace
        .kubectl(&["wait", &connected_with("AgentAbsent"), "--timeout=60s", "adc/corp"])
        .await;
    let said = namespace.kubectl(&["describe", "adc", "corp"]).await;
    assert!(
        said.contains("no operator runs with --agent site-a") && said.contains("adsync-site-a"),
        "{said}"
    );
    assert!(phone_users(&namespace).await.is_empty());

    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join(namespace.name()).join("corp");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("username"), Directory::BIND_UPN).unwrap();
    std::fs::write(own.join("password"), format!("{}\n", Directory::BIND_PASSWORD)).unwrap();
    let credentials = format!("--credentials-directory={}", folder.path().display());
    let mut agent = Binary::start(kube, &[&namespace], &["--agent=site-a", &place, &credentials]).await;
    namespace
        .kubectl(&["wait", "--for=condition=Connected", "--timeout=60s", "adc/corp"])
        .await;
    await_synced(&namespace, "staff").await;
    assert_eq!(phone_users(&namespace).await.len(), 1);
    assert!(!agent.log().join("\n").contains(Directory::BIND_PASSWORD));

    // The one without a name leaves them alone while it is there, and complains when it has gone.
    let position = kube.audit_position();
    sleep(Duration::from_secs(3)).await;
    let writes = namespace.writes(position);
    // (The phone system names no agent: its totals are the other one's.)
    let writes: Vec<_> = writes
        .iter()
        .filter(|event| event.object.api_group == "adsync.dev")
        .collect();
    assert!(writes.is_empty(), "{writes:#?}");
    assert_eq!(agent.terminate().await.code(), Some(0), "{:#?}", agent.log());
    namespace
        .kubectl(&["wait", &connected_with("AgentAbsent"), "--timeout=180s", "adc/corp"])
        .await;
    let ready = namespace
        .kubectl(&[
            "get",
            "adc",
            "corp",
            "-o",
            "jsonpath={.status.conditions[?(@.type=='Ready')].status}",
        ])
        .await;
    assert_eq!(ready, "True", "nobody's release is held up by it");
    assert_eq!(phone_users(&namespace).await.len(), 1);
    drop(central);
}
