//! reference: the JSON schema of the chart's values, which Helm holds them to.

use serde_json::{Map, Value as Json, json};

use super::{Section, Value};

/// The schema of all values.
pub(super) fn schema(sections: &[Section]) -> Json {
    let values = sections.iter().flat_map(|section| &section.values);
    let mut schema = group(values);
    if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
        // A chart that has this one as a part of it gives it both: `global` always, `enabled` where it says so in its `condition`.
        properties.insert("global".to_owned(), json!({"type": "object"}));
        properties.insert("enabled".to_owned(), json!({"type": "boolean"}));
    }
    // The draft that every Helm knows.
    schema.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    schema.insert("title".to_owned(), json!("Values of the Helm chart adsync"));
    Json::Object(schema)
}

fn group<'a>(values: impl Iterator<Item = &'a Value>) -> Map<String, Json> {
    let properties: Map<_, _> = values.map(|value| (value.name().to_owned(), of(value))).collect();
    Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), Json::Object(properties)),
        ("additionalProperties".to_owned(), json!(false)),
    ])
}

fn of(value: &Value) -> Json {
    let mut schema = if value.values.is_empty() {
        Map::from_iter([
            ("type".to_owned(), json!(kind(&value.default))),
            ("default".to_owned(), value.default.clone()),
        ])
    } else {
        group(value.values.iter())
    };
    if !value.text.is_empty() {
        schema.insert("description".to_owned(), json!(value.text));
    }
    schema.extend(value.annotation.clone());
    Json::Object(schema)
}

/// What the default says of the type.
fn kind(default: &Json) -> &'static str {
    match default {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.is_f64() => "number",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// The type, as people say it.
pub(super) fn in_words(value: &Value) -> String {
    let said = |keyword: &str| value.annotation.get(keyword);
    if let Some(choices) = said("enum").and_then(Json::as_array) {
        let choices: Vec<_> = choices.iter().map(|choice| format!("`{}`", plain(choice))).collect();
        return choices.join(", ");
    }
    let inner = |schema: Option<&Json>| match schema.and_then(|schema| schema.get("type")).and_then(Json::as_str) {
        Some("string") => " of strings",
        Some("integer") => " of numbers",
        Some("object") => " of objects",
        _ => "",
    };
    let kinds = match said("type") {
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
        Some(Json::String(kind)) => vec![kind.as_str()],
        _ => vec![kind(&value.default)],
    };
    let in_words = kinds.into_iter().map(|kind| match kind {
        "array" => format!("list{}", inner(said("items"))),
        "object" => format!("map{}", inner(said("additionalProperties"))),
        "integer" => match (said("minimum"), said("maximum")) {
            (Some(least), Some(most)) => format!("number, {least} to {most}"),
            (Some(least), None) => format!("number, at least {least}"),
            _ => "number".to_owned(),
        },
        kind => kind.to_owned(),
    });
    in_words.collect::<Vec<_>>().join(" or ")
}

/// Text without its quotes, all else as JSON.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
