//! The entries of the directory that a spec names: by name, else by the objectGUID they had. Doubt is an answer of its own.

use std::{collections::BTreeMap, fmt};

use super::validated::{DepartmentSource, Reference, Selector, ValidatedScope};
use crate::{
    api::sync_scope::ResolvedReference,
    directory::{Dn, Group, Guid, Snapshot, Unit},
};

/// All entries that one scope's spec names.
#[derive(Debug)]
pub struct References<'a> {
    /// By [`Dn::key`].
    by_key: BTreeMap<&'a str, Resolution<'a>>,
}

/// What became of one reference.
#[derive(Debug)]
struct Resolution<'a> {
    /// As the spec has it.
    dn: &'a Dn,
    /// The objectGUID to remember. Never forgotten on doubt.
    guid: Option<Guid>,
    entry: Result<Entry<'a>, Lost>,
}

#[derive(Clone, Copy, Debug)]
enum Entry<'a> {
    Group(Group<'a>),
    Unit(Unit<'a>),
}

/// Why an entry is in doubt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lost {
    /// It has neither this name nor its old objectGUID any more, or never had.
    Missing,
    /// Another entry has its name now. Maybe somebody made it anew, maybe not.
    Replaced,
}

/// A name of the spec that is in doubt.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Unresolved {
    /// As the spec has it.
    pub dn: String,
    /// Another entry has its name now.
    pub is_replaced: bool,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.dn)?;
        if self.is_replaced {
            // Taken out of the spec for one sync, it is forgotten and may be named anew.
            formatter.write_str(
                " (another entry has this name now; to accept it, take it out of the spec and put it back)",
            )?;
        }
        Ok(())
    }
}

impl<'a> References<'a> {
    /// Looks up everything that the spec names; `stored` is what the last sync found.
    pub fn resolve(scope: &'a ValidatedScope, directory: &'a Snapshot, stored: &[ResolvedReference]) -> Self {
        let stored: BTreeMap<String, Guid> = stored
            .iter()
            .filter_map(|reference| {
                let dn = Dn::parse(&reference.dn).ok()?;
                Some((dn.key().to_owned(), reference.object_guid.as_deref()?.parse().ok()?))
            })
            .collect();
        let mut by_key = BTreeMap::new();
        for (kind, reference) in named_by(scope) {
            let known = stored.get(reference.dn.key()).copied();
            let resolution = match kind {
                Kind::Group => Resolution::new(reference, known, directory.group_by_dn(&reference.dn), |guid| {
                    directory.group_by_guid(guid)
                }),
                Kind::Unit => Resolution::new(reference, known, directory.unit_by_dn(&reference.dn), |guid| {
                    directory.unit_by_guid(guid)
                }),
            };
            by_key.entry(reference.dn.key()).or_insert(resolution);
        }
        Self { by_key }
    }

    /// The group that a reference means. None: in doubt.
    pub fn group(&self, reference: &Reference) -> Option<Group<'a>> {
        match self.entry(reference)? {
            Entry::Group(group) => Some(group),
            Entry::Unit(_) => None,
        }
    }

    /// The organizational unit or container that a reference means. None: in doubt.
    pub fn unit(&self, reference: &Reference) -> Option<Unit<'a>> {
        match self.entry(reference)? {
            Entry::Unit(unit) => Some(unit),
            Entry::Group(_) => None,
        }
    }

    /// What to remember for the next sync; what the spec doesn't name any more is not in it.
    pub fn to_store(&self) -> Vec<ResolvedReference> {
        let resolutions = self.by_key.values();
        resolutions
            .map(|resolution| ResolvedReference {
                dn: resolution.dn.as_str().to_owned(),
                object_guid: resolution.guid.map(|guid| guid.to_string()),
            })
            .collect()
    }

    /// The names that are in doubt.
    pub fn unresolved(&self) -> Vec<Unresolved> {
        let resolutions = self.by_key.values();
        resolutions
            .filter_map(|resolution| {
                let lost = resolution.entry.err()?;
                Some(Unresolved {
                    dn: resolution.dn.as_str().to_owned(),
                    is_replaced: lost == Lost::Replaced,
                })
            })
            .collect()
    }

    fn entry(&self, reference: &Reference) -> Option<Entry<'a>> {
        self.by_key.get(reference.dn.key())?.entry.ok()
    }
}

impl<'a> Resolution<'a> {
    fn new<E: HasGuid<'a>>(
        reference: &'a Reference,
        known: Option<Guid>,
        by_name: Option<E>,
        by_guid: impl Fn(Guid) -> Option<E>,
    ) -> Self {
        let (guid, entry) = match (by_name, known) {
            (Some(entry), Some(known)) if entry.guid().is_some_and(|guid| guid != known) => {
                (Some(known), Err(Lost::Replaced))
            }
            (Some(entry), known) => (entry.guid().or(known), Ok(entry.into())),
            (None, Some(known)) => (Some(known), by_guid(known).map(Into::into).ok_or(Lost::Missing)),
            (None, None) => (None, Err(Lost::Missing)),
        };
        Self {
            dn: &reference.dn,
            guid,
            entry,
        }
    }
}

trait HasGuid<'a>: Copy + Into<Entry<'a>> {
    fn guid(self) -> Option<Guid>;
}

impl<'a> HasGuid<'a> for Group<'a> {
    fn guid(self) -> Option<Guid> {
        self.guid()
    }
}

impl<'a> HasGuid<'a> for Unit<'a> {
    fn guid(self) -> Option<Guid> {
        self.guid()
    }
}

impl<'a> From<Group<'a>> for Entry<'a> {
    fn from(group: Group<'a>) -> Self {
        Self::Group(group)
    }
}

impl<'a> From<Unit<'a>> for Entry<'a> {
    fn from(unit: Unit<'a>) -> Self {
        Self::Unit(unit)
    }
}

/// What an entry is looked for among.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Group,
    Unit,
}

fn named_by(scope: &ValidatedScope) -> Vec<(Kind, &Reference)> {
    let units = scope.users.units.iter().map(|unit| (Kind::Unit, unit));
    let mut named: Vec<_> = units
        .chain(scope.users.groups.iter().map(|(group, _)| (Kind::Group, group)))
        .collect();
    let selectors = scope.exclude.iter().map(|exclusion| &exclusion.selector);
    let selectors = selectors.chain(scope.extensions.iter().filter_map(|entry| entry.when.as_ref()));
    named.extend(selectors.filter_map(|selector| match selector {
        Selector::Unit(reference) => Some((Kind::Unit, reference)),
        Selector::Group { reference, .. } => Some((Kind::Group, reference)),
        Selector::Filter(_) | Selector::Login(_) => None,
    }));
    for department in &scope.departments {
        match &department.source {
            DepartmentSource::Group { reference, .. } => named.push((Kind::Group, reference)),
            DepartmentSource::Unit(reference) => named.push((Kind::Unit, reference)),
            DepartmentSource::Under { reference, exclude, .. } => {
                named.push((Kind::Unit, reference));
                named.extend(exclude.iter().map(|group| (Kind::Group, group)));
            }
        }
    }
    named
}
