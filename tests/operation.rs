//! The operator as a process: readiness, metrics, logs, and how it ends.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::{Instant, sleep},
};

use crate::env::{self, Binary, Directory, Flags, Kube, Operator, Options, operator};
use crate::scenario::eventually;

#[tokio::test]
async fn it_waits_for_the_crds_and_says_so() {
    let kube = Kube::own().await;
    let namespace = kube.namespace("operation").await;
    kube.kubectl(&["delete", "crds", "phoneusers.telephony.adsync.dev", "--wait=false"])
        .await;
    let deadline = Instant::now() + Duration::from_mins(2);
    while kube
        .kubectl(&["get", "crds", "--output=name"])
        .await
        .contains("phoneusers")
    {
        assert!(Instant::now() < deadline, "the CRD does not go");
        sleep(Duration::from_millis(100)).await;
    }
    let operator = Operator::start_without_waiting(&kube, &[&namespace], Flags::default()).await;
    sleep(Duration::from_secs(3)).await;
    let (code, text) = operator::get(operator.health, "/readyz").await;
    assert_eq!((code, text.as_str()), (503, "waiting for the CRDs, the caches\n"));
    let ready = async || {
        let (_, text) = operator::get(operator.metrics, "/metrics").await;
        let line = text.lines().find(|line| line.starts_with("adsync_ready "));
        line.map(str::to_owned)
    };
    assert_eq!(ready().await.as_deref(), Some("adsync_ready 0"));
    assert_eq!(
        operator::get(operator.health, "/livez").await.0,
        200,
        "a restart would not help"
    );
    let crd = concat!(env!("CARGO_MANIFEST_DIR"), "/crds/phoneusers.telephony.adsync.dev.yaml");
    kube.kubectl(&["apply", "--server-side", "--filename", crd]).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while operator::get(operator.health, "/readyz").await.0 != 200 {
        assert!(Instant::now() < deadline, "it does not get ready");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(ready().await.as_deref(), Some("adsync_ready 1"));
    operator.stop().await;
}

#[tokio::test]
async fn metrics_are_served_in_the_open_metrics_format() {
    let kube = env::kube().await;
    let namespace = kube.namespace("operation").await;
    let operator = Operator::start(kube, &[&namespace]).await;
    let (code, text) = operator::get(operator.metrics, "/metrics").await;
    assert_eq!(code, 200);
    assert!(
        text.contains(concat!(
            r#"adsync_build_info{version=""#,
            env!("CARGO_PKG_VERSION"),
            r#""} 1"#
        )),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
    operator.stop().await;
}

#[tokio::test]
async fn the_binary_ends_in_peace_on_sigterm_and_logs_json_without_secrets() {
    let kube = env::kube().await;
    let directory = env::directory().await;
    let namespace = kube.namespace("operation").await;
    let mut binary = Binary::start(
        kube,
        &[&namespace],
        &["--log-level=trace,ldap3=trace,kube_client=trace"],
    )
    .await;
    for object in corp(directory) {
        namespace.apply(&object.to_string()).await;
    }
    namespace
        .kubectl(&["wait", "--for=condition=Connected", "--timeout=20s", "adc/corp"])
        .await;

    let began = Instant::now();
    let status = binary.terminate().await;
    assert_eq!(status.code(), Some(0), "{:#?}", binary.log());
    assert!(began.elapsed() < Duration::from_secs(10), "nothing was under way");

    let log = binary.log();
    for line in &log {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    let log = log.join("\n");
    assert!(log.contains("adsync has stopped"), "{log}");
    assert!(
        log.contains("bound to a domain controller"),
        "our own debug level is there"
    );
    assert!(!log.contains(Directory::BIND_PASSWORD), "{log}");
    let base64 = "UGFzc3cwcmQuQWRzeW5j";
    assert!(!log.contains(base64), "{log}");
}

#[tokio::test]
async fn sigusr1_lets_the_log_say_more_until_the_next_one() {
    let kube = env::kube().await;
    let namespace = kube.namespace("operation").await;
    let mut binary = Binary::start(kube, &[&namespace], &["--log-level=info"]).await;
    let lines = |binary: &Binary| -> Vec<Value> {
        let log = binary.log().into_iter();
        log.map(|line| serde_json::from_str(&line).unwrap()).collect()
    };
    let said = async |binary: &Binary, message: &str| {
        eventually(message, async || {
            let has = |line: &Value| line["message"].as_str().unwrap().starts_with(message);
            lines(binary).into_iter().find(has)
        })
        .await
    };
    let fine = |binary: &Binary| lines(binary).iter().filter(|line| line["level"] == "DEBUG").count();
    binary.signal("USR1").await;
    let told = said(&binary, "SIGUSR1: the log says more").await;
    assert_eq!(
        (&told["level"], &told["log_level"]),
        (&json!("INFO"), &json!("debug")),
        "the line's own level, and the log's"
    );
    for object in corp(env::directory().await) {
        namespace.apply(&object.to_string()).await;
    }
    let bound = said(&binary, "bound to a domain controller").await;
    assert_eq!(
        (&bound["span"]["object"], &bound["span"]["kind"]),
        (&json!("corp"), &json!("ActiveDirectoryConfig")),
        "a line says in which reconcile it was written: {bound}"
    );

    binary.signal("USR1").await;
    said(&binary, "SIGUSR1: the log is as before").await;
    let before = fine(&binary);
    namespace
        .kubectl(&["annotate", "adc/corp", "reconcile.fluxcd.io/requestedAt=now"])
        .await;
    namespace
        .kubectl(&[
            "wait",
            "--for=jsonpath={.status.lastHandledReconcileAt}=now",
            "--timeout=20s",
            "adc/corp",
        ])
        .await;
    assert_eq!(fine(&binary), before, "{:#?}", binary.log());
    assert_eq!(binary.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn the_binary_refuses_a_nonsensical_level_with_a_hint() {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_adsync"))
        .args(["run", "--log-level=adsync=loud"])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains("`adsync=loud` is no log level"), "{said}");
}

/// With a person's rights, which suffice to tell.
#[tokio::test]
async fn a_namespace_that_does_not_exist_is_named_in_the_log() {
    let kube = env::kube().await;
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_adsync"))
        .args(["run", "--namespace=nowhere", "--log-format=json"])
        .args([
            "--health-bind-address=127.0.0.1:0",
            "--metrics-bind-address=127.0.0.1:0",
        ])
        .env("KUBECONFIG", kube.kubeconfig())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut warned = false;
    while let Some(line) = lines.next_line().await.unwrap() {
        let line: Value = serde_json::from_str(&line).unwrap();
        let message = line["message"].as_str().unwrap();
        if message.starts_with("this namespace does not exist") {
            assert_eq!(
                (&line["level"], &line["namespace"]),
                (&json!("WARN"), &json!("nowhere"))
            );
            warned = true;
        }
        if message == "the caches are filled" {
            break;
        }
    }
    assert!(warned, "it begins without a word");
}

#[tokio::test]
async fn a_silent_directory_does_not_hold_up_the_end() {
    let kube = env::kube().await;
    let directory = Directory::own(Options::default()).await;
    let namespace = kube.namespace("operation").await;
    let mut binary = Binary::start(kube, &[&namespace], &[]).await;
    directory.freeze().await;
    for object in corp(&directory) {
        namespace.apply(&object.to_string()).await;
    }
    let connecting = "--for=jsonpath={.status.conditions[?(@.type=='Connected')].reason}=Connecting";
    namespace
        .kubectl(&["wait", connecting, "--timeout=20s", "adc/corp"])
        .await;
    let began = Instant::now();
    assert_eq!(binary.terminate().await.code(), Some(0), "{:#?}", binary.log());
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        began.elapsed()
    );
    directory.thaw().await;
}

/// An ActiveDirectoryConfig `corp` and what it names.
fn corp(directory: &Directory) -> [Value; 3] {
    [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bind"},
            "stringData": {"username": Directory::BIND_UPN, "password": Directory::BIND_PASSWORD}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"},
            "data": {"ca.crt": directory.ca_pem()}}),
        json!({"apiVersion": "adsync.dev/v1alpha1", "kind": "ActiveDirectoryConfig", "metadata": {"name": "corp"},
        "spec": {
            "domain": Directory::DOMAIN,
            "servers": [{"host": Directory::HOST, "port": directory.ldaps_port()}],
            "tls": {"caRef": {"configMap": {"name": "ca"}}},
            "credentials": {"secretRef": {"name": "bind"}},
        }}),
    ]
}
