//! A cluster in memory that takes writes as the API server does: versions, claims, and who holds which field.

use std::collections::BTreeMap;

use crate::{
    api::extension::{ExtensionState, HolderKind},
    sync::{
        field::{Field, FieldSet, RingField, WrittenField},
        observed::{Observed, ObservedExtension, ObservedRingGroup, ObservedUser, Ownership, Version},
        plan::{Apply, Change, Claim, Deletion, Expected, Free, Plan},
        value::Value,
    },
};

/// Applies a whole plan of the first scope. Panics where the API server would refuse a write.
pub(super) fn apply(observed: &mut Observed, plan: &Plan) {
    apply_as(observed, "staff", plan);
}

/// Applies a whole plan of a scope.
pub(super) fn apply_as(observed: &mut Observed, scope: &str, plan: &Plan) {
    apply_until(observed, scope, plan, usize::MAX, |_| {});
}

/// One call to the API server.
enum Write<'p> {
    Claim(&'p Claim),
    User(&'p Change<Field>),
    RingGroup(&'p Change<RingField>),
    Deletion(&'p Deletion),
    Free(&'p Free),
}

/// Applies the first writes of a plan, and lets somebody look after each. Whether that was all of it.
pub(super) fn apply_until(
    observed: &mut Observed,
    scope: &str,
    plan: &Plan,
    count: usize,
    mut look: impl FnMut(&Observed),
) -> bool {
    let claims = plan.claims.iter().map(Write::Claim);
    let writes = claims
        .chain(plan.users.iter().map(Write::User))
        .chain(plan.ring_groups.iter().map(Write::RingGroup))
        .chain(plan.deletions.iter().map(Write::Deletion))
        .chain(plan.frees.iter().map(Write::Free));
    for (done, write) in writes.enumerate() {
        if done == count {
            return false;
        }
        match write {
            Write::Claim(claim) => apply_claim(observed, scope, claim),
            Write::User(change) => apply_user(observed, change),
            Write::RingGroup(change) => apply_ring_group(observed, change),
            Write::Deletion(deletion) => delete(observed, deletion),
            Write::Free(free) => apply_free(observed, free),
        }
        look(observed);
    }
    true
}

fn version(uid: &str, number: u32) -> Version {
    Version {
        uid: uid.into(),
        resource_version: number.to_string().into(),
    }
}

fn next(version: &Version) -> Version {
    let number: u32 = version.resource_version.parse().unwrap();
    Version {
        resource_version: (number + 1).to_string().into(),
        ..version.clone()
    }
}

fn expect(found: Option<&Version>, expected: &Expected, name: &str) {
    match expected {
        Expected::Absent => assert!(found.is_none(), "409: {name} exists"),
        Expected::Present(version) => assert_eq!(found, Some(version), "409: another {name}"),
    }
}

fn apply_claim(observed: &mut Observed, scope: &str, claim: &Claim) {
    let name = format!("hq-{}", claim.number);
    let existing = observed.extensions.get(&*name);
    expect(existing.map(|extension| &extension.version), &claim.expected, &name);
    if let Some(extension) = existing {
        // The CEL rule that makes numbers unique.
        let may_change =
            extension.state == Some(ExtensionState::Cooling) || extension.holder == Some(claim.holder.clone());
        assert!(may_change, "422: {name} is held by {:?}", extension.holder);
    }
    let extension = ObservedExtension {
        is_protected: false,
        is_ours: true,
        applied_by: None,
        version: existing.map_or_else(|| version(&name, 1), |extension| next(&extension.version)),
        number: Some(claim.number),
        state: Some(ExtensionState::Assigned),
        holder: Some(claim.holder.clone()),
        release_after: None,
        awaited_by: None,
        is_readable: true,
        scope: Some(scope.into()),
    };
    observed.extensions.insert(name.into(), extension);
}

fn apply_user(observed: &mut Observed, change: &Change<Field>) {
    let mut user = observed.users.get(&change.name).cloned();
    expect(user.as_ref().map(|user| &user.version), &change.expected, &change.name);
    if let Some(number) = change.needs {
        let extension = &observed.extensions[&*format!("hq-{number}")];
        assert_eq!(extension.holder.as_ref().unwrap().name, *change.name);
    }
    let user = user.get_or_insert_with(|| ObservedUser {
        is_protected: false,
        version: version(&change.name, 0),
        is_unlinked: false,
        values: std::iter::empty().collect(),
        ownership: Ownership::default(),
        is_readable: true,
    });
    assert!(
        !user.is_unlinked || change.apply.is_none(),
        "{} is unlinked",
        change.name
    );
    let values = Field::ALL
        .iter()
        .filter_map(|field| Some((*field, user.values.get(*field)?)));
    let mut values: BTreeMap<Field, Value> = values.collect();
    apply_change(&mut values, &mut user.ownership, change);
    user.values = values.into_iter().collect();
    user.version = next(&user.version);
    observed.users.insert(change.name.clone(), user.clone());
}

fn apply_ring_group(observed: &mut Observed, change: &Change<RingField>) {
    let mut group = observed.ring_groups.get(&change.name).cloned();
    expect(
        group.as_ref().map(|group| &group.version),
        &change.expected,
        &change.name,
    );
    let group = group.get_or_insert_with(|| ObservedRingGroup {
        is_protected: false,
        version: version(&change.name, 0),
        values: BTreeMap::new(),
        ownership: Ownership::default(),
        is_readable: true,
    });
    apply_change(&mut group.values, &mut group.ownership, change);
    group.version = next(&group.version);
    observed.ring_groups.insert(change.name.clone(), group.clone());
}

/// What `release(fields)` and a server-side apply do (Kubernetes' structured-merge-diff).
fn delete(observed: &mut Observed, deletion: &Deletion) {
    let Deletion {
        kind, name, version, ..
    } = deletion;
    let found = match kind {
        HolderKind::PhoneUser => observed.users.remove(name).map(|user| user.version),
        HolderKind::RingGroup => observed.ring_groups.remove(name).map(|group| group.version),
    };
    assert_eq!(found.as_ref(), Some(version), "409: another {name}");
}

fn apply_free(observed: &mut Observed, free: &Free) {
    let name = format!("hq-{}", free.number);
    let number = free.number.to_string();
    let names_it = |named: Option<&str>| named == Some(number.as_str());
    let user = observed.users.get(&*free.holder.name);
    let group = observed.ring_groups.get(&*free.holder.name);
    let group_number = group.and_then(|group| group.values.get(&RingField::Number)?.as_text());
    assert!(
        !names_it(user.and_then(|user| user.values.text(Field::Extension))) && !names_it(group_number),
        "{name} is freed while {} names it",
        free.holder.name
    );
    let extension = observed.extensions.get_mut(&*name).unwrap();
    assert_eq!(extension.version, free.version, "409: another {name}");
    assert_eq!(extension.holder.as_ref(), Some(&free.holder), "422: {name}");
    extension.version = next(&extension.version);
    extension.state = Some(ExtensionState::Cooling);
    extension.release_after = Some(free.release_after);
    extension.awaited_by = free.awaited_by.clone().map(Box::new);
}

fn apply_change<F: WrittenField>(values: &mut BTreeMap<F, Value>, ownership: &mut Ownership<F>, change: &Change<F>) {
    assert!(
        !change.release.is_empty() || change.apply.is_some(),
        "{} changes nothing",
        change.name
    );
    ownership.ours = ownership.ours.difference(change.release);
    let Some(Apply { values: sent, force }) = &change.apply else {
        return;
    };
    let fields: FieldSet<F> = sent.iter().map(|(field, _)| *field).collect();
    for field in ownership
        .ours
        .difference(fields)
        .iter()
        .filter(|field| !is_held_by_others(ownership, *field))
    {
        values.remove(&field);
    }
    for (field, value) in sent {
        if values.get(field) == Some(value) {
            continue;
        }
        let conflicts = is_held_by_others(ownership, *field);
        assert!(
            !conflicts || *force,
            "409: {} of {} is held by {ownership:?}",
            field.place(),
            change.name
        );
        for (_, fields) in ownership.applied.iter_mut().chain(&mut ownership.updated) {
            fields.remove(*field);
        }
        values.insert(*field, value.clone());
    }
    ownership.ours = fields;
}

fn is_held_by_others<F: WrittenField>(ownership: &Ownership<F>, field: F) -> bool {
    ownership
        .applied
        .iter()
        .chain(&ownership.updated)
        .any(|(_, fields)| fields.contains(field))
}

/// Somebody else writes a field.
pub(super) fn write_as(user: &mut ObservedUser, manager: &str, applies: bool, field: Field, value: Option<Value>) {
    let mut values: BTreeMap<Field, Value> = Field::ALL
        .iter()
        .filter_map(|field| Some((*field, user.values.get(*field)?)))
        .collect();
    let changes = values.get(&field) != value.as_ref();
    match value {
        Some(value) => drop(values.insert(field, value)),
        None => drop(values.remove(&field)),
    }
    user.values = values.into_iter().collect();
    user.version = next(&user.version);
    if changes {
        user.ownership.ours.remove(field);
        for (_, fields) in user.ownership.applied.iter_mut().chain(&mut user.ownership.updated) {
            fields.remove(field);
        }
    }
    let list = if applies {
        &mut user.ownership.applied
    } else {
        &mut user.ownership.updated
    };
    let mut managers = std::mem::take(list).into_vec();
    match managers.iter_mut().find(|(name, _)| &**name == manager) {
        Some((_, fields)) => fields.insert(field),
        None => managers.push((manager.into(), [field].into_iter().collect())),
    }
    *list = managers.into();
}
