//! Which of several replicas serves: the one that holds the Lease. The others stand by. What is decided about a Lease is in `record`,
//! what keeps a leader from writing that is none any more in `fence`.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, api::PostParams};
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use self::record::{COUNTED_ON, Next, Seen};
use super::client::CallError;
use crate::causes::with_causes;

pub mod fence;
mod record;

pub use self::fence::Fence;

/// From one look at the Lease to the next, for one who stands by: it takes this long at most to see that the leader has left.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// From one renewal to the next.
const RENEW_AGAIN: Duration = Duration::from_secs(2);
/// How long one call may take. Several fit into the time for which the leader counts on its Lease.
const CALL: Duration = Duration::from_secs(3);

/// Which Lease decides, and who this is.
#[derive(Clone, Debug)]
pub struct Election {
    /// Where the Lease is.
    pub namespace: String,
    /// Its name: [`LEASE`] or another one of the administrator's, or that of an agent.
    pub lease: String,
    /// This process, and no other.
    pub identity: String,
}

/// What the Lease of the operators that serve no agent's configurations is called, unless somebody says otherwise.
pub const LEASE: &str = "adsync";

/// What the Lease of the operators that serve what names this agent is called.
pub fn lease_of(agent: &str) -> String {
    format!("{LEASE}-{agent}")
}

/// One that leads, or stands by.
pub struct Candidate {
    leases: Api<Lease>,
    election: Election,
    fence: Fence,
    seen: Option<Seen>,
}

/// What a look at the Lease has come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Turn {
    /// It is ours.
    Ours,
    /// Somebody else has it.
    Others,
    /// It was changed at the same time.
    Unclear,
}

impl Candidate {
    /// One that stands by. `client` must not be behind the fence, which opens while the Lease is held.
    pub fn new(client: Client, election: Election, fence: Fence) -> Self {
        Self {
            leases: Api::namespaced(client, &election.namespace),
            election,
            fence,
            seen: None,
        }
    }

    /// Comes back when it leads.
    pub async fn lead(&mut self) {
        let Election {
            namespace,
            lease,
            identity,
        } = self.election.clone();
        info!(namespace, lease, identity, "stands by until the Lease is free");
        let mut complained = false;
        loop {
            match self.turn().await {
                Ok(Turn::Ours) => break,
                Ok(Turn::Others | Turn::Unclear) => complained = false,
                Err(error) if complained => debug!(lease, error = with_causes(&error), "cannot look at the Lease"),
                Err(error) => {
                    warn!(
                        namespace,
                        lease,
                        error = with_causes(&error),
                        "cannot look at the Lease; it is tried again"
                    );
                    complained = true;
                }
            }
            sleep(LOOK_AGAIN).await;
        }
        info!(lease, identity, "leads");
    }

    /// Renews the Lease, and comes back when it is lost: then nothing that was known holds any more.
    pub async fn stay(&mut self) {
        let lease = self.election.lease.clone();
        while self.fence.is_open() {
            sleep(RENEW_AGAIN).await;
            // Whoever slept longer than meant has old knowledge, whoever holds the Lease by now.
            if !self.fence.is_open() {
                break;
            }
            match self.turn().await {
                // Whoever was faster may have been this process, with an answer that got lost: the next look shows it.
                Ok(Turn::Ours | Turn::Unclear) => {}
                Ok(Turn::Others) => break,
                Err(error) => warn!(
                    lease,
                    error = with_causes(&error),
                    "cannot renew the Lease; it is tried again"
                ),
            }
        }
        self.fence.close();
        warn!(lease, "the Lease is lost: nothing more is written");
    }

    /// Gives the Lease to whoever stands by. Nothing is under way any more.
    pub async fn step_down(&mut self) {
        self.fence.close();
        let Election { lease, identity, .. } = &self.election;
        let given_back = async {
            let held = call(self.leases.get_opt(lease)).await?;
            match held.as_ref().and_then(|held| record::given_back(held, identity)) {
                Some(free) => call(self.leases.replace(lease, &PostParams::default(), &free))
                    .await
                    .map(drop),
                None => Ok(()),
            }
        };
        match given_back.await {
            Ok(()) => info!(lease, "has given the Lease back"),
            // It ends by itself a quarter of a minute later.
            Err(error) => warn!(lease, error = with_causes(&error), "cannot give the Lease back"),
        }
    }

    /// Looks at the Lease, and takes or renews it where it may.
    async fn turn(&mut self) -> Result<Turn, CallError> {
        let Election {
            lease: name, identity, ..
        } = &self.election;
        // What is written is valid from before it was sent.
        let began = Instant::now();
        let lease = call(self.leases.get_opt(name)).await?;
        self.seen = lease.map(|lease| Seen::now(self.seen.take(), lease, began));
        let parameters = PostParams::default();
        let written = match record::next(self.seen.as_ref(), name, identity, began) {
            Next::Wait => return Ok(Turn::Others),
            Next::Create(lease) => call(self.leases.create(&parameters, &lease)).await,
            Next::Write(lease) => call(self.leases.replace(name, &parameters, &lease)).await,
        };
        match written {
            Ok(lease) => {
                self.seen = Some(Seen::now(None, lease, began));
                self.fence.open_until(began + COUNTED_ON);
                Ok(Turn::Ours)
            }
            Err(error) if error.code() == Some(409) => Ok(Turn::Unclear),
            Err(error) => Err(error),
        }
    }
}

/// One call, which must not take as long as others: the Lease runs out meanwhile.
async fn call<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
    timeout(CALL, super::client::call(call))
        .await
        .unwrap_or(Err(CallError::AwaitAnswer))
}
