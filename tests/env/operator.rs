//! The real operator, with the rights of deploy/rbac.yaml in the namespaces that it serves: as tasks of this process, or
//! as the binary. What it writes of itself and what is refused to it is looked through when it is dropped.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adsync::{
    cli::{logging, run},
    controllers::agent::Agent,
};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::kstatus::Watched;
use super::kube::{Kube, Namespace};
use super::rights::{Refusals, Right};

const RIGHTS: &str = include_str!("../../deploy/rbac.yaml");
/// How long an operator may take from its start to its readiness.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an operator is told, beside the namespaces that it serves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags {
    pub allow_plaintext: bool,
    /// None: as the program has it.
    pub confirm_absence_after: Option<Duration>,
    /// None: as the program has it.
    pub wait_for_end: Option<Duration>,
    /// None: as the program has it.
    pub wait_for_rename: Option<Duration>,
}

/// An operator that runs as tasks of the calling test. Dropped, it ends without ceremony, as if it was killed; what it has written
/// of itself is held to `kstatus`, and nothing may have been refused to it.
pub struct Operator {
    pub health: SocketAddr,
    pub metrics: SocketAddr,
    user: String,
    statuses: Watched,
    refusals: Refusals,
    stop: CancellationToken,
    running: Option<JoinHandle<Result<(), run::RunError>>>,
}

impl Operator {
    /// An operator that serves these namespaces; comes back when it is ready.
    pub async fn start(kube: &Kube, namespaces: &[&Namespace<'_>]) -> Self {
        Self::start_with(kube, namespaces, Flags::default()).await
    }

    pub async fn start_with(kube: &Kube, namespaces: &[&Namespace<'_>], flags: Flags) -> Self {
        let operator = Self::start_without_waiting(kube, namespaces, flags).await;
        wait_until_ready(operator.health).await;
        operator
    }

    /// One that meets the API server at a gate.
    pub async fn start_behind_gate(kube: &Kube, namespaces: &[&Namespace<'_>], flags: Flags) -> (Self, Gate) {
        let identity = Identity::make(namespaces).await;
        let gate = Gate::before(identity.config(kube).await).await;
        let operator = Self::start_as(identity, gate.config(), kube, namespaces, flags).await;
        operator.statuses.is_behind();
        wait_until_ready(operator.health).await;
        (operator, gate)
    }

    pub async fn start_without_waiting(kube: &Kube, namespaces: &[&Namespace<'_>], flags: Flags) -> Self {
        let identity = Identity::make(namespaces).await;
        let cluster = identity.config(kube).await;
        Self::start_as(identity, cluster, kube, namespaces, flags).await
    }

    async fn start_as(
        identity: Identity,
        cluster: Config,
        kube: &Kube,
        namespaces: &[&Namespace<'_>],
        flags: Flags,
    ) -> Self {
        // For whom a test is a riddle: the log of all operators of the process.
        if let Ok(level) = std::env::var("ADSYNC_TEST_LOG") {
            let _ = logging::install(&level, Some(logging::LogFormat::Text));
        }
        // What main() does first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (health, metrics) = (listener().await, listener().await);
        let operator = run::Operator {
            cluster,
            namespaces: namespaces.iter().map(|namespace| namespace.name().to_owned()).collect(),
            allow_plaintext: flags.allow_plaintext,
            concurrency: 8,
            confirm_absence_after: flags.confirm_absence_after.unwrap_or(Duration::from_mins(5)),
            wait_for_end: flags.wait_for_end.unwrap_or(Duration::from_mins(5)),
            election: None,
            agent: Agent::new(None, None),
            credentials: None,
            wait_for_rename: flags.wait_for_rename.unwrap_or(Duration::from_secs(30)),
            health,
            metrics,
        };
        let stop = CancellationToken::new();
        Self {
            health: operator.health.local_addr().expect("it listens"),
            metrics: operator.metrics.local_addr().expect("it listens"),
            statuses: Watched::new(kube, namespaces, &identity.user),
            refusals: Refusals::of(&identity.user, kube, namespaces),
            user: identity.user,
            running: Some(tokio::spawn(operator.run(stop.clone()))),
            stop,
        }
    }

    /// What the audit log calls the operator.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Stops it as SIGTERM would.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let running = self.running.take().expect("only this takes it");
        running
            .await
            .expect("the operator does not panic")
            .expect("the operator stops in peace");
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(running) = &self.running {
            running.abort();
        }
        self.statuses.assert_sound();
        self.refusals.assert_as_expected();
    }
}

/// The real binary. Dropped, it is killed, and looked through as an `Operator`.
pub struct Binary {
    pub health: SocketAddr,
    pub metrics: SocketAddr,
    user: String,
    statuses: Watched,
    refusals: Refusals,
    child: Child,
    started: Instant,
    log: Arc<Mutex<VecDeque<String>>>,
}

impl Binary {
    /// `adsync run` for these namespaces, with further arguments; comes back when it is ready.
    pub async fn start(kube: &Kube, namespaces: &[&Namespace<'_>], arguments: &[&str]) -> Self {
        let identity = Identity::make(namespaces).await;
        let serves: Vec<String> = namespaces
            .iter()
            .map(|namespace| format!("--namespace={}", namespace.name()))
            .collect();
        let serves: Vec<&str> = serves.iter().map(String::as_str).collect();
        Self::start_as(&identity, kube, namespaces, &[&serves, arguments].concat()).await
    }

    /// `adsync run` with these arguments and somebody's rights; `namespaces` are those of the test in which it does something.
    pub async fn start_as(identity: &Identity, kube: &Kube, namespaces: &[&Namespace<'_>], arguments: &[&str]) -> Self {
        let mut kubeconfig = kubeconfig(kube);
        for user in &mut kubeconfig.auth_infos {
            let user = user.auth_info.as_mut().expect("the kubeconfig has a user");
            user.token = Some(identity.token.clone().into());
        }
        let path = kube
            .folder()
            .join(format!("kubeconfig-{}", identity.user.replace(':', "-")));
        let text = serde_yaml::to_string(&kubeconfig).expect("a kubeconfig is YAML");
        std::fs::write(&path, text).expect("the server's folder takes files");

        let mut command = Command::new(env!("CARGO_BIN_EXE_adsync"));
        command.args([
            "run",
            "--health-bind-address=127.0.0.1:0",
            "--metrics-bind-address=127.0.0.1:0",
        ]);
        command.args(arguments).env("KUBECONFIG", &path);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let (started, mut child) = (Instant::now(), command.spawn().expect("the binary was built"));
        let stderr = child.stderr.take().expect("stderr was piped");
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let (health, metrics) = read_log(stderr, log.clone()).await;
        let binary = Self {
            health,
            metrics,
            statuses: Watched::new(kube, namespaces, &identity.user),
            refusals: Refusals::of(&identity.user, kube, namespaces),
            user: identity.user.clone(),
            child,
            started,
            log,
        };
        wait_until_ready(binary.health).await;
        binary
    }

    /// What the audit log calls the operator.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// How long it has run.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Says that requests for this resource are refused to it: that is what the test is about.
    pub fn expect_refusals_of(&mut self, resource: &'static str) {
        self.refusals.expect(resource);
    }

    /// Its process id.
    pub fn process(&self) -> u32 {
        self.child.id().expect("nobody has waited for its end")
    }

    /// All that it has logged.
    pub fn log(&self) -> Vec<String> {
        self.log
            .lock()
            .expect("nobody panics with the log")
            .iter()
            .cloned()
            .collect()
    }

    /// Sends it a signal, such as `STOP`.
    pub async fn signal(&self, name: &str) {
        super::process::run("kill", &[&format!("-{name}"), &self.process().to_string()], &[], "").await;
    }

    /// Sends SIGTERM, and waits for the end.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM").await;
        self.end(Duration::from_secs(20)).await
    }

    /// Waits for the end, for so long at most.
    pub async fn end(&mut self, patience: Duration) -> ExitStatus {
        let ended = tokio::time::timeout(patience, self.child.wait()).await;
        ended.expect("it ends").expect("a child can be waited for")
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        self.statuses.assert_sound();
        self.refusals.assert_as_expected();
    }
}

/// Keeps the log, and finds the addresses in it: `--…-bind-address` asked for free ports.
async fn read_log(
    stderr: impl tokio::io::AsyncRead + Send + Unpin + 'static,
    log: Arc<Mutex<VecDeque<String>>>,
) -> (SocketAddr, SocketAddr) {
    let (found, mut addresses) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let address = line
                .split(['"', ' ', '='])
                .find(|word| word.starts_with("127.0.0.1:"))
                .and_then(|word| word.parse::<SocketAddr>().ok());
            for server in ["serves health", "serves metrics"] {
                if let Some(address) = address.filter(|_| line.contains(server)) {
                    let _ = found.send((server, address));
                }
            }
            log.lock().expect("nobody panics with the log").push_back(line);
        }
    });
    let (mut health, mut metrics) = (None, None);
    while health.is_none() || metrics.is_none() {
        match addresses.recv().await.expect("the operator says where it listens") {
            ("serves health", address) => health = Some(address),
            (_, address) => metrics = Some(address),
        }
    }
    (health.expect("found"), metrics.expect("found"))
}

/// A service account that an operator runs as.
pub struct Identity {
    user: String,
    token: String,
}

impl Identity {
    /// A new one, with the operator's rights in some namespaces.
    async fn make(namespaces: &[&Namespace<'_>]) -> Self {
        let home = namespaces[0];
        let role: String = RIGHTS
            .split("---\n")
            .filter(|document| document.contains("\nkind: ClusterRole\n"))
            .collect();
        assert!(!role.is_empty(), "deploy/rbac.yaml has a ClusterRole");
        home.apply(&role).await;
        home.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: adsync}}")
            .await;
        for namespace in namespaces {
            let binding = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": {"name": format!("adsync-of-{}", home.name())},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "adsync"},
                "subjects": [{"kind": "ServiceAccount", "name": "adsync", "namespace": home.name()}],
            });
            namespace.apply(&binding.to_string()).await;
        }
        let identity = Self::of(home, "adsync").await;
        for namespace in namespaces {
            let right = Right::to("list", "adsync.dev", "syncscopes", namespace.name());
            right.is_given(&home.client(), &identity.user).await;
        }
        identity
    }

    /// One that is there, with whatever rights it has.
    pub async fn of(home: &Namespace<'_>, account: &str) -> Self {
        let accounts: Api<ServiceAccount> = home.api();
        let request = TokenRequest {
            spec: TokenRequestSpec {
                expiration_seconds: Some(24 * 3600),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let token = accounts
            .create_token_request(account, &PostParams::default(), &request)
            .await
            .expect("the API server signs tokens");
        Self {
            user: format!("system:serviceaccount:{}:{account}", home.name()),
            token: token.status.expect("it signed one").token,
        }
    }

    /// What the audit log calls it.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// A client that does things in its name.
    pub async fn client(&self, kube: &Kube) -> Client {
        Client::try_from(self.config(kube).await).expect("the configuration makes a client")
    }

    async fn config(&self, kube: &Kube) -> Config {
        // What main() does first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut config = Config::from_custom_kubeconfig(kubeconfig(kube), &KubeConfigOptions::default())
            .await
            .expect("the kubeconfig names a cluster and a user");
        config.auth_info.token = Some(self.token.clone().into());
        config
    }
}

/// A client with the operator's rights in some namespaces: for doing by hand what an operator does.
pub async fn client_with_its_rights(kube: &Kube, namespaces: &[&Namespace<'_>]) -> Client {
    Identity::make(namespaces).await.client(kube).await
}

fn kubeconfig(kube: &Kube) -> Kubeconfig {
    Kubeconfig::read_from(kube.kubeconfig()).expect("the start script wrote a kubeconfig")
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port is free")
}

async fn wait_until_ready(health: SocketAddr) {
    let ready = async {
        while get(health, "/readyz").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let is_ready = tokio::time::timeout(PATIENCE, ready).await.is_ok();
    assert!(
        is_ready,
        "the operator does not get ready: {}",
        get(health, "/readyz").await.1
    );
}

/// Status code and body of what a server answers; 0 when it doesn't.
pub async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<String, std::io::Error>(answer)
    };
    let Ok(answer) = exchange.await else {
        return (0, String::new());
    };
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (code.expect("an answer has a code"), body.to_owned())
}

/// The value of a series; `None`: there is no such series.
pub async fn value(metrics: SocketAddr, series: &str) -> Option<u64> {
    let (code, text) = get(metrics, "/metrics").await;
    assert_eq!(code, 200, "{text}");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().expect("a whole number"))
}
