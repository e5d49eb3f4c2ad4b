//! A namespace with an operator of its own, and what its syncs take: from the moment that somebody wants one until its status says
//! that it is done.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use adsync::api::{ActiveDirectoryConfig, Extension, RingGroup, SyncScope, annotations};
use futures::{StreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::wait::await_condition;
use kube::{Resource, ResourceExt};
use serde_json::{Value as Json, json};
use tokio::time::{sleep, timeout};

use crate::env::{Binary, Directory, Kube, Namespace};
use crate::server::ServerCpu;
use crate::support::{Cost, Meter};

const PATIENCE: Duration = Duration::from_mins(20);

/// Which ring groups there are to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Departments {
    None,
    Unnumbered,
    Numbered,
}

/// A namespace with an operator.
pub struct Site<'a> {
    kube: &'a Kube,
    namespace: Namespace<'a>,
    operator: Binary,
    /// From the start of the operator's process until it was ready.
    pub ready: Cost,
}

/// What one sync took.
#[derive(Clone, Debug)]
pub struct Sync {
    /// Time from the wish to the status, and CPU seconds of the operator.
    pub cost: Cost,
    /// What the operator says of it.
    pub stages: Stages,
    /// What the API server was asked, by verb and resource.
    pub requests: BTreeMap<String, usize>,
    /// CPU seconds of the API server.
    pub server: f64,
}

/// Where the operator says the time went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stages {
    pub reading: Duration,
    pub planning: Duration,
    pub writing: Duration,
}

impl<'a> Site<'a> {
    /// An operator that has found its directory, at this port, and has nothing else to do.
    pub async fn open(kube: &'a Kube, directory: &Directory, port: u16) -> Self {
        let namespace = kube.namespace("syncing").await;
        namespace.apply(&configuration(directory, port)).await;
        let (operator, ready) = start(kube, &namespace).await;
        let site = Self {
            kube,
            namespace,
            operator,
            ready,
        };
        site.until::<ActiveDirectoryConfig>("corp", |config| {
            let status = config.status.as_ref();
            status.is_some_and(|status| is_true(&status.conditions, "Connected", config.metadata.generation))
        })
        .await;
        site
    }

    /// The operator is killed, and another one finds what it has left.
    pub async fn restart(self) -> Self {
        let Self {
            kube,
            namespace,
            operator,
            ..
        } = self;
        drop(operator);
        let (operator, ready) = start(kube, &namespace).await;
        Self {
            kube,
            namespace,
            operator,
            ready,
        }
    }

    pub fn process(&self) -> u32 {
        self.operator.process()
    }

    /// Waits for the first sync of an operator that was just started; from its start on.
    pub async fn first_sync(&self) -> Cost {
        while self.synced().is_empty() {
            sleep(Duration::from_millis(20)).await;
        }
        since_its_start(&self.operator)
    }

    /// kubectl, an administrator's kubeconfig, and the namespace.
    pub fn kubectl(&self) -> (&Path, &Path, &str) {
        (
            self.kube.kubectl_program(),
            self.kube.kubeconfig(),
            self.namespace.name(),
        )
    }

    /// Wants these ring groups for everybody in the crowd. The first time, it is the scope itself that is new.
    pub async fn sync(&self, departments: Departments) -> Sync {
        let scope = scope(departments);
        self.measured(async |api: Api<SyncScope>| {
            let parameters = PatchParams::apply("bench").force();
            let scope = api.patch("crowd", &parameters, &Patch::Apply(&scope)).await;
            let generation = scope.expect("the scope is valid").metadata.generation;
            self.until::<SyncScope>("crowd", |scope| {
                let Some(status) = &scope.status else { return false };
                is_true(&status.conditions, "Synced", generation)
                    && !is_true(&status.conditions, "Reconciling", generation)
            })
            .await;
        })
        .await
    }

    /// Asks for a sync that has nothing to do.
    pub async fn sync_again(&self) -> Sync {
        let request = jiff::Timestamp::now().to_string();
        self.measured(async |api: Api<SyncScope>| {
            let patch = json!({"metadata": {"annotations": {annotations::REQUESTED_AT: request}}});
            let parameters = PatchParams::default();
            api.patch("crowd", &parameters, &Patch::Merge(&patch))
                .await
                .expect("the scope is there");
            self.until::<SyncScope>("crowd", |scope| {
                let handled = scope
                    .status
                    .as_ref()
                    .and_then(|status| status.last_handled_reconcile_at.as_ref());
                handled == Some(&request)
            })
            .await;
        })
        .await
    }

    async fn measured(&self, act: impl AsyncFnOnce(Api<SyncScope>)) -> Sync {
        let position = self.kube.audit_position();
        let told = self.synced().len();
        let server = ServerCpu::start(&self.namespace.client()).await;
        let meter = Meter::of_process(self.process());
        act(self.namespace.api()).await;
        Sync {
            cost: meter.read(),
            server: server.seconds().await,
            stages: self
                .synced()
                .get(told)
                .map(Stages::read)
                .expect("a sync is logged before its status is written"),
            requests: self.requests(position),
        }
    }

    /// What the operator has said of its syncs.
    fn synced(&self) -> Vec<Json> {
        let lines = self.operator.log();
        let events = lines.iter().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        events.filter(|event| event["message"] == "synced").collect()
    }

    fn requests(&self, position: u64) -> BTreeMap<String, usize> {
        let mut requests = BTreeMap::new();
        for event in self.namespace.audit_events(position) {
            if event.user.username == self.operator.user() {
                let what = format!("{} {} {}", event.verb, event.object.resource, event.object.subresource);
                *requests.entry(what.trim_end().to_owned()).or_default() += 1;
            }
        }
        requests
    }

    async fn until<K>(&self, name: &str, is_so: impl Fn(&K) -> bool + Send)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug,
        K: serde::de::DeserializeOwned + Send + 'static,
    {
        let so = await_condition(self.namespace.api::<K>(), name, move |object: Option<&K>| {
            object.is_some_and(&is_so)
        });
        timeout(PATIENCE, Box::pin(so))
            .await
            .expect("it takes minutes at most")
            .expect("the watch works");
    }

    /// All objects of a kind.
    pub async fn objects<K: Resource<DynamicType = ()>>(&self) -> Vec<DynamicObject> {
        let resource = ApiResource::erase::<K>(&());
        let list = self.api_of(&resource).list(&ListParams::default()).await;
        let mut objects = list.expect("an administrator may list").items;
        for object in &mut objects {
            object.types = Some(kube::api::TypeMeta::resource::<K>());
        }
        objects
    }

    pub async fn extensions_of_ring_groups(&self) -> Vec<DynamicObject> {
        let mut extensions = self.objects::<Extension>().await;
        extensions.retain(|extension| extension.data["spec"]["holder"]["kind"] == *RingGroup::kind(&()));
        extensions
    }

    pub async fn delete(&self, objects: &[DynamicObject]) {
        let deleting = stream::iter(objects).for_each_concurrent(16, async |object| {
            let types = object.types.as_ref().expect("it was read with its kind");
            let kind = types.try_into().expect("an API server knows its kinds");
            let api = self.api_of(&ApiResource::from_gvk(&kind));
            let deleted = api.delete(&object.name_any(), &DeleteParams::default()).await;
            deleted.expect("an administrator may delete");
        });
        deleting.await;
    }

    fn api_of(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.namespace.client(), self.namespace.name(), resource)
    }
}

async fn start(kube: &Kube, namespace: &Namespace<'_>) -> (Binary, Cost) {
    let operator = Binary::start(kube, &[namespace], &[]).await;
    let ready = since_its_start(&operator);
    (operator, ready)
}

fn since_its_start(operator: &Binary) -> Cost {
    Cost {
        wall: operator.age(),
        ..Meter::of_whole_process(operator.process()).read()
    }
}

impl Stages {
    fn read(event: &Json) -> Self {
        let stage = |name: &str| duration(event[name].as_str().unwrap_or_default());
        Self {
            reading: stage("reading"),
            planning: stage("planning"),
            writing: stage("writing"),
        }
    }
}

/// As Rust's `Debug` shows one: "1.5s", "20.1ms", "7µs".
fn duration(text: &str) -> Duration {
    let units = [("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0)];
    let parsed = units
        .into_iter()
        .find_map(|(unit, seconds)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * seconds));
    Duration::from_secs_f64(parsed.unwrap_or_else(|| panic!("{text:?} is no duration")))
}

fn is_true(conditions: &[Condition], kind: &str, generation: Option<i64>) -> bool {
    let mut conditions = conditions.iter();
    conditions.any(|condition| {
        condition.type_ == kind && condition.status == "True" && condition.observed_generation == generation
    })
}

/// Everything but the scope.
fn configuration(directory: &Directory, port: u16) -> String {
    let rule = |name: &str, from: &str, to: &str| {
        json!({"apiVersion": "adsync.dev/v1alpha1", "kind": "ExtensionRule", "metadata": {"name": name}, "spec":
            {"phoneSystemRef": {"name": "hq"}, "source": "Sequential", "ranges": [{"from": from, "to": to}]}})
    };
    let objects = [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "corp-bind"},
            "stringData": {"username": Directory::BIND_UPN, "password": Directory::BIND_PASSWORD}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "corp-ca"},
            "data": {"ca.crt": directory.ca_pem()}}),
        json!({"apiVersion": "adsync.dev/v1alpha1", "kind": "ActiveDirectoryConfig", "metadata": {"name": "corp"}, "spec": {
            "domain": Directory::DOMAIN, "servers": [{"host": Directory::HOST, "port": port}], "baseDN": Directory::CROWD,
            "tls": {"caRef": {"configMap": {"name": "corp-ca"}}},
            "credentials": {"type": "Secret", "secretRef": {"name": "corp-bind"}}}}),
        json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneSystem", "metadata": {"name": "hq"},
            "spec": {"numberPlan": {}}}),
        rule("people", "100000", "899999"),
        rule("teams", "20000", "89999"),
    ];
    objects.map(|object| object.to_string()).join("\n---\n")
}

fn scope(departments: Departments) -> Json {
    let ring_group = match departments {
        Departments::Numbered => json!({"ruleRef": {"name": "teams"}}),
        Departments::None | Departments::Unnumbered => json!({}),
    };
    let teams =
        json!({"name": "teams", "under": {"dn": format!("OU=Teams,{}", Directory::CROWD)}, "ringGroup": ring_group});
    let departments = if departments == Departments::None {
        Vec::new()
    } else {
        vec![teams]
    };
    json!({"apiVersion": "adsync.dev/v1alpha1", "kind": "SyncScope", "metadata": {"name": "crowd"}, "spec": {
        "directoryRef": {"name": "corp"}, "phoneSystemRef": {"name": "hq"},
        "users": {"organizationalUnits": [{"dn": format!("OU=People,{}", Directory::CROWD)}]},
        "extensions": [{"name": "everybody", "ruleRef": {"name": "people"}}],
        "departments": departments, "interval": "24h"}})
}
