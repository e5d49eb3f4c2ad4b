//! Entries for the tests of pure code: what a reader would hand over.

use std::collections::BTreeSet;

use super::{AttributeName, Dn, Guid, Origin, RawEntry, Snapshot, SnapshotBuilder};

/// An objectGUID that tells entries apart.
pub(crate) fn guid(number: u8) -> Guid {
    format!("00000000-0000-4000-8000-0000000000{number:02x}")
        .parse()
        .unwrap()
}

/// A distinguished name that is one.
pub(crate) fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

/// The names of attributes, by white space.
pub(crate) fn attributes(names: &str) -> BTreeSet<AttributeName> {
    names
        .split_whitespace()
        .map(|name| AttributeName::parse(name).unwrap())
        .collect()
}

/// Where a snapshot of tests comes from.
pub(crate) fn origin() -> Origin {
    Origin {
        server: "dc1.example.com:636".to_owned(),
        invocation_id: guid(255),
        naming_context: dn("DC=example,DC=com"),
        base_dn: dn("DC=example,DC=com"),
        highest_usn: 4711,
        read_at: "2026-11-01T12:00:00Z".parse().unwrap(),
        replicas: Vec::new(),
        is_behind: false,
    }
}

/// A group, with the end of its security identifier and its members.
pub(crate) fn group(number: u8, dn: &str, relative_identifier: u32, members: &[&str]) -> RawEntry {
    let mut identifier = vec![1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
    identifier.extend(relative_identifier.to_le_bytes());
    RawEntry::new(dn)
        .with_guid(guid(number))
        .with("objectSid", [identifier])
        .with("groupType", ["-2147483646"])
        .with("member", members.iter().copied())
}

/// An active user of the domain's usual primary group.
pub(crate) fn user(number: u8, dn: &str, login: &str) -> RawEntry {
    RawEntry::new(dn)
        .with_guid(guid(number))
        .with("sAMAccountName", [login])
        .with("primaryGroupID", ["513"])
        .with("userAccountControl", ["512"])
}

impl RawEntry {
    /// The same without an attribute.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.attributes
            .retain(|(attribute, _)| !attribute.eq_ignore_ascii_case(name));
        self
    }
}

/// A snapshot of users and groups.
pub(crate) fn snapshot(
    names: &str,
    users: impl IntoIterator<Item = RawEntry>,
    groups: impl IntoIterator<Item = RawEntry>,
) -> Snapshot {
    let mut builder = SnapshotBuilder::new(origin(), &attributes(names));
    users.into_iter().for_each(|user| builder.add_user(user));
    groups.into_iter().for_each(|group| builder.add_group(group));
    builder.build()
}
