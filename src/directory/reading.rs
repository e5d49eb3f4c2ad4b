//! directory: what is asked on a connection: a test of it, or everything. Single accounts are asked for in `finding`.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::connection::{Connection, Root};
use super::error::DirectoryError;
use super::password::PasswordExpiry;
use super::search::{NO_ATTRIBUTES, Search};
use super::settings::ConnectionSettings;
use super::{AttributeName, Dn, Guid, Origin, Snapshot, SnapshotBuilder};

/// People; without contacts (no user), and computers (no person).
const USERS: &str = "(&(objectCategory=person)(objectClass=user))";
const GROUPS: &str = "(objectClass=group)";
/// What an OU selector may name: also the containers that AD comes with, and the domain itself.
const UNITS: &str =
    "(|(objectClass=organizationalUnit)(objectClass=container)(objectClass=builtinDomain)(objectClass=domainDNS))";

const GROUP_ATTRIBUTES: [&str; 8] = [
    "objectGUID",
    "objectSid",
    "cn",
    "displayName",
    "groupType",
    "member",
    // Not every group that a group is in shows its members.
    "memberOf",
    "sAMAccountName",
];
/// What units are asked for.
const IDENTITY: [&str; 1] = ["objectGUID"];

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
    /// When the account's password ends.
    pub password_expires: PasswordExpiry,
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
            finds_deleted: false,
        };
        let mut visible_users = 0;
        connection.search(search, &mut |_| visible_users += 1).await?;
        Ok(ConnectionReport {
            server: connection.server.to_string(),
            invocation_id,
            password_expires: connection.password_expires(&naming_context).await,
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
                replicas: connection.replicas(&root.naming_context).await?,
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
            finds_deleted: false,
        };
        referrals += connection.search(users, &mut |entry| builder.add_user(entry)).await?;
        let domain = root.naming_context.as_str();
        let groups = Search {
            base: domain,
            filter: GROUPS,
            attributes: &GROUP_ATTRIBUTES,
            names_say_guids: true,
            finds_deleted: false,
        };
        referrals += connection.search(groups, &mut |entry| builder.add_group(entry)).await?;
        let units = Search {
            base: domain,
            filter: UNITS,
            attributes: &IDENTITY,
            names_say_guids: false,
            finds_deleted: false,
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

#[cfg(test)]
mod tests {
    use super::*;

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
