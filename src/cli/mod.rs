//! The command line, one file a subcommand.

mod agent;
pub mod chart;
pub mod crds;
mod files;
mod lease;
pub mod logging;
mod namespace;
pub mod reference;
pub mod run;

use std::error::Error;

/// Keeps a phone system's users, extensions and ring groups in step with Active Directory.
#[derive(Debug, clap::Parser)]
#[command(name = "adsync", version, about)]
pub enum Command {
    /// Runs the operator until SIGTERM or SIGINT.
    Run(Box<run::Args>),
    /// Prints the CRDs, or writes one file a kind.
    Crds(crds::Args),
    /// Writes the pages of docs/reference.
    #[command(hide = true)]
    Reference(reference::Args),
    /// Writes the schema of the chart's values, and its README.
    #[command(hide = true)]
    Chart(chart::Args),
}

impl Command {
    /// Does it.
    pub fn execute(self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Run(args) => Ok(run::run(*args)?),
            Self::Crds(args) => Ok(crds::run(&args)?),
            Self::Reference(args) => Ok(reference::run(&args)?),
            Self::Chart(args) => Ok(chart::run(&args)?),
        }
    }
}
