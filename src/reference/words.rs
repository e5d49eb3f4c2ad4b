//! reference: what a schema asks for, in words.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, ValidationRule};

use super::{
    fields::{Field, Values, is_conditions},
    flow::flow,
};
use crate::api::rules;

/// The type of a field, whether it must be written, its default and its limits, as a line.
pub(super) fn facts(field: &Field<'_>) -> String {
    let schema = field.schema;
    let mut facts = vec![type_of(&field.path, schema)];
    if field.is_required {
        facts.push("**required**".to_owned());
    }
    if let Some(default) = &schema.default {
        facts.push(format!("default `{}`", flow(&default.0)));
    }
    facts.extend(limits(schema));
    if let Some(Values::Entries(entries)) = Values::of(schema)
        && !is_conditions(&field.path)
    {
        facts.extend(limits(entries).map(|limit| format!("each {limit}")));
    }
    if is_immutable(schema) {
        facts.push("**immutable**".to_owned());
    }
    facts.join(" · ")
}

fn type_of(path: &str, schema: &JSONSchemaProps) -> String {
    let plural = |schema: &JSONSchemaProps| match choices(schema) {
        Some(choices) => choices,
        None if schema.type_.as_deref() == Some("object") => "objects".to_owned(),
        None => format!("{}s", simple(schema)),
    };
    match Values::of(schema) {
        Some(_) if is_conditions(path) => "list of conditions".to_owned(),
        Some(Values::Entries(entries)) => format!("list of {}", plural(entries)),
        Some(Values::OfMap(values)) => format!("map of {}", plural(values)),
        None => choices(schema).unwrap_or_else(|| simple(schema)),
    }
}

fn simple(schema: &JSONSchemaProps) -> String {
    match (schema.type_.as_deref(), schema.format.as_deref()) {
        (_, Some("date-time")) => "time (RFC 3339)",
        (Some("integer"), _) => "integer",
        (Some(other), _) => other,
        (None, _) => "any value",
    }
    .to_owned()
}

fn choices(schema: &JSONSchemaProps) -> Option<String> {
    let choices = schema.enum_.as_ref()?;
    let choices: Vec<_> = choices.iter().map(|choice| format!("`{}`", flow(&choice.0))).collect();
    Some(choices.join(" | "))
}

/// How long, how many, how much, and of which form.
fn limits(schema: &JSONSchemaProps) -> impl Iterator<Item = String> {
    let pattern = schema.pattern.as_deref();
    let known = pattern.and_then(rules::form_of);
    let form =
        pattern.map(|pattern| known.map_or_else(|| format!("matches `{pattern}`"), |form| form.words.to_owned()));
    // A choice is as long as it is, and a known form says how long it is.
    let length = between(schema.min_length, schema.max_length, "character")
        .filter(|_| schema.enum_.is_none() && known.is_none());
    let whole = |bound: Option<f64>| bound.map(|bound| format!("{bound:.0}"));
    let value = match (whole(schema.minimum), whole(schema.maximum)) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (Some(least), None) => Some(format!("at least {least}")),
        (None, Some(most)) => Some(format!("at most {most}")),
        (None, None) => None,
    };
    let entries = between(schema.min_items, schema.max_items, "entr");
    let properties = between(None, schema.max_properties, "entr");
    let told_apart = schema
        .x_kubernetes_list_map_keys
        .as_ref()
        .map(|keys| format!("entries are told apart by `{}`", keys.join("`, `")));
    [form, value, length, entries, properties, told_apart]
        .into_iter()
        .flatten()
}

fn between(least: Option<i64>, most: Option<i64>, what: &str) -> Option<String> {
    let ending = |count: i64| match (what, count) {
        ("entr", 1) => "y",
        ("entr", _) => "ies",
        (_, 1) => "",
        _ => "s",
    };
    let most = most?;
    let counted = format!("{} {what}{}", grouped(most), ending(most));
    Some(match least.filter(|least| *least > 0) {
        Some(least) => format!("{} to {counted}", grouped(least)),
        None => format!("at most {counted}"),
    })
}

/// A count with commas between thousands.
fn grouped(count: i64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn is_immutable(schema: &JSONSchemaProps) -> bool {
    rules_of(schema).any(|rule| rule.rule == "self == oldSelf")
}

pub(super) fn rules_of(schema: &JSONSchemaProps) -> impl Iterator<Item = &ValidationRule> {
    schema.x_kubernetes_validations.iter().flatten()
}

/// What the API server says when a rule is broken. What it puts in at run time is shown as `…`.
pub(super) fn refusal(rule: &ValidationRule) -> Option<String> {
    if let Some(message) = &rule.message {
        return Some(message.clone());
    }
    let expression = rule.message_expression.as_deref()?;
    let (before, rest) = expression.strip_prefix('\'')?.split_once("' + ")?;
    let (_, after) = rest.rsplit_once(" + '")?;
    Some(format!("{before}…{}", after.strip_suffix('\'')?))
}

/// The choices of a description, each with its meaning, and what stands before them.
pub(super) fn split_choices(description: &str) -> (&str, Vec<(&str, &str)>) {
    let (text, choices) = description.split_once("\n- `").map_or((description, ""), |(text, _)| {
        (text, description.get(text.len()..).unwrap_or_default())
    });
    let choices = choices.split("\n- `").filter_map(|choice| choice.split_once("`: "));
    (text, choices.collect())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSON;
    use serde_json::json;

    use super::*;

    fn field(schema: &JSONSchemaProps) -> Field<'_> {
        Field {
            path: "spec.field".to_owned(),
            schema,
            is_required: true,
        }
    }

    #[test]
    fn a_field_says_what_it_may_be() {
        let duration = JSONSchemaProps {
            type_: Some("string".to_owned()),
            pattern: Some(rules::DURATION.to_owned()),
            max_length: Some(28),
            default: Some(JSON(json!("10m"))),
            ..JSONSchemaProps::default()
        };
        assert_eq!(
            facts(&field(&duration)),
            "string · **required** · default `10m` · a duration in hours, minutes and seconds, such as `30m` or `1h30m`"
        );
        let port = JSONSchemaProps {
            type_: Some("integer".to_owned()),
            minimum: Some(1.0),
            maximum: Some(65535.0),
            ..JSONSchemaProps::default()
        };
        assert_eq!(facts(&field(&port)), "integer · **required** · 1 to 65535");
    }

    #[test]
    fn counts_are_easy_to_read() {
        let shown = [
            (None, Some(20_000)),
            (Some(1), Some(2)),
            (Some(1), Some(1)),
            (None, None),
        ]
        .map(|(least, most)| between(least, most, "entr"));
        let expected = [
            Some("at most 20,000 entries"),
            Some("1 to 2 entries"),
            Some("1 to 1 entry"),
            None,
        ];
        assert_eq!(shown.each_ref().map(Option::as_deref), expected);
        assert_eq!(grouped(262_144), "262,144");
    }

    #[test]
    fn a_description_is_taken_apart() {
        let (text, choices) = split_choices("Whether a sync writes.\n- `Apply`: It does.\n- `Plan`: It doesn't.");
        assert_eq!(text, "Whether a sync writes.");
        assert_eq!(choices, [("Apply", "It does."), ("Plan", "It doesn't.")]);
        assert_eq!(split_choices("Nothing."), ("Nothing.", vec![]));
    }

    #[test]
    fn a_message_that_is_made_at_run_time_shows_what_is_known() {
        let rule = ValidationRule {
            message_expression: Some(
                "'there is no field ' + self.filter(f, !(f in ['a']))[0] + ': write one of a, b'".to_owned(),
            ),
            ..ValidationRule::default()
        };
        assert_eq!(refusal(&rule).unwrap(), "there is no field …: write one of a, b");
    }
}
