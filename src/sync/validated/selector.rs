//! Who is meant: selectors and references, parsed. Nobody is looked up here.

use super::{At as _, SpecError, SpecProblem};
use crate::{
    api::sync_scope,
    directory::{Dn, filter::Filter},
};

/// As everywhere in the spec, and in the status that remembers the entry; in a filter no schema holds it.
const LONGEST_DN: usize = 1024;

/// An entry of the directory that the spec names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reference {
    /// Its distinguished name, as the spec has it.
    pub dn: Dn,
}

/// Who is in a scope: everyone, or people in any of the units and groups; and who matches the filter.
#[derive(Clone, Debug)]
pub struct Users {
    /// Everyone, so neither units nor groups.
    pub everyone: bool,
    /// People anywhere below any of these.
    pub units: Vec<Reference>,
    /// Or in any of these groups; the flag says whether nested.
    pub groups: Vec<(Reference, bool)>,
    /// And matching this.
    pub filter: Option<Filter>,
}

/// Picks people.
#[derive(Clone, Debug)]
pub enum Selector {
    /// People anywhere below this.
    Unit(Reference),
    /// People in this group.
    Group {
        /// The group.
        reference: Reference,
        /// People in groups in it, too.
        nested: bool,
    },
    /// People who match this.
    Filter(Filter),
    /// The person with this sAMAccountName.
    Login(Box<str>),
}

/// Keeps people out of a scope.
#[derive(Clone, Debug)]
pub struct Exclusion {
    /// Name of the entry.
    pub name: Box<str>,
    /// Whom.
    pub selector: Selector,
}

impl Reference {
    pub(super) fn new(dn: &str, path: impl FnOnce() -> String) -> Result<Self, SpecError> {
        Ok(Self {
            dn: Dn::parse(dn).at(path)?,
        })
    }
}

impl Users {
    pub(super) fn new(users: &sync_scope::Users) -> Result<Self, SpecError> {
        let everyone = users.everyone.is_some();
        let names_some = !users.organizational_units.is_empty() || !users.groups.is_empty();
        if everyone == names_some {
            let problem = SpecProblem::ChooseOne("`everyone: {}` and organizationalUnits with groups");
            return Err(problem.at("spec.users"));
        }
        let units =
            users.organizational_units.iter().enumerate().map(|(index, unit)| {
                Reference::new(&unit.dn, || format!("spec.users.organizationalUnits[{index}].dn"))
            });
        let groups = users.groups.iter().enumerate().map(|(index, group)| {
            Ok((
                Reference::new(&group.dn, || format!("spec.users.groups[{index}].dn"))?,
                group.nested,
            ))
        });
        Ok(Self {
            everyone,
            units: units.collect::<Result<_, _>>()?,
            groups: groups.collect::<Result<_, _>>()?,
            filter: users
                .filter
                .as_deref()
                .map(|filter| read_filter(filter, "spec.users.filter"))
                .transpose()?,
        })
    }
}

impl Selector {
    pub(super) fn new(selector: &sync_scope::Selector, path: &str) -> Result<Self, SpecError> {
        let sync_scope::Selector {
            organizational_unit,
            group,
            filter,
        } = selector;
        match (organizational_unit, group, filter) {
            (Some(unit), None, None) => {
                Reference::new(&unit.dn, || format!("{path}.organizationalUnit.dn")).map(Self::Unit)
            }
            (None, Some(group), None) => Ok(Self::Group {
                reference: Reference::new(&group.dn, || format!("{path}.group.dn"))?,
                nested: group.nested,
            }),
            (None, None, Some(filter)) => read_filter(filter, &format!("{path}.filter")).map(Self::Filter),
            _ => Err(SpecProblem::ChooseOne("organizationalUnit, group and filter").at(path)),
        }
    }
}

impl Exclusion {
    pub(super) fn new(exclusion: &sync_scope::Exclusion) -> Result<Self, SpecError> {
        let sync_scope::Exclusion {
            name,
            organizational_unit,
            group,
            filter,
            login,
        } = exclusion.clone();
        let path = format!("spec.exclude[{name}]");
        let by_others = sync_scope::Selector {
            organizational_unit,
            group,
            filter,
        };
        let selector = match login {
            None => Selector::new(&by_others, &path)?,
            Some(login) if by_others == sync_scope::Selector::default() => Selector::Login(login.into()),
            Some(_) => {
                return Err(SpecProblem::ChooseOne("organizationalUnit, group, filter and login").at(path));
            }
        };
        Ok(Self {
            name: name.into(),
            selector,
        })
    }
}

fn read_filter(text: &str, path: &str) -> Result<Filter, SpecError> {
    let filter = Filter::parse(text).at(|| path.to_owned())?;
    let is_too_long = |group: &Dn| group.as_str().chars().count() > LONGEST_DN;
    if filter.groups().into_iter().any(is_too_long) {
        return Err(SpecProblem::Complete(
            "it names a group with more than 1024 characters: name one nearer to the root of the domain",
        )
        .at(path));
    }
    Ok(filter)
}
