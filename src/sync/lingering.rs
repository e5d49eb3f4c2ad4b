//! Who keeps service although the directory says no, and why. Counts only.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Input,
    absence::Absences,
    claims::Claims,
    evidence::is_beyond,
    field::Field,
    observed::ObservedUser,
    plan::{Plan, UserChange},
    select::{Selection, Standing},
    value::Value,
};
use crate::api::{phone_user::AbsenceReason, sync_scope::WhenAbsent};

/// Why somebody who is disabled or gone in the directory is enabled here.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Lingers {
    /// People unlinked the PhoneUser.
    Unlinked,
    /// The scope excludes them.
    Excluded,
    /// People protect the PhoneUser.
    Protected,
    /// The PhoneUser can't be read, or the account does not show enough of itself.
    Invalid,
    /// `removal` says `Keep`, or the PhoneUser was let go of.
    Kept,
    /// It is not proven, or not now.
    Unproven,
    /// Their removal waits for approval.
    Held,
}

/// How many keep service although the directory says no, by why, once the plan is carried out.
pub fn count(
    input: &Input<'_>,
    selection: &Selection<'_>,
    claims: &Claims<'_>,
    absences: &Absences<'_>,
    plan: &Plan,
) -> BTreeMap<Lingers, i64> {
    let off = plan.users.iter().filter(|change| change.disables());
    let relinked = plan.users.iter().filter(|change| changes_account(change));
    let off = off.chain(relinked).map(|change| &*change.name);
    let served_no_more: BTreeSet<&str> = off
        .chain(plan.deletions.iter().map(|deletion| &*deletion.name))
        .collect();
    let doubted: BTreeSet<&str> = absences.doubted.iter().map(|(missing, _)| missing.name).collect();
    let mut lingering = BTreeMap::new();
    for (name, user) in &input.observed.users {
        let is_ours = user.provider() == Some(&*input.scope.name);
        if !is_ours || user.values.enabled() == Some(false) || served_no_more.contains(&**name) {
            continue;
        }
        if let Some(reason) = says_no(input, claims, user) {
            let is_doubted = doubted.contains(&**name) || input.directory.origin().is_behind;
            let why = why(input, selection, user, reason, is_doubted);
            *lingering.entry(why).or_default() += 1;
        }
    }
    lingering
}

/// Whether a PhoneUser goes to another account, of which the directory says something else.
fn changes_account(change: &UserChange) -> bool {
    let account = |value: &Option<Value>| match value {
        Some(Value::Link(link)) => Some(link.guid),
        _ => None,
    };
    let mut changes = change.changes.iter();
    changes.any(|change| change.field == Field::Directory && account(&change.before) != account(&change.after))
}

/// Why the directory says that somebody should not be served, for all that it shows.
fn says_no(input: &Input<'_>, claims: &Claims<'_>, user: &ObservedUser) -> Option<AbsenceReason> {
    let guid = user.values.link()?.guid;
    match input.directory.user_by_guid(guid) {
        Some(account) => (account.is_inactive(input.now) == Some(true)).then_some(AbsenceReason::Disabled),
        // Who is moved out of what is read is out of the scope, and has an account.
        None => (!claims.is_seen_elsewhere(guid) && !is_beyond(input, guid)).then_some(AbsenceReason::Deleted),
    }
}

fn why(
    input: &Input<'_>,
    selection: &Selection<'_>,
    user: &ObservedUser,
    reason: AbsenceReason,
    is_doubted: bool,
) -> Lingers {
    let account = user
        .values
        .link()
        .and_then(|link| input.directory.user_by_guid(link.guid));
    let standing = account.map(|account| selection.standing(account.index()));
    let is_in_doubt = standing == Some(Standing::Perhaps)
        && account.is_some_and(|account| selection.exclusion_in_doubt(account.index()).is_some());
    let is_hidden = account.is_some_and(|account| account.login().is_none());
    if user.is_unlinked {
        Lingers::Unlinked
    } else if standing == Some(Standing::Excluded) {
        Lingers::Excluded
    } else if user.is_protected {
        Lingers::Protected
    } else if !user.is_readable || is_hidden {
        Lingers::Invalid
    } else if !user.ownership.ours.contains(Field::Directory) || input.scope.removal.when(reason) == WhenAbsent::Keep {
        Lingers::Kept
    } else if is_doubted || is_in_doubt {
        Lingers::Unproven
    } else {
        Lingers::Held
    }
}
