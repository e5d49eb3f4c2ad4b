//! Who has left, and how that is known: absence is proven, repeated, or doubt (promise 2). What follows is not decided here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Input, claims::Claims, observed::ObservedUser, past::Suspect, plan::Subject, references::References,
    select::Selection, value::Absence,
};
use crate::directory::{Guid, User};

/// Somebody linked to the scope whom it does not select any more, for all that the snapshot shows.
#[derive(Clone, Debug)]
pub struct Missing<'a> {
    /// Name of their PhoneUser.
    pub name: &'a str,
    /// Their PhoneUser.
    pub user: &'a ObservedUser,
    /// objectGUID of their account.
    pub guid: Guid,
    /// Their account, if the snapshot has it.
    pub account: Option<User<'a>>,
    /// Whom it is about, for messages.
    pub subject: Subject,
}

/// Somebody who has left for certain.
#[derive(Clone, Debug)]
pub struct Absentee<'a> {
    /// Who.
    pub missing: Missing<'a>,
    /// Why, and since when: what the PhoneUser says already, or now.
    pub absence: Absence,
}

/// What became of those who are missing.
#[derive(Debug, Default)]
pub struct Absences<'a> {
    /// Those who have left.
    pub proven: Vec<Absentee<'a>>,
    /// Those of whom it is not known: they stay exactly as they are. With why, for people to read.
    pub doubted: Vec<(Missing<'a>, String)>,
    /// Absences that must last, for [`super::past::Past::suspects`] of the next sync.
    pub suspects: BTreeMap<Suspect, Timestamp>,
    /// Accounts to ask the directory for.
    pub ask: BTreeSet<Guid>,
}

impl<'a> Absences<'a> {
    /// Looks at each of them.
    pub fn prove(
        _input: &Input<'a>,
        _references: &References<'a>,
        _selection: &Selection<'a>,
        _claims: &Claims<'a>,
        missing: Vec<Missing<'a>>,
    ) -> Self {
        Self {
            doubted: missing.into_iter().map(|missing| (missing, String::new())).collect(),
            ..Self::default()
        }
    }
}
