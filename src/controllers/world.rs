//! All controllers of one reach, from the first look for the CRDs to the last write. What each of them does is its own.

use std::time::Duration;

use jiff::SignedDuration;
use kube::Client;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    active_directory_config,
    agent::Agent,
    api_server::Returns,
    changes::{Change, Changes},
    configuration::{Configuration, Reach},
    connections::{Connections, Permissions},
    context::Context,
    extension_rule, kinds_served,
    observed::Objects,
    phone_system, sync_scope,
    trial::{Standing, try_namespace},
};
use crate::{
    causes::with_causes,
    directory::RejectedPasswords,
    serve::{health::Readiness, metrics::Metrics},
};

/// From one look for the CRDs to the next.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// From one complaint that they are missing to the next.
const COMPLAIN_AGAIN: Duration = Duration::from_secs(30);

const CRDS: &str = "the CRDs";
const CACHES: &str = "the caches";

/// What all reaches of one operator share.
#[derive(Clone)]
pub struct Shared {
    /// The Kubernetes API.
    pub client: Client,
    /// Passwords that were refused, by whichever configuration.
    pub rejected: RejectedPasswords,
    /// Which configurations it serves.
    pub agent: Agent,
    /// What the person who runs the operator allows.
    pub permissions: Permissions,
    /// What Prometheus sees.
    pub metrics: Metrics,
    /// What is still missing before the operator can serve.
    pub readiness: Readiness,
    /// Word of each time that the API server answers again.
    pub returns: Returns,
    /// Reconciles of one kind that run at the same time.
    pub concurrency: u16,
    /// How much later an absence is confirmed.
    pub confirm_after: SignedDuration,
    /// How long a deleted scope waits for one complete read.
    pub wait_for_end: Duration,
    /// How long a deleted scope waits for another one that selects the same people.
    pub wait_for_rename: Duration,
    /// Cancelled when the operator is to stop.
    pub stop: CancellationToken,
}

/// The operator isn't ready before every reach has what it needs: say so before any of them starts.
pub fn await_readiness(readiness: &Readiness) {
    readiness.await_arrival(CRDS);
    readiness.await_arrival(CACHES);
}

/// Serves one reach until the operator stops and what was under way has finished.
pub async fn run(shared: Shared, reach: Reach) {
    let stop = shared.stop.clone();
    let is_any_there = tokio::select! {
        is_any_there = find_kinds(&shared.client, &reach) => is_any_there,
        () = stop.cancelled() => return,
    };
    shared.readiness.arrived(CRDS);
    if !is_any_there {
        tokio::select! {
            () = warn_of_an_absent_namespace(&shared.client, &reach) => {}
            () = stop.cancelled() => return,
        }
    }

    let changes = Changes::default();
    let (configuration, watch_configuration) = Configuration::watch(&shared.client, &reach, &changes);
    let (objects, watch_objects) = Objects::watch(&shared.client, &reach);
    let configs = configuration.directories.clone();
    let watch_references =
        active_directory_config::references::watch(shared.client.clone(), configs, &changes, shared.agent.clone());
    let again = changes.clone();
    let look_again = shared.returns.each(move || again.announce(Change::Everything));
    let context = context(&shared, reach, configuration, objects, changes);
    // Each of them listens from its call on, not from its first poll: nothing is announced before the watches run.
    let directories = active_directory_config::run(&context);
    let rules = extension_rule::run(&context);
    let systems = phone_system::run(&context);
    let scopes = sync_scope::run(&context);

    let mut watches = JoinSet::new();
    watches.spawn(watch_configuration);
    watches.spawn(watch_objects);
    watches.spawn(watch_references);
    watches.spawn(look_again);
    let controllers = async {
        let filled = say_when_filled(context.clone(), shared.readiness);
        tokio::join!(directories, rules, systems, scopes, filled);
    };
    Box::pin(while_watched(controllers, watches)).await;
}

/// Serves for as long as everything is watched: without one of the watches, decisions would rest on what was there when it
/// ended, and nothing would say so. Whoever runs this world sees it end.
async fn while_watched(controllers: impl Future<Output = ()>, mut watches: JoinSet<()>) {
    tokio::select! {
        () = controllers => {}
        Some(ended) = watches.join_next() => {
            let panicked = ended.err().map(tracing::field::display);
            error!(error = panicked, "a watch ended; nothing more is decided on what it showed");
        }
    }
}

async fn say_when_filled(context: Context, readiness: Readiness) {
    if context.filled().await {
        readiness.arrived(CACHES);
        info!("the caches are filled");
    }
}

fn context(shared: &Shared, reach: Reach, configuration: Configuration, objects: Objects, changes: Changes) -> Context {
    let connections = Connections::new(
        shared.client.clone(),
        configuration.directories.clone(),
        shared.rejected.clone(),
        shared.permissions.clone(),
        changes.clone(),
        shared.metrics.clone(),
        shared.stop.clone(),
    );
    Context {
        client: shared.client.clone(),
        reach,
        configuration,
        objects,
        changes,
        agent: shared.agent.clone(),
        connections,
        metrics: shared.metrics.clone(),
        stop: shared.stop.clone(),
        concurrency: shared.concurrency,
        confirm_after: shared.confirm_after,
        wait_for_end: shared.wait_for_end,
        wait_for_rename: shared.wait_for_rename,
    }
}

/// Returns when the API server has all our kinds, with whether any object of them is there; until then says now and then what is missing.
async fn find_kinds(client: &Client, reach: &Reach) -> bool {
    let mut complained: Option<Instant> = None;
    loop {
        let unserved = match kinds_served::check(client, reach).await {
            Ok(is_any_there) => return is_any_there,
            Err(unserved) => unserved,
        };
        if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_AGAIN) {
            warn!(error = with_causes(&unserved), "cannot begin yet");
            complained = Some(Instant::now());
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// A namespace that is not there looks like an empty one. It may come later: that is no reason not to begin.
async fn warn_of_an_absent_namespace(client: &Client, reach: &Reach) {
    let Reach::Namespace(namespace) = reach else {
        return;
    };
    if matches!(try_namespace(client, namespace).await, Ok(Standing::Absent)) {
        warn!(
            namespace,
            "this namespace does not exist: create it, or correct --namespace; until then there is nothing to serve in it"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_world_ends_with_a_watch() {
        let mut watches = JoinSet::new();
        watches.spawn(std::future::pending());
        watches.spawn(async { panic!("a bug") });
        let world = while_watched(std::future::pending(), watches);
        assert!(tokio::time::timeout(Duration::from_secs(1), world).await.is_ok());
    }
}
