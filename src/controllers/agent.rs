//! Which configurations this operator serves: those that name its agent, or none if it has none. Several operators share a cluster
//! so, each within reach of other directories. I/O only where it is asked whether another agent is there.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};

use super::{
    changes::NamespacedName,
    client::{CallError, call},
    configuration::Configuration,
    leadership,
};
use crate::api::{ActiveDirectoryConfig, PhoneSystem, SyncScope};

/// So old a Lease is nobody's: many times as long as it is valid, since the clocks of two machines are compared.
const NOBODYS: SignedDuration = SignedDuration::from_mins(2);

/// Whom this operator works for. Cloning shares.
#[derive(Clone, Debug)]
pub struct Agent {
    /// `--agent`
    name: Option<Arc<str>>,
    /// Where the Leases of all agents are.
    leases: Arc<str>,
}

impl Agent {
    /// The agent of this name; `None`: the operator that serves what names no agent. `leases` is the namespace of the Leases.
    pub fn new(name: Option<&str>, leases: &str) -> Self {
        Self {
            name: name.map(Into::into),
            leases: leases.into(),
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

    /// Whether nobody serves what names this agent: it holds no Lease.
    pub async fn is_absent(&self, client: &Client, agent: &str) -> Result<bool, CallError> {
        let leases: Api<Lease> = Api::namespaced(client.clone(), &self.leases);
        let lease = call(leases.get_opt(&leadership::lease_of(Some(agent)))).await?;
        Ok(lease.is_none_or(|lease| is_nobodys(&lease, Timestamp::now())))
    }

    /// Where the Lease of an agent would be.
    pub fn place_of(&self, agent: &str) -> String {
        format!("{}/{}", self.leases, leadership::lease_of(Some(agent)))
    }
}

fn is_nobodys(lease: &Lease, now: Timestamp) -> bool {
    let spec = lease.spec.as_ref();
    let is_held = spec.is_some_and(|spec| spec.holder_identity.as_ref().is_some_and(|holder| !holder.is_empty()));
    let renewed = spec.and_then(|spec| spec.renew_time.as_ref()).map(|time| time.0);
    !is_held || renewed.is_none_or(|renewed| now.duration_since(renewed) > NOBODYS)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{api::coordination::v1::LeaseSpec, apimachinery::pkg::apis::meta::v1::MicroTime};

    use super::*;

    #[test]
    fn a_lease_that_nobody_holds_or_renews_is_nobodys() {
        let now = Timestamp::now();
        let lease = |holder: Option<&str>, age: i64| Lease {
            spec: Some(LeaseSpec {
                holder_identity: holder.map(str::to_owned),
                renew_time: Some(MicroTime(now - SignedDuration::from_secs(age))),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        };
        assert!(!is_nobodys(&lease(Some("a"), 60), now));
        assert!(is_nobodys(&lease(Some("a"), 121), now));
        assert!(is_nobodys(&lease(Some(""), 1), now) && is_nobodys(&lease(None, 1), now));
        assert!(is_nobodys(&Lease::default(), now));
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
                Agent::new(own, "adsync").serves_directory(&config(named)),
                serves,
                "{own:?} {named:?}"
            );
        }
    }
}
