//! directory: TLS. Certificates and names are always checked; there is no switch that turns this off.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use rustls_native_certs::CertificateResult;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, InvalidMessage, RootCertStore};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::error::DirectoryError;
use super::settings::{ConnectionSettings, Encryption, ServerAddress};

/// Makes a plain connection one with TLS 1.2 or newer, to exactly the host that was asked for.
pub(super) async fn encrypt<S>(
    settings: &ConnectionSettings,
    server: &ServerAddress,
    plain: S,
) -> Result<TlsStream<S>, DirectoryError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = ServerName::try_from(server.host.clone()).map_err(|_| DirectoryError::ResolveHost {
        host: server.host.clone(),
        source: io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is neither a host name nor an IP address",
        ),
    })?;
    let connector = TlsConnector::from(Arc::new(client_config(settings)?));
    let handshake = tokio::time::timeout(settings.timeouts.connect, connector.connect(name, plain));
    match handshake.await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(explain(settings.encryption, server, error)),
        Err(_) => Err(DirectoryError::Await {
            server: server.clone(),
            waited: settings.timeouts.connect,
        }),
    }
}

/// Until when the certificate that the server showed is valid. One that rustls took and that can't be read here says nothing.
pub(super) fn certificate_expires<S>(stream: &TlsStream<S>) -> Option<Timestamp> {
    let (_, session) = stream.get_ref();
    session.peer_certificates()?.first().and_then(|shown| expires(shown))
}

fn expires(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

/// Built for each connection, so that renewed authorities count at the next one.
fn client_config(settings: &ConnectionSettings) -> Result<ClientConfig, DirectoryError> {
    let authorities = match &settings.certificate_authorities {
        Some(pem) => given_authorities(pem),
        None => system_authorities(rustls_native_certs::load_native_certs()),
    };
    let authorities = authorities.map_err(|detail| DirectoryError::LoadCertificateAuthorities { detail })?;
    // Named here, and not taken from the process: two crates that each install a default would make it panic.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| DirectoryError::LoadCertificateAuthorities {
            detail: error.to_string(),
        })?;
    Ok(config.with_root_certificates(authorities).with_no_client_auth())
}

fn given_authorities(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("spec.tls.caRef is not PEM: {error}"))?;
        store
            .add(certificate)
            .map_err(|error| format!("spec.tls.caRef holds an unusable certificate: {error}"))?;
    }
    if store.is_empty() {
        return Err("spec.tls.caRef holds no certificate; it must begin with -----BEGIN CERTIFICATE-----".to_owned());
    }
    Ok(store)
}

fn system_authorities(loaded: CertificateResult) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    // A system's bundle always has a few that nobody can use.
    store.add_parsable_certificates(loaded.certs);
    if store.is_empty() {
        let problems: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
        return Err(format!(
            "the system has none{}{}; give the one that signed the domain controllers' certificates in spec.tls.caRef",
            if problems.is_empty() { "" } else { ": " },
            problems.join(", ")
        ));
    }
    Ok(store)
}

/// Turns what went wrong in the handshake into what a person can mend.
fn explain(encryption: Encryption, server: &ServerAddress, error: io::Error) -> DirectoryError {
    let server = server.clone();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(problem)) => match problem {
            CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
                DirectoryError::VerifyName {
                    server,
                    presented: presented.iter().map(|name| bare_name(name)).collect(),
                }
            }
            problem => DirectoryError::VerifyCertificate {
                server,
                problem: problem.clone(),
            },
        },
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) if encryption == Encryption::Ldaps => {
            DirectoryError::MatchPort {
                server,
                detail: "this port does not speak TLS from the first byte; use the LDAPS port (usually 636), or mode \
                         StartTLS for this one",
            }
        }
        Some(_) => DirectoryError::Encrypt {
            server,
            source: error,
            advice: "the domain controller must offer TLS 1.2 or newer with a modern cipher",
        },
        None => DirectoryError::Encrypt {
            server,
            source: error,
            advice: "is this the LDAPS port (usually 636), and does the domain controller have a certificate?",
        },
    }
}

/// `DnsName("dc1.example.com")` and `IpAddress(10.0.0.1)` without what a person need not see.
fn bare_name(presented: &str) -> String {
    let name = presented
        .split_once('(')
        .map_or(presented, |(_, name)| name.trim_end_matches(')'));
    name.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_authorities_says_so() {
        let nothing = system_authorities(CertificateResult::default()).unwrap_err();
        assert!(
            nothing.contains("the system has none") && nothing.contains("spec.tls.caRef"),
            "{nothing}"
        );
    }

    #[test]
    fn a_certificate_says_when_it_ends_and_what_is_none_says_nothing() {
        let mut params = rcgen::CertificateParams::new(["dc1.example.com".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2049, 12, 31);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let end = "2049-12-31T00:00:00Z".parse::<Timestamp>().unwrap();
        assert_eq!(expires(certificate.der()), Some(end));
        // From 2050 on it is written in another form (RFC 5280 section 4.1.2.5).
        params.not_after = rcgen::date_time_ymd(2050, 1, 1);
        let end = "2050-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
        assert_eq!(expires(params.self_signed(&key).unwrap().der()), Some(end));
        assert_eq!(expires(b"no certificate"), None);
    }

    #[test]
    fn names_are_told_as_people_write_them() {
        assert_eq!(bare_name("DnsName(\"dc1.example.com\")"), "dc1.example.com");
        assert_eq!(bare_name("IpAddress(10.0.0.1)"), "10.0.0.1");
        assert_eq!(bare_name("dc1.example.com"), "dc1.example.com");
    }
}
