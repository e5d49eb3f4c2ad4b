//! Which scope of a phone system provides which ring group: the one that has it, until its departments cover it no more; then
//! the oldest whose departments do.

use std::cell::OnceCell;

use jiff::Timestamp;

use super::{Input, Sibling, departments::Coverage, references::References};
use crate::{
    api::{ring_group::RingGroupSource, sync_scope::Mode},
    directory::{Dn, Guid},
};

/// The departments of the other live scopes of a phone system.
#[derive(Debug)]
pub struct RivalDepartments<'a> {
    age: (Timestamp, &'a str),
    rivals: Vec<Rival<'a>>,
}

/// Another scope. What it covers is looked at only when a ring group goes from one scope to another: in most syncs, none does.
#[derive(Debug)]
struct Rival<'a> {
    sibling: &'a Sibling<'a>,
    coverage: OnceCell<Coverage<'a>>,
}

impl<'a> RivalDepartments<'a> {
    /// Of all scopes but the one that is planned for.
    pub fn new(input: &Input<'a>) -> Self {
        let rivals = input.siblings.iter().map(|sibling| Rival {
            sibling,
            coverage: OnceCell::new(),
        });
        Self {
            age: (input.scope.created, &input.scope.name),
            rivals: rivals.collect(),
        }
    }

    /// The other scope that provides a ring group which our departments cover. None: ours may.
    pub fn provider(&self, source: &RingGroupSource, guid: Guid, dn: &Dn) -> Option<&'a str> {
        let holder = self
            .rivals
            .iter()
            .find(|rival| *rival.sibling.name == *source.scope_ref.name)?;
        if holder.keeps(source, guid, dn) {
            return Some(holder.sibling.name);
        }
        let older = self
            .rivals
            .iter()
            .filter(|rival| rival.age() < self.age && rival.takes(guid));
        older.min_by_key(|rival| rival.age()).map(|rival| rival.sibling.name)
    }

    /// Whether another scope takes a ring group from ours, or may: one that can't be read now counts as such.
    pub fn may_take(&self, guid: Guid) -> bool {
        let mut rivals = self.rivals.iter().filter(|rival| rival.sibling.is_served);
        rivals.any(|rival| rival.sibling.sight.is_none() || rival.takes(guid))
    }
}

impl<'a> Rival<'a> {
    fn age(&self) -> (Timestamp, &'a str) {
        (self.sibling.created, self.sibling.name)
    }

    /// None: it can't be read now.
    fn coverage(&self) -> Option<&Coverage<'a>> {
        let sight = self.sibling.sight?;
        Some(self.coverage.get_or_init(|| {
            let references = References::resolve(sight.scope, sight.directory, sight.references);
            Coverage::new(sight.scope, &references, sight.directory)
        }))
    }

    /// Whether a ring group that it provides is still its own, for all that is known: what its directory does not show may be
    /// hidden from it.
    fn keeps(&self, source: &RingGroupSource, guid: Guid, dn: &Dn) -> bool {
        let (Some(sight), Some(coverage)) = (self.sibling.sight, self.coverage()) else {
            return true;
        };
        let directory = sight.directory;
        let is_shown = directory.group_by_guid(guid).is_some() || directory.unit_by_guid(guid).is_some();
        coverage.has(guid) || !is_shown || coverage.is_in_doubt(&source.department, Some(dn))
    }

    /// Whether it covers a group or unit for certain, and writes.
    fn takes(&self, guid: Guid) -> bool {
        let writes = self
            .sibling
            .sight
            .is_some_and(|sight| sight.scope.mode == Mode::Apply && !sight.scope.suspend);
        writes && self.coverage().is_some_and(|coverage| coverage.has(guid))
    }
}
