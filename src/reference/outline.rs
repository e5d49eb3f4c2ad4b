//! reference: the shape of an object as YAML, every field with its default, or else what goes there.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;

use super::{
    fields::{Field, Values, children, is_conditions},
    flow::flow,
};
use crate::api::rules;

/// Longer lists of choices are told in the text only.
const MOST_CHOICES: usize = 5;

/// A field and all below it, as YAML.
pub(super) fn outline(field: &Field<'_>) -> String {
    let mut lines = Vec::new();
    add(field, 0, &mut lines);
    lines.join("\n")
}

fn add(field: &Field<'_>, depth: usize, lines: &mut Vec<String>) {
    let schema = field.schema;
    let required = field.is_required.then(|| "required".to_owned());
    let mut notes: Vec<String> = required.into_iter().collect();
    if is_conditions(&field.path) {
        return lines.push(line(field, depth, "[<condition>]", &notes));
    }
    let (values, inner) = match Values::of(schema) {
        Some(values) => {
            let inner = values.schema();
            (Some(values), inner)
        }
        None => (None, schema),
    };
    let path = values
        .as_ref()
        .map_or_else(|| field.path.clone(), |values| values.path(&field.path));
    let below = children(&path, inner);
    if below.is_empty() {
        notes.extend(choices(inner).filter(|_| values.is_some() || schema.default.is_some()));
        let value = leaf(schema, values.is_some());
        return lines.push(line(field, depth, &value, &notes));
    }
    lines.push(line(field, depth, "", &notes));
    let (first, inner_depth) = match values {
        Some(Values::OfMap(_)) => {
            lines.push(format!("{}<field>:", "  ".repeat(depth + 1)));
            (None, depth + 2)
        }
        Some(Values::Entries(_)) => (Some(lines.len()), depth + 1),
        None => (None, depth + 1),
    };
    for field in &below {
        add(field, inner_depth, lines);
    }
    // The dash of a list's entry stands where the indentation of its first field ends.
    if let Some(line) = first.and_then(|first| lines.get_mut(first)) {
        *line = format!("{}- {}", "  ".repeat(depth), line.trim_start());
    }
}

/// A field's own line.
fn line(field: &Field<'_>, depth: usize, value: &str, notes: &[String]) -> String {
    let mut line = format!("{}{}:", "  ".repeat(depth), field.name());
    if !value.is_empty() {
        line = format!("{line} {value}");
    }
    if !notes.is_empty() {
        line = format!("{line}  # {}", notes.join(": "));
    }
    line
}

/// What stands behind the colon.
fn leaf(schema: &JSONSchemaProps, is_list: bool) -> String {
    if let Some(default) = &schema.default {
        return flow(&default.0);
    }
    let inner = Values::of(schema).map_or(schema, |values| values.schema());
    let form = inner.pattern.as_deref().and_then(rules::form_of);
    let placeholder = match (&inner.enum_, inner.type_.as_deref(), inner.format.as_deref()) {
        (Some(_), ..) => match choices(inner).filter(|_| !is_list) {
            Some(choices) => format!("<{choices}>"),
            None => "<choice>".to_owned(),
        },
        _ if form.is_some() => format!("<{}>", form.map_or("", |form| form.word)),
        (_, _, Some("date-time")) => "<time>".to_owned(),
        (_, Some("object"), _) => return "{}".to_owned(),
        (_, Some(other), _) => format!("<{other}>"),
        _ => "<anything>".to_owned(),
    };
    if is_list {
        format!("[{placeholder}]")
    } else {
        placeholder
    }
}

/// The choices, if they are few.
fn choices(schema: &JSONSchemaProps) -> Option<String> {
    let choices = schema.enum_.as_ref().filter(|choices| choices.len() <= MOST_CHOICES)?;
    let choices: Vec<_> = choices.iter().map(|choice| flow(&choice.0)).collect();
    Some(choices.join(" | "))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{
        super::fields::{all, root},
        *,
    };
    use crate::api::crds;

    /// The paths of a YAML document, as the schema would have them.
    fn paths(path: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(entries) => {
                for (name, value) in entries {
                    let path = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    if name != "<field>" {
                        found.push(path.clone());
                    }
                    paths(&path, value, found);
                }
            }
            Value::Array(entries) if entries.iter().all(Value::is_object) => {
                for value in entries {
                    paths(&format!("{path}[]"), value, found);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn every_outline_is_yaml_with_every_field_of_its_kind() {
        for crd in crds::all() {
            for field in children("", root(&crd).unwrap()) {
                let name = field.name().to_owned();
                if !["spec", "status"].contains(&&*name) {
                    continue;
                }
                let field = Field { path: name, ..field };
                let text = outline(&field);
                let value: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
                let mut found = Vec::new();
                paths("", &value, &mut found);
                let mut expected: Vec<_> = all(field).into_iter().map(|field| field.path).collect();
                found.sort();
                expected.sort();
                assert_eq!(found, expected, "{text}");
            }
        }
    }
}
