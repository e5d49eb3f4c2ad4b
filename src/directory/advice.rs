//! directory: the longer sentences of `error`. Words only.

use std::io;

use jiff::Timestamp;
use tokio_rustls::rustls;

use super::error::DirectoryError;
use super::settings::ServerAddress;

pub(super) fn connect_problem(source: &io::Error) -> (&'static str, &'static str) {
    match source.kind() {
        io::ErrorKind::ConnectionRefused => ("the connection was refused", "check the port, and that the server runs"),
        io::ErrorKind::TimedOut => (
            "nothing answers",
            "check the address, and firewalls and network policies between",
        ),
        _ => ("the connection failed", "check the address and the network"),
    }
}

pub(super) fn certificate_problem(error: &rustls::CertificateError) -> String {
    use rustls::CertificateError as E;
    match error {
        E::UnknownIssuer => "it was signed by nobody who is trusted; give the certificate authority that signed it in spec.tls.caRef".to_owned(),
        E::Expired => "it has expired; renew it on the domain controller".to_owned(),
        E::ExpiredContext { not_after, .. } => match i64::try_from(not_after.as_secs()).map(Timestamp::from_second) {
            Ok(Ok(not_after)) => format!("it expired on {not_after}; renew it on the domain controller"),
            _ => "it has expired; renew it on the domain controller".to_owned(),
        },
        E::NotValidYet | E::NotValidYetContext { .. } => "it is not valid yet; compare the clocks".to_owned(),
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            "it has no subject alternative name, and a common name does not count (Samba's own certificate has no SAN); \
             give the domain controller one that has its host name"
                .to_owned()
        }
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => "it is not for servers (extended key usage)".to_owned(),
        E::BadSignature => "its signature does not fit its issuer; is the certificate authority the right one?".to_owned(),
        E::Other(other) => format!("{other}; Samba's own certificate has no SAN and cannot be used"),
        other => format!("{other:?}"),
    }
}

pub(super) fn by(server: Option<&ServerAddress>) -> String {
    server.map(|server| format!(" by {server}")).unwrap_or_default()
}

pub(super) fn not_before(retry_after: Option<Timestamp>) -> String {
    retry_after
        .map(|at| format!("; not tried again before {at:.0}"))
        .unwrap_or_default()
}

pub(super) fn server_said(code: u32, text: &str) -> String {
    if text.is_empty() {
        format!(" (code {code})")
    } else {
        format!(" (code {code}: {text})")
    }
}

pub(super) fn deepest(matched: &str) -> String {
    if matched.is_empty() {
        String::new()
    } else {
        format!(" (what exists is {matched})")
    }
}

pub(super) fn each(failures: &[DirectoryError]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What a server said, fit for a line of a log: it may say anything.
pub(super) fn readable(text: &str) -> String {
    const LONGEST: usize = 300;
    let without_controls = text
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character });
    without_controls.take(LONGEST).collect::<String>().trim().to_owned()
}
