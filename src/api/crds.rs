//! The seven CRDs as the cluster gets them: what the derives generate, finished in the ways that they can't.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::json;

use super::{
    ActiveDirectoryConfig, Extension, ExtensionRule, PhoneSystem, PhoneUser, RingGroup, SyncScope, columns, conditions,
};

/// All seven, in the order in which the documentation introduces them.
pub fn all() -> Vec<CustomResourceDefinition> {
    [
        ActiveDirectoryConfig::crd(),
        SyncScope::crd(),
        ExtensionRule::crd(),
        PhoneSystem::crd(),
        PhoneUser::crd(),
        Extension::crd(),
        RingGroup::crd(),
    ]
    .map(finish)
    .into()
}

/// One CRD as YAML, the same bytes each time.
pub fn to_yaml(crd: &CustomResourceDefinition) -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(&whole_numbers(serde_yaml::to_value(crd)?))
}

/// A kustomization of these files, for `kubectl apply -k` and for others to include.
pub fn kustomization(files: &[String]) -> String {
    let resources = files.join("\n- ");
    format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- {resources}\n")
}

fn finish(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let columns = columns::of(&crd.spec.names.kind);
    for version in &mut crd.spec.versions {
        version.additional_printer_columns = Some(columns.clone());
        if let Some(root) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            visit(root, &mut finish_schema);
            finish_root(root);
        }
    }
    crd
}

/// Calls `change` on a schema and on everything below it.
fn visit(schema: &mut JSONSchemaProps, change: &mut impl FnMut(&mut JSONSchemaProps)) {
    change(schema);
    for property in schema.properties.iter_mut().flat_map(BTreeMap::values_mut) {
        visit(property, change);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        visit(items, change);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        visit(values, change);
    }
}

fn finish_schema(schema: &mut JSONSchemaProps) {
    // The derive makes every `Option` nullable: a null would be stored, and seen as a difference for ever.
    schema.nullable = None;
    // An empty list as a default says nothing, and would be stored.
    if schema
        .default
        .as_ref()
        .is_some_and(|default| default.0.is_null() || default.0 == json!([]))
    {
        schema.default = None;
    }
    // Nobody may own single entries of a list but where a key names them.
    if schema.items.is_some() && schema.x_kubernetes_list_type.is_none() {
        schema.x_kubernetes_list_type = Some("atomic".to_owned());
    }
}

fn finish_root(root: &mut JSONSchemaProps) {
    root.title = None;
    let Some(properties) = &mut root.properties else { return };
    // What the derive says of the kind is that it was derived.
    root.description = properties.get("spec").and_then(|spec| spec.description.clone());
    if let Some(spec) = properties.get_mut("spec") {
        spec.description = Some("What people want.".to_owned());
    }
    if let Some(status) = properties.get_mut("status") {
        finish_status(status);
    }
}

/// The status of the four kinds that people configure: an object that nobody has looked at must not count as current
/// (kstatus), and conditions are those of Kubernetes, limits included, which their Rust type leaves out.
fn finish_status(status: &mut JSONSchemaProps) {
    let Some(conditions) = status
        .properties
        .as_mut()
        .and_then(|properties| properties.get_mut("conditions"))
    else {
        return;
    };
    conditions.max_items = Some(conditions::MOST);
    conditions.x_kubernetes_list_type = Some("map".to_owned());
    conditions.x_kubernetes_list_map_keys = Some(vec!["type".to_owned()]);
    if let Some(JSONSchemaPropsOrArray::Schema(condition)) = &mut conditions.items {
        for (name, property) in condition.properties.iter_mut().flatten() {
            match name.as_str() {
                "type" => limit(
                    property,
                    316,
                    r"^([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$",
                ),
                "reason" => limit(property, 1024, r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"),
                "message" => property.max_length = Some(conditions::LONGEST_MESSAGE),
                "status" => {
                    property.enum_ = Some(["True", "False", "Unknown"].map(|status| JSON(json!(status))).into());
                }
                "observedGeneration" => property.minimum = Some(0.0),
                _ => {}
            }
        }
    }
    status.default = Some(JSON(json!({ "observedGeneration": -1 })));
}

fn limit(property: &mut JSONSchemaProps, length: i64, pattern: &str) {
    property.max_length = Some(length);
    property.pattern = Some(pattern.to_owned());
}

/// Bounds are floating-point in the CRDs' Rust type; `65535.0` would differ from what the API server gives back.
fn whole_numbers(value: serde_yaml::Value) -> serde_yaml::Value {
    use serde_yaml::Value;
    match value {
        Value::Number(number) => Value::Number(whole(&number).unwrap_or(number)),
        Value::Sequence(items) => Value::Sequence(items.into_iter().map(whole_numbers).collect()),
        Value::Mapping(entries) => Value::Mapping(
            entries
                .into_iter()
                .map(|(key, value)| (key, whole_numbers(value)))
                .collect(),
        ),
        other => other,
    }
}

fn whole(number: &serde_yaml::Number) -> Option<serde_yaml::Number> {
    let text = number.to_string();
    text.strip_suffix(".0")?.parse::<i64>().ok().map(Into::into)
}
