//! The binary `adsync`.

use clap::Parser;

#[derive(Parser)]
#[command(version, about)]
enum Command {
    /// Prints the CRDs, or writes one file a kind.
    Crds(adsync::cli::crds::Args),
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match Command::parse() {
        Command::Crds(args) => Ok(adsync::cli::crds::run(&args)?),
    }
}
