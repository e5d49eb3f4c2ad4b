//! What is known of one directory: what it is asked with, what was read last, and who needs what of it. No I/O.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use super::error::ConnectionError;
use crate::directory::{AttributeName, ConnectionSettings, Directory, Snapshot};

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
    /// What was read since then, if anything was.
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
                })
            }
        }
    }
}

impl<T> Read<T> {
    pub(super) fn serves(&self, revision: u64, attributes: &BTreeSet<AttributeName>) -> bool {
        self.revision == revision && attributes.is_subset(&self.attributes)
    }
}
