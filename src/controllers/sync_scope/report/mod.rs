//! Last step: what an attempt came to, into the scope's status, into Events and to Prometheus. I/O; what the status says is
//! decided in `status`.

pub(super) mod held;
mod status;
mod words;

use std::time::Duration;

use jiff::Timestamp;
use kube::{Api, Resource, ResourceExt};

use super::{Controller, memory::Memory, notices};
use crate::{
    api::{
        SyncScope, annotations,
        sync_scope::{ResolvedReference, Trigger},
    },
    controllers::{
        changes::NamespacedName,
        events::{self, Notices},
        status::write,
    },
    sync::{guard::Ledger, report::Report},
};

/// So long, what is missing may still be on its way: charts create things in any order.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// What is known when an attempt has ended.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// When it ended.
    pub now: Timestamp,
    /// The scope.
    pub scope: NamespacedName,
    /// The scope's generation.
    pub generation: Option<i64>,
    /// The request to sync that this acted upon, or an earlier one.
    pub requested: Option<String>,
    /// How many attempts in a row have failed, this included.
    pub failures: u32,
    /// How many in a row could not write everything, this included.
    pub unwritten: u32,
    /// What it came to.
    pub ending: Ending,
}

impl Facts {
    /// The request to sync that was acted upon.
    pub(super) fn handled(&self) -> Option<&String> {
        let has_ended = !matches!(self.ending, Ending::Begun | Ending::Suspended);
        self.requested.as_ref().filter(|_| has_ended)
    }
}

/// What an attempt answers. While it ran, the scope may have been changed: that is for the next one.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    generation: Option<i64>,
    requested: Option<String>,
}

impl Asked {
    /// By the scope as it was when the attempt began.
    pub(super) fn by(scope: &SyncScope) -> Self {
        Self {
            generation: scope.metadata.generation,
            requested: scope.annotations().get(annotations::REQUESTED_AT).cloned(),
        }
    }
}

/// What an attempt came to.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// It has only begun, on a generation that was not seen before.
    Begun,
    /// `suspend` is set: none was made.
    Suspended,
    /// Something that the spec names does not exist.
    Missing {
        /// What, and what to do.
        message: String,
        /// Since when.
        since: Timestamp,
    },
    /// Something that the spec names can't be used.
    NotReady {
        /// What, and what to do.
        message: String,
    },
    /// The spec can't be understood.
    Invalid {
        /// Where, and what to write.
        message: String,
    },
    /// The directory could not be read.
    Unread(Unread),
    /// The operator panicked: nothing is known of how far it came.
    Crashed {
        /// What the panic said.
        message: String,
    },
    /// It went to the end.
    Synced(Box<Synced>),
}

/// Why the directory could not be read.
#[derive(Clone, Debug)]
pub(super) struct Unread {
    /// In one word.
    pub reason: &'static str,
    /// What to do.
    pub message: String,
    /// It may pass by itself.
    pub passes: bool,
    /// Three syncs should have come since the directory was last read.
    pub is_stale: bool,
}

/// A sync that went to the end.
#[derive(Clone, Debug)]
pub(super) struct Synced {
    /// Why it ran.
    pub trigger: Trigger,
    /// What it found.
    pub report: Report,
    /// The entries that the spec names.
    pub references: Vec<ResolvedReference>,
    /// Objects made.
    pub created: i64,
    /// Objects changed.
    pub updated: i64,
    /// PhoneUsers switched off.
    pub disabled: i64,
    /// PhoneUsers and RingGroups deleted or let go of.
    pub deleted: i64,
    /// What is spent and held.
    pub ledger: Ledger,
    /// Writes that failed.
    pub failed: i64,
    /// Of `mode: Plan`: what it would have written.
    pub would_write: Option<String>,
    /// The directory was read for it. Else it repaired what others changed, by what had been read before.
    pub is_fresh: bool,
    /// How long it took.
    pub duration: Duration,
}

impl Synced {
    /// More could not be written than is served: that is no bad record, but a cluster that refuses the scope.
    pub(super) fn is_refused(&self) -> bool {
        self.failed > self.report.users.matched
    }
}

impl Controller {
    /// Writes what it came to into the status, if that differs, and says what people should see of it. Gives the scope as it is
    /// then; what could not be written is remembered.
    pub(super) async fn report(&self, scope: SyncScope, ending: Ending, notices: Notices) -> SyncScope {
        self.report_to(Asked::by(&scope), scope, ending, notices).await
    }

    /// The same when the scope may be newer than what was asked for.
    pub(super) async fn report_to(
        &self,
        asked: Asked,
        scope: SyncScope,
        ending: Ending,
        notices: Notices,
    ) -> SyncScope {
        let name = NamespacedName::of(&scope);
        let (failures, unwritten) = self.memories.of(&name, |memory| {
            let attempts = &memory.attempts;
            (attempts.failures, attempts.unwritten)
        });
        let facts = Facts {
            now: Timestamp::now(),
            scope: name.clone(),
            generation: asked.generation,
            requested: asked.requested,
            failures,
            unwritten,
            ending,
        };
        self.report_facts(&name, scope, facts, notices).await
    }

    async fn report_facts(
        &self,
        name: &NamespacedName,
        scope: SyncScope,
        facts: Facts,
        mut notices: Notices,
    ) -> SyncScope {
        let before = scope.status.clone().unwrap_or_default();
        let left = self.memories.of(name, |memory| memory.unreported.clone());
        let after = status::status_after(&before, left.as_ref(), &facts);
        self.show_synced(name, &after);
        let api: Api<SyncScope> = Api::namespaced(self.context.client.clone(), &name.namespace);
        let written = match write(&api, &scope, scope.status.as_ref(), &after).await {
            Ok(written) => Some(written),
            // It is gone, or another one of this name: nothing is left to report to.
            Err(error) if matches!(error.code(), Some(404 | 409)) => Some(None),
            Err(error) => {
                self.memories.of(name, |memory| memory.refuse(facts, error));
                None
            }
        };
        if written.is_some() {
            self.memories.of(name, Memory::reported);
            notices::of_status(&mut notices, &before, &after);
        }
        events::publish(&self.context.client, &scope.object_ref(&()), "Sync", notices).await;
        let Some(written) = written.flatten() else {
            return scope;
        };
        self.memories.of(name, |memory| memory.written = Some(written.clone()));
        written
    }

    /// What the API server would not take the last time.
    pub(super) async fn report_what_is_left(&self, name: &NamespacedName, scope: SyncScope) -> SyncScope {
        match self.memories.of(name, |memory| memory.unreported.take()) {
            Some(facts) => self.report_facts(name, scope, facts, Notices::default()).await,
            None => scope,
        }
    }
}
