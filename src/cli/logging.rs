//! What gets into the log, and in which form. Secrets never do, whatever level somebody asks for.

use std::io::{self, IsTerminal};

use tracing::{Level, Metadata, level_filters::LevelFilter, subscriber::SetGlobalDefaultError};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    fmt,
    layer::SubscriberExt,
    registry,
};

/// Crates that print what passes through them, passwords and Secrets included: kube's client warns with the body of an
/// answer that it can't read, ldap3 traces its requests. What goes wrong in them comes back as an error of ours anyway.
const NEVER_HEARD: [&str; 3] = ["kube_client", "ldap3", "lber"];

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
    /// The level is none.
    #[error(
        "`{level}` is no log level: write error, warn, info, debug or trace, or parts such as `info,adsync::directory=debug`"
    )]
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

/// Starts the log, to standard error. Without a format: text on a terminal, else JSON.
pub fn install(level: &str, format: Option<LogFormat>) -> Result<(), LoggingError> {
    let wanted = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(level)
        .map_err(|source| LoggingError::ParseLevel {
            level: level.to_owned(),
            source,
        })?;
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
    Ok(tracing::subscriber::set_global_default(
        registry().with(layer.with_filter(filter)),
    )?)
}

/// Our own words at any level; those of dependencies only when they warn, and of some never.
fn may_be_heard(metadata: &Metadata<'_>) -> bool {
    let origin = metadata.target().split("::").next().unwrap_or_default();
    origin == env!("CARGO_CRATE_NAME") || (*metadata.level() <= Level::WARN && !NEVER_HEARD.contains(&origin))
}
