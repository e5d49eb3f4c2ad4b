//! The one finalizer: on a SyncScope exactly while its `deletionPolicy` is Delete. I/O; what happens at the end is not known here.

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    api::{DELETION_FINALIZER, SyncScope, sync_scope::DeletionPolicy},
    controllers::client::{CallError, call},
};

/// Changes of others in a row that a write gives way to.
const ROUNDS: usize = 4;

/// Whether the scope has it.
pub(super) fn is_on(scope: &SyncScope) -> bool {
    scope
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == DELETION_FINALIZER)
}

/// Whether the scope should have it.
pub(super) fn is_wanted(scope: &SyncScope) -> bool {
    scope.spec.deletion_policy == DeletionPolicy::Delete && scope.metadata.deletion_timestamp.is_none()
}

/// Puts it on, or takes it off. Gives the scope as it is then; `None`: it is gone, or another one.
pub(super) async fn set(api: &Api<SyncScope>, scope: &SyncScope, on: bool) -> Result<Option<SyncScope>, CallError> {
    let mut scope = scope.clone();
    for _ in 0..ROUNDS {
        if is_on(&scope) == on {
            return Ok(Some(scope));
        }
        match write(api, &scope, on).await {
            Ok(written) => return Ok(Some(written)),
            Err(error) if error.code() == Some(404) => return Ok(None),
            Err(error) if error.code() == Some(409) => {}
            Err(error) => return Err(error),
        }
        match call(api.get_opt(&scope.name_any())).await? {
            Some(found) if found.uid() == scope.uid() => scope = found,
            _ => return Ok(None),
        }
    }
    Err(CallError::Refused {
        code: 409,
        reason: "Conflict".to_owned(),
        message: "others change it all the time".to_owned(),
    })
}

/// The version keeps the finalizers that others add meanwhile.
async fn write(api: &Api<SyncScope>, scope: &SyncScope, on: bool) -> Result<SyncScope, CallError> {
    let others = scope
        .finalizers()
        .iter()
        .map(String::as_str)
        .filter(|finalizer| *finalizer != DELETION_FINALIZER);
    let finalizers: Vec<&str> = others.chain(on.then_some(DELETION_FINALIZER)).collect();
    let metadata = json!({
        "uid": scope.uid(),
        "resourceVersion": scope.resource_version(),
        "finalizers": finalizers,
    });
    let patch = Patch::Merge(json!({"metadata": metadata}));
    call(api.patch(&scope.name_any(), &PatchParams::default(), &patch)).await
}
