//! What people wrote: the four configuration kinds as the API server last told, and word of every change of them.
//!
//! One watch a kind, shared by all controllers. The many kinds (users, numbers, ring groups) don't belong here: see `observed`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::StreamExt;
use jiff::Timestamp;
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
    client::{CallError, WatchWaits, call, watch_settings},
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
    /// Scopes that could not be read since the operator started, so that nobody knows whom they see.
    pub unreadable_scopes: Unreadable,
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
        let (directories, _, watch_directories) = watch_kind(reach.api(client), told(), Change::Directory);
        let (rules, _, watch_rules) = watch_kind(reach.api(client), told(), Change::Rule);
        let (systems, _, watch_systems) = watch_kind(reach.api(client), told(), Change::System);
        let (scopes, unreadable_scopes, watch_scopes) = watch_kind(reach.api(client), told(), Change::Scope);
        let watching = async move {
            tokio::join!(watch_directories, watch_rules, watch_systems, watch_scopes);
        };
        (
            Self {
                directories,
                rules,
                systems,
                scopes,
                unreadable_scopes,
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

/// Objects of a kind that are there and are in no store, with when they were created: a newer CRD, or one that was changed by
/// hand, admits what this operator can't read. Cloning shares.
#[derive(Clone, Debug, Default)]
pub struct Unreadable(Arc<Mutex<BTreeMap<NamespacedName, Option<Timestamp>>>>);

impl Unreadable {
    /// Those in a namespace, by name.
    pub fn in_namespace(&self, namespace: &str) -> BTreeMap<String, Option<Timestamp>> {
        let all = self.all();
        let here = all.iter().filter(|(object, _)| object.namespace == namespace);
        here.map(|(object, created)| (object.name.clone(), *created)).collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<NamespacedName, Option<Timestamp>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
) -> (Store<K>, Unreadable, impl Future<Output = ()> + Send)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let unreadable = Unreadable::default();
    let mut reflection = Reflection {
        writer,
        store: store.clone(),
        unreadable: unreadable.clone(),
        told,
        change,
        listing: None,
        is_filled: false,
    };
    let watching = async move {
        let mut events = Box::pin(watcher(api, watch_settings()).backoff(WatchWaits::default()));
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => reflection.take(event),
                Err(error) => warn!(kind = %K::kind(&()), %error, "the watch broke off, trying again"),
            }
        }
    };
    (store, unreadable, watching)
}

/// Keeps a store as the watch says, and announces what changed.
struct Reflection<K: Resource<DynamicType = ()> + Clone + 'static> {
    writer: Writer<K>,
    store: Store<K>,
    unreadable: Unreadable,
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
    unreadable: BTreeMap<NamespacedName, Option<Timestamp>>,
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Reflection<K> {
    fn take(&mut self, event: Event<DeserializeGuard<K>>) {
        match event {
            Event::Init => {
                self.listing = Some(Listing::default());
                self.writer.apply_watcher_event(&Event::Init);
            }
            Event::InitApply(guarded) => self.list(guarded),
            Event::InitDone => {
                let Listing {
                    seen,
                    mut changed,
                    unreadable,
                } = self.listing.take().unwrap_or_default();
                let before = self.store.state();
                let read = before.iter().map(|object| NamespacedName::of(&**object));
                let unread = std::mem::replace(&mut *self.unreadable.all(), unreadable);
                changed.extend(read.chain(unread.into_keys()).filter(|name| !seen.contains(name)));
                self.writer.apply_watcher_event(&Event::InitDone);
                if !std::mem::replace(&mut self.is_filled, true) {
                    self.told.listed.send_modify(|listed| *listed += 1);
                }
                for name in changed {
                    self.announce(name);
                }
            }
            Event::Apply(guarded) => {
                let (name, created) = (NamespacedName::of(&guarded), created(&guarded));
                if let Some(object) = readable(guarded) {
                    self.unreadable.all().remove(&name);
                    let changed = self.differs(&name, &object);
                    self.writer.apply_watcher_event(&Event::Apply(object));
                    if changed {
                        self.announce(name);
                    }
                } else if self.store.get(&name.reference()).is_none() {
                    let before = self.unreadable.all().insert(name.clone(), created);
                    if before.is_none() {
                        self.announce(name);
                    }
                }
            }
            Event::Delete(guarded) => {
                let name = NamespacedName::of(&guarded);
                if self.unreadable.all().remove(&name).is_some() {
                    self.announce(name);
                } else if let Some(object) = self.store.get(&name.reference()) {
                    self.writer.apply_watcher_event(&Event::Delete((*object).clone()));
                    self.announce(name);
                }
            }
        }
    }

    fn list(&mut self, guarded: DeserializeGuard<K>) {
        let (name, created) = (NamespacedName::of(&guarded), created(&guarded));
        let readable = readable(guarded);
        let is_known = self.unreadable.all().contains_key(&name);
        let changed = readable
            .as_ref()
            .map_or(!is_known, |object| self.differs(&name, object));
        let before = || self.store.get(&name.reference()).map(|before| (*before).clone());
        let object = readable.or_else(before);
        if let Some(listing) = &mut self.listing {
            listing.seen.insert(name.clone());
            if object.is_none() {
                listing.unreadable.insert(name.clone(), created);
            }
            if changed {
                listing.changed.insert(name);
            }
        }
        if let Some(object) = object {
            self.writer.apply_watcher_event(&Event::InitApply(object));
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

fn created<K: Resource>(object: &K) -> Option<Timestamp> {
    object.meta().creation_timestamp.as_ref().map(|time| time.0)
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

/// What makes an object worth another look: not its status, and no annotation but the request to sync now and the approval of
/// what is held.
fn wish<K: Resource>(object: &K) -> (Option<&str>, Option<i64>, bool, [Option<&String>; 2]) {
    let meta = object.meta();
    let said = |annotation| {
        let annotations = meta.annotations.as_ref();
        annotations.and_then(|annotations| annotations.get(annotation))
    };
    (
        meta.uid.as_deref(),
        meta.generation,
        meta.deletion_timestamp.is_some(),
        [annotations::REQUESTED_AT, annotations::APPROVE].map(said),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn scope(name: &str, mode: &str) -> DeserializeGuard<SyncScope> {
        let object: Json = json!({
            "apiVersion": "adsync.dev/v1alpha1", "kind": "SyncScope",
            "metadata": {"name": name, "namespace": "telephony", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"directoryRef": {"name": "corp"}, "phoneSystemRef": {"name": "hq"}, "users": {}, "mode": mode},
        });
        serde_json::from_value(object).unwrap()
    }

    fn reflection() -> Reflection<SyncScope> {
        let (store, writer) = reflector::store();
        Reflection {
            writer,
            store,
            unreadable: Unreadable::default(),
            told: Told {
                changes: Changes::default(),
                listed: signal::Sender::new(0),
            },
            change: Change::Scope,
            listing: None,
            is_filled: false,
        }
    }

    fn unreadable(reflection: &Reflection<SyncScope>) -> Vec<String> {
        reflection.unreadable.in_namespace("telephony").into_keys().collect()
    }

    #[test]
    fn what_could_never_be_read_is_known_by_name_until_it_can_or_goes() {
        let mut reflection = reflection();
        reflection.take(Event::Init);
        reflection.take(Event::InitApply(scope("readable", "Apply")));
        reflection.take(Event::InitApply(scope("newer", "Guess")));
        assert_eq!(unreadable(&reflection), [""; 0], "the list is not complete");
        reflection.take(Event::InitDone);
        assert_eq!(unreadable(&reflection), ["newer"]);
        reflection.take(Event::Apply(scope("readable", "Guess")));
        reflection.take(Event::Apply(scope("other", "Guess")));
        assert_eq!(
            unreadable(&reflection),
            ["newer", "other"],
            "one is as it was last read"
        );
        reflection.take(Event::Apply(scope("newer", "Apply")));
        reflection.take(Event::Delete(scope("other", "Guess")));
        assert_eq!(unreadable(&reflection), [""; 0]);
        assert_eq!(reflection.store.state().len(), 2);
    }
}
