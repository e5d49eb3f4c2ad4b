//! The dashboard and the rules, before a real Prometheus that scrapes the real operator: what they name is there, and what they ask is answered.

mod page;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::alerts::{groups, names, rules};
use crate::env::helm::{CHART, manifests, objects};
use crate::env::prometheus::Prometheus;
use crate::env::{self, Namespace, Operator, TestOu, console};
use crate::scenario::{
    NUMBERED, apply_company, apply_rule, apply_scope, await_scope, eventually, sync_now, use_expiring_account,
};

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(format!("{CHART}/files/dashboard.json")).unwrap()).unwrap()
}

/// The expressions of a panel, as Grafana fills them in for all namespaces.
fn expressions(panel: &Value) -> Vec<String> {
    let targets = panel["targets"].as_array().unwrap().iter();
    let filled = targets.map(|target| {
        let expression = target["expr"].as_str().unwrap();
        let expression = expression.replace("$namespace", ".*").replace("$__rate_interval", "1m");
        assert!(!expression.contains('$'), "{expression}");
        expression
    });
    filled.collect()
}

/// Each panel's title with each of its expressions.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let queries = panels.flat_map(|panel| {
        let title = panel["title"].as_str().unwrap();
        expressions(panel)
            .into_iter()
            .map(move |expression| (title.to_owned(), expression))
    });
    queries.collect()
}

/// A scope in which five have a number and one finds none left, and one leaves later; and a directory that nobody answers for.
async fn apply_scene(namespace: &Namespace<'_>, ou: &TestOu<'_>) {
    let directory = env::directory().await;
    apply_company(namespace, directory).await;
    use_expiring_account(namespace, directory).await;
    let nowhere = "apiVersion: adsync.dev/v1alpha1
kind: ActiveDirectoryConfig
metadata: {name: nowhere}
spec:
  domain: nowhere.example.com
  servers: [{host: 127.0.0.1, port: 1}]
  credentials: {type: Secret, secretRef: {name: corp-bind}}
";
    namespace.apply(nowhere).await;
    apply_rule(namespace, "hq-numbers", "2000", "2004").await;
    let mut people = Vec::new();
    for name in [
        "Ada Lovelace",
        "Alan Turing",
        "Grace Hopper",
        "Edsger Dijkstra",
        "Konrad Zuse",
        "Radia Perlman",
    ] {
        people.push(ou.person(name).await);
    }
    apply_scope(namespace, "staff", ou.dn(), &format!("interval: 1h\n{NUMBERED}")).await;
    await_scope(namespace, "staff", "read", |_, status| {
        status.users.as_ref().is_some_and(|users| users.unmatched == 1)
    })
    .await;
    ou.disable(&people[0].dn).await;
    sync_now(namespace, "staff").await;
}

#[tokio::test]
async fn a_real_prometheus_has_what_rules_and_panels_name_and_answers_what_they_ask() {
    let (kube, directory) = (env::kube().await, env::directory().await);
    let (namespace, ou) = (kube.namespace("dashboard").await, directory.ou("dashboard").await);
    let operator = Operator::start(kube, &[&namespace]).await;
    let folder = tempfile::tempdir().unwrap();
    let (groups, file) = (groups().await, folder.path().join("alerts.yaml"));
    fs::write(&file, serde_yaml::to_string(&groups).unwrap()).unwrap();
    // It looks before anything happens: what is counted from nothing on shows as an increase.
    let prometheus = Prometheus::of(operator.metrics, &file).await;
    apply_scene(&namespace, &ou).await;

    let dashboard = dashboard();
    let queries = queries(&dashboard);
    let expressions = queries.iter().map(|(_, expression)| expression.as_str());
    let expressions = expressions.chain(rules(&groups).map(|rule| rule["expr"].as_str().unwrap()));
    let metrics: BTreeSet<&str> = expressions
        .flat_map(|expression| names().find_iter(expression).map(|found| found.as_str()))
        .collect();
    assert!(metrics.len() > 15, "{metrics:?}");
    for metric in metrics {
        eventually(metric, async || {
            (!prometheus.query(metric).await.is_empty()).then_some(())
        })
        .await;
    }
    for (panel, expression) in &queries {
        eventually(&format!("{panel}: {expression}"), async || {
            let series = prometheus.query(expression).await;
            (!series.is_empty()).then_some(())
        })
        .await;
    }
    check_page(&dashboard, &prometheus, namespace.name()).await;
    eventually("an evaluation of each rule", async || {
        let rules = prometheus.rules().await;
        for rule in &rules {
            assert_ne!(rule["health"], "err", "{rule}");
        }
        (rules.len() > 10 && rules.iter().all(|rule| rule["health"] == "ok")).then_some(())
    })
    .await;
    operator.stop().await;
}

/// That docs/dashboard.md shows what is answered, once what was just done has been scraped.
async fn check_page(dashboard: &Value, prometheus: &Prometheus, namespace: &str) {
    let deadline = Instant::now() + Duration::from_secs(if console::is_rewriting() { 5 } else { 30 });
    loop {
        let answers = page::answers(dashboard, prometheus, namespace).await;
        let Some(drift) = page::drift(dashboard, &answers) else {
            return;
        };
        if Instant::now() < deadline {
            sleep(Duration::from_secs(1)).await;
        } else if console::is_rewriting() {
            return page::rewrite(&answers);
        } else {
            panic!("docs/dashboard.md differs from what the panels show (`make examples` rewrites it):{drift}");
        }
    }
}

#[test]
fn each_panel_has_a_place_and_a_title_of_its_own_and_leaves_the_data_source_to_whoever_looks() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut taken = BTreeSet::new();
    for panel in panels {
        let place = |part: &str| panel["gridPos"][part].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{panel}");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "two panels at {x}, {y}: {panel}");
            }
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
    }
    for distinct in ["id", "title"] {
        let all: BTreeSet<String> = panels.iter().map(|panel| panel[distinct].to_string()).collect();
        assert_eq!(all.len(), panels.len(), "{distinct}");
    }
}

#[tokio::test]
async fn the_chart_brings_the_dashboard_where_somebody_wants_it() {
    let rendered = async |arguments: &[&str]| {
        let mut found = objects(&manifests("adsync", arguments).await);
        found.retain(|object| object["kind"] == "ConfigMap");
        found
    };
    assert_eq!(rendered(&[]).await, [Value::Null; 0]);
    let found = rendered(&[
        "--set=metrics.dashboard.enabled=true",
        "--set=metrics.dashboard.annotations.grafana_folder=Telephony",
    ])
    .await;
    let [config_map] = &found[..] else { panic!("{found:?}") };
    let metadata = &config_map["metadata"];
    assert_eq!(metadata["labels"]["grafana_dashboard"], "1");
    assert_eq!(metadata["annotations"]["grafana_folder"], "Telephony");
    let json: Value = serde_json::from_str(config_map["data"]["adsync.json"].as_str().unwrap()).unwrap();
    assert_eq!(json, dashboard());
}
