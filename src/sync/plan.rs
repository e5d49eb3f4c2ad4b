//! The difference between what should be and what is, as data. Who writes it, and how, is not known here.

use std::fmt;

use jiff::Timestamp;

use super::{
    field::{Field, FieldSet, RingField, WrittenField},
    number::Number,
    observed::Version,
    value::{Absence, Value},
};
use crate::api::{
    extension::{Holder, HolderKind},
    phone_user::AbsenceReason,
};

/// All that a sync would write, in a deterministic order: claims first, then users, then ring groups, then what goes away, and
/// last the numbers that nobody names any more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Numbers to claim. Whoever's claim is lost is left out of this round: look again and plan again.
    pub claims: Vec<Claim>,
    /// PhoneUsers to create or change.
    pub users: Vec<UserChange>,
    /// RingGroups to create or change.
    pub ring_groups: Vec<RingGroupChange>,
    /// Objects to delete.
    pub deletions: Vec<Deletion>,
    /// Numbers that begin to rest.
    pub frees: Vec<Free>,
}

impl Plan {
    /// Whether everything is as it should be.
    pub fn is_empty(&self) -> bool {
        let Self {
            claims,
            users,
            ring_groups,
            deletions,
            frees,
        } = self;
        claims.is_empty() && users.is_empty() && ring_groups.is_empty() && deletions.is_empty() && frees.is_empty()
    }

    /// Whether it takes a phone away from somebody.
    pub fn removes(&self) -> bool {
        !self.deletions.is_empty() || self.users.iter().any(UserChange::disables)
    }
}

/// What a write expects to find.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Expected {
    /// Nothing of this name: the apply carries resourceVersion "1", which conflicts with anything that exists.
    Absent,
    /// This version of this object.
    Present(Version),
}

/// A number to claim for its holder: an Extension with state Assigned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claim {
    /// The number.
    pub number: Number,
    /// Who gets it.
    pub holder: Holder,
    /// What is there of the Extension.
    pub expected: Expected,
    /// Why they get this one, for people to read.
    pub why: String,
}

/// An object to delete: this version of it, and no other.
#[derive(Clone, Debug, PartialEq)]
pub struct Deletion {
    /// PhoneUser or RingGroup.
    pub kind: HolderKind,
    /// Name of the object.
    pub name: Box<str>,
    /// Whom it is about, for messages.
    pub subject: Subject,
    /// What is there.
    pub version: Version,
    /// Why, for people to read.
    pub why: String,
}

/// A number that begins to rest: its Extension becomes Cooling, and remembers who had it.
#[derive(Clone, Debug, PartialEq)]
pub struct Free {
    /// The number.
    pub number: Number,
    /// Who had it. When the plan changes or deletes that object, the number is freed only once that is done: what an object names
    /// is never free.
    pub holder: Holder,
    /// What is there of the Extension.
    pub version: Version,
    /// From when on anybody may have it.
    pub release_after: Timestamp,
    /// Who gets it next, having let go of their own: until they have it, only this tells which number is theirs.
    pub awaited_by: Option<Holder>,
}

/// A PhoneUser to create or change.
pub type UserChange = Change<Field>;
/// A RingGroup to create or change.
pub type RingGroupChange = Change<RingField>;

/// An object to create or change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<F: WrittenField> {
    /// Name of the object.
    pub name: Box<str>,
    /// Whom it is about, for messages.
    pub subject: Subject,
    /// What is there.
    pub expected: Expected,
    /// Fields to let go of first: they keep their values, and stop being the operator's.
    pub release: FieldSet<F>,
    /// What to apply then. None: letting go was all.
    pub apply: Option<Apply<F>>,
    /// What becomes different, for people to read; the values that only change hands are not in it.
    pub changes: Vec<FieldChange<F>>,
    /// The number that must be claimed before this is written.
    pub needs: Option<Number>,
    /// This makes somebody linked who was not: when it fails, they are unmatched.
    pub links: bool,
    /// Why the operator lets go of it, when that is all.
    pub why: Option<Why>,
}

/// Why the operator lets go of a PhoneUser.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Why {
    /// People unlinked it.
    Unlinked,
    /// The scope excludes the account.
    Excluded,
    /// Whose it was has left.
    Absent(Absence),
    /// The scope of this name was deleted.
    ScopeDeleted(Box<str>),
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlinked => formatter.write_str("it is unlinked"),
            Self::Excluded => formatter.write_str("the scope excludes the account"),
            Self::Absent(Absence { reason, since }) => {
                let what = match reason {
                    AbsenceReason::Disabled => "the account is disabled or has expired",
                    AbsenceReason::OutOfScope => "the scope does not select the account any more",
                    AbsenceReason::Deleted => "the account is gone",
                };
                write!(formatter, "{what}, since {since}")
            }
            Self::ScopeDeleted(scope) => {
                write!(formatter, "SyncScope {scope} was deleted, with deletionPolicy: Delete")
            }
        }
    }
}

impl<F: WrittenField> Change<F> {
    /// Why the directory says that they should not be served, when this writes it.
    pub fn absence(&self) -> Option<Absence> {
        let values = self.apply.iter().flat_map(|apply| &apply.values);
        let mut links = values.filter_map(|(_, value)| match value {
            Value::Link(link) => link.absence,
            _ => None,
        });
        links.next()
    }
}

impl UserChange {
    /// Whether it switches somebody off.
    pub fn disables(&self) -> bool {
        self.changes.iter().any(|FieldChange { field, before, after }| {
            *field == Field::Enabled && *before != Some(Value::Flag(false)) && *after == Some(Value::Flag(false))
        }) && matches!(self.expected, Expected::Present(_))
    }

    /// Whether it makes the object people's again.
    pub fn lets_go(&self) -> bool {
        self.release.contains(Field::Directory) && self.apply.is_none()
    }

    /// Whether it does so because somebody left or is excluded. Who unlinks somebody takes nobody away.
    pub fn gives_up(&self) -> bool {
        self.lets_go() && self.why != Some(Why::Unlinked)
    }
}

/// What to apply to an object: these fields and `phoneSystemRef`, whole; what the operator held and is not here goes away.
#[derive(Clone, Debug, PartialEq)]
pub struct Apply<F: WrittenField> {
    /// The fields, in the order of the table.
    pub values: Vec<(F, Value)>,
    /// Take fields from managers that the operator may overrule.
    pub force: bool,
}

/// A value that becomes another.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange<F: WrittenField> {
    /// The field.
    pub field: F,
    /// What it holds.
    pub before: Option<Value>,
    /// What it will hold.
    pub after: Option<Value>,
}

/// Whom a change or a problem is about.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Subject {
    /// Login name of the person, or name of the group.
    pub login: Box<str>,
    /// Mail address, when there is one.
    pub mail: Option<Box<str>>,
}
