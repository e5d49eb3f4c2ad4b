//! What becomes ring groups, parsed. Nothing is looked up here.

use std::collections::BTreeSet;

use super::{At as _, Reference, SpecError, SpecProblem};
use crate::{
    api::{
        ring_group::Strategy,
        sync_scope::{self, GroupType},
    },
    directory::GroupKind,
    sync::number::Number,
};

/// What becomes one ring group, or many.
#[derive(Clone, Debug)]
pub struct Department {
    /// Name of the entry.
    pub name: Box<str>,
    /// What becomes ring groups.
    pub source: DepartmentSource,
    /// How they are numbered.
    pub number: DepartmentNumber,
    /// In which order their phones ring.
    pub strategy: Strategy,
}

/// What becomes ring groups.
#[derive(Clone, Debug)]
pub enum DepartmentSource {
    /// One group.
    Group {
        /// The group.
        reference: Reference,
        /// People in groups in it, too.
        nested: bool,
    },
    /// People anywhere below one entry.
    Unit(Reference),
    /// Each group anywhere below an entry.
    Under {
        /// The entry.
        reference: Reference,
        /// Which kinds of groups.
        kinds: BTreeSet<GroupKind>,
        /// Groups that stay out.
        exclude: Vec<Reference>,
    },
}

/// How ring groups are numbered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DepartmentNumber {
    /// Not at all.
    None,
    /// With this number.
    Fixed(Number),
    /// By this ExtensionRule.
    Rule(Box<str>),
}

impl Department {
    pub(super) fn new(department: &sync_scope::Department) -> Result<Self, SpecError> {
        let path = format!("spec.departments[{}]", department.name);
        let source = DepartmentSource::new(department, &path)?;
        let number = match (&department.ring_group.number, &department.ring_group.rule_ref) {
            (Some(_), Some(_)) => {
                return Err(SpecProblem::ChooseOne("number and ruleRef").at(format!("{path}.ringGroup")));
            }
            (Some(_), None) if matches!(source, DepartmentSource::Under { .. }) => {
                let problem = SpecProblem::Complete("`under` makes many ring groups: write ruleRef instead");
                return Err(problem.at(format!("{path}.ringGroup.number")));
            }
            (Some(number), None) => DepartmentNumber::Fixed(number.parse().at(|| format!("{path}.ringGroup.number"))?),
            (None, Some(rule)) => DepartmentNumber::Rule(rule.name.as_str().into()),
            (None, None) => DepartmentNumber::None,
        };
        let strategy = department.ring_group.strategy;
        Ok(Self {
            name: department.name.as_str().into(),
            source,
            number,
            strategy,
        })
    }
}

impl DepartmentSource {
    fn new(department: &sync_scope::Department, path: &str) -> Result<Self, SpecError> {
        let sync_scope::Department {
            group,
            organizational_unit,
            under,
            group_types,
            exclude,
            ..
        } = department;
        if under.is_none() && (group_types.is_some() || !exclude.is_empty()) {
            return Err(SpecProblem::Complete("groupTypes and exclude go with `under` only: leave them out").at(path));
        }
        match (group, organizational_unit, under) {
            (Some(group), None, None) => Ok(Self::Group {
                reference: Reference::new(&group.dn, || format!("{path}.group.dn"))?,
                nested: group.nested,
            }),
            (None, Some(unit), None) => {
                Reference::new(&unit.dn, || format!("{path}.organizationalUnit.dn")).map(Self::Unit)
            }
            (None, None, Some(under)) => {
                let both = [GroupType::SecurityGroup, GroupType::DistributionList];
                let excluded = exclude.iter().enumerate();
                let excluded =
                    excluded.map(|(index, group)| Reference::new(&group.dn, || format!("{path}.exclude[{index}].dn")));
                Ok(Self::Under {
                    reference: Reference::new(&under.dn, || format!("{path}.under.dn"))?,
                    kinds: group_types
                        .as_deref()
                        .unwrap_or(&both)
                        .iter()
                        .copied()
                        .map(kind)
                        .collect(),
                    exclude: excluded.collect::<Result<_, _>>()?,
                })
            }
            _ => Err(SpecProblem::ChooseOne("group, organizationalUnit and under").at(path)),
        }
    }
}

fn kind(group_type: GroupType) -> GroupKind {
    match group_type {
        GroupType::SecurityGroup => GroupKind::Security,
        GroupType::DistributionList => GroupKind::Distribution,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn department(spec: &str) -> Result<Department, SpecError> {
        Department::new(&serde_yaml::from_str(&format!("{{name: x, {spec}}}")).unwrap())
    }

    #[test]
    fn every_error_names_the_field_and_says_what_to_write() {
        for (spec, path, hint) in [
            (
                "ringGroup: {}",
                "spec.departments[x]",
                "group, organizationalUnit and under",
            ),
            (
                "under: {dn: OU=a}, organizationalUnit: {dn: OU=a}",
                "spec.departments[x]",
                "exactly one",
            ),
            ("group: {dn: nonsense}", "spec.departments[x].group.dn", "position"),
            (
                "under: {dn: OU=a}, exclude: [{dn: b}]",
                "spec.departments[x].exclude[0].dn",
                "position",
            ),
            (
                "organizationalUnit: {dn: OU=a}, groupTypes: [SecurityGroup]",
                "spec.departments[x]",
                "`under` only",
            ),
            (
                "under: {dn: OU=a}, ringGroup: {number: '600'}",
                "spec.departments[x].ringGroup.number",
                "ruleRef",
            ),
            (
                "group: {dn: CN=a}, ringGroup: {number: 6OO}",
                "spec.departments[x].ringGroup.number",
                "digits",
            ),
            (
                "group: {dn: CN=a}, ringGroup: {number: '6', ruleRef: {name: r}}",
                "spec.departments[x].ringGroup",
                "number and ruleRef",
            ),
        ] {
            let error = department(spec).unwrap_err();
            assert_eq!(error.path, path, "{error}");
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    #[test]
    fn without_group_types_both_are_meant() {
        let source = department("under: {dn: OU=a}").unwrap().source;
        assert!(matches!(source, DepartmentSource::Under { kinds, .. } if kinds.len() == 2));
    }
}
