//! What is written to those who leave, once the guard has spoken. Nothing of them follows the directory any more.

use std::collections::BTreeSet;

use super::{
    Input,
    absence::{Absences, Absentee},
    difference::Desired,
    field::{Field, FieldSet},
    guard::Allowed,
    observed::ObservedUser,
    person::Person,
    plan::{Change, Deletion, Expected, Subject, UserChange, Why},
    removal::{Action, is_deletion_due},
    users::{existing, let_go_of},
    value::{Absence, Link, Value},
};
use crate::api::{extension::HolderKind, phone_user::AbsenceReason, sync_scope::UserCounts};

/// What becomes of those who leave.
#[derive(Debug, Default)]
pub struct Departures {
    /// PhoneUsers to delete.
    pub deletions: Vec<Deletion>,
    /// PhoneUsers that are switched off, let go of, or get their absence written.
    pub changes: Vec<UserChange>,
    /// How the counts differ from what was seen, once this is written.
    pub counts: UserCounts,
    /// Somebody who is switched off by this plan is deleted by the next.
    pub continues: bool,
}

impl Departures {
    /// Takes those out of `people` who are not served any more.
    pub fn take(people: &mut Vec<Person<'_>>, allowed: &Allowed<'_>) -> Self {
        let mut departures = Self::default();
        people.retain(|person| !departures.take_person(person, allowed));
        departures
    }

    /// Decides what is written to the absentees. Those who are `yielding` lose their number to somebody.
    pub fn take_absentees(
        &mut self,
        input: &Input<'_>,
        absences: &Absences<'_>,
        allowed: &Allowed<'_>,
        yielding: &BTreeSet<Box<str>>,
    ) {
        for absentee in &absences.proven {
            let yields = yielding.contains(absentee.missing.name);
            self.take_absentee(input, absentee, allowed, yields);
        }
    }

    /// Whether somebody whose account is disabled goes.
    fn take_person(&mut self, person: &Person<'_>, allowed: &Allowed<'_>) -> bool {
        let Some((user, absence)) = person.observed.zip(person.absence) else {
            return false;
        };
        let is_deleted = allowed.action(HolderKind::PhoneUser, &person.name) == Some(Action::Delete);
        if is_deleted {
            self.deletions
                .push(deletion(&person.name, user, &person.subject, absence));
            self.counts.inactive += 1;
        }
        is_deleted
    }

    fn take_absentee(&mut self, input: &Input<'_>, absentee: &Absentee<'_>, allowed: &Allowed<'_>, yields: bool) {
        let Absentee { missing, absence, .. } = absentee;
        let (name, user, subject) = (missing.name, missing.user, &missing.subject);
        match allowed.action(HolderKind::PhoneUser, name) {
            Some(Action::Delete) => {
                self.uncount(absentee);
                self.deletions.push(deletion(name, user, subject, *absence));
            }
            Some(Action::LetGo) => {
                self.uncount(absentee);
                let why = Some(Why::Absent(*absence));
                self.changes.push(let_go_of(name, user, subject.clone(), why));
            }
            action => {
                let is_off = action == Some(Action::Disable);
                self.continues |= is_off && is_deletion_due(input, *absence);
                self.changes.extend(mark(input, absentee, is_off, yields));
            }
        }
    }

    /// Whoever has no PhoneUser of ours any more is not counted.
    fn uncount(&mut self, absentee: &Absentee<'_>) {
        let exists = absentee.missing.account.is_some() || absentee.absence.reason == AbsenceReason::OutOfScope;
        if exists {
            self.counts.out_of_scope -= 1;
        } else {
            self.counts.gone -= 1;
        }
    }
}

/// What is written to the PhoneUser of an absentee: why, and perhaps that it is switched off or gives its number away; the rest
/// stays exactly as it is.
fn mark(input: &Input<'_>, absentee: &Absentee<'_>, is_off: bool, yields: bool) -> Option<UserChange> {
    let (name, user) = (absentee.missing.name, absentee.missing.user);
    let link = user.values.link().filter(|_| user.is_held() && !user.is_unlinked)?;
    let marked = Link {
        config: input.scope.directory.clone(),
        absence: Some(absentee.absence),
        ..link.clone()
    };
    let mut desired = Desired {
        values: [(Field::Directory, Value::Link(Box::new(marked)))].into(),
        kept: FieldSet::all(),
        released: FieldSet::EMPTY,
        forced: FieldSet::EMPTY,
        is_linking: false,
    };
    desired.kept.remove(Field::Directory);
    if is_off {
        desired.switch_off();
    }
    if yields {
        desired.kept.remove(Field::Extension);
    }
    let difference = desired.compare(&existing(user));
    (!difference.is_empty()).then(|| Change {
        name: name.into(),
        subject: absentee.missing.subject.clone(),
        expected: Expected::Present(user.version.clone()),
        release: difference.release,
        apply: difference.apply,
        changes: difference.changes,
        needs: None,
        links: false,
        why: None,
    })
}

fn deletion(name: &str, user: &ObservedUser, subject: &Subject, absence: Absence) -> Deletion {
    Deletion {
        kind: HolderKind::PhoneUser,
        name: name.into(),
        subject: subject.clone(),
        version: user.version.clone(),
        why: Why::Absent(absence).to_string(),
    }
}

impl Desired<Field> {
    /// `enabled: false`, whoever holds the field.
    pub fn switch_off(&mut self) {
        self.values.insert(Field::Enabled, Value::Flag(false));
        self.kept.remove(Field::Enabled);
        self.forced.insert(Field::Enabled);
    }
}
