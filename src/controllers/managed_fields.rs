//! Reading and rewriting `metadata.managedFields`: who owns which field of a spec. Pure.
//!
//! The format is `FieldsV1` of structured-merge-diff: a tree of `f:<name>` keys, with `.` for the node itself. What a
//! manager owns inside of a spec field (`f:directory` has children) counts as owning the field.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Map, Value};

/// How a manager came to own its fields.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// By server-side apply: it says so again with every apply.
    Apply,
    /// By create, update or patch: whatever it once changed.
    Update,
}

/// The spec fields that one entry holds. Entries on the status subresource hold none.
pub fn operation(entry: &ManagedFieldsEntry) -> Option<Operation> {
    if entry
        .subresource
        .as_deref()
        .is_some_and(|subresource| !subresource.is_empty())
    {
        return None;
    }
    match entry.operation.as_deref() {
        Some("Apply") => Some(Operation::Apply),
        Some("Update") => Some(Operation::Update),
        _ => None,
    }
}

/// Names of the spec fields that the entry holds.
pub fn spec_fields(entry: &ManagedFieldsEntry) -> impl Iterator<Item = &str> {
    spec(entry)
        .into_iter()
        .flat_map(Map::keys)
        .filter_map(|key| key.strip_prefix("f:"))
}

/// Whether the entry holds this label.
pub fn holds_label(entry: &ManagedFieldsEntry, label: &str) -> bool {
    entry
        .fields_v1
        .as_ref()
        .and_then(|fields| fields.0.get("f:metadata")?.get("f:labels")?.as_object())
        .is_some_and(|labels| labels.keys().any(|key| key.strip_prefix("f:") == Some(label)))
}

/// The entries with `fields` taken out of what `manager` applies, or `None` when it applies none of them.
///
/// The list never becomes empty: the API server ignores an empty one silently. It can't here, since what the operator
/// applies always has `phoneSystemRef`, which is no field that can be let go of.
pub fn without(
    entries: &[ManagedFieldsEntry],
    manager: &str,
    fields: &BTreeSet<&str>,
) -> Option<Vec<ManagedFieldsEntry>> {
    let mut rewritten = entries.to_vec();
    let mut found = false;
    for entry in &mut rewritten {
        if entry.manager.as_deref() != Some(manager) || operation(entry) != Some(Operation::Apply) {
            continue;
        }
        if let Some(spec) = spec_mut(entry) {
            let before = spec.len();
            spec.retain(|key, _| !key.strip_prefix("f:").is_some_and(|name| fields.contains(name)));
            found |= spec.len() != before;
        }
    }
    found.then_some(rewritten)
}

fn spec(entry: &ManagedFieldsEntry) -> Option<&Map<String, Value>> {
    entry.fields_v1.as_ref()?.0.get("f:spec")?.as_object()
}

fn spec_mut(entry: &mut ManagedFieldsEntry) -> Option<&mut Map<String, Value>> {
    entry.fields_v1.as_mut()?.0.get_mut("f:spec")?.as_object_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<ManagedFieldsEntry> {
        serde_json::from_value(serde_json::json!([
            {"manager": "adsync", "operation": "Apply", "apiVersion": "telephony.adsync.dev/v1alpha1", "fieldsType": "FieldsV1",
             "fieldsV1": {"f:metadata": {"f:labels": {"f:adsync.dev/scope": {}}},
                          "f:spec": {"f:phoneSystemRef": {"f:name": {}}, "f:title": {}, "f:directory": {"f:objectGUID": {}}}}},
            {"manager": "kubectl-edit", "operation": "Update", "apiVersion": "telephony.adsync.dev/v1alpha1", "fieldsType": "FieldsV1",
             "fieldsV1": {"f:spec": {"f:title": {}}}},
            {"manager": "phones", "operation": "Update", "subresource": "status", "fieldsV1": {"f:spec": {"f:phone": {}}}},
            {"manager": "strange"}
        ]))
        .unwrap()
    }

    #[test]
    fn names_what_each_holds() {
        let held: Vec<(Option<Operation>, Vec<String>)> = entries()
            .iter()
            .map(|entry| (operation(entry), spec_fields(entry).map(str::to_owned).collect()))
            .collect();
        assert_eq!(held[0].0, Some(Operation::Apply));
        assert_eq!(held[0].1, ["directory", "phoneSystemRef", "title"]);
        assert_eq!(held[1], (Some(Operation::Update), vec!["title".to_owned()]));
        assert_eq!(held[2].0, None, "the status is not the spec");
        assert_eq!(held[3], (None, vec![]));
        assert!(holds_label(&entries()[0], "adsync.dev/scope"));
        assert!(!holds_label(&entries()[1], "adsync.dev/scope"));
    }

    #[test]
    fn takes_fields_from_the_appliers_entry_only() {
        let rewritten = without(&entries(), "adsync", &BTreeSet::from(["title", "directory"])).unwrap();
        assert_eq!(spec_fields(&rewritten[0]).collect::<Vec<_>>(), ["phoneSystemRef"]);
        assert_eq!(rewritten[1..], entries()[1..]);
    }

    #[test]
    fn has_nothing_to_do_for_fields_that_are_not_held() {
        assert_eq!(without(&entries(), "adsync", &BTreeSet::from(["phone"])), None);
        assert_eq!(
            without(&entries(), "kubectl-edit", &BTreeSet::from(["title"])),
            None,
            "it never applied"
        );
    }
}
