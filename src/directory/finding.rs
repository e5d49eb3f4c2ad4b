//! directory: asking for single accounts by objectGUID: whether they exist, were deleted, or give no answer. Decides nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::connection::Connection;
use super::error::DirectoryError;
use super::reading::Inquiry;
use super::search::Search;
use super::settings::ConnectionSettings;
use super::{Alive, AttributeName, Dn, Guid, RawEntry, Sighting, extended_name};

/// How many entries are asked for in one search.
const GUIDS_AT_ONCE: usize = 50;
/// How many are asked for themselves before the first answer is waited for.
const PROBES_AT_ONCE: usize = 10;
const ATTRIBUTES: [&str; 3] = ["objectGUID", "isDeleted", "memberOf"];

/// The container of what was deleted ([MS-ADTS] section 6.1.1.4.2), in whatever naming context.
const DELETED_OBJECTS: &str = "18E2EA80684F11D2B9AA00C04F79F805";
const INVALID_DN_SYNTAX: u32 = 34;
const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;

/// Accounts by objectGUID, wherever in the domain they are.
pub(super) struct Find {
    pub(super) guids: Vec<Guid>,
}

impl Inquiry for Find {
    type Answer = BTreeMap<Guid, Sighting>;

    async fn ask(&self, _: &ConnectionSettings, connection: &mut Connection) -> Result<Self::Answer, DirectoryError> {
        let naming_context = connection.root().await?.naming_context;
        let mut found = Self::Answer::new();
        for guids in self.guids.chunks(GUIDS_AT_ONCE) {
            let filter = guid_filter(guids);
            let search = Search {
                base: naming_context.as_str(),
                filter: &filter,
                attributes: &ATTRIBUTES,
                names_say_guids: true,
                finds_deleted: true,
            };
            let mut matched = |entry: RawEntry| {
                found.extend(entry.guid().zip(sighting(&entry)));
            };
            connection.search(search, &mut matched).await?;
        }
        let unanswered: Vec<Guid> = self
            .guids
            .iter()
            .filter(|guid| !found.contains_key(guid))
            .copied()
            .collect();
        if !unanswered.is_empty() {
            let sees_tombstones = connection.sees_tombstones(&naming_context).await?;
            if !sees_tombstones {
                for guids in unanswered.chunks(PROBES_AT_ONCE) {
                    found.extend(connection.hidden(guids).await?);
                }
            }
            for guid in unanswered {
                found.entry(guid).or_insert(Sighting::Unseen { sees_tombstones });
            }
        }
        Ok(found)
    }
}

impl Connection {
    /// Whether the account may see what was deleted. Everybody may be shown that the container exists; who may read an
    /// attribute of it was given the right to look into it.
    async fn sees_tombstones(&mut self, naming_context: &Dn) -> Result<bool, DirectoryError> {
        let container = format!("<WKGUID={DELETED_OBJECTS},{}>", naming_context.as_str());
        match self
            .search_deleted(&container, &[AttributeName::IS_DELETED.as_str()])
            .await
        {
            Ok(container) => Ok(container.is_some_and(|container| is_deleted(&container))),
            // Refused, or no directory with such a container.
            Err(DirectoryError::Answer {
                code: INVALID_DN_SYNTAX | INSUFFICIENT_ACCESS_RIGHTS,
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// An account of which nothing may be read matches no filter, and exists. Asked for itself, it still has a name.
    async fn hidden(&mut self, guids: &[Guid]) -> Result<Vec<(Guid, Sighting)>, DirectoryError> {
        let bases: Vec<String> = guids.iter().map(|guid| format!("<GUID={guid}>")).collect();
        let entries = self.search_bases(&bases).await?;
        let named = guids.iter().zip(entries).filter_map(|(guid, entry)| {
            let dn = Dn::parse(&entry?.dn).ok()?;
            Some((*guid, Sighting::Alive(Box::new(Alive { dn, groups: Vec::new() }))))
        });
        Ok(named.collect())
    }
}

fn sighting(entry: &RawEntry) -> Option<Sighting> {
    if is_deleted(entry) {
        return Some(Sighting::Deleted);
    }
    let member_of = AttributeName::MEMBER_OF;
    let groups = entry.texts(&member_of);
    Some(Sighting::Alive(Box::new(Alive {
        dn: Dn::parse(&entry.dn).ok()?,
        groups: groups.filter_map(|group| extended_name::parse(group).0).collect(),
    })))
}

fn is_deleted(entry: &RawEntry) -> bool {
    entry
        .texts(&AttributeName::IS_DELETED)
        .any(|value| value.eq_ignore_ascii_case("TRUE"))
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
    use crate::directory::samples::{dn, guid};

    #[test]
    fn a_guid_is_asked_for_by_its_bytes() {
        let guid: Guid = "01020304-0506-0708-090a-0b0c0d0e0f10".parse().unwrap();
        assert_eq!(
            guid_filter(&[guid]),
            r"(|(objectGUID=\04\03\02\01\06\05\08\07\09\0a\0b\0c\0d\0e\0f\10))"
        );
    }

    #[test]
    fn a_tombstone_says_so_and_others_say_their_groups() {
        let linked = |number| format!("<GUID={}>;<SID=S-1-5-21-1>;CN=g,DC=com", guid(number));
        let alive = RawEntry::new("CN=a,DC=com").with("memberOf", [linked(1), linked(2), "CN=plain,DC=com".to_owned()]);
        let expected = Alive {
            dn: dn("CN=a,DC=com"),
            groups: vec![guid(1), guid(2)],
        };
        assert_eq!(sighting(&alive), Some(Sighting::Alive(Box::new(expected))));
        let deleted = alive.with("isDeleted", ["TRUE"]);
        assert_eq!(sighting(&deleted), Some(Sighting::Deleted));
    }
}
