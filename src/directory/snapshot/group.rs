//! A group of a snapshot. Pure.

use crate::directory::{AttributeName, Dn, Guid, RawEntry};

/// A group of one snapshot, by position.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GroupIndex(u32);

impl GroupIndex {
    pub(super) fn at(position: usize) -> Self {
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }

    pub(super) fn position(self) -> usize {
        self.0 as usize
    }
}

/// Whether a group can be given rights, or is for mail only.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum GroupKind {
    /// A group that can be given rights.
    Security,
    /// A distribution list.
    Distribution,
}

/// A group of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    record: &'a GroupRecord,
    index: GroupIndex,
}

#[derive(Debug)]
pub(super) struct GroupRecord {
    pub(super) guid: Option<Guid>,
    pub(super) dn: Dn,
    name: Box<str>,
    display_name: Option<Box<str>>,
    /// None: it is not shown.
    kind: Option<GroupKind>,
}

impl GroupRecord {
    pub(super) fn new(entry: &RawEntry, dn: Dn) -> Self {
        let text = |name| entry.text(&AttributeName::from_lower_case(name));
        Self {
            guid: entry.guid(),
            name: text("cn").unwrap_or(dn.name()).into(),
            display_name: text("displayname").map(Into::into),
            kind: kind(text("grouptype")),
            dn,
        }
    }

    pub(super) fn heap_size(&self) -> usize {
        self.dn.heap_size() + self.name.len() + self.display_name.as_ref().map_or(0, |name| name.len())
    }
}

/// The bit for security is the sign of groupType (MS-ADTS 2.2.12).
fn kind(group_type: Option<&str>) -> Option<GroupKind> {
    let group_type = group_type?.trim().parse::<i64>().ok()?;
    Some(if group_type.is_negative() {
        GroupKind::Security
    } else {
        GroupKind::Distribution
    })
}

/// Last part of a domain group's security identifier (S-1-5-21-a-b-c-RID, MS-DTYP 2.4.2): what primaryGroupID names. The
/// groups of BUILTIN (S-1-5-32-RID) are nobody's primary group.
pub(super) fn relative_identifier(entry: &RawEntry) -> Option<u32> {
    let identifier = entry.values(&AttributeName::OBJECT_SID).first()?;
    let is_of_a_domain = identifier.len() == 28 && identifier.starts_with(&[1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0]);
    let last = identifier.last_chunk()?;
    is_of_a_domain.then(|| u32::from_le_bytes(*last))
}

impl<'a> Group<'a> {
    pub(super) fn new(record: &'a GroupRecord, index: GroupIndex) -> Self {
        Self { record, index }
    }

    /// The position in the snapshot.
    pub fn index(self) -> GroupIndex {
        self.index
    }

    /// The objectGUID; none where the account may not see it.
    pub fn guid(self) -> Option<Guid> {
        self.record.guid
    }

    /// The distinguished name.
    pub fn dn(self) -> &'a Dn {
        &self.record.dn
    }

    /// Its common name.
    pub fn name(self) -> &'a str {
        &self.record.name
    }

    /// Its displayName, where it has one.
    pub fn display_name(self) -> Option<&'a str> {
        self.record.display_name.as_deref()
    }

    /// Whether it can be given rights, or is for mail only.
    pub fn kind(self) -> GroupKind {
        self.record.kind.unwrap_or(GroupKind::Distribution)
    }

    /// Whether it shows which kind it is.
    pub fn shows_kind(self) -> bool {
        self.record.kind.is_some()
    }
}
