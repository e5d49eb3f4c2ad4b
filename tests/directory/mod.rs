//! Reading Active Directory: against the real Samba, and against a scripted server for what Samba cannot play.

mod answers;
mod bind;
mod certificates;
mod cut_short;
mod discovery;
mod failover;
mod filters;
mod finding;
mod hostile;
mod read;

use std::time::Duration;

use adsync::directory::{
    Account, AttributeName, ConnectionSettings, Directory, Encryption, RejectedPasswords, Request, ServerAddress,
    Timeouts,
};

use crate::env;

/// As an administrator would set up the shared directory: LDAPS, with the service account.
fn settings(directory: &env::Directory) -> ConnectionSettings {
    let account = Account::new(env::Directory::BIND_UPN, env::Directory::BIND_PASSWORD);
    ConnectionSettings {
        servers: vec![server(env::Directory::HOST, directory.ldaps_port())],
        certificate_authorities: Some(directory.ca_pem().into_bytes()),
        ..ConnectionSettings::new(env::Directory::DOMAIN, account)
    }
}

/// For a scripted server: without TLS, and impatient.
fn scripted_settings(ports: impl IntoIterator<Item = u16>) -> ConnectionSettings {
    ConnectionSettings {
        servers: ports.into_iter().map(|port| server("127.0.0.1", port)).collect(),
        encryption: Encryption::Plain,
        timeouts: impatient(),
        ..ConnectionSettings::new(
            env::Directory::DOMAIN,
            Account::new("svc@example.com", "Passw0rd.Secret"),
        )
    }
}

fn impatient() -> Timeouts {
    Timeouts {
        connect: Duration::from_secs(2),
        answer: Duration::from_secs(2),
        search: Duration::from_secs(2),
        whole: Duration::from_secs(4),
    }
}

fn connect(settings: ConnectionSettings) -> Directory {
    Directory::new(settings, RejectedPasswords::default())
}

fn server(host: &str, port: u16) -> ServerAddress {
    ServerAddress {
        host: host.to_owned(),
        port,
    }
}

fn request(attributes: &[&str]) -> Request {
    let attributes = attributes.iter().map(|name| AttributeName::parse(name).unwrap());
    Request {
        attributes: attributes.collect(),
    }
}

/// A port where nobody listens.
async fn closed_port() -> u16 {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    listener.local_addr().unwrap().port()
}
