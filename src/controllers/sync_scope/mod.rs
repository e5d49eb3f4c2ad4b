//! The SyncScope controller: fetch, validate, read, plan and apply, report; a file a step.

pub mod apply;
mod fetch;
mod memory;
mod notices;
pub mod report;
pub mod schedule;
mod triggers;
pub mod validate;

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt};
use jiff::Timestamp;
use kube::{Api, Resource, ResourceExt, runtime::controller::Action};
use tokio::time::Instant;
use tracing::info;

use self::{
    apply::{Converged, Prepared, Workplace, converge},
    fetch::{FetchError, fetch},
    memory::Memories,
    report::{Ending, Facts, PATIENCE, Synced, Unread},
    schedule::{Situation, stale_from},
    triggers::triggers,
    validate::{ValidateError, Validated, validate},
};
use super::{
    changes::{Change, NamespacedName},
    client::CallError,
    connections::{ConnectionError, Trouble},
    context::Context,
    events::{self, Notices},
    runner, status,
};
use crate::{
    api::{SyncScope, SyncScopeStatus, annotations, sync_scope::Trigger},
    causes::with_causes,
    directory::Snapshot,
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
}

/// Runs the controller until the operator stops. Listens to changes from the call on.
pub fn run(context: &Context) -> impl Future<Output = ()> + Send + use<> {
    let memories = Arc::new(Memories::default());
    let workplace = Workplace::new(context);
    let controller = Arc::new(Controller {
        context: context.clone(),
        workplace,
        memories: memories.clone(),
    });
    let triggers = triggers(context, memories);
    let forgetting = controller
        .clone()
        .forget_the_deleted(Box::pin(context.changes.subscribe()));
    let scopes = context.configuration.scopes.clone();
    let looking = controller.clone();
    let reconciling = runner::run(KIND, context, scopes, triggers, move |scope| {
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
    workplace: Workplace,
    memories: Arc<Memories>,
}

/// What the first two steps brought.
struct Ready {
    validated: Arc<Validated>,
    /// Of what the scope refers to.
    digest: u64,
}

impl Controller {
    /// 1. fetch what the spec refers to; 2. validate all of it; 3. if a sync is due, read the directory; 4. plan and apply;
    /// 5. report.
    async fn reconcile(self: Arc<Self>, scope: Arc<SyncScope>) -> Result<Action, Error> {
        let name = NamespacedName::of(&*scope);
        let scope = self.memories.of(&name, |memory| memory.newest(&scope).clone());
        let scope = self.report_what_is_left(&name, scope).await?;
        if scope.spec.suspend {
            self.report(scope, Ending::Suspended, Notices::default()).await?;
            return Ok(Action::await_change());
        }
        let ready = match self.prepare(&scope).await? {
            Ok(ready) => ready,
            Err(ending) => {
                let wait = self.not_ready(&name, &ending);
                self.report(scope, ending, Notices::default()).await?;
                return Ok(wait);
            }
        };
        let Some(trigger) = self.due(&name, &scope, &ready) else {
            return Ok(self.wait(&name, &ready.validated.scope.timing));
        };
        let scope = self.begin(scope, &ready, trigger).await?;
        let Some((ending, notices)) = self.attempt(&name, &scope, &ready.validated, trigger).await else {
            return Ok(Action::await_change());
        };
        self.report(scope, ending, notices).await?;
        Ok(self.wait(&name, &ready.validated.scope.timing))
    }

    /// The first two steps; the ending when there is nothing to sync with.
    async fn prepare(&self, scope: &SyncScope) -> Result<Result<Ready, Ending>, Error> {
        let name = NamespacedName::of(scope);
        let fetched = match fetch(&self.context.client, &self.context.configuration, scope).await {
            Ok(fetched) => fetched,
            Err(error @ FetchError::FindReferences(_)) => {
                let since = self.missing_since(&name);
                return Ok(Err(Ending::Missing {
                    message: error.to_string(),
                    since,
                }));
            }
            Err(error @ FetchError::GetObject { .. }) => return Err(Error::Fetch(error)),
        };
        self.memories.of(&name, |memory| memory.missing_since = None);
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

    fn due(&self, name: &NamespacedName, scope: &SyncScope, ready: &Ready) -> Option<Trigger> {
        let requested = scope.annotations().get(annotations::REQUESTED_AT);
        let handled = scope
            .status
            .as_ref()
            .and_then(|status| status.last_handled_reconcile_at.as_ref());
        let Validated {
            directory, attributes, ..
        } = &*ready.validated;
        let is_read = self.context.connections.latest(directory, attributes).is_some();
        self.memories.of(name, |memory| {
            let situation = Situation {
                generation: scope.metadata.generation,
                references: ready.digest,
                requested: requested.is_some() && requested != handled,
                // Another Secret or certificate authority: what was read by the old one says nothing any more.
                connection_changed: memory.attempts.failures == 0 && !is_read,
                objects_changed: memory.objects_changed,
            };
            memory
                .attempts
                .due(&situation, &ready.validated.scope.timing, Timestamp::now())
        })
    }

    /// Notes what is attempted. A generation that was not seen before is greeted in the status: a sync can take a while.
    async fn begin(&self, scope: SyncScope, ready: &Ready, trigger: Trigger) -> Result<SyncScope, Error> {
        let (generation, references) = (scope.metadata.generation, Some(ready.digest));
        self.memories.of(&NamespacedName::of(&scope), |memory| {
            memory.objects_changed = false;
            memory.attempts.generation = generation;
            memory.attempts.references = references;
            if trigger != Trigger::ObjectChanged {
                memory.attempts.began = Some(Timestamp::now());
            }
        });
        if scope.status.as_ref().and_then(|status| status.observed_generation) == generation {
            return Ok(scope);
        }
        self.report(scope, Ending::Begun, Notices::default()).await
    }

    /// Steps three and four. `None`: the operator stops.
    async fn attempt(
        &self,
        name: &NamespacedName,
        scope: &SyncScope,
        validated: &Arc<Validated>,
        trigger: Trigger,
    ) -> Option<(Ending, Notices)> {
        let clock = Instant::now();
        let (snapshot, is_fresh) = match self.read(validated, trigger).await {
            Ok(read) => read,
            Err(ConnectionError::Stop) => return None,
            Err(error) => {
                self.context
                    .metrics
                    .sync_failed(&name.namespace, &name.name, clock.elapsed());
                return Some((self.unread(name, &error, &validated.scope.timing), Notices::default()));
            }
        };
        let prepared = Prepared {
            validated: validated.clone(),
            siblings: self.siblings(validated),
            references: scope
                .status
                .as_ref()
                .map(|status| status.references.clone())
                .unwrap_or_default(),
            snapshot,
        };
        let system = name.beside(&validated.scope.phone_system);
        let converged = converge(&self.workplace, &system, &prepared).await;
        if converged.was_stopped {
            return None;
        }
        let Converged {
            report,
            references,
            created,
            updated,
            failed,
            would_write,
            notices,
            was_stopped: _,
        } = converged;
        let duration = clock.elapsed();
        let synced = Synced {
            trigger,
            report,
            references,
            created,
            updated,
            failed,
            would_write,
            is_fresh,
            duration,
        };
        self.ended(name, &synced, prepared.snapshot.origin().read_at);
        Some((Ending::Synced(Box::new(synced)), notices))
    }

    /// What the directory holds: to repair what others changed, what was read before will do.
    async fn read(&self, validated: &Validated, trigger: Trigger) -> Result<(Arc<Snapshot>, bool), ConnectionError> {
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
        if trigger == Trigger::ObjectChanged
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

    fn ended(&self, name: &NamespacedName, synced: &Synced, read: Timestamp) {
        let (now, metrics) = (Timestamp::now(), &self.context.metrics);
        metrics.scope_users(
            &name.namespace,
            &name.name,
            &synced.report.users,
            &synced.report.unmatched,
        );
        if synced.failed > 0 {
            metrics.sync_failed(&name.namespace, &name.name, synced.duration);
        } else if synced.is_fresh {
            metrics.sync_succeeded(&name.namespace, &name.name, now, synced.duration);
        }
        let Synced {
            trigger,
            created,
            updated,
            failed,
            ..
        } = synced;
        let duration = synced.duration;
        info!(?trigger, created, updated, failed, ?duration, "synced");
        self.memories.of(name, |memory| {
            memory.read = Some(read);
            if synced.failed > 0 {
                memory.attempts.failed(now);
            } else if synced.is_fresh {
                memory.attempts.failures = 0;
            }
        });
    }

    fn unread(&self, name: &NamespacedName, error: &ConnectionError, timing: &Timing) -> Ending {
        let now = Timestamp::now();
        let may_still_come = error.trouble() == Trouble::Missing
            && self.missing_since(name).duration_until(now).unsigned_abs() < PATIENCE;
        self.memories.of(name, |memory| {
            memory.attempts.failed(now);
            Ending::Unread(Unread {
                reason: error.reason(),
                message: with_causes(error),
                passes: may_still_come || error.trouble() == Trouble::Passing,
                is_stale: memory.read.is_some_and(|read| stale_from(timing, read) <= now),
            })
        })
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

    /// Writes what it came to into the status, if that differs, and says what people should see of it.
    async fn report(&self, scope: SyncScope, ending: Ending, notices: Notices) -> Result<SyncScope, Error> {
        let name = NamespacedName::of(&scope);
        let facts = Facts {
            now: Timestamp::now(),
            generation: scope.metadata.generation,
            requested: scope.annotations().get(annotations::REQUESTED_AT).cloned(),
            failures: self.memories.of(&name, |memory| memory.attempts.failures),
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
    ) -> Result<SyncScope, Error> {
        let before = scope.status.clone().unwrap_or_default();
        let after: SyncScopeStatus = report::status(&before, &facts);
        let api: Api<SyncScope> = Api::namespaced(self.context.client.clone(), &name.namespace);
        let written = match status::write(&api, &scope, scope.status.as_ref(), &after).await {
            Ok(written) => written,
            // It is gone, or another one of this name: nothing is left to report to.
            Err(error) if matches!(error.code(), Some(404 | 409)) => None,
            Err(error) => {
                self.memories.of(name, |memory| memory.unreported = Some(facts));
                return Err(Error::WriteStatus(error));
            }
        };
        notices::of_status(&mut notices, &before, &after);
        events::publish(&self.context.client, &scope.object_ref(&()), "Sync", notices).await;
        let Some(written) = written else { return Ok(scope) };
        self.memories.of(name, |memory| memory.written = Some(written.clone()));
        Ok(written)
    }

    /// What the API server would not take the last time.
    async fn report_what_is_left(&self, name: &NamespacedName, scope: SyncScope) -> Result<SyncScope, Error> {
        match self.memories.of(name, |memory| memory.unreported.take()) {
            Some(facts) => self.report_facts(name, scope, facts, Notices::default()).await,
            None => Ok(scope),
        }
    }

    async fn filled(&self) {
        // It fails only when the watches have ended, and everything with them.
        let _ = self.context.configuration.filled().await;
        self.context.objects.filled().await;
    }

    async fn forget_the_deleted(self: Arc<Self>, mut heard: impl Stream<Item = Change> + Send + Unpin) {
        while let Some(change) = heard.next().await {
            if let Change::Scope(name) = change
                && self.context.configuration.scopes.get(&name.reference()).is_none()
            {
                self.memories.forget(&name);
                self.context.connections.forget_scope(&name.namespace, &name.name);
                self.context.metrics.forget_scope(&name.namespace, &name.name);
            }
        }
    }
}
