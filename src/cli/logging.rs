//! What gets into the log, and in which form. Secrets never do, whatever level somebody asks for.

use std::io::{self, IsTerminal};

use tokio::signal::unix::{SignalKind, signal};
use tracing::{Level, Metadata, info, level_filters::LevelFilter, subscriber::SetGlobalDefaultError, warn};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, filter_fn},
    fmt,
    layer::SubscriberExt,
    registry, reload,
};

/// Crates that print what passes through them, passwords and Secrets included: kube's client warns with the body of an
/// answer that it can't read, ldap3 traces its requests. What goes wrong in them comes back as an error of ours anyway.
const NEVER_HEARD: [&str; 3] = ["kube_client", "ldap3", "lber"];

/// What SIGUSR1 asks for. Secrets are in no line at any level.
const MORE: &str = "debug";

const WHAT_TO_WRITE: &str =
    "write off, error, warn, info, debug or trace, or parts such as `info,adsync::directory=debug`";

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// A word is no level. The filter would take it for the name of a module, and say nothing of all others.
    #[error("`{word}` is no log level: {WHAT_TO_WRITE}")]
    RecognizeLevel {
        /// As given.
        word: String,
    },
    /// A directive is none.
    #[error("`{level}` is no log level: {WHAT_TO_WRITE}")]
    ParseLevel {
        /// As given.
        level: String,
        /// What is wrong.
        source: tracing_subscriber::filter::ParseError,
    },
    /// There is one already.
    #[error("cannot install the log")]
    Install(#[from] SetGlobalDefaultError),
}

/// The level of the log that runs.
#[derive(Debug)]
pub struct RunningLevel {
    given: String,
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Starts the log, to standard error. Without a format: text on a terminal, else JSON.
pub fn install(level: &str, format: Option<LogFormat>) -> Result<RunningLevel, LoggingError> {
    let (wanted, filter) = reload::Layer::new(wanted(level)?);
    let running = RunningLevel {
        given: level.to_owned(),
        filter,
    };
    let filter = wanted.and(filter_fn(may_be_heard));
    let on_terminal = io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(on_terminal);
    let layer = match format.unwrap_or(if on_terminal { LogFormat::Text } else { LogFormat::Json }) {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
    };
    // Not `init()`, which would let in what crates write to the `log` facade: ldap3 and rustls do.
    tracing::subscriber::set_global_default(registry().with(layer.with_filter(filter)))?;
    Ok(running)
}

impl RunningLevel {
    /// Says more at SIGUSR1, and at the next one again what was asked for at the start. A signal, since nobody on the network can
    /// send one. Listens from the call on. (A field called `level` would be in the line twice: each line has its own level.)
    pub fn follow_signals(self) -> io::Result<impl Future<Output = ()> + Send> {
        let mut asked = signal(SignalKind::user_defined1())?;
        Ok(async move {
            let mut says_more = false;
            while asked.recv().await.is_some() {
                says_more = !says_more;
                if says_more {
                    self.change(MORE);
                    info!(
                        log_level = MORE,
                        "SIGUSR1: the log says more; once more, and it is as before"
                    );
                } else {
                    info!(log_level = self.given, "SIGUSR1: the log is as before");
                    self.change(&self.given);
                }
            }
        })
    }

    fn change(&self, level: &str) {
        match wanted(level).map(|filter| self.filter.reload(filter)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, log_level = level, "cannot change the level of the log"),
            Err(error) => warn!(%error, log_level = level, "cannot change the level of the log"),
        }
    }
}

/// What somebody wants to read, by the level that was given.
fn wanted(level: &str) -> Result<EnvFilter, LoggingError> {
    let parts = level.split(',').map(str::trim).filter(|part| !part.is_empty());
    let mut words = parts.filter(|part| !part.contains(['=', '[']));
    if let Some(word) = words.find(|word| word.parse::<LevelFilter>().is_err()) {
        let word = word.to_owned();
        return Err(LoggingError::RecognizeLevel { word });
    }
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(level)
        .map_err(|source| LoggingError::ParseLevel {
            level: level.to_owned(),
            source,
        })
}

/// Our own words at any level; those of dependencies only when they warn, and of some never.
fn may_be_heard(metadata: &Metadata<'_>) -> bool {
    let origin = metadata.target().split("::").next().unwrap_or_default();
    origin == env!("CARGO_CRATE_NAME") || (*metadata.level() <= Level::WARN && !NEVER_HEARD.contains(&origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_alone_or_by_module_is_taken() {
        for level in [
            "",
            "info",
            "WARN",
            "off",
            "info,adsync::directory=debug",
            "adsync=trace, warn",
            "info,adsync[reconcile]=debug",
        ] {
            assert!(wanted(level).is_ok(), "{level}");
        }
    }

    #[test]
    fn a_word_that_is_no_level_is_refused_wherever_it_stands() {
        for (level, word) in [
            ("warning", "warning"),
            ("verbose", "verbose"),
            ("info,verbose", "verbose"),
            ("debugging,adsync=info", "debugging"),
            ("adsync::directory", "adsync::directory"),
            ("adsync=loud", "adsync=loud"),
        ] {
            let error = wanted(level).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!(
                    "`{word}` is no log level: write off, error, warn, info, debug or trace"
                )),
                "{error}"
            );
        }
    }
}
