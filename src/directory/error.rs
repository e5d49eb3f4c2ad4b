//! directory: what goes wrong while reading AD, as reasons that a person can act on. Never holds a secret.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use tokio_rustls::rustls;

use super::advice::{by, certificate_problem, connect_problem, deepest, each, not_before, server_said};
use super::ber::Malformed;
use super::codes::{BindRefusal, ResultAdvice};
use super::settings::ServerAddress;

/// Why the directory could not be asked, or did not answer fully.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant's message says what it is")]
pub enum DirectoryError {
    #[error("the name {host} cannot be resolved: {source}; check the server's name and the cluster's DNS")]
    ResolveHost { host: String, source: io::Error },

    #[error(
        "no domain controller of {domain} was found by DNS ({detail}); list them in spec.servers, or forward the domain \
         to its name servers"
    )]
    DiscoverServers { domain: String, detail: String },

    #[error("{server}: {}: {source}; {}", connect_problem(source).0, connect_problem(source).1)]
    Connect { server: ServerAddress, source: io::Error },

    #[error("the certificate authorities cannot be used: {detail}")]
    LoadCertificateAuthorities { detail: String },

    #[error("{server}: the certificate is not valid: {}", certificate_problem(problem))]
    VerifyCertificate {
        server: ServerAddress,
        problem: rustls::CertificateError,
    },

    #[error(
        "{server}: the certificate is not for {}, but for {}; use one of these names in spec.servers",
        server.host,
        presented.join(", ")
    )]
    VerifyName {
        server: ServerAddress,
        presented: Vec<String>,
    },

    #[error("{server}: no TLS connection came about: {source}; {advice}")]
    Encrypt {
        server: ServerAddress,
        source: io::Error,
        advice: &'static str,
    },

    #[error("{server}: {detail}")]
    MatchPort {
        server: ServerAddress,
        detail: &'static str,
    },

    #[error(
        "{server}: StartTLS was refused (code {code}: {text}); the domain controller may have no certificate, or use LDAPS"
    )]
    StartTls {
        server: ServerAddress,
        code: u32,
        text: String,
    },

    #[error(
        "{server} is a Global Catalog port, which holds only part of each entry; use 636 (LDAPS) or 389 (StartTLS) instead"
    )]
    UseGlobalCatalog { server: ServerAddress },

    #[error("the password of {account} is empty, which a directory would take for a bind as nobody; fill the Secret")]
    BindWithoutPassword { account: String },

    #[error("the username is empty; fill the Secret")]
    BindWithoutUsername,

    #[error("{server} refused {account}: {}{}", refusal.advice, not_before(*retry_after))]
    Bind {
        server: ServerAddress,
        account: String,
        refusal: &'static BindRefusal,
        /// The password is not tried again before.
        retry_after: Option<Timestamp>,
    },

    #[error(
        "the password of {account} was refused{} at {rejected_at:.0} and is not tried again before {retry_after:.0}, at any \
         server of the domain, so that the account is not locked out; a new password in the Secret is tried at once",
        by(refused_by.as_ref())
    )]
    BindAgain {
        account: String,
        /// Not known after a restart.
        refused_by: Option<ServerAddress>,
        rejected_at: Timestamp,
        retry_after: Timestamp,
    },

    #[error(
        "{source}; whether it counted the password of {account} as wrong is not known, so no server is tried with it before \
         {retry_after:.0}, so that the account is not locked out; a new password in the Secret is tried at once"
    )]
    AwaitBind {
        source: Box<DirectoryError>,
        account: String,
        retry_after: Timestamp,
    },

    #[error(
        "the attempt to sign in as {account} at {tried_at:.0} got no answer and may have counted as a wrong password; it is \
         not tried again before {retry_after:.0}, so that the account is not locked out; a new password in the Secret is \
         tried at once"
    )]
    BindInDoubt {
        account: String,
        tried_at: Timestamp,
        retry_after: Timestamp,
    },

    #[error("{server}: {}{}", advice.advice, server_said(*code, text))]
    Answer {
        server: ServerAddress,
        code: u32,
        text: String,
        advice: &'static ResultAdvice,
    },

    #[error("{server} is not an Active Directory domain controller: it does not tell {missing}")]
    Recognize {
        server: ServerAddress,
        missing: &'static str,
    },

    #[error(
        "{server}: the base DN {base_dn} was not found{}; check spec.baseDN",
        deepest(matched)
    )]
    FindBase {
        server: ServerAddress,
        base_dn: String,
        matched: String,
    },

    #[error("{server}: {malformed}; the connection was closed")]
    Understand {
        server: ServerAddress,
        malformed: Malformed,
    },

    #[error("{server}: {detail}; the connection was closed")]
    Follow {
        server: ServerAddress,
        detail: &'static str,
    },

    #[error("{server} did not answer within {} s", waited.as_secs_f32())]
    Await { server: ServerAddress, waited: Duration },

    #[error(
        "{server} closed the connection before it said anything: {source}; is this an LDAP port (usually 389, with LDAPS \
         636)?"
    )]
    Greet { server: ServerAddress, source: io::Error },

    #[error("{server}: the connection was lost: {source}")]
    Keep { server: ServerAddress, source: io::Error },

    #[error("{server} closed the connection (code {code}: {text})")]
    StayConnected {
        server: ServerAddress,
        code: u32,
        text: String,
    },

    #[error("{server}: the read is not complete: {detail}")]
    Complete { server: ServerAddress, detail: String },

    #[error("no domain controller could be used: {}", each(failures))]
    TryServers { failures: Vec<DirectoryError> },

    #[error("the task that read the directory ended without a result")]
    Finish,
}

impl DirectoryError {
    /// The reason for conditions, events, metrics and logs: a closed set of stable words.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ResolveHost { .. } | Self::DiscoverServers { .. } => "DNSFailed",
            Self::Connect { source, .. } => match source.kind() {
                io::ErrorKind::ConnectionRefused => "ConnectionRefused",
                io::ErrorKind::TimedOut => "ConnectionTimedOut",
                _ => "ConnectionFailed",
            },
            Self::LoadCertificateAuthorities { .. } => "CertificateAuthorityInvalid",
            Self::VerifyCertificate { .. } => "TLSCertificateInvalid",
            Self::VerifyName { .. } => "TLSNameMismatch",
            Self::Encrypt { .. } => "TLSHandshakeFailed",
            Self::MatchPort { .. } => "WrongPort",
            Self::StartTls { .. } => "StartTLSRefused",
            Self::UseGlobalCatalog { .. } => "GlobalCatalogRefused",
            Self::BindWithoutPassword { .. } | Self::BindWithoutUsername | Self::BindAgain { .. } => {
                "InvalidCredentials"
            }
            Self::Bind { refusal, .. } => refusal.reason,
            Self::Answer { advice, .. } => advice.reason,
            Self::Recognize { .. } => "NotActiveDirectory",
            Self::FindBase { .. } => "BaseDNNotFound",
            Self::Understand { .. } | Self::Follow { .. } => "ProtocolError",
            Self::Await { .. } | Self::BindInDoubt { .. } => "AnswerTimedOut",
            Self::AwaitBind { source, .. } => source.reason(),
            Self::Greet { .. } | Self::Keep { .. } | Self::StayConnected { .. } => "ConnectionLost",
            Self::Complete { .. } => "ReadIncomplete",
            Self::TryServers { failures } => failures.first().map_or("ConnectionFailed", Self::reason),
            Self::Finish => "Interrupted",
        }
    }

    /// Whether trying again later can help without anybody changing anything.
    pub fn heals_itself(&self) -> bool {
        match self {
            Self::LoadCertificateAuthorities { .. }
            | Self::VerifyCertificate { .. }
            | Self::VerifyName { .. }
            | Self::MatchPort { .. }
            | Self::UseGlobalCatalog { .. }
            | Self::BindWithoutPassword { .. }
            | Self::BindWithoutUsername
            | Self::BindAgain { .. }
            | Self::Recognize { .. }
            | Self::FindBase { .. } => false,
            Self::Bind { refusal, .. } => refusal.heals_itself,
            Self::Answer { advice, .. } => advice.heals_itself,
            Self::TryServers { failures } => failures.iter().any(Self::heals_itself),
            Self::ResolveHost { .. }
            | Self::DiscoverServers { .. }
            | Self::Connect { .. }
            | Self::Encrypt { .. }
            | Self::StartTls { .. }
            | Self::Understand { .. }
            | Self::Follow { .. }
            | Self::Await { .. }
            | Self::Greet { .. }
            | Self::Keep { .. }
            | Self::StayConnected { .. }
            | Self::AwaitBind { .. }
            | Self::BindInDoubt { .. }
            | Self::Complete { .. }
            | Self::Finish => true,
        }
    }

    /// When a password that was refused, or may have been, may be tried again; `None`: this is about something else.
    pub fn password_retry_after(&self) -> Option<Timestamp> {
        match self {
            Self::Bind { retry_after, .. } => *retry_after,
            Self::BindAgain { retry_after, .. }
            | Self::AwaitBind { retry_after, .. }
            | Self::BindInDoubt { retry_after, .. } => Some(*retry_after),
            Self::TryServers { failures } => failures.iter().find_map(Self::password_retry_after),
            _ => None,
        }
    }

    /// Whether another domain controller could do better. Never with credentials: each attempt counts on each of them.
    pub(super) fn another_server_may_help(&self) -> bool {
        match self {
            Self::ResolveHost { .. }
            | Self::Connect { .. }
            | Self::VerifyCertificate { .. }
            | Self::VerifyName { .. }
            | Self::Encrypt { .. }
            | Self::MatchPort { .. }
            | Self::StartTls { .. }
            | Self::Recognize { .. }
            | Self::Understand { .. }
            | Self::Follow { .. }
            | Self::Await { .. }
            | Self::Greet { .. }
            | Self::Keep { .. }
            | Self::StayConnected { .. } => true,
            Self::Answer { advice, .. } => advice.another_server_may_help,
            Self::DiscoverServers { .. }
            | Self::LoadCertificateAuthorities { .. }
            | Self::UseGlobalCatalog { .. }
            | Self::BindWithoutPassword { .. }
            | Self::BindWithoutUsername
            | Self::Bind { .. }
            | Self::BindAgain { .. }
            | Self::AwaitBind { .. }
            | Self::BindInDoubt { .. }
            | Self::FindBase { .. }
            | Self::Complete { .. }
            | Self::TryServers { .. }
            | Self::Finish => false,
        }
    }
}
