//! The end of a scope: with `deletionPolicy: Delete` it takes along what it made, within its limit, after one complete read of the
//! directory; else, or when none comes in time, it leaves everything as it is. I/O; whom it takes along is decided by the core.

mod finalizer;
mod surroundings;

use std::{
    fmt::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use kube::{Api, Resource, runtime::controller::Action};
use tracing::{info, warn};

use super::{
    Controller, Error, Ready, keeping::Permission, plan::end, report::Ending as Reported, schedule::Due,
    validate::Validated,
};
use crate::{
    api::{
        SyncScope, event_reasons,
        sync_scope::{DeletionPolicy, Mode, Trigger},
    },
    causes::with_causes,
    controllers::{
        apply::{Applied, Cause, Fate, Writer},
        changes::NamespacedName,
        connections::ConnectionError,
        events::{self, Notice},
    },
    directory::Snapshot,
    sync::ending::{Ending, Farewell},
};

/// From one try to the next.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// Plans in a row that others were faster than.
const ROUNDS: usize = 8;
/// A scope that is renamed in Git is deleted and created, and nothing says in which order.
const AWAITS_ANOTHER: &str = "another scope that selects the same people may come, and takes them over as they are";

/// What became of an end.
enum Outcome {
    /// Nothing is to be said: the scope may go.
    Silent,
    /// It is not known yet what to do, for this reason.
    Wait(String),
    /// For so long another scope may still come that selects the same people.
    WaitForRename(Duration),
    /// Everything stays as it is, for this reason.
    Retained(String),
    /// It took along what it had made: in words.
    Removed(String),
    /// The operator stops.
    Stopped,
}

impl Controller {
    /// Puts the finalizer on, or takes it off, when the spec says otherwise than the object.
    pub(super) async fn keep_finalizer(&self, name: &NamespacedName, scope: SyncScope) -> Result<SyncScope, Error> {
        let wanted = finalizer::is_wanted(&scope);
        if finalizer::is_on(&scope) == wanted {
            return Ok(scope);
        }
        let written = self.set_finalizer(name, &scope, wanted).await?;
        Ok(written.unwrap_or(scope))
    }

    /// A scope that another operator serves, which may have gone for good, holds up no namespace that is being deleted.
    pub(super) async fn end_with_its_namespace(
        &self,
        name: &NamespacedName,
        scope: &SyncScope,
    ) -> Result<Action, Error> {
        let is_ending = scope.metadata.deletion_timestamp.is_some() && finalizer::is_on(scope);
        if !is_ending || !self.context.agent.is_unnamed() {
            return Ok(Action::await_change());
        }
        let are_going = surroundings::are_going(&self.context.client, &name.namespace).await;
        if are_going.map_err(Error::LookAround)? {
            self.set_finalizer(name, scope, false).await?;
            return Ok(Action::await_change());
        }
        Ok(Action::requeue(Duration::from_mins(1)))
    }

    /// What a scope does whose deletion somebody wants.
    pub(super) async fn end(&self, name: &NamespacedName, scope: SyncScope) -> Result<Action, Error> {
        if !finalizer::is_on(&scope) {
            return Ok(Action::await_change());
        }
        // Not since the deletion's own time, which is another machine's.
        let since = self
            .memories
            .of(name, |memory| *memory.ends_since.get_or_insert_with(Instant::now));
        let waited = since.elapsed();
        let left = self.context.wait_for_end.saturating_sub(waited);
        let notice = match self.bring_to_an_end(name, &scope, waited).await? {
            Outcome::Stopped => return Ok(Action::await_change()),
            Outcome::WaitForRename(left) => {
                self.tell_of_waiting(name, &scope, false, AWAITS_ANOTHER).await;
                return Ok(Action::requeue(left));
            }
            Outcome::Wait(why) if !left.is_zero() => {
                self.tell_of_waiting(name, &scope, true, &why).await;
                return Ok(Action::requeue(TRY_AGAIN.min(left)));
            }
            Outcome::Wait(why) | Outcome::Retained(why) => Some((
                true,
                event_reasons::RETAINED,
                format!("everything stays as it is: {why}"),
            )),
            Outcome::Removed(what) => Some((false, event_reasons::REMOVED, what)),
            Outcome::Silent => None,
        };
        if let Some((warning, reason, note)) = notice {
            info!(reason, note, "the scope ends");
            self.tell(&scope, warning, reason, note).await;
        }
        self.set_finalizer(name, &scope, false).await?;
        Ok(Action::await_change())
    }

    async fn bring_to_an_end(
        &self,
        name: &NamespacedName,
        scope: &SyncScope,
        waited: Duration,
    ) -> Result<Outcome, Error> {
        if scope.spec.deletion_policy != DeletionPolicy::Delete {
            return Ok(Outcome::Silent);
        }
        let are_going = surroundings::are_going(&self.context.client, &name.namespace).await;
        if are_going.map_err(Error::LookAround)? {
            info!("the namespace or the kind is being deleted: nothing is removed");
            return Ok(Outcome::Silent);
        }
        if scope.spec.suspend {
            return Ok(Outcome::Retained("the scope is suspended".to_owned()));
        }
        if scope.spec.mode == Mode::Plan {
            return Ok(Outcome::Retained("mode is Plan".to_owned()));
        }
        let left = self.context.wait_for_rename.saturating_sub(waited);
        if !left.is_zero() {
            return Ok(Outcome::WaitForRename(left));
        }
        let validated = match self.prepare(scope).await? {
            Ok(Ready { validated, .. }) => validated,
            Err(ending) => return Ok(Outcome::Wait(words(&ending))),
        };
        let due = Due {
            trigger: Trigger::SpecChanged,
            reads: true,
        };
        match self.read(&validated, due).await {
            Ok((snapshot, _)) => Ok(Box::pin(self.take_along(name, scope, &validated, snapshot)).await),
            Err(ConnectionError::Stop) => Ok(Outcome::Stopped),
            Err(error) => Ok(Outcome::Wait(with_causes(&error))),
        }
    }

    /// Removes what the scope made, and no other scope takes.
    async fn take_along(
        &self,
        name: &NamespacedName,
        scope: &SyncScope,
        validated: &Arc<Validated>,
        snapshot: Arc<Snapshot>,
    ) -> Outcome {
        let system = name.beside(&validated.scope.phone_system);
        let _turn = self.turns.take(&system).await;
        let context = &self.context;
        let mut keeper = self.keeper(name, scope.clone(), true);
        let mut prepared = self.prepared(&keeper, validated, snapshot);
        let mut writer = Writer::new(
            &context.client,
            &context.objects,
            &context.metrics,
            &context.stop,
            &system,
            &name.name,
        )
        .only_while(keeper.is_wanted());
        writer.because(Cause {
            trigger: Some(Trigger::SpecChanged),
            approved: None,
        });
        let mut removed = 0;
        for _ in 0..ROUNDS {
            prepared.past = Arc::new(keeper.kept());
            let farewell = match end(context, &system, &prepared).await {
                None => return Outcome::Stopped,
                Some(Ending::Wait(why)) => return Outcome::Wait(why),
                Some(Ending::Retain(count)) => return Outcome::Retained(over_the_limit(count)),
                Some(Ending::Delete(farewell)) => farewell,
            };
            match keeper.enter(&farewell.ledger, &prepared.past).await {
                Permission::Granted => {}
                Permission::PlanAgain => continue,
                Permission::Superseded => return Outcome::Stopped,
                Permission::Refused | Permission::ReadFirst => {
                    return Outcome::Wait("what it removes could not be stored".to_owned());
                }
            }
            let applied = writer.apply(&farewell.plan).await;
            removed += removed_by(&applied);
            if !writer.may_write() {
                return Outcome::Stopped;
            }
            if let Some(why) = applied.fates().find_map(failure) {
                return Outcome::Wait(why.to_owned());
            }
            if !applied.lost_any() {
                context.metrics.removed(&name.namespace, &name.name, 0, removed);
                return Outcome::Removed(in_words(removed, &farewell));
            }
        }
        Outcome::Wait("others keep changing what it removes".to_owned())
    }

    async fn set_finalizer(
        &self,
        name: &NamespacedName,
        scope: &SyncScope,
        on: bool,
    ) -> Result<Option<SyncScope>, Error> {
        let api: Api<SyncScope> = Api::namespaced(self.context.client.clone(), &name.namespace);
        let written = finalizer::set(&api, scope, on).await.map_err(Error::WriteFinalizer)?;
        if let Some(written) = &written {
            self.memories.of(name, |memory| memory.written = Some(written.clone()));
        }
        Ok(written)
    }

    /// Once for each reason: it is tried again every few seconds.
    async fn tell_of_waiting(&self, name: &NamespacedName, scope: &SyncScope, warning: bool, why: &str) {
        let is_news = self.memories.of(name, |memory| {
            let is_news = memory.waits_for.as_deref() != Some(why);
            memory.waits_for = Some(why.to_owned());
            is_news
        });
        if is_news {
            if warning {
                warn!(why, "a deleted scope waits before it removes what it made");
            } else {
                info!(why, "a deleted scope waits before it removes what it made");
            }
            let note = format!("before anything is removed: {why}");
            self.tell(scope, warning, event_reasons::WAITING, note).await;
        }
    }

    async fn tell(&self, scope: &SyncScope, warning: bool, reason: &str, note: String) {
        let notice = Notice {
            warning,
            reason: reason.to_owned(),
            note,
            about: None,
        };
        events::publish(&self.context.client, &scope.object_ref(&()), "Delete", vec![notice]).await;
    }
}

/// Why nothing can be read.
fn words(ending: &Reported) -> String {
    match ending {
        Reported::Missing { message, .. } | Reported::NotReady { message } | Reported::Invalid { message } => {
            message.clone()
        }
        _ => "the scope is not ready".to_owned(),
    }
}

fn failure(fate: &Fate) -> Option<&str> {
    match fate {
        Fate::Failed(reason) => Some(reason),
        _ => None,
    }
}

fn removed_by(applied: &Applied) -> i64 {
    let deleted = applied.deletions.iter();
    let deleted = deleted.filter(|fate| matches!(fate, Fate::Deleted | Fate::Going));
    let let_go = applied.users.iter().filter(|fate| **fate == Fate::Updated);
    i64::try_from(deleted.count() + let_go.count()).unwrap_or(i64::MAX)
}

fn over_the_limit(count: usize) -> String {
    format!(
        "{count} users and ring groups are more than the limit allows; a scope that selects the same people takes them over, or raise \
         spec.removal.limit (and removalLimit of the ActiveDirectoryConfig) before you delete the scope"
    )
}

fn in_words(removed: i64, farewell: &Farewell) -> String {
    let mut words = format!("{removed} users and ring groups were deleted or let go of");
    if farewell.goes_over > 0 {
        let _ = write!(words, ", {} go over to other scopes", farewell.goes_over);
    }
    if farewell.stays > 0 {
        let _ = write!(
            words,
            ", {} stay: they are unlinked, protected or unreadable",
            farewell.stays
        );
    }
    words
}
