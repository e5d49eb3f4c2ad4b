//! What the API server accepts and refuses: the tables beside this file, tried on a real one.

use std::collections::BTreeSet;

use adsync::{api::crds, reference};
use axum::http::Request;
use serde::Deserialize;
use serde_json::Value;

use super::{generated, schema, walk};
use crate::env::{self, Namespace};

/// The tables: a file a kind.
pub(super) const TABLES: [(&str, &str); 7] = [
    ("ActiveDirectoryConfig", include_str!("active_directory_config.yaml")),
    ("SyncScope", include_str!("sync_scope.yaml")),
    ("ExtensionRule", include_str!("extension_rule.yaml")),
    ("PhoneSystem", include_str!("phone_system.yaml")),
    ("PhoneUser", include_str!("phone_user.yaml")),
    ("Extension", include_str!("extension.yaml")),
    ("RingGroup", include_str!("ring_group.yaml")),
];

/// A table: one object that is fine, and what happens to it when it is changed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) valid: Value,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Instead of the table's own.
    object: Option<Value>,
    /// Merged into the object before it is created; null takes a field out.
    #[serde(default)]
    with: Value,
    /// Merged into the object once it exists.
    then: Option<Value>,
    /// Where the refusal is.
    at: Option<String>,
    /// Part of the refusal of the last step. None: it is accepted.
    error: Option<String>,
}

/// What is wrong with an object, as the API server says it: where, and what.
type Refusal = Vec<(String, String)>;

/// The objects of one kind in a namespace, by the plain HTTP API: unknown fields are refused, as kubectl has it.
struct Objects<'a> {
    namespace: &'a Namespace<'a>,
    url: String,
}

impl Objects<'_> {
    async fn send(&self, method: &str, path: &str, query: &str, body: &Value) -> Result<Value, Refusal> {
        let uri = format!("{}{path}?fieldValidation=Strict{query}", self.url);
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("Content-Type", "application/json");
        let request = request.body(serde_json::to_vec(body).unwrap()).unwrap();
        match self.namespace.client().request(request).await {
            Ok(object) => Ok(object),
            Err(kube::Error::Api(status)) => {
                let causes = status.details.map(|details| details.causes).unwrap_or_default();
                let causes = causes.into_iter().map(|cause| (cause.field, cause.message));
                Err(causes.chain([(String::new(), status.message)]).collect())
            }
            Err(other) => panic!("the request failed: {other}"),
        }
    }

    /// Whether an object may be created, and changed then; both are only tried.
    async fn try_out(&self, object: &Value, then: Option<&Value>) -> Result<(), Refusal> {
        let Some(then) = then else {
            return self.send("POST", "", "&dryRun=All", object).await.map(drop);
        };
        let mut created = self
            .send("POST", "", "", object)
            .await
            .expect("what is changed then is fine before");
        merge(&mut created, then);
        let path = format!("/{}", object["metadata"]["name"].as_str().unwrap());
        let outcome = self.send("PUT", &path, "&dryRun=All", &created).await;
        self.send("DELETE", &path, "", &Value::Null).await.unwrap();
        outcome.map(drop)
    }
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let target = target.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Every rule of a kind: where it is, and a part of its message.
fn rules(kind: &str) -> BTreeSet<(String, String)> {
    let (_, crd) = generated()
        .into_iter()
        .find(|(generated, _)| generated == kind)
        .unwrap();
    let mut rules = BTreeSet::new();
    walk(schema(&crd), "", &mut |path, schema| {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let message = rule["message"].as_str().unwrap_or("there is no field");
            rules.insert((path.to_owned(), message.to_owned()));
        }
    });
    rules
}

/// A path without the places in lists and maps: `spec.ranges[0].from` is `spec.ranges[].from`.
fn general(path: &str) -> String {
    let mut parts = path.split('[');
    let first = parts.next().unwrap_or_default().replace("<nil>", "");
    parts.fold(first, |path, part| {
        path + "[]" + part.split_once(']').map_or("", |(_, rest)| rest)
    })
}

/// Tries every case of a kind, and returns what did not go as the table says.
async fn failures(kind: &str, table: &Table, objects: &Objects<'_>) -> Vec<String> {
    let mut failures = Vec::new();
    let mut never_seen = rules(kind);
    for case in &table.cases {
        let mut object = case.object.as_ref().unwrap_or(&table.valid).clone();
        if !case.with.is_null() {
            merge(&mut object, &case.with);
        }
        let outcome = objects.try_out(&object, case.then.as_ref()).await;
        for (path, message) in outcome.as_ref().err().into_iter().flatten() {
            never_seen.retain(|(at, rule)| *at != general(path) || !message.contains(rule));
        }
        let as_expected = match (&outcome, &case.error) {
            (Ok(()), None) => true,
            (Err(refusal), Some(error)) => refusal
                .iter()
                .any(|(path, message)| message.contains(error) && case.at.as_ref().is_none_or(|at| at == path)),
            _ => false,
        };
        if !as_expected {
            failures.push(format!("{kind}: {}: {outcome:#?}", case.name));
        }
    }
    failures.extend(
        never_seen
            .iter()
            .map(|(path, rule)| format!("{kind}: no case breaks the rule of {path}: {rule}")),
    );
    failures
}

#[tokio::test]
async fn the_api_server_accepts_and_refuses_what_the_tables_say() {
    let namespace = env::kube().await.namespace("admission").await;
    let mut failed = Vec::new();
    let mut tried = 0;
    for (kind, text) in TABLES {
        let table: Table = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("the table of {kind}: {error}"));
        let objects = Objects {
            namespace: &namespace,
            url: url(kind, namespace.name()),
        };
        failed.extend(failures(kind, &table, &objects).await);
        tried += table.cases.len();
    }
    println!("{tried} cases");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test]
async fn the_examples_of_the_reference_pages_are_accepted() {
    let namespace = env::kube().await.namespace("reference").await;
    let mut kinds = BTreeSet::new();
    for (kind, text) in reference::examples() {
        let object: Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(object["kind"], kind);
        let objects = Objects {
            namespace: &namespace,
            url: url(kind, namespace.name()),
        };
        if let Err(refusal) = objects.try_out(&object, None).await {
            panic!("{kind}: {refusal:#?}");
        }
        kinds.insert(kind);
    }
    assert_eq!(kinds, TABLES.map(|(kind, _)| kind).into());
}

fn url(kind: &str, namespace: &str) -> String {
    let crds = crds::all();
    let spec = &crds.iter().find(|crd| crd.spec.names.kind == kind).unwrap().spec;
    format!(
        "/apis/{}/v1alpha1/namespaces/{namespace}/{}",
        spec.group, spec.names.plural
    )
}
