//! The seven CRDs as the cluster gets them: what the derives generate, finished in the ways that they can't.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::json;

use super::{ActiveDirectoryConfig, Extension, ExtensionRule, PhoneSystem, PhoneUser, RingGroup, SyncScope};

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

fn finish(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        let Some(root) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        else {
            continue;
        };
        visit(root, &mut finish_schema);
        finish_status(root);
    }
    crd
}

/// Calls `change` on a schema and on everything below it.
fn visit(schema: &mut JSONSchemaProps, change: &mut impl FnMut(&mut JSONSchemaProps)) {
    change(schema);
    for property in schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
    {
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
    // An empty list as a default says nothing, and is stored.
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

/// kstatus: an object that nobody has looked at must not count as current, so `observedGeneration` begins at −1.
fn finish_status(root: &mut JSONSchemaProps) {
    let Some(status) = root
        .properties
        .as_mut()
        .and_then(|properties| properties.get_mut("status"))
    else {
        return;
    };
    let Some(properties) = &mut status.properties else {
        return;
    };
    if properties.contains_key("observedGeneration") {
        status.default = Some(JSON(json!({ "observedGeneration": -1 })));
    }
}

/// One CRD as YAML, the same bytes each time.
pub fn to_yaml(crd: &CustomResourceDefinition) -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(crd)
}
