//! What is in the cluster of the many kinds (users, numbers, ring groups): compact maps, one set a phone system.
//!
//! The watches fill them, and the operator's own writes are folded in at once from the API server's answer, so that the
//! next plan never works on what it has just changed itself. Nothing here decides what to do about what it sees.

mod changes;
mod kind;
mod record;
mod system;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use futures::Stream;
use kube::{Client, ResourceExt, api::DynamicObject};
use tokio::sync::{OwnedRwLockReadGuard, RwLock, watch as signal};

pub use self::{
    changes::{Author, ObjectChange},
    kind::{Kind, Record},
    system::System,
};
use self::{
    changes::{Listeners, Pace},
    system::Told,
    watch::system_of,
};
use super::{changes::NamespacedName, configuration::Reach};
use crate::sync::observed::{ObservedExtension, ObservedRingGroup, ObservedUser};

/// How many kinds there are to list before the maps can be trusted.
const KINDS: usize = 3;

/// Names of the objects of each kind that the operator wrote while that kind is being listed again.
type WrittenSince = BTreeMap<Kind, BTreeMap<NamespacedName, BTreeSet<Box<str>>>>;

/// The objects of the many kinds, by phone system. Cloning shares.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    systems: Arc<Mutex<BTreeMap<NamespacedName, Arc<RwLock<System>>>>>,
    listeners: Listeners,
    listed: Arc<signal::Sender<usize>>,
    written_since: Arc<Mutex<WrittenSince>>,
}

impl Objects {
    /// Starts watching; the future keeps at it for as long as it is polled.
    pub fn watch(client: &Client, reach: &Reach) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let objects = Self::default();
        let users = watch::watch_kind::<ObservedUser>(objects.clone(), client.clone(), reach.clone());
        let extensions = watch::watch_kind::<ObservedExtension>(objects.clone(), client.clone(), reach.clone());
        let ring_groups = watch::watch_kind::<ObservedRingGroup>(objects.clone(), client.clone(), reach.clone());
        let watching = async move {
            tokio::join!(users, extensions, ring_groups);
        };
        (objects, watching)
    }

    /// Waits until each kind has been listed once.
    pub async fn filled(&self) {
        // It can't fail while `self` holds the sender.
        let _ = self.listed.subscribe().wait_for(|listed| *listed == KINDS).await;
    }

    /// The objects of a phone system. What happens meanwhile waits until this is dropped.
    pub async fn of(&self, system: &NamespacedName) -> OwnedRwLockReadGuard<System> {
        self.system(system).read_owned().await
    }

    /// What changes from now on, as often as twice a second.
    pub fn changes(&self) -> impl Stream<Item = BTreeSet<ObjectChange>> + Send + use<> {
        self.listeners.listen(Pace::Prompt)
    }

    /// What changed, once a crowd of changes is over: for whoever looks at all objects of a phone system each time.
    pub fn settled_changes(&self) -> impl Stream<Item = BTreeSet<ObjectChange>> + Send + use<> {
        self.listeners.listen(Pace::Settled)
    }

    /// From here on, the watch may show the operator's own write of this object before its answer is there.
    pub(super) async fn begin_write<R: Record>(&self, system: &NamespacedName, name: &str) {
        self.system(system).write().await.begin_write(R::KIND, name);
    }

    /// The operator's write of this object is over; `answers` are what the API server said it became, if it did.
    pub(super) async fn end_write<R: Record>(&self, system: &NamespacedName, name: &str, answers: &[DynamicObject]) {
        let lock = self.system(system);
        let mut maps = lock.write().await;
        let mut told = Vec::new();
        for answer in answers {
            if !maps.knows::<R>(answer) {
                told.extend(maps.put(name, R::read(answer), Author::Operator));
            }
        }
        let versions: Vec<Box<str>> = answers
            .iter()
            .filter_map(ResourceExt::resource_version)
            .map(Into::into)
            .collect();
        told.extend(maps.end_write::<R>(name, &versions));
        if !answers.is_empty()
            && let Some(written) = self.written_since().get_mut(&R::KIND)
        {
            written.entry(system.clone()).or_default().insert(name.into());
        }
        drop(maps);
        self.tell(system, told);
    }

    /// The operator deleted an object, and the API server says that it is gone: whatever a watch that is behind still shows of it.
    pub(super) async fn deleted_by_us<R: Record>(&self, system: &NamespacedName, name: &str, uid: &str) {
        let told = self.system(system).write().await.delete::<R>(name, uid);
        self.tell(system, told);
    }

    /// Folds in what a read of one object showed; `None`: there is none of this name.
    pub(super) async fn looked_up<R: Record>(
        &self,
        system: &NamespacedName,
        name: &str,
        object: Option<&DynamicObject>,
    ) {
        let lock = self.system(system);
        let mut maps = lock.write().await;
        // An object of this name in another phone system is none of this one.
        let told = match object.filter(|object| system_of(object).as_ref() == Some(system)) {
            Some(object) => maps.put(name, R::read(object), Author::Other),
            None => maps.forget::<R>(name),
        };
        drop(maps);
        self.tell(system, told);
    }

    async fn seen<R: Record>(&self, object: &DynamicObject) {
        let Some(system) = system_of(object) else { return };
        let lock = self.system(&system);
        // Most of what a watch shows is what the operator has just written itself.
        if lock.read().await.knows::<R>(object) {
            return;
        }
        let record = R::read(object);
        let told = lock.write().await.put(&object.name_any(), record, Author::Other);
        self.tell(&system, told);
    }

    async fn deleted<R: Record>(&self, object: &DynamicObject) {
        let Some(system) = system_of(object) else { return };
        let version = object.resource_version().unwrap_or_default();
        let told = self
            .system(&system)
            .write()
            .await
            .remove::<R>(&object.name_any(), &version);
        self.tell(&system, told);
    }

    /// A list of this kind begins: what the operator writes from here on may be missing in it.
    fn begin_list(&self, kind: Kind) {
        self.written_since().insert(kind, BTreeMap::new());
    }

    async fn replace<R: Record>(&self, mut listing: BTreeMap<NamespacedName, BTreeMap<Box<str>, R>>) {
        let known: Vec<NamespacedName> = self.lock().keys().cloned().collect();
        for system in known {
            listing.entry(system).or_default();
        }
        for (system, listed) in listing {
            let lock = self.system(&system);
            let mut maps = lock.write().await;
            let written = self
                .written_since()
                .get(&R::KIND)
                .and_then(|all| all.get(&system))
                .cloned();
            let told = maps.replace(listed, &written.unwrap_or_default());
            drop(maps);
            self.tell(&system, told);
        }
        self.written_since().remove(&R::KIND);
    }

    fn count_listed(&self) {
        self.listed.send_modify(|listed| *listed += 1);
    }

    fn system(&self, name: &NamespacedName) -> Arc<RwLock<System>> {
        self.lock().entry(name.clone()).or_default().clone()
    }

    fn written_since(&self) -> std::sync::MutexGuard<'_, WrittenSince> {
        self.written_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<NamespacedName, Arc<RwLock<System>>>> {
        self.systems.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, system: &NamespacedName, told: Vec<Told>) {
        for Told { by, scope } in told {
            self.listeners.tell(&ObjectChange {
                system: system.clone(),
                by,
                scope,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(name: &str) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneUser",
            "metadata": {"name": name, "namespace": "telephony", "uid": name, "resourceVersion": "20"},
            "spec": {"phoneSystemRef": {"name": "hq"}, "login": name},
        }))
        .unwrap()
    }

    async fn write(objects: &Objects, system: &NamespacedName, name: &str) {
        objects.begin_write::<ObservedUser>(system, name).await;
        objects.end_write::<ObservedUser>(system, name, &[user(name)]).await;
    }

    #[tokio::test]
    async fn what_the_operator_made_while_a_list_was_under_way_stays() {
        let (objects, system) = (Objects::default(), NamespacedName::new("telephony", "hq"));
        write(&objects, &system, "before").await;
        objects.begin_list(Kind::User);
        write(&objects, &system, "meanwhile").await;
        objects.replace::<ObservedUser>(BTreeMap::new()).await;
        let names: Vec<Box<str>> = objects.of(&system).await.users.keys().cloned().collect();
        assert_eq!(names, ["meanwhile".into()]);
        objects.begin_list(Kind::User);
        objects.replace::<ObservedUser>(BTreeMap::new()).await;
        assert!(objects.of(&system).await.users.is_empty(), "the next list knows of it");
    }
}
