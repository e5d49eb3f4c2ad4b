//! OpenLDAP's slapd with a large company in it, for benches: it reads like a domain controller, and far quicker than ours.

use std::ops::Deref;

use super::process::Server;

/// A running slapd. Stopping, freezing and the like come from `Server`.
pub struct Slapd {
    server: Server,
    ports: [u16; 2],
}

impl Deref for Slapd {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Slapd {
    pub const BIND_DN: &'static str = "CN=reader,DC=example,DC=com";
    pub const BIND_PASSWORD: &'static str = "Passw0rd.Adsync";

    /// A slapd with so many people in it; it ends when the value is dropped.
    pub async fn own(people: usize) -> Self {
        let (server, facts) = Server::start("slapd/start", &["--people", &people.to_string()]).await;
        Self {
            server,
            ports: Server::ports(&facts),
        }
    }

    pub fn ldap_port(&self) -> u16 {
        self.ports[0]
    }

    pub fn ldaps_port(&self) -> u16 {
        self.ports[1]
    }

    /// The authority that signed its certificate.
    pub fn ca_file(&self) -> std::path::PathBuf {
        self.server.folder().join("tls/ca.pem")
    }
}
