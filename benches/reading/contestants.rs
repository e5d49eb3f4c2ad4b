//! Who reads: ldapsearch, ldap3 in two ways, and the operator's own read. Each in a process of its own, on one port.

use std::process::{Command, Stdio};

use adsync::directory::{
    Account, ConnectionSettings, Directory, Dn, Encryption, Guid, Origin, RejectedPasswords, Request, ServerAddress,
    SnapshotBuilder,
};
use jiff::Timestamp;

use super::alone::{self, Taken};
use super::support::{Cost, Meter, child};
use super::task::{Task, attributes, searches};
use crate::env::Slapd;

/// Somebody who reads everything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reader {
    /// What it is all compared with.
    Ldapsearch,
    /// ldap3 straight on the socket; what it parsed is thrown away.
    Ldap3,
    /// ldap3 straight on the socket, into a snapshot: all that the operator does but for the guard.
    Unguarded,
    /// The operator's read, as it is.
    Adsync,
}

impl Reader {
    /// Who takes part; without a TLS of its own, ldap3 alone reads only in clear.
    pub(crate) fn all(task: &Task) -> &'static [Self] {
        if task.encrypted {
            &[Self::Ldapsearch, Self::Adsync]
        } else {
            &[Self::Ldapsearch, Self::Ldap3, Self::Unguarded, Self::Adsync]
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ldapsearch => "ldapsearch",
            Self::Ldap3 => "ldap3, results thrown away",
            Self::Unguarded => "ldap3 and snapshot, no guard",
            Self::Adsync => "adsync",
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        let all = [Self::Ldapsearch, Self::Ldap3, Self::Unguarded, Self::Adsync];
        all.into_iter()
            .find(|reader| reader.name() == name)
            .expect("a reader's name")
    }

    /// Reads everything, in this process.
    pub(crate) fn run(self, task: &Task) -> Cost {
        if self == Self::Ldapsearch {
            return ldapsearch(task);
        }
        // As the operator has it.
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let meter = Meter::of_this_process();
        let snapshot = runtime.block_on(async {
            match self {
                Self::Ldap3 => alone::read(task.port, |_, _| ()).await.map(|()| None),
                Self::Unguarded => unguarded(task).await.map(Some),
                _ => Ok(Some(adsync(task).await)),
            }
        });
        let snapshot = snapshot.unwrap_or_else(|error| panic!("{} could not read: {error}", self.name()));
        let cost = meter.read();
        Cost {
            held_memory: snapshot.map(|snapshot| u64::try_from(snapshot.heap_size()).expect("a size")),
            ..cost
        }
    }
}

fn ldapsearch(task: &Task) -> Cost {
    let scheme = if task.encrypted { "ldaps" } else { "ldap" };
    child::commands(searches().map(|search| {
        let mut command = Command::new("ldapsearch");
        command
            .args([
                "-x",
                "-D",
                Slapd::BIND_DN,
                "-w",
                Slapd::BIND_PASSWORD,
                "-E",
                "pr=1000/noprompt",
            ])
            .args([
                "-H",
                &format!("{scheme}://127.0.0.1:{}", task.port),
                "-b",
                search.base,
                search.filter,
            ])
            .args(search.attributes)
            .env("LDAPTLS_CACERT", &task.authority)
            .stdout(Stdio::null());
        command
    }))
}

async fn adsync(task: &Task) -> adsync::directory::Snapshot {
    let encryption = if task.encrypted {
        Encryption::Ldaps
    } else {
        Encryption::Plain
    };
    let authority = std::fs::read(&task.authority).expect("the authority");
    let settings = ConnectionSettings {
        servers: vec![ServerAddress::new("127.0.0.1", Some(task.port), encryption)],
        encryption,
        certificate_authorities: Some(authority),
        ..ConnectionSettings::new("example.com", Account::new(Slapd::BIND_DN, Slapd::BIND_PASSWORD))
    };
    let directory = Directory::new(settings, RejectedPasswords::default());
    let request = Request {
        attributes: attributes(),
    };
    directory
        .read(&request)
        .await
        .unwrap_or_else(|error| panic!("the read failed: {error:?}"))
}

async fn unguarded(task: &Task) -> ldap3::result::Result<adsync::directory::Snapshot> {
    let domain = Dn::parse("DC=example,DC=com").expect("a DN");
    let origin = Origin {
        server: String::new(),
        invocation_id: Guid::from_ldap_bytes(&[1; 16]).expect("sixteen bytes"),
        naming_context: domain.clone(),
        base_dn: domain,
        highest_usn: 1,
        read_at: Timestamp::UNIX_EPOCH,
        replicas: Vec::new(),
        is_behind: false,
    };
    let mut builder = SnapshotBuilder::new(origin, &attributes());
    alone::read(task.port, |taken, entry| {
        let entry = alone::entry(entry);
        match taken {
            Taken::User => builder.add_user(entry),
            Taken::Group => builder.add_group(entry),
            Taken::Unit => builder.add_unit(entry),
        }
    })
    .await?;
    Ok(builder.build())
}
