//! The real servers that the tests run against: a Kubernetes API server and an Active Directory domain controller. What
//! a test asserts doesn't belong here, but for what holds whatever it is about (`kstatus`, `rights`).
//!
//! Both are started on first use and shared by all tests of the process; a test keeps to a namespace and an OU of its
//! own. A test that stops, freezes or otherwise breaks a server starts its own with `Kube::own` or `Directory::own`.

#![allow(
    dead_code,
    unused_imports,
    reason = "a toolbox: not every tool is in use all the time"
)]

pub mod console;
pub mod directory;
pub mod gate;
pub mod helm;
pub mod kstatus;
pub mod kube;
mod ldif;
pub mod node;
pub mod operator;
mod organizational_unit;
pub mod process;
pub mod prometheus;
pub mod rights;
pub mod scripted_ldap;
pub mod shell;
pub mod slapd;

pub use directory::{Certificate, Denied, Directory, Model, Options};
pub use gate::{Fault, Gate};
pub use kube::{AuditEvent, AuditLog, Kube, Namespace};
pub use ldif::Entry;
pub use node::Node;
pub use operator::{Binary, Flags, Operator};
pub use organizational_unit::{Person, PersonSpec, TestOu};
pub use scripted_ldap::ScriptedLdap;
pub use slapd::Slapd;

use std::io::Write as _;

use tokio::sync::OnceCell;

/// Says that a test is skipped, and why: straight to stderr, since what a passing test prints is never seen. With
/// `ADSYNC_SKIP_NOTHING`, panics instead.
pub fn skip(test: &str, why: impl std::fmt::Display) {
    assert!(
        std::env::var_os("ADSYNC_SKIP_NOTHING").is_none(),
        "{test} would be skipped, because {why}"
    );
    let line = format!("skipped: {test}, because {why}\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("stderr can be written");
}

/// The API server that all tests of this process share.
pub async fn kube() -> &'static Kube {
    static SHARED: OnceCell<Kube> = OnceCell::const_new();
    SHARED.get_or_init(Kube::own).await
}

/// The domain controller that all tests of this process share.
pub async fn directory() -> &'static Directory {
    static SHARED: OnceCell<Directory> = OnceCell::const_new();
    SHARED.get_or_init(|| Directory::own(Options::default())).await
}
