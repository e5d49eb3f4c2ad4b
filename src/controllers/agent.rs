//! Which configurations this operator serves: those that name its agent, or none if it has none. Several operators share a cluster
//! so, each within reach of other directories. I/O only where it is asked whether another agent is there.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, ResourceExt};

use super::{
    changes::NamespacedName,
    client::{CallError, call},
    configuration::Configuration,
    leadership,
};
use crate::api::{ActiveDirectoryConfig, PhoneSystem, SyncScope};

/// A Lease that stood still for so long is nobody's: several times as long as it is valid. The times in it are never compared with a clock of
/// this machine.
const NOBODYS: Duration = Duration::from_secs(45);

/// Whom this operator works for. Cloning shares.
#[derive(Clone, Debug)]
pub struct Agent {
    /// `--agent`
    name: Option<Arc<str>>,
    /// Where the Leases of all agents are. None: this one has none, and no right to look at others'.
    leases: Option<Arc<str>>,
    /// The version of each agent's Lease, and since when it was seen.
    seen: Arc<Mutex<BTreeMap<String, SeenLease>>>,
}

/// The `metadata.resourceVersion` of a Lease, and since when it was seen.
type SeenLease = (Option<String>, Instant);

impl Agent {
    /// The agent of this name; `None`: the operator that serves what names no agent. `leases` is the namespace of the Leases, where it may
    /// look at them.
    pub fn new(name: Option<&str>, leases: Option<&str>) -> Self {
        Self {
            name: name.map(Into::into),
            leases: leases.map(Into::into),
            seen: Arc::default(),
        }
    }

    /// Whether this is the operator without an agent's name.
    pub fn is_unnamed(&self) -> bool {
        self.name.is_none()
    }

    /// Whether a directory is this operator's to read.
    pub fn serves_directory(&self, config: &ActiveDirectoryConfig) -> bool {
        self.is(config.spec.agent.as_deref())
    }

    /// Whether the status of a phone system and of its rules is this operator's to write.
    pub fn serves_system(&self, system: &PhoneSystem) -> bool {
        self.is(system.spec.agent.as_deref())
    }

    /// Whether a scope is this operator's: its directory is. One whose directory is missing goes with its phone system.
    pub fn serves_scope(&self, configuration: &Configuration, scope: &SyncScope) -> bool {
        let here = NamespacedName::of(scope);
        let directory = here.beside(&scope.spec.directory_ref.name);
        if let Some(config) = configuration.directories.get(&directory.reference()) {
            return self.serves_directory(&config);
        }
        let system = here.beside(&scope.spec.phone_system_ref.name);
        let system = configuration.systems.get(&system.reference());
        system.map_or_else(|| self.is_unnamed(), |system| self.serves_system(&system))
    }

    fn is(&self, agent: Option<&str>) -> bool {
        self.name.as_deref() == agent
    }

    /// The Lease of another agent, which shows whether that one runs; `None`: it is not this operator's to look.
    pub fn lease_of<'a>(&'a self, agent: &'a str) -> Option<LeaseOf<'a>> {
        let namespace = self.leases.as_deref().filter(|_| self.is_unnamed())?;
        Some(LeaseOf {
            looking: self,
            namespace,
            agent,
        })
    }

    fn stands_still(&self, agent: &str, version: Option<String>, now: Instant) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, since) = seen.entry(agent.to_owned()).or_insert((version.clone(), now));
        if *known != version {
            (*known, *since) = (version, now);
        }
        now.duration_since(*since) >= NOBODYS
    }
}

/// The Lease of an agent, whether there is one or not.
#[derive(Clone, Copy, Debug)]
pub struct LeaseOf<'a> {
    looking: &'a Agent,
    namespace: &'a str,
    agent: &'a str,
}

impl LeaseOf<'_> {
    /// Whether nobody serves what names this agent: there is no Lease of it, or none that moves.
    pub async fn is_nobodys(&self, client: &Client) -> Result<bool, CallError> {
        let leases: Api<Lease> = Api::namespaced(client.clone(), self.namespace);
        let lease = call(leases.get_opt(&leadership::lease_of(self.agent))).await?;
        let stands_still = |lease: Lease| {
            self.looking
                .stands_still(self.agent, lease.resource_version(), Instant::now())
        };
        Ok(lease.is_none_or(stands_still))
    }
}

impl fmt::Display for LeaseOf<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, leadership::lease_of(self.agent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_stands_still_is_nobodys() {
        let (agent, start) = (Agent::new(None, None), Instant::now());
        let look = |version: &str, seconds| {
            agent.stands_still("site-a", Some(version.to_owned()), start + Duration::from_secs(seconds))
        };
        assert!(!look("7", 0) && !look("7", 44));
        assert!(look("7", 45));
        assert!(!look("8", 46) && !look("8", 90), "it moved");
        assert!(look("8", 91));
    }

    #[test]
    fn an_operator_serves_what_names_it_and_nothing_else() {
        let config = |agent: Option<&str>| -> ActiveDirectoryConfig {
            let spec = serde_json::json!({"domain": "example.com", "agent": agent, "credentials": {"secretRef": {"name": "a"}}});
            ActiveDirectoryConfig::new("corp", serde_json::from_value(spec).unwrap())
        };
        for (own, named, serves) in [
            (None, None, true),
            (None, Some("site-a"), false),
            (Some("site-a"), None, false),
            (Some("site-a"), Some("site-a"), true),
            (Some("site-b"), Some("site-a"), false),
        ] {
            assert_eq!(
                Agent::new(own, None).serves_directory(&config(named)),
                serves,
                "{own:?} {named:?}"
            );
        }
    }
}
