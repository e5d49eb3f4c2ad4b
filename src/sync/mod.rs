//! THE CORE: who is synced, and what the phone system should look like. Values in, values out: no client, no clock, no randomness.

pub mod claims;
pub mod field;
pub mod number;
pub mod number_holders;
pub mod number_pattern;
pub mod number_plan;
mod number_pool;
pub mod number_set;
pub mod number_wish;
pub mod numbering;
pub mod observed;
pub mod person;
pub mod plan;
pub mod references;
pub mod report;
pub mod roster;
pub mod select;
pub mod validated;
pub mod value;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use self::{
    observed::Observed,
    plan::Plan,
    report::Report,
    validated::{ValidatedRule, ValidatedScope, ValidatedSystem},
};
use crate::{
    api::sync_scope::ResolvedReference,
    directory::{Guid, Snapshot},
};

/// Everything that a plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// What time it is.
    pub now: Timestamp,
    /// The scope to plan for.
    pub scope: &'a ValidatedScope,
    /// The other live scopes of its phone system.
    pub siblings: &'a [Sibling<'a>],
    /// Its phone system.
    pub system: &'a ValidatedSystem,
    /// The ExtensionRules of its phone system, by name; those that could not be parsed are missing.
    pub rules: &'a BTreeMap<Box<str>, ValidatedRule>,
    /// What a complete read of its directory saw.
    pub directory: &'a Snapshot,
    /// Whether people may sign in with their bare names (`login.bareUsername` of the ActiveDirectoryConfig).
    pub bare_username: bool,
    /// What is in the cluster, of its phone system.
    pub observed: &'a Observed,
    /// The entries that the spec named the last time (`status.references`).
    pub references: &'a [ResolvedReference],
    /// What the directory said of accounts it was asked for by objectGUID: whether they exist. Missing: not asked yet.
    pub known: &'a BTreeMap<Guid, bool>,
}

/// Another live scope of the same phone system.
#[derive(Clone, Copy, Debug)]
pub struct Sibling<'a> {
    /// Name of the object.
    pub name: &'a str,
    /// When it was created.
    pub created: Timestamp,
    /// What it sees. None: it can't be read now, or its spec is invalid; it keeps whom it has.
    pub sight: Option<Sight<'a>>,
}

/// What another scope sees.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Its spec.
    pub scope: &'a ValidatedScope,
    /// Its directory.
    pub directory: &'a Snapshot,
    /// Its `status.references`.
    pub references: &'a [ResolvedReference],
}

/// What a sync would do, what it found, and what it needs to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What to write.
    pub plan: Plan,
    /// What was found.
    pub report: Report,
    /// The entries that the spec names (`status.references`).
    pub references: Vec<ResolvedReference>,
    /// Accounts to ask the directory for by objectGUID: with the answers in [`Input::known`], plan again.
    pub ask: BTreeSet<Guid>,
}
