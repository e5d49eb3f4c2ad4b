//! What the scope's policy wants for those who left, and since when it is due. Whether it may happen now is the guard's word.

use jiff::Timestamp;

use super::{Input, absence::Absences, observed::Version, person::Person, plan::Subject};
use crate::api::extension::HolderKind;

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
    /// A RingGroup loses most of its members, or all.
    Shrink,
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
    /// Since when: a batch has all that were due when it was closed.
    pub due: Timestamp,
}

/// The removals of people that are due.
pub fn due<'a>(_input: &Input<'a>, _people: &[Person<'a>], _absences: &Absences<'a>) -> Vec<Removal<'a>> {
    Vec::new()
}
