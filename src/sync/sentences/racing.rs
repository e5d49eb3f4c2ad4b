//! Writes one by one, for operators that are killed between two of them, or see the cluster as it was a moment ago: what the API
//! server refuses is left out, as the operator leaves it until it has looked again.

use super::cluster;
use crate::{
    api::extension::{ExtensionState, Holder, HolderKind},
    sync::{
        field::{Field, RingField, WrittenField},
        observed::{Observed, Version},
        plan::{Change, Claim, Deletion, Expected, Free, Plan},
        value::Value,
    },
};

/// Each write of a plan as a plan of its own, in their order.
pub(super) fn writes(plan: &Plan) -> Vec<Plan> {
    let Plan {
        claims,
        users,
        ring_groups,
        deletions,
        frees,
    } = plan.clone();
    let empty = Plan::default;
    let claims = claims.into_iter().map(|claim| Plan {
        claims: vec![claim],
        ..empty()
    });
    let users = users.into_iter().map(|change| Plan {
        users: vec![change],
        ..empty()
    });
    let ring_groups = ring_groups.into_iter().map(|change| Plan {
        ring_groups: vec![change],
        ..empty()
    });
    let deletions = deletions.into_iter().map(|deletion| Plan {
        deletions: vec![deletion],
        ..empty()
    });
    let frees = frees.into_iter().map(|free| Plan {
        frees: vec![free],
        ..empty()
    });
    claims
        .chain(users)
        .chain(ring_groups)
        .chain(deletions)
        .chain(frees)
        .collect()
}

/// Carries out one write of a scope, or has it refused.
pub(super) fn try_apply(observed: &mut Observed, write: &Plan, scope: &str) -> bool {
    let may_be = write.claims.iter().all(|claim| may_claim(observed, claim))
        && write.users.iter().all(|change| may_write_user(observed, change))
        && write.ring_groups.iter().all(|change| {
            may_write(
                observed.ring_groups.get(&change.name).map(|group| &group.version),
                change,
            ) && holds(observed, change, HolderKind::RingGroup)
        })
        && write.deletions.iter().all(|deletion| may_delete(observed, deletion))
        && write.frees.iter().all(|free| may_free(observed, free));
    if may_be {
        let existed = |observed: &Observed, name: &str| {
            observed.users.contains_key(name) || observed.ring_groups.contains_key(name)
        };
        let names = write
            .users
            .iter()
            .map(|change| &change.name)
            .chain(write.ring_groups.iter().map(|change| &change.name));
        let new: Vec<Box<str>> = names.filter(|name| !existed(observed, name)).cloned().collect();
        cluster::apply_as(observed, scope, write);
        for name in &new {
            stamp(observed, name);
        }
    }
    may_be
}

/// An object that is made again is another one.
fn stamp(observed: &mut Observed, name: &str) {
    static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let uid = format!("{name}-{}", COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let user = observed.users.get_mut(name).map(|user| &mut user.version);
    let group = observed.ring_groups.get_mut(name).map(|group| &mut group.version);
    for version in user.into_iter().chain(group) {
        version.uid = uid.as_str().into();
    }
}

fn is_as_expected(found: Option<&Version>, expected: &Expected) -> bool {
    match expected {
        Expected::Absent => found.is_none(),
        Expected::Present(version) => found == Some(version),
    }
}

fn may_claim(observed: &Observed, claim: &Claim) -> bool {
    let existing = observed.extensions.get(&*format!("hq-{}", claim.number));
    let is_free = existing.is_none_or(|extension| {
        extension.state == Some(ExtensionState::Cooling) || extension.holder.as_ref() == Some(&claim.holder)
    });
    is_free && is_as_expected(existing.map(|extension| &extension.version), &claim.expected)
}

fn may_write<F: WrittenField>(found: Option<&Version>, change: &Change<F>) -> bool {
    is_as_expected(found, &change.expected)
}

fn may_write_user(observed: &Observed, change: &Change<Field>) -> bool {
    may_write(observed.users.get(&change.name).map(|user| &user.version), change)
        && holds(observed, change, HolderKind::PhoneUser)
}

/// Whether the number that it needs was claimed for it.
fn holds<F: WrittenField>(observed: &Observed, change: &Change<F>, kind: HolderKind) -> bool {
    change.needs.is_none_or(|number| {
        let extension = observed.extensions.get(&*format!("hq-{number}"));
        let holder = Holder {
            kind,
            name: change.name.to_string(),
        };
        extension.is_some_and(|extension| {
            extension.state == Some(ExtensionState::Assigned) && extension.holder.as_ref() == Some(&holder)
        })
    })
}

fn may_delete(observed: &Observed, deletion: &Deletion) -> bool {
    let found = match deletion.kind {
        HolderKind::PhoneUser => observed.users.get(&deletion.name).map(|user| &user.version),
        HolderKind::RingGroup => observed.ring_groups.get(&deletion.name).map(|group| &group.version),
    };
    found == Some(&deletion.version)
}

/// The operator frees a number only once it has written or deleted its holder.
fn may_free(observed: &Observed, free: &Free) -> bool {
    let number = free.number.to_string();
    let user = observed
        .users
        .get(&*free.holder.name)
        .and_then(|user| user.values.text(Field::Extension));
    let group = observed.ring_groups.get(&*free.holder.name);
    let group = group.and_then(|group| group.values.get(&RingField::Number).and_then(Value::as_text));
    let extension = observed.extensions.get(&*format!("hq-{number}"));
    ![user, group].contains(&Some(&number)) && extension.is_some_and(|extension| extension.version == free.version)
}
