//! `adsync run`: the operator. Joins the client, the watches, the controllers and the servers, and takes them down again.

use std::{
    io,
    net::SocketAddr,
    time::Duration,
};

use futures::future::join_all;
use jiff::Timestamp;
use kube::Config;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    chain,
    logging::{self, LogFormat, LoggingError},
};
use crate::{
    controllers::{
        self,
        changes::Changes,
        client,
        configuration::{Configuration, Reach},
        connections::{Connections, Permissions},
        context::Context,
        kinds_served,
    },
    directory::RejectedPasswords,
    serve::{self, health::{self, Readiness}, metrics::Metrics},
};

/// How long what is under way may take to finish after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);
/// From one look for the CRDs to the next.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Complaints about the same thing are this far apart.
const COMPLAIN_AGAIN: i64 = 30;

const CRDS: &str = "the CRDs";
const CACHES: &str = "the caches";
const STOP: &str = "the end: it is stopping";

/// What `adsync run` is told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Serves this namespace; can be given several times. Default: all namespaces.
    #[arg(long = "namespace", short, value_name = "NAME", env = "ADSYNC_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Where `/metrics` is served.
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:8080")]
    pub metrics_bind_address: SocketAddr,
    /// Where `/livez` and `/readyz` are served.
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:8081")]
    pub health_bind_address: SocketAddr,
    /// Form of the log. Default: text on a terminal, else json.
    #[arg(long, value_enum)]
    pub log_format: Option<LogFormat>,
    /// What is logged: a level, or levels by module such as `info,adsync::directory=debug`.
    #[arg(long, value_name = "LEVEL", env = "ADSYNC_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// Allows what `tls.mode: Disabled` with `allowPlaintext: true` asks for: passwords that cross the network in clear.
    #[arg(long)]
    pub allow_plaintext: bool,
    /// How many objects of a kind are worked on at the same time.
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
}

/// Why the operator could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The log could not be started.
    #[error("cannot start the log")]
    StartLog(#[from] LoggingError),
    /// There is no asynchronous runtime.
    #[error("cannot start the runtime")]
    StartRuntime(#[source] io::Error),
    /// There is no way to the cluster.
    #[error("cannot find the cluster: run inside of one, or set KUBECONFIG")]
    FindCluster(#[source] kube::config::InferConfigError),
    /// The cluster's configuration makes no client.
    #[error("cannot make a client for the cluster")]
    MakeClient(#[source] kube::Error),
    /// An address is not free, or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Signals can't be caught.
    #[error("cannot listen to signals")]
    CatchSignals(#[source] io::Error),
}

/// An operator that is about to run.
pub struct Operator {
    /// The cluster.
    pub cluster: Config,
    /// Namespaces to serve; empty: all.
    pub namespaces: Vec<String>,
    /// Whether passwords may cross the network in clear where the YAML says so.
    pub allow_plaintext: bool,
    /// How many objects of a kind are worked on at the same time.
    pub concurrency: u16,
    /// Where `/metrics` is served.
    pub metrics: TcpListener,
    /// Where `/livez` and `/readyz` are served.
    pub health: TcpListener,
}

/// Runs until SIGTERM or SIGINT.
pub fn run(args: Args) -> Result<(), RunError> {
    logging::install(&args.log_level, args.log_format)?;
    let runtime = tokio::runtime::Runtime::new().map_err(RunError::StartRuntime)?;
    let result = runtime.block_on(async {
        let stop = CancellationToken::new();
        let signals = stop_on_signal(stop.clone())?;
        let operator = Operator {
            cluster: Config::infer().await.map_err(RunError::FindCluster)?,
            namespaces: args.namespaces,
            allow_plaintext: args.allow_plaintext,
            concurrency: args.concurrency,
            metrics: listen(args.metrics_bind_address).await?,
            health: listen(args.health_bind_address).await?,
        };
        tokio::spawn(signals);
        operator.run(stop).await
    });
    // A name that is being resolved sits on a thread that nothing can interrupt.
    runtime.shutdown_background();
    result
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })
}

fn stop_on_signal(stop: CancellationToken) -> Result<impl Future<Output = ()> + Send, RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::CatchSignals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::CatchSignals)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    })
}

impl Operator {
    /// Runs until `stop` is cancelled; what is under way then has ten seconds to finish.
    pub async fn run(self, stop: CancellationToken) -> Result<(), RunError> {
        let client = client::client(self.cluster.clone()).map_err(RunError::MakeClient)?;
        let readiness = Readiness::default();
        readiness.await_arrival(CRDS);
        readiness.await_arrival(CACHES);
        let metrics = Metrics::new();
        // The probes answer to the very end; a pod that takes its time to stop is not a dead one.
        let ended = CancellationToken::new();
        let mut servers = JoinSet::new();
        info!(version = env!("CARGO_PKG_VERSION"), health = %address(&self.health), metrics = %address(&self.metrics), "adsync starts");
        servers.spawn(serve::serve(self.health, health::router(readiness.clone()), ended.clone().cancelled_owned()));
        servers.spawn(serve::serve(self.metrics, serve::metrics_router(metrics.clone()), ended.clone().cancelled_owned()));

        let rejected = RejectedPasswords::default();
        let permissions = Permissions { plaintext: self.allow_plaintext };
        let mut sets = JoinSet::new();
        let reaches = reaches(self.namespaces);
        let caches = Arrivals::new(reaches.len(), CACHES, readiness.clone());
        for reach in reaches {
            sets.spawn(serve_reach(...));
        }
        ...
    }
}
