//! deploy/argocd: what Argo CD makes of our objects. Its scripts are taken out of the patch of argocd-cm as Argo CD takes them, and run by a real Lua, on
//! objects of a real API server that a real operator has answered. It is Lua 5.1, since that is what Argo CD's interpreter speaks.

use std::fs;

use adsync::reference;
use serde_json::{Value, json};

use crate::env::{self, Kube, Namespace, Operator, process};
use crate::scenario::eventually_within;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A value of the patch.
fn customization(what: &str, kind: &str) -> String {
    let patch = fs::read_to_string(format!("{ROOT}/deploy/argocd/argocd-cm.yaml")).unwrap();
    let patch: Value = serde_yaml::from_str(&patch).unwrap();
    let key = format!("resource.customizations.{what}.{kind}");
    patch["data"][&key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is missing"))
        .to_owned()
}

/// What Argo CD calls the object's kind in a key.
fn kind(object: &Value) -> String {
    let group = object["apiVersion"].as_str().unwrap().split('/').next().unwrap();
    format!("{group}_{}", object["kind"].as_str().unwrap())
}

/// JSON as Lua has it; what is null is not there.
fn lua(value: &Value) -> String {
    let text = |text: &str| {
        let bytes = text.bytes().map(|byte| format!("\\{byte:03}"));
        format!("\"{}\"", bytes.collect::<String>())
    };
    match value {
        Value::Null => "nil".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(string) => text(string),
        Value::Array(items) => format!("{{{}}}", items.iter().map(lua).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| format!("[{}]={}", text(key), lua(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
    }
}

/// Runs a script on an object, and prints some of what comes out of it: `found` is that.
async fn run(script: &str, object: &Value, print: &str) -> String {
    let program = format!(
        "obj = {}\nlocal found = (function()\n{script}\nend)()\n{print}\n",
        lua(object)
    );
    process::run("lua5.1", &["-"], &[], &program).await
}

/// Health and message.
async fn health(object: &Value) -> (String, String) {
    let script = customization("health", &kind(object));
    let printed = run(&script, object, "print(found.status) print(found.message)").await;
    let (status, message) = printed.trim_end().split_once('\n').unwrap();
    (status.to_owned(), message.to_owned())
}

async fn get(namespace: &Namespace<'_>, kind: &str, name: &str) -> Value {
    let text = namespace.kubectl(&["get", kind, name, "--output=json"]).await;
    serde_json::from_str(&text).unwrap()
}

/// That an object gets this health, and that the message names a reason.
async fn becomes(namespace: &Namespace<'_>, kind: &str, name: &str, wanted: &str, reason: &str) {
    // What refers to something that is missing is given a minute.
    let patience = std::time::Duration::from_mins(3);
    eventually_within(patience, &format!("{kind} {name} {wanted} {reason}"), async || {
        let object = get(namespace, kind, name).await;
        let (status, message) = health(&object).await;
        (status == wanted && message.contains(reason)).then_some(())
    })
    .await;
}

const SUSPENDED: &str = "
apiVersion: adsync.dev/v1alpha1
kind: SyncScope
metadata: {name: suspended}
spec:
  directoryRef: {name: corp}
  phoneSystemRef: {name: hq}
  users: {everyone: {}}
  suspend: true
";

/// What the operator answers without a directory: everything but a success.
#[tokio::test]
async fn health_is_what_the_operator_says() {
    let kube = env::kube().await;
    let namespace = kube.namespace("argocd").await;
    let configuration = ["ActiveDirectoryConfig", "ExtensionRule", "PhoneSystem", "SyncScope"];
    for (_, example) in reference::examples().filter(|(kind, _)| configuration.contains(kind)) {
        namespace.apply(example).await;
    }
    namespace.apply(SUSPENDED).await;
    let broken = SUSPENDED
        .replace("name: suspended", "name: broken")
        .replace("users: {everyone: {}}", "users: {everyone: {}, filter: \"(cn=\"}")
        .replace("suspend: true", "suspend: false");
    namespace.apply(&broken).await;
    for (kind, name) in [
        ("adc", "corp"),
        ("phs", "hq"),
        ("extrule", "hq-numbers"),
        ("scope", "staff"),
    ] {
        let (status, message) = health(&get(&namespace, kind, name).await).await;
        assert_eq!(status, "Progressing", "nobody has answered {kind} {name} yet");
        assert!(message.contains("waits for the operator"), "{message}");
    }

    let operator = Operator::start(kube, &[&namespace]).await;
    becomes(&namespace, "phs", "hq", "Healthy", "").await;
    becomes(&namespace, "extrule", "hq-numbers", "Healthy", "").await;
    becomes(&namespace, "scope", "suspended", "Suspended", "Suspended: ").await;
    becomes(&namespace, "scope", "broken", "Degraded", "filter").await;
    // Its Secret is missing: for a minute that may be a matter of order.
    becomes(&namespace, "adc", "corp", "Progressing", "NotFound: ").await;
    becomes(&namespace, "adc", "corp", "Degraded", "NotFound: ").await;
    operator.stop().await;
}

fn with_conditions(conditions: &Value) -> Value {
    let mut scope: Value = serde_yaml::from_str(SUSPENDED).unwrap();
    scope["spec"]["suspend"] = json!(false);
    scope["metadata"]["generation"] = json!(2);
    scope["status"] = json!({"observedGeneration": 2, "conditions": conditions});
    scope
}

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": format!("about {kind}: \"ä\"")})
}

#[tokio::test]
async fn what_is_wrong_just_now_is_told_and_degrades_nothing() {
    let ready = condition("Ready", "True", "Synced");
    for (conditions, wanted, told) in [
        (json!([ready]), "Healthy", "Synced: about Ready: \"ä\""),
        (
            json!([ready, condition("Synced", "False", "ConnectionRefused")]),
            "Healthy",
            "Synced is False, ConnectionRefused: about Synced",
        ),
        (
            json!([
                condition("RemovalsHeld", "True", "OverLimit"),
                ready,
                condition("Synced", "True", "Synced")
            ]),
            "Healthy",
            "RemovalsHeld is True, OverLimit",
        ),
        (
            json!([
                condition("Ready", "Unknown", "Retrying"),
                condition("Reconciling", "True", "Retrying")
            ]),
            "Progressing",
            "Retrying: about Ready",
        ),
        (
            json!([condition("Ready", "False", "PhoneSystemNotFound")]),
            "Progressing",
            "PhoneSystemNotFound",
        ),
        (
            json!([
                condition("Ready", "False", "Invalid"),
                condition("Stalled", "True", "Invalid")
            ]),
            "Degraded",
            "Invalid: about Stalled",
        ),
    ] {
        let (status, message) = health(&with_conditions(&conditions)).await;
        assert!(
            status == wanted && message.contains(told),
            "{conditions}: {status}, {message}"
        );
    }
    let mut changed = with_conditions(&json!([ready]));
    changed["metadata"]["generation"] = json!(3);
    assert_eq!(
        health(&changed).await.0,
        "Progressing",
        "the answer is to what was there before"
    );
    let mut going = with_conditions(&json!([ready]));
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(
        health(&going).await,
        ("Progressing".to_owned(), "is being deleted".to_owned())
    );
}

/// The actions of a kind: where each is offered, and its script.
fn actions(kind: &str) -> (String, Vec<(String, String)>) {
    let actions: Value = serde_yaml::from_str(&customization("actions", kind)).unwrap();
    let definitions = actions["definitions"].as_array().unwrap().iter().map(|definition| {
        let text = |key: &str| definition[key].as_str().unwrap().to_owned();
        (text("name"), text("action.lua"))
    });
    (
        actions["discovery.lua"].as_str().unwrap().to_owned(),
        definitions.collect(),
    )
}

/// The actions that can be clicked.
async fn offered(discovery: &str, object: &Value) -> Vec<String> {
    let print = "for name, action in pairs(found) do if not action.disabled then print(name) end end";
    let mut names: Vec<_> = run(discovery, object, print).await.lines().map(str::to_owned).collect();
    names.sort();
    names
}

#[tokio::test]
async fn actions_do_what_they_say() {
    let (discovery, definitions) = actions("adsync.dev_SyncScope");
    let script = |wanted: &str| &definitions.iter().find(|(name, _)| name == wanted).unwrap().1;
    let running = with_conditions(&json!([]));
    assert_eq!(offered(&discovery, &running).await, ["suspend", "sync-now"]);
    let mut suspended = running.clone();
    suspended["spec"]["suspend"] = json!(true);
    assert_eq!(offered(&discovery, &suspended).await, ["resume"]);
    assert_eq!(definitions.len(), 3);

    assert_eq!(
        run(script("suspend"), &running, "print(found.spec.suspend)").await,
        "true\n"
    );
    assert_eq!(
        run(script("resume"), &suspended, "print(found.spec.suspend)").await,
        "false\n"
    );
    let requested =
        r#"print(found.metadata.annotations["reconcile.fluxcd.io/requestedAt"], found.metadata.annotations.mine)"#;
    let time = run(script("sync-now"), &running, requested).await;
    time.trim_end()
        .strip_suffix("\tnil")
        .unwrap()
        .parse::<jiff::Timestamp>()
        .unwrap();
    let mut annotated = running.clone();
    annotated["metadata"]["annotations"] = json!({"mine": "stays"});
    assert!(
        run(script("sync-now"), &annotated, requested)
            .await
            .ends_with("Z\tstays\n")
    );

    let (discovery, definitions) = actions("adsync.dev_ActiveDirectoryConfig");
    let config = json!({"kind": "ActiveDirectoryConfig", "metadata": {}, "spec": {}});
    assert_eq!(offered(&discovery, &config).await, ["sync-now"]);
    assert_eq!(definitions.len(), 1);
}

async fn data(kube: &Kube) -> Value {
    let text = kube
        .kubectl(&["--namespace=argo", "get", "configmap", "argocd-cm", "--output=json"])
        .await;
    serde_json::from_str::<Value>(&text).unwrap()["data"].clone()
}

#[tokio::test]
async fn argo_cds_own_settings_stay_when_ours_are_added() {
    let kube = env::kube().await;
    kube.kubectl(&["create", "namespace", "argo"]).await;
    let url = "--from-literal=url=https://argocd.example.com";
    kube.kubectl(&["--namespace=argo", "create", "configmap", "argocd-cm", url])
        .await;
    for patch in ["argocd-cm.yaml", "exclusions.yaml"] {
        let file = format!("{ROOT}/deploy/argocd/{patch}");
        kube.kubectl(&[
            "--namespace=argo",
            "patch",
            "configmap",
            "argocd-cm",
            "--patch-file",
            &file,
        ])
        .await;
    }
    let patched = data(kube).await;
    assert_eq!(patched["url"], "https://argocd.example.com");
    assert_eq!(patched.as_object().unwrap().len(), 1 + 4 + 2 + 1);
    let exclusions: Value = serde_yaml::from_str(patched["resource.exclusions"].as_str().unwrap()).unwrap();
    let many: Vec<String> = adsync::api::crds::all()
        .into_iter()
        .map(|crd| crd.spec.names.kind)
        .filter(|kind| ["PhoneUser", "Extension", "RingGroup"].contains(&kind.as_str()))
        .collect();
    let excluded = exclusions[0]["kinds"].as_array().unwrap();
    assert!(
        excluded.len() == 3 && many.iter().all(|kind| excluded.contains(&json!(kind))),
        "{exclusions}"
    );

    // The same for whoever kustomizes Argo CD.
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(ROOT, folder.path().join("adsync")).unwrap();
    let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
    write(
        "cm.yaml",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm}, data: {url: https://argocd.example.com}}",
    );
    write(
        "kustomization.yaml",
        "resources: [cm.yaml]\ncomponents: [adsync/deploy/argocd]\n",
    );
    let text = kube.kubectl(&["kustomize", folder.path().to_str().unwrap()]).await;
    let kustomized: Value = serde_yaml::from_str(&text).unwrap();
    for (key, value) in kustomized["data"].as_object().unwrap() {
        assert_eq!(&patched[key], value, "{key}");
    }
    assert_eq!(kustomized["data"].as_object().unwrap().len(), 7);
}
