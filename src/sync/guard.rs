//! How much may happen at once (promise 3): limits, batches that wait, and approvals. Decides nothing about a single person.

use std::collections::BTreeSet;

use super::{Input, removal::Removal};
use crate::api::{
    extension::HolderKind,
    sync_scope::{BudgetEntry, Held},
};

/// Weighs what is due against what may happen. Ask it in the order of the pipeline; it remembers what it let through.
#[derive(Debug)]
pub struct Guard<'a> {
    _input: &'a Input<'a>,
}

/// The objects whose removal may happen now.
#[derive(Debug, Default)]
pub struct Allowed(BTreeSet<(HolderKind, Box<str>)>);

/// What is to be kept in the status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// `status.held`
    pub held: Vec<Held>,
    /// `status.budget`: written before anything is removed.
    pub budget: Vec<BudgetEntry>,
}

impl Allowed {
    /// Whether this object's removal may happen now.
    pub fn has(&self, kind: HolderKind, name: &str) -> bool {
        self.0.contains(&(kind, name.into()))
    }
}

impl<'a> Guard<'a> {
    /// A guard for one plan; so many people are `linked` to the scope now.
    pub fn new(input: &'a Input<'a>, _linked: usize) -> Self {
        Self { _input: input }
    }

    /// Lets removals of people and ring groups through, or holds them: all that doesn't fit is held whole.
    pub fn weigh(&mut self, _removals: Vec<Removal<'a>>) -> Allowed {
        Allowed::default()
    }

    /// Whether a ring group may lose members: never all of them, nor more than half of five or more within the window.
    pub fn weigh_members(&mut self, _removal: Removal<'a>, _before: usize, _after: usize) -> bool {
        false
    }

    /// Whether so many newcomers may be created: their subjects, for the sample, with what tells them apart.
    pub fn weigh_creations(&mut self, _newcomers: &[(String, String)]) -> bool {
        true
    }

    /// Whether values may go blank: for each attribute, what it is called and whose values they are.
    pub fn weigh_blanks(&mut self, _attribute: &str, _people: &[String]) -> bool {
        true
    }

    /// What to keep.
    pub fn finish(self) -> Ledger {
        Ledger::default()
    }
}
