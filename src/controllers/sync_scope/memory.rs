//! What the operator remembers of each scope between two looks. It starts empty with the process, and nothing that it
//! decides about people rests on it. No I/O.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::{
    report::{Ending, Facts},
    schedule::Attempts,
};
use crate::{
    api::{SyncScope, annotations, sync_scope::ResolvedReference},
    controllers::{changes::NamespacedName, client::CallError, status},
    sync::past::Suspect,
};

/// How long a removal that was entered is remembered: counting it again after that is no harm.
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is remembered of one scope.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The attempts to sync it.
    pub attempts: Attempts,
    /// Somebody else changed an object of its phone system, or another scope of that, since the last attempt began.
    pub objects_changed: bool,
    /// Its directory answers again, or answers as somebody else, since the last attempt began.
    pub reconnected: bool,
    /// Why its directory can't be asked now, heard since the last attempt began.
    pub unconnected_for: Option<&'static str>,
    /// Why the last attempt could not read its directory.
    pub unread_for: Option<&'static str>,
    /// Since when something that it refers to is missing.
    pub missing_since: Option<Timestamp>,
    /// Since when something that its directory refers to is missing.
    pub unconnected_since: Option<Timestamp>,
    /// When its directory was last read.
    pub read: Option<Timestamp>,
    /// While it was not: since when, at the least, by what the status said when the process first saw it.
    pub unread_since: Option<Timestamp>,
    /// Those who seem to be gone, with the first complete read that says so. Lost with a restart: then it begins anew.
    pub suspects: BTreeMap<Suspect, Timestamp>,
    /// Removals that were entered into the budget, and when. Lost with a restart: then they count again.
    pub entered: BTreeMap<String, Timestamp>,
    /// The approval that was last acted upon.
    pub approval: Option<String>,
    /// The approval that people were last told of, or that let something through.
    pub answered: Option<String>,
    /// Since when somebody wants it to go, as far as this process has seen.
    pub ends_since: Option<Instant>,
    /// Why it waits before it goes, as people were told.
    pub waits_for: Option<String>,
    /// The scope as it was after its status was last written.
    pub written: Option<SyncScope>,
    /// What could not be written into its status.
    pub unreported: Option<Facts>,
    /// Why not, until somebody was told.
    pub refused: Option<CallError>,
}

impl Memory {
    /// The newer of the scope as the watch shows it and as the operator's own write left it: the watch may be behind, and a
    /// status that is compared with an old one is written twice.
    pub(super) fn newest<'a>(&'a self, seen: &'a SyncScope) -> &'a SyncScope {
        let written = self.written.as_ref();
        written
            .filter(|written| status::is_newer(*written, seen))
            .unwrap_or(seen)
    }

    /// The annotation `adsync.dev/approve`, once for each value.
    pub(super) fn new_approval(&mut self, scope: &SyncScope) -> Option<String> {
        let approval = scope.annotations().get(annotations::APPROVE).cloned();
        let is_new = approval != self.answered;
        self.answered.clone_from(&approval);
        approval.filter(|_| is_new)
    }

    /// What is spent was stored.
    pub(super) fn enter(&mut self, removals: &[String], now: Timestamp) {
        self.entered
            .retain(|_, entered| now.duration_since(*entered) < LONGEST_WINDOW);
        self.entered
            .extend(removals.iter().map(|removal| (removal.clone(), now)));
    }

    /// Whether another attempt would end otherwise than the last one that failed: the directory answers again, or can't be
    /// asked for another reason.
    pub(super) fn has_news_of_its_directory(&self) -> bool {
        let other_reason = self.unconnected_for.is_some() && self.unconnected_for != self.unread_for;
        self.reconnected || other_reason
    }

    /// The status could not be written. That an attempt has begun is not worth a second try: it ends with more to say.
    pub(super) fn refuse(&mut self, facts: Facts, error: CallError) {
        if !matches!(facts.ending, Ending::Begun) {
            self.unreported = Some(facts);
        }
        self.refused = Some(error);
    }

    /// The status was written, with all that was left to say.
    pub(super) fn reported(&mut self) {
        self.unreported = None;
        self.refused = None;
    }

    /// The request to sync that was last acted upon, whether or not the status says so.
    pub(super) fn handled<'a>(&'a self, scope: &'a SyncScope) -> Option<&'a String> {
        let status = scope.status.as_ref();
        let unreported = self.unreported.as_ref().and_then(Facts::handled);
        unreported.or_else(|| status?.last_handled_reconcile_at.as_ref())
    }

    /// The entries that the spec named in the last sync, whether or not the status says so.
    pub(super) fn references<'a>(&'a self, scope: &'a SyncScope) -> &'a [ResolvedReference] {
        match self.unreported.as_ref().map(|facts| &facts.ending) {
            Some(Ending::Synced(synced)) => &synced.references,
            _ => scope.status.as_ref().map_or(&[], |status| &status.references),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_scope_says_already_of_its_directory_is_no_news() {
        let mut memory = Memory {
            unread_for: Some("ConfigMapNotFound"),
            ..Memory::default()
        };
        assert!(!memory.has_news_of_its_directory());
        memory.unconnected_for = Some("ConfigMapNotFound");
        assert!(!memory.has_news_of_its_directory());
        memory.unconnected_for = Some("InvalidCredentials");
        assert!(memory.has_news_of_its_directory());
    }

    #[test]
    fn nothing_is_left_to_say_after_a_report() {
        let mut memory = Memory::default();
        let facts = Facts {
            now: Timestamp::UNIX_EPOCH,
            scope: NamespacedName::new("telephony", "staff"),
            generation: Some(1),
            requested: Some("now".to_owned()),
            failures: 0,
            unwritten: 0,
            ending: Ending::Invalid { message: String::new() },
        };
        memory.refuse(facts, CallError::AwaitAnswer);
        assert!(memory.refused.is_some() && memory.unreported.is_some());
        memory.reported();
        assert!(memory.refused.is_none() && memory.unreported.is_none());
    }
}
