//! Fourth step: plan, write, and plan again while others were faster. I/O; what to write is decided by the core.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::debug;

use super::{
    notices,
    plan::{Prepared, plan},
};
use crate::{
    api::sync_scope::{Mode, ResolvedReference},
    controllers::{
        apply::{Applied, Fate, Writer},
        changes::NamespacedName,
        context::Context,
        events::Notices,
    },
    sync::{
        Outcome,
        plan::{Plan, UserChange},
        report::Report,
    },
};

/// Plans in a row that others were faster than. Each round somebody wins, so that more are needed only under siege.
const ROUNDS: usize = 8;

/// Two scopes of a process never number from one phone system at the same time: the second would only lose its claims. Two
/// processes may; then the API server says who was first.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<BTreeMap<NamespacedName, Arc<tokio::sync::Mutex<()>>>>>);

impl Turns {
    async fn take(&self, system: &NamespacedName) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(system.clone())
            .or_default()
            .clone();
        turn.lock_owned().await
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Converged {
    /// What was found, less what could not be written.
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
    /// Writes that failed.
    pub failed: i64,
    /// What would have been written, with `mode: Plan`.
    pub would_write: Option<String>,
    /// What people should see of it.
    pub notices: Notices,
    /// It was stopped half-way; the rest is for the next one.
    pub was_stopped: bool,
    /// How long it thought, in all rounds.
    pub planning: Duration,
    /// How long it wrote, in all rounds.
    pub writing: Duration,
}

/// Makes the phone system what the scope says.
pub(super) async fn converge(
    context: &Context,
    turns: &Turns,
    system: &NamespacedName,
    prepared: &Prepared,
) -> Converged {
    let _turn = turns.take(system).await;
    let scope = prepared.validated.scope.name.to_string();
    let Context {
        client,
        objects,
        metrics,
        stop,
        ..
    } = context;
    let mut writer = Writer::new(client, objects, metrics, stop, system, &scope);
    let mut converged = Converged::default();
    for round in 0..ROUNDS {
        let Some(plan) = converged.plan(context, system, prepared).await else {
            break;
        };
        let clock = Instant::now();
        let applied = writer.apply(&plan).await;
        converged.writing += clock.elapsed();
        converged.count(&plan, &applied);
        let is_last = round + 1 == ROUNDS;
        let is_stopping = stop.is_cancelled();
        converged.was_stopped = is_stopping && leaves_work(&applied);
        if !applied.lost_any() || is_last || is_stopping {
            converged.take_back(&plan, &applied);
            break;
        }
        debug!(
            namespace = system.namespace,
            system = system.name,
            scope,
            round,
            "others were faster, planning again"
        );
    }
    converged
}

impl Converged {
    /// Plans, and keeps what was found. `None`: nothing is to be written.
    async fn plan(&mut self, context: &Context, system: &NamespacedName, prepared: &Prepared) -> Option<Plan> {
        let clock = Instant::now();
        let outcome = plan(context, system, prepared).await;
        self.planning += clock.elapsed();
        let Some(outcome) = outcome else {
            self.was_stopped = true;
            return None;
        };
        let Outcome {
            plan,
            report,
            references,
            ..
        } = outcome;
        (self.report, self.references) = (report, references);
        if prepared.validated.scope.mode == Mode::Plan {
            self.would_write = Some(in_words(&plan));
            return None;
        }
        (!plan.is_empty()).then_some(plan)
    }

    /// Counts what one plan came to.
    fn count(&mut self, plan: &Plan, applied: &Applied) {
        let users = plan.users.iter().zip(&applied.users);
        let removed = |what: fn(&UserChange) -> bool| {
            let removed = users
                .clone()
                .filter(|(change, fate)| **fate == Fate::Updated && what(change));
            count(removed)
        };
        let (disabled, let_go) = (removed(UserChange::disables), removed(UserChange::lets_go));
        self.disabled += disabled;
        self.deleted += let_go;
        self.updated -= disabled + let_go;
        for fate in applied.fates() {
            match fate {
                Fate::Created => self.created += 1,
                Fate::Updated => self.updated += 1,
                Fate::Lost | Fate::Skipped | Fate::Failed(_) | Fate::Deleted | Fate::Going => {}
            }
        }
        let gone = applied.deletions.iter();
        self.deleted += count(gone.filter(|fate| matches!(fate, Fate::Deleted | Fate::Going)));
        notices::of_plan(&mut self.notices, plan, applied);
    }

    /// Takes out of the report what the last plan could not do.
    fn take_back(&mut self, plan: &Plan, applied: &Applied) {
        let Plan {
            claims: _,
            users,
            ring_groups,
            deletions: _,
            frees: _,
        } = plan;
        self.report.writes_failed(failed(users, &applied.users));
        self.report.writes_failed(failed(ring_groups, &applied.ring_groups));
        self.failed = count(applied.fates().filter(|fate| fate.why_not().is_some()));
    }
}

/// Whether something was not even tried. What stopped after the last write has a whole sync to report.
fn leaves_work(applied: &Applied) -> bool {
    applied.fates().any(|fate| *fate == Fate::Skipped)
}

/// The changes that were not written, each with the reason.
fn failed<'a, C>(changes: &'a [C], fates: &'a [Fate]) -> impl Iterator<Item = (&'a C, &'a str)> {
    let fates = changes.iter().zip(fates);
    fates.filter_map(|(change, fate)| Some((change, fate.why_not()?)))
}

fn count<T>(all: impl Iterator<Item = T>) -> i64 {
    i64::try_from(all.count()).unwrap_or(i64::MAX)
}

fn in_words(
    Plan {
        claims,
        users,
        ring_groups,
        deletions: _,
        frees: _,
    }: &Plan,
) -> String {
    format!(
        "{}, {} and {}",
        counted(claims.len(), "number"),
        counted(users.len(), "user"),
        counted(ring_groups.len(), "ring group")
    )
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_after_the_last_write_leaves_no_work() {
        let applied = |users| Applied {
            users,
            ..Applied::default()
        };
        assert!(!leaves_work(&applied(vec![Fate::Created, Fate::Failed(String::new())])));
        assert!(leaves_work(&applied(vec![Fate::Created, Fate::Skipped])));
    }
}
