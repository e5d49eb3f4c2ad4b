//! Whether more than one scope is going: its namespace, or the kind itself. I/O, with no right that the operator has not anyhow.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, CustomResourceExt,
    api::{ObjectMeta, PostParams},
};

use crate::{
    api::{LocalReference, PhoneUser, PhoneUserSpec, SyncScope},
    controllers::{
        changes::NamespacedName,
        client::{CallError, call},
    },
};

/// What the API server says when something is to be made in a namespace that is going (k8s.io/api, core/v1).
const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";

/// Whether the namespace or the kind of a scope is being deleted: then nobody wants to have this scope's people removed.
pub(super) async fn are_going(client: &Client, system: &NamespacedName) -> Result<bool, CallError> {
    Ok(is_namespace_going(client, system).await? || is_kind_going(client).await)
}

/// To read a namespace would take a right in the whole cluster. To try whether anything can still be made in it takes none.
async fn is_namespace_going(client: &Client, system: &NamespacedName) -> Result<bool, CallError> {
    let api: Api<PhoneUser> = Api::namespaced(client.clone(), &system.namespace);
    let trial = PhoneUser {
        metadata: ObjectMeta {
            generate_name: Some("adsync-trial-".to_owned()),
            ..ObjectMeta::default()
        },
        spec: PhoneUserSpec {
            phone_system_ref: LocalReference {
                name: system.name.clone(),
            },
            ..PhoneUserSpec::default()
        },
        status: None,
    };
    let parameters = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let tried = async {
        match api.create(&parameters, &trial).await {
            Err(kube::Error::Api(status)) => {
                let causes = status.details.iter().flat_map(|details| &details.causes);
                Ok(causes.into_iter().any(|cause| cause.reason == NAMESPACE_TERMINATING) || status.code == 404)
            }
            tried => tried.map(|_| false),
        }
    };
    call(tried).await
}

/// Only where the operator may look.
async fn is_kind_going(client: &Client) -> bool {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let found = call(api.get_metadata_opt(SyncScope::crd_name())).await;
    found.is_ok_and(|found| found.is_some_and(|found| found.metadata.deletion_timestamp.is_some()))
}
