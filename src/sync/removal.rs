//! What the scope's policy wants for those who left, and since when it is due. Whether it may happen now is the guard's word.

use jiff::Timestamp;

use super::{
    Input,
    absence::Absences,
    census::LetGo,
    observed::{ObservedUser, Version},
    person::Person,
    plan::Subject,
    value::Absence,
};
use crate::api::{
    extension::HolderKind,
    phone_user::{AbsenceReason, Origin},
    sync_scope::WhenAbsent,
};

/// What is to happen to an object.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// A PhoneUser is switched off.
    Disable,
    /// A PhoneUser or RingGroup is deleted; its number rests.
    Delete,
    /// A PhoneUser that people made stays as it is, and is theirs again.
    LetGo,
    /// A PhoneUser goes to the new account of the same person.
    Relink,
    /// A RingGroup loses most of its members.
    Shrink,
    /// A RingGroup loses all of its members.
    Empty,
}

/// A removal that is due and not done yet.
#[derive(Clone, Debug)]
pub struct Removal<'a> {
    /// Which kind of object.
    pub kind: HolderKind,
    /// Its name.
    pub name: &'a str,
    /// Which version it was decided on.
    pub version: &'a Version,
    /// Whom it is about.
    pub subject: Subject,
    /// What is to happen.
    pub action: Action,
    /// How many members a ring group loses.
    pub loses: i64,
    /// Since when: what is due later than a batch was closed is not in it.
    pub due: Timestamp,
    /// Why the person is not to be served any more. None: the scope excludes them, or it is about a ring group.
    pub reason: Option<AbsenceReason>,
}

impl Removal<'_> {
    /// What an approval is of: this object, and this that happens to it.
    pub fn identity(&self) -> String {
        self.identity_of(self.loses)
    }

    /// The same, were it to lose so many members.
    pub fn identity_of(&self, loses: i64) -> String {
        let (uid, action) = (&self.version.uid, self.action);
        match action {
            Action::Shrink => format!("{uid} {action:?} {loses}"),
            _ => format!("{uid} {action:?}"),
        }
    }

    /// What is remembered of it once it was let through: a person counts once within a window, whatever happens to them. A ring
    /// group loses others the next time.
    pub(super) fn entry(&self) -> String {
        let Version { uid, resource_version } = self.version;
        match (self.action, self.kind) {
            (Action::Shrink | Action::Empty, _) => format!("{} {resource_version}", self.identity()),
            (_, HolderKind::RingGroup) => self.identity(),
            (_, HolderKind::PhoneUser) => uid.to_string(),
        }
    }

    /// What is remembered of somebody who was let through and is linked no more.
    pub(super) fn entry_of_going(&self) -> String {
        format!("{} is gone", self.version.uid)
    }
}

/// The removals of people.
#[derive(Clone, Debug, Default)]
pub struct Due<'a> {
    /// What is due, on proof from this very sync.
    pub proven: Vec<Removal<'a>>,
    /// What is due and proven, and happens only when it is approved: where there were people, there is nobody now.
    pub emptying: Vec<Removal<'a>>,
    /// What would be, were it not in doubt now: it doesn't happen, and stays in the batch that it is in.
    pub unproven: Vec<Removal<'a>>,
}

/// The removals of people that are due; of whom the scope excludes, letting go.
pub fn due<'a>(input: &Input<'a>, people: &[Person<'a>], absences: &Absences<'a>, excluded: &[LetGo<'a>]) -> Due<'a> {
    let policy = Policy { input };
    let disabled = people.iter().filter(|person| person.is_inactive);
    let disabled: Vec<_> = disabled
        .filter_map(|person| {
            let (name, user) = input.observed.users.get_key_value(&person.name)?;
            let absence = person.absence?;
            let wanted = policy.of(user, absence, person.origin)?;
            Some(removal(name, user, person.subject.clone(), wanted, Some(absence)))
        })
        .collect();
    let gone = |is_emptied| {
        let absentees = absences.proven.iter();
        let absentees = absentees.filter(move |absentee| absentee.is_emptied == is_emptied);
        absentees.filter_map(|absentee| {
            let missing = &absentee.missing;
            let absence = absentee.absence;
            let wanted = policy.of_absentee(missing.user, absence)?;
            let subject = missing.subject.clone();
            Some(removal(missing.name, missing.user, subject, wanted, Some(absence)))
        })
    };
    // They are there, so that no absence says since when: they belong to whatever batch is closed.
    let released = excluded.iter().map(|LetGo { name, user, subject }| {
        let wanted = (Action::LetGo, Timestamp::UNIX_EPOCH);
        removal(name, user, subject.clone(), wanted, None)
    });
    let doubted = absences.doubted.iter().filter_map(|(missing, _)| {
        let absence = missing.user.values.link()?.absence?;
        let wanted = policy.of_absentee(missing.user, absence)?;
        let subject = missing.subject.clone();
        Some(removal(missing.name, missing.user, subject, wanted, Some(absence)))
    });
    let mut due = Due {
        unproven: doubted.collect(),
        emptying: gone(true).collect(),
        proven: disabled.into_iter().chain(gone(false)).chain(released).collect(),
    };
    if input.directory.origin().is_behind || !input.observed.is_readable() {
        due.unproven.append(&mut due.proven);
        due.unproven.append(&mut due.emptying);
    }
    due
}

/// What somebody's PhoneUser says from now on about why they should not be served. It is written once proven, also while the
/// removal is held; whoever is back loses it.
pub fn absence_of(input: &Input<'_>, user: &ObservedUser, is_inactive: bool) -> Option<Absence> {
    let before = user.values.link().and_then(|link| link.absence);
    // A controller that knows less than another one did neither takes anybody away nor brings anybody back.
    if input.directory.origin().is_behind {
        return before;
    }
    is_inactive.then(|| {
        before
            .filter(|before| before.reason == AbsenceReason::Disabled)
            .unwrap_or(Absence {
                reason: AbsenceReason::Disabled,
                since: whole_seconds(input.now),
            })
    })
}

/// Whether a PhoneUser that is switched off for an absence is to be deleted by now.
pub fn is_deletion_due(input: &Input<'_>, absence: Absence) -> bool {
    deletion_due(input, absence).is_some_and(|due| due <= input.now)
}

/// When a PhoneUser that was switched off is to be deleted.
fn deletion_due(input: &Input<'_>, absence: Absence) -> Option<Timestamp> {
    let delete_after = input.scope.removal.delete_after?;
    let due = absence.since.checked_add(delete_after).ok()?;
    (absence.reason == AbsenceReason::Deleted).then_some(due)
}

/// Times in objects and digests have whole seconds.
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Whether the operator let go of a PhoneUser that people had made, when its account was disabled: it is theirs until that changes.
pub fn is_given_back(input: &Input<'_>, person: &Person<'_>) -> bool {
    let is_free = person.observed.is_some_and(|user| !user.is_held());
    let when = input.scope.removal.when(AbsenceReason::Disabled);
    person.is_inactive && person.origin == Origin::Adopted && is_free && when == WhenAbsent::Delete
}

/// What the scope's `removal` says.
struct Policy<'a, 'b> {
    input: &'b Input<'a>,
}

impl Policy<'_, '_> {
    /// What is wanted for whom the scope does not see any more. What the operator let go of is people's.
    fn of_absentee(&self, user: &ObservedUser, absence: Absence) -> Option<(Action, Timestamp)> {
        let origin = user.values.link()?.origin;
        user.is_held().then(|| self.of(user, absence, origin)).flatten()
    }

    /// What is wanted for somebody and not done yet, and since when.
    fn of(&self, user: &ObservedUser, absence: Absence, origin: Origin) -> Option<(Action, Timestamp)> {
        if user.is_unlinked || user.is_protected || !user.is_readable {
            return None;
        }
        let removal = &self.input.scope.removal;
        let away = match origin {
            Origin::Provisioned => Some(Action::Delete),
            Origin::Adopted => user.is_held().then_some(Action::LetGo),
        };
        match removal.when(absence.reason) {
            WhenAbsent::Keep => None,
            WhenAbsent::Delete => Some((away?, absence.since)),
            WhenAbsent::Disable if user.values.enabled() != Some(false) => Some((Action::Disable, absence.since)),
            WhenAbsent::Disable => {
                let due = deletion_due(self.input, absence).filter(|due| *due <= self.input.now)?;
                Some((away?, due))
            }
        }
    }
}

fn removal<'a>(
    name: &'a str,
    user: &'a ObservedUser,
    subject: Subject,
    (action, due): (Action, Timestamp),
    absence: Option<Absence>,
) -> Removal<'a> {
    Removal {
        kind: HolderKind::PhoneUser,
        name,
        version: &user.version,
        subject,
        action,
        loses: 0,
        due,
        reason: absence.map(|absence| absence.reason),
    }
}
