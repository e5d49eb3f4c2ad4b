//! What earlier syncs decided, spent and suspected, as it is kept between them. Plain data.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    api::sync_scope::{BudgetEntry, Held},
    directory::Guid,
};

/// What earlier syncs of a scope left.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// `metadata.uid` of the scope: a digest is of one scope.
    pub uid: &'a str,
    /// A sync has gone to the end before.
    pub has_synced: bool,
    /// The spec is another one than when [`Past::held`] was written: batches are closed anew.
    pub is_respecified: bool,
    /// `status.held`
    pub held: &'a [Held],
    /// `status.budget`
    pub budget: &'a [BudgetEntry],
    /// Removals that were entered into `budget`, and when: what is lost or refused, and tried again, is spent once.
    pub entered: &'a BTreeMap<String, Timestamp>,
    /// The annotation `adsync.dev/approve`.
    pub approval: Option<&'a str>,
    /// Those who seem to be gone, with the time of the first complete read that says so.
    pub suspects: &'a BTreeMap<Suspect, Timestamp>,
    /// How much later a second complete read must be, to confirm what the first one missed.
    pub confirm_after: SignedDuration,
    /// What the other scopes on the same directory have, and have spent.
    pub directory: DirectoryBudget,
}

/// An absence that nothing proves but that it lasts.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Suspect {
    /// Who seems to be gone.
    pub account: Guid,
    /// objectGUID of the group or unit that they seem to be gone from. None: from the scope.
    pub entry: Option<Guid>,
}

/// Nobody is suspected.
static NO_SUSPECTS: BTreeMap<Suspect, Timestamp> = BTreeMap::new();

/// Nothing was entered.
static NOTHING_ENTERED: BTreeMap<String, Timestamp> = BTreeMap::new();

impl<'a> Past<'a> {
    /// Of a scope that never synced.
    pub fn none(uid: &'a str) -> Self {
        Self {
            uid,
            has_synced: false,
            is_respecified: false,
            held: &[],
            budget: &[],
            entered: &NOTHING_ENTERED,
            approval: None,
            suspects: &NO_SUSPECTS,
            confirm_after: SignedDuration::from_mins(5),
            directory: DirectoryBudget::default(),
        }
    }
}

impl Default for DirectoryBudget {
    fn default() -> Self {
        Self {
            percent: 20,
            count: 200,
            window: SignedDuration::from_hours(24),
            linked: 0,
            spent: 0,
            gone: 0,
            ring_groups: 0,
        }
    }
}

/// The limit over all scopes on one directory, and what the others of them have spent of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DirectoryBudget {
    /// `removalLimit.percent` of the ActiveDirectoryConfig.
    pub percent: i64,
    /// `removalLimit.count`
    pub count: i64,
    /// `removalLimit.window`
    pub window: SignedDuration,
    /// How many people the other scopes have linked.
    pub linked: i64,
    /// How many people the other scopes have removed within the window.
    pub spent: i64,
    /// Of these: how many are not among `linked` any more.
    pub gone: i64,
    /// How many ring groups the other scopes have removed within the window.
    pub ring_groups: i64,
}
