//! What to write to one object, of any kind: its values and who holds them against what they should be. Decides who may be
//! overruled; decides no value.

use std::collections::BTreeMap;

use super::{
    field::{FieldSet, WrittenField},
    observed::Ownership,
    plan::{Apply, FieldChange, Subject},
    report::problem,
    value::Value,
};
use crate::api::{
    CLI_FIELD_MANAGER,
    sync_scope::{Problem, ProblemReason},
};

/// What an object should hold. A field that is neither here nor in [`Desired::released`] goes away where the operator holds it.
#[derive(Clone, Debug)]
pub struct Desired<F: WrittenField> {
    /// The fields that should have this value.
    pub values: BTreeMap<F, Value>,
    /// Fields that stay as they are, whoever holds them.
    pub kept: FieldSet<F>,
    /// Fields that the operator is to let go of, with their values.
    pub released: FieldSet<F>,
    /// Fields that get their value whoever holds them.
    pub forced: FieldSet<F>,
    /// The object becomes linked: whatever changed its fields before is overruled once.
    pub is_linking: bool,
}

/// What an object holds.
#[derive(Clone, Debug)]
pub struct Existing<'a, F: WrittenField> {
    /// Its values, and nothing else.
    pub values: BTreeMap<F, Value>,
    /// Who holds them.
    pub ownership: &'a Ownership<F>,
}

/// What to write, and what not.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference<F: WrittenField> {
    /// Fields to let go of first.
    pub release: FieldSet<F>,
    /// What to apply then; None when there is nothing to change.
    pub apply: Option<Apply<F>>,
    /// What becomes different.
    pub changes: Vec<FieldChange<F>>,
    /// Fields that should be different, and are left to those who hold them.
    pub elsewhere: Vec<(F, Box<str>)>,
}

/// Who stands in the way of a value.
enum Hold<'a> {
    /// Nobody but the operator.
    Nobody,
    /// Somebody who may be overruled.
    Overruled,
    /// Somebody whose value stays: who applies it, or changes it by other means than a person at the keyboard.
    Stays(&'a str),
}

impl<F: WrittenField> Desired<F> {
    /// The whole of a new object.
    pub fn create(self) -> Difference<F> {
        let change = |(field, value): (&F, &Value)| FieldChange {
            field: *field,
            before: None,
            after: Some(value.clone()),
        };
        Difference {
            release: FieldSet::EMPTY,
            changes: self.values.iter().map(change).collect(),
            apply: Some(Apply {
                values: self.values.into_iter().collect(),
                force: false,
            }),
            elsewhere: Vec::new(),
        }
    }

    /// The difference to what exists. Nothing is written to an object that has the values and is held as it should be.
    pub fn compare(self, existing: &Existing<'_, F>) -> Difference<F> {
        let ours = existing.ownership.ours;
        let mut wanted = self.values;
        // What the operator holds and doesn't send would be deleted.
        for field in self.kept.intersection(ours).iter() {
            wanted.extend(existing.values.get(&field).map(|value| (field, value.clone())));
        }
        let mut difference = Difference {
            release: ours.intersection(self.released),
            apply: None,
            changes: Vec::new(),
            elsewhere: Vec::new(),
        };
        let (mut apply, mut force) = (Vec::new(), false);
        for (field, value) in wanted {
            let before = existing.values.get(&field);
            let differs = before != Some(&value);
            match existing.ownership.hold(field, differs, self.is_linking) {
                Hold::Stays(_) if differs && self.forced.contains(field) => force = true,
                Hold::Stays(manager) if differs => {
                    difference.elsewhere.push((field, manager.into()));
                    continue;
                }
                Hold::Stays(_) => continue,
                Hold::Overruled => force |= differs,
                Hold::Nobody => {}
            }
            if differs {
                difference.changes.push(FieldChange {
                    field,
                    before: before.cloned(),
                    after: Some(value.clone()),
                });
            }
            apply.push((field, value));
        }
        let sent: FieldSet<F> = apply.iter().map(|(field, _)| *field).collect();
        let held = ours.difference(difference.release);
        let dropped = held.difference(sent);
        difference.changes.extend(existing.removals(dropped));
        difference.changes.sort_by_key(|change| change.field);
        if held != sent || !difference.changes.is_empty() {
            difference.apply = Some(Apply { values: apply, force });
        }
        difference
    }
}

impl<F: WrittenField> Existing<'_, F> {
    /// What goes away when the operator stops sending fields: those that nobody else holds.
    fn removals(&self, dropped: FieldSet<F>) -> impl Iterator<Item = FieldChange<F>> {
        let alone = dropped.iter().filter(|field| !self.ownership.is_shared(*field));
        alone.map(|field| FieldChange {
            field,
            before: self.values.get(&field).cloned(),
            after: None,
        })
    }
}

impl<F: WrittenField> Difference<F> {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.release.is_empty() && self.apply.is_none()
    }

    /// The problem of fields that are left to those who hold them.
    pub(super) fn held_elsewhere(&self, subject: &Subject, advice: &str) -> Option<Problem> {
        let (_, manager) = self.elsewhere.first()?;
        let held = self
            .elsewhere
            .iter()
            .map(|(field, manager)| format!("{} (by {manager})", field.place()));
        let held: Vec<_> = held.collect();
        let message = format!("other tools hold {}: {advice}", held.join(", "));
        Some(problem(
            subject,
            ProblemReason::FieldManagedElsewhere,
            &message,
            Some(manager),
        ))
    }
}

impl<F: WrittenField> Ownership<F> {
    /// Who stands in the way of a field. A field that another tool applies is its own, also while the values are the same: were it
    /// applied here too, that tool's next change would be a conflict. One that was merely updated may be held together.
    fn hold(&self, field: F, differs: bool, is_linking: bool) -> Hold<'_> {
        let holds = |(_, fields): &&(Box<str>, FieldSet<F>)| fields.contains(field);
        let mut applied = self.applied.iter().filter(holds);
        let updated = || self.updated.iter().filter(holds).filter(|_| differs);
        if let Some((manager, _)) = applied.clone().find(|(manager, _)| &**manager != CLI_FIELD_MANAGER) {
            return Hold::Stays(manager);
        }
        if let Some((manager, _)) = updated().find(|(manager, _)| !is_linking && !is_persons(manager)) {
            return Hold::Stays(manager);
        }
        if applied.next().is_some() || updated().next().is_some() {
            Hold::Overruled
        } else {
            Hold::Nobody
        }
    }

    /// Who would keep the operator from writing another value into a field.
    pub(super) fn held_elsewhere(&self, field: F, is_linking: bool) -> Option<Box<str>> {
        match self.hold(field, true, is_linking) {
            Hold::Stays(manager) => Some(manager.into()),
            Hold::Nobody | Hold::Overruled => None,
        }
    }

    /// Whether a field goes away when the operator stops sending it.
    pub(super) fn is_ours_alone(&self, field: F) -> bool {
        self.ours.contains(field) && !self.is_shared(field)
    }

    /// Whether somebody else holds a field, so that it stays when the operator stops sending it.
    fn is_shared(&self, field: F) -> bool {
        self.applied
            .iter()
            .chain(&self.updated)
            .any(|(_, fields)| fields.contains(field))
    }
}

/// Whether a manager is a person who changed something by hand: that is drift. `kubectl apply` without `--server-side` is a
/// tool that applies, though it is recorded as an update.
fn is_persons(manager: &str) -> bool {
    manager == CLI_FIELD_MANAGER || (manager.starts_with("kubectl") && manager != "kubectl-client-side-apply")
}
