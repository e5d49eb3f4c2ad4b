//! What users and groups lie in: an organizational unit, a container or the domain's root. Pure.

use crate::directory::{Dn, Guid};

/// An organizational unit or container of one snapshot, by position.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnitIndex(u32);

impl UnitIndex {
    pub(super) fn at(position: usize) -> Self {
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }

    pub(super) fn position(self) -> usize {
        self.0 as usize
    }
}

/// An organizational unit, a container or the domain's root.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    record: &'a UnitRecord,
    index: UnitIndex,
}

#[derive(Debug)]
pub(super) struct UnitRecord {
    pub(super) guid: Option<Guid>,
    pub(super) dn: Dn,
}

impl<'a> Unit<'a> {
    pub(super) fn new(record: &'a UnitRecord, index: UnitIndex) -> Self {
        Self { record, index }
    }

    /// The position in the snapshot.
    pub fn index(self) -> UnitIndex {
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

    /// Its own name.
    pub fn name(self) -> &'a str {
        self.record.dn.name()
    }
}
