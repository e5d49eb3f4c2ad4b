//! How the operator talks to the Kubernetes API: one place for timeouts and retries. No kind is known here.
//!
//! kube's client waits for ever for an answer, and retries 429, 503 and 504 up to fifteen times, which can hide minutes.
//! The retries are welcome, the waiting is not: a single call ends at [`DEADLINE`] whatever it was doing, and a silent
//! connection is given up after [`READ_TIMEOUT`].

use std::time::Duration;

use kube::{
    Client, Config,
    client::ClientBuilder,
    runtime::{utils, watcher},
};

use super::{backoff::Backoff, leadership::Fence};

/// How long a call on one object may take, its retries included.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// How long a watch runs before it is renewed, in seconds. A watch that died silently is noticed five seconds after that.
pub const WATCH_SECONDS: u32 = 120;
/// How long a connection may be silent. Above [`WATCH_SECONDS`], since a watch on nothing much is silent by nature.
const READ_TIMEOUT: Duration = Duration::from_secs(150);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const WATCH_WAITS: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
};

/// A client with the operator's timeouts, whose writes pass only while the fence is open.
pub fn fenced(config: Config, fence: &Fence) -> Result<Client, kube::Error> {
    let builder = ClientBuilder::try_from(with_timeouts(config))?;
    Ok(builder.with_layer(fence).build())
}

/// A client with the operator's timeouts.
pub fn client(config: Config) -> Result<Client, kube::Error> {
    Client::try_from(with_timeouts(config))
}

fn with_timeouts(mut config: Config) -> Config {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.write_timeout = Some(DEADLINE);
    // Else the time that a pooled connection sat idle would count against the next answer.
    config.reset_reader_on_write = true;
    config
}

/// Settings of every watch.
pub fn watch_settings() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

/// Waits between attempts to watch a kind. kube's own grow to a minute, for which the operator would be blind after the API server
/// is back.
#[derive(Debug, Default)]
pub struct WatchWaits {
    failures: u32,
}

impl Iterator for WatchWaits {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        Some(WATCH_WAITS.after(self.failures))
    }
}

impl utils::Backoff for WatchWaits {
    fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Runs one call to the API server, for [`DEADLINE`] at most.
pub async fn call<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(kube::Error::Api(status))) => Err(CallError::Refused {
            code: status.code,
            reason: status.reason,
            message: status.message,
        }),
        Ok(Err(error)) => Err(CallError::Reach(error)),
        Err(_) => Err(CallError::AwaitAnswer),
    }
}

/// Why a call to the API server failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The API server answered with an error.
    #[error("{message}")]
    Refused {
        /// HTTP status code.
        code: u16,
        /// Kubernetes' word for it, such as `Conflict`.
        reason: String,
        /// What the API server says.
        message: String,
    },
    /// There was no answer that could be read.
    #[error("cannot reach the API server")]
    Reach(#[source] kube::Error),
    /// There was no answer in time.
    #[error("the API server did not answer within {} seconds", DEADLINE.as_secs())]
    AwaitAnswer,
}

impl CallError {
    /// The HTTP status code, when the API server answered.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Reach(_) | Self::AwaitAnswer => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_at_its_deadline() {
        let started = tokio::time::Instant::now();
        let result = call(std::future::pending::<kube::Result<()>>()).await;
        assert!(matches!(result, Err(CallError::AwaitAnswer)));
        assert_eq!(started.elapsed(), DEADLINE);
    }
}
