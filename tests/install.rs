//! The README's section "On your cluster", its commands word for word, on a cluster of one node that runs the operator's real image: installed with
//! Helm, upgraded, killed, uninstalled, installed again, and installed with kustomize.
//!
//! One thing is not as a reader has it: `docker` is a stand-in (`env/node/docker`), since there is neither its daemon nor a registry. The image's root
//! file system comes from `packaging/rootfs`, as in the Dockerfile.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::env::{self, Directory, Node};
use crate::scenario::eventually;
use crate::site::{self, README, Site};

const NEWCOMER: &str = "dn: CN=Ada Lovelace,OU=Sales,OU=Staff,DC=example,DC=com
objectClass: user
sAMAccountName: ada
userPrincipalName: ada@example.com
givenName: Ada
sn: Lovelace
userAccountControl: 544
";

#[tokio::test]
async fn the_readme_installs_it_on_a_cluster() {
    if let Some(why_not) = Node::impossible().await {
        env::skip(
            "the_readme_installs_it_on_a_cluster",
            format_args!("no node can run here: {why_not}"),
        );
        return;
    }
    let site = Site::prepare().await;
    site.follow("### Install").await;
    check_that_it_serves_the_company(&site).await;
    check_what_it_shows(&site).await;
    check_its_namespace(&site).await;

    upgrade(&site).await;
    check_what_it_shows(&site).await;
    crash(&site).await;
    uninstall(&site).await;
    install_again(&site).await;

    site.follow("### Delete everything").await;
    assert_eq!(site.run("kubectl get crds --output name").await, "");
    install_without_helm(&site).await;

    let folder = site.node.folder().to_owned();
    drop(site);
    assert!(!folder.exists(), "nothing is left");
}

async fn check_that_it_serves_the_company(site: &Site) {
    let people = people(site).await;
    let found = site.objects().await;
    assert_eq!(found.logins(), people, "a PhoneUser for each, and for nobody else");
    assert_eq!(found.numbers().len(), people.len(), "each has a number of their own");
    assert_eq!(
        (found.of_kind("Extension").count(), found.of_kind("RingGroup").count()),
        (people.len() + 11, 11)
    );
    let counts = "jsonpath={.status.users.inScope} {.status.users.matched} {.status.users.unmatched}";
    assert_eq!(site.scope(counts).await, format!("{} {} 0", people.len(), people.len()));
}

async fn check_what_it_shows(site: &Site) {
    let metrics = site
        .run("kubectl get --raw /api/v1/namespaces/adsync/services/adsync:metrics/proxy/metrics")
        .await;
    let synced = r#"adsync_scope_synced{namespace="phones",name="staff"} 1"#;
    assert!(metrics.lines().any(|line| line == synced), "{metrics}");

    let log = site.run("kubectl --namespace adsync logs deployment/adsync").await;
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["level"].is_string() && event["timestamp"].is_string(), "{line}");
    }
    assert!(log.contains("phones"), "it logs what it does: {log}");
    for text in [
        &log,
        &metrics,
        &site
            .run("kubectl --namespace phones get events,adc,scope --output yaml")
            .await,
    ] {
        assert!(!text.contains(Directory::BIND_PASSWORD), "{text}");
    }
}

/// That the namespace really holds its pods to the standard, or the operator's being there would prove nothing.
pub async fn check_its_namespace(site: &Site) {
    let refusal = site
        .refused("kubectl --namespace adsync run root --image=localhost/pause:1 --dry-run=server")
        .await;
    assert!(refusal.contains("violates PodSecurity \"restricted"), "{refusal}");
}

/// A new version of the chart, which has another CRD.
async fn upgrade(site: &Site) {
    let before = site.objects().await;
    let crd = "charts/adsync/files/crds/phoneusers.telephony.adsync.dev.yaml";
    site.edit(crd, "    - pu\n", "    - pu\n    - staffphone\n");
    site.follow("### Upgrade").await;
    let listed = site
        .run("kubectl --namespace phones get staffphone --output name")
        .await;
    assert_eq!(listed.lines().count(), before.logins().len(), "the new CRD is there");
    let container = "jsonpath={.items[*].spec.containers[*].image} {.items[*].spec.containers[*].args}";
    let pods = site
        .run(&format!("kubectl --namespace adsync get pods --output '{container}'"))
        .await;
    assert!(
        pods.starts_with("registry.example.com/adsync:0.1.0 [\"run\","),
        "what was set stays: {pods}"
    );
    assert!(
        pods.contains("\"--log-level=debug\""),
        "what is set anew is heeded: {pods}"
    );
    site.sync_now().await;
    assert_eq!(site.objects().await, before, "nothing was written again");
}

/// Twice in the middle of work: the whole pod, whose replacement may meet it, and the process in it.
async fn crash(site: &Site) {
    let before = site.objects().await;
    site.directory.ldif(NEWCOMER).await;
    site.ask_for_a_sync("newcomer").await;
    site.run(
        "kubectl --namespace adsync delete pod --selector app.kubernetes.io/name=adsync --force --grace-period=0 2>&1",
    )
    .await;
    site.await_sync("newcomer").await;
    let with_newcomer = site.objects().await;
    let mut expected = before.logins();
    expected.insert("ada".to_owned());
    assert_eq!(with_newcomer.logins(), expected);
    assert_eq!(with_newcomer.numbers().len(), expected.len(), "no number twice");
    assert!(before.is_part_of(&with_newcomer), "nobody else was touched");

    site.directory
        .delete("CN=Ada Lovelace,OU=Sales,OU=Staff,DC=example,DC=com")
        .await;
    let pod = site
        .run("kubectl --namespace adsync get pods --output 'jsonpath={.items[0].metadata.name}'")
        .await;
    site.node.kill_container("adsync", &pod).await;
    eventually("the container's restart", async || {
        let path = "jsonpath={.items[0].status.containerStatuses[0].restartCount} {.items[0].status.containerStatuses[0].ready}";
        let state = site.run(&format!("kubectl --namespace adsync get pods --output '{path}'")).await;
        (state == "1 true").then_some(())
    })
    .await;
    site.sync_now().await;
    assert_eq!(
        site.objects().await,
        with_newcomer,
        "who is gone keeps phone and number"
    );
}

async fn uninstall(site: &Site) {
    let before = site.objects().await;
    site.follow("### Uninstall").await;
    site.run("kubectl --namespace adsync wait --for=delete --timeout=1m pods --all")
        .await;
    assert_eq!(
        site.run("kubectl --namespace adsync get deployments,services,pods --output name")
            .await,
        ""
    );
    assert_eq!(
        site.run("kubectl get clusterroles,clusterrolebindings --output name | grep adsync || true")
            .await,
        ""
    );
    assert_eq!(site.objects().await, before, "phones keep their users and numbers");
    let configuration = site
        .run("kubectl --namespace phones get adc,scope,extrule,phs,secrets,configmaps --output name")
        .await;
    for kept in [
        "/corp",
        "/staff",
        "/hq-numbers",
        "/ring-numbers",
        "/hq",
        "secret/corp-bind",
        "configmap/corp-ca",
    ] {
        assert!(configuration.contains(kept), "{kept} is gone: {configuration}");
    }
}

async fn install_again(site: &Site) {
    let before = site.objects().await;
    let install = site::command(README, "### Install", "helm install");
    let other = install.replacen("install adsync", "install other", 1);
    let refusal = site.refused(&other).await;
    assert!(refusal.contains("meta.helm.sh/release-name"), "{refusal}");
    site.run(&format!("{other} --take-ownership --dry-run=server")).await;
    site.run(&install).await;
    site.sync_now().await;
    assert_eq!(site.objects().await, before, "it goes on where it was");
}

async fn install_without_helm(site: &Site) {
    site.write_file_of(README, "my-cluster/kustomization.yaml");
    site.follow("### Without Helm").await;
    let commands = site::commands(README, "### Install");
    let configure = commands
        .iter()
        .position(|command| command.contains("create namespace phones"));
    for command in &commands[configure.expect("the README makes the namespace phones")..] {
        site.run(command).await;
    }
    assert_eq!(site.objects().await.logins(), people(site).await);
}

/// The logins of those of the staff who shall have a telephone, as `ldapsearch` sees them.
async fn people(site: &Site) -> BTreeSet<String> {
    let staff = "OU=Staff,DC=example,DC=com";
    let alive = "(&(objectCategory=person)(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2))(!(accountExpires=132223104000000000)))";
    let found = site.directory.search(staff, alive, &["sAMAccountName"]).await;
    let served = found.iter().filter(|entry| !entry.dn.contains("OU=External,"));
    served
        .map(|entry| entry.value("sAMAccountName").unwrap().to_owned())
        .collect()
}
