//! The Kubernetes API server: clients, kubectl, a namespace a test, and what its audit log says was asked of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use kube::{Client, Resource};
use serde::Deserialize;
use serde_json::Value;

use super::process::{self, Server};

/// A running etcd and kube-apiserver. Stopping, freezing and the like come from `Server`; etcd is left in peace by them.
pub struct Kube {
    server: Server,
    kubeconfig: PathBuf,
    audit_log: AuditLog,
    kubectl: PathBuf,
}

impl Deref for Kube {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Kube {
    /// An API server for this caller alone, with our CRDs; it ends when the value is dropped.
    pub async fn own() -> Self {
        let (server, _) = Server::start("kube/start", &[]).await;
        let in_folder = |name| server.folder().join(name);
        let (kubeconfig, audit_log, kubectl) = (
            in_folder("kubeconfig"),
            AuditLog::at(in_folder("audit.log")),
            in_folder("kubectl"),
        );
        let kube = Self {
            server,
            kubeconfig,
            audit_log,
            kubectl,
        };
        kube.install_crds().await;
        kube
    }

    async fn install_crds(&self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
        if !folder.exists() {
            return;
        }
        let folder = folder.to_str().expect("the path of the crate is UTF-8");
        self.kubectl(&["apply", "--server-side", "--kustomize", folder]).await;
        self.kubectl(&["wait", "--for=condition=Established", "--timeout=30s", "crds", "--all"])
            .await;
    }

    /// A fresh client for the calling test: a client must not outlive the tokio runtime that it was made in.
    pub async fn client(&self) -> Client {
        self.client_named("adsync-test").await
    }

    /// A client that calls itself so in the audit log.
    pub async fn client_named(&self, user_agent: &str) -> Client {
        // Another test may have installed it already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).expect("the start script wrote a kubeconfig");
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .expect("the kubeconfig names a cluster and a user");
        let user_agent = user_agent.parse().expect("a user agent is visible ASCII");
        config.headers.push((axum::http::header::USER_AGENT, user_agent));
        Client::try_from(config).expect("the configuration makes a client")
    }

    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The program that fits this server.
    pub fn kubectl_program(&self) -> &Path {
        &self.kubectl
    }

    /// What kubectl prints; panics if it fails.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        self.kubectl_with_input(arguments, "").await
    }

    /// The same with something on its stdin, as in `apply --filename -`.
    pub async fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> String {
        let environment = [
            ("KUBECONFIG", self.kubeconfig.as_os_str()),
            // Its discovery cache, which would otherwise be left behind in the home folder.
            ("KUBECACHEDIR", self.server.folder().as_os_str()),
        ];
        process::run::<&str>(&self.kubectl, arguments, &environment, input).await
    }

    /// Makes a namespace for the calling test. Nobody deletes it: the whole server is thrown away.
    pub async fn namespace(&self, prefix: &str) -> Namespace<'_> {
        self.make(self.reserve_namespace(prefix).await).await
    }

    /// Makes a namespace of just this name, on a server of the test's own.
    pub async fn namespace_named(&self, name: &str) -> Namespace<'_> {
        let namespace = Namespace {
            name: name.to_owned(),
            ..self.reserve_namespace(name).await
        };
        self.make(namespace).await
    }

    async fn make<'a>(&self, namespace: Namespace<'a>) -> Namespace<'a> {
        let metadata = ObjectMeta {
            name: Some(namespace.name.clone()),
            ..ObjectMeta::default()
        };
        let object = v1::Namespace {
            metadata,
            ..v1::Namespace::default()
        };
        Api::all(namespace.client())
            .create(&PostParams::default(), &object)
            .await
            .expect("the namespace is new");
        namespace
    }

    /// A namespace that only the calling test will make.
    pub async fn reserve_namespace(&self, prefix: &str) -> Namespace<'_> {
        static COUNTER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{prefix}-{}", COUNTER.fetch_add(1, Ordering::Relaxed));
        Namespace {
            kube: self,
            client: self.client().await,
            name,
            since: self.audit_position(),
        }
    }

    pub fn audit_log(&self) -> &Path {
        &self.audit_log.path
    }

    /// Where the audit log ends now: give it to `audit_events` later to see only what came after.
    pub fn audit_position(&self) -> u64 {
        self.audit_log.position()
    }

    /// What was asked of the server since a position (0: since its start).
    pub fn audit_events(&self, position: u64) -> Vec<AuditEvent> {
        self.audit_log.events(position)
    }
}

/// What was asked of an API server: everything about our own kinds, everything by operators, and the writes to all others. A request is in the log before its answer is on the
/// way; a watch appears twice, when it starts and when it ends.
#[derive(Debug)]
pub struct AuditLog {
    path: PathBuf,
}

impl AuditLog {
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it ends now.
    pub fn position(&self) -> u64 {
        std::fs::metadata(&self.path)
            .expect("the API server has an audit log")
            .len()
    }

    /// The events since a position (0: since the server's start).
    pub fn events(&self, position: u64) -> Vec<AuditEvent> {
        self.events_of(position, |_| true)
    }

    /// Statuses of configuration objects that were written in some namespaces since a position, each with the object.
    pub fn status_writes(&self, position: u64, namespaces: &BTreeSet<String>) -> Vec<AuditEvent> {
        // A run's log is long, and little of it is about one test: what is not is not even parsed.
        let mut writes = self.events_of(position, |line| {
            line.contains(r#""subresource":"status""#) && namespaces.iter().any(|name| line.contains(name))
        });
        writes.retain(|event| {
            event.is_write()
                && event.response_status.code == 200
                && !event.uri.contains("dryRun=")
                && event.response_object.is_object()
                && namespaces.contains(&event.object.namespace)
        });
        writes
    }

    /// The events since a position whose lines are wanted: parsing them all takes its time.
    pub fn events_of(&self, position: u64, is_wanted: impl Fn(&str) -> bool) -> Vec<AuditEvent> {
        let mut file = File::open(&self.path).expect("the API server has an audit log");
        file.seek(SeekFrom::Start(position))
            .expect("the position lies in the audit log");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("the audit log is text");
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        complete
            .lines()
            .filter(|line| is_wanted(line))
            .map(|line| serde_json::from_str(line).expect("a line of the audit log is an event"))
            .collect()
    }
}

/// The annotation that says what the authorizer decided (k8s.io/apiserver, pkg/endpoints/filters/authorization.go).
const DECISION: &str = "authorization.k8s.io/decision";

/// One request, as the API server saw it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// `get`, `list`, `watch`, `create`, `update`, `patch` (an apply, too), `delete` or `deletecollection`.
    pub verb: String,
    /// With the query: an apply names its field manager there.
    #[serde(rename = "requestURI")]
    pub uri: String,
    #[serde(default)]
    pub user_agent: String,
    pub user: AuditUser,
    #[serde(default, rename = "objectRef")]
    pub object: AuditObject,
    #[serde(default)]
    pub response_status: AuditStatus,
    /// Among them what the authorizer decided.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// When it arrived, in RFC 3339.
    pub request_received_timestamp: String,
    /// What a write of a status made of a configuration object; null of everything else.
    #[serde(default)]
    pub response_object: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AuditUser {
    pub username: String,
    extra: BTreeMap<String, Vec<String>>,
}

/// Empty strings where the request has none: a cluster's object has no namespace, a list no name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AuditObject {
    pub api_group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AuditStatus {
    pub code: u16,
    pub message: String,
    pub details: Value,
}

impl AuditEvent {
    pub fn arrival(&self) -> jiff::Timestamp {
        let arrival = self.request_received_timestamp.parse();
        arrival.expect("a time of the audit log is in RFC 3339")
    }

    /// The pod that asked, where its own token says so.
    pub fn pod(&self) -> Option<&str> {
        let pods = self.user.extra.get("authentication.kubernetes.io/pod-name")?;
        pods.first().map(String::as_str)
    }

    pub fn is_write(&self) -> bool {
        matches!(
            self.verb.as_str(),
            "create" | "update" | "patch" | "delete" | "deletecollection"
        )
    }

    /// Whether it was refused since whoever asked is unknown, or has not the right. That an apply would create, which takes a right of its own,
    /// shows only after the authorizer has let it pass.
    pub fn lacks_a_right(&self) -> bool {
        match self.response_status.code {
            401 => true,
            403 => self.annotations.get(DECISION).map(String::as_str) == Some("forbid") || !self.comes_too_late(),
            _ => false,
        }
    }

    /// Whether it wanted to make something in a namespace that is going: to the API server, that is forbidden as well.
    fn comes_too_late(&self) -> bool {
        let causes = self.response_status.details["causes"].as_array();
        let mut causes = causes.into_iter().flatten();
        causes.any(|cause| cause["reason"] == "NamespaceTerminating")
    }
}

/// A namespace of the test that made it.
pub struct Namespace<'a> {
    kube: &'a Kube,
    client: Client,
    name: String,
    since: u64,
}

impl Namespace<'_> {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Nothing in the audit log before this position is about it.
    pub fn since(&self) -> u64 {
        self.since
    }

    /// Whether it was made, if it was reserved only.
    pub async fn exists(&self) -> bool {
        let namespaces = Api::<v1::Namespace>::all(self.client());
        let found = namespaces.get_opt(&self.name).await;
        found.expect("the API server answers").is_some()
    }

    /// The client of the test that made the namespace.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        self.kubectl_with_input(arguments, "").await
    }

    /// Applies YAML as a person would, by `kubectl apply --server-side`.
    pub async fn apply(&self, yaml: &str) -> String {
        self.kubectl_with_input(&["apply", "--server-side", "--filename", "-"], yaml)
            .await
    }

    async fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> String {
        let arguments = [&["--namespace", &self.name], arguments].concat();
        self.kube.kubectl_with_input(&arguments, input).await
    }

    /// What was asked about this namespace since a position of the audit log.
    pub fn audit_events(&self, position: u64) -> Vec<AuditEvent> {
        let mut events = self.kube.audit_events(position);
        events.retain(|event| event.object.namespace == self.name);
        events
    }

    /// What was written into this namespace since a position of the audit log, refused attempts included.
    pub fn writes(&self, position: u64) -> Vec<AuditEvent> {
        let mut events = self.audit_events(position);
        events.retain(AuditEvent::is_write);
        events
    }
}
