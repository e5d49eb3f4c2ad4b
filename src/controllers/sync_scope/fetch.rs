//! First step: everything that a scope refers to, and the other scopes of its phone system, as people wrote them. I/O, no
//! judgement of what they say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use jiff::Timestamp;
use kube::{Client, Resource, ResourceExt, core::NamespaceResourceScope, runtime::reflector::Store};
use serde::de::DeserializeOwned;

use crate::{
    api::{ActiveDirectoryConfig, ExtensionRule, PhoneSystem, SyncScope, SyncScopeSpec},
    controllers::{
        agent::Agent,
        changes::NamespacedName,
        client::CallError,
        configuration::{self, Configuration, in_namespace},
    },
};

/// What a scope refers to.
pub(super) struct Fetched {
    /// Its directory.
    pub directory: Arc<ActiveDirectoryConfig>,
    /// Its phone system.
    pub system: Arc<PhoneSystem>,
    /// The rules of its phone system, and those that it names, by name.
    pub rules: BTreeMap<String, Arc<ExtensionRule>>,
    /// The other scopes of its phone system.
    pub siblings: Vec<Arc<SyncScope>>,
    /// Those of them that another operator serves.
    pub unserved: BTreeSet<String>,
    /// Scopes of the namespace that can't be read, with when they were created: each may be of this phone system, and may see
    /// anybody.
    pub unreadable: BTreeMap<String, Option<Timestamp>>,
}

/// Why there is nothing to work with.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// Objects are missing.
    #[error("{}", .0.join("; "))]
    FindReferences(Vec<String>),
    /// The API server did not say whether an object exists.
    #[error("cannot read {kind} {name}")]
    GetObject {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// Why.
        source: CallError,
    },
}

/// Gathers what the scope refers to.
pub(super) async fn fetch(
    client: &Client,
    configuration: &Configuration,
    agent: &Agent,
    scope: &SyncScope,
) -> Result<Fetched, FetchError> {
    let here = NamespacedName::of(scope);
    let spec = &scope.spec;
    let mut missing = Vec::new();
    let directory = find(
        client,
        &configuration.directories,
        &here.beside(&spec.directory_ref.name),
        &mut missing,
    )
    .await?;
    let system = find(
        client,
        &configuration.systems,
        &here.beside(&spec.phone_system_ref.name),
        &mut missing,
    )
    .await?;
    let mut rules: BTreeMap<String, Arc<ExtensionRule>> = in_namespace(&configuration.rules, &here.namespace)
        .into_iter()
        .filter(|rule| rule.spec.phone_system_ref == spec.phone_system_ref)
        .map(|rule| (rule.name_any(), rule))
        .collect();
    for name in rules_named(spec) {
        if !rules.contains_key(name)
            && let Some(rule) = find(client, &configuration.rules, &here.beside(name), &mut missing).await?
        {
            rules.insert(name.to_owned(), rule);
        }
    }
    let siblings = in_namespace(&configuration.scopes, &here.namespace)
        .into_iter()
        .filter(|sibling| sibling.name_any() != here.name && sibling.spec.phone_system_ref == spec.phone_system_ref)
        // One that is about to go provides nobody any more: others take over whom they select.
        .filter(|sibling| sibling.metadata.deletion_timestamp.is_none());
    let siblings: Vec<_> = siblings.collect();
    let unserved = siblings
        .iter()
        .filter(|sibling| !agent.serves_scope(configuration, sibling));
    let unserved = unserved.map(|sibling| sibling.name_any()).collect();
    match (directory, system) {
        (Some(directory), Some(system)) if missing.is_empty() => Ok(Fetched {
            directory,
            system,
            rules,
            siblings,
            unserved,
            unreadable: configuration.unreadable_scopes.in_namespace(&here.namespace),
        }),
        _ => Err(FetchError::FindReferences(missing)),
    }
}

impl Fetched {
    /// Moves when one of the objects that the scope refers to is another, or says something else.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        digest_of(&*self.directory, &mut hasher);
        digest_of(&*self.system, &mut hasher);
        self.rules.values().for_each(|rule| digest_of(&**rule, &mut hasher));
        hasher.finish()
    }
}

fn digest_of<K: Resource>(object: &K, hasher: &mut DefaultHasher) {
    let metadata = object.meta();
    (&metadata.name, &metadata.uid, metadata.generation).hash(hasher);
}

/// The object, or word that it is missing.
async fn find<K>(
    client: &Client,
    store: &Store<K>,
    name: &NamespacedName,
    missing: &mut Vec<String>,
) -> Result<Option<Arc<K>>, FetchError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let found = configuration::find(client, store, name)
        .await
        .map_err(|source| FetchError::GetObject {
            kind: K::kind(&()).into_owned(),
            name: name.to_string(),
            source,
        })?;
    if found.is_none() {
        missing.push(format!("{} {} does not exist: create it", K::kind(&()), name.name));
    }
    Ok(found)
}

fn rules_named(spec: &SyncScopeSpec) -> BTreeSet<&str> {
    let of_people = spec.extensions.iter().map(|entry| &entry.rule_ref);
    let of_departments = spec
        .departments
        .iter()
        .filter_map(|department| department.ring_group.rule_ref.as_ref());
    of_people
        .chain(of_departments)
        .map(|reference| reference.name.as_str())
        .collect()
}
