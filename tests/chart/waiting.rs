//! `helm install --wait` and `kubectl wait` of a chart that holds nothing but our custom resources, while a real operator answers.

use std::fs;
use std::path::Path;
use std::process::Output;

use adsync::reference;

use crate::env::helm;
use crate::env::{self, Kube, Namespace, Operator};

const SYSTEM: &str = "
apiVersion: telephony.adsync.dev/v1alpha1
kind: PhoneSystem
metadata: {name: hq}
spec: {}
";
const SCOPE: &str = "
apiVersion: adsync.dev/v1alpha1
kind: SyncScope
metadata: {name: staff}
spec:
  directoryRef: {name: corp}
  phoneSystemRef: {name: hq}
  users: {everyone: {}}
  suspend: true
";

fn make_chart(folder: &Path, objects: &[&str]) -> String {
    fs::create_dir_all(folder.join("templates")).unwrap();
    fs::write(
        folder.join("Chart.yaml"),
        "{apiVersion: v2, name: phones, version: 1.0.0}",
    )
    .unwrap();
    fs::write(folder.join("templates/all.yaml"), objects.join("---")).unwrap();
    folder.to_str().unwrap().to_owned()
}

async fn install(kube: &Kube, namespace: &Namespace<'_>, chart: &str, timeout: &str) -> Output {
    let arguments = [
        "install",
        "phones",
        chart,
        "--wait",
        "--timeout",
        timeout,
        "--namespace",
        namespace.name(),
    ];
    helm::attempt(Some(kube.kubeconfig()), &arguments).await
}

#[tokio::test]
async fn helm_waits_for_what_is_right_and_not_for_what_is_stalled() {
    let kube = env::kube().await;
    let (right, wrong, unserved) = (
        kube.namespace("waiting").await,
        kube.namespace("waiting").await,
        kube.namespace("waiting").await,
    );
    let operator = Operator::start(kube, &[&right, &wrong]).await;
    let folder = tempfile::tempdir().unwrap();

    let chart = make_chart(&folder.path().join("right"), &[SCOPE, SYSTEM]);
    let output = install(kube, &right, &chart, "2m").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    right
        .kubectl(&[
            "wait",
            "--for=condition=Ready",
            "--timeout=10s",
            "syncscopes,phonesystems",
            "--all",
        ])
        .await;

    // What is missing is waited for, a minute long; what can't be right is not.
    let config = reference::examples()
        .find(|(kind, _)| *kind == "ActiveDirectoryConfig")
        .unwrap()
        .1;
    wrong.apply(config).await;
    let broken = SCOPE
        .replace("{everyone: {}}", "{everyone: {}, filter: \"(cn=\"}")
        .replace("suspend: true", "suspend: false");
    let chart = make_chart(&folder.path().join("wrong"), &[&broken, SYSTEM]);
    // It has all the time of the world, and does not take it: the test would never end.
    let output = install(kube, &wrong, &chart, "10h").await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("/staff not ready. status: Failed, message: ") && said.contains("filter"),
        "{said}"
    );
    operator.stop().await;

    let chart = make_chart(&folder.path().join("unserved"), &[SYSTEM]);
    let output = install(kube, &unserved, &chart, "5s").await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("PhoneSystem"),
        "nobody has answered it: {said}"
    );
}
