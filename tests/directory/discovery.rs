//! Servers found by DNS SRV, from a name server on loopback.

use std::net::SocketAddr;

use adsync::directory::ConnectionSettings;
use tokio::net::UdpSocket;

use super::{closed_port, connect, impatient, settings};
use crate::env;

/// An answer of the name server's.
#[derive(Clone)]
enum Record {
    Service {
        priority: u16,
        weight: u16,
        port: u16,
        target: &'static str,
    },
    Address([u8; 4]),
}

/// A name server that knows these names and no others, by hand (RFC 1035): what it takes is a page.
async fn name_server(records: Vec<(&'static str, Record)>) -> SocketAddr {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            let _sent = socket.send_to(&answer(&buffer[..length], &records), client).await;
        }
    });
    address
}

fn answer(query: &[u8], records: &[(&str, Record)]) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    let (name, question_end) = (labels.join("."), at + 5);
    let wanted = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let known = records.iter().filter(|(known, _)| *known == name);
    let found: Vec<&Record> = known
        .clone()
        .map(|(_, record)| record)
        .filter(|record| record.kind() == wanted)
        .collect();
    let code = if known.count() == 0 { 3 } else { 0 };
    let mut reply = query[..2].to_vec();
    // Response, recursion desired and available; one question, the answers, nothing else.
    reply.extend([
        0x81,
        0x80 | code,
        0,
        1,
        0,
        u8::try_from(found.len()).unwrap(),
        0,
        0,
        0,
        0,
    ]);
    reply.extend(&query[12..question_end]);
    for record in found {
        let data = record.data();
        // The question's name, class IN, a minute to live.
        reply.extend([0xc0, 12]);
        reply.extend(wanted.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 60]);
        reply.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        reply.extend(data);
    }
    reply
}

impl Record {
    fn kind(&self) -> u16 {
        match self {
            Self::Address(_) => 1,
            Self::Service { .. } => 33,
        }
    }

    fn data(&self) -> Vec<u8> {
        match self {
            Self::Address(address) => address.to_vec(),
            Self::Service {
                priority,
                weight,
                port,
                target,
            } => {
                let mut data = [priority.to_be_bytes(), weight.to_be_bytes(), port.to_be_bytes()].concat();
                for label in target.split('.') {
                    data.push(u8::try_from(label.len()).unwrap());
                    data.extend(label.as_bytes());
                }
                data.push(0);
                data
            }
        }
    }
}

fn service(priority: u16, port: u16, target: &'static str) -> Record {
    Record::Service {
        priority,
        weight: 100,
        port,
        target,
    }
}

async fn discovering(records: Vec<(&'static str, Record)>) -> ConnectionSettings {
    let mut settings = settings(env::directory().await);
    settings.servers = vec![];
    settings.name_servers = vec![name_server(records).await];
    settings.timeouts = impatient();
    settings.base_dn = Some(adsync::directory::Dn::parse("OU=Sites,DC=example,DC=com").unwrap());
    settings
}

#[tokio::test]
async fn domain_controllers_are_found_by_dns_and_tried_in_order() {
    let port = env::directory().await.ldaps_port();
    let settings = discovering(vec![
        ("_ldap._tcp.dc._msdcs.example.com", service(10, port, "dc1.example.com")),
        (
            "_ldap._tcp.dc._msdcs.example.com",
            service(0, closed_port().await, "dc1.example.com"),
        ),
        // Whoever can forge DNS names a host that they have a certificate for.
        ("_ldap._tcp.dc._msdcs.example.com", service(0, port, "localhost")),
        ("dc1.example.com", Record::Address([127, 0, 0, 1])),
    ])
    .await;
    let report = connect(settings).test().await.unwrap();
    assert_eq!(
        (report.server, report.visible_users),
        (format!("dc1.example.com:{port}"), 12)
    );
}

#[tokio::test]
async fn a_domain_without_the_first_name_is_asked_for_the_second() {
    let port = env::directory().await.ldaps_port();
    let settings = discovering(vec![
        ("_ldap._tcp.example.com", service(0, port, "dc1.example.com")),
        ("dc1.example.com", Record::Address([127, 0, 0, 1])),
    ])
    .await;
    assert_eq!(
        connect(settings).test().await.unwrap().server,
        format!("dc1.example.com:{port}")
    );
}

#[tokio::test]
async fn a_domain_that_dns_does_not_know_says_so() {
    for records in [
        vec![],
        vec![("_ldap._tcp.example.com", service(0, 636, "dc1.evil.example"))],
    ] {
        let error = connect(discovering(records).await).test().await.unwrap_err();
        assert_eq!((error.reason(), error.heals_itself()), ("DNSFailed", true));
        assert!(error.to_string().contains("spec.servers"), "{error}");
    }
}

#[tokio::test]
async fn a_name_server_that_says_nothing_is_given_up() {
    let silent = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    let mut settings = discovering(vec![]).await;
    settings.name_servers = vec![silent.local_addr().unwrap()];
    let error = connect(settings).test().await.unwrap_err();
    assert_eq!(error.reason(), "DNSFailed", "{error}");
}
