//! Third step, and what hangs on it: read the directory, converge, and remember how it went.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::info;

use super::{
    Controller,
    apply::{Converged, Work, converge},
    generation,
    keeping::{Keeper, confirm_at},
    memory::Memory,
    plan::Prepared,
    report::{Ending, PATIENCE, Synced, Unread, held},
    schedule::{Due, stale_from},
    validate::Validated,
};
use crate::{
    api::SyncScope,
    causes::with_causes,
    controllers::{
        changes::NamespacedName,
        connections::{ConnectionError, Trouble},
        events::Notices,
    },
    directory::Snapshot,
    sync::{past::Suspect, validated::Timing},
};

impl Controller {
    /// Steps three and four. `None`: the operator stops.
    pub(super) async fn attempt(
        &self,
        name: &NamespacedName,
        scope: &SyncScope,
        validated: &Arc<Validated>,
        due: Due,
    ) -> Option<(Ending, Notices)> {
        let clock = Instant::now();
        let (mut reading, mut due) = (Duration::ZERO, due);
        let (converged, read_at) = loop {
            let began = Instant::now();
            let (snapshot, is_fresh) = match self.read(validated, due).await {
                Ok(read) => read,
                Err(ConnectionError::Stop) => return None,
                Err(error) => {
                    self.context
                        .metrics
                        .sync_failed(&name.namespace, &name.name, clock.elapsed());
                    return Some((self.unread(name, &error, &validated.scope.timing), Notices::default()));
                }
            };
            reading += began.elapsed();
            due.reads = is_fresh;
            let read_at = snapshot.origin().read_at;
            let converged = self.converge(name, scope, validated, snapshot, due).await;
            if !converged.reads_first {
                break (converged, read_at);
            }
            // Nobody is removed for what was true when the directory was last read.
            due.reads = true;
        };
        if converged.was_stopped {
            return None;
        }
        let (planning, writing) = (converged.planning, converged.writing);
        let suspects = converged.suspects.clone();
        let mut converged = converged;
        let approval = self.memories.of(name, |memory| memory.new_approval(scope));
        let course = held::Course {
            before: &converged.held_before,
            approved: &converged.approved,
            after: &converged.ledger.held,
            approval: approval.as_deref(),
        };
        let told = held::notices(name, &course);
        let held = held::waiting(&converged.ledger.held);
        for notice in told.into_iter().rev() {
            info!(reason = notice.reason, "{}", notice.note);
            converged.notices.push_first(notice);
        }
        let (synced, notices) = synced(converged, due, clock.elapsed());
        info!(
            trigger = ?synced.trigger,
            created = synced.created,
            updated = synced.updated,
            disabled = synced.disabled,
            deleted = synced.deleted,
            held,
            failed = synced.failed,
            duration = ?synced.duration,
            ?reading,
            ?planning,
            ?writing,
            "synced"
        );
        self.ended(name, due, &synced, read_at);
        self.suspect(name, suspects, read_at);
        Some((Ending::Synced(Box::new(synced)), notices))
    }

    /// Step four, on what was read.
    async fn converge(
        &self,
        name: &NamespacedName,
        scope: &SyncScope,
        validated: &Arc<Validated>,
        snapshot: Arc<Snapshot>,
        due: Due,
    ) -> Converged {
        let scope = self.memories.of(name, |memory| memory.newest(scope).clone());
        let mut keeper = self.keeper(name, scope, false);
        let mut prepared = self.prepared(&keeper, validated, snapshot);
        let system = name.beside(&validated.scope.phone_system);
        let work = Work {
            trigger: due.trigger,
            is_fresh: due.reads,
        };
        Box::pin(converge(&self.turns, &mut keeper, &system, &mut prepared, work)).await
    }

    /// Who keeps the books of a scope. `ends`: it is about to go.
    pub(super) fn keeper<'a>(&'a self, name: &'a NamespacedName, scope: SyncScope, ends: bool) -> Keeper<'a> {
        Keeper {
            context: &self.context,
            memories: &self.memories,
            spending: &self.spending,
            name,
            generation: generation(&scope),
            scope,
            ends,
        }
    }

    /// All that a plan is made of, but for what is in the cluster.
    pub(super) fn prepared(
        &self,
        keeper: &Keeper<'_>,
        validated: &Arc<Validated>,
        snapshot: Arc<Snapshot>,
    ) -> Prepared {
        let references = |memory: &mut Memory| memory.references(&keeper.scope).to_vec();
        Prepared {
            validated: validated.clone(),
            siblings: self.siblings(validated),
            references: self.memories.of(keeper.name, references),
            past: Arc::new(keeper.kept()),
            snapshot,
        }
    }

    /// Those who seem to be gone are looked for once more.
    fn suspect(&self, name: &NamespacedName, suspects: BTreeMap<Suspect, Timestamp>, read_at: Timestamp) {
        self.memories.of(name, |memory| {
            memory.attempts.confirm_at = confirm_at(&suspects, self.context.confirm_after, read_at);
            memory.suspects = suspects;
        });
    }

    /// What the directory holds: to repair what others changed, what was read before will do.
    pub(super) async fn read(&self, validated: &Validated, due: Due) -> Result<(Arc<Snapshot>, bool), ConnectionError> {
        let Validated {
            scope,
            siblings,
            directory,
            attributes,
            ..
        } = validated;
        let connections = &self.context.connections;
        for sibling in siblings {
            if let Some((_, directory, attributes)) = &sibling.scope {
                connections.want(directory, &sibling.name, attributes.clone());
            }
        }
        if !due.reads
            && let Some(snapshot) = connections.latest(directory, attributes)
        {
            return Ok((snapshot, false));
        }
        let snapshot = connections
            .read(directory, &scope.name, attributes.clone(), Timestamp::now())
            .await?;
        Ok((snapshot, true))
    }

    /// What was last read of each sibling's directory.
    fn siblings(&self, validated: &Validated) -> Vec<Option<Arc<Snapshot>>> {
        let latest = |(_, directory, attributes): &(_, NamespacedName, _)| {
            self.context.connections.latest(directory, attributes)
        };
        validated
            .siblings
            .iter()
            .map(|sibling| sibling.scope.as_ref().and_then(latest))
            .collect()
    }

    fn ended(&self, name: &NamespacedName, due: Due, synced: &Synced, read: Timestamp) {
        let (now, metrics) = (Timestamp::now(), &self.context.metrics);
        metrics.scope_users(
            &name.namespace,
            &name.name,
            &synced.report.users,
            &synced.report.unmatched,
        );
        metrics.lingering(&name.namespace, &name.name, &synced.report.lingering);
        metrics.removed(&name.namespace, &name.name, synced.disabled, synced.deleted);
        metrics.unresolved_members(&name.namespace, &name.name, synced.report.unresolved_members);
        if synced.is_refused() {
            metrics.sync_failed(&name.namespace, &name.name, synced.duration);
        } else if synced.is_fresh {
            metrics.sync_succeeded(&name.namespace, &name.name, now, synced.duration);
        }
        self.memories.of(name, |memory| {
            memory.read = Some(read);
            memory.unconnected_since = None;
            memory.unread_for = None;
            memory.attempts.ended(due, synced.failed, now);
        });
    }

    fn unread(&self, name: &NamespacedName, error: &ConnectionError, timing: &Timing) -> Ending {
        let now = Timestamp::now();
        self.memories.of(name, |memory| {
            memory.unconnected_since =
                (error.trouble() == Trouble::Missing).then(|| memory.unconnected_since.unwrap_or(now));
            let may_still_come = memory
                .unconnected_since
                .is_some_and(|since| since.duration_until(now).unsigned_abs() < PATIENCE);
            memory.unread_for = Some(error.reason());
            memory.attempts.failed(now);
            Ending::Unread(Unread {
                reason: error.reason(),
                message: with_causes(error),
                passes: may_still_come || error.trouble() == Trouble::Passing,
                is_stale: memory.read.is_some_and(|read| stale_from(timing, read) <= now),
            })
        })
    }
}

/// What is reported of a sync that went to the end, and what people should see of it.
fn synced(converged: Converged, due: Due, duration: Duration) -> (Synced, Notices) {
    let Converged {
        report,
        references,
        created,
        updated,
        disabled,
        deleted,
        ledger,
        failed,
        would_write,
        notices,
        suspects: _,
        held_before: _,
        approved: _,
        was_stopped: _,
        reads_first: _,
        planning: _,
        writing: _,
    } = converged;
    let synced = Synced {
        trigger: due.trigger,
        report,
        references,
        created,
        updated,
        disabled,
        deleted,
        ledger,
        failed,
        would_write,
        is_fresh: due.reads,
        duration,
    };
    (synced, notices)
}
