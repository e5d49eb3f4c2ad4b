//! Which numbers begin to rest, because nobody needs them any more, and for how long. Gives nobody a number.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    Input,
    claims::Claims,
    field::{Field, RingField, WrittenField},
    number::Number,
    number_holders::NumberHolders,
    numbering::{Claimant, Handover},
    plan::{Change, Deletion, Free, Plan},
    removal::whole_seconds,
    validated::ValidatedRule,
};
use crate::api::extension::{Holder, HolderKind};

/// How long a number rests of which no rule is known.
const DEFAULT_REST: SignedDuration = SignedDuration::from_hours(720);

/// Numbers that the operator gave to objects that do not exist, and are none of the claimants': somebody deleted the object, or a
/// crash came between its deletion and the rest of its number. A scope frees its own, and those of scopes that are gone.
pub fn orphans(
    input: &Input<'_>,
    claims: &Claims<'_>,
    holders: &NumberHolders<'_>,
    claimants: &[Claimant<'_>],
) -> BTreeSet<Number> {
    let to_come: BTreeSet<&Holder> = claimants.iter().map(|claimant| &claimant.holder).collect();
    let extensions = input.observed.extensions.values().filter_map(|extension| {
        let holder = extension.holder.as_ref()?;
        let given_by = extension.scope.as_deref();
        let is_ours = given_by.is_some_and(|given_by| given_by == &*input.scope.name || !claims.is_live(given_by));
        let is_orphan = is_ours && !holders.exists(holder) && !to_come.contains(holder);
        let number = extension.number.filter(|_| is_orphan)?;
        holders.releasable(number, holder).and(Some(number))
    });
    extensions.collect()
}

/// What decides on rests.
#[derive(Clone, Copy, Debug)]
pub struct Rests<'a> {
    /// What time it is.
    pub now: Timestamp,
    /// Who has which number.
    pub holders: &'a NumberHolders<'a>,
    /// The rules of the phone system.
    pub rules: &'a BTreeMap<Box<str>, ValidatedRule>,
    /// Who lets go of a number for somebody who waits for it.
    pub handover: &'a Handover,
}

impl<'a> Rests<'a> {
    /// What decides on them now.
    pub fn new(input: &Input<'a>, holders: &'a NumberHolders<'a>, handover: &'a Handover) -> Self {
        Self {
            now: input.now,
            holders,
            rules: input.rules,
            handover,
        }
    }

    /// The numbers that begin to rest when `plan` is carried out: what is handed over, and what it deletes objects of. What an
    /// object goes on naming is none of them.
    pub fn begin(&self, plan: &Plan) -> Vec<Free> {
        let mut leaving = self.handover.leaving.clone();
        for deletion in &plan.deletions {
            leaving.extend(self.holders.assigned_to(deletion.kind, &deletion.name));
        }
        let frees = leaving.into_iter().filter_map(|number| self.free(number, plan));
        frees.collect()
    }

    fn free(&self, number: Number, plan: &Plan) -> Option<Free> {
        let holder = self.holders.holder_of(number)?;
        let extension = self.holders.releasable(number, holder)?;
        if self.holders.named_by(holder.kind, &holder.name) == Some(number) && !stops_naming(holder, plan) {
            return None;
        }
        let awaited_by = self.handover.awaited.get(&number);
        let rest = awaited_by.map_or_else(|| self.rest_of(number), |_| SignedDuration::ZERO);
        Some(Free {
            number,
            holder: holder.clone(),
            version: extension.version.clone(),
            // Earlier rather than later: what is let go of now must be free when the next plan looks.
            release_after: whole_seconds(self.now.saturating_add(rest).unwrap_or(Timestamp::MAX)),
            awaited_by: awaited_by.cloned(),
        })
    }

    /// How long a number rests: as the rule says in whose ranges it is; of several, the longest. One of no range rests as the rule
    /// says that moved its holder away; else it comes from an attribute if any rule reads one, and need not rest.
    fn rest_of(&self, number: Number) -> SignedDuration {
        let counting = self.rules.values().filter(|rule| rule.ranges_over(number));
        let moved_to = self.handover.moved.get(&number);
        let renumbering = self.rules.values().filter(|rule| {
            let renumbers = rule.renumber && rule.attribute.is_none();
            renumbers && moved_to.is_some_and(|number| rule.ranges_over(*number))
        });
        let reads_attribute = self.rules.values().any(|rule| rule.attribute.is_some());
        let otherwise = if reads_attribute {
            SignedDuration::ZERO
        } else {
            DEFAULT_REST
        };
        let rests = counting.map(|rule| rule.cool_for).max();
        rests
            .or_else(|| renumbering.map(|rule| rule.cool_for).max())
            .unwrap_or(otherwise)
    }
}

/// Whether a plan deletes an object, or takes its number out of it.
fn stops_naming(holder: &Holder, plan: &Plan) -> bool {
    let is_deleted = |deletion: &Deletion| deletion.kind == holder.kind && *deletion.name == holder.name;
    plan.deletions.iter().any(is_deleted)
        || match holder.kind {
            HolderKind::PhoneUser => changes(&plan.users, &holder.name, Field::Extension),
            HolderKind::RingGroup => changes(&plan.ring_groups, &holder.name, RingField::Number),
        }
}

/// Whether an object's field becomes another. The changes are in the order of the names.
fn changes<F: WrittenField>(all: &[Change<F>], name: &str, field: F) -> bool {
    let found = all.binary_search_by(|change| (*change.name).cmp(name)).ok();
    let change = found.and_then(|at| all.get(at));
    change.is_some_and(|change| change.changes.iter().any(|change| change.field == field))
}
