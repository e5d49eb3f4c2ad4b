//! The CRDs: that those in `crds/` are the ones the code describes, and what they may not contain. What the API server
//! makes of them is in the modules.

mod admission;
mod served;
mod shown;

use std::fs;
use std::path::{Path, PathBuf};

use adsync::api::crds;
use serde_json::Value;

/// Client-side apply keeps a whole CRD in an annotation, which has room for 262,144 bytes.
const LARGEST: usize = 150_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crds")
}

/// Each CRD by its kind, as JSON.
fn generated() -> Vec<(String, Value)> {
    let crds = crds::all().into_iter();
    crds.map(|crd| (crd.spec.names.kind.clone(), serde_json::to_value(crd).unwrap()))
        .collect()
}

/// The schema of a CRD.
fn schema(crd: &Value) -> &Value {
    &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
}

/// Calls `see` with every schema of a CRD and its path, such as `spec.servers[].port`.
fn walk<'a>(schema: &'a Value, path: &str, see: &mut impl FnMut(&str, &'a Value)) {
    see(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        walk(property, &path, see);
    }
    for values in [&schema["items"], &schema["additionalProperties"]] {
        if values.is_object() {
            walk(values, &format!("{path}[]"), see);
        }
    }
}

/// Calls `see` with every schema of every CRD, its kind and its path.
fn everywhere(mut see: impl FnMut(&str, &str, &Value)) {
    for (kind, crd) in generated() {
        walk(schema(&crd), "", &mut |path, schema| see(&kind, path, schema));
    }
}

#[test]
fn the_files_are_those_that_the_code_generates() {
    let mut expected: Vec<_> = crds::all()
        .iter()
        .map(|crd| {
            (
                format!("{}.yaml", crd.metadata.name.as_ref().unwrap()),
                crds::to_yaml(crd).unwrap(),
            )
        })
        .collect();
    let names: Vec<_> = expected.iter().map(|(name, _)| name.clone()).collect();
    expected.push(("kustomization.yaml".to_owned(), crds::kustomization(&names)));
    for (name, yaml) in &expected {
        let file = fs::read_to_string(folder().join(name)).unwrap_or_default();
        assert!(
            file == *yaml,
            "crds/{name} is not what the code generates: run `make generate`"
        );
    }
    let mut expected: Vec<_> = expected.into_iter().map(|(name, _)| name).collect();
    let mut found: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(
        found, expected,
        "crds/ holds one file a kind, and a kustomization of them"
    );
}

#[test]
fn every_crd_is_small_enough_for_any_way_of_applying_it() {
    for crd in crds::all() {
        let size = crds::to_yaml(&crd).unwrap().len();
        assert!(size < LARGEST, "{}: {size} bytes", crd.spec.names.kind);
    }
}

#[test]
fn every_field_is_documented() {
    everywhere(|kind, path, schema| {
        // A text in a list is described where the list is.
        if path.ends_with("[]") && schema["type"] == "string" && schema.get("enum").is_none() {
            return;
        }
        let description = schema["description"].as_str().unwrap_or_default();
        assert!(
            description.len() > 10 && !description.contains("Auto-generated"),
            "{kind} {path}: {description:?}"
        );
    });
}

#[test]
fn every_choice_says_what_it_means() {
    everywhere(|kind, path, schema| {
        // The statuses of a condition are Kubernetes' own.
        for choice in schema["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|_| !path.contains("conditions[]"))
        {
            let line = format!("\n- `{}`: ", choice.as_str().unwrap());
            assert!(
                schema["description"].as_str().unwrap().contains(&line),
                "{kind} {path}: {choice} is not explained"
            );
        }
    });
}

#[test]
fn nothing_is_nullable_and_no_default_is_empty() {
    everywhere(|kind, path, schema| {
        assert!(schema.get("nullable").is_none(), "{kind} {path}");
        let default = &schema["default"];
        assert!(
            !default.to_string().contains("null") || default.is_null(),
            "{kind} {path}: {default}"
        );
        assert!(
            schema
                .get("default")
                .is_none_or(|default| !["null", "{}", "[]"].contains(&&*default.to_string())),
            "{kind} {path}"
        );
    });
}

#[test]
fn everything_has_a_limit() {
    everywhere(|kind, path, schema| match schema["type"].as_str() {
        Some("string") => {
            let limited = ["maxLength", "enum"].iter().any(|limit| schema.get(limit).is_some());
            assert!(
                limited || schema["format"] == "date-time",
                "{kind} {path} has no maxLength"
            );
        }
        Some("array") => assert!(schema["maxItems"].is_number(), "{kind} {path} has no maxItems"),
        Some("object") if schema["additionalProperties"].is_object() => {
            assert!(
                schema["maxProperties"].is_number(),
                "{kind} {path} has no maxProperties"
            );
        }
        _ => {}
    });
}

#[test]
fn lists_are_atomic_but_for_those_whose_entries_have_a_name() {
    everywhere(|kind, path, schema| {
        if schema["type"] == "array" {
            let expected = match path {
                "status.conditions" | "status.held" => ("map", Some("type")),
                "spec.exclude" => ("map", Some("name")),
                _ => ("atomic", None),
            };
            let found = (
                schema["x-kubernetes-list-type"].as_str().unwrap(),
                schema["x-kubernetes-list-map-keys"][0].as_str(),
            );
            assert_eq!(found, expected, "{kind} {path}");
        }
    });
}

#[test]
fn numbers_have_formats_that_the_api_server_knows() {
    everywhere(|kind, path, schema| {
        let format = schema["format"].as_str().unwrap_or_default();
        assert!(
            ["", "int32", "int64", "date-time"].contains(&format),
            "{kind} {path}: {format}"
        );
    });
}

#[test]
fn every_rule_says_what_to_write() {
    everywhere(|kind, path, schema| {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            assert!(
                rule["message"].is_string() || rule["messageExpression"].is_string(),
                "{kind} {path}: {rule}"
            );
        }
    });
}

#[test]
fn no_crd_holds_an_empty_list() {
    fn look(kind: &str, value: &Value) {
        match value {
            Value::Array(items) => {
                assert!(!items.is_empty(), "{kind}: Argo CD would see a difference for ever");
                for item in items {
                    look(kind, item);
                }
            }
            Value::Object(entries) => entries.values().for_each(|entry| look(kind, entry)),
            _ => {}
        }
    }
    for (kind, crd) in generated() {
        look(&kind, &crd);
    }
}

#[test]
fn the_four_kinds_that_people_configure_begin_as_unobserved_and_the_others_keep_any_status() {
    for (kind, crd) in generated() {
        let status = &schema(&crd)["properties"]["status"];
        let configured = ["ActiveDirectoryConfig", "SyncScope", "ExtensionRule", "PhoneSystem"].contains(&&*kind);
        let default = configured.then(|| serde_json::json!({"observedGeneration": -1}));
        assert_eq!(status.get("default").cloned(), default, "{kind}");
        assert_eq!(
            status["x-kubernetes-preserve-unknown-fields"] == true,
            !configured,
            "{kind}"
        );
        assert!(
            crd["spec"]["versions"][0]["subresources"]["status"].is_object(),
            "{kind}"
        );
    }
}
