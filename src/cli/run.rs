//! `adsync run`: the operator. Joins the client, the watches, the controllers and the servers, and takes them down again.

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt as _;
use jiff::SignedDuration;
use kube::Config;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    agent, lease,
    logging::{self, LogFormat, LoggingError},
    namespace,
};
use crate::{
    controllers::{
        agent::Agent,
        api_server, client,
        configuration::Reach,
        connections::Permissions,
        leadership::{self, Candidate, Election, Fence},
        world::{self, Shared},
    },
    directory::RejectedPasswords,
    serve::{
        self,
        health::{self, Readiness},
        metrics::Metrics,
    },
    sync::validated::parse_duration,
};

/// How long what is under way may take to finish after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);

/// How long a deleted SyncScope waits for one complete read.
const WAIT_FOR_END: Duration = Duration::from_mins(5);
/// What renames a scope in Git may delete the old one first: the new one is there seconds later.
const WAIT_FOR_RENAME: Duration = Duration::from_secs(30);

const STOP: &str = "the end: it is stopping";

/// What `adsync run` is told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Serves this namespace; can be given several times. Default: all namespaces.
    #[arg(
        long = "namespace",
        short,
        value_name = "NAME",
        env = "ADSYNC_NAMESPACES",
        value_delimiter = ',',
        value_parser = namespace::parse
    )]
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
    /// Serves only what names this agent (`spec.agent` of ActiveDirectoryConfigs and PhoneSystems), and holds the Lease `adsync-NAME`.
    /// Default: what names none.
    #[arg(long, value_name = "NAME", env = "ADSYNC_AGENT", value_parser = agent::parse)]
    pub agent: Option<String>,
    /// Where the accounts of configurations with `credentials.type: Agent` are:
    /// `<PATH>/<namespace>/<name>/username` and `password`.
    #[arg(long, value_name = "PATH", env = "ADSYNC_CREDENTIALS_DIRECTORY")]
    pub credentials_directory: Option<PathBuf>,
    /// Stands by until it holds a Lease: of several replicas, one serves. An agent always does so.
    #[arg(long, env = "ADSYNC_LEADER_ELECT")]
    pub leader_elect: bool,
    /// The Lease's name, where another operator beside this one holds one, too. An agent's is always `adsync-<agent>`.
    #[arg(long, value_name = "NAME", env = "ADSYNC_LEADER_ELECTION_LEASE", default_value = leadership::LEASE,
        value_parser = lease::parse, conflicts_with = "agent")]
    pub leader_election_lease: String,
    /// Where the Lease is, and those of agents. Default: the namespace of the pod, or of the kubeconfig's context. An operator without a
    /// Lease looks at those of agents only where this says so.
    #[arg(long, value_name = "NAME", env = "ADSYNC_LEADER_ELECTION_NAMESPACE", value_parser = namespace::parse)]
    pub leader_election_namespace: Option<String>,
    /// Allows what `tls.mode: Disabled` with `allowPlaintext: true` asks for: passwords that cross the network in clear.
    #[arg(long)]
    pub allow_plaintext: bool,
    /// How many objects of a kind are worked on at the same time.
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// How much later a second complete read must be, to confirm that an account which gives no answer is gone, such as 5m.
    #[arg(
        long,
        value_name = "DURATION",
        env = "ADSYNC_CONFIRM_ABSENCE_AFTER",
        default_value = "5m",
        value_parser = parse_duration
    )]
    pub confirm_absence_after: Duration,
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
    /// Something that has no end ended.
    #[error("{part} ended; this is a bug: please report it with the log")]
    EndEarly {
        /// What it was.
        part: &'static str,
    },
    /// Another replica may lead by now.
    #[error(
        "the Lease was lost: another replica leads, or the API server could not be reached for too long; start again to stand by"
    )]
    LoseLease,
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
    /// How much later a second complete read must be, to confirm that somebody is gone.
    pub confirm_absence_after: Duration,
    /// How long a deleted SyncScope waits for one complete read.
    pub wait_for_end: Duration,
    /// Which configurations it serves.
    pub agent: Agent,
    /// Where the accounts of configurations with `credentials.type: Agent` are.
    pub credentials: Option<Arc<Path>>,
    /// By which Lease it is decided who serves. None: there is no other replica.
    pub election: Option<Election>,
    /// How long a deleted SyncScope waits for another one that selects the same people.
    pub wait_for_rename: Duration,
    /// Where `/metrics` is served.
    pub metrics: TcpListener,
    /// Where `/livez` and `/readyz` are served.
    pub health: TcpListener,
}

/// Runs until SIGTERM or SIGINT.
pub fn run(args: Args) -> Result<(), RunError> {
    let level = logging::install(&args.log_level, args.log_format)?;
    let runtime = tokio::runtime::Runtime::new().map_err(RunError::StartRuntime)?;
    let result = runtime.block_on(async {
        let stop = CancellationToken::new();
        let signals = stop_on_signal(stop.clone())?;
        tokio::spawn(level.follow_signals().map_err(RunError::CatchSignals)?);
        let cluster = Config::infer().await.map_err(RunError::FindCluster)?;
        let agent = args.agent.as_deref();
        let elects = args.leader_elect || agent.is_some();
        // Whoever has no Lease has no rights on Leases either, unless somebody says where they are.
        let own = || elects.then(|| cluster.default_namespace.clone());
        let leases = args.leader_election_namespace.or_else(own);
        let election = leases.clone().filter(|_| elects).map(|namespace| Election {
            namespace,
            lease: agent.map_or(args.leader_election_lease, leadership::lease_of),
            identity: identity(),
        });
        let operator = Operator {
            cluster,
            election,
            agent: Agent::new(agent, leases.as_deref()),
            credentials: args.credentials_directory.map(Into::into),
            namespaces: args.namespaces,
            allow_plaintext: args.allow_plaintext,
            concurrency: args.concurrency,
            confirm_absence_after: args.confirm_absence_after,
            wait_for_end: WAIT_FOR_END,
            wait_for_rename: WAIT_FOR_RENAME,
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
    TcpListener::bind(address)
        .await
        .map_err(|source| RunError::Listen { address, source })
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

/// A name for this process that no other one has: that of the pod, and something random.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "adsync".to_owned());
    format!("{host}_{}", uuid::Uuid::new_v4())
}

/// One who leads comes back from this when that is over; where there is no other replica it never is.
async fn until_lost(candidate: &mut Option<Candidate>) {
    match candidate {
        Some(candidate) => candidate.stay().await,
        None => std::future::pending().await,
    }
}

impl Operator {
    /// Runs until `stop` is cancelled; what is under way then has ten seconds to finish.
    pub async fn run(self, stop: CancellationToken) -> Result<(), RunError> {
        let fence = if self.election.is_some() {
            Fence::closed()
        } else {
            Fence::open()
        };
        let mut candidate = match self.election {
            Some(election) => {
                let unfenced = client::client(self.cluster.clone()).map_err(RunError::MakeClient)?;
                Some(Candidate::new(unfenced, election, fence.clone()))
            }
            None => None,
        };
        let shared = Shared {
            client: client::fenced(self.cluster, &fence).map_err(RunError::MakeClient)?,
            rejected: RejectedPasswords::default(),
            permissions: Permissions {
                plaintext: self.allow_plaintext,
                credentials: self.credentials,
            },
            agent: self.agent,
            metrics: Metrics::new(),
            readiness: Readiness::default(),
            returns: api_server::Returns::default(),
            concurrency: self.concurrency,
            confirm_after: self.confirm_absence_after.try_into().unwrap_or(SignedDuration::MAX),
            wait_for_end: self.wait_for_end,
            wait_for_rename: self.wait_for_rename,
            stop: stop.clone(),
        };
        let reaches = reaches(self.namespaces);
        let await_readiness = || reaches.iter().for_each(|_| world::await_readiness(&shared.readiness));
        if candidate.is_none() {
            // Before anybody can ask.
            await_readiness();
        }
        let (health, metrics) = (
            health::router(shared.readiness.clone()),
            serve::metrics_router(shared.metrics.clone(), shared.readiness.clone()),
        );
        let mut servers = JoinSet::new();
        servers.spawn(serve::serve("health", self.health, health));
        servers.spawn(serve::serve("metrics", self.metrics, metrics));
        let (client, readiness, returns) = (shared.client.clone(), shared.readiness.clone(), shared.returns.clone());
        servers.spawn(api_server::observe(client, readiness, returns).map(Ok));
        info!(version = env!("CARGO_PKG_VERSION"), "adsync runs");

        if let Some(candidate) = &mut candidate {
            // One that stands by is ready: to take over.
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                _ = servers.join_next() => return Err(RunError::EndEarly { part: "a server" }),
                () = candidate.lead() => {}
            }
            await_readiness();
        }
        shared.metrics.leads();
        let mut worlds = JoinSet::new();
        for reach in reaches {
            worlds.spawn(world::run(shared.clone(), reach));
        }

        // A world has no end before `stop`, unless it has a bug; a server has none at all.
        // In this order: worlds that end because of `stop` do so at once, and that is not early.
        let ended_early = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            _ = worlds.join_next() => Some(RunError::EndEarly { part: "a set of controllers" }),
            _ = servers.join_next() => Some(RunError::EndEarly { part: "a server" }),
            () = until_lost(&mut candidate) => Some(RunError::LoseLease),
        };
        info!("adsync stops: no new work, and what is under way may finish");
        shared.readiness.await_arrival(STOP);
        stop.cancel();
        // The probes answer to the very end: a pod that takes its time to stop is not a dead one.
        if timeout(GRACE, async { while worlds.join_next().await.is_some() {} })
            .await
            .is_err()
        {
            warn!(
                ?GRACE,
                "gave up on what was under way; it is done again after the next start"
            );
        }
        if let Some(candidate) = &mut candidate {
            candidate.step_down().await;
        }
        info!("adsync has stopped");
        ended_early.map_or(Ok(()), Err)
    }
}

fn reaches(namespaces: Vec<String>) -> Vec<Reach> {
    if namespaces.is_empty() {
        return vec![Reach::Cluster];
    }
    let namespaces: BTreeSet<String> = namespaces.into_iter().collect();
    namespaces.into_iter().map(Reach::Namespace).collect()
}
