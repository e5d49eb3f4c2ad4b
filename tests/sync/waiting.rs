//! Whoever waits for our objects: `kubectl wait`, and `helm install --wait` of somebody's chart, which has nothing but them
//! (`waiting/`). What works comes back as soon as it does, what never will fails before the waiting ends.

use std::{process::Output, time::Duration};

use adsync::api::SyncScope;
use serde_json::json;
use tokio::time::timeout;

use super::scene::{Scene, everyone, with};
use crate::{
    env::{self, Directory, Namespace, Operator, Options, TestOu, helm},
    scenario::{await_rest, await_scope, has, phone_users},
};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sync/waiting");
/// What fails is known long before the five minutes that Helm would wait for it.
const SOON: Duration = Duration::from_secs(90);

async fn wait_for(namespace: &Namespace<'_>, condition: &str, objects: &[&str]) {
    let condition = format!("--for=condition={condition}");
    namespace
        .kubectl(&[&["wait", &condition, "--timeout=60s"], objects].concat())
        .await;
}

#[tokio::test]
async fn kubectl_waits_for_every_kind_and_what_is_wrong_is_stalled() {
    let scene = Scene::new("wait").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.apply_scope("staff", everyone()).await;
    let healthy = [
        "activedirectoryconfig/corp",
        "phonesystem/hq",
        "extensionrule/hq-numbers",
        "syncscope/staff",
    ];
    wait_for(&scene.namespace, "Ready", &healthy).await;
    assert!(
        scene.number(&ada.login).await.is_some(),
        "a scope is ready when its people are there"
    );

    let missing = json!({"directoryRef": {"name": "wrong"}});
    let unparsed = json!({"users": {"everyone": {}, "filter": "(title="}});
    scene.apply_scope("unparsed", with(everyone(), unparsed)).await;
    let pattern = json!({"name": "telephoneNumber", "pattern": "^([0-9]+)$", "number": "$2"});
    let rule = json!({"source": "Attribute", "attribute": pattern});
    scene.rule("wrong", rule).await;
    let directory = json!({"apiVersion": "adsync.dev/v1alpha1", "kind": "ActiveDirectoryConfig", "metadata": {"name": "wrong"}, "spec": {
        "domain": Directory::DOMAIN, "baseDN": "OU=Nowhere,DC=example,DC=com",
        "servers": [{"host": Directory::HOST, "port": env::directory().await.ldaps_port()}],
        "tls": {"caRef": {"configMap": {"name": "corp-ca"}}}, "credentials": {"secretRef": {"name": "corp-bind"}}}});
    scene.apply(directory).await;
    scene.apply_scope("misdirected", with(everyone(), missing)).await;
    let wrong = [
        "syncscope/unparsed",
        "extensionrule/wrong",
        "activedirectoryconfig/wrong",
        "syncscope/misdirected",
    ];
    wait_for(&scene.namespace, "Stalled", &wrong).await;
    wait_for(&scene.namespace, "Ready=False", &wrong).await;
    scene.finish().await;
}

/// Somebody's namespace with the Secret and the certificate authority that the chart's objects name, and an operator.
struct Customer<'a> {
    namespace: Namespace<'a>,
    directory: &'a Directory,
    ou: TestOu<'a>,
    operator: Operator,
}

impl<'a> Customer<'a> {
    async fn new(directory: &'a Directory) -> Self {
        let kube = env::kube().await;
        let namespace = kube.namespace("helm-wait").await;
        let operator = Operator::start(kube, &[&namespace]).await;
        let customer = Self {
            ou: directory.ou("helm-wait").await,
            namespace,
            directory,
            operator,
        };
        customer.account(Directory::BIND_UPN, Directory::BIND_PASSWORD).await;
        let ca = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "corp-ca"}, "data": {"ca.crt": directory.ca_pem()}});
        customer.namespace.apply(&ca.to_string()).await;
        customer
    }

    async fn account(&self, username: &str, password: &str) {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "corp-bind"},
            "stringData": {"username": username, "password": password}});
        self.namespace.apply(&secret.to_string()).await;
    }

    /// Installs or upgrades the chart, and waits as long as Helm does.
    async fn helm(&self, verb: &str, values: &[&str]) -> Output {
        let base = format!("baseDN={}", self.ou.dn().replace(',', "\\,"));
        let port = format!("port={}", self.directory.ldaps_port());
        let mut arguments = vec![verb, "company", CHART, "--namespace", self.namespace.name()];
        arguments.extend(["--wait", "--timeout=5m", "--set-string", &base, "--set", &port]);
        for value in values {
            arguments.extend(["--set-string", value]);
        }
        let helm = helm::attempt(Some(env::kube().await.kubeconfig()), &arguments);
        timeout(SOON, helm)
            .await
            .expect("it does not take all the time there is")
    }
}

/// What Helm says of it; panics unless it ended so.
fn said(output: &Output, succeeds: bool) -> String {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.success(), succeeds, "{said}");
    said
}

#[tokio::test]
async fn helm_waits_until_everybody_is_synced_and_no_outage_of_the_directory_fails_an_upgrade() {
    let directory = Directory::own(Options::default()).await;
    let customer = Customer::new(&directory).await;
    customer.ou.people(["Ada Lovelace", "Grace Hopper"]).await;
    said(&customer.helm("install", &[]).await, true);
    let users = phone_users(&customer.namespace).await;
    assert_eq!(users.len(), 2, "Helm is done when they are there");
    assert!(users.iter().all(|user| user.spec.extension.is_some()), "{users:#?}");

    directory.stop().await;
    // What was known is known no more: it has to be asked, and does not answer.
    said(&customer.helm("upgrade", &["interval=10s"]).await, true);
    await_scope(&customer.namespace, "staff", "out of date", |_, status| {
        has(status, "Synced", "False")
    })
    .await;
    said(&customer.helm("upgrade", &["interval=20s"]).await, true);
    let scope = customer.namespace.api::<SyncScope>().get("staff").await.unwrap();
    let status = scope.status.as_ref().unwrap();
    assert!(
        has(status, "Ready", "True") && has(status, "Synced", "False"),
        "{status:#?}"
    );
    await_rest(&customer.namespace).await;
    assert_eq!(phone_users(&customer.namespace).await.len(), 2);
    drop(customer.operator);
}

#[tokio::test]
async fn helm_fails_soon_when_a_filter_or_a_password_is_wrong() {
    let customer = Customer::new(env::directory().await).await;
    customer.ou.person("Ada Lovelace").await;
    let failed = said(&customer.helm("install", &["filter=(title="]).await, false);
    assert!(failed.contains("SyncScope") && failed.contains("Failed"), "{failed}");
    assert!(failed.contains("position"), "it says what to mend: {failed}");
    said(&customer.helm("upgrade", &[]).await, true);

    let other = Customer::new(env::directory().await).await;
    other.account("nobody-of-that-name@example.com", "Passw0rd.Wr0ng").await;
    let failed = said(&other.helm("install", &[]).await, false);
    assert!(
        failed.contains("ActiveDirectoryConfig") && failed.contains("Failed"),
        "{failed}"
    );
    other.account(Directory::BIND_UPN, Directory::BIND_PASSWORD).await;
    // Nothing changes in what Helm applies, so that it would look at the moment before.
    wait_for(&other.namespace, "Ready", &["syncscope/staff"]).await;
    said(&other.helm("upgrade", &[]).await, true);
    for customer in [customer, other] {
        await_rest(&customer.namespace).await;
        drop(customer.operator);
    }
}
