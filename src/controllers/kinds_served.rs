//! Whether the API server has our kinds, and lets us read them. Asked by listing, so that no rights on CRDs are needed.

use kube::{Api, Client, Resource, api::ListParams, core::NamespaceResourceScope};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

use super::{
    client::{CallError, call},
    configuration::Reach,
};
use crate::api::{ActiveDirectoryConfig, Extension, ExtensionRule, PhoneSystem, PhoneUser, RingGroup, SyncScope};

/// Why the operator can't begin yet.
#[derive(Debug, thiserror::Error)]
pub enum Unserved {
    /// CRDs are missing.
    #[error("the API server has no {}: apply the CRDs (`adsync crds | kubectl apply --server-side -f -`)", missing.join(", "))]
    FindKinds {
        /// The kinds without a CRD.
        missing: Vec<String>,
    },
    /// The operator has not the rights that it needs.
    #[error("the operator may not list {kind}: {message}; give its service account the rights in deploy/rbac.yaml")]
    ListKind {
        /// The kind.
        kind: String,
        /// What the API server says.
        message: String,
    },
    /// The API server can't be asked.
    #[error("cannot ask the API server for {kind}")]
    AskForKind {
        /// The kind.
        kind: String,
        /// Why.
        source: CallError,
    },
}

/// Asks for each of our kinds. Gives whether there is any object of them.
pub async fn check(client: &Client, reach: &Reach) -> Result<bool, Unserved> {
    let (mut missing, mut is_any) = (Vec::new(), false);
    for served in [
        is_served::<ActiveDirectoryConfig>(client, reach).await?,
        is_served::<ExtensionRule>(client, reach).await?,
        is_served::<SyncScope>(client, reach).await?,
        is_served::<PhoneSystem>(client, reach).await?,
        is_served::<PhoneUser>(client, reach).await?,
        is_served::<Extension>(client, reach).await?,
        is_served::<RingGroup>(client, reach).await?,
    ] {
        match served {
            Ok(objects) => is_any |= objects > 0,
            Err(kind) => missing.push(kind),
        }
    }
    if missing.is_empty() {
        Ok(is_any)
    } else {
        Err(Unserved::FindKinds { missing })
    }
}

/// How many objects a short look shows; `Err` is the kind's name, when the API server doesn't know it.
async fn is_served<K>(client: &Client, reach: &Reach) -> Result<Result<usize, String>, Unserved>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let kind = format!("{}.{}", K::kind(&()), K::group(&()));
    let api: Api<K> = reach.api(client);
    match call(api.list_metadata(&ListParams::default().limit(1))).await {
        Ok(found) => Ok(Ok(found.items.len())),
        Err(error) => match error.code() {
            Some(404) => Ok(Err(kind)),
            Some(401 | 403) => Err(Unserved::ListKind {
                kind,
                message: error.to_string(),
            }),
            _ => Err(Unserved::AskForKind { kind, source: error }),
        },
    }
}
