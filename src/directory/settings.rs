//! directory: how to reach one domain, as plain data. Made from a configuration object and its Secrets.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::dn::Dn;
use super::error::DirectoryError;

/// The Global Catalog holds only part of each entry, so reading it would look like blanked values.
const GLOBAL_CATALOG_PORTS: [u16; 2] = [3268, 3269];

/// Everything that is needed to read one Active Directory domain.
#[derive(Clone, Eq, PartialEq)]
pub struct ConnectionSettings {
    /// DNS name of the domain.
    pub domain: String,
    /// Domain controllers in order of preference. Empty: discovered by DNS SRV.
    pub servers: Vec<ServerAddress>,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// PEM certificates of who may sign a server's certificate. None: the system's.
    pub certificate_authorities: Option<Vec<u8>>,
    /// Whom to bind as.
    pub account: Account,
    /// People are read below this entry. None: the whole domain.
    pub base_dn: Option<Dn>,
    /// How long anything may take.
    pub timeouts: Timeouts,
    /// Name servers to ask. Empty: as the system is configured.
    pub name_servers: Vec<SocketAddr>,
}

impl ConnectionSettings {
    /// The settings of a domain whose servers are discovered, with LDAPS and the system's certificate authorities.
    pub fn new(domain: impl Into<String>, account: Account) -> Self {
        Self {
            domain: domain.into(),
            servers: Vec::new(),
            encryption: Encryption::default(),
            certificate_authorities: None,
            account,
            base_dn: None,
            timeouts: Timeouts::default(),
            name_servers: Vec::new(),
        }
    }

    /// Refuses what can be seen to be wrong before anything is sent.
    pub(super) fn check(&self) -> Result<(), DirectoryError> {
        if let Some(server) = self.servers.iter().find(|server| server.is_global_catalog()) {
            return Err(DirectoryError::UseGlobalCatalog { server: server.clone() });
        }
        // A bind with a name and no password succeeds as nobody (RFC 4513 section 5.1.2).
        if self.account.password.expose_secret().is_empty() {
            return Err(DirectoryError::BindWithoutPassword {
                account: self.account.username.clone(),
            });
        }
        if self.account.username.trim().is_empty() {
            return Err(DirectoryError::BindWithoutUsername);
        }
        Ok(())
    }
}

/// Without the authorities' bytes, which come from a Secret at times.
impl fmt::Debug for ConnectionSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectionSettings")
            .field("domain", &self.domain)
            .field("servers", &self.servers)
            .field("encryption", &self.encryption)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// A domain controller's address.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerAddress {
    /// Host name, which the server's certificate must have, or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl ServerAddress {
    /// A host, on the usual port unless one is given.
    pub fn new(host: &str, port: Option<u16>, encryption: Encryption) -> Self {
        // Brackets belong to the notation of an IPv6 address with a port, a last dot to that of DNS.
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        Self {
            host: host.to_owned(),
            port: port.unwrap_or(encryption.usual_port()),
        }
    }

    pub(super) fn is_global_catalog(&self) -> bool {
        GLOBAL_CATALOG_PORTS.contains(&self.port)
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Encryption {
    /// TLS from the first byte.
    #[default]
    Ldaps,
    /// A plain connection that becomes TLS before anything else is said (RFC 4511 section 4.14).
    StartTls,
    /// None: the password crosses the network in clear.
    Plain,
}

impl Encryption {
    /// The port that a server usually has for it.
    pub fn usual_port(self) -> u16 {
        match self {
            Self::Ldaps => 636,
            Self::StartTls | Self::Plain => 389,
        }
    }
}

/// Whom to bind as.
#[derive(Clone, Debug)]
pub struct Account {
    /// DN, `user@domain` or `DOMAIN\user`.
    pub username: String,
    /// Never shown.
    pub password: SecretString,
}

impl Account {
    /// An account and its password.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: SecretString::from(password.into()),
        }
    }
}

impl PartialEq for Account {
    fn eq(&self, other: &Self) -> bool {
        self.username == other.username && self.password.expose_secret() == other.password.expose_secret()
    }
}

impl Eq for Account {}

/// How long anything may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// For a host to accept a connection, and again for TLS to stand.
    pub connect: Duration,
    /// For the answer to a question that costs a server nothing, such as a bind.
    pub answer: Duration,
    /// For the next result of a search. AD itself gives up after 120 s (`MaxQueryDuration`), and says so.
    pub search: Duration,
    /// For a read or a test from its beginning to its end.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            search: Duration::from_secs(130),
            whole: Duration::from_mins(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_the_usual_port_unless_another_is_given_and_is_shown_as_people_write_it() {
        let shown = |host, port, encryption| ServerAddress::new(host, port, encryption).to_string();
        assert_eq!(
            shown("dc1.example.com.", None, Encryption::Ldaps),
            "dc1.example.com:636"
        );
        assert_eq!(shown("10.0.0.1", None, Encryption::StartTls), "10.0.0.1:389");
        assert_eq!(shown("[fd00::1]", Some(1636), Encryption::Ldaps), "[fd00::1]:1636");
        assert_eq!(ServerAddress::new("[fd00::1]", None, Encryption::Ldaps).host, "fd00::1");
    }

    #[test]
    fn debug_shows_no_secret() {
        let settings = ConnectionSettings {
            certificate_authorities: Some(b"-----BEGIN PRIVATE KEY-----".to_vec()),
            ..ConnectionSettings::new("example.com", Account::new("svc", "Passw0rd.Svc"))
        };
        let shown = format!("{settings:?}");
        assert!(
            shown.contains("svc") && !shown.contains("Passw0rd") && !shown.contains("45, 45"),
            "{shown}"
        );
    }
}
