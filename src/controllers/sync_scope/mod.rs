//! The SyncScope controller: fetch, validate, read, plan and apply, report; a file a step.

mod apply;
mod attempt;
mod deletion;
mod fetch;
mod freshness;
mod keeping;
mod memory;
mod notices;
mod plan;
mod preview;
mod report;
mod schedule;
mod spending;
mod triggers;
mod validate;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt, Stream, StreamExt};
use jiff::Timestamp;
use kube::{ResourceExt, runtime::controller::Action};
use tracing::error;

use self::{
    apply::Turns,
    fetch::{FetchError, fetch},
    memory::Memories,
    report::{Asked, Ending, PATIENCE},
    schedule::{ConnectionNews, Due, Generation, Situation},
    spending::Spending,
    triggers::triggers,
    validate::{ValidateError, Validated, validate},
};
use super::{
    changes::{Change, NamespacedName},
    client::CallError,
    context::Context,
    events::Notices,
    runner,
    status::Written,
};
use crate::{
    api::{SyncScope, annotations},
    causes::with_causes,
    sync::validated::Timing,
};

const KIND: &str = "SyncScope";

/// Why a look at a scope is to be repeated.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot fetch what the scope refers to")]
    Fetch(#[source] FetchError),
    #[error("cannot write the status")]
    WriteStatus(#[source] CallError),
    #[error("cannot write the finalizer")]
    WriteFinalizer(#[source] CallError),
    #[error("cannot tell whether the namespace is being deleted")]
    LookAround(#[source] CallError),
}

/// Runs the controller until the operator stops. Listens to changes from the call on.
pub fn run(context: &Context) -> impl Future<Output = ()> + Send + use<> {
    let memories = Arc::new(Memories::default());
    let controller = Arc::new(Controller {
        context: context.clone(),
        turns: Turns::default(),
        spending: Spending::default(),
        memories: memories.clone(),
    });
    let triggers = triggers(context, memories);
    let forgetting = controller
        .clone()
        .forget_the_deleted(Box::pin(context.changes.subscribe()));
    let scopes = context.configuration.scopes.clone();
    let looking = controller.clone();
    // What was written is in the memories.
    let reconciling = runner::run(KIND, context, scopes, triggers, Written::default(), move |scope| {
        looking.clone().reconcile(scope)
    });
    async move {
        // Whoever plans on half a picture takes numbers for free that aren't.
        tokio::select! {
            () = controller.filled() => {}
            () = controller.context.stop.cancelled() => return,
        }
        // Forgetting has no end of its own.
        tokio::select! {
            () = reconciling => {}
            () = forgetting => {}
        }
    }
}

struct Controller {
    context: Context,
    turns: Turns,
    spending: Spending,
    memories: Arc<Memories>,
}

/// What the first two steps brought.
struct Ready {
    validated: Arc<Validated>,
    /// Of what the scope refers to.
    digest: u64,
}

impl Controller {
    /// Looks at a scope that this operator serves, and again soon while the API server does not take its status: that keeps nobody from being synced.
    async fn reconcile(self: Arc<Self>, scope: Arc<SyncScope>) -> Result<Action, Error> {
        let name = NamespacedName::of(&*scope);
        if !self.context.agent.serves_scope(&self.context.configuration, &scope) {
            self.forget(&name);
            return self.end_with_its_namespace(&name, &scope).await;
        }
        let looked = Box::pin(self.look(&name, &scope)).await;
        let refused = self.memories.of(&name, |memory| memory.refused.take());
        if !self.exists(&name) {
            self.forget(&name);
        }
        let again = looked?;
        refused.map_or(Ok(again), |error| Err(Error::WriteStatus(error)))
    }

    /// 1. fetch what the spec refers to; 2. validate all of it; 3. if a sync is due, read the directory; 4. plan and apply;
    /// 5. report.
    async fn look(&self, name: &NamespacedName, seen: &SyncScope) -> Result<Action, Error> {
        let scope = self.memories.of(name, |memory| memory.newest(seen).clone());
        let scope = self.report_what_is_left(name, scope).await;
        // Whoever deletes a scope wants no more syncs of it, however long somebody's finalizer keeps the object.
        if seen.metadata.deletion_timestamp.is_some() {
            self.rests(name);
            return Box::pin(self.end(name, scope)).await;
        }
        let scope = self.keep_finalizer(name, scope).await?;
        if scope.spec.suspend {
            self.rests(name);
            Box::pin(self.report(scope, Ending::Suspended, Notices::default())).await;
            return Ok(Action::await_change());
        }
        self.show_freshness(name, &scope);
        let ready = match self.prepare(&scope).await? {
            Ok(ready) => ready,
            Err(ending) => {
                let wait = self.not_ready(name, &ending);
                Box::pin(self.report(scope, ending, Notices::default())).await;
                return Ok(wait);
            }
        };
        let Some(due) = self.due(name, &scope, &ready) else {
            return Ok(self.wait(name, &ready.validated.scope.timing));
        };
        let asked = Asked::by(&scope);
        let scope = Box::pin(self.begin(scope, &ready, due)).await;
        let attempt = self.attempt(name, &scope, &ready.validated, due);
        let ended = unless_it_panics(attempt).await;
        let Some((ending, notices)) = ended.unwrap_or_else(|panic| Some(self.crashed(name, &panic))) else {
            return Ok(Action::await_change());
        };
        // What is spent was stored while it synced.
        let scope = self.memories.of(name, |memory| memory.newest(&scope).clone());
        let scope = self.report_to(asked, scope, ending, notices).await;
        self.show_freshness(name, &scope);
        Ok(self.wait(name, &ready.validated.scope.timing))
    }

    /// The first two steps; the ending when there is nothing to sync with.
    async fn prepare(&self, scope: &SyncScope) -> Result<Result<Ready, Ending>, Error> {
        let name = NamespacedName::of(scope);
        let fetched = match fetch(
            &self.context.client,
            &self.context.configuration,
            &self.context.agent,
            scope,
        )
        .await
        {
            Ok(fetched) => {
                self.memories.of(&name, |memory| memory.missing_since = None);
                fetched
            }
            Err(error @ FetchError::FindReferences(_)) => {
                let since = self.missing_since(&name);
                return Ok(Err(Ending::Missing {
                    message: error.to_string(),
                    since,
                }));
            }
            Err(error @ FetchError::GetObject { .. }) => return Err(Error::Fetch(error)),
        };
        Ok(match validate(scope, &fetched) {
            Ok(validated) => Ok(Ready {
                validated: Arc::new(validated),
                digest: fetched.digest(),
            }),
            Err(error @ (ValidateError::ParseScope(_) | ValidateError::ChooseRule { .. })) => Err(Ending::Invalid {
                message: with_causes(&error),
            }),
            Err(error @ ValidateError::ParseSystem { .. }) => Err(Ending::NotReady {
                message: with_causes(&error),
            }),
        })
    }

    fn due(&self, name: &NamespacedName, scope: &SyncScope, ready: &Ready) -> Option<Due> {
        let requested = scope.annotations().get(annotations::REQUESTED_AT);
        let approval = scope.annotations().get(annotations::APPROVE);
        let Validated {
            directory, attributes, ..
        } = &*ready.validated;
        let is_read = self.context.connections.latest(directory, attributes).is_some();
        self.memories.of(name, |memory| {
            let situation = Situation {
                generation: generation(scope),
                references: ready.digest,
                requested: requested.is_some() && requested != memory.handled(scope),
                connection: match (memory.attempts.failures, is_read) {
                    (0, false) => ConnectionNews::Changed,
                    _ if memory.has_news_of_its_directory() => ConnectionNews::Moved,
                    _ => ConnectionNews::None,
                },
                approved: is_approved(scope) && approval != memory.approval.as_ref(),
                objects_changed: memory.objects_changed,
            };
            memory
                .attempts
                .due(&situation, &ready.validated.scope.timing, Timestamp::now())
        })
    }

    /// Notes what is attempted. A generation that was not seen before is greeted in the status: a sync can take a while.
    async fn begin(&self, scope: SyncScope, ready: &Ready, due: Due) -> SyncScope {
        self.memories.of(&NamespacedName::of(&scope), |memory| {
            memory.objects_changed = false;
            memory.reconnected = false;
            memory.unconnected_for = None;
            memory.attempts.generation = generation(&scope);
            memory.attempts.references = Some(ready.digest);
            if due.reads {
                memory.attempts.began = Some(Timestamp::now());
                memory.attempts.confirm_at = None;
                memory.approval = scope.annotations().get(annotations::APPROVE).cloned();
            }
        });
        if scope.status.as_ref().and_then(|status| status.observed_generation) == scope.metadata.generation {
            return scope;
        }
        Box::pin(self.report(scope, Ending::Begun, Notices::default())).await
    }

    /// Since when something is missing: now, if it wasn't before.
    fn missing_since(&self, name: &NamespacedName) -> Timestamp {
        self.memories
            .of(name, |memory| *memory.missing_since.get_or_insert_with(Timestamp::now))
    }

    /// Notes that nothing could be synced, so that a sync is due as soon as one can; says when to look again.
    fn not_ready(&self, name: &NamespacedName, ending: &Ending) -> Action {
        self.memories.of(name, |memory| memory.attempts.references = None);
        match ending {
            Ending::Missing { since, .. } if since.duration_until(Timestamp::now()).unsigned_abs() < PATIENCE => {
                Action::requeue(PATIENCE.saturating_sub(since.duration_until(Timestamp::now()).unsigned_abs()))
            }
            _ => Action::await_change(),
        }
    }

    fn wait(&self, name: &NamespacedName, timing: &Timing) -> Action {
        let now = Timestamp::now();
        let next = self.memories.of(name, |memory| memory.attempts.next(timing, now));
        Action::requeue(Duration::try_from(now.duration_until(next)).unwrap_or_default())
    }

    /// An attempt that panicked has failed like any other, and is tried again like any other.
    fn crashed(&self, name: &NamespacedName, panic: &str) -> (Ending, Notices) {
        error!(panic, "the sync panicked");
        self.memories
            .of(name, |memory| memory.attempts.failed(Timestamp::now()));
        let message = format!("adsync has a bug: {panic}");
        (Ending::Crashed { message }, Notices::default())
    }

    async fn filled(&self) {
        self.context.configuration.filled().await;
        self.context.objects.filled().await;
    }

    async fn forget_the_deleted(self: Arc<Self>, mut heard: impl Stream<Item = Change> + Send + Unpin) {
        while let Some(change) = heard.next().await {
            if let Change::Scope(name) = change
                && !self.exists(&name)
            {
                self.forget(&name);
            }
        }
    }

    fn exists(&self, name: &NamespacedName) -> bool {
        self.context.configuration.scopes.get(&name.reference()).is_some()
    }

    /// What a look at a scope leaves behind; also after one that was under way when the scope went.
    fn forget(&self, name: &NamespacedName) {
        self.memories.forget(name);
        self.context.connections.forget_scope(&name.namespace, &name.name);
        self.context.metrics.forget_scope(&name.namespace, &name.name);
    }
}

/// What the future gives, or what its panic said.
async fn unless_it_panics<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let outcome = AssertUnwindSafe(future).catch_unwind().await;
    outcome.map_err(|panic| runner::panic_message(&*panic))
}

/// Whether somebody has something to say about what is held now: a wrong digest is answered, too.
fn is_approved(scope: &SyncScope) -> bool {
    let has_approval = scope.annotations().contains_key(annotations::APPROVE);
    let mut held = scope.status.iter().flat_map(|status| &status.held);
    has_approval && held.any(|held| held.approved.is_none())
}

/// Which spec it is. The next object of the same name begins to count anew.
fn generation(scope: &SyncScope) -> Generation {
    Generation {
        uid: scope.uid(),
        number: scope.metadata.generation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_an_attempt_with_what_it_said() {
        assert_eq!(unless_it_panics(async { 7 }).await, Ok(7));
        let nothing: &[u8] = &[];
        let panic = unless_it_panics(async { nothing[nothing.len()] }).await.unwrap_err();
        assert!(panic.contains("out of bounds"), "{panic}");
    }
}
