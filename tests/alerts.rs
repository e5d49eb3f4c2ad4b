//! The alerts: what Prometheus' own promtool says of the rule, when each fires (tests/alerts/), and that the real operator serves what they
//! look at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::DeleteParams;
use regex::Regex;
use serde_json::{Value, json};

use adsync::{
    api::{
        SyncScope,
        conditions::SYNCED,
        sync_scope::{ProblemReason, UserCounts},
    },
    serve::metrics::{DirectoryOperation, Metrics, RuleNumbers, WriteResult, WrittenKind},
};

use crate::env::helm::{self, CHART, manifests, objects};
use crate::env::{self, Namespace, Operator, operator, process};
use crate::scenario::{
    apply_company, apply_rule, apply_scope, await_scope, await_synced, eventually, has, use_expiring_account,
};

/// The groups of rules that the chart renders.
pub async fn groups() -> Value {
    let manifests = manifests("adsync", &["--set=metrics.prometheusRule.enabled=true"]).await;
    let mut found = objects(&manifests);
    found.retain(|object| object["kind"] == "PrometheusRule");
    assert_eq!(found.len(), 1);
    found[0]["spec"].clone()
}

pub fn rules(groups: &Value) -> impl Iterator<Item = &Value> {
    let groups = groups["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_array().unwrap())
}

/// What in an expression is a metric.
pub fn names() -> &'static Regex {
    static NAMES: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b(adsync|process)_\w+").unwrap());
    &NAMES
}

/// The unit tests, by file.
fn unit_tests() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/alerts");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let parsed = files.map(|entry| {
        let text = fs::read_to_string(entry.path()).unwrap();
        let tests = serde_yaml::from_str(&text).unwrap();
        (entry.file_name().into_string().unwrap(), tests)
    });
    parsed.collect()
}

#[tokio::test]
async fn promtool_accepts_the_rule_and_each_alert_fires_and_stays_silent_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(
        folder.path().join("alerts.yaml"),
        serde_yaml::to_string(&groups().await).unwrap(),
    )
    .unwrap();
    let checked = process::run(
        "promtool",
        &["check", "rules", "--lint-fatal", &path("alerts.yaml")],
        &[],
        "",
    )
    .await;
    assert!(checked.contains("SUCCESS"), "{checked}");
    let mut arguments = vec!["test".to_owned(), "rules".to_owned()];
    for (name, tests) in unit_tests() {
        fs::write(folder.path().join(&name), serde_yaml::to_string(&tests).unwrap()).unwrap();
        arguments.push(path(&name));
    }
    let tested = process::run("promtool", &arguments, &[], "").await;
    assert_eq!(tested.matches("SUCCESS").count(), arguments.len() - 2, "{tested}");
}

#[tokio::test]
async fn alerts_about_the_operator_are_about_that_of_the_release() {
    let expressions = async |release: &str, namespace: &str, arguments: &[&str]| -> String {
        let usual = [
            "template",
            release,
            CHART,
            "--namespace",
            namespace,
            "--set=metrics.prometheusRule.enabled=true",
        ];
        let objects = objects(&helm::helm(None, &[&usual, arguments].concat()).await);
        let rule = objects
            .iter()
            .find(|object| object["kind"] == "PrometheusRule")
            .unwrap();
        let expressions = rules(&rule["spec"]).map(|rule| rule["expr"].as_str().unwrap());
        expressions.collect::<Vec<_>>().join("\n")
    };
    for (release, namespace, arguments, selector) in [
        ("adsync", "adsync", vec![], r#"{job="adsync",namespace="adsync"}"#),
        (
            "branch",
            "phones",
            vec![],
            r#"{job="branch-adsync",namespace="phones"}"#,
        ),
        (
            "adsync",
            "adsync",
            vec!["--set=metrics.service.enabled=false,metrics.prometheusRule.selector.job=adsync/pods"],
            r#"{job="adsync/pods"}"#,
        ),
    ] {
        let expressions = expressions(release, namespace, &arguments).await;
        for metric in [
            "adsync_build_info",
            "adsync_ready",
            "adsync_leader",
            "adsync_leader_since_timestamp_seconds",
            "process_start_time_seconds",
        ] {
            let (all, of_release) = (
                names()
                    .find_iter(&expressions)
                    .filter(|found| found.as_str() == metric)
                    .count(),
                expressions.matches(&format!("{metric}{selector}")).count(),
            );
            assert!(all > 0 && all == of_release, "{metric}{selector}: {expressions}");
        }
    }
}

#[tokio::test]
async fn each_alert_has_a_test_in_which_it_fires_and_one_in_which_it_stays_silent() {
    let groups = groups().await;
    let alerts: BTreeSet<&str> = rules(&groups).map(|rule| rule["alert"].as_str().unwrap()).collect();
    let (mut fires, mut silent) = (BTreeSet::new(), BTreeSet::new());
    let unit_tests = unit_tests();
    for scenario in unit_tests.values().flat_map(|file| file["tests"].as_array().unwrap()) {
        let mut woken = BTreeSet::new();
        let expectations = scenario["alert_rule_test"].as_array().unwrap();
        for expected in expectations {
            let alert = expected["alertname"].as_str().unwrap();
            if !expected["exp_alerts"].as_array().unwrap().is_empty() {
                woken.insert(alert);
            }
        }
        let looked_at = expectations
            .iter()
            .map(|expected| expected["alertname"].as_str().unwrap());
        silent.extend(looked_at.filter(|alert| !woken.contains(alert)));
        fires.extend(woken);
    }
    assert_eq!(fires, alerts, "these fire in a test");
    assert_eq!(silent, alerts, "these stay silent in a test");
}

#[tokio::test]
async fn each_alert_says_what_is_wrong_and_what_to_do() {
    let groups = groups().await;
    for rule in rules(&groups) {
        let annotations = &rule["annotations"];
        for annotation in ["summary", "description", "runbook_url"] {
            assert!(annotations[annotation].is_string(), "{}: {annotation}", rule["alert"]);
        }
        assert!(
            annotations["description"].as_str().unwrap().contains("kubectl "),
            "{}",
            rule["alert"]
        );
        let alert = rule["alert"].as_str().unwrap();
        let page = format!("docs/runbooks/{alert}.md");
        assert_eq!(annotations["runbook_url"], page);
        let runbook = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&page)).expect(&page);
        let headings: Vec<_> = runbook.lines().filter(|line| line.starts_with('#')).collect();
        let title = format!("# {alert}");
        assert_eq!(
            headings,
            [&title, "## What it means", "## How to look", "## What to do"],
            "{page}"
        );
        assert!(runbook.contains("$ kubectl "), "{page}");
        assert!(["warning", "critical"].contains(&rule["labels"]["severity"].as_str().unwrap()));
    }
}

/// With a series of each: a family without one is not served.
fn all_metrics() -> Metrics {
    let (metrics, second) = (Metrics::new(), Duration::from_secs(1));
    let unmatched = BTreeMap::from([(ProblemReason::KeyMissing, 1)]);
    metrics.sync_succeeded("phones", "staff", Timestamp::UNIX_EPOCH, second);
    metrics.scope_synced("phones", "staff", Some(true));
    metrics.data_fresh_until("phones", "staff", Timestamp::UNIX_EPOCH);
    metrics.scope_users("phones", "staff", &UserCounts::default(), &unmatched);
    metrics.lingering("phones", "staff", &unmatched);
    metrics.unresolved_members("phones", "staff", 1);
    metrics.held("phones", "staff", &BTreeMap::new());
    metrics.removed("phones", "staff", 1, 1);
    metrics.connected("phones", "corp", true);
    metrics.directory_asked(
        "phones",
        "corp",
        DirectoryOperation::Read,
        second,
        Some("ConnectionRefused"),
    );
    metrics.referred("phones", "corp", 1);
    metrics.behind("phones", "corp", true);
    metrics.read("phones", "corp", Timestamp::UNIX_EPOCH);
    metrics.certificate_expires("phones", "corp", Some(Timestamp::UNIX_EPOCH));
    metrics.password_expires("phones", "corp", Some(Timestamp::UNIX_EPOCH));
    metrics.credentials_rejected("phones", "corp", true);
    metrics.rule_numbers("phones", "hq-numbers", RuleNumbers::default());
    metrics.written(WrittenKind::PhoneUser, WriteResult::Created);
    metrics.reconciled("SyncScope", true, second);
    metrics.queued("SyncScope", 1);
    metrics
}

#[tokio::test]
async fn the_page_about_monitoring_has_every_alert_and_every_metric() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring.md")).unwrap();
    let groups = groups().await;
    let alerts = rules(&groups).map(|rule| {
        format!(
            "| [`{alert}`](runbooks/{alert}.md) | {} |",
            rule["labels"]["severity"].as_str().unwrap(),
            alert = rule["alert"].as_str().unwrap(),
        )
    });
    let text = all_metrics().encode().unwrap();
    let registered = concat!(
        include_str!("../src/serve/metrics/mod.rs"),
        include_str!("../src/serve/metrics/directory.rs"),
        include_str!("../src/serve/metrics/writes.rs")
    );
    let families = ["all.of_objects(", "all.timed(", "all.plain("];
    let families: usize = families.iter().map(|family| registered.matches(family).count()).sum();
    assert_eq!(
        text.matches("# HELP ").count(),
        families + 2,
        "add the new metric to all_metrics(): {text}"
    );
    let kinds: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    let described = text
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let metrics = described.map(|(name, help)| {
        let ending = match kinds[name] {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        format!("| `{name}{ending}` | {} |", help.trim_end_matches('.'))
    });
    let missing: Vec<_> = alerts.chain(metrics).filter(|line| !page.contains(line)).collect();
    assert!(missing.is_empty(), "docs/monitoring.md lacks\n{}", missing.join("\n"));
}

async fn scrape(operator: &Operator) -> String {
    let (code, text) = operator::get(operator.metrics, "/metrics").await;
    assert_eq!(code, 200);
    text
}

/// A namespace with the company's YAML, an OU with somebody in it, and a scope `staff` that is synced once an hour.
async fn office() -> (Namespace<'static>, Operator) {
    let (kube, directory) = (env::kube().await, env::directory().await);
    let (namespace, ou) = (kube.namespace("alerts").await, directory.ou("alerts").await);
    ou.person("Ada Lovelace").await;
    let operator = Operator::start(kube, &[&namespace]).await;
    apply_company(&namespace, directory).await;
    apply_rule(&namespace, "hq-numbers", "2000", "2009").await;
    apply_scope(&namespace, "staff", ou.dn(), "interval: 1h").await;
    await_synced(&namespace, "staff").await;
    (namespace, operator)
}

async fn change(namespace: &Namespace<'_>, spec: Value) {
    let patch = json!({"spec": spec}).to_string();
    namespace
        .kubectl(&["patch", "syncscope", "staff", "--type=merge", "--patch", &patch])
        .await;
}

#[tokio::test]
async fn each_metric_of_a_rule_is_served_by_the_operator() {
    let (namespace, operator) = office().await;
    use_expiring_account(&namespace, env::directory().await).await;
    let text = eventually("a password that ends", async || {
        let text = scrape(&operator).await;
        text.contains("adsync_directory_password_expiry").then_some(text)
    })
    .await;
    let served: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let groups = groups().await;
    for rule in rules(&groups) {
        let expression = rule["expr"].as_str().unwrap();
        let metrics: Vec<_> = names().find_iter(expression).map(|found| found.as_str()).collect();
        assert!(!metrics.is_empty(), "{expression}");
        for metric in metrics {
            assert!(served.contains(metric), "{expression}: no {metric} in {text}");
        }
    }
    operator.stop().await;
}

/// What the alerts about a scope stand on.
struct Told {
    synced: Option<u64>,
    fresh_until: Option<Timestamp>,
}

async fn told(operator: &Operator, namespace: &Namespace<'_>) -> Told {
    let series = |metric: &str| format!(r#"{metric}{{namespace="{}",name="staff"}}"#, namespace.name());
    let fresh_until = operator::value(operator.metrics, &series("adsync_data_fresh_until_timestamp_seconds")).await;
    Told {
        synced: operator::value(operator.metrics, &series("adsync_scope_synced")).await,
        fresh_until: fresh_until.map(|seconds| Timestamp::from_second(i64::try_from(seconds).unwrap()).unwrap()),
    }
}

#[tokio::test]
async fn a_scope_tells_what_its_alerts_stand_on_also_after_a_restart_and_nothing_when_it_rests() {
    let kube = env::kube().await;
    let (namespace, operator) = office().await;
    let now = Timestamp::now();
    let started = async |operator: &Operator| {
        operator::value(operator.metrics, "process_start_time_seconds")
            .await
            .unwrap()
    };
    let first_start = started(&operator).await;
    let seconds = u64::try_from(now.as_second()).unwrap();
    assert!((seconds - 600..=seconds).contains(&first_start), "{first_start}");
    let before = told(&operator, &namespace).await;
    assert_eq!(before.synced, Some(1));
    let hours = before.fresh_until.unwrap().duration_since(now).as_secs_f64() / 3600.0;
    assert!((2.5..=3.0).contains(&hours), "three intervals of an hour: {hours}");

    // What can't heal is told at once, and the data is as old as it was.
    change(&namespace, json!({"directoryRef": {"name": "nowhere"}})).await;
    await_scope(&namespace, "staff", "failing", |_, status| {
        has(status, "Synced", "False")
    })
    .await;
    let failing = told(&operator, &namespace).await;
    assert_eq!((failing.synced, failing.fresh_until), (Some(0), before.fresh_until));

    // Another process tells of the failure, too: before it has tried, and when it could not.
    operator.stop().await;
    let operator = Operator::start(kube, &[&namespace]).await;
    assert!(
        started(&operator).await >= seconds,
        "AdsyncRestarting counts the second start"
    );
    let again = eventually("the alarm", async || {
        let told = told(&operator, &namespace).await;
        (told.synced == Some(0)).then_some(told)
    })
    .await;
    assert!(
        again.fresh_until.is_some(),
        "it also tells how old the data is at least"
    );

    change(&namespace, json!({"directoryRef": {"name": "corp"}, "suspend": true})).await;
    eventually("the silence", async || {
        let told = told(&operator, &namespace).await;
        (told.synced.is_none() && told.fresh_until.is_none()).then_some(())
    })
    .await;

    change(&namespace, json!({"suspend": false})).await;
    await_synced(&namespace, "staff").await;
    eventually("the return", async || {
        let told = told(&operator, &namespace).await;
        (told.synced == Some(1) && told.fresh_until > before.fresh_until).then_some(())
    })
    .await;

    namespace
        .api::<SyncScope>()
        .delete("staff", &DeleteParams::default())
        .await
        .unwrap();
    eventually("the end", async || {
        let told = told(&operator, &namespace).await;
        (told.synced.is_none() && told.fresh_until.is_none()).then_some(())
    })
    .await;
    operator.stop().await;
}

#[tokio::test]
async fn a_scope_that_was_never_read_has_old_data_when_three_syncs_should_have_come() {
    let kube = env::kube().await;
    let namespace = kube.namespace("alerts").await;
    // A directory that nobody answers for: what connects to it fails, and may pass.
    apply_company(&namespace, env::directory().await).await;
    namespace
        .kubectl(&[
            "patch",
            "adc",
            "corp",
            "--type=merge",
            "--patch",
            r#"{"spec": {"servers": [{"host": "127.0.0.1", "port": 1}]}}"#,
        ])
        .await;
    apply_scope(&namespace, "staff", "OU=Staff,DC=example,DC=com", "interval: 10s").await;
    let made = namespace.api::<SyncScope>().get("staff").await.unwrap();
    let made = made.metadata.creation_timestamp.unwrap().0;
    let operator = Operator::start(kube, &[&namespace]).await;
    let until = eventually("word of the scope", async || {
        told(&operator, &namespace).await.fresh_until
    })
    .await;
    assert_eq!(
        until.duration_since(made).as_secs(),
        30,
        "three intervals after it was made"
    );
    let scope = namespace.api::<SyncScope>();
    let synced = async || {
        let status = scope.get("staff").await.unwrap().status?;
        let mut conditions = status.conditions.into_iter();
        conditions.find(|condition| condition.type_ == SYNCED)
    };
    eventually("a status", &synced).await;
    operator.stop().await;

    // A second process doesn't begin to count anew, even if it is not the same second any more.
    let since = synced().await.unwrap().last_transition_time.0;
    eventually("another second", async || {
        (Timestamp::now().as_second() > since.as_second()).then_some(())
    })
    .await;
    let operator = Operator::start(kube, &[&namespace]).await;
    let again = eventually("word of the scope", async || {
        told(&operator, &namespace).await.fresh_until
    })
    .await;
    assert_eq!(
        again.duration_since(since).as_secs(),
        30,
        "three intervals after its status last changed, not after the restart"
    );
    operator.stop().await;
}
