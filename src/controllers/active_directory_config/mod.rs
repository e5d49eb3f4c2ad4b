//! The ActiveDirectoryConfig controller: the Test Connection button.

mod attempts;
pub mod references;
mod report;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{Stream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    Api, Resource, ResourceExt,
    runtime::{controller::Action, reflector::Store},
};
use tracing::{debug, info};

use self::{
    attempts::{Attempts, Cause, Failure, News, Outcome},
    references::{Reference, references},
    report::Look,
};
use super::{
    changes::{Change, NamespacedName},
    client::CallError,
    conditions::{is_true, whole_seconds},
    connections::{ConnectionError, Prepared, ReferencedKind, Trouble},
    context::Context,
    events::{self, Notices},
    runner,
    status::{self, Written},
};
use crate::{
    api::{
        ActiveDirectoryConfig, ActiveDirectoryConfigStatus,
        active_directory_config::RejectedCredentials,
        annotations,
        conditions::{CONNECTED, connection, ready},
    },
    causes::with_causes,
};

const KIND: &str = "ActiveDirectoryConfig";
/// From one look for the Lease of another agent to the next.
const LOOK_FOR_AGENT_AGAIN: Duration = Duration::from_secs(30);
/// For a configuration whose own can't be read.
const DEFAULT_INTERVAL: SignedDuration = SignedDuration::from_mins(10);

/// Why a look at a configuration is to be repeated.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot write the status")]
    WriteStatus(#[source] CallError),
}

/// Runs the controller until the operator stops. Listens to changes from the call on.
pub fn run(context: &Context) -> impl Future<Output = ()> + Send + use<> {
    let controller = Arc::new(Controller {
        context: context.clone(),
        attempts: Mutex::default(),
        written: Written::default(),
    });
    let configs = context.configuration.directories.clone();
    let concerned = {
        let configs = configs.clone();
        move |change: &Change| concerned(&configs, change)
    };
    let triggers = context.changes.concerning(concerned);
    let forgetting = controller
        .clone()
        .forget_the_deleted(Box::pin(context.changes.subscribe()));
    let written = controller.written.clone();
    let reconciling = runner::run(KIND, context, configs, triggers, written, move |config| {
        controller.clone().reconcile(config)
    });
    async move {
        // Forgetting has no end of its own.
        tokio::select! {
            () = reconciling => {}
            () = forgetting => {}
        }
    }
}

/// The configurations that a change concerns.
fn concerned(configs: &Store<ActiveDirectoryConfig>, change: &Change) -> Vec<NamespacedName> {
    let naming = |kind: ReferencedKind, name: &NamespacedName| {
        let wanted = Reference {
            kind,
            name: name.clone(),
        };
        let configs = configs.state_filter(|config| references(config).any(|reference| reference == wanted));
        configs.iter().map(|config| NamespacedName::of(&**config)).collect()
    };
    match change {
        Change::Directory(name) | Change::Refused(name) | Change::Trusted(name) => vec![name.clone()],
        Change::Secret(name) => naming(ReferencedKind::Secret, name),
        Change::ConfigMap(name) => naming(ReferencedKind::ConfigMap, name),
        Change::Everything => configs
            .state()
            .iter()
            .map(|config| NamespacedName::of(&**config))
            .collect(),
        Change::Rule(_) | Change::System(_) | Change::Scope(_) | Change::Connected(_) | Change::Unconnected { .. } => {
            Vec::new()
        }
    }
}

struct Controller {
    context: Context,
    attempts: Mutex<HashMap<NamespacedName, Attempts>>,
    written: Written<ActiveDirectoryConfig>,
}

impl Controller {
    /// 1. fetch what the spec refers to; 2. decide whether a test is due; 3. test; 4. report. What another operator serves is left to it.
    async fn reconcile(self: Arc<Self>, config: Arc<ActiveDirectoryConfig>) -> Result<Action, Error> {
        let name = NamespacedName::of(&*config);
        if !self.context.agent.serves_directory(&config) {
            self.forget(&name);
            return self.leave_to_its_agent(&config).await;
        }
        let interval = interval(&config);
        let prepared = self.prepare(&config, &interval).await;
        let interval = interval.unwrap_or(DEFAULT_INTERVAL);

        let mut attempts = self.attempts_of(&name);
        let cause = Cause {
            generation: (config.uid(), config.metadata.generation),
            revision: prepared.as_ref().ok().map(|prepared| prepared.revision),
            requested: config.annotations().get(annotations::REQUESTED_AT).cloned(),
        };
        let requested = cause.requested.clone();

        let mut config = config;
        let rejected_at = prepared
            .as_ref()
            .ok()
            .and_then(|prepared| self.context.connections.rejected_at(prepared));
        let holds = attempts.still_hold(&cause, interval, Timestamp::now()) && !attempts.contradicted_by(rejected_at);
        if prepared.is_err() || !holds {
            config = self.greet(config).await?;
            let Some(outcome) = self.attempt(&prepared).await else {
                return Ok(Action::await_change());
            };
            let news = attempts.ended(cause, outcome, Timestamp::now());
            self.remember(name.clone(), attempts.clone());
            if let Some(news) = news {
                self.announce(name.clone(), news);
            }
        }

        if let Some(outcome) = attempts.outcome() {
            let rejected = prepared.as_ref().ok().and_then(|prepared| self.rejected(prepared));
            let failures = attempts.failures;
            let look = Look {
                generation: config.metadata.generation,
                outcome,
                failures,
                requested,
                rejected,
                trusted: self.context.connections.trusted(&name),
            };
            self.report(&config, look).await?;
        }
        Ok(Action::requeue(attempts.wait(interval, Timestamp::now())))
    }

    async fn prepare(
        &self,
        config: &ActiveDirectoryConfig,
        interval: &Result<SignedDuration, Failure>,
    ) -> Result<Prepared, Failure> {
        match interval {
            Ok(_) => self
                .context
                .connections
                .prepare(config)
                .await
                .map_err(|error| Failure::from(&error)),
            Err(failure) => Err(failure.clone()),
        }
    }

    /// Gives a configuration that has no status its first one: a test can take a while.
    async fn greet(&self, config: Arc<ActiveDirectoryConfig>) -> Result<Arc<ActiveDirectoryConfig>, Error> {
        if config
            .status
            .as_ref()
            .is_some_and(|status| !status.conditions.is_empty())
        {
            return Ok(config);
        }
        let first = report::first_status(config.metadata.generation, Timestamp::now());
        let written = self.write(&config, &first).await?;
        Ok(written.map_or(config, Arc::new))
    }

    /// What a test comes to; `None`: the operator stops.
    async fn attempt(&self, prepared: &Result<Prepared, Failure>) -> Option<Outcome> {
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => return Some(Outcome::Failed(failure.clone())),
        };
        match self.context.connections.test(prepared).await {
            Ok(report) => Some(Outcome::Connected(report)),
            Err(ConnectionError::Stop) => None,
            Err(error) => Some(Outcome::Failed(Failure::from(&error))),
        }
    }

    /// Whoever reads the directory should not go on saying what no longer holds.
    fn announce(&self, directory: NamespacedName, news: News) {
        self.context.changes.announce(match news {
            News::Connected => Change::Connected(directory),
            News::Unconnected(reason) => Change::Unconnected { directory, reason },
        });
    }

    fn rejected(&self, prepared: &Prepared) -> Option<RejectedCredentials> {
        let at = self.context.connections.rejected_at(prepared)?;
        let secret_resource_version = prepared.secret_version.clone();
        Some(RejectedCredentials {
            secret_resource_version,
            time: Time(whole_seconds(at)),
        })
    }

    /// Writes the status if it differs, and says so where people look when Connected changed.
    async fn report(&self, config: &ActiveDirectoryConfig, look: Look<'_>) -> Result<(), Error> {
        let before = config.status.clone().unwrap_or_default();
        let outcome = look.outcome;
        let after = report::status(&before, look, Timestamp::now());
        self.write(config, &after).await?;

        let reference = NamespacedName::of(config);
        let is_there = self
            .context
            .configuration
            .directories
            .get(&reference.reference())
            .is_some();
        let NamespacedName { namespace, name } = reference;
        // One that was deleted meanwhile has no series any more.
        if is_there {
            let metrics = &self.context.metrics;
            metrics.connected(&namespace, &name, is_true(&after.conditions, CONNECTED));
            metrics.credentials_rejected(&namespace, &name, outcome.refuses_account());
        }
        if let Some(news) = report::news(&before, &after) {
            info!(namespace, name, reason = news.reason, "{}", news.note);
            let mut notices = Notices::default();
            notices.push(news);
            events::publish(&self.context.client, &config.object_ref(&()), "TestConnection", notices).await;
        }
        Ok(())
    }

    async fn write(
        &self,
        config: &ActiveDirectoryConfig,
        after: &ActiveDirectoryConfigStatus,
    ) -> Result<Option<ActiveDirectoryConfig>, Error> {
        let namespace = config.namespace().unwrap_or_default();
        let api: Api<ActiveDirectoryConfig> = Api::namespaced(self.context.client.clone(), &namespace);
        let now = status::write(&api, config, config.status.as_ref(), after).await;
        let now = now.map_err(Error::WriteStatus)?;
        if let Some(config) = now.clone() {
            self.written.note(config);
        }
        Ok(now)
    }

    /// Says of a configuration that names an agent when there is none: nobody else would.
    async fn leave_to_its_agent(&self, config: &ActiveDirectoryConfig) -> Result<Action, Error> {
        let Context { agent, client, .. } = &self.context;
        let Some(named) = config.spec.agent.as_deref() else {
            return Ok(Action::await_change());
        };
        let Some(lease) = agent.lease_of(named) else {
            return Ok(Action::await_change());
        };
        match lease.is_nobodys(client).await {
            Ok(true) => {
                let outcome = Outcome::Failed(Failure {
                    trouble: Trouble::Passing,
                    reason: connection::AGENT_ABSENT,
                    message: format!("no operator runs with --agent {named}: nobody holds the Lease {lease}"),
                    retry_after: None,
                });
                let look = Look {
                    generation: config.metadata.generation,
                    outcome: &outcome,
                    failures: report::NO_HICCUP,
                    requested: None,
                    // What the agent knows is not this one's to forget.
                    rejected: config.status.as_ref().and_then(|status| status.rejected.clone()),
                    trusted: None,
                };
                self.report(config, look).await?;
            }
            Ok(false) => {}
            Err(error) => debug!(
                agent = named,
                error = with_causes(&error),
                "cannot look for the agent's Lease"
            ),
        }
        Ok(Action::requeue(LOOK_FOR_AGENT_AGAIN))
    }

    fn forget(&self, name: &NamespacedName) {
        self.context.connections.forget(name);
        self.all_attempts().remove(name);
    }

    async fn forget_the_deleted(self: Arc<Self>, mut heard: impl Stream<Item = Change> + Send + Unpin) {
        while let Some(change) = heard.next().await {
            if let Change::Directory(name) = change
                && self.context.configuration.directories.get(&name.reference()).is_none()
            {
                self.forget(&name);
            }
        }
    }

    fn attempts_of(&self, name: &NamespacedName) -> Attempts {
        self.all_attempts().get(name).cloned().unwrap_or_default()
    }

    fn remember(&self, name: NamespacedName, attempts: Attempts) {
        self.all_attempts().insert(name, attempts);
    }

    fn all_attempts(&self) -> MutexGuard<'_, HashMap<NamespacedName, Attempts>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn interval(config: &ActiveDirectoryConfig) -> Result<SignedDuration, Failure> {
    let interval = &config.spec.interval;
    interval.parse().map_err(|error| Failure {
        trouble: Trouble::Invalid,
        reason: ready::INVALID_SPEC,
        message: format!("spec.interval `{interval}` is no duration: {error}; write one such as 10m"),
        retry_after: None,
    })
}
