//! What a real API server makes of the chart and of deploy/, with the Prometheus Operator's own CRDs. Nothing runs there: it has no node.

use std::path::Path;

use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{ROOT, manifests, the, values_files};
use crate::env::helm::{self, CHART, objects};
use crate::env::{Kube, process};
use crate::scenario::eventually;

/// A server of our own: the chart's objects that are no namespace's would meet those of other tests on the shared one.
pub(super) async fn kube() -> &'static Kube {
    static OWN: OnceCell<Kube> = OnceCell::const_new();
    let start = async || {
        let kube = Kube::own().await;
        let monitoring = process::run::<&str>(process::scripts().join("monitoring/crds"), &[], &[], "").await;
        kube.kubectl(&["apply", "--server-side", "--filename", monitoring.trim()])
            .await;
        kube.kubectl(&["wait", "--for=condition=Established", "--timeout=30s", "crds", "--all"])
            .await;
        for namespace in ["phones", "branch-phones"] {
            kube.kubectl(&["create", "namespace", namespace]).await;
        }
        make_restricted_namespace(&kube).await;
        kube
    };
    OWN.get_or_init(start).await
}

/// `tried`, which lets no pod in that is not restricted. One that would not be let in is a warning already when its Deployment is applied.
async fn make_restricted_namespace(kube: &Kube) {
    kube.kubectl(&["create", "namespace", "tried"]).await;
    for mode in ["enforce", "warn"] {
        let strict = format!("pod-security.kubernetes.io/{mode}=restricted");
        kube.kubectl(&["label", "namespace", "tried", &strict]).await;
    }
    // Admission sees the label a moment later, and lets everything pass until then.
    let loose = manifests("tried", &["--set=podSecurityContext=null"]).await;
    eventually("a warning of Pod Security", async || {
        let said = would_be_taken(kube, &loose).await.err()?;
        said.contains("would violate PodSecurity").then_some(())
    })
    .await;
}

/// Whether the server would take the manifests, without a word of warning; else what it says.
async fn would_be_taken(kube: &Kube, manifests: &str) -> Result<(), String> {
    let environment = [
        ("KUBECONFIG", kube.kubeconfig().as_os_str()),
        ("KUBECACHEDIR", kube.folder().as_os_str()),
    ];
    let arguments = [
        "--warnings-as-errors",
        "apply",
        "--server-side",
        // Somebody else's ClusterRole of this name is the other test's.
        "--force-conflicts",
        "--dry-run=server",
        "--filename=-",
    ];
    let kubectl = kube.folder().join("kubectl");
    let output = process::attempt(kubectl, &arguments, &environment, manifests).await;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[tokio::test]
async fn every_variant_is_taken_by_the_api_server_in_a_restricted_namespace() {
    let kube = kube().await;
    for values in values_files() {
        let manifests = manifests("tried", &["--values", &values]).await;
        would_be_taken(kube, &manifests)
            .await
            .unwrap_or_else(|error| panic!("{values}: {error}"));
    }
}

/// What kubectl makes of a kustomization over deploy/, which begins with these lines.
async fn kustomized(kube: &Kube, lines: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(ROOT, folder.path().join("adsync")).unwrap();
    std::fs::write(folder.path().join("kustomization.yaml"), lines).unwrap();
    kube.kubectl(&["kustomize", folder.path().to_str().unwrap()]).await
}

#[tokio::test]
async fn every_kustomization_is_taken_by_the_api_server_in_a_restricted_namespace() {
    let kube = kube().await;
    let components = ["monitoring", "network-policy", "admission-policies"].map(|name| format!("adsync/deploy/{name}"));
    for base in ["adsync/deploy", "adsync/deploy/namespaced"] {
        for components in [&[], &components[..1], &components[..]] {
            let lines = format!("resources: [{base}]\ncomponents: {components:?}\nnamespace: tried\n");
            let manifests = kustomized(kube, &lines).await;
            let count = objects(&manifests)
                .iter()
                .filter(|object| object["kind"] == "Deployment")
                .count();
            assert_eq!(count, 1, "{lines}");
            would_be_taken(kube, &manifests)
                .await
                .unwrap_or_else(|error| panic!("{lines}: {error}"));
        }
    }
}

#[tokio::test]
async fn the_namespaced_kustomization_serves_the_namespace_that_it_is_told() {
    let kube = kube().await;
    // As deploy/namespaced/kustomization.yaml says.
    let text = std::fs::read_to_string(format!("{ROOT}/deploy/namespaced/kustomization.yaml")).unwrap();
    let commented = text.lines().filter_map(|line| line.strip_prefix("#   "));
    let objects = objects(&kustomized(kube, &commented.collect::<Vec<_>>().join("\n")).await);
    let args = &the(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"];
    assert_eq!(args[1], "--namespace=telephones");
    assert_eq!(the(&objects, "RoleBinding")["metadata"]["namespace"], "telephones");
    assert!(!objects.iter().any(|object| object["kind"] == "ClusterRoleBinding"));
}

#[tokio::test]
async fn a_pod_that_may_do_more_would_be_noticed() {
    let kube = kube().await;
    for (value, complaint) in [
        ("podSecurityContext=null", "runAsNonRoot != true"),
        ("securityContext=null", "allowPrivilegeEscalation != false"),
    ] {
        let manifests = manifests("tried", &["--set", value]).await;
        let error = would_be_taken(kube, &manifests).await.unwrap_err();
        assert!(error.contains(complaint), "{error}");
    }
}

/// Whether there is such an object.
async fn exists(kube: &Kube, kind: &str, name: &str) -> bool {
    let found = kube
        .kubectl(&[
            "--namespace=adsync",
            "get",
            kind,
            name,
            "--ignore-not-found",
            "--output=name",
        ])
        .await;
    !found.is_empty()
}

#[tokio::test]
async fn kustomize_installs_what_helm_then_takes_over_and_leaves_people_their_objects() {
    let kube = kube().await;
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(ROOT, folder.path().join("adsync")).unwrap();
    // As deploy/kustomization.yaml says.
    let kustomization = "resources: [adsync/deploy]\ncomponents: [adsync/deploy/monitoring]\n\
        images: [{name: adsync, newName: registry.example.com/adsync}]\n";
    std::fs::write(folder.path().join("kustomization.yaml"), kustomization).unwrap();
    let apply = ["apply", "--server-side", "--kustomize", folder.path().to_str().unwrap()];
    kube.kubectl(&apply).await;
    let deployment = of_deployment(kube).await;
    assert_eq!(
        image(&deployment),
        concat!("registry.example.com/adsync:", env!("CARGO_PKG_VERSION"))
    );
    for kind in [
        "service",
        "servicemonitor",
        "prometheusrule",
        "serviceaccount",
        "clusterrole",
    ] {
        assert!(exists(kube, kind, "adsync").await, "{kind}");
    }
    kube.kubectl(&[
        "--namespace=phones",
        "apply",
        "--filename",
        &format!("{ROOT}/examples/quickstart/phone-system.yaml"),
    ])
    .await;

    let helm = async |arguments: &[&str]| {
        helm::helm(Some(kube.kubeconfig()), &[arguments, &["--namespace=adsync"]].concat()).await
    };
    helm(&["install", "adsync", CHART, "--take-ownership", "--force-conflicts"]).await;
    helm(&[
        "upgrade",
        "adsync",
        CHART,
        "--force-conflicts",
        "--set=logLevel=debug,image.repository=elsewhere.example.com/adsync",
    ])
    .await;
    let deployment = of_deployment(kube).await;
    assert_eq!(
        image(&deployment),
        concat!("elsewhere.example.com/adsync:", env!("CARGO_PKG_VERSION"))
    );
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    assert!(
        arguments
            .as_array()
            .unwrap()
            .contains(&Value::from("--log-level=debug")),
        "{arguments}"
    );

    let said = helm(&["uninstall", "adsync"]).await;
    assert!(
        said.contains("[CustomResourceDefinition] syncscopes.adsync.dev"),
        "{said}"
    );
    for kind in ["deployment", "service", "clusterrole", "clusterrolebinding"] {
        assert!(!exists(kube, kind, "adsync").await, "{kind}");
    }
    assert!(
        kube.kubectl(&["--namespace=phones", "get", "phonesystems"])
            .await
            .contains("hq")
    );
}

/// The chart of a later version, in which a PhoneSystem has one more field.
async fn later_chart(folder: &Path) -> String {
    let chart = folder.join("later").display().to_string();
    process::run("cp", &["-r", CHART, &chart], &[], "").await;
    let file = format!("{chart}/files/crds/phonesystems.telephony.adsync.dev.yaml");
    let mut crd: Value = serde_yaml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let fields = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    crd.pointer_mut(fields).unwrap()["later"] = json!({"type": "string"});
    std::fs::write(&file, serde_yaml::to_string(&crd).unwrap()).unwrap();
    chart
}

#[tokio::test]
async fn an_older_chart_takes_no_field_away_where_it_leaves_the_crds_alone_and_a_rollback_does() {
    // Of its own, since the CRDs are a cluster's.
    let kube = Kube::own().await;
    let folder = tempfile::tempdir().unwrap();
    let later = later_chart(folder.path()).await;
    let helm = async |arguments: &[&str]| {
        let usual = ["--namespace=adsync", "--force-conflicts"];
        helm::helm(Some(kube.kubeconfig()), &[arguments, &usual].concat()).await
    };
    // A write, as somebody's edit would be, and what is left after it.
    let after_a_write = async || {
        let path = "jsonpath={.spec.later}";
        kube.kubectl(&["annotate", "phonesystem", "hq", "--overwrite", "seen=once"])
            .await;
        kube.kubectl(&["annotate", "phonesystem", "hq", "--overwrite", "seen=twice"])
            .await;
        kube.kubectl(&["get", "phonesystem", "hq", "--output", path]).await
    };
    helm(&["install", "adsync", CHART, "--create-namespace", "--take-ownership"]).await;
    helm(&["upgrade", "adsync", &later]).await;
    let system = r#"{"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneSystem", "metadata": {"name": "hq"}, "spec": {"later": "kept"}}"#;
    // The server takes a new schema up a moment after it has said yes.
    eventually("the field", async || {
        kube.kubectl_with_input(&["apply", "--server-side", "--validate=ignore", "--filename=-"], system)
            .await;
        (after_a_write().await == "kept").then_some(())
    })
    .await;

    let back = [
        "upgrade",
        "adsync",
        CHART,
        "--reset-then-reuse-values",
        "--set=crds.enabled=false",
    ];
    helm(&back).await;
    let crd = kube
        .kubectl(&["get", "crd", "phonesystems.telephony.adsync.dev", "--output=yaml"])
        .await;
    assert!(crd.contains(" later:"), "{crd}");
    assert_eq!(after_a_write().await, "kept");

    helm(&["rollback", "adsync", "1"]).await;
    eventually("the loss that the documents warn of", async || {
        (after_a_write().await.is_empty()).then_some(())
    })
    .await;
}

async fn of_deployment(kube: &Kube) -> Value {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
    let api: Api<DynamicObject> = Api::namespaced_with(kube.client().await, "adsync", &resource);
    serde_json::to_value(api.get("adsync").await.unwrap()).unwrap()
}

fn image(deployment: &Value) -> &str {
    deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap()
}
