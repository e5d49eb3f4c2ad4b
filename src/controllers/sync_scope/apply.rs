//! Fourth step: plan, write, and plan again while others were faster. I/O; what to write is decided by the core.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::debug;

use super::{
    keeping::{Keeper, Permission},
    notices,
    plan::{Prepared, plan},
    preview,
};
use crate::{
    api::sync_scope::{Held, HeldType, Mode, ResolvedReference, Trigger},
    controllers::{
        apply::{Applied, Cause, Fate, Writer},
        changes::NamespacedName,
        context::Context,
        events::Notices,
    },
    sync::{
        Outcome,
        guard::Ledger,
        past::Suspect,
        plan::{Plan, UserChange},
        report::Report,
    },
};

/// Plans that others were faster than. Each round somebody wins, so that more are needed only under siege.
const LOST_ROUNDS: usize = 8;
/// Plans of one sync. Numbers that move in a circle take two or three; each must get further than the one before.
const ROUNDS: usize = 64;

/// Two scopes of a process never number from one phone system at the same time: the second would only lose its claims. Two
/// processes may; then the API server says who was first.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<BTreeMap<NamespacedName, Arc<tokio::sync::Mutex<()>>>>>);

impl Turns {
    pub(super) async fn take(&self, system: &NamespacedName) -> tokio::sync::OwnedMutexGuard<()> {
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

/// Why a sync runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// Why.
    pub trigger: Trigger,
    /// The directory was read for it.
    pub is_fresh: bool,
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
    /// Those who seem to be gone.
    pub suspects: BTreeMap<Suspect, Timestamp>,
    /// What is spent and held.
    pub ledger: Ledger,
    /// What was held before.
    pub held_before: Vec<Held>,
    /// Batches that somebody approved.
    pub approved: Vec<Held>,
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
    /// It would take somebody away, and the directory was not read for it.
    pub reads_first: bool,
    /// How long it thought, in all rounds.
    pub planning: Duration,
    /// How long it wrote, in all rounds.
    pub writing: Duration,
}

/// Makes the phone system what the scope says.
pub(super) async fn converge(
    turns: &Turns,
    keeper: &mut Keeper<'_>,
    system: &NamespacedName,
    prepared: &mut Prepared,
    work: Work,
) -> Converged {
    let _turn = turns.take(system).await;
    let context = keeper.context;
    let mut converged = Converged::default();
    let scope = keeper.name.name.as_str();
    let mut writer = Writer::new(
        &context.client,
        &context.objects,
        &context.metrics,
        &context.stop,
        system,
        scope,
    )
    .only_while(keeper.is_wanted());
    let mut lost = 0;
    converged.held_before = keeper.ledger().held;
    for _ in 0..ROUNDS {
        let past = Arc::new(keeper.kept());
        prepared.past = past.clone();
        let Some(outcome) = converged.plan(context, system, prepared).await else {
            return converged;
        };
        match keeper.permit(&outcome, &past, work.is_fresh).await {
            Permission::Granted => {}
            Permission::PlanAgain => continue,
            Permission::ReadFirst => {
                converged.reads_first = true;
                return converged;
            }
            Permission::Superseded => {
                converged.was_stopped = true;
                return converged;
            }
            Permission::Refused => break,
        }
        converged.ledger = outcome.ledger;
        converged.note_approvals();
        let plan = outcome.plan;
        if plan.is_empty() {
            return converged;
        }
        writer.because(Cause {
            trigger: Some(work.trigger),
            approved: approved(&converged.ledger),
        });
        let clock = Instant::now();
        let applied = writer.apply(&plan).await;
        converged.writing += clock.elapsed();
        converged.count(&plan, &applied);
        lost += usize::from(applied.lost_any());
        let may_write = writer.may_write();
        converged.was_stopped = !may_write && leaves_work(&applied);
        let goes_on = applied.lost_any() && lost < LOST_ROUNDS || outcome.continues && applied.wrote_any();
        if !goes_on || !may_write {
            converged.take_back(&plan, &applied);
            return converged;
        }
        let (namespace, system) = (&system.namespace, &system.name);
        debug!(namespace, system, scope, lost, "there is more to do, planning again");
    }
    // Nothing says what is left; the next try finds out.
    converged.ledger = keeper.ledger();
    converged.failed = converged.failed.max(1);
    converged
}

/// The digest of the removals that somebody approved.
fn approved(ledger: &Ledger) -> Option<String> {
    let mut approved = ledger.held.iter().filter(|held| held.kind == HeldType::Removals);
    approved.find_map(|held| Some(held.approved.as_ref()?.digest.clone()))
}

impl Converged {
    /// Plans, and keeps what was found. `None`: nothing is to be written.
    async fn plan(&mut self, context: &Context, system: &NamespacedName, prepared: &Prepared) -> Option<Outcome> {
        let clock = Instant::now();
        let outcome = plan(context, system, prepared).await;
        self.planning += clock.elapsed();
        let Some(outcome) = outcome else {
            self.was_stopped = true;
            return None;
        };
        self.report.clone_from(&outcome.report);
        self.references.clone_from(&outcome.references);
        self.suspects.clone_from(&outcome.suspects);
        if prepared.validated.scope.mode == Mode::Plan {
            self.would_write = Some(preview::in_words(&outcome.plan, &outcome.ledger));
            self.ledger = Ledger {
                held: prepared.past.held.clone(),
                budget: prepared.past.budget.clone(),
                entered: Vec::new(),
            };
            return None;
        }
        Some(outcome)
    }

    fn note_approvals(&mut self) {
        for held in self.ledger.held.iter().filter(|held| held.approved.is_some()) {
            if !self.approved.contains(held) {
                self.approved.push(held.clone());
            }
        }
    }

    /// Counts what one plan came to.
    fn count(&mut self, plan: &Plan, applied: &Applied) {
        let users = plan.users.iter().zip(&applied.users);
        let removed = |is_removed: fn(&UserChange) -> bool| {
            let written = users.clone().filter(|(_, fate)| **fate == Fate::Updated);
            count(written.filter(|(change, _)| is_removed(change)))
        };
        let (disabled, given_up) = (removed(UserChange::disables), removed(UserChange::gives_up));
        self.disabled += disabled;
        self.deleted += given_up;
        self.updated -= disabled + given_up;
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
            deletions,
            frees: _,
        } = plan;
        self.report.writes_failed(failed(users, &applied.users));
        self.report.writes_failed(failed(ring_groups, &applied.ring_groups));
        self.report.deletions_failed(failed(deletions, &applied.deletions));
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
