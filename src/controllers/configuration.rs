//! What people wrote: the four configuration kinds as the API server last told, and word of every change of them.
//!
//! One watch a kind, shared by all controllers. The many kinds (users, numbers, ring groups) don't belong here: see `observed`.

use std::{collections::BTreeSet, fmt::Debug, future::Future, sync::Arc};

use futures::StreamExt;
use kube::{
    Api, Client, Resource, ResourceExt,
    core::{DeserializeGuard, NamespaceResourceScope},
    runtime::{
        WatchStreamExt,
        reflector::{self, ObjectRef, Store, store::Writer},
        watcher::{Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::watch as signal;
use tracing::warn;

use super::{
    changes::{Change, Changes, NamespacedName},
    client::{CallError, call, watch_settings},
};
use crate::api::{ActiveDirectoryConfig, ExtensionRule, PhoneSystem, SyncScope, annotations};

/// Which namespaces this operator serves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reach {
    /// All of them.
    Cluster,
    /// One. An operator that serves several runs a set of controllers for each: nothing refers across namespaces.
    Namespace(String),
}

impl Reach {
    /// The objects of a kind within reach.
    pub fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match self {
            Self::Cluster => Api::all(client.clone()),
            Self::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
        }
    }
}

/// The four configuration kinds. Cloning shares.
#[derive(Clone)]
pub struct Configuration {
    /// How to reach domains.
    pub directories: Store<ActiveDirectoryConfig>,
    /// How numbers are given.
    pub rules: Store<ExtensionRule>,
    /// Target systems.
    pub systems: Store<PhoneSystem>,
    /// Who is synced.
    pub scopes: Store<SyncScope>,
    /// How many kinds have been listed. (`Store::wait_until_ready` wakes one of those who wait.)
    listed: signal::Receiver<usize>,
}

const KINDS: usize = 4;

impl Configuration {
    /// Starts watching; the future keeps at it for as long as it is polled.
    pub fn watch(client: &Client, reach: &Reach, changes: &Changes) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (count, listed) = signal::channel(0);
        let told = || Told {
            changes: changes.clone(),
            listed: count.clone(),
        };
        let (directories, watch_directories) = watch_kind(reach.api(client), told(), Change::Directory);
        let (rules, watch_rules) = watch_kind(reach.api(client), told(), Change::Rule);
        let (systems, watch_systems) = watch_kind(reach.api(client), told(), Change::System);
        let (scopes, watch_scopes) = watch_kind(reach.api(client), told(), Change::Scope);
        let watching = async move {
            tokio::join!(watch_directories, watch_rules, watch_systems, watch_scopes);
        };
        (
            Self {
                directories,
                rules,
                systems,
                scopes,
                listed,
            },
            watching,
        )
    }

    /// Waits until each kind has been listed once.
    pub async fn filled(&self) {
        if self.listed.clone().wait_for(|listed| *listed == KINDS).await.is_err() {
            // The watches are gone; nothing will fill it any more.
            std::future::pending::<()>().await;
        }
    }
}

/// The object from the store. That it is missing there is believed only when the API server says so too: the watch of
/// another kind may be a moment behind.
pub async fn find<K>(client: &Client, store: &Store<K>, name: &NamespacedName) -> Result<Option<Arc<K>>, CallError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    if let Some(object) = store.get(&name.reference()) {
        return Ok(Some(object));
    }
    let api: Api<K> = Api::namespaced(client.clone(), &name.namespace);
    call(api.get_opt(&name.name)).await.map(|object| object.map(Arc::new))
}

/// The objects of a kind in one namespace, by name.
pub fn in_namespace<K>(store: &Store<K>, namespace: &str) -> Vec<Arc<K>>
where
    K: Resource<DynamicType = ()> + Clone,
{
    let mut objects = store.state_filter(|object| object.namespace().as_deref() == Some(namespace));
    objects.sort_by_key(|object| object.name_any());
    objects
}

fn watch_kind<K>(
    api: Api<DeserializeGuard<K>>,
    told: Told,
    change: fn(NamespacedName) -> Change,
) -> (Store<K>, impl Future<Output = ()> + Send)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let mut reflection = Reflection {
        writer,
        store: store.clone(),
        told,
        change,
        listing: None,
        is_filled: false,
    };
    let watching = async move {
        let mut events = Box::pin(watcher(api, watch_settings()).default_backoff());
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => reflection.take(event),
                Err(error) => warn!(kind = %K::kind(&()), %error, "the watch broke off, trying again"),
            }
        }
    };
    (store, watching)
}

/// Keeps a store as the watch says, and announces what changed.
struct Reflection<K: Resource<DynamicType = ()> + Clone + 'static> {
    writer: Writer<K>,
    store: Store<K>,
    told: Told,
    change: fn(NamespacedName) -> Change,
    listing: Option<Listing>,
    is_filled: bool,
}

/// Who is told what a watch shows.
struct Told {
    changes: Changes,
    listed: signal::Sender<usize>,
}

/// A list that is under way: the store shows it only when it is complete.
#[derive(Default)]
struct Listing {
    seen: BTreeSet<NamespacedName>,
    changed: BTreeSet<NamespacedName>,
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Reflection<K> {
    fn take(&mut self, event: Event<DeserializeGuard<K>>) {
        match event {
            Event::Init => {
                self.listing = Some(Listing::default());
                self.writer.apply_watcher_event(&Event::Init);
            }
            Event::InitApply(guarded) => {
                let name = NamespacedName::of(&guarded);
                let readable = readable(guarded);
                let changed = readable.as_ref().is_some_and(|object| self.differs(&name, object));
                let reference = name.reference();
                if let Some(listing) = &mut self.listing {
                    listing.seen.insert(name.clone());
                    if changed {
                        listing.changed.insert(name);
                    }
                }
                let before = || self.store.get(&reference).map(|before| (*before).clone());
                if let Some(object) = readable.or_else(before) {
                    self.writer.apply_watcher_event(&Event::InitApply(object));
                }
            }
            Event::InitDone => {
                let Listing { seen, mut changed } = self.listing.take().unwrap_or_default();
                let before = self.store.state();
                changed.extend(
                    before
                        .iter()
                        .map(|object| NamespacedName::of(&**object))
                        .filter(|name| !seen.contains(name)),
                );
                self.writer.apply_watcher_event(&Event::InitDone);
                if !std::mem::replace(&mut self.is_filled, true) {
                    self.told.listed.send_modify(|listed| *listed += 1);
                }
                for name in changed {
                    self.announce(name);
                }
            }
            Event::Apply(guarded) => {
                let name = NamespacedName::of(&guarded);
                if let Some(object) = readable(guarded) {
                    let changed = self.differs(&name, &object);
                    self.writer.apply_watcher_event(&Event::Apply(object));
                    if changed {
                        self.announce(name);
                    }
                }
            }
            Event::Delete(guarded) => {
                let name = NamespacedName::of(&guarded);
                if let Some(object) = self.store.get(&name.reference()) {
                    self.writer.apply_watcher_event(&Event::Delete((*object).clone()));
                    self.announce(name);
                }
            }
        }
    }

    fn differs(&self, name: &NamespacedName, object: &K) -> bool {
        let reference: ObjectRef<K> = name.reference();
        self.store
            .get(&reference)
            .is_none_or(|before| wish(&*before) != wish(object))
    }

    fn announce(&self, name: NamespacedName) {
        self.told.changes.announce((self.change)(name));
    }
}

/// The object without what nobody here looks at. One that can't be read is left as it was last read.
fn readable<K: Resource<DynamicType = ()>>(DeserializeGuard(guarded): DeserializeGuard<K>) -> Option<K> {
    match guarded {
        Ok(mut object) => {
            object.meta_mut().managed_fields = None;
            Some(object)
        }
        Err(invalid) => {
            let name = invalid.metadata.name.as_deref().unwrap_or_default();
            let namespace = invalid.metadata.namespace.as_deref().unwrap_or_default();
            warn!(kind = %K::kind(&()), namespace, name, error = %invalid, "an object can't be read and is left out");
            None
        }
    }
}

/// What makes an object worth another look: not its status, and no annotation but the request to sync now.
fn wish<K: Resource>(object: &K) -> (Option<&str>, Option<i64>, bool, Option<&str>) {
    let meta = object.meta();
    let requested = meta
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(annotations::REQUESTED_AT));
    (
        meta.uid.as_deref(),
        meta.generation,
        meta.deletion_timestamp.is_some(),
        requested.map(String::as_str),
    )
}
