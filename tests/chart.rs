//! The Helm chart and deploy/: what they render to. What a real API server makes of it is in `served`, what a real node does with it in
//! tests of its own.

mod options;
mod policies;
mod rights;
mod served;
mod values;
mod waiting;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use adsync::{api::crds, cli::Command};
use clap::Parser as _;
use serde_json::{Value, json};

use crate::env::helm::{self, CHART, manifests, objects, refusal, values_files};
use crate::env::process;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The only object of a kind.
fn the<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found = of_kind(objects, kind);
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

/// The object of a kind that is called so.
fn named<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = of_kind(objects, kind)
        .into_iter()
        .find(|object| object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

async fn rendered(arguments: &[&str]) -> Vec<Value> {
    objects(&manifests("adsync", arguments).await)
}

/// All files below a folder, as paths in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn helm_finds_nothing_to_complain_about() {
    for values in values_files() {
        helm::helm(None, &["lint", "--strict", CHART, "--values", &values]).await;
    }
}

#[tokio::test]
async fn what_is_generated_from_the_chart_is_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().to_str().unwrap();
    process::run(format!("{ROOT}/packaging/manifests"), &[target], &[], "").await;
    let made = files(folder.path());
    assert!(made.len() > 10, "{made:?}");
    for file in &made {
        let committed = fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_default();
        let wanted = fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(
            committed == wanted,
            "{} is out of date: run `make generate`",
            file.display()
        );
    }
    for file in files(&Path::new(ROOT).join("deploy")) {
        let file = Path::new("deploy").join(file);
        let text = fs::read_to_string(Path::new(ROOT).join(&file)).unwrap();
        let claims = text.starts_with("# Rendered from charts/adsync/");
        assert!(!claims || made.contains(&file), "{} is made by nobody", file.display());
    }
    let in_chart = Path::new("charts/adsync/files/crds");
    for file in files(&Path::new(ROOT).join(in_chart)) {
        assert!(
            made.contains(&in_chart.join(&file)),
            "{} is no CRD of ours",
            file.display()
        );
    }
}

#[tokio::test]
async fn the_crds_are_the_generated_ones_and_stay_when_the_chart_goes() {
    let objects = rendered(&[]).await;
    let mut found = of_kind(&objects, "CustomResourceDefinition")
        .into_iter()
        .cloned()
        .collect::<Vec<_>>();
    for crd in &mut found {
        assert_eq!(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
        crd["metadata"] = json!({"name": crd["metadata"]["name"]});
    }
    let mut wanted: Vec<Value> = crds::all()
        .iter()
        .map(|crd| serde_yaml::from_str(&crds::to_yaml(crd).unwrap()).unwrap())
        .collect();
    for crds in [&mut found, &mut wanted] {
        crds.sort_by_key(|crd| crd["metadata"]["name"].to_string());
    }
    assert_eq!(found, wanted);

    let objects = rendered(&["--set=crds.keep=false"]).await;
    for crd in of_kind(&objects, "CustomResourceDefinition") {
        assert_eq!(crd["metadata"]["annotations"], Value::Null);
    }
    let objects = rendered(&["--set=crds.enabled=false"]).await;
    assert!(of_kind(&objects, "CustomResourceDefinition").is_empty());
}

#[tokio::test]
async fn the_operator_understands_its_arguments_and_listens_where_the_pod_says() {
    for values in values_files() {
        let objects = rendered(&["--values", &values]).await;
        let container = &the(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
        let arguments = container["args"].as_array().unwrap();
        let arguments = arguments.iter().map(|argument| argument.as_str().unwrap());
        let Command::Run(run) = Command::try_parse_from(["adsync"].into_iter().chain(arguments)).unwrap() else {
            panic!("{values}: the container doesn't run the operator");
        };
        let port = |name: &str| {
            let ports = container["ports"].as_array().unwrap();
            let port = ports.iter().find(|port| port["name"] == name).unwrap();
            port["containerPort"].as_u64().unwrap()
        };
        assert_eq!(u64::from(run.metrics_bind_address.port()), port("metrics"), "{values}");
        assert_eq!(u64::from(run.health_bind_address.port()), port("health"), "{values}");
        if values.contains("everything") {
            assert!(run.allow_plaintext && run.concurrency == 2 && run.log_level == "info,adsync::directory=debug");
        }
        if values.contains("namespaces") {
            assert_eq!(run.namespaces, ["phones", "branch-phones"]);
        }
    }
}

/// What of a release is in no namespace, by kind and name.
async fn cluster_wide(release: &str, namespace: &str, arguments: &[&str]) -> BTreeSet<String> {
    let arguments = [&["template", release, CHART, "--namespace", namespace], arguments].concat();
    let objects = objects(&helm::helm(None, &arguments).await);
    let cluster_wide = objects
        .iter()
        .filter(|object| object["metadata"]["namespace"].is_null());
    let named = cluster_wide.map(|object| format!("{} {}", object["kind"], object["metadata"]["name"]));
    named.collect()
}

#[tokio::test]
async fn two_releases_share_nothing_but_the_crds() {
    let plain = cluster_wide("adsync", "adsync", &[]).await;
    let without_crds: BTreeSet<_> = plain
        .iter()
        .filter(|name| !name.starts_with("\"CustomResourceDefinition\""))
        .cloned()
        .collect();
    let names = [
        r#""ClusterRole" "adsync""#,
        r#""ClusterRole" "adsync.admin""#,
        r#""ClusterRole" "adsync.editor""#,
        r#""ClusterRole" "adsync.phone-user-viewer""#,
        r#""ClusterRole" "adsync.viewer""#,
        r#""ClusterRoleBinding" "adsync""#,
    ];
    assert_eq!(
        without_crds,
        names.map(str::to_owned).into(),
        "the documents call them so"
    );
    for (release, namespace) in [
        ("adsync", "branch"),
        ("branch", "adsync"),
        ("adsync-adsync", "adsync"),
        ("adsync", "viewer"),
        ("adsync-viewer", "adsync-viewer"),
    ] {
        let second = cluster_wide(release, namespace, &["--set=crds.enabled=false"]).await;
        assert_eq!(second.len(), names.len(), "{second:?}");
        assert!(
            plain.is_disjoint(&second),
            "{release} in {namespace}: {second:?} and {plain:?}"
        );
    }

    // Where both serve a namespace, though none should, each has a binding of its own.
    let binding = async |namespace: &str| {
        let manifests = manifests(namespace, &["--set=scope.namespaces={phones}"]).await;
        the(&objects(&manifests), "RoleBinding")["metadata"].clone()
    };
    assert_ne!(binding("adsync").await["name"], binding("branch").await["name"]);
}

#[tokio::test]
async fn a_name_that_looks_like_a_number_or_a_word_of_yaml_stays_a_name() {
    let arguments = [
        "template",
        "1234",
        CHART,
        "--namespace=2024",
        "--set=fullnameOverride=on,serviceAccount.name=off,priorityClassName=yes",
        r#"--set-json=scope.namespaces=["2024","on"]"#,
    ];
    let objects = objects(&helm::helm(None, &arguments).await);
    let bindings = of_kind(&objects, "RoleBinding");
    let served: Vec<_> = bindings
        .iter()
        .map(|binding| &binding["metadata"]["namespace"])
        .collect();
    assert_eq!(served, ["2024", "on"]);
    assert_eq!(bindings[0]["subjects"][0]["name"], "off");
    let deployment = the(&objects, "Deployment");
    assert_eq!(deployment["metadata"]["name"], "on");
    assert_eq!(deployment["metadata"]["namespace"], "2024");
    assert_eq!(deployment["spec"]["template"]["spec"]["priorityClassName"], "yes");
    for object in &objects {
        assert_eq!(
            object["metadata"]["labels"]["app.kubernetes.io/instance"], "1234",
            "{object}"
        );
    }
}

#[tokio::test]
async fn a_label_that_is_set_twice_is_there_once_as_the_nearer_says() {
    // `objects` takes no key that is there twice.
    let objects = rendered(&[
        "--set=commonLabels.team=everybody,podLabels.team=pods",
        "--set=metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.labels.team=monitors",
        "--set=metrics.prometheusRule.enabled=true,metrics.prometheusRule.labels.team=rules",
        r"--set=podAnnotations.kubectl\.kubernetes\.io/default-container=beside",
    ])
    .await;
    for (kind, team) in [
        ("Deployment", "everybody"),
        ("ServiceMonitor", "monitors"),
        ("PrometheusRule", "rules"),
    ] {
        assert_eq!(the(&objects, kind)["metadata"]["labels"]["team"], team);
    }
    let pod = &the(&objects, "Deployment")["spec"]["template"]["metadata"];
    assert_eq!(pod["labels"]["team"], "pods");
    assert_eq!(pod["annotations"]["kubectl.kubernetes.io/default-container"], "beside");
}

#[tokio::test]
async fn the_service_and_its_monitor_find_the_pod() {
    let objects = rendered(&["--set=metrics.serviceMonitor.enabled=true"]).await;
    let pod = &the(&objects, "Deployment")["spec"]["template"]["metadata"]["labels"];
    let service = the(&objects, "Service");
    let monitor = the(&objects, "ServiceMonitor");
    for (selector, labels) in [
        (&service["spec"]["selector"], pod),
        (&the(&objects, "Deployment")["spec"]["selector"]["matchLabels"], pod),
        (
            &monitor["spec"]["selector"]["matchLabels"],
            &service["metadata"]["labels"],
        ),
    ] {
        for (key, value) in selector.as_object().unwrap() {
            assert_eq!(&labels[key], value, "{selector} doesn't select {labels}");
        }
    }
    let endpoint = &monitor["spec"]["endpoints"][0];
    assert_eq!(endpoint["port"], service["spec"]["ports"][0]["name"]);
    assert_eq!(
        endpoint["honorLabels"], true,
        "the namespace of a series is the scope's"
    );
}

#[tokio::test]
async fn a_bad_value_is_refused_with_what_to_write() {
    for (value, hint) in [
        ("replicas=2", "set leaderElection.enabled=true"),
        ("logLevel=", "logLevel: write error"),
        ("scope.namespaces={ }", r#"" " is no name of a namespace"#),
        ("scope.namespaces={Phones}", r#""Phones" is no name of a namespace"#),
        (
            "scope.namespaces={phones,branch,phones}",
            "write each of phones, branch, phones once",
        ),
        ("fullnameOverride=Adsync", "can't be the name of a Service"),
        (
            "scope.namespaces={phones},rbac.secretNamespaces={phones}",
            "rbac.secretNamespaces: with scope.namespaces",
        ),
        (
            "rbac.secretNamespaces={Phones}",
            r#"rbac.secretNamespaces: "Phones" is no name of a namespace"#,
        ),
        (
            r"commonLabels.app\.kubernetes\.io/name=sync",
            "commonLabels: the chart sets the label app.kubernetes.io/name itself",
        ),
        (
            r"podLabels.app\.kubernetes\.io/instance=sync",
            "podLabels: the chart sets the label app.kubernetes.io/instance itself",
        ),
        ("image.repository=", "say where the operator's image is"),
        ("serviceAccount.create=false", "name the service account that you made"),
        (
            "metrics.service.enabled=false,metrics.serviceMonitor.enabled=true",
            "it needs the service",
        ),
        (
            "metrics.podMonitor.enabled=true,metrics.serviceMonitor.enabled=true",
            "everything would be counted twice",
        ),
        (
            "metrics.service.enabled=false,metrics.prometheusRule.enabled=true",
            "by which labels Prometheus knows the operator",
        ),
    ] {
        let said = refusal(&["template", "adsync", CHART, "--set", value]).await;
        assert!(said.contains(hint), "{value}: {said}");
    }
    let said = refusal(&["template", "adsync", CHART, "--namespace=No Namespace"]).await;
    assert!(said.contains(r#""No Namespace" is no name of a namespace"#), "{said}");
    let said = refusal(&["template", "adsync", CHART, "--kube-version=1.31.9"]).await;
    assert!(said.contains("kubeVersion: >=1.32"), "{said}");
}

#[tokio::test]
async fn its_notes_are_about_the_values() {
    let notes = async |arguments: &[&str]| {
        let arguments = [
            &["install", "adsync", CHART, "--namespace=adsync", "--dry-run=client"],
            arguments,
        ]
        .concat();
        let said = helm::helm(None, &arguments).await;
        said.split_once("NOTES:\n").expect("the chart has notes").1.to_owned()
    };
    let usual = notes(&[]).await;
    assert!(
        usual.contains("serves all namespaces") && usual.contains("kubectl create namespace phones"),
        "{usual}"
    );
    assert!(!usual.contains("WARNING"), "{usual}");
    let unusual = notes(&["--set=scope.namespaces={branch},allowPlaintext=true,crds.keep=false"]).await;
    assert!(
        unusual.contains("serves branch.") && unusual.contains("kubectl -n branch get"),
        "{unusual}"
    );
    assert!(
        !unusual.contains("create namespace"),
        "one that is served exists: {unusual}"
    );
    assert_eq!(unusual.matches("WARNING: ").count(), 2, "{unusual}");
    let paused = notes(&["--set=replicas=0"]).await;
    assert!(paused.contains("WARNING: replicas is 0"), "{paused}");
    let rights = notes(&["--set=replicas=0,agent.name=site-a"]).await;
    assert!(
        rights.contains("The agent site-a runs elsewhere") && rights.contains("create token adsync"),
        "{rights}"
    );
    assert!(!rights.contains("WARNING"), "nothing of it is paused: {rights}");
}

#[test]
fn chart_and_operator_have_one_version() {
    let chart: Value = serde_yaml::from_str(&fs::read_to_string(format!("{CHART}/Chart.yaml")).unwrap()).unwrap();
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}
