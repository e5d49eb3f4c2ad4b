//! What is known of one directory: what it is asked with, what was read last, and who needs what of it. No I/O.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use super::{
    error::ConnectionError,
    trust::{Behind, Trusted},
};
use crate::directory::{AttributeName, ConnectionSettings, Directory, Origin, Snapshot};

/// One configuration's directory.
#[derive(Default)]
pub(super) struct Known {
    /// Whoever reads has the turn; who waited for it meanwhile takes what was read then.
    pub(super) turn: tokio::sync::Mutex<()>,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) directory: Option<Directory>,
    /// What the directory connects with. `revision` moves with them.
    pub(super) settings: Option<ConnectionSettings>,
    pub(super) revision: u64,
    /// Attributes that each scope needs: all are read, so that one read serves all.
    pub(super) attributes: BTreeMap<Box<str>, BTreeSet<AttributeName>>,
    /// The last read that worked, and the one that did not if that was later.
    pub(super) latest: Option<Read<Arc<Snapshot>>>,
    pub(super) failed: Option<Read<ConnectionError>>,
    /// The domain controller whose word counts.
    pub(super) trusted: Option<Trusted>,
}

/// What a read brought.
pub(super) struct Read<T> {
    pub(super) began: Timestamp,
    pub(super) revision: u64,
    pub(super) attributes: BTreeSet<AttributeName>,
    pub(super) brought: T,
}

impl Known {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What all scopes need, and what is asked for now: that may be known of no scope any more, or of one that changed since.
    pub(super) fn wanted(&self, attributes: &BTreeSet<AttributeName>) -> BTreeSet<AttributeName> {
        self.attributes.values().flatten().chain(attributes).cloned().collect()
    }

    /// What was last read, if the directory is still asked as it was then and it has all of these attributes.
    pub(super) fn latest(&self, attributes: &BTreeSet<AttributeName>) -> Option<Arc<Snapshot>> {
        let latest = self.latest.as_ref();
        latest
            .filter(|read| read.serves(self.revision, attributes))
            .map(|read| read.brought.clone())
    }

    /// What was read since then with all of these attributes, if anything was: to plan on less would delete values.
    pub(super) fn answer(
        &self,
        since: Timestamp,
        revision: u64,
        attributes: &BTreeSet<AttributeName>,
    ) -> Option<Result<Arc<Snapshot>, ConnectionError>> {
        let failed = self
            .failed
            .as_ref()
            .filter(|read| read.began >= since && read.revision == revision);
        let latest = self
            .latest
            .as_ref()
            .filter(|read| read.began >= since && read.serves(revision, attributes));
        failed
            .map(|read| Err(read.brought.clone()))
            .or_else(|| latest.map(|read| Ok(read.brought.clone())))
    }

    /// Why a read is behind what another one knew, if it is, and whether another controller's word counts from now on.
    pub(super) fn weigh(&mut self, origin: &Origin) -> (Option<Behind>, bool) {
        let (trusted, behind) = Trusted::after(self.trusted, origin);
        let before = self.trusted.replace(trusted);
        (behind, trusted.is_another_than(before))
    }

    pub(super) fn remember(
        &mut self,
        began: Timestamp,
        revision: u64,
        attributes: BTreeSet<AttributeName>,
        answer: &Result<Arc<Snapshot>, ConnectionError>,
    ) {
        match answer {
            Ok(snapshot) => {
                self.latest = Some(Read {
                    began,
                    revision,
                    attributes,
                    brought: snapshot.clone(),
                });
                self.failed = None;
            }
            Err(error) => {
                self.failed = Some(Read {
                    began,
                    revision,
                    attributes,
                    brought: error.clone(),
                });
            }
        }
    }
}

impl<T> Read<T> {
    pub(super) fn serves(&self, revision: u64, attributes: &BTreeSet<AttributeName>) -> bool {
        self.revision == revision && attributes.is_subset(&self.attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Dn, Guid, SnapshotBuilder};

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn attributes(names: &[&str]) -> BTreeSet<AttributeName> {
        names.iter().map(|name| AttributeName::parse(name).unwrap()).collect()
    }

    fn snapshot() -> Arc<Snapshot> {
        let root = Dn::parse("DC=example,DC=com").unwrap();
        let origin = Origin {
            server: "dc1.example.com:636".to_owned(),
            invocation_id: Guid::from_ldap_bytes(&[7; 16]).unwrap(),
            naming_context: root.clone(),
            base_dn: root,
            highest_usn: 1,
            read_at: time(0),
            replicas: Vec::new(),
            is_behind: false,
        };
        Arc::new(SnapshotBuilder::new(origin, &attributes(&["mail"])).build())
    }

    /// Whether somebody who waited since `since` gets what was read: `Some(false)` is an error.
    fn answers(state: &State, since: i64, revision: u64, wanted: &[&str]) -> Option<bool> {
        state
            .answer(time(since), revision, &attributes(wanted))
            .map(|answer| answer.is_ok())
    }

    #[test]
    fn who_waited_shares_what_was_read_meanwhile() {
        let mut state = State::default();
        assert_eq!(answers(&state, 0, 1, &[]), None);
        state.remember(time(10), 1, attributes(&["mail", "title"]), &Ok(snapshot()));
        assert_eq!(answers(&state, 9, 1, &["mail"]), Some(true));
        assert_eq!(answers(&state, 11, 1, &["mail"]), None, "it began before they asked");
        assert_eq!(answers(&state, 9, 2, &["mail"]), None, "it is another directory now");
        assert_eq!(
            answers(&state, 9, 1, &["mail", "office"]),
            None,
            "not all they need was read"
        );
    }

    #[test]
    fn who_waited_shares_a_failure_too_and_what_was_read_before_stays() {
        let failure = ConnectionError::FindConfig {
            name: "corp".to_owned(),
        };
        let mut state = State::default();
        state.remember(time(10), 1, attributes(&["mail"]), &Ok(snapshot()));
        state.remember(time(20), 1, attributes(&["mail"]), &Err(failure));
        assert_eq!(answers(&state, 15, 1, &["mail"]), Some(false));
        assert_eq!(answers(&state, 25, 1, &["mail"]), None);
        assert!(
            state
                .latest
                .as_ref()
                .is_some_and(|read| read.serves(1, &attributes(&["mail"])))
        );
        state.remember(time(30), 1, attributes(&["mail"]), &Ok(snapshot()));
        assert_eq!(answers(&state, 15, 1, &["mail"]), Some(true));
    }

    #[test]
    fn nobody_is_planned_on_a_read_that_lacks_an_attribute_they_need() {
        let mut state = State {
            revision: 3,
            ..State::default()
        };
        state.remember(time(10), 3, attributes(&["mail", "title"]), &Ok(snapshot()));
        assert!(state.latest(&attributes(&["title"])).is_some());
        assert!(state.latest(&attributes(&["mail", "ipPhone"])).is_none());
        state.revision = 4;
        assert!(
            state.latest(&attributes(&["mail"])).is_none(),
            "it is asked in another way now"
        );
    }

    #[test]
    fn a_read_asks_for_what_its_asker_needs_whatever_else_is_known_of_scopes() {
        let mut state = State::default();
        state.attributes.insert("other".into(), attributes(&["mail", "title"]));
        // Another scope's look at this one came between, and knew an older spec.
        state.attributes.insert("own".into(), attributes(&["mail"]));
        assert_eq!(
            state.wanted(&attributes(&["ipPhone"])),
            attributes(&["ipPhone", "mail", "title"])
        );
    }
}
