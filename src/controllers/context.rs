//! What every controller is given. No logic here.

use std::time::Duration;

use jiff::SignedDuration;
use kube::Client;
use tokio_util::sync::CancellationToken;

use super::{
    changes::Changes,
    configuration::{Configuration, Reach},
    connections::Connections,
    observed::Objects,
};
use crate::serve::metrics::Metrics;

/// What every controller is given. Cloning shares.
#[derive(Clone)]
pub struct Context {
    /// The Kubernetes API.
    pub client: Client,
    /// Which namespaces are served.
    pub reach: Reach,
    /// What people wrote.
    pub configuration: Configuration,
    /// What is there of the many kinds.
    pub objects: Objects,
    /// Word of what changes.
    pub changes: Changes,
    /// The directories.
    pub connections: Connections,
    /// What Prometheus sees.
    pub metrics: Metrics,
    /// Cancelled when the operator is to stop: take no new work, start no new write.
    pub stop: CancellationToken,
    /// Reconciles of one kind that run at the same time.
    pub concurrency: u16,
    /// How much later a second complete read must be, to confirm that somebody who gave no answer is gone.
    pub confirm_after: SignedDuration,
    /// How long a deleted scope waits for one complete read; then it leaves everything as it is.
    pub wait_for_end: Duration,
    /// How long a deleted scope waits for another one that selects the same people, before it takes anything along.
    pub wait_for_rename: Duration,
}

impl Context {
    /// Waits until everything has been listed once: whoever counts half a picture counts wrong. `false`: the operator stops
    /// before.
    pub async fn filled(&self) -> bool {
        let filled = async {
            self.configuration.filled().await;
            self.objects.filled().await;
        };
        tokio::select! {
            () = filled => true,
            () = self.stop.cancelled() => false,
        }
    }
}
