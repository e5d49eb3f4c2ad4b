//! The binary `adsync`: parses arguments and hands over to a subcommand.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use adsync::{causes::with_causes, cli::Command};
use clap::Parser;
use mimalloc::MiMalloc;

/// Reading a directory makes millions of small allocations in one thread and frees them in another; with the C library's, that
/// is half of what a read costs (docs/adr/0009-an-allocator-of-its-own.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
