//! Certificates are always checked, and what is wrong with one is said.

use std::sync::Arc;

use adsync::directory::{ConnectionSettings, DirectoryError, Encryption};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;

use super::{connect, impatient, scripted_settings, server, settings};
use crate::env::{self, Certificate, Options, ScriptedLdap};

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let directory = env::directory().await;
    let mut settings = settings(directory);
    settings.certificate_authorities = Some(directory.other_ca_pem().into_bytes());
    let error = connect(settings.clone()).test().await.unwrap_err();
    assert_eq!((error.reason(), error.heals_itself()), ("TLSCertificateInvalid", false));
    assert!(error.to_string().contains("spec.tls.caRef"), "{error}");

    // StartTLS is no way around it.
    settings.encryption = Encryption::StartTls;
    settings.servers = vec![server("localhost", directory.ldap_port())];
    assert_eq!(
        connect(settings).test().await.unwrap_err().reason(),
        "TLSCertificateInvalid"
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_and_the_name_told() {
    let directory = env::Directory::own(Options {
        certificate: Certificate::Misnamed,
        ..Options::default()
    })
    .await;
    let error = connect(settings(&directory)).test().await.unwrap_err();
    assert_eq!((error.reason(), error.heals_itself()), ("TLSNameMismatch", false));
    let shown = error.to_string();
    assert!(
        shown.contains("not for localhost, but for dc9.other.example;"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_certificate_authority_that_is_none_says_so() {
    let mut settings = settings(env::directory().await);
    for pem in [
        "",
        "not a certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        settings.certificate_authorities = Some(pem.into());
        let error = connect(settings.clone()).test().await.unwrap_err();
        assert_eq!(
            (error.reason(), error.heals_itself()),
            ("CertificateAuthorityInvalid", false),
            "{pem}"
        );
        assert!(error.to_string().contains("caRef"), "{error}");
    }
}

/// What a client says to a server with this certificate, when it trusts the one who signed it.
async fn meet(
    params: CertificateParams,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Result<(), DirectoryError> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::CommonName, "a test's authority");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    let ldap = ScriptedLdap::start_with(Some(TlsAcceptor::from(Arc::new(config))), |_| None).await;
    let settings = ConnectionSettings {
        encryption: Encryption::Ldaps,
        certificate_authorities: Some(authority.pem().into_bytes()),
        timeouts: impatient(),
        ..scripted_settings([ldap.port()])
    };
    let result = connect(settings).test().await.map(drop);
    assert_eq!(
        ldap.binds(),
        usize::from(result.is_ok()),
        "no password goes where the certificate is wrong"
    );
    result
}

fn certificate(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

#[tokio::test]
async fn a_good_certificate_is_taken_with_tls_1_2_and_1_3() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        meet(certificate(&["127.0.0.1"]), &[version]).await.unwrap();
    }
}

#[tokio::test]
async fn an_expired_certificate_says_since_when() {
    let mut params = certificate(&["127.0.0.1"]);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 2, 3);
    let error = meet(params, rustls::ALL_VERSIONS).await.unwrap_err();
    assert_eq!(error.reason(), "TLSCertificateInvalid");
    assert!(error.to_string().contains("expired on 2021-02-03"), "{error}");
}

#[tokio::test]
async fn a_certificate_without_names_says_that_a_common_name_does_not_count() {
    let mut params = certificate(&[]);
    params.distinguished_name.push(DnType::CommonName, "127.0.0.1");
    let error = meet(params, rustls::ALL_VERSIONS).await.unwrap_err();
    assert_eq!(error.reason(), "TLSCertificateInvalid", "{error}");
    assert!(
        error.to_string().contains("Samba's own certificate has no SAN"),
        "{error}"
    );
}

#[tokio::test]
async fn the_names_of_a_certificate_for_others_are_told() {
    let error = meet(
        certificate(&["dc1.example.com", "*.example.com", "10.0.0.1"]),
        rustls::ALL_VERSIONS,
    )
    .await
    .unwrap_err();
    assert_eq!(error.reason(), "TLSNameMismatch");
    assert!(
        error
            .to_string()
            .contains("but for dc1.example.com, *.example.com, 10.0.0.1;"),
        "{error}"
    );
}
