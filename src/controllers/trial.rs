//! What becomes of a namespace, asked by trying whether something can still be made in it: to read a namespace would take a right in the
//! whole cluster, to try takes none that the operator has not anyhow. Nothing is made.

use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

use super::client::{CallError, call};
use crate::api::{LocalReference, PhoneUser, PhoneUserSpec};

/// What the API server says when something is to be made in a namespace that is going (k8s.io/api, core/v1).
const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";

/// How a namespace stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It is there, or nothing says otherwise.
    There,
    /// It is being deleted.
    Going,
    /// It does not exist.
    Absent,
}

/// Tries to make a PhoneUser.
pub async fn try_namespace(client: &Client, namespace: &str) -> Result<Standing, CallError> {
    let api: Api<PhoneUser> = Api::namespaced(client.clone(), namespace);
    let trial = PhoneUser {
        metadata: ObjectMeta {
            generate_name: Some("adsync-trial-".to_owned()),
            ..ObjectMeta::default()
        },
        spec: PhoneUserSpec {
            phone_system_ref: LocalReference {
                name: "adsync-trial".to_owned(),
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
                let mut causes = status.details.iter().flat_map(|details| &details.causes);
                Ok(if causes.any(|cause| cause.reason == NAMESPACE_TERMINATING) {
                    Standing::Going
                } else if status.code == 404 {
                    Standing::Absent
                } else {
                    Standing::There
                })
            }
            tried => tried.map(|_| Standing::There),
        }
    };
    call(tried).await
}
