//! A change to generated schemas while schemars still knows what the derive for CRDs drops: what each choice means.

use schemars::{JsonSchema, Schema, SchemaGenerator, transform::transform_subschemas};
use serde_json::Value;

/// Adds the variants of every enum to the description of its field, for `kubectl explain`.
pub(super) fn describe_choices(schema: &mut Schema) {
    transform_subschemas(&mut describe_choices, schema);
    let Some(choices) = choices(schema).filter(|choices| !choices.is_empty()) else {
        return;
    };
    let field = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    // A second pass over the same schema finds its own words.
    if !field.ends_with(&choices) {
        let description = format!("{field}{choices}");
        schema.insert("description".to_owned(), description.into());
    }
}

/// Adds the names that a map may have to its description: the schema of a map keeps nothing of its keys' type.
pub(super) fn describe_keys<K: JsonSchema>(schema: &mut Schema) {
    let keys = K::json_schema(&mut SchemaGenerator::default());
    let map = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{map}{}", choices(&keys).unwrap_or_default());
    schema.insert("description".to_owned(), description.into());
}

/// The variants of an enum, each with its documentation.
fn choices(schema: &Schema) -> Option<String> {
    // `Option<Enum>` is the enum or null.
    let value = schema
        .get("anyOf")
        .and_then(Value::as_array)
        .and_then(|either| either.first());
    let variants = value
        .map_or_else(|| schema.get("oneOf"), |value| value.get("oneOf"))?
        .as_array()?;
    let lines = variants.iter().map(|variant| {
        let name = variant.get("const").and_then(Value::as_str)?;
        let meaning = variant.get("description").and_then(Value::as_str)?;
        Some(format!("\n- `{name}`: {meaning}"))
    });
    lines.collect()
}
