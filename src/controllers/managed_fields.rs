//! Reading and rewriting `metadata.managedFields`: who holds which field. Pure.
//!
//! The format is `FieldsV1` of structured-merge-diff: a tree of `f:<name>` keys, with `.` for the node itself. What a
//! manager holds inside of a field (`f:directory` has children) counts as holding the field.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Map, Value};

use crate::{
    api::FIELD_MANAGER,
    sync::{
        field::{FieldSet, Place, WrittenField},
        observed::Ownership,
    },
};

/// Where the tree has the fields of a spec, and the labels.
const SPEC: [&str; 1] = ["f:spec"];
const LABELS: [&str; 2] = ["f:metadata", "f:labels"];

/// Who holds which of the fields that the operator may write.
pub fn ownership<F: WrittenField>(entries: &[ManagedFieldsEntry]) -> Ownership<F> {
    let mut ours = FieldSet::EMPTY;
    let (mut applied, mut updated) = (Vec::new(), Vec::new());
    for entry in entries.iter().filter(|entry| !is_of_subresource(entry)) {
        let manager = entry.manager.as_deref().unwrap_or_default();
        let held = held::<F>(entry);
        match entry.operation.as_deref() {
            Some("Apply") if manager == FIELD_MANAGER => ours = ours.union(held),
            _ if held.is_empty() => {}
            Some("Apply") => applied.push((manager.into(), held)),
            _ => updated.push((manager.into(), held)),
        }
    }
    Ownership {
        ours,
        applied: applied.into(),
        updated: updated.into(),
    }
}

/// Whether the operator wrote the holder of an Extension, and who else applies its spec.
pub fn appliers(entries: &[ManagedFieldsEntry]) -> (bool, Option<&str>) {
    let spec = |entry: &ManagedFieldsEntry| {
        let is_apply = entry.operation.as_deref() == Some("Apply") && !is_of_subresource(entry);
        let tree = entry.fields_v1.as_ref().filter(|_| is_apply)?;
        branch(&tree.0, &SPEC).cloned()
    };
    let is_operators = |entry: &&ManagedFieldsEntry| entry.manager.as_deref() == Some(FIELD_MANAGER);
    let mut ours = entries.iter().filter(is_operators).filter_map(spec);
    let mut others = entries
        .iter()
        .filter(|entry| !is_operators(entry) && spec(entry).is_some());
    (
        ours.any(|spec| spec.contains_key("f:holder")),
        others.find_map(|entry| entry.manager.as_deref()),
    )
}

/// The entries without `fields` in what the operator applies, or `None` when it applies none of them.
///
/// The list never becomes empty, which the API server would ignore silently: what the operator applies always has
/// `phoneSystemRef`, and that is no field that it can let go of.
pub fn released<F: WrittenField>(
    entries: &[ManagedFieldsEntry],
    fields: FieldSet<F>,
) -> Option<Vec<ManagedFieldsEntry>> {
    let mut rewritten = entries.to_vec();
    let ours = rewritten.iter_mut().find(|entry| {
        !is_of_subresource(entry)
            && entry.manager.as_deref() == Some(FIELD_MANAGER)
            && entry.operation.as_deref() == Some("Apply")
    })?;
    let tree = &mut ours.fields_v1.as_mut()?.0;
    let mut found = false;
    for field in fields.iter() {
        let removed = match field.place() {
            Place::Spec(name) => branch_mut(tree, &SPEC).and_then(|spec| spec.remove(&key(name))),
            Place::Label(name) => branch_mut(tree, &LABELS).and_then(|labels| labels.remove(&key(name))),
        };
        found |= removed.is_some();
    }
    found.then_some(rewritten)
}

/// Whoever writes only a subresource holds nothing of the spec, whatever else it says.
fn is_of_subresource(entry: &ManagedFieldsEntry) -> bool {
    entry
        .subresource
        .as_deref()
        .is_some_and(|subresource| !subresource.is_empty())
}

fn held<F: WrittenField>(entry: &ManagedFieldsEntry) -> FieldSet<F> {
    let Some(tree) = entry.fields_v1.as_ref() else {
        return FieldSet::EMPTY;
    };
    let (spec, labels) = (branch(&tree.0, &SPEC), branch(&tree.0, &LABELS));
    let holds = |field: &F| match field.place() {
        Place::Spec(name) => spec.is_some_and(|spec| spec.contains_key(&key(name))),
        Place::Label(name) => labels.is_some_and(|labels| labels.contains_key(&key(name))),
    };
    F::ALL.iter().copied().filter(holds).collect()
}

fn key(name: &str) -> String {
    format!("f:{name}")
}

fn branch<'a>(tree: &'a Value, path: &[&str]) -> Option<&'a Map<String, Value>> {
    path.iter().try_fold(tree, |node, key| node.get(key))?.as_object()
}

fn branch_mut<'a>(tree: &'a mut Value, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    path.iter()
        .try_fold(tree, |node, key| node.get_mut(key))?
        .as_object_mut()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sync::field::Field;

    fn entries() -> Vec<ManagedFieldsEntry> {
        serde_json::from_value(json!([
            {"manager": "adsync", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": {
                "f:metadata": {"f:labels": {"f:adsync.dev/scope": {}}},
                "f:spec": {"f:phoneSystemRef": {"f:name": {}}, "f:title": {}, "f:directory": {"f:objectGUID": {}}}}},
            {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:title": {}}}},
            {"manager": "hr", "operation": "Apply", "fieldsV1": {"f:spec": {".": {}, "f:phone": {}}}},
            {"manager": "adsync", "operation": "Update", "fieldsV1": {"f:spec": {"f:office": {}}}},
            {"manager": "phones", "operation": "Update", "subresource": "status", "fieldsV1": {"f:spec": {"f:phone": {}}}},
            {"manager": "labeller", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {"f:team": {}}}}},
            {"manager": "strange"}
        ]))
        .unwrap()
    }

    fn set(fields: &[Field]) -> FieldSet {
        fields.iter().copied().collect()
    }

    #[test]
    fn tells_appliers_from_updaters() {
        let ownership = ownership::<Field>(&entries());
        assert_eq!(
            ownership.ours,
            set(&[Field::Title, Field::Directory, Field::ScopeLabel])
        );
        assert_eq!(*ownership.applied, [("hr".into(), set(&[Field::Phone]))]);
        let updated = [
            ("kubectl-edit".into(), set(&[Field::Title])),
            ("adsync".into(), set(&[Field::Office])),
        ];
        assert_eq!(
            *ownership.updated, updated,
            "neither the status nor a foreign label counts"
        );
    }

    #[test]
    fn tells_whether_the_operator_wrote_the_holder_and_who_applies_an_extension() {
        let entry = |manager: &str, operation: &str, field: &str| json!({"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {field: {}}}});
        let told = |entries: &[Value]| {
            let entries: Vec<ManagedFieldsEntry> = serde_json::from_value(json!(entries)).unwrap();
            let (is_ours, other) = appliers(&entries);
            (is_ours, other.map(str::to_owned))
        };
        let ours = entry("adsync", "Apply", "f:holder");
        let edited = entry("kubectl-edit", "Update", "f:releaseAfter");
        assert_eq!(told(&[ours.clone(), edited]), (true, None));
        let taken_over = [
            entry("adsync", "Apply", "f:number"),
            entry("kubectl-edit", "Update", "f:holder"),
        ];
        assert_eq!(told(&taken_over), (false, None), "a person gave it to somebody");
        assert_eq!(
            told(&[ours, entry("flux", "Apply", "f:state")]),
            (true, Some("flux".to_owned()))
        );
        assert_eq!(told(&[]), (false, None));
    }

    #[test]
    fn lets_go_of_fields_in_the_operators_entry_only() {
        let rewritten = released(
            &entries(),
            set(&[Field::Title, Field::Directory, Field::Phone, Field::ScopeLabel]),
        )
        .unwrap();
        let ownership_left = ownership::<Field>(&rewritten);
        assert_eq!(ownership_left.ours, FieldSet::EMPTY);
        assert_eq!(
            rewritten[0].fields_v1.as_ref().unwrap().0["f:spec"],
            json!({"f:phoneSystemRef": {"f:name": {}}})
        );
        assert_eq!(rewritten[1..], entries()[1..]);
    }

    #[test]
    fn has_nothing_to_do_for_fields_that_the_operator_does_not_apply() {
        assert_eq!(released(&entries(), set(&[Field::Phone, Field::Office])), None);
        assert_eq!(released(&entries()[1..], set(&[Field::Title])), None);
    }
}
