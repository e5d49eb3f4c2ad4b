//! Which groups and units of the directory become ring groups, and which are left to others. Who rings in them is not known here.

use std::collections::BTreeMap;

use super::{
    Input,
    department_claims::RivalDepartments,
    field::{FieldSet, RingField},
    mapping::clean,
    number_wish::Wish,
    numbering::{Bound, Claimant},
    observed::ObservedRingGroup,
    plan::Subject,
    references::References,
    report::problem,
    select::Selection,
    validated::{Department, DepartmentNumber, DepartmentSource, ValidatedScope},
    value::Value,
};
use crate::{
    api::{
        extension::{Holder, HolderKind},
        ring_group::RingGroupSource,
        sync_scope::{Problem, ProblemReason},
    },
    directory::{Dn, Group, Guid, Snapshot, Unit},
};

/// A ring group that the scope provides, or is about to.
#[derive(Clone, Debug)]
pub struct RingGroup<'a> {
    /// Name of the object.
    pub name: Box<str>,
    /// objectGUID of the entry.
    pub guid: Guid,
    /// Whom problems are about.
    pub subject: Subject,
    /// The entry of `departments` that covers it: the first that does.
    pub department: &'a Department,
    /// The entry of the directory.
    pub entry: Entry<'a>,
    /// The object. None: it is to be created.
    pub observed: Option<&'a ObservedRingGroup>,
}

/// What a ring group is made of.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// The people in a group.
    Group {
        /// The group.
        group: Group<'a>,
        /// People in groups in it, too.
        nested: bool,
    },
    /// The people anywhere below an entry.
    Unit(Unit<'a>),
}

/// What the scope's `departments` come to.
#[derive(Debug, Default)]
pub struct Departments<'a> {
    /// By the name of the object.
    pub ring_groups: Vec<RingGroup<'a>>,
    /// Why others are not served.
    pub problems: Vec<Problem>,
}

/// What the `departments` of a scope cover in one directory.
#[derive(Debug, Default)]
pub struct Coverage<'a> {
    covered: BTreeMap<Guid, Covered<'a>>,
    /// Entries of `departments` that name what was not found.
    in_doubt: Vec<&'a Department>,
    /// What is covered, and shows no objectGUID.
    unknown: Vec<Entry<'a>>,
}

/// A group or unit that an entry of `departments` covers.
#[derive(Clone, Copy, Debug)]
struct Covered<'a> {
    department: &'a Department,
    entry: Entry<'a>,
    /// Nothing about the entry of `departments` is in doubt.
    may_create: bool,
}

impl<'a> Departments<'a> {
    /// Everything that is covered and is the scope's to serve; what exists for an entry in doubt is left as it is.
    pub fn new(
        input: &Input<'a>,
        coverage: &Coverage<'a>,
        rivals: &RivalDepartments<'a>,
        selection: &Selection<'a>,
    ) -> Self {
        let mut departments = Self::default();
        departments
            .problems
            .extend(coverage.unknown.iter().map(|entry| without_guid(*entry)));
        let may_create = selection.is_exclusion_certain();
        for (guid, found) in &coverage.covered {
            let mut found = *found;
            found.may_create &= may_create;
            match claim(input, rivals, &coverage.in_doubt, *guid, &found) {
                Ok(ring_group) => departments.ring_groups.extend(ring_group),
                Err(problem) => departments.problems.push(problem),
            }
        }
        departments
    }
}

impl<'a> Coverage<'a> {
    /// Finds the first entry that covers each group and unit.
    pub fn new(scope: &'a ValidatedScope, references: &References<'a>, directory: &'a Snapshot) -> Self {
        let mut coverage = Self::default();
        for department in &scope.departments {
            let Some(all) = cover(directory, references, department) else {
                coverage.in_doubt.push(department);
                continue;
            };
            for mut found in all {
                let dn = found.entry.dn();
                found.may_create &= !coverage.in_doubt.iter().any(|earlier| earlier.source.may_cover(dn));
                match found.entry.guid() {
                    Some(guid) => drop(coverage.covered.entry(guid).or_insert(found)),
                    None => coverage.unknown.push(found.entry),
                }
            }
        }
        coverage
    }

    /// Whether it covers a group or unit for certain.
    pub fn has(&self, guid: Guid) -> bool {
        self.covered.contains_key(&guid)
    }

    /// Whether an entry in doubt may cover a group or unit: the one that did, or one that names where it lies. None: that is not
    /// known.
    pub fn is_in_doubt(&self, department: &str, dn: Option<&Dn>) -> bool {
        let may_cover = |source: &DepartmentSource| dn.is_none_or(|dn| source.may_cover(dn));
        self.in_doubt
            .iter()
            .any(|entry| *entry.name == *department || may_cover(&entry.source))
    }
}

impl DepartmentSource {
    /// Whether it could cover the entry with this name, were it known what it means.
    fn may_cover(&self, dn: &Dn) -> bool {
        match self {
            Self::Group { reference, .. } | Self::Unit(reference) => *dn == reference.dn,
            Self::Under { reference, .. } => dn.is_at_or_below(&reference.dn),
        }
    }
}

/// What an entry of `departments` covers. None: that is in doubt.
fn cover<'a>(
    directory: &'a Snapshot,
    references: &References<'a>,
    department: &'a Department,
) -> Option<Vec<Covered<'a>>> {
    let (entries, may_create) = match &department.source {
        DepartmentSource::Group { reference, nested } => {
            let (group, nested) = (references.group(&reference.dn)?, *nested);
            (vec![Entry::Group { group, nested }], true)
        }
        DepartmentSource::Unit(reference) => (vec![Entry::Unit(references.unit(&reference.dn)?)], true),
        DepartmentSource::Under {
            reference,
            kinds,
            exclude,
        } => {
            let unit = references.unit(&reference.dn)?;
            let excluded: Vec<_> = exclude.iter().map(|group| references.group(&group.dn)).collect();
            let is_excluded = |group: Group<'_>| excluded.iter().flatten().any(|other| other.index() == group.index());
            let groups = directory.groups().filter(|group| {
                group.dn().is_at_or_below(unit.dn()) && kinds.contains(&group.kind()) && !is_excluded(*group)
            });
            let entries = groups.map(|group| Entry::Group { group, nested: true }).collect();
            // A group that stays out and isn't found may be any of them.
            (entries, excluded.iter().all(Option::is_some))
        }
    };
    let covered = entries.into_iter().map(|entry| Covered {
        department,
        entry,
        may_create,
    });
    Some(covered.collect())
}

/// Whether a covered entry is the scope's to serve. Nothing: it is left as it is, and the reason is told elsewhere.
fn claim<'a>(
    input: &Input<'a>,
    rivals: &RivalDepartments<'a>,
    in_doubt: &[&Department],
    guid: Guid,
    covered: &Covered<'a>,
) -> Result<Option<RingGroup<'a>>, Problem> {
    let name: Box<str> = format!("{}-{guid}", input.system.name).into();
    let observed = input.observed.ring_groups.get(&name);
    let ring_group = RingGroup {
        name,
        guid,
        subject: covered.entry.subject(),
        department: covered.department,
        entry: covered.entry,
        observed,
    };
    let Some(observed) = observed else {
        return Ok(covered.may_create.then_some(ring_group));
    };
    let name = &ring_group.name;
    let refused = |reason, message: &str, other| Err(problem(&ring_group.subject, reason, message, Some(other)));
    if !observed.is_readable {
        let message = format!("RingGroup {name} can't be read, so it is left as it is: correct or delete it");
        return refused(ProblemReason::WriteFailed, &message, name);
    }
    match source(observed).map(|source| (source, source.scope_ref.name.as_str())) {
        Some((source, scope)) if *scope != *input.scope.name => {
            let Some(provider) = rivals.provider(source, guid, covered.entry.dn()) else {
                return Ok(Some(ring_group));
            };
            let message = format!(
                "SyncScope {provider} provides RingGroup {name} (department {})",
                source.department
            );
            refused(ProblemReason::ClaimedByOtherScope, &message, provider)
        }
        Some((source, _)) if in_doubt.iter().any(|department| *department.name == *source.department) => Ok(None),
        None if !is_ours(observed) => {
            let message = format!("RingGroup {name} was made by somebody else: delete it, and it is made anew");
            refused(ProblemReason::DuplicateMatch, &message, name)
        }
        _ => Ok(Some(ring_group)),
    }
}

/// Where a ring group comes from.
pub(super) fn source(ring_group: &ObservedRingGroup) -> Option<&RingGroupSource> {
    match ring_group.values.get(&RingField::Source) {
        Some(Value::Source(source)) => Some(source),
        _ => None,
    }
}

/// Somebody took the source out of it, and the operator still holds the rest.
pub(super) fn is_ours(ring_group: &ObservedRingGroup) -> bool {
    !ring_group
        .ownership
        .ours
        .intersection(FieldSet::all_of_spec())
        .is_empty()
}

fn without_guid(entry: Entry<'_>) -> Problem {
    let message = format!(
        "the entry {} shows no objectGUID: it can't be told from others",
        entry.dn().as_str()
    );
    problem(&entry.subject(), ProblemReason::InvalidRecord, &message, None)
}

impl<'a> RingGroup<'a> {
    /// The ring group as numbering sees it.
    pub fn claimant(&'a self, input: &Input<'a>) -> Claimant<'a> {
        let wish = match &self.department.number {
            DepartmentNumber::None => Wish::Nothing,
            DepartmentNumber::Fixed(number) => Wish::Fixed(*number),
            DepartmentNumber::Rule(rule) => Wish::counted(input.rules.get(rule)),
        };
        Claimant {
            holder: self.holder(),
            login: &self.subject.login,
            exists: self.observed.is_some(),
            can_let_go: false,
            bound: Bound::No,
            is_held: false,
            fixed_by: self
                .observed
                .and_then(|observed| observed.ownership.held_elsewhere(RingField::Number, false)),
            wish,
        }
    }

    /// The ring group as the holder of its number.
    pub fn holder(&self) -> Holder {
        Holder {
            kind: HolderKind::RingGroup,
            name: self.name.to_string(),
        }
    }
}

impl<'a> Entry<'a> {
    /// Its objectGUID.
    pub fn guid(self) -> Option<Guid> {
        match self {
            Self::Group { group, .. } => group.guid(),
            Self::Unit(unit) => unit.guid(),
        }
    }

    /// Its distinguished name.
    pub(super) fn dn(self) -> &'a Dn {
        match self {
            Self::Group { group, .. } => group.dn(),
            Self::Unit(unit) => unit.dn(),
        }
    }

    fn subject(self) -> Subject {
        let login = match self {
            Self::Group { group, .. } => group.name(),
            Self::Unit(unit) => unit.name(),
        };
        Subject {
            login: login.into(),
            mail: None,
        }
    }

    /// Its name as phones show it.
    pub fn display_name(self) -> String {
        let (given, name) = match self {
            Self::Group { group, .. } => (group.display_name().map(clean), group.name()),
            Self::Unit(unit) => (None, unit.name()),
        };
        given.filter(|given| !given.is_empty()).unwrap_or_else(|| clean(name))
    }
}
