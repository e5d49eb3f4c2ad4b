//! Writing the status of a configuration object: one patch, and only if something differs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    changes::NamespacedName,
    client::{CallError, call},
};
use crate::api::FIELD_MANAGER;

/// Objects of a kind as the last write of their status left them: the watch may be behind, and a status that is compared with an
/// old one is written twice. Cloning shares.
#[derive(Debug)]
pub struct Written<K>(Arc<Mutex<HashMap<NamespacedName, Arc<K>>>>);

impl<K> Default for Written<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K> Clone for Written<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Resource> Written<K> {
    /// The newer of an object as the watch shows it and as it was written.
    pub fn newest(&self, seen: Arc<K>) -> Arc<K> {
        let all = self.all();
        let written = all.get(&NamespacedName::of(&*seen));
        written
            .filter(|written| is_newer(&***written, &*seen))
            .cloned()
            .unwrap_or(seen)
    }

    /// It was written.
    pub fn note(&self, object: K) {
        self.all().insert(NamespacedName::of(&object), Arc::new(object));
    }

    /// It is gone.
    pub fn forget(&self, name: &NamespacedName) {
        self.all().remove(name);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<NamespacedName, Arc<K>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether one is a later state than the other of the same object.
pub fn is_newer<K: Resource>(one: &K, other: &K) -> bool {
    let version = |object: &K| {
        object
            .resource_version()
            .and_then(|version| version.parse::<u64>().ok())
    };
    one.uid() == other.uid() && version(one) > version(other)
}

/// Makes the object's status `after`, when it is not that already; returns the object as the API server has it then.
///
/// An apply of the whole status: what it leaves out, the operator had before and lets go. The uid keeps it from another
/// object of the same name.
pub async fn write<K, S>(api: &Api<K>, object: &K, before: Option<&S>, after: &S) -> Result<Option<K>, CallError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
    S: Serialize + PartialEq,
{
    if before == Some(after) {
        return Ok(None);
    }
    apply(api, object, None, after).await.map(Some)
}

/// Makes the status `after` of an object that nobody has changed meanwhile; else it is a conflict.
pub async fn write_unchanged<K, S>(api: &Api<K>, object: &K, after: &S) -> Result<K, CallError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
    S: Serialize,
{
    apply(api, object, object.resource_version(), after).await
}

async fn apply<K, S>(api: &Api<K>, object: &K, version: Option<String>, after: &S) -> Result<K, CallError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
    S: Serialize,
{
    let mut body = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": object.name_any(), "uid": object.uid()},
        "status": after,
    });
    if let (Some(version), Some(metadata)) = (version, body.pointer_mut("/metadata")) {
        metadata["resourceVersion"] = json!(version);
    }
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    call(api.patch_status(&object.name_any(), &parameters, &Patch::Apply(&body))).await
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn object(uid: &str, version: &str) -> ConfigMap {
        serde_json::from_value(
            json!({"metadata": {"name": "corp", "namespace": "telephony", "uid": uid, "resourceVersion": version}}),
        )
        .unwrap()
    }

    #[test]
    fn the_newest_is_what_was_written_until_the_watch_has_caught_up() {
        let written = Written::default();
        written.note(object("one", "10"));
        let newest = |uid, version| written.newest(Arc::new(object(uid, version))).resource_version();
        assert_eq!(newest("one", "9").as_deref(), Some("10"), "as numbers");
        assert_eq!(newest("one", "11").as_deref(), Some("11"));
        assert_eq!(newest("two", "9").as_deref(), Some("9"), "another object of that name");
        written.forget(&NamespacedName::new("telephony", "corp"));
        assert_eq!(newest("one", "9").as_deref(), Some("9"));
    }
}
