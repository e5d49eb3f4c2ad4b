//! directory: which servers a domain has, and where they are (DNS). Asks the system's name servers unless others are given.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::{Resolver, TokioResolver};
use tokio::time::timeout;

use super::error::DirectoryError;
use super::settings::{ConnectionSettings, Encryption, ServerAddress};

/// What domain controllers register themselves under ([MS-ADTS] section 6.3.2.3), the best first: the second name may hold
/// other LDAP servers of the domain too.
const SERVICES: [&str; 2] = ["_ldap._tcp.dc._msdcs", "_ldap._tcp"];
const LDAP_PORT: u16 = 389;
const LDAPS_PORT: u16 = 636;

/// The servers to try, in order: those of the settings, else those of the domain.
pub(super) async fn servers(settings: &ConnectionSettings) -> Result<Vec<ServerAddress>, DirectoryError> {
    if !settings.servers.is_empty() {
        return Ok(settings.servers.clone());
    }
    let failed = |detail| DirectoryError::DiscoverServers {
        domain: settings.domain.clone(),
        detail,
    };
    let resolver = resolver(settings).map_err(|error| failed(error.to_string()))?;
    let mut problem = String::new();
    for service in SERVICES {
        let name = format!("{service}.{}.", settings.domain.trim_end_matches('.'));
        match timeout(settings.timeouts.connect, resolver.srv_lookup(name.as_str())).await {
            Ok(Ok(answer)) => {
                let records = answer.answers().iter().filter_map(|record| match &record.data {
                    RData::SRV(service) => Some(service.clone()),
                    _ => None,
                });
                let servers = ordered(records.collect(), settings);
                if !servers.is_empty() {
                    return Ok(servers);
                }
                problem = format!("{name} names no server of the domain");
            }
            Ok(Err(error)) => problem = error.to_string(),
            Err(_) => {
                let waited = settings.timeouts.connect.as_secs_f32();
                problem = format!("no name server answered within {waited} s");
            }
        }
    }
    Err(failed(problem))
}

/// By priority, and the heavier first (RFC 2782). No dice: which server is used should be the same tomorrow, and one
/// operator's one connection is no load to balance.
fn ordered(mut records: Vec<SRV>, settings: &ConnectionSettings) -> Vec<ServerAddress> {
    records.sort_by_key(|record| {
        (
            record.priority,
            std::cmp::Reverse(record.weight),
            record.target.to_lowercase(),
        )
    });
    let mut servers = Vec::new();
    for record in records {
        let port = match (settings.encryption, record.port) {
            // AD registers only its plain port.
            (Encryption::Ldaps, LDAP_PORT) => LDAPS_PORT,
            (_, port) => port,
        };
        let host = record.target.to_ascii().to_lowercase();
        let server = ServerAddress::new(&host, Some(port), settings.encryption);
        // DNS is not to be trusted with names: a certificate for a stranger's host must not open the door to our password
        // (RFC 6125 section 6.2.1).
        if is_in_domain(&server.host, &settings.domain) && !server.is_global_catalog() && !servers.contains(&server) {
            servers.push(server);
        }
    }
    servers
}

fn is_in_domain(host: &str, domain: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    host.strip_suffix(&domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Every address of a server, in the order in which they should be tried.
pub(super) async fn addresses(
    settings: &ConnectionSettings,
    server: &ServerAddress,
) -> Result<Vec<SocketAddr>, DirectoryError> {
    if let Ok(address) = server.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, server.port)]);
    }
    let failed = |source| DirectoryError::ResolveHost {
        host: server.host.clone(),
        source,
    };
    let lookup = async {
        if settings.name_servers.is_empty() {
            return tokio::net::lookup_host((server.host.as_str(), server.port))
                .await
                .map(Iterator::collect);
        }
        let resolver = resolver(settings).map_err(std::io::Error::other)?;
        let found = resolver
            .lookup_ip(format!("{}.", server.host))
            .await
            .map_err(std::io::Error::other)?;
        Ok(found
            .iter()
            .map(|address| SocketAddr::new(address, server.port))
            .collect())
    };
    let found: Result<Vec<_>, _> = timeout(settings.timeouts.connect, lookup)
        .await
        .unwrap_or_else(|late| Err(late.into()));
    found.map_err(failed)
}

fn resolver(settings: &ConnectionSettings) -> Result<TokioResolver, NetError> {
    if settings.name_servers.is_empty() {
        return TokioResolver::builder_tokio()?.build();
    }
    let name_servers = settings.name_servers.iter().map(|address| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        NameServerConfig::new(address.ip(), true, connections.to_vec())
    });
    let config = ResolverConfig::from_name_servers(name_servers.collect());
    Resolver::builder_with_config(config, TokioRuntimeProvider::default()).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::settings::Account;
    use hickory_resolver::proto::rr::Name;

    fn record(priority: u16, weight: u16, port: u16, target: &str) -> SRV {
        SRV::new(priority, weight, port, Name::from_ascii(target).unwrap())
    }

    fn settings(encryption: Encryption) -> ConnectionSettings {
        ConnectionSettings {
            encryption,
            ..ConnectionSettings::new("Example.com", Account::new("a", "b"))
        }
    }

    fn shown(servers: &[ServerAddress]) -> Vec<String> {
        servers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn servers_come_by_priority_and_weight() {
        let records = vec![
            record(10, 0, 389, "dc4.example.com."),
            record(0, 50, 389, "dc3.example.com."),
            record(0, 100, 389, "dc2.example.com."),
            record(0, 100, 389, "DC1.example.com."),
            record(0, 100, 389, "dc1.example.com."),
        ];
        let expected = [
            "dc1.example.com:389",
            "dc2.example.com:389",
            "dc3.example.com:389",
            "dc4.example.com:389",
        ];
        assert_eq!(shown(&ordered(records, &settings(Encryption::StartTls))), expected);
    }

    #[test]
    fn ldaps_turns_the_registered_plain_port_into_its_own_and_leaves_others() {
        let records = vec![
            record(0, 0, 389, "dc1.example.com."),
            record(1, 0, 7389, "dc2.example.com."),
        ];
        assert_eq!(
            shown(&ordered(records, &settings(Encryption::Ldaps))),
            ["dc1.example.com:636", "dc2.example.com:7389"]
        );
    }

    #[test]
    fn hosts_outside_of_the_domain_and_global_catalogs_are_not_servers_of_it() {
        let records = vec![
            record(0, 0, 389, "dc1.example.com.evil.net."),
            record(0, 0, 389, "evilexample.com."),
            record(0, 0, 3268, "dc1.example.com."),
            record(0, 0, 389, "."),
        ];
        assert_eq!(ordered(records, &settings(Encryption::Ldaps)), []);
    }
}
