//! Whether more than one scope is going: its namespace, or the kind itself. I/O, with no right that the operator has not anyhow.

use kube::{Client, Resource};

use crate::{
    api::SyncScope,
    controllers::{
        client::{CallError, call},
        trial::{Standing, try_namespace},
    },
};

/// Whether the namespace or the kind of a scope is being deleted: then nobody wants to have this scope's people removed.
pub(super) async fn are_going(client: &Client, namespace: &str) -> Result<bool, CallError> {
    Ok(try_namespace(client, namespace).await? != Standing::There || is_kind_going(client).await?)
}

/// To read a CRD would take a right in the whole cluster. What can be done with a kind, the API server tells everybody; of one that is
/// being deleted, nothing can be created any more (k8s.io/apiextensions-apiserver, `pkg/apiserver/customresource_discovery_controller.go`).
async fn is_kind_going(client: &Client) -> Result<bool, CallError> {
    let kinds = match call(client.list_api_group_resources(&SyncScope::api_version(&()))).await {
        Ok(kinds) => kinds.resources,
        // Where somebody has taken it from everybody, nobody knows.
        Err(error) if matches!(error.code(), Some(401 | 403)) => return Ok(false),
        // Nothing of ours is left.
        Err(error) if error.code() == Some(404) => return Ok(true),
        Err(error) => return Err(error),
    };
    let plural = SyncScope::plural(&());
    let mut scopes = kinds.iter().filter(|kind| kind.name == plural);
    Ok(scopes.any(|kind| !kind.verbs.iter().any(|verb| verb == "create")))
}
