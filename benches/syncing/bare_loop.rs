//! The yardstick: a loop that sends ready-made objects by server-side apply, and thinks of nothing else.

use futures::{StreamExt, stream};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ObjectMeta, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::env::{Kube, Namespace, operator};
use crate::server::ServerCpu;
use crate::support::{Cost, Meter};

/// As many as the operator has.
const IN_FLIGHT: usize = 16;

/// Objects to send, and where to.
pub struct BareLoop<'a> {
    namespace: Namespace<'a>,
    client: Client,
    objects: Vec<(ApiResource, DynamicObject)>,
}

/// What it took.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub cost: Cost,
    /// CPU seconds of the API server meanwhile.
    pub server: f64,
}

impl<'a> BareLoop<'a> {
    /// Copies what is in one namespace for a fresh one, without what the API server adds.
    pub async fn prepare(kube: &'a Kube, objects: &[DynamicObject]) -> Self {
        let namespace = kube.namespace("bare").await;
        let client = operator::client_with_its_rights(kube, &[&namespace]).await;
        let objects = objects.iter().map(|object| copy(object, namespace.name())).collect();
        Self {
            namespace,
            client,
            objects,
        }
    }

    /// Sends all of them.
    pub async fn send(self) -> Sent {
        let server = ServerCpu::start(&self.namespace.client()).await;
        let meter = Meter::of_this_process();
        let parameters = PatchParams::apply("bare-loop");
        stream::iter(&self.objects)
            .for_each_concurrent(IN_FLIGHT, |(resource, object)| {
                let api: Api<DynamicObject> =
                    Api::namespaced_with(self.client.clone(), self.namespace.name(), resource);
                let (name, parameters) = (object.name_any(), &parameters);
                async move {
                    api.patch(&name, parameters, &Patch::Apply(object))
                        .await
                        .expect("the namespace is fresh");
                }
            })
            .await;
        Sent {
            // Its memory is the whole bench's.
            cost: Cost {
                peak_memory: None,
                ..meter.read()
            },
            server: server.seconds().await,
        }
    }
}

fn copy(object: &DynamicObject, namespace: &str) -> (ApiResource, DynamicObject) {
    let types = object.types.as_ref().expect("it was read with its kind");
    let kind = GroupVersionKind::try_from(types).expect("an API server knows its kinds");
    let metadata = ObjectMeta {
        name: object.metadata.name.clone(),
        namespace: Some(namespace.to_owned()),
        labels: object.metadata.labels.clone(),
        ..ObjectMeta::default()
    };
    let copy = DynamicObject {
        types: object.types.clone(),
        metadata,
        data: json!({"spec": object.data["spec"]}),
    };
    (ApiResource::from_gvk(&kind), copy)
}
