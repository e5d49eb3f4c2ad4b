//! People as numbering sees them: what the spec says about their number, what binds them to the one they have, and whether it may go
//! to somebody else. Gives no number.

use super::{
    Input,
    absence::{Absences, Absentee},
    field::Field,
    guard::Allowed,
    number_wish::Wish,
    numbering::{Bound, Claimant},
    observed::ObservedUser,
    person::{Person, RuleChoice},
    plan::Deletion,
    removal::{Action, is_given_back},
    users::{Guarded, becomes_linked},
};
use crate::api::{
    annotations::PROTECT,
    extension::{Holder, HolderKind},
    phone_user::AbsenceReason,
    sync_scope::WhenAbsent,
};

/// A person as numbering sees them.
pub fn claimant<'a>(input: &Input<'a>, person: &'a Person<'a>, guarded: &Guarded<'_>) -> Claimant<'a> {
    Claimant {
        holder: holder(&person.name),
        login: &person.subject.login,
        exists: person.observed.is_some(),
        fixed_by: person.observed.and_then(|user| fixed_by(input, person, user)),
        can_let_go: person.observed.is_some_and(can_let_go),
        bound: bound(input, person),
        is_held: false,
        wish: wish(input, person, guarded),
    }
}

/// Why somebody's number can't become another: another tool holds the field, they are protected from losing it to anybody, or
/// the object is not the operator's any more.
fn fixed_by(input: &Input<'_>, person: &Person<'_>, user: &ObservedUser) -> Option<Box<str>> {
    let elsewhere = user.ownership.held_elsewhere(Field::Extension, becomes_linked(user));
    let is_kept = person.is_inactive && user.is_protected || is_given_back(input, person);
    elsewhere.or_else(|| is_kept.then(|| PROTECT.into()))
}

/// What binds somebody to the number they have.
fn bound<'a>(input: &Input<'a>, person: &Person<'_>) -> Bound<'a> {
    if person.keeps_number {
        return Bound::Unseen;
    }
    let read_by = person.observed.and_then(|user| read_by(input, person, user));
    read_by.map_or(Bound::No, Bound::ReadBy)
}

/// The rule of the scope that reads the number somebody has, when another one that reads an attribute is chosen for them.
fn read_by<'a>(input: &Input<'a>, person: &Person<'_>, user: &ObservedUser) -> Option<&'a str> {
    let RuleChoice::Rule(chosen) = person.rule else {
        return None;
    };
    let number = user.values.text(Field::Extension)?.parse().ok()?;
    let reads = |rule: &str| {
        let rule = input.rules.get(rule).filter(|rule| rule.attribute.is_some());
        rule.map(|rule| rule.reads(number, person.account, &input.system.number_plan))
    };
    // Most people have the number that theirs gives.
    if reads(chosen) != Some(false) {
        return None;
    }
    let mut rules = input.scope.extensions.iter().map(|entry| &*entry.rule);
    rules.find(|rule| *rule != chosen && reads(rule) == Some(true))
}

/// Whether a PhoneUser names no number once the operator does not send one any more.
fn can_let_go(user: &ObservedUser) -> bool {
    !user.values.present().contains(Field::Extension) || user.ownership.is_ours_alone(Field::Extension)
}

/// Those whose number may go to whom the directory gives it: the gone whose removal does not wait, and whoever is deleted in this
/// plan.
pub fn yielding(
    input: &Input<'_>,
    absences: &Absences<'_>,
    allowed: &Allowed<'_>,
    deletions: &[Deletion],
) -> Vec<Holder> {
    let gone = absences.proven.iter().filter(|Absentee { missing, absence, .. }| {
        let user = missing.user;
        absence.reason == AbsenceReason::Deleted
            && allowed.action(HolderKind::PhoneUser, missing.name) != Some(Action::LetGo)
            && (user.is_readable && !user.is_unlinked && !user.is_protected)
            && !is_waiting(input, allowed, missing.name, user, absence.reason)
            && can_let_go(user)
    });
    let gone = gone.map(|absentee| absentee.missing.name);
    let deleted = deletions.iter().map(|deletion| &*deletion.name);
    gone.chain(deleted).map(holder).collect()
}

/// Whether somebody's removal is neither done nor may happen in this plan, so that nothing may be taken from them.
fn is_waiting(
    input: &Input<'_>,
    allowed: &Allowed<'_>,
    name: &str,
    user: &ObservedUser,
    reason: AbsenceReason,
) -> bool {
    let is_kept = input.scope.removal.when(reason) == WhenAbsent::Keep;
    let is_off = user.values.enabled() == Some(false);
    !is_kept && !is_off && !allowed.has(HolderKind::PhoneUser, name)
}

/// A person's PhoneUser as the holder of a number.
pub(super) fn holder(name: &str) -> Holder {
    Holder {
        kind: HolderKind::PhoneUser,
        name: name.to_owned(),
    }
}

/// What the spec says about somebody's number.
fn wish<'a>(input: &Input<'a>, person: &Person<'a>, guarded: &Guarded<'_>) -> Wish<'a> {
    if person.is_inactive {
        let is_waiting = |user| is_waiting(input, guarded.allowed, &person.name, user, AbsenceReason::Disabled);
        return if person.observed.is_some_and(is_waiting) {
            Wish::Held
        } else {
            Wish::Disabled
        };
    }
    match person.rule {
        RuleChoice::None => Wish::Nothing,
        RuleChoice::Doubt(_) => Wish::InDoubt,
        RuleChoice::Rule(name) => {
            let rule = input.rules.get(name);
            let attribute = rule.and_then(|rule| rule.attribute.as_ref());
            if attribute.is_some_and(|attribute| !input.directory.has(&attribute.name)) {
                return Wish::InDoubt;
            }
            let wish = Wish::by_rule(rule, |attribute| person.account.text(attribute));
            let is_blank = attribute.is_some_and(|attribute| guarded.blank.contains(attribute.name.as_str()));
            let has_one = |user: &ObservedUser| user.values.present().contains(Field::Extension);
            if is_blank && !person.observed.is_some_and(has_one) {
                wish.withheld()
            } else {
                wish
            }
        }
    }
}
