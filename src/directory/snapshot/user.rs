//! A user of a snapshot. Pure.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{Snapshot, table::Table};
use crate::directory::{AttributeName, Dn, Guid, UserIndex, file_time};

/// A user of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct User<'a> {
    snapshot: &'a Snapshot,
    index: UserIndex,
}

#[derive(Debug)]
pub(super) struct UserRecord {
    pub(super) guid: Option<Guid>,
    /// Which of the snapshot's parents; none where the name is no distinguished name, or of one part.
    pub(super) parent: Option<u32>,
    /// Which row of the table.
    pub(super) row: usize,
}

impl UserRecord {
    pub(super) fn dn<'a>(&self, texts: &'a Table, parents: &'a [Dn]) -> Cow<'a, str> {
        let name = texts.texts(self.row, NAME_COLUMN).next().unwrap_or_default();
        match self.parent.and_then(|parent| parents.get(parent as usize)) {
            Some(parent) => Cow::Owned([name, parent.as_str()].concat()),
            None => Cow::Borrowed(name),
        }
    }
}

/// The table's column with the first part of the distinguished name, up to where the parent's begins. Attributes follow it.
pub(super) const NAME_COLUMN: usize = 0;

impl<'a> User<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, index: UserIndex) -> Self {
        Self { snapshot, index }
    }

    /// The position in the snapshot.
    pub fn index(self) -> UserIndex {
        self.index
    }

    /// The objectGUID; none where the account may not see it.
    pub fn guid(self) -> Option<Guid> {
        self.record()?.guid
    }

    /// The sAMAccountName.
    pub fn login(self) -> Option<&'a str> {
        self.text(&AttributeName::LOGIN)
    }

    /// The distinguished name, as the directory writes it.
    pub fn dn(self) -> Cow<'a, str> {
        self.record()
            .map(|record| record.dn(&self.snapshot.texts, &self.snapshot.parents))
            .unwrap_or_default()
    }

    /// Distinguished name of the entry that the user lies in, as the directory writes it; empty when there is none.
    pub fn parent_dn(self) -> &'a str {
        self.parent().map_or("", Dn::as_str)
    }

    /// The entry that the user lies in.
    pub fn parent(self) -> Option<&'a Dn> {
        self.snapshot.parents.get(self.parent_position()?)
    }

    /// The value of an attribute that is text and not blank, as the directory holds it. Of several the smallest, by its bytes:
    /// values have no order (RFC 4511 section 4.1.7), and another domain controller may send them in another one.
    pub fn text(self, attribute: &AttributeName) -> Option<&'a str> {
        self.values(attribute).filter(|value| !value.trim().is_empty()).min()
    }

    /// All values of an attribute that are text.
    pub fn values(self, attribute: &AttributeName) -> impl Iterator<Item = &'a str> + use<'a> {
        let column = self.snapshot.attributes.binary_search(attribute).ok();
        let cell = column
            .zip(self.record())
            .map(|(column, record)| (record.row, NAME_COLUMN + 1 + column));
        cell.map(|(row, column)| self.snapshot.texts.texts(row, column))
            .unwrap_or_default()
    }

    /// Whether the account is disabled or has expired. None: its flags are hidden from whoever read it, for every account has some.
    /// A lockout does not count: it never takes a phone away.
    pub fn is_inactive(self, now: Timestamp) -> Option<bool> {
        // MS-ADTS 2.2.16.
        const ACCOUNTDISABLE: i64 = 0x2;
        if self.has_expired(now) {
            return Some(true);
        }
        let flags = self.number(&AttributeName::USER_ACCOUNT_CONTROL)?;
        Some(flags & ACCOUNTDISABLE != 0)
    }

    fn has_expired(self, now: Timestamp) -> bool {
        let expires = self.number(&AttributeName::ACCOUNT_EXPIRES).and_then(file_time::end);
        expires.is_some_and(|expires| expires <= now)
    }

    fn number(self, attribute: &AttributeName) -> Option<i64> {
        self.text(attribute)?.trim().parse().ok()
    }

    pub(super) fn parent_position(self) -> Option<usize> {
        self.record()?.parent.map(|parent| parent as usize)
    }

    fn record(self) -> Option<&'a UserRecord> {
        self.snapshot.users.get(self.index.position())
    }
}
