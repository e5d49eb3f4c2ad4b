//! directory: the handle on one domain. Which server, which connection, and when to try another; no operation that writes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument;

use super::connection::{self, Connection};
use super::discovery;
use super::error::DirectoryError;
use super::finding::Find;
use super::reading::{ConnectionReport, Inquiry, Read, Request, Test};
use super::rejected::RejectedPasswords;
use super::settings::{ConnectionSettings, ServerAddress};
use super::{Guid, Sighting, Snapshot};

/// At any time: one read, and beside it something short.
const MOST_CONNECTIONS: usize = 2;
/// An idle connection may have been forgotten by a firewall after this.
const LONGEST_IDLE: Duration = Duration::from_mins(1);
/// ldap3 keeps the id of each search for ever, so no connection is kept for ever.
const LONGEST_LIFE: Duration = Duration::from_mins(30);

/// One Active Directory domain, to be read. Cheap to clone; clones share connections and settings.
#[derive(Clone, Debug)]
pub struct Directory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rejected: RejectedPasswords,
    slots: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    settings: Arc<ConnectionSettings>,
    /// The server that worked last: used until it fails.
    preferred: Option<ServerAddress>,
    /// A server that left a bind without an answer: the last one to be tried, until another has worked.
    avoided: Option<ServerAddress>,
    /// When the certificate of the server that worked last ends.
    certificate_expires: Option<Timestamp>,
    /// With the settings that it was opened with.
    idle: Option<(Arc<ConnectionSettings>, Connection)>,
}

impl Directory {
    /// A directory that has not been connected to.
    pub fn new(settings: ConnectionSettings, rejected: RejectedPasswords) -> Self {
        let state = State {
            settings: Arc::new(settings),
            preferred: None,
            avoided: None,
            certificate_expires: None,
            idle: None,
        };
        Self {
            shared: Arc::new(Shared {
                rejected,
                slots: Semaphore::new(MOST_CONNECTIONS),
                state: Mutex::new(state),
            }),
        }
    }

    /// New settings, for all connections from now on. What runs goes on with the old ones.
    pub fn update(&self, settings: ConnectionSettings) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state.settings != settings {
            state.settings = Arc::new(settings);
            state.preferred = None;
            state.avoided = None;
            state.certificate_expires = None;
            state.idle = None;
        }
    }

    /// Connects, binds, and counts whom the account can see. Always anew: an open connection outlives a changed password, a
    /// disabled account and a new certificate.
    pub async fn test(&self) -> Result<ConnectionReport, DirectoryError> {
        self.run(Test).await
    }

    /// Reads everything: on one connection, from one domain controller, to the end. Or fails.
    pub async fn read(&self, request: &Request) -> Result<Snapshot, DirectoryError> {
        self.run(Read {
            request: request.clone(),
        })
        .await
    }

    /// What the entries with these objectGUIDs say of themselves, each of them answered.
    pub async fn find(&self, guids: &[Guid]) -> Result<BTreeMap<Guid, Sighting>, DirectoryError> {
        if guids.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.run(Find { guids: guids.to_vec() }).await
    }

    /// When the certificate of the domain controller that answered last ends; `None`: none has, or it showed none.
    pub fn certificate_expires(&self) -> Option<Timestamp> {
        let state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.certificate_expires
    }

    /// Asks in a task of its own: a caller that gives up ends the task with its connection, and leaves no half-taken search.
    async fn run<I: Inquiry>(&self, inquiry: I) -> Result<I::Answer, DirectoryError> {
        let shared = Arc::clone(&self.shared);
        let mut task = JoinSet::new();
        task.spawn(async move { shared.ask(&inquiry).await }.in_current_span());
        task.join_next()
            .await
            .and_then(Result::ok)
            .unwrap_or(Err(DirectoryError::Finish))
    }
}

impl Shared {
    async fn ask<I: Inquiry>(&self, inquiry: &I) -> Result<I::Answer, DirectoryError> {
        let _slot = self.slots.acquire().await.map_err(|_| DirectoryError::Finish)?;
        let (settings, idle) = self.settings_and_idle();
        settings.check()?;
        if I::ON_ITS_OWN_CONNECTION {
            if let Some(connection) = idle {
                connection.close().await;
            }
        } else if let Some(connection) = idle {
            match self.ask_on(connection, &settings, inquiry).await {
                Err(error) if error.another_server_may_help() => {
                    tracing::debug!(%error, "an idle connection no longer works");
                }
                answer => return answer,
            }
        }
        self.ask_each(&settings, inquiry).await
    }

    /// Tries the servers in order, first the one that worked last, until one answers or nobody could do better.
    async fn ask_each<I: Inquiry>(
        &self,
        settings: &Arc<ConnectionSettings>,
        inquiry: &I,
    ) -> Result<I::Answer, DirectoryError> {
        let account = &settings.account;
        if let Some(resting) = self.rejected.resting(&settings.domain, account) {
            return Err(connection::bind_again(&account.username, &resting));
        }
        let mut failures = Vec::new();
        for server in self.in_order(discovery::servers(settings).await?) {
            let answer = match Connection::open(settings, &server, &self.rejected).await {
                Ok(connection) => self.ask_on(connection, settings, inquiry).await,
                Err(error) => Err(error),
            };
            match answer {
                Err(error) if error.another_server_may_help() => {
                    tracing::debug!(%server, reason = error.reason(), %error, "a domain controller could not be used");
                    failures.push(error);
                }
                Err(error @ DirectoryError::AwaitBind { .. }) => {
                    self.avoid(server);
                    return Err(error);
                }
                answer => return answer,
            }
        }
        match <[DirectoryError; 1]>::try_from(failures) {
            Ok([failure]) => Err(failure),
            Err(failures) => Err(DirectoryError::TryServers { failures }),
        }
    }

    /// Asks on a connection and keeps it for the next time, if it is whole.
    async fn ask_on<I: Inquiry>(
        &self,
        mut connection: Connection,
        settings: &Arc<ConnectionSettings>,
        inquiry: &I,
    ) -> Result<I::Answer, DirectoryError> {
        connection.deadline = Instant::now() + settings.timeouts.whole;
        let answer = inquiry.ask(settings, &mut connection).await;
        if answer.is_ok() {
            self.keep(connection, settings);
        } else {
            // Results of what failed may still be under way on it.
            drop(connection);
        }
        answer
    }

    fn keep(&self, mut connection: Connection, settings: &Arc<ConnectionSettings>) {
        connection.last_used = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&state.settings, settings) {
            tokio::spawn(connection.close());
            return;
        }
        state.preferred = Some(connection.server.clone());
        state.avoided = None;
        state.certificate_expires = connection.certificate_expires;
        if let Some((_, other)) = state.idle.replace((Arc::clone(settings), connection)) {
            tokio::spawn(other.close());
        }
    }

    fn settings_and_idle(&self) -> (Arc<ConnectionSettings>, Option<Connection>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = state.idle.take().map(|(_, connection)| connection);
        let usable = idle.filter(|connection| {
            !connection.is_over()
                && connection.last_used.elapsed() < LONGEST_IDLE
                && connection.opened.elapsed() < LONGEST_LIFE
        });
        (Arc::clone(&state.settings), usable)
    }

    fn avoid(&self, server: ServerAddress) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.avoided = Some(server);
    }

    fn in_order(&self, mut servers: Vec<ServerAddress>) -> Vec<ServerAddress> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // The sort is stable: the others stay in their order.
        servers.sort_by_key(|server| match Some(server) {
            server if server == state.avoided.as_ref() => 2,
            server if server == state.preferred.as_ref() => 0,
            _ => 1,
        });
        servers
    }
}
