//! What keeps a number from being given, and how messages say it. Decides nothing.

use std::fmt;

use crate::api::extension::HolderKind;

/// What keeps a number from being given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Taker<'a> {
    /// Its Extension is assigned.
    Holds(Occupant<'a>),
    /// An object names it, and no Extension says otherwise.
    Names(Occupant<'a>),
    /// It rests after its last holder.
    RestsAfter(Occupant<'a>),
    /// People set it aside, or a state or spec could not be read: nobody in particular has it.
    Nobody(&'static str),
}

/// A holder as messages show it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Occupant<'a> {
    /// Kind of the object.
    pub kind: HolderKind,
    /// Name of the object.
    pub name: &'a str,
    /// Login name of the person, if any.
    pub login: Option<&'a str>,
}

impl<'a> Taker<'a> {
    /// Who that is.
    pub fn occupant(&mut self) -> Option<&mut Occupant<'a>> {
        match self {
            Self::Holds(who) | Self::Names(who) | Self::RestsAfter(who) => Some(who),
            Self::Nobody(_) => None,
        }
    }

    /// What people can do about it.
    pub fn way_out(&self) -> &'static str {
        match self {
            Self::Holds(_) | Self::Names(_) => "give one of the two another number",
            Self::RestsAfter(_) => "choose another, or wait until it is released",
            Self::Nobody(_) => "choose another",
        }
    }
}

impl fmt::Display for Taker<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds(who) => write!(formatter, "held by {who}"),
            Self::Names(who) => write!(formatter, "named by {who}"),
            Self::RestsAfter(who) => write!(formatter, "resting after {who}"),
            Self::Nobody(why) => formatter.write_str(why),
        }
    }
}

impl fmt::Display for Occupant<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {}", self.kind, self.name)?;
        self.login.map_or(Ok(()), |login| write!(formatter, " ({login})"))
    }
}
