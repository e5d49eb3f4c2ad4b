//! An agent in a Kubernetes of its own, installed as docs/agents.md says. For want of a second cluster it runs in this one, in a namespace where it has no
//! rights, and gets in from outside as it would there.

use std::collections::BTreeSet;

use crate::env::Directory;
use crate::scenario::eventually;
use crate::site::{self, Site};

const AGENTS: &str = "docs/agents.md";

const CONFIGURATION: &str = "apiVersion: adsync.dev/v1alpha1
kind: ActiveDirectoryConfig
metadata: {name: corp}
spec:
  domain: example.com
  servers: [{host: dc1.example.com}]
  tls: {caRef: {configMap: {name: corp-ca, key: ca.crt}}}
  agent: site-a
  credentials: {type: Agent}
";

pub async fn serves_what_names_it(site: &Site) {
    let phones = site.objects().await;
    site.run("kubectl create namespace branch-phones").await;
    site.run("kubectl --namespace branch-phones create configmap corp-ca --from-file=ca.crt")
        .await;
    for command in site::commands(AGENTS, "## Its rights, and the way in") {
        site.run(&command).await;
    }
    site.write("password", &format!("{}\n", Directory::BIND_PASSWORD));
    site.write_file_of(AGENTS, "agent.yaml");
    for command in site::commands(AGENTS, "## In a Kubernetes of its own") {
        site.run(&command).await;
    }
    eventually("the agent's Lease", async || {
        let holder = "kubectl --namespace adsync get lease adsync-site-a --ignore-not-found --output 'jsonpath={.spec.holderIdentity}'";
        (!site.run(holder).await.is_empty()).then_some(())
    })
    .await;

    let since = site.node.audit_log().position();
    site.write("branch.yaml", CONFIGURATION);
    // A phone system that names no agent has its status from the other one.
    let quickstart = "examples/quickstart";
    let named =
        format!("sed 's/^  numberPlan:/  agent: site-a\\n&/' {quickstart}/phone-system.yaml > branch-system.yaml");
    site.run(&named).await;
    let files = format!("--filename branch.yaml --filename branch-system.yaml --filename {quickstart}/sync-scope.yaml");
    site.run(&format!("kubectl --namespace branch-phones apply {files}"))
        .await;
    site.run("kubectl --namespace branch-phones wait --for=condition=Synced --timeout=2m syncscope/staff")
        .await;
    let logins = "kubectl --namespace branch-phones get phoneusers --output 'jsonpath={.items[*].spec.login}'";
    let logins = site.run(logins).await;
    let logins: BTreeSet<_> = logins.split(' ').map(str::to_owned).collect();
    assert_eq!(logins, phones.logins(), "the same people, with phones of that system");

    let writes = site.node.audit_log().events(since).into_iter().filter(|event| {
        let is_ours = event.object.api_group.ends_with("adsync.dev") && event.object.namespace == "branch-phones";
        is_ours && event.is_write() && event.user.username != "admin"
    });
    let users: BTreeSet<_> = writes.map(|event| event.user.username).collect();
    let agent = "system:serviceaccount:adsync:site-a-adsync".to_owned();
    assert_eq!(users, BTreeSet::from([agent]), "the agent, and nobody else");
    assert_eq!(site.objects().await, phones, "and these are not its own");

    site.run("helm uninstall adsync --namespace adsync-agent --wait").await;
    site.run("helm uninstall site-a --namespace adsync --wait").await;
}
