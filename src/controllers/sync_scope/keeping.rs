//! What a scope keeps between its syncs: read from its status for each plan, and stored before anything is removed. I/O; what is
//! spent and held is decided by the core.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use kube::{Api, ResourceExt};
use tracing::warn;

use super::{
    memory::Memories,
    plan::Kept,
    schedule::Generation,
    spending::{Other, Spender, Spending, limit},
};
use crate::{
    api::{SyncScope, SyncScopeStatus, annotations, sync_scope::SyncScopeSpec},
    causes::with_causes,
    controllers::{
        changes::NamespacedName,
        client::{CallError, call},
        configuration::in_namespace,
        context::Context,
        status,
    },
    sync::{Outcome, guard::Ledger, past::DirectoryBudget},
};

/// Keeps what the syncs of one scope spend and hold.
pub(super) struct Keeper<'a> {
    pub context: &'a Context,
    pub memories: &'a Memories,
    pub spending: &'a Spending,
    pub name: &'a NamespacedName,
    /// The scope as it was last read or written.
    pub scope: SyncScope,
    /// The spec that the sync is of.
    pub generation: Generation,
    /// The scope is about to go, and this is what it does at its end.
    pub ends: bool,
}

/// Whether a plan may be carried out.
#[derive(Debug)]
pub(super) enum Permission {
    /// It may.
    Granted,
    /// Something that it rests on is another by now: plan again.
    PlanAgain,
    /// It takes somebody away on what was read before: read the directory first.
    ReadFirst,
    /// The scope is gone, or has another spec: the next sync is about that one.
    Superseded,
    /// What it spends could not be stored.
    Refused,
}

impl Keeper<'_> {
    /// What earlier syncs left, as it is known now.
    pub(super) fn kept(&self) -> Kept {
        let status = self.scope.status.clone().unwrap_or_default();
        let is_open = status.held.iter().any(|held| held.digest.is_empty());
        let uid = self.scope.uid().unwrap_or_default();
        let spender = self.spender(&uid);
        let budget = self.spending.by_itself(&self.directory(), spender, status.budget);
        Kept {
            has_synced: status.users.is_some(),
            is_respecified: is_open || status.observed_generation != self.scope.metadata.generation,
            held: status.held,
            budget,
            entered: self.memories.of(self.name, |memory| memory.entered.clone()),
            approval: self.scope.annotations().get(annotations::APPROVE).cloned(),
            suspects: self.memories.of(self.name, |memory| memory.suspects.clone()),
            confirm_after: self.context.confirm_after,
            directory: self.directory_budget(),
            uid,
        }
    }

    /// What is stored.
    pub(super) fn ledger(&self) -> Ledger {
        let status = self.scope.status.clone().unwrap_or_default();
        Ledger {
            held: status.held,
            budget: status.budget,
            entered: Vec::new(),
        }
    }

    /// Whether the scope is still there, with the spec that the sync is of: whoever suspends, deletes or corrects it means at once.
    pub(super) fn is_wanted(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let (scopes, reference) = (self.context.configuration.scopes.clone(), self.name.reference());
        let (generation, ends) = (self.generation.clone(), self.ends);
        move || {
            let now = scopes.get(&reference);
            now.is_some_and(|scope| super::generation(&scope) == generation && is_going(&scope) == ends)
        }
    }

    /// What is to be stored before a plan is carried out, is stored.
    pub(super) async fn permit(&mut self, outcome: &Outcome, past: &Kept, is_fresh: bool) -> Permission {
        let status = self.scope.status.clone().unwrap_or_default();
        let permits_more = permits_more(&status, &outcome.ledger);
        if !permits_more && !outcome.plan.removes() {
            return Permission::Granted;
        }
        if !is_fresh {
            return Permission::ReadFirst;
        }
        self.enter(&outcome.ledger, past).await
    }

    /// Enters into the books what is about to be spent.
    pub(super) async fn enter(&mut self, ledger: &Ledger, past: &Kept) -> Permission {
        let status = self.scope.status.clone().unwrap_or_default();
        if !permits_more(&status, ledger) {
            return Permission::Granted;
        }
        let (directory, others) = (self.directory(), self.others());
        let budget = &ledger.budget;
        let now = Timestamp::now();
        if !self.spending.reserve(
            &directory,
            self.spender(&past.uid),
            &others,
            past.directory,
            now,
            budget,
        ) {
            return Permission::PlanAgain;
        }
        self.store(&status, ledger).await
    }

    async fn store(&mut self, before: &SyncScopeStatus, ledger: &Ledger) -> Permission {
        let after = with_ledger(before, ledger);
        let api: Api<SyncScope> = Api::namespaced(self.context.client.clone(), &self.name.namespace);
        match status::write_unchanged(&api, &self.scope, &after).await {
            Ok(written) => {
                self.memories.of(self.name, |memory| {
                    memory.written = Some(written.clone());
                    memory.enter(&ledger.entered, Timestamp::now());
                });
                self.scope = written;
                Permission::Granted
            }
            Err(error) if matches!(error.code(), Some(404 | 409)) => self.read_again(&api).await,
            Err(error) => refuse(&error),
        }
    }

    /// The scope has changed: its annotations, or its status by another process, or all of it.
    async fn read_again(&mut self, api: &Api<SyncScope>) -> Permission {
        match call(api.get_opt(&self.name.name)).await {
            Ok(Some(scope)) if super::generation(&scope) == self.generation && is_going(&scope) == self.ends => {
                self.scope = scope;
                Permission::PlanAgain
            }
            Ok(_) => Permission::Superseded,
            Err(error) => refuse(&error),
        }
    }

    fn spender<'s>(&'s self, uid: &'s str) -> Spender<'s> {
        let name = &self.name.name;
        Spender { name, uid }
    }

    fn directory(&self) -> NamespacedName {
        let SyncScopeSpec { directory_ref, .. } = &self.scope.spec;
        self.name.beside(&directory_ref.name)
    }

    fn directory_budget(&self) -> DirectoryBudget {
        let directory = self.directory();
        let config = self.context.configuration.directories.get(&directory.reference());
        let limit = config.map(|config| limit(&config)).unwrap_or_default();
        self.spending
            .by_others(&directory, &self.name.name, &self.others(), limit, Timestamp::now())
    }

    /// The other scopes on the directory.
    fn others(&self) -> Vec<Other> {
        let all: Vec<Arc<SyncScope>> = in_namespace(&self.context.configuration.scopes, &self.name.namespace);
        all.iter()
            .filter(|other| other.spec.directory_ref == self.scope.spec.directory_ref)
            .filter(|other| other.name_any() != self.name.name)
            .map(|other| Other::of(other))
            .collect()
    }
}

fn refuse(error: &CallError) -> Permission {
    let error = with_causes(error);
    warn!(error, "what is spent could not be stored, so nothing is written");
    Permission::Refused
}

fn is_going(scope: &SyncScope) -> bool {
    scope.metadata.deletion_timestamp.is_some()
}

/// Whether a ledger lets through what the status knows nothing of: more is spent, or somebody approved.
fn permits_more(status: &SyncScopeStatus, ledger: &Ledger) -> bool {
    let spends = ledger.budget.iter().any(|entry| !status.budget.contains(entry));
    let approved = ledger.held.iter().filter(|held| held.approved.is_some());
    spends || approved.clone().any(|held| !status.held.contains(held))
}

/// A status with what is spent and held.
fn with_ledger(status: &SyncScopeStatus, ledger: &Ledger) -> SyncScopeStatus {
    SyncScopeStatus {
        held: ledger.held.clone(),
        budget: ledger.budget.clone(),
        ..status.clone()
    }
}

/// When the directory is to be read again, so that an absence that nothing proves but that it lasts is confirmed.
pub(super) fn confirm_at<K>(
    suspects: &BTreeMap<K, Timestamp>,
    confirm_after: SignedDuration,
    read: Timestamp,
) -> Option<Timestamp> {
    let due = suspects
        .values()
        .filter_map(|since| since.checked_add(confirm_after).ok());
    // What has lasted so long already is settled, and stays remembered: nobody is asked for in circles.
    due.filter(|due| *due > read).min()
}
