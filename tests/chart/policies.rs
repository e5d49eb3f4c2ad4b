//! The chart's admission policies, as a real API server enforces them on those who may and those who may not.

use std::process::Output;

use crate::env::helm::manifests;
use crate::env::{Kube, process};
use crate::scenario::eventually;

const NAMESPACE: &str = "guarded";

/// A server with the policies for the namespace `guarded`, where `editor` may write our kinds, `approver` may approve as well, and `keeper` may read
/// the Secret corp-bind.
async fn guarded() -> Kube {
    let kube = Kube::own().await;
    let values = ["--set=admissionPolicies.enabled=true,scope.namespaces={guarded},crds.enabled=false"];
    let chart = manifests(NAMESPACE, &values).await;
    for namespace in [NAMESPACE, "elsewhere"] {
        kube.kubectl(&["create", "namespace", namespace]).await;
    }
    kube.kubectl_with_input(&["apply", "--server-side", "--filename=-"], &chart)
        .await;
    let secret = "--from-literal=password=secret";
    kube.kubectl(&[
        "--namespace=guarded",
        "create",
        "secret",
        "generic",
        "corp-bind",
        secret,
    ])
    .await;
    let create = async |namespace: &str, arguments: &str| {
        let namespace = format!("--namespace={namespace}");
        let arguments: Vec<&str> = [namespace.as_str(), "create"]
            .into_iter()
            .chain(arguments.split(' '))
            .collect();
        kube.kubectl(&arguments).await;
    };
    create(
        NAMESPACE,
        "role reader --verb=get --resource=secrets --resource-name=corp-bind",
    )
    .await;
    create(NAMESPACE, "rolebinding readers --role=reader --user=keeper").await;
    let editors = "rolebinding editors --clusterrole=adsync.guarded.editor --user=editor --user=keeper";
    create(NAMESPACE, editors).await;
    create("elsewhere", editors).await;
    create(
        NAMESPACE,
        "rolebinding admins --clusterrole=adsync.guarded.admin --user=approver",
    )
    .await;
    // The server heeds a policy a moment after it has taken it.
    eventually("both policies", async || {
        let scope = scope("").replace("staff", "tried");
        let approved = annotated(&scope, "x");
        let refused = [(approved.as_str(), "editor"), (CONFIG, "editor")];
        for (object, who) in refused {
            if attempt(
                &kube,
                NAMESPACE,
                who,
                &["apply", "--server-side", "--dry-run=server", "--filename=-"],
                object,
            )
            .await
            .status
            .success()
            {
                return None;
            }
        }
        Some(())
    })
    .await;
    kube
}

const CONFIG: &str = "
apiVersion: adsync.dev/v1alpha1
kind: ActiveDirectoryConfig
metadata: {name: corp}
spec:
  domain: example.com
  servers: [{host: dc1.example.com}]
  credentials: {secretRef: {name: corp-bind}}
";

fn scope(more: &str) -> String {
    format!(
        "
apiVersion: adsync.dev/v1alpha1
kind: SyncScope
metadata: {{name: staff}}
spec:
  directoryRef: {{name: corp}}
  phoneSystemRef: {{name: hq}}
  users: {{everyone: {{}}}}
{more}"
    )
}

fn annotated(scope: &str, digest: &str) -> String {
    let metadata = format!("metadata: {{annotations: {{adsync.dev/approve: \"{digest}\"}}, ");
    scope.replace("metadata: {", &metadata)
}

/// kubectl as somebody.
async fn attempt(kube: &Kube, namespace: &str, who: &str, arguments: &[&str], input: &str) -> Output {
    let environment = [
        ("KUBECONFIG", kube.kubeconfig().as_os_str()),
        ("KUBECACHEDIR", kube.folder().as_os_str()),
    ];
    let arguments = [&["--namespace", namespace, "--as", who], arguments].concat();
    process::attempt(kube.kubectl_program(), &arguments, &environment, input).await
}

async fn may(kube: &Kube, who: &str, arguments: &[&str], input: &str) {
    let output = attempt(kube, NAMESPACE, who, arguments, input).await;
    assert!(
        output.status.success(),
        "{who}: {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn may_not(kube: &Kube, who: &str, arguments: &[&str], input: &str, message: &str) {
    let output = attempt(kube, NAMESPACE, who, arguments, input).await;
    assert!(!output.status.success(), "{who} may: {arguments:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(message), "{said}");
}

const APPLY: [&str; 3] = ["apply", "--server-side", "--filename=-"];

#[tokio::test]
async fn only_who_may_approve_approves_and_only_who_may_read_a_secret_points_to_it() {
    let kube = guarded().await;
    approvals(&kube).await;
    credentials(&kube).await;
}

async fn approvals(kube: &Kube) {
    let message = "the annotation adsync.dev/approve lets held removals through: editor may not approve syncscopes in the namespace guarded; \
        ask somebody with the ClusterRole admin there";
    may_not(kube, "editor", &APPLY, &annotated(&scope(""), "0a1b"), message).await;
    may(kube, "editor", &APPLY, &scope("")).await;
    let annotate = |change| ["annotate", "--overwrite", "syncscope", "staff", change];
    may_not(kube, "editor", &annotate("adsync.dev/approve=0a1b"), "", message).await;
    may(kube, "approver", &annotate("adsync.dev/approve=0a1b"), "").await;
    // All else stays theirs, while somebody's approval is there.
    may(kube, "editor", &annotate("reconcile.fluxcd.io/requestedAt=now"), "").await;
    may(kube, "editor", &APPLY, &scope("  suspend: true")).await;
    may_not(kube, "editor", &annotate("adsync.dev/approve=ffff"), "", message).await;
    may_not(kube, "editor", &annotate("adsync.dev/approve-"), "", message).await;
    may(kube, "approver", &annotate("adsync.dev/approve-"), "").await;
    // What another release serves is not this one's.
    let elsewhere = attempt(kube, "elsewhere", "editor", &APPLY, &annotated(&scope(""), "0a1b")).await;
    assert!(
        elsewhere.status.success(),
        "{}",
        String::from_utf8_lossy(&elsewhere.stderr)
    );
}

async fn credentials(kube: &Kube) {
    let message = "an ActiveDirectoryConfig sends the password of its Secret to its servers: editor may not get the Secret corp-bind in the \
        namespace guarded; ask somebody who may";
    may_not(kube, "editor", &APPLY, CONFIG, message).await;
    may(kube, "keeper", &APPLY, CONFIG).await;
    // Somebody else's host would be told the password.
    let host = r#"{"spec": {"servers": [{"host": "evil.example.net"}]}}"#;
    let patch = |change| ["patch", "adc", "corp", "--type=merge", "--patch", change];
    may_not(kube, "editor", &patch(host), "", message).await;
    may(
        kube,
        "editor",
        &["annotate", "adc", "corp", "reconcile.fluxcd.io/requestedAt=now"],
        "",
    )
    .await;
    may(
        kube,
        "keeper",
        &patch(r#"{"spec": {"servers": [{"host": "dc2.example.com"}]}}"#),
        "",
    )
    .await;
    // An agent's password is in no Secret, and goes where somebody with a right of its own says.
    let agents = CONFIG
        .replace("{secretRef: {name: corp-bind}}", "{type: Agent}")
        .replace("name: corp}", "name: site}");
    let message = "keeper may not use-agent activedirectoryconfigs in the namespace guarded";
    may_not(kube, "keeper", &APPLY, &agents, message).await;
    may(kube, "approver", &APPLY, &agents).await;
    // Keeper may read one Secret, not every one.
    let other = r#"{"spec": {"credentials": {"secretRef": {"name": "another"}}}}"#;
    let message = "keeper may not get the Secret another in the namespace guarded";
    may_not(kube, "keeper", &patch(other), "", message).await;
}
