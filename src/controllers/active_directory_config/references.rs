//! Watches the Secrets and ConfigMaps that configurations name, and no others: one watch an object, of its metadata only.
//!
//! A watch on all of them would keep every Secret of the cluster in motion here; and who gives the operator its rights may
//! want to name the few that it may see.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::PartialObjectMeta,
    core::NamespaceResourceScope,
    runtime::{
        WatchStreamExt,
        reflector::Store,
        watcher::{Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio::task::{AbortHandle, JoinSet};
use tracing::debug;

use crate::{
    api::ActiveDirectoryConfig,
    controllers::{
        agent::Agent,
        changes::{Change, Changes, NamespacedName},
        client::watch_settings,
        connections::ReferencedKind,
    },
};

/// An object that a configuration names.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Reference {
    /// Its kind.
    pub kind: ReferencedKind,
    /// Which it is.
    pub name: NamespacedName,
}

/// What a configuration names.
pub fn references(config: &ActiveDirectoryConfig) -> impl Iterator<Item = Reference> {
    let own = NamespacedName::of(config);
    let ca = config.spec.tls.ca_ref.clone();
    let (config_map, ca_secret) = ca.map_or((None, None), |ca| (ca.config_map, ca.secret));
    let secrets = [
        config
            .spec
            .credentials
            .secret_ref
            .as_ref()
            .map(|secret| secret.name.clone()),
        ca_secret.map(|secret| secret.name),
    ];
    let named = |kind, name: String| Reference {
        kind,
        name: own.beside(&name),
    };
    let mut references: Vec<Reference> = secrets
        .into_iter()
        .flatten()
        .map(|name| named(ReferencedKind::Secret, name))
        .collect();
    references.extend(config_map.map(|map| named(ReferencedKind::ConfigMap, map.name)));
    references.into_iter()
}

/// Watches what the configurations name, for as long as it is polled. Listens to `changes` from the call on.
pub fn watch(
    client: Client,
    configs: Store<ActiveDirectoryConfig>,
    changes: &Changes,
    agent: Agent,
) -> impl Future<Output = ()> + Send + use<> {
    let mut watches = Watches {
        client,
        changes: changes.clone(),
        running: BTreeMap::new(),
        tasks: JoinSet::new(),
    };
    let mut heard = Box::pin(changes.subscribe());
    async move {
        while let Some(change) = heard.next().await {
            if matches!(change, Change::Directory(_) | Change::Everything) {
                let served = configs.state_filter(|config| agent.serves_directory(config));
                watches.keep_to(served.iter().flat_map(|config| references(config)).collect());
            }
        }
    }
}

struct Watches {
    client: Client,
    changes: Changes,
    running: BTreeMap<Reference, AbortHandle>,
    /// Dropped, it ends them all.
    tasks: JoinSet<()>,
}

impl Watches {
    fn keep_to(&mut self, wanted: BTreeSet<Reference>) {
        self.running.retain(|reference, task| {
            let keep = wanted.contains(reference);
            if !keep {
                task.abort();
            }
            keep
        });
        // Ended tasks are kept until somebody asks for them.
        while self.tasks.try_join_next().is_some() {}
        for reference in wanted {
            if !self.running.contains_key(&reference) {
                let (client, changes) = (self.client.clone(), self.changes.clone());
                let name = reference.name.clone();
                let task = match reference.kind {
                    ReferencedKind::Secret => {
                        self.tasks
                            .spawn(watch_one::<Secret>(client, changes, name, Change::Secret))
                    }
                    ReferencedKind::ConfigMap => {
                        self.tasks
                            .spawn(watch_one::<ConfigMap>(client, changes, name, Change::ConfigMap))
                    }
                };
                self.running.insert(reference, task);
            }
        }
    }
}

async fn watch_one<K>(client: Client, changes: Changes, name: NamespacedName, change: fn(NamespacedName) -> Change)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let api: Api<PartialObjectMeta<K>> = Api::namespaced(client, &name.namespace);
    let settings = watch_settings().fields(&format!("metadata.name={}", name.name));
    let mut events = Box::pin(watcher(api, settings).default_backoff());
    let mut version = None;
    let mut listed = None;
    while let Some(event) = events.next().await {
        let now = match event {
            Ok(Event::Init) => {
                listed = None;
                continue;
            }
            Ok(Event::InitApply(object)) => {
                listed = object.resource_version();
                continue;
            }
            Ok(Event::InitDone) => listed.take(),
            Ok(Event::Apply(object)) => object.resource_version(),
            Ok(Event::Delete(_)) => None,
            Err(error) => {
                debug!(kind = %K::kind(&()), %name, %error, "the watch broke off, trying again");
                continue;
            }
        };
        if version != now {
            version = now;
            changes.announce(change(name.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configuration_names_its_account_and_its_authority() {
        let config = |ca: serde_json::Value| -> ActiveDirectoryConfig {
            serde_json::from_value(json!({
                "apiVersion": "adsync.dev/v1alpha1", "kind": "ActiveDirectoryConfig",
                "metadata": {"name": "corp", "namespace": "telephony"},
                "spec": {"domain": "example.com", "credentials": {"secretRef": {"name": "bind"}}, "tls": {"caRef": ca}},
            }))
            .unwrap()
        };
        let named = |config: ActiveDirectoryConfig| -> Vec<String> {
            references(&config)
                .map(|reference| format!("{} {}", reference.kind, reference.name))
                .collect()
        };
        assert_eq!(named(config(json!(null))), ["Secret telephony/bind"]);
        let in_map = config(json!({"configMap": {"name": "ca"}}));
        assert_eq!(named(in_map), ["Secret telephony/bind", "ConfigMap telephony/ca"]);
        let in_secret = config(json!({"secret": {"name": "ca"}}));
        assert_eq!(named(in_secret), ["Secret telephony/bind", "Secret telephony/ca"]);
    }
}
