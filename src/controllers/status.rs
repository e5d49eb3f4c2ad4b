//! Writing the status of a configuration object: one patch, and only if something differs.

use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::client::{CallError, call};
use crate::api::FIELD_MANAGER;

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
