//! Numbers that ring groups list although nobody whom they were of is in service: a ring group may not always lose them at once.
//! Gives no number, and takes none away.

use std::collections::BTreeSet;

use super::{
    departments::is_ours,
    field::RingField,
    number::Number,
    observed::{Observed, ObservedExtension, ObservedRingGroup},
    plan::Plan,
    ring_members::members_of,
};
use crate::api::extension::{ExtensionState, HolderKind};

/// The numbers that rest after people, or were never freed when their PhoneUsers were deleted, and that ring groups of ours go
/// on listing. Whoever got one would ring there.
pub(super) fn left_behind(observed: &Observed) -> BTreeSet<Number> {
    let extensions = observed.extensions.values();
    let left: BTreeSet<Number> = extensions
        .filter(|extension| is_left(observed, extension))
        .filter_map(|extension| extension.number)
        .collect();
    if left.is_empty() {
        return left;
    }
    let ring_groups = observed.ring_groups.values();
    let listed = ring_groups
        .filter(|ring_group| can_lose_members(ring_group))
        .flat_map(members_of);
    listed.filter(|number| left.contains(number)).collect()
}

/// Whether a plan may take one of these numbers out of a ring group: who waits for it gets it with the next plan.
pub(super) fn may_make_room(left_behind: &BTreeSet<Number>, plan: &Plan) -> bool {
    let mut deleted = plan.deletions.iter().map(|deletion| deletion.kind);
    let mut changed = plan.ring_groups.iter().flat_map(|change| &change.changes);
    !left_behind.is_empty()
        && (deleted.any(|kind| kind == HolderKind::RingGroup)
            || changed.any(|change| change.field == RingField::Members))
}

/// Whether whoever had a number is deleted, or has it no more and is switched off. Who is on the way to another number is in
/// service.
fn is_left(observed: &Observed, extension: &ObservedExtension) -> bool {
    let holder = extension.holder.as_ref();
    let Some(holder) = holder.filter(|holder| holder.kind == HolderKind::PhoneUser) else {
        return false;
    };
    let user = observed.users.get(holder.name.as_str());
    match extension.state {
        Some(ExtensionState::Assigned) => user.is_none(),
        Some(ExtensionState::Cooling) => user.is_none_or(|user| user.values.enabled() == Some(false)),
        Some(ExtensionState::Reserved) | None => false,
    }
}

/// Whether the operator writes the members of a ring group: what others apply never changes, and would keep a number for ever.
fn can_lose_members(ring_group: &ObservedRingGroup) -> bool {
    is_ours(ring_group) && ring_group.ownership.held_elsewhere(RingField::Members, false).is_none()
}
