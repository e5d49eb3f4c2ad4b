//! The directories of all ActiveDirectoryConfigs: one [`Directory`] and the latest snapshot each. Asked by several, each is
//! read once. Nothing here decides what a failure means.

mod error;
mod files;
mod known;
mod settings;
mod trust;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use kube::{Client, runtime::reflector::Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use self::{known::Known, trust::Trusted};
use super::changes::{Change, Changes, NamespacedName};
use crate::{
    api::{
        ActiveDirectoryConfig,
        active_directory_config::{CredentialsType, RejectedCredentials, TrustedRead},
    },
    directory::{
        AttributeName, ConnectionReport, ConnectionSettings, Directory, DirectoryError, Guid, PasswordExpiry,
        RejectedPasswords, Request, Sighting, Snapshot,
    },
    serve::metrics::{DirectoryOperation, Metrics},
};

pub use self::{
    error::{ConnectionError, ReferencedKind, SettingsError, Trouble},
    settings::Permissions,
    trust::REMEMBERED_EVERY,
};

/// The directories of all ActiveDirectoryConfigs. Cloning shares.
#[derive(Clone)]
pub struct Connections(Arc<Shared>);

struct Shared {
    client: Client,
    configs: Store<ActiveDirectoryConfig>,
    rejected: RejectedPasswords,
    permissions: Permissions,
    changes: Changes,
    metrics: Metrics,
    stop: CancellationToken,
    known: Mutex<BTreeMap<NamespacedName, Arc<Known>>>,
}

/// A directory that is ready to be asked.
pub struct Prepared {
    name: NamespacedName,
    directory: Directory,
    settings: ConnectionSettings,
    /// Moves when anything that the connection is made with changes: what was found before says nothing then.
    pub revision: u64,
    /// `metadata.resourceVersion` of the Secret with the account.
    pub secret_version: String,
}

impl Connections {
    /// None is connected to until somebody asks.
    pub fn new(
        client: Client,
        configs: Store<ActiveDirectoryConfig>,
        rejected: RejectedPasswords,
        permissions: Permissions,
        changes: Changes,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Shared {
            client,
            configs,
            rejected,
            permissions,
            changes,
            metrics,
            stop,
            known: Mutex::default(),
        }))
    }

    /// Fetches what the configuration refers to, so that its directory is asked with the Secret's contents of now.
    pub async fn prepare(&self, config: &ActiveDirectoryConfig) -> Result<Prepared, SettingsError> {
        let name = NamespacedName::of(config);
        let known = self.known(&name);
        let fetched = settings::fetch(&self.0.client, config, &self.0.permissions).await?;
        let mut state = known.state();
        if state.directory.is_none() {
            self.remember_rejection(config, &fetched.settings, &fetched.secret_version);
            state.trusted = trusted_before_restart(config);
        }
        let directory = match &state.directory {
            Some(directory) => directory.clone(),
            None => Directory::new(fetched.settings.clone(), self.0.rejected.clone()),
        };
        if state.settings.as_ref() != Some(&fetched.settings) {
            directory.update(fetched.settings.clone());
            state.settings = Some(fetched.settings.clone());
            state.revision += 1;
        }
        state.directory = Some(directory.clone());
        let revision = state.revision;
        Ok(Prepared {
            name,
            directory,
            settings: fetched.settings,
            revision,
            secret_version: fetched.secret_version,
        })
    }

    /// A refusal that the status remembers from before a restart still counts, if it was of this Secret as it is. Of files nobody
    /// knows that: a new pod's are always new.
    fn remember_rejection(&self, config: &ActiveDirectoryConfig, settings: &ConnectionSettings, secret_version: &str) {
        let rejected = config.status.as_ref().and_then(|status| status.rejected.as_ref());
        let are_files = config.spec.credentials.kind == CredentialsType::Agent;
        let is_same = |rejected: &&RejectedCredentials| are_files || rejected.secret_resource_version == secret_version;
        let Some(rejected) = rejected.filter(is_same) else {
            return;
        };
        self.0
            .rejected
            .remember(&settings.domain, &settings.account, rejected.time.0);
    }

    /// Tests the connection.
    pub async fn test(&self, prepared: &Prepared) -> Result<ConnectionReport, ConnectionError> {
        let report = self
            .ask(prepared, DirectoryOperation::Test, prepared.directory.test())
            .await?;
        let NamespacedName { namespace, name } = &prepared.name;
        // One that was deleted meanwhile has no series any more.
        if self.all().contains_key(&prepared.name) {
            let metrics = &self.0.metrics;
            match report.password_expires {
                PasswordExpiry::At(end) => metrics.password_expires(namespace, name, Some(end)),
                PasswordExpiry::Never => metrics.password_expires(namespace, name, None),
                // What was told before still counts.
                PasswordExpiry::Untold => {}
            }
        }
        Ok(report)
    }

    /// When the directory refused the password that it is asked with, if that was in the last 30 minutes.
    pub fn rejected_at(&self, prepared: &Prepared) -> Option<Timestamp> {
        self.0
            .rejected
            .rejected_at(&prepared.settings.domain, &prepared.settings.account)
    }

    /// Everything that the scopes on a configuration need, as the directory was at `since` or later.
    ///
    /// Whoever asks while a read is under way shares the next one with all others who do.
    pub async fn read(
        &self,
        config: &NamespacedName,
        scope: &str,
        attributes: BTreeSet<AttributeName>,
        since: Timestamp,
    ) -> Result<Arc<Snapshot>, ConnectionError> {
        self.want(config, scope, attributes.clone());
        let known = self.known(config);
        let _turn = known.turn.lock().await;
        let object = self.0.configs.get(&config.reference());
        let object = object.ok_or_else(|| ConnectionError::FindConfig {
            name: config.name.clone(),
        })?;
        let prepared = self
            .prepare(&object)
            .await
            .map_err(|error| ConnectionError::Prepare(Arc::new(error)))?;
        let attributes = {
            let state = known.state();
            if let Some(answer) = state.answer(since, prepared.revision, &attributes) {
                return answer;
            }
            state.wanted(&attributes)
        };
        let began = Timestamp::now();
        let request = Request {
            attributes: attributes.clone(),
        };
        let answer = self
            .ask(&prepared, DirectoryOperation::Read, prepared.directory.read(&request))
            .await
            .map(|snapshot| Arc::new(self.weigh(config, &known, snapshot)));
        if let Ok(snapshot) = &answer
            && self.all().contains_key(config)
        {
            let metrics = &self.0.metrics;
            metrics.referred(&config.namespace, &config.name, snapshot.referrals());
            metrics.read(&config.namespace, &config.name, snapshot.origin().read_at);
        }
        known.state().remember(began, prepared.revision, attributes, &answer);
        answer
    }

    /// Marks what was read where another domain controller knew more.
    fn weigh(&self, config: &NamespacedName, known: &Known, snapshot: Snapshot) -> Snapshot {
        let origin = snapshot.origin();
        let (behind, is_another) = known.state().weigh(origin);
        if is_another {
            self.0.changes.announce(Change::Trusted(config.clone()));
        }
        if self.all().contains_key(config) {
            let metrics = &self.0.metrics;
            metrics.behind(&config.namespace, &config.name, behind.is_some());
        }
        let Some(why) = behind else { return snapshot };
        let (namespace, name, server) = (&config.namespace, &config.name, &origin.server);
        warn!(namespace, name, server, %why, "a domain controller is behind: nobody is removed on what it says");
        snapshot.behind()
    }

    /// The read that counts, for the configuration's status: only that carries it over a restart.
    pub fn trusted(&self, config: &NamespacedName) -> Option<TrustedRead> {
        self.known(config).state().trusted.map(Trusted::to_remember)
    }

    /// What was last read, if the directory is still asked as it was then and this has what the scope needs.
    pub fn latest(&self, config: &NamespacedName, attributes: &BTreeSet<AttributeName>) -> Option<Arc<Snapshot>> {
        self.known(config).state().latest(attributes)
    }

    /// What the entries with these objectGUIDs say of themselves, each of them answered.
    pub async fn find(
        &self,
        config: &NamespacedName,
        guids: &[Guid],
    ) -> Result<BTreeMap<Guid, Sighting>, ConnectionError> {
        let object = self.0.configs.get(&config.reference());
        let object = object.ok_or_else(|| ConnectionError::FindConfig {
            name: config.name.clone(),
        })?;
        let prepared = self
            .prepare(&object)
            .await
            .map_err(|error| ConnectionError::Prepare(Arc::new(error)))?;
        self.ask(&prepared, DirectoryOperation::Find, prepared.directory.find(guids))
            .await
    }

    /// The scope is gone, or reads another configuration: nobody needs its attributes any more.
    pub fn forget_scope(&self, namespace: &str, scope: &str) {
        for (_, known) in self.all().iter().filter(|(name, _)| name.namespace == namespace) {
            known.state().attributes.remove(scope);
        }
    }

    /// The configuration is gone.
    pub fn forget(&self, config: &NamespacedName) {
        self.all().remove(config);
        self.0.metrics.forget_directory(&config.namespace, &config.name);
    }

    /// The scope reads this configuration, and no other any more. Said early, it saves a second read for its sake.
    pub fn want(&self, config: &NamespacedName, scope: &str, attributes: BTreeSet<AttributeName>) {
        self.forget_scope(&config.namespace, scope);
        self.known(config).state().attributes.insert(scope.into(), attributes);
    }

    async fn ask<T>(
        &self,
        prepared: &Prepared,
        operation: DirectoryOperation,
        answer: impl Future<Output = Result<T, DirectoryError>>,
    ) -> Result<T, ConnectionError> {
        let began = Instant::now();
        let answer = tokio::select! {
            answer = answer => answer,
            () = self.0.stop.cancelled() => return Err(ConnectionError::Stop),
        };
        let config = &prepared.name;
        let reason = answer.as_ref().err().map(DirectoryError::reason);
        // One that was deleted meanwhile has no series any more.
        if self.all().contains_key(config) {
            let (metrics, namespace, name) = (&self.0.metrics, &config.namespace, &config.name);
            metrics.directory_asked(namespace, name, operation, began.elapsed(), reason);
            // Who doesn't answer has told nothing of another certificate.
            if answer.is_ok() {
                metrics.certificate_expires(namespace, name, prepared.directory.certificate_expires());
            }
        }
        answer.map_err(|error| {
            let error = ConnectionError::Ask(Arc::new(error));
            // Only the configuration's status carries a refusal over a restart: without it, the password is sent again.
            if operation != DirectoryOperation::Test && error.password_retry_after().is_some() {
                self.0.changes.announce(Change::Refused(config.clone()));
            }
            error
        })
    }

    fn known(&self, config: &NamespacedName) -> Arc<Known> {
        self.all().entry(config.clone()).or_default().clone()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<NamespacedName, Arc<Known>>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The read that counted last, as far as the status remembers. Whoever answers the connection test need not be that controller.
fn trusted_before_restart(config: &ActiveDirectoryConfig) -> Option<Trusted> {
    let remembered = config.status.as_ref()?.trusted.as_ref()?;
    Trusted::before_restart(remembered, Timestamp::now())
}
