//! What each ring group should hold, and what to write so that it does. Numbers and members were decided before.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Input,
    departments::{Departments, RingGroup},
    difference::{Desired, Existing},
    evidence::Open,
    field::{FieldSet, RingField},
    guard::Guard,
    number::Number,
    numbering::Numbered,
    observed::ObservedRingGroup,
    plan::{Change, Claim, Expected, RingGroupChange},
    removal::{Action, Removal},
    report::problem,
    ring_members::{MOST_MEMBERS, RingMembers, Ringing, RingingPeople, members_of},
    select::Selection,
    validated::DepartmentNumber,
    value::Value,
};
use crate::api::{
    FIELD_MANAGER,
    extension::HolderKind,
    ring_group::{RingGroupSource, Strategy},
    shared::LocalReference,
    sync_scope::{Problem, ProblemReason},
};

/// All of a scope's ring groups.
#[derive(Debug, Default)]
pub struct RingGroups {
    /// Numbers to claim for them.
    pub claims: Vec<Claim>,
    /// What to write, by the name of the object.
    pub changes: Vec<RingGroupChange>,
    /// What is to be told.
    pub problems: Vec<Problem>,
    /// How many are as the spec wishes.
    pub synced: i64,
    /// Members of groups that are neither people nor groups of the directory that was read.
    pub unresolved_members: usize,
}

impl RingGroups {
    /// Decides what each one should hold, `numbers` being what became of theirs.
    pub fn plan<'a>(
        input: &Input<'a>,
        selection: &Selection<'_>,
        departments: &'a Departments<'a>,
        numbers: &[Numbered],
        people: &RingingPeople,
        guard: &mut Guard<'a>,
        open: &mut Open,
    ) -> Self {
        let mut all = Self {
            problems: departments.problems.clone(),
            ..Self::default()
        };
        for (ring_group, numbered) in departments.ring_groups.iter().zip(numbers) {
            let mut problems: Vec<_> = number_problem(ring_group, numbered).into_iter().collect();
            if !numbered.waits {
                let before = ring_group.observed.map(members_of).unwrap_or_default();
                let mut members = people.members(input, selection, ring_group.entry, &before, open);
                if !may_shrink(input, ring_group, &members, guard) {
                    members.hold();
                }
                let (change, found) = change(input, ring_group, numbered, &members.ringing());
                all.claims.extend(claim(ring_group, numbered));
                all.changes.extend(change);
                all.unresolved_members += members.unresolved;
                problems.extend(found);
            }
            all.synced += i64::from(problems.is_empty());
            all.problems.extend(problems);
        }
        all
    }
}

/// The number that has to be claimed for a ring group first.
fn claim(ring_group: &RingGroup<'_>, numbered: &Numbered) -> Option<Claim> {
    Some(Claim {
        number: numbered.number?,
        holder: ring_group.holder(),
        expected: numbered.claim.clone()?,
        why: numbered.why.clone(),
    })
}

/// What is to be told of a ring group's number.
fn number_problem(ring_group: &RingGroup<'_>, numbered: &Numbered) -> Option<Problem> {
    if let Some(complaint) = &numbered.complaint {
        let (message, other) = (&complaint.message, complaint.other.as_deref());
        return Some(problem(&ring_group.subject, complaint.reason, message, other));
    }
    match &ring_group.department.number {
        DepartmentNumber::Rule(rule) if numbered.waits => {
            let message = format!("ExtensionRule {rule} numbers it, and is missing or wrong: see its status");
            Some(problem(
                &ring_group.subject,
                ProblemReason::NumberMissing,
                &message,
                None,
            ))
        }
        _ => None,
    }
}

/// Whether those who have left may go out now: the guard's word, and only when there are any.
fn may_shrink<'a>(
    input: &Input<'a>,
    ring_group: &'a RingGroup<'a>,
    members: &RingMembers,
    guard: &mut Guard<'a>,
) -> bool {
    let Some(observed) = ring_group.observed.filter(|_| !members.leaving.is_empty()) else {
        return true;
    };
    let removal = Removal {
        kind: HolderKind::RingGroup,
        name: &ring_group.name,
        version: &observed.version,
        subject: ring_group.subject.clone(),
        action: Action::Shrink,
        loses: 0,
        due: input.now,
        reason: None,
    };
    let before = members.staying.len() + members.leaving.len();
    // When others come in, somebody rings.
    let after = members.staying.len().max(usize::from(!members.coming.is_empty()));
    guard.weigh_members(removal, before, after)
}

/// What to write to one RingGroup, and what is to be told about it.
fn change(
    input: &Input<'_>,
    ring_group: &RingGroup<'_>,
    numbered: &Numbered,
    members: &Ringing,
) -> (Option<RingGroupChange>, Vec<Problem>) {
    let mut problems = Vec::new();
    if members.left_out > 0 {
        let message = format!(
            "it has room for {MOST_MEMBERS} numbers, and {} more should ring",
            members.left_out
        );
        problems.push(problem(
            &ring_group.subject,
            ProblemReason::InvalidRecord,
            &message,
            None,
        ));
    }
    let desired = desired(input, ring_group, numbered, members);
    let difference = match ring_group.observed {
        Some(observed) => desired.compare(&existing(observed)),
        None => desired.create(),
    };
    problems.extend(difference.held_elsewhere(&ring_group.subject, "take them from those tools"));
    let change = (!difference.is_empty()).then(|| Change {
        name: ring_group.name.clone(),
        subject: ring_group.subject.clone(),
        expected: ring_group
            .observed
            .map_or(Expected::Absent, |observed| Expected::Present(observed.version.clone())),
        release: difference.release,
        apply: difference.apply,
        changes: difference.changes,
        needs: numbered.claim.is_some().then_some(numbered.number).flatten(),
        links: false,
        why: None,
    });
    (change, problems)
}

fn desired(
    input: &Input<'_>,
    ring_group: &RingGroup<'_>,
    numbered: &Numbered,
    members: &Ringing,
) -> Desired<RingField> {
    let source = RingGroupSource {
        scope_ref: LocalReference {
            name: input.scope.name.to_string(),
        },
        department: ring_group.department.name.to_string(),
        object_guid: ring_group.guid.to_string(),
    };
    let numbers = members.numbers.iter().map(|number| number.to_string().into());
    let mut values = BTreeMap::from([
        (RingField::DisplayName, Value::text(&ring_group.entry.display_name())),
        (
            RingField::Strategy,
            Value::text(strategy(ring_group.department.strategy)),
        ),
        (RingField::Enabled, Value::Flag(true)),
        (RingField::InPhonebook, Value::Flag(true)),
        (RingField::Members, Value::List(numbers.collect())),
        (RingField::Source, Value::Source(Box::new(source))),
        (RingField::ManagedByLabel, Value::text(FIELD_MANAGER)),
        (RingField::ScopeLabel, Value::text(&input.scope.name)),
        (RingField::PhoneSystemLabel, Value::text(&input.system.name)),
    ]);
    let mut kept = FieldSet::EMPTY;
    match numbered.number {
        Some(number) => drop(values.insert(RingField::Number, Value::text(&number.to_string()))),
        None => kept.insert(RingField::Number),
    }
    Desired {
        values,
        kept,
        released: FieldSet::EMPTY,
        forced: FieldSet::EMPTY,
        is_linking: false,
    }
}

fn existing(observed: &ObservedRingGroup) -> Existing<'_, RingField> {
    Existing {
        values: observed.values.clone(),
        ownership: &observed.ownership,
    }
}

/// As the object's spec writes it.
fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::RingAll => "RingAll",
        Strategy::Hunt => "Hunt",
        Strategy::RoundRobin => "RoundRobin",
        Strategy::LeastRecent => "LeastRecent",
    }
}

impl RingGroupChange {
    /// Takes numbers whose claim was lost or failed out of the new members: one person's bad luck does not cost the others their
    /// ring group. They come in with the next plan. Who is in it already keeps ringing.
    pub fn leave_out(&mut self, lost: &BTreeSet<Number>) {
        let before = self
            .changes
            .iter()
            .find(|change| change.field == RingField::Members)
            .map(|change| change.before.clone());
        // Members that stay as they are hold nothing new.
        let Some(before) = before else { return };
        let before = match before {
            Some(Value::List(before)) => before,
            _ => Vec::new(),
        };
        let values = self.apply.iter_mut().flat_map(|apply| &mut apply.values);
        let changes = self
            .changes
            .iter_mut()
            .filter(|change| change.field == RingField::Members);
        let members = values
            .filter(|(field, _)| *field == RingField::Members)
            .map(|(_, value)| value);
        for value in members.chain(changes.filter_map(|change| change.after.as_mut())) {
            if let Value::List(members) = value {
                let is_lost = |member: &str| member.parse().is_ok_and(|number| lost.contains(&number));
                members.retain(|member| before.contains(member) || !is_lost(member));
            }
        }
    }
}
