//! What holds at the end of every test of a sync, whatever it was about: statuses are as kstatus reads them, counts add up, a
//! number has one holder, and another sync of what has converged writes nothing.

use std::collections::BTreeMap;

use adsync::api::{
    Extension, PhoneUser, RingGroup, SyncScope,
    conditions::READY,
    extension::{ExtensionState, HolderKind},
    labels,
    sync_scope::UserCounts,
};
use kube::{Resource, ResourceExt, api::ListParams, core::NamespaceResourceScope};
use serde::de::DeserializeOwned;

use super::scene::Scene;
use crate::{
    env,
    scenario::{await_rest, eventually, has, written},
};

impl Scene {
    /// The end of a test.
    pub async fn finish(&self) {
        self.await_kstatus().await;
        for scope in self.list::<SyncScope>().await {
            let status = scope.status.as_ref().unwrap();
            if let Some(users) = &status.users {
                adds_up(users);
            }
            if !scope.spec.suspend && has(status, READY, "True") && has(status, "Synced", "True") {
                self.is_silent(&scope).await;
            }
        }
        self.numbers_have_one_holder().await;
    }

    /// Every configuration object says what kstatus, Helm and Argo CD need, in its present generation.
    pub async fn await_kstatus(&self) {
        await_rest(&self.namespace).await;
    }

    async fn list<K>(&self) -> Vec<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
    {
        self.namespace
            .api::<K>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
    }

    /// One more sync writes nothing but its echo.
    async fn is_silent(&self, scope: &SyncScope) {
        // What the test did last may still be under way: it is over when the scope was synced once more.
        self.sync(&scope.name_any()).await;
        let position = env::kube().await.audit_position();
        let began = jiff::Timestamp::now();
        self.sync(&scope.name_any()).await;
        let operator = self.operator().await;
        // A status can be seen a moment before its patch is in the log; whatever came before the patch is there by then.
        let writes = eventually("the echo of a request", async || {
            let mut writes = written(&self.namespace, position, operator);
            writes.retain(|event| {
                let received: jiff::Timestamp = event.request_received_timestamp.parse().unwrap();
                // These two count what is there in their own time.
                received >= began && !["extensionrules", "phonesystems"].contains(&&*event.object.resource)
            });
            let echoed = writes.iter().any(|event| event.object.resource == "syncscopes");
            echoed.then_some(writes)
        })
        .await;
        let told: Vec<_> = writes
            .iter()
            .map(|event| (&*event.object.resource, &*event.object.name, &*event.object.subresource))
            .collect();
        assert_eq!(
            told,
            [("syncscopes", &*scope.name_any(), "status")],
            "a converged scope writes nothing but the echo of a request"
        );
    }

    /// Whom the operator gave a number holds it, and nobody else has it.
    async fn numbers_have_one_holder(&self) {
        let mut holders = BTreeMap::new();
        for extension in self.list::<Extension>().await {
            let assigned = extension.spec.state == ExtensionState::Assigned;
            if let Some(holder) = extension.spec.holder.filter(|_| assigned) {
                holders.insert(extension.spec.number, holder);
            }
        }
        let users = self.list::<PhoneUser>().await.into_iter();
        let users = users
            .filter(is_managed)
            .map(|user| (HolderKind::PhoneUser, user.name_any(), user.spec.extension));
        let groups = self.list::<RingGroup>().await.into_iter();
        let groups = groups
            .filter(is_managed)
            .map(|group| (HolderKind::RingGroup, group.name_any(), group.spec.number));
        for (kind, name, number) in users.chain(groups) {
            let Some(number) = number else { continue };
            let holder = holders.get(&number);
            assert!(
                holder.is_some_and(|holder| holder.kind == kind && holder.name == name),
                "{name} has {number}, which is held by {holder:?}"
            );
        }
    }
}

fn is_managed(object: &impl ResourceExt) -> bool {
    object.labels().contains_key(labels::MANAGED_BY)
}

fn adds_up(users: &UserCounts) {
    assert_eq!(
        users.found,
        users.excluded + users.inactive + users.in_scope,
        "found: {users:?}"
    );
    assert_eq!(users.in_scope, users.matched + users.unmatched, "inScope: {users:?}");
    assert!(users.disabled <= users.matched, "disabled: {users:?}");
}
