//! The chart's values: what is made of their comments, and what Helm says to a mistyped one.

use std::fs;

use adsync::reference::values;
use serde_json::Value;

use crate::env::helm::{self, CHART, refusal};

fn of_chart(file: &str) -> String {
    fs::read_to_string(format!("{CHART}/{file}")).unwrap_or_default()
}

#[test]
fn schema_and_page_are_made_of_the_values() {
    let generated = values::generate(&of_chart("values.yaml")).unwrap();
    for (file, wanted) in [("values.schema.json", generated.schema), ("README.md", generated.page)] {
        assert!(of_chart(file) == wanted, "{file} is out of date: run `make generate`");
    }
}

/// How many values are at the ends of the tree, and how many maps there are on the way that take no others.
fn count(schema: &Value) -> (usize, usize) {
    let Some(properties) = schema["properties"].as_object() else {
        assert_ne!(schema["description"], Value::Null, "{schema}");
        return (1, 0);
    };
    assert_eq!(schema["additionalProperties"], false, "{schema}");
    properties
        .values()
        .map(count)
        .fold((0, 1), |(values, maps), (more, inner)| (values + more, maps + inner))
}

#[test]
fn every_value_is_documented_and_on_the_page_once() {
    let mut schema: Value = serde_json::from_str(&of_chart("values.schema.json")).unwrap();
    for of_a_parent in ["global", "enabled"] {
        schema["properties"].as_object_mut().unwrap().remove(of_a_parent);
    }
    let (values, maps) = count(&schema);
    assert!(values > 50 && maps > 5, "{values} values in {maps} maps");
    let rows = of_chart("README.md")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .count();
    assert_eq!(rows, values);
}

#[tokio::test]
async fn a_mistyped_value_is_refused_with_where_it_is() {
    for (value, said) in [
        ("replicaz=1", "at '': additional properties 'replicaz' not allowed"),
        (
            "metrics.servicemonitor.enabled=true",
            "at '/metrics': additional properties 'servicemonitor' not allowed",
        ),
        ("logFormat=yaml", "at '/logFormat': value must be one of 'json', 'text'"),
        ("replicas=two", "at '/replicas': got string, want integer"),
        ("replicas=-1", "at '/replicas': minimum"),
        ("concurrency=0", "at '/concurrency': minimum"),
        ("concurrency=many", "at '/concurrency': got string, want integer"),
        (
            "scope.namespaces=phones",
            "at '/scope/namespaces': got string, want array",
        ),
        (
            "scope.namespaces={2024}",
            "at '/scope/namespaces/0': got number, want string",
        ),
        ("image.tag=20260101", "at '/image/tag': got number, want string"),
        (
            "fullnameOverride=1234",
            "at '/fullnameOverride': got number, want string",
        ),
        ("podLabels.tier=1", "at '/podLabels/tier': got number, want string"),
    ] {
        let error = refusal(&["template", "adsync", CHART, "--set", value]).await;
        assert!(error.contains(said), "{value}: {error}");
    }
}

#[tokio::test]
async fn what_goes_into_a_pod_as_it_is_takes_anything_and_null_takes_a_default_away() {
    let values = "resources.limits.nvidia\\.com/gpu=1,affinity.nodeAffinity.anything=1,livenessProbe.initialDelaySeconds=5,global.of=parent,enabled=true";
    helm::helm(None, &["template", "adsync", CHART, "--set", values]).await;
    helm::helm(
        None,
        &[
            "template",
            "adsync",
            CHART,
            "--set=resources=null,podSecurityContext=null",
        ],
    )
    .await;
}
