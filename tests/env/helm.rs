//! Helm, and what the chart renders to.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde::Deserialize as _;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::process;

pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/adsync");

/// Helm, which is built on first use.
async fn program() -> &'static Path {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    let build = async || {
        let folder = process::run(process::scripts().join("kube/build"), &["helm"], &[], "").await;
        Path::new(folder.trim()).join("helm")
    };
    PROGRAM.get_or_init(build).await
}

/// Runs Helm against a cluster, or none. What it would keep in the home folder is thrown away.
pub async fn attempt(kubeconfig: Option<&Path>, arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("there is room for a folder");
    let nowhere = Path::new("/dev/null");
    let environment: [(&str, &OsStr); 4] = [
        ("KUBECONFIG", kubeconfig.unwrap_or(nowhere).as_os_str()),
        ("HELM_CACHE_HOME", home.path().as_os_str()),
        ("HELM_CONFIG_HOME", home.path().as_os_str()),
        ("HELM_DATA_HOME", home.path().as_os_str()),
    ];
    process::attempt(program().await, arguments, &environment, "").await
}

/// What Helm prints; panics if it fails.
pub async fn helm(kubeconfig: Option<&Path>, arguments: &[&str]) -> String {
    let output = attempt(kubeconfig, arguments).await;
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success(),
        "helm {} failed:\n{error}{out}",
        arguments.join(" ")
    );
    out
}

/// What Helm says when it fails; panics if it doesn't.
pub async fn refusal(arguments: &[&str]) -> String {
    let output = attempt(None, arguments).await;
    assert!(
        !output.status.success(),
        "helm {} should have failed",
        arguments.join(" ")
    );
    text(&output.stderr)
}

/// The chart's manifests in a release `adsync`, as YAML.
pub async fn manifests(namespace: &str, arguments: &[&str]) -> String {
    let arguments = [&["template", "adsync", CHART, "--namespace", namespace], arguments].concat();
    helm(None, &arguments).await
}

/// The objects of a YAML stream.
pub fn objects(yaml: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(yaml);
    // By way of YAML's own values: JSON's take a key that is there twice.
    let values = documents.map(|document| serde_yaml::Value::deserialize(document).expect("manifests are YAML"));
    let values = values.map(|value| serde_json::to_value(value).expect("YAML's values are JSON's"));
    values.filter(|value| !value.is_null()).collect()
}

/// The values files that the chart is tried with.
pub fn values_files() -> Vec<String> {
    let folder = std::fs::read_dir(Path::new(CHART).join("ci")).expect("the chart has values to be tried with");
    let mut files: Vec<_> = folder
        .map(|entry| entry.expect("a folder can be read").path().display().to_string())
        .collect();
    files.sort();
    files
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
