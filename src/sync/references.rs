//! The entries of the directory that a spec names: by name, else by the objectGUID they had. Doubt is an answer of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::validated::{DepartmentSource, Selector, ValidatedScope};
use crate::{
    api::sync_scope::ResolvedReference,
    directory::{Dn, Filter, Group, Guid, Snapshot, Unit},
};

/// As many as `status.references` has room for.
const MOST_STORED: usize = 4096;

/// All entries that one scope's spec names, by [`Dn::key`].
#[derive(Debug)]
pub struct References<'a> {
    groups: BTreeMap<&'a str, Resolution<'a, Group<'a>>>,
    units: BTreeMap<&'a str, Resolution<'a, Unit<'a>>>,
}

/// What became of one reference.
#[derive(Debug)]
struct Resolution<'a, E> {
    /// As the spec has it.
    dn: &'a Dn,
    /// The objectGUID to remember. Never forgotten on doubt.
    guid: Option<Guid>,
    /// Of an excluded group: it shows members, or did so when it was not in doubt.
    populated: bool,
    entry: Result<E, Lost>,
}

/// Why an entry is in doubt.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Lost {
    /// It has neither this name nor its old objectGUID any more, or never had.
    Missing,
    /// Another entry has its name now. Maybe somebody made it anew, maybe not.
    Replaced,
    /// It is an excluded group that showed members and shows none now. Maybe it has none, maybe they are hidden.
    Emptied,
}

/// A name of the spec that is in doubt.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Unresolved {
    /// As the spec has it.
    pub dn: String,
    /// Why.
    pub why: Lost,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.dn)?;
        // What the spec does not name for one sync is forgotten. Left out, it would leave its people out of scope; in doubt, they stay
        // as they are.
        formatter.write_str(match self.why {
            Lost::Missing => "",
            Lost::Replaced => {
                " (another entry has this name now; to accept it, write a name that no entry has in its place, wait for one \
                 sync, and put it back)"
            }
            Lost::Emptied => {
                " (it has shown members, and shows none now; if it is really empty, write a name that no entry has in its place, \
                 wait for one sync, and put it back)"
            }
        })
    }
}

impl<'a> References<'a> {
    /// Looks up everything that the spec names; `stored` is what the last sync found.
    pub fn resolve(scope: &'a ValidatedScope, directory: &'a Snapshot, stored: &[ResolvedReference]) -> Self {
        let populated: BTreeSet<String> = stored
            .iter()
            .filter(|reference| reference.populated)
            .filter_map(|reference| Some(Dn::parse(&reference.dn).ok()?.key().to_owned()))
            .collect();
        let stored: BTreeMap<String, Guid> = stored
            .iter()
            .filter_map(|reference| {
                let dn = Dn::parse(&reference.dn).ok()?;
                Some((dn.key().to_owned(), reference.object_guid.as_deref()?.parse().ok()?))
            })
            .collect();
        let excluded = groups_excluded_by(scope);
        let groups = groups_named_by(scope).into_iter().map(|dn| {
            let (by_name, known) = (directory.group_by_dn(dn), stored.get(dn.key()).copied());
            let by_guid = |guid| directory.group_by_guid(guid);
            let resolution = Resolution::new(dn, known, by_name, Group::guid, by_guid);
            if excluded.contains(dn.key()) {
                return (
                    dn.key(),
                    resolution.unless_emptied(directory, populated.contains(dn.key())),
                );
            }
            (dn.key(), resolution)
        });
        let units = units_named_by(scope).into_iter().map(|dn| {
            let (by_name, known) = (directory.unit_by_dn(dn), stored.get(dn.key()).copied());
            let by_guid = |guid| directory.unit_by_guid(guid);
            (dn.key(), Resolution::new(dn, known, by_name, Unit::guid, by_guid))
        });
        Self {
            groups: groups.collect(),
            units: units.collect(),
        }
    }

    /// The group that a name of the spec means. None: in doubt.
    pub fn group(&self, dn: &Dn) -> Option<Group<'a>> {
        self.groups.get(dn.key())?.entry.ok()
    }

    /// The organizational unit or container that a name of the spec means. None: in doubt.
    pub fn unit(&self, dn: &Dn) -> Option<Unit<'a>> {
        self.units.get(dn.key())?.entry.ok()
    }

    /// Why a group is in doubt, if it is.
    pub fn lost_group(&self, dn: &Dn) -> Option<Lost> {
        self.groups.get(dn.key())?.entry.err()
    }

    /// Why an organizational unit or container is in doubt, if it is.
    pub fn lost_unit(&self, dn: &Dn) -> Option<Lost> {
        self.units.get(dn.key())?.entry.err()
    }

    /// What to remember for the next sync; what the spec doesn't name any more is not in it.
    pub fn to_store(&self) -> Vec<ResolvedReference> {
        let groups = self.groups.iter().map(|(key, group)| (*key, group.to_store()));
        let units = self.units.iter().map(|(key, unit)| (*key, unit.to_store()));
        // A name that is meant as both is found as one of them at most.
        let mut all: BTreeMap<&str, ResolvedReference> = BTreeMap::new();
        for (key, reference) in groups.chain(units) {
            let known = all.entry(key).or_insert_with(|| reference.clone());
            known.object_guid = known.object_guid.take().or(reference.object_guid);
        }
        all.into_values().take(MOST_STORED).collect()
    }

    /// The names that are in doubt.
    pub fn unresolved(&self) -> Vec<Unresolved> {
        let groups = self.groups.values().filter_map(Resolution::unresolved);
        let units = self.units.values().filter_map(Resolution::unresolved);
        groups.chain(units).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl<'a, E: Copy> Resolution<'a, E> {
    fn new(
        dn: &'a Dn,
        known: Option<Guid>,
        by_name: Option<E>,
        guid_of: impl Fn(E) -> Option<Guid>,
        by_guid: impl Fn(Guid) -> Option<E>,
    ) -> Self {
        let (guid, entry) = match (by_name, known) {
            (Some(entry), Some(known)) if guid_of(entry).is_some_and(|guid| guid != known) => {
                (Some(known), Err(Lost::Replaced))
            }
            (Some(entry), known) => (guid_of(entry).or(known), Ok(entry)),
            (None, Some(known)) => (Some(known), by_guid(known).ok_or(Lost::Missing)),
            (None, None) => (None, Err(Lost::Missing)),
        };
        Self {
            dn,
            guid,
            populated: false,
            entry,
        }
    }

    fn unresolved(&self) -> Option<Unresolved> {
        self.entry.err().map(|why| Unresolved {
            dn: self.dn.as_str().to_owned(),
            why,
        })
    }

    fn to_store(&self) -> ResolvedReference {
        ResolvedReference {
            dn: self.dn.as_str().to_owned(),
            object_guid: self.guid.map(|guid| guid.to_string()),
            populated: self.populated,
        }
    }
}

impl Resolution<'_, Group<'_>> {
    /// In doubt when it showed members and shows none any more: whom it kept out would all come in.
    fn unless_emptied(self, directory: &Snapshot, was_populated: bool) -> Self {
        let shows_members = self.entry.ok().map(|group| !directory.is_silent(group.index(), false));
        Self {
            populated: shows_members.unwrap_or(was_populated) || was_populated,
            entry: match shows_members {
                Some(false) if was_populated => Err(Lost::Emptied),
                _ => self.entry,
            },
            ..self
        }
    }
}

/// The groups that a spec excludes, by [`Dn::key`].
fn groups_excluded_by(scope: &ValidatedScope) -> BTreeSet<&str> {
    let groups = scope.exclude.iter().filter_map(|exclusion| match &exclusion.selector {
        Selector::Group { reference, .. } => Some(reference.dn.key()),
        Selector::Unit(_) | Selector::Filter(_) | Selector::Login(_) => None,
    });
    groups.collect()
}

/// The groups that a spec names, those in its filters among them.
fn groups_named_by(scope: &ValidatedScope) -> Vec<&Dn> {
    let of_users = scope.users.groups.iter().map(|(group, _)| &group.dn);
    let of_selectors = scope.selectors().filter_map(|selector| match selector {
        Selector::Group { reference, .. } => Some(&reference.dn),
        Selector::Unit(_) | Selector::Filter(_) | Selector::Login(_) => None,
    });
    let of_departments = scope
        .departments
        .iter()
        .flat_map(|department| match &department.source {
            DepartmentSource::Group { reference, .. } => std::slice::from_ref(reference),
            DepartmentSource::Under { exclude, .. } => exclude.as_slice(),
            DepartmentSource::Unit(_) => &[],
        });
    let of_filters = scope.filters().flat_map(Filter::groups);
    of_users
        .chain(of_selectors)
        .chain(of_departments.map(|group| &group.dn))
        .chain(of_filters)
        .collect()
}

/// The organizational units and containers that a spec names.
fn units_named_by(scope: &ValidatedScope) -> Vec<&Dn> {
    let of_selectors = scope.selectors().filter_map(|selector| match selector {
        Selector::Unit(reference) => Some(reference),
        Selector::Group { .. } | Selector::Filter(_) | Selector::Login(_) => None,
    });
    let of_departments = scope
        .departments
        .iter()
        .filter_map(|department| match &department.source {
            DepartmentSource::Unit(reference) | DepartmentSource::Under { reference, .. } => Some(reference),
            DepartmentSource::Group { .. } => None,
        });
    let units = scope.users.units.iter().chain(of_selectors).chain(of_departments);
    units.map(|unit| &unit.dn).collect()
}
