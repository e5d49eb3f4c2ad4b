//! reference: the page of a kind.

use std::fmt::Write;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps,
};

use super::{
    fields::{Field, Values, all, children, root},
    kinds::About,
    outline::outline,
    words::{facts, refusal, rules_of, split_choices},
};

/// A kind's page.
pub(super) fn page(about: &About, crd: &CustomResourceDefinition) -> String {
    let mut page = String::new();
    let Some((root, version)) = root(crd).zip(crd.spec.versions.first()) else {
        return page;
    };
    let summary = root.description.as_deref().unwrap_or_default();
    let _ = write!(page, "# {}\n\n{summary}\n\n{}\n\n", about.kind, about.introduction);
    page += &names(about, crd, version);
    let _ = write!(page, "\n## Example\n\n```yaml\n{}\n```\n", about.example.trim_end());
    for part in ["spec", "status"] {
        let field = children("", root)
            .into_iter()
            .find(|field| field.name() == part)
            .map(|field| Field {
                path: part.to_owned(),
                ..field
            });
        page += &field.map(|field| section(part, field)).unwrap_or_default();
    }
    page + &refusals(root)
}

/// What it is called, and what `kubectl get` shows.
fn names(about: &About, crd: &CustomResourceDefinition, version: &CustomResourceDefinitionVersion) -> String {
    let names = &crd.spec.names;
    let code = |words: &[String]| {
        let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        words.join(", ")
    };
    let columns = |wide: bool| {
        let columns = version.additional_printer_columns.iter().flatten();
        let shown = columns.filter(|column| (column.priority.unwrap_or_default() > 0) == wide);
        let shown: Vec<_> = shown
            .map(|column| format!("{} (`{}`)", column.name.to_uppercase(), column.json_path))
            .collect();
        shown.join(", ")
    };
    let mut lines = vec![
        ("apiVersion", format!("`{}/{}`", crd.spec.group, version.name)),
        ("Written by", about.written_by.to_owned()),
        (
            "For `kubectl get`",
            format!(
                "{}; together with others: {}",
                code(
                    &[
                        vec![names.plural.clone()],
                        names.short_names.clone().unwrap_or_default()
                    ]
                    .concat()
                ),
                code(names.categories.as_deref().unwrap_or_default())
            ),
        ),
        ("Columns", columns(false)),
        ("With `-o wide`", columns(true)),
    ];
    let selectable: Vec<_> = version
        .selectable_fields
        .iter()
        .flatten()
        .map(|field| field.json_path.trim_start_matches('.').to_owned())
        .collect();
    if !selectable.is_empty() {
        lines.push(("For `--field-selector`", code(&selectable)));
    }
    let mut table = "| | |\n|---|---|\n".to_owned();
    for (what, value) in lines {
        let _ = writeln!(table, "| {what} | {} |", cell(&value));
    }
    table
}

/// All of `spec` or `status`: its shape, then each field.
fn section(part: &str, field: Field<'_>) -> String {
    let (title, about) = match part {
        "spec" => ("Spec", "What people want."),
        _ => ("Status", field.schema.description.as_deref().unwrap_or_default()),
    };
    let mut section = format!("\n## {title}\n\n{about}\n\n");
    if field.schema.properties.iter().flatten().next().is_none() {
        return section;
    }
    let _ = writeln!(section, "```yaml\n{}\n```", outline(&field));
    for field in all(field).iter().skip(1) {
        section += &entry(field);
    }
    section
}

/// One field.
fn entry(field: &Field<'_>) -> String {
    let mut entry = format!("\n### `{}`\n\n{}\n", field.path, facts(field));
    let (text, choices) = split_choices(field.schema.description.as_deref().unwrap_or_default());
    let _ = writeln!(entry, "\n{text}");
    let inner = Values::of(field.schema).and_then(|values| values.schema().description.as_deref());
    let (text, more_choices) = split_choices(inner.unwrap_or_default());
    let is_said = text.is_empty() || !more_choices.is_empty() || field.path == "status.conditions";
    if !is_said {
        let _ = writeln!(entry, "\nEach entry: {text}");
    }
    if !choices.is_empty() || !more_choices.is_empty() {
        entry.push('\n');
    }
    for (choice, meaning) in choices.into_iter().chain(more_choices) {
        let _ = writeln!(entry, "- `{choice}`: {meaning}");
    }
    entry
        + match field.path.as_str() {
            "status.conditions" => "\nTheir types and reasons are on [the page of conditions](conditions.md).\n",
            "status.problems[].reason" => "\nWhat to do about each is on [the page of problems](problems.md).\n",
            _ => "",
        }
}

/// Every rule of the schema, by field.
fn refusals(root: &JSONSchemaProps) -> String {
    // Each message once, with every place of it.
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    let mut add = |path: &str, message: String| match lines.iter_mut().find(|(known, _)| *known == message) {
        Some((_, paths)) => paths.push(format!("`{path}`")),
        None => lines.push((message, vec![format!("`{path}`")])),
    };
    for message in rules_of(root).filter_map(refusal) {
        add("metadata.name", message);
    }
    for field in children("", root) {
        let path = field.name().to_owned();
        for field in all(Field { path, ..field }) {
            let inner = Values::of(field.schema).map(|values| (values.path(&field.path), values.schema()));
            for (path, schema) in [(field.path.clone(), field.schema)].into_iter().chain(inner) {
                for message in rules_of(schema).filter_map(refusal) {
                    add(&path, message);
                }
            }
        }
    }
    let mut section = "\n## What the API server refuses\n\n".to_owned();
    if lines.is_empty() {
        section += "Nothing beyond types, limits and fields that must be there.\n";
        return section;
    }
    section += "Beyond types, limits and fields that must be there, these rules hold. A refused object is not stored; the message says what to write.\n\n";
    section += "| where | what the API server says |\n|---|---|\n";
    for (message, paths) in lines {
        let _ = writeln!(section, "| {} | `{}` |", paths.join("<br>"), cell(&message));
    }
    section
}

/// A text inside a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::{super::pages, *};
    use crate::{
        api::crds,
        sync::field::{FIELDS, Place, Source},
    };

    fn of(file: &str) -> String {
        pages().into_iter().find(|page| page.file == file).unwrap().text
    }

    #[test]
    fn every_field_of_every_kind_has_an_entry() {
        for crd in crds::all() {
            let page = of(&format!("{}.md", crd.spec.names.singular.as_deref().unwrap()));
            for part in children("", root(&crd).unwrap()) {
                let path = part.name().to_owned();
                for field in all(Field { path, ..part }).iter().skip(1) {
                    assert!(page.contains(&format!("\n### `{}`\n\n", field.path)), "{}", field.path);
                }
            }
        }
    }

    #[test]
    fn map_names_the_attributes_that_the_operator_reads() {
        let page = of("syncscope.md");
        for row in FIELDS {
            if let (Place::Spec(name), Source::Attribute(attribute)) = (row.place, row.source) {
                assert!(page.contains(&format!("\n- `{name}`: From `{attribute}`.\n")), "{name}");
            }
        }
    }

    #[test]
    fn every_rule_is_on_its_page_in_the_words_of_the_api_server() {
        for crd in crds::all() {
            let page = of(&format!("{}.md", crd.spec.names.singular.as_deref().unwrap()));
            let schema = serde_json::to_value(root(&crd).unwrap()).unwrap();
            assert_rules_are_on(&page, &schema);
        }
    }

    fn assert_rules_are_on(page: &str, schema: &serde_json::Value) {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let made = ": write one of login, userPrincipalName";
            let message = rule["message"].as_str().unwrap_or(made);
            assert!(page.contains(&cell(message)), "{message}");
        }
        let fields = schema["properties"].as_object().into_iter().flatten();
        fields.for_each(|(_, field)| assert_rules_are_on(page, field));
        let values = [&schema["items"], &schema["additionalProperties"]];
        values
            .into_iter()
            .filter(|values| values.is_object())
            .for_each(|values| assert_rules_are_on(page, values));
    }

    #[test]
    fn no_limit_is_told_as_a_pattern() {
        for page in pages() {
            assert!(
                !page.text.contains("matches `"),
                "{}: give the pattern words in api::rules",
                page.file
            );
        }
    }
}
