//! The binary `adsync`: parses arguments and hands over to a subcommand.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use adsync::{causes::with_causes, cli::Command};
use clap::Parser;

fn main() -> ExitCode {
    // rustls must know its cryptography before anybody makes a connection. An error says that it does already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match Command::parse().execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "adsync: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}
