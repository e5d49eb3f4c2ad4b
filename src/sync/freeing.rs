//! Numbers that nobody names any more, and how long they rest. Takes none from whom has one.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{
    Input,
    claims::Claims,
    number::Number,
    observed::ObservedExtension,
    plan::{Free, Plan},
    roster::account_named,
};
use crate::api::extension::{ExtensionState, Holder, HolderKind};

/// How long a number rests of which it is not known which rule gave it.
const UNKNOWN_RULE: SignedDuration = SignedDuration::from_hours(720);

/// The numbers of those whom a plan deletes, and those that were left behind when a crash came between a deletion and this. Whom
/// the plan makes, or who waits to be made, keeps theirs.
pub fn free(input: &Input<'_>, claims: &Claims<'_>, plan: &Plan, waiting: &BTreeSet<&str>) -> Vec<Free> {
    let deleted: BTreeSet<(HolderKind, &str)> = plan
        .deletions
        .iter()
        .map(|deletion| (deletion.kind, &*deletion.name))
        .collect();
    let users = plan.users.iter().map(|change| (HolderKind::PhoneUser, &*change.name));
    let ring_groups = plan.ring_groups.iter();
    let ring_groups = ring_groups.map(|change| (HolderKind::RingGroup, &*change.name));
    let made: BTreeSet<(HolderKind, &str)> = users.chain(ring_groups).collect();
    let is_free = |extension: &ObservedExtension, holder: &Holder| {
        let object = (holder.kind, holder.name.as_str());
        let exists = match holder.kind {
            HolderKind::PhoneUser => input.observed.users.contains_key(&*holder.name),
            HolderKind::RingGroup => input.observed.ring_groups.contains_key(&*holder.name),
        };
        // People give numbers to whom they like, also to somebody they are about to make.
        let is_ours =
            account_named(&input.system.name, object.1).is_some() && is_ours_to_tidy(input, claims, extension);
        let is_coming = made.contains(&object) || waiting.contains(object.1);
        deleted.contains(&object) || (!exists && !is_coming && is_ours)
    };
    let extensions = input.observed.extensions.values();
    let frees = extensions.filter_map(|extension| {
        let holder = extension.holder.as_ref()?;
        let is_assigned = extension.state == Some(ExtensionState::Assigned) && extension.is_readable;
        (is_assigned && !extension.is_protected && is_free(extension, holder))
            .then(|| rest(input, extension, extension.number?, holder.clone()))
            .flatten()
    });
    let mut frees: Vec<_> = frees.collect();
    frees.sort_by_key(|free| free.number);
    frees
}

/// Whether this scope, or one that is gone, claimed a number: what people made, or another scope is about to use, is left alone.
fn is_ours_to_tidy(input: &Input<'_>, claims: &Claims<'_>, extension: &ObservedExtension) -> bool {
    let scope = extension.scope.as_deref();
    scope.is_some_and(|scope| *scope == *input.scope.name || !claims.is_live(scope))
}

fn rest(input: &Input<'_>, extension: &ObservedExtension, number: Number, holder: Holder) -> Option<Free> {
    Some(Free {
        number,
        holder,
        version: extension.version.clone(),
        release_after: release_after(input, number)?,
    })
}

/// When anybody may have a number that is freed now.
pub fn release_after(input: &Input<'_>, number: Number) -> Option<Timestamp> {
    let release_after = input.now.checked_add(cool_for(input, number)).ok()?;
    Some(super::removal::whole_seconds(release_after))
}

/// How long a number rests: as long as the rule that gave it says. One from an attribute does not rest.
pub fn cool_for(input: &Input<'_>, number: Number) -> SignedDuration {
    let rules = input.rules.values();
    let sequential = rules.clone().filter(|rule| rule.ranges_over(number));
    let longest = sequential.map(|rule| rule.cool_for).max();
    let mut attributes = rules.filter(|rule| rule.attribute.is_some());
    longest.unwrap_or_else(|| attributes.next().map_or(UNKNOWN_RULE, |_| SignedDuration::ZERO))
}
