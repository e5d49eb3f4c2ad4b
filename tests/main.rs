//! The integration tests: one binary, so that all of them share one API server and one directory. A module a subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what went wrong by panicking, in its helpers too"
)]
#![allow(unreachable_pub, reason = "everything here is private to the test binary anyway")]

mod crds;
mod env;

mod agent;
mod alerts;
mod apply;
mod architecture;
mod argocd;
mod chart;
mod connection;
mod counting;
mod dashboard;
mod directory;
mod documents;
mod environment;
mod examples;
mod install;
mod leadership;
mod numbering;
mod observed;
mod operation;
mod packaging;
mod release;
mod removing;
mod replicas;
mod rights;
mod scenario;
mod site;
mod sync;
mod sync_scope;
mod telephony;
