//! directory: what is asked on a connection: a test of it, everything, or a few entries by objectGUID.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;

use super::connection::{Connection, Root};
use super::error::DirectoryError;
use super::search::Search;
use super::settings::ConnectionSettings;
use super::{Alive, AttributeName, Dn, Guid, Origin, Sighting, Snapshot, SnapshotBuilder};

/// People; without contacts (no user), and computers (no person).
const USERS: &str = "(&(objectCategory=person)(objectClass=user))";
const GROUPS: &str = "(objectClass=group)";
/// What an OU selector may name: also the containers that AD comes with, and the domain itself.
const UNITS: &str =
    "(|(objectClass=organizationalUnit)(objectClass=container)(objectClass=builtinDomain)(objectClass=domainDNS))";

const GROUP_ATTRIBUTES: [&str; 7] = [
    "objectGUID",
    "objectSid",
    "cn",
    "displayName",
    "groupType",
    "member",
    "sAMAccountName",
];
/// What units and searches by objectGUID are asked for.
const IDENTITY: [&str; 1] = ["objectGUID"];
/// Asks for no attribute at all (RFC 4511 section 4.5.1.8).
const NO_ATTRIBUTES: [&str; 1] = ["1.1"];

/// How many entries are asked for by objectGUID in one search.
const GUIDS_AT_ONCE: usize = 50;

/// What the test of a connection found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectionReport {
    /// Host and port of the domain controller.
    pub server: String,
    /// Identity of the controller's database.
    pub invocation_id: Guid,
    /// Root of the domain.
    pub naming_context: Dn,
    /// How many users the account can see below the base DN.
    pub visible_users: u64,
}

/// What a read should bring.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Request {
    /// Attributes of users, beside the fixed few.
    pub attributes: BTreeSet<AttributeName>,
}

/// Something to ask on a connection. Asked anew from the beginning on another one when the first fails.
pub(super) trait Inquiry: Send + Sync + 'static {
    type Answer: Send + 'static;
    /// Whether an idle connection would not do.
    const ON_ITS_OWN_CONNECTION: bool = false;

    fn ask(
        &self,
        settings: &ConnectionSettings,
        connection: &mut Connection,
    ) -> impl Future<Output = Result<Self::Answer, DirectoryError>> + Send;
}

/// What the Test Connection button asks.
pub(super) struct Test;

impl Inquiry for Test {
    type Answer = ConnectionReport;
    const ON_ITS_OWN_CONNECTION: bool = true;

    async fn ask(
        &self,
        settings: &ConnectionSettings,
        connection: &mut Connection,
    ) -> Result<ConnectionReport, DirectoryError> {
        let Root {
            naming_context,
            invocation_id,
            ..
        } = connection.root().await?;
        let base = settings.base_dn.as_ref().unwrap_or(&naming_context);
        let search = Search {
            base: base.as_str(),
            filter: USERS,
            attributes: &NO_ATTRIBUTES,
            names_say_guids: false,
        };
        let mut visible_users = 0;
        connection.search(search, &mut |_| visible_users += 1).await?;
        Ok(ConnectionReport {
            server: connection.server.to_string(),
            invocation_id,
            naming_context,
            visible_users,
        })
    }
}

/// A complete read.
pub(super) struct Read {
    pub(super) request: Request,
}

impl Inquiry for Read {
    type Answer = Snapshot;

    async fn ask(
        &self,
        settings: &ConnectionSettings,
        connection: &mut Connection,
    ) -> Result<Snapshot, DirectoryError> {
        let read_at = Timestamp::now();
        // The highest USN before the first search: what changes during the read is in the next incremental one.
        let root = connection.root().await?;
        let base_dn = settings.base_dn.clone().unwrap_or_else(|| root.naming_context.clone());
        let mut builder = SnapshotBuilder::new(
            Origin {
                server: connection.server.to_string(),
                invocation_id: root.invocation_id,
                naming_context: root.naming_context.clone(),
                base_dn: base_dn.clone(),
                highest_usn: root.highest_usn,
                read_at,
                is_behind: false,
            },
            &self.request.attributes,
        );
        let mut referrals = 0;
        let wanted = self.user_attributes();
        let wanted: Vec<_> = wanted.iter().map(AttributeName::as_str).collect();
        let users = Search {
            base: base_dn.as_str(),
            filter: USERS,
            attributes: &wanted,
            names_say_guids: false,
        };
        referrals += connection.search(users, &mut |entry| builder.add_user(entry)).await?;
        let domain = root.naming_context.as_str();
        let groups = Search {
            base: domain,
            filter: GROUPS,
            attributes: &GROUP_ATTRIBUTES,
            names_say_guids: true,
        };
        referrals += connection.search(groups, &mut |entry| builder.add_group(entry)).await?;
        let units = Search {
            base: domain,
            filter: UNITS,
            attributes: &IDENTITY,
            names_say_guids: false,
        };
        referrals += connection.search(units, &mut |entry| builder.add_unit(entry)).await?;
        builder.referrals(referrals);

        // A restored or replaced database in the meantime (promise 2: all from one).
        if connection.root().await?.invocation_id != root.invocation_id {
            return Err(connection.incomplete("another database answered at its end than at its beginning"));
        }
        // Putting 100,000 people in order is work, and this thread has others to serve.
        tokio::task::spawn_blocking(move || builder.build())
            .await
            .map_err(|_| DirectoryError::Finish)
    }
}

impl Read {
    fn user_attributes(&self) -> BTreeSet<AttributeName> {
        let fixed = AttributeName::OF_EVERY_USER
            .into_iter()
            .chain([AttributeName::OBJECT_GUID]);
        fixed.chain(self.request.attributes.iter().cloned()).collect()
    }
}

/// Entries by objectGUID, wherever in the domain they are.
pub(super) struct Find {
    pub(super) guids: Vec<Guid>,
}

impl Inquiry for Find {
    type Answer = BTreeMap<Guid, Sighting>;

    async fn ask(&self, _: &ConnectionSettings, connection: &mut Connection) -> Result<Self::Answer, DirectoryError> {
        let unseen = Sighting::Unseen { sees_tombstones: false };
        let mut found: Self::Answer = self.guids.iter().map(|guid| (*guid, unseen.clone())).collect();
        let root = connection.root().await?;
        for guids in self.guids.chunks(GUIDS_AT_ONCE) {
            let filter = guid_filter(guids);
            let search = Search {
                base: root.naming_context.as_str(),
                filter: &filter,
                attributes: &IDENTITY,
                names_say_guids: false,
            };
            let mut matched = |entry: super::RawEntry| {
                let place = entry.guid().and_then(|guid| found.get_mut(&guid));
                if let (Some(place), Ok(dn)) = (place, Dn::parse(&entry.dn)) {
                    *place = Sighting::Alive(Box::new(Alive { dn, groups: Vec::new() }));
                }
            };
            connection.search(search, &mut matched).await?;
        }
        Ok(found)
    }
}

/// `(|(objectGUID=\01\02…)…)`: in a filter, AD knows a GUID only by its bytes.
fn guid_filter(guids: &[Guid]) -> String {
    let mut filter = String::from("(|");
    for guid in guids {
        filter.push_str("(objectGUID=");
        for byte in guid.to_ldap_bytes() {
            // Writing to a String cannot fail.
            let _written = write!(filter, "\\{byte:02x}");
        }
        filter.push(')');
    }
    filter.push(')');
    filter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_asked_for_by_its_bytes() {
        let guid: Guid = "01020304-0506-0708-090a-0b0c0d0e0f10".parse().unwrap();
        assert_eq!(
            guid_filter(&[guid]),
            r"(|(objectGUID=\04\03\02\01\06\05\08\07\09\0a\0b\0c\0d\0e\0f\10))"
        );
    }

    #[test]
    fn every_user_is_asked_for_the_fixed_few_and_nothing_twice() {
        let attributes = ["mail", "sAMAccountName"].map(|name| AttributeName::parse(name).unwrap());
        let read = Read {
            request: Request {
                attributes: attributes.into(),
            },
        };
        assert_eq!(
            read.user_attributes()
                .iter()
                .map(AttributeName::as_str)
                .collect::<Vec<_>>(),
            [
                "accountexpires",
                "mail",
                "objectguid",
                "primarygroupid",
                "samaccountname",
                "useraccountcontrol"
            ]
        );
    }
}
