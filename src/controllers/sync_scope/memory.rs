//! What the operator remembers of each scope between two looks. It starts empty with the process, and nothing that it
//! decides about people rests on it. No I/O.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use kube::ResourceExt;

use super::{report::Facts, schedule::Attempts};
use crate::{api::SyncScope, controllers::changes::NamespacedName};

/// What is remembered of one scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// The attempts to sync it.
    pub attempts: Attempts,
    /// Somebody else changed an object of its phone system, or another scope of that, since the last attempt began.
    pub objects_changed: bool,
    /// Its directory answers again, or answers as somebody else, since the last attempt began.
    pub reconnected: bool,
    /// Since when something that it needs is missing.
    pub missing_since: Option<Timestamp>,
    /// When its directory was last read.
    pub read: Option<Timestamp>,
    /// The scope as it was after its status was last written.
    pub written: Option<SyncScope>,
    /// What could not be written into its status.
    pub unreported: Option<Facts>,
}

impl Memory {
    /// The newer of the scope as the watch shows it and as the operator's own write left it: the watch may be behind, and a
    /// status that is compared with an old one is written twice.
    pub(super) fn newest<'a>(&'a self, seen: &'a SyncScope) -> &'a SyncScope {
        let version = |scope: &SyncScope| scope.resource_version().and_then(|version| version.parse::<u64>().ok());
        self.written
            .as_ref()
            .filter(|written| written.uid() == seen.uid() && version(written) > version(seen))
            .unwrap_or(seen)
    }
}

/// What is remembered of all scopes.
#[derive(Debug, Default)]
pub(super) struct Memories(Mutex<HashMap<NamespacedName, Memory>>);

impl Memories {
    /// Looks at or changes what is remembered of a scope.
    pub(super) fn of<T>(&self, scope: &NamespacedName, with: impl FnOnce(&mut Memory) -> T) -> T {
        with(
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(scope.clone())
                .or_default(),
        )
    }

    /// The scope is gone.
    pub(super) fn forget(&self, scope: &NamespacedName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(scope);
    }
}
