//! A SyncScope, parsed: who, how they match, what is mapped, who gets a number, which departments there are.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    At as _, CreationLimit, Department, DepartmentNumber, Exclusion, Removal, Selector, SpecError, SpecProblem, Timing,
    Users, ValidatedRule,
};
use crate::{
    api::{
        SyncScopeSpec,
        sync_scope::{self, Adopt, DeletionPolicy, FieldPolicy, MatchProperty, Mode, OnNoMatch, RelinkBy},
    },
    directory::{AttributeName, filter::Filter},
    sync::{
        field::{Field, Source},
        keys::compared,
    },
};

/// A scope whose spec makes sense.
#[derive(Clone, Debug)]
pub struct ValidatedScope {
    /// Name of the object.
    pub name: Box<str>,
    /// When it was created: of two scopes that select somebody, the older one takes them.
    pub created: Timestamp,
    /// Name of the ActiveDirectoryConfig.
    pub directory: Box<str>,
    /// Name of the PhoneSystem.
    pub phone_system: Box<str>,
    /// Who is in it.
    pub users: Users,
    /// Who is not.
    pub exclude: Vec<Exclusion>,
    /// How people are found among the users that exist.
    pub matching: Matching,
    /// Where each mapped field comes from. What is not in it is not synced.
    pub map: BTreeMap<Field, FieldSource>,
    /// Who gets a number by which rule.
    pub extensions: Vec<ExtensionEntry>,
    /// What becomes ring groups.
    pub departments: Vec<Department>,
    /// When it syncs.
    pub timing: Timing,
    /// Whether it doesn't.
    pub suspend: bool,
    /// Whether it writes.
    pub mode: Mode,
    /// What happens to those who leave.
    pub removal: Removal,
    /// How many may be created at once. None: any number.
    pub creation_limit: Option<CreationLimit>,
    /// What the scope leaves behind when it is deleted.
    pub deletion_policy: DeletionPolicy,
}

/// How people are found among the users that exist.
#[derive(Clone, Debug)]
pub struct Matching {
    /// What to compare, in order.
    pub by: Vec<MatchProperty>,
    /// What happens to people who match no user.
    pub on_no_match: OnNoMatch,
    /// Whether a user that people made may be linked.
    pub adopt: Adopt,
    /// Fields without which nobody is provisioned.
    pub require: Vec<Field>,
    /// What tells that a new account is somebody whose account is gone.
    pub relink_by: Option<RelinkBy>,
}

/// Where a field comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FieldSource {
    /// An attribute of the account.
    Attribute(AttributeName),
    /// The names that the person may sign in with.
    LoginNames,
    /// The entry above the account.
    ParentEntry,
}

/// Who gets a number by which rule.
#[derive(Clone, Debug)]
pub struct ExtensionEntry {
    /// Name of the entry.
    pub name: Box<str>,
    /// Name of the ExtensionRule.
    pub rule: Box<str>,
    /// Whom it numbers. None: everybody.
    pub when: Option<Selector>,
}

impl ValidatedScope {
    /// Parses a spec.
    pub fn new(name: &str, created: Timestamp, spec: &SyncScopeSpec) -> Result<Self, SpecError> {
        let map = read_map(&spec.map)?;
        let extensions = spec.extensions.iter().map(ExtensionEntry::new);
        let departments = spec.departments.iter().map(Department::new);
        Ok(Self {
            name: name.into(),
            created,
            directory: spec.directory_ref.name.as_str().into(),
            phone_system: spec.phone_system_ref.name.as_str().into(),
            users: Users::new(&spec.users)?,
            exclude: spec.exclude.iter().map(Exclusion::new).collect::<Result<_, _>>()?,
            matching: Matching::new(&spec.matching, &map)?,
            map,
            extensions: extensions.collect::<Result<_, _>>()?,
            departments: departments.collect::<Result<_, _>>()?,
            timing: Timing::new(spec)?,
            suspend: spec.suspend,
            mode: spec.mode,
            removal: Removal::new(&spec.removal)?,
            creation_limit: spec.creation_limit.as_ref().map(CreationLimit::from),
            deletion_policy: spec.deletion_policy,
        })
    }

    /// The attributes that must be read to plan for this scope, `rules` being those of its phone system.
    pub fn attributes(&self, rules: &BTreeMap<Box<str>, ValidatedRule>) -> BTreeSet<AttributeName> {
        let mapped = self.map.values().filter_map(|source| match source {
            FieldSource::Attribute(attribute) => Some(attribute.clone()),
            FieldSource::LoginNames | FieldSource::ParentEntry => None,
        });
        let rules = self
            .rules()
            .into_iter()
            .filter_map(|name| rules.get(name)?.attribute.as_ref());
        let mut attributes: BTreeSet<_> = compared(&self.matching.by).chain(mapped).collect();
        attributes.extend(rules.map(|attribute| attribute.name.clone()));
        attributes.extend(self.filters().flat_map(Filter::attributes));
        attributes
    }

    /// Names of the ExtensionRules that it refers to.
    pub fn rules(&self) -> BTreeSet<&str> {
        let of_departments = self
            .departments
            .iter()
            .filter_map(|department| match &department.number {
                DepartmentNumber::Rule(rule) => Some(&**rule),
                DepartmentNumber::None | DepartmentNumber::Fixed(_) => None,
            });
        self.extensions
            .iter()
            .map(|entry| &*entry.rule)
            .chain(of_departments)
            .collect()
    }

    /// Every selector of the spec.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        let of_exclude = self.exclude.iter().map(|exclusion| &exclusion.selector);
        of_exclude.chain(self.extensions.iter().filter_map(|entry| entry.when.as_ref()))
    }

    /// Every filter of the spec.
    pub fn filters(&self) -> impl Iterator<Item = &Filter> {
        let of_selectors = self.selectors().filter_map(|selector| match selector {
            Selector::Filter(filter) => Some(filter),
            Selector::Unit(_) | Selector::Group { .. } | Selector::Login(_) => None,
        });
        self.users.filter.iter().chain(of_selectors)
    }
}

impl Matching {
    fn new(matching: &sync_scope::Match, map: &BTreeMap<Field, FieldSource>) -> Result<Self, SpecError> {
        let require: Vec<_> = matching.require.iter().copied().map(Field::from).collect();
        if let Some(index) = require.iter().position(|field| !map.contains_key(field)) {
            let problem = SpecProblem::Complete("it is not mapped: map it, or leave it out");
            return Err(problem.at(format!("spec.match.require[{index}]")));
        }
        Ok(Self {
            by: matching.by.clone(),
            on_no_match: matching.on_no_match,
            adopt: matching.adopt,
            require,
            relink_by: matching.relink_by,
        })
    }
}

impl ExtensionEntry {
    fn new(entry: &sync_scope::ExtensionEntry) -> Result<Self, SpecError> {
        let path = format!("spec.extensions[{}].when", entry.name);
        Ok(Self {
            name: entry.name.as_str().into(),
            rule: entry.rule_ref.name.as_str().into(),
            when: entry
                .when
                .as_ref()
                .map(|selector| Selector::new(selector, &path))
                .transpose()?,
        })
    }
}

/// The table of fields, with what people wrote over it.
fn read_map(written: &sync_scope::FieldMap) -> Result<BTreeMap<Field, FieldSource>, SpecError> {
    let written: BTreeMap<Field, _> = written
        .iter()
        .map(|(target, source)| (Field::from(*target), source))
        .collect();
    let mut map = BTreeMap::new();
    for field in Field::mapped() {
        let row = field.row();
        let override_of = written.get(&field);
        if override_of.is_some_and(|source| source.policy == FieldPolicy::Ignore) {
            continue;
        }
        let path = || format!("{}.attribute", row.place).replacen("spec", "spec.map", 1);
        let attribute = override_of.and_then(|source| source.attribute.as_deref());
        let source = match (row.source, attribute) {
            (Source::Attribute(default), None) => FieldSource::Attribute(AttributeName::parse(default).at(path)?),
            (Source::Attribute(_), Some(attribute)) => {
                FieldSource::Attribute(AttributeName::parse(attribute).at(path)?)
            }
            (Source::LoginNames, None) => FieldSource::LoginNames,
            (Source::ParentEntry, None) => FieldSource::ParentEntry,
            (_, Some(_)) => {
                return Err(SpecProblem::Complete("it is derived: write only a policy, or nothing").at(path()));
            }
            (Source::Decision, None) => continue,
        };
        map.insert(field, source);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(spec: &str) -> Result<ValidatedScope, SpecError> {
        let yaml = format!("{{directoryRef: {{name: corp}}, phoneSystemRef: {{name: hq}}, {spec}}}");
        ValidatedScope::new("staff", Timestamp::UNIX_EPOCH, &serde_yaml::from_str(&yaml).unwrap())
    }

    #[test]
    fn every_error_names_the_field_and_says_what_to_write() {
        for (spec, path, hint) in [
            ("users: {}", "spec.users", "everyone: {}"),
            ("users: {filter: (a=b)}", "spec.users", "everyone: {}"),
            (
                "users: {everyone: {}, groups: [{dn: CN=a}]}",
                "spec.users",
                "exactly one of",
            ),
            ("users: {everyone: {}, filter: (sn=a}", "spec.users.filter", "position"),
            (
                "users: {organizationalUnits: [{dn: OU=a}, {dn: Staff}]}",
                "spec.users.organizationalUnits[1].dn",
                "position",
            ),
            (
                "users: {groups: [{dn: 'CN=a,,DC=b'}]}",
                "spec.users.groups[0].dn",
                "position",
            ),
            (
                "users: {everyone: {}}, exclude: [{name: x}]",
                "spec.exclude[x]",
                "organizationalUnit, group and filter",
            ),
            (
                "users: {everyone: {}}, exclude: [{name: x, login: a, filter: (a=b)}]",
                "spec.exclude[x]",
                "organizationalUnit, group, filter and login",
            ),
            (
                "users: {everyone: {}}, extensions: [{name: x, ruleRef: {name: r}, when: {filter: nonsense}}]",
                "spec.extensions[x].when.filter",
                "position",
            ),
            (
                "users: {everyone: {}}, map: {title: {attribute: a_b}}",
                "spec.map.title.attribute",
                "LDAP name",
            ),
            (
                "users: {everyone: {}}, map: {loginNames: {attribute: mail}}",
                "spec.map.loginNames.attribute",
                "derived",
            ),
            (
                "users: {everyone: {}}, match: {require: [login, email]}, map: {email: {policy: Ignore}}",
                "spec.match.require[1]",
                "map it, or leave it out",
            ),
            ("users: {everyone: {}}, interval: 5s", "spec.interval", "10s"),
            ("users: {everyone: {}}, interval: 7d", "spec.interval", "30m or 1h30m"),
            (
                "users: {everyone: {}}, interval: 1h, schedule: {cron: '0 2 * * *'}",
                "spec",
                "interval and schedule",
            ),
            (
                "users: {everyone: {}}, removal: {deleteAfter: 30d}",
                "spec.removal.deleteAfter",
                "1h30m",
            ),
            (
                "users: {everyone: {}}, removal: {limit: {window: soon}}",
                "spec.removal.limit.window",
                "1h30m",
            ),
            (
                "users: {everyone: {}}, schedule: {cron: hourly}",
                "spec.schedule.cron",
                "0 2 * * *",
            ),
        ] {
            let error = scope(spec).unwrap_err();
            assert_eq!(error.path, path, "{error}");
            assert!(
                error.to_string().starts_with(&format!("{path}: ")) && error.to_string().contains(hint),
                "{error}"
            );
        }
    }

    #[test]
    fn a_filter_is_refused_with_its_position() {
        let error = scope("users: {everyone: {}, filter: '(&(sn=a)(objectSid=x))'}").unwrap_err();
        assert!(
            matches!(&error.problem, SpecProblem::ParseFilter(filter) if filter.position == 9),
            "{error}"
        );
    }

    #[test]
    fn a_filter_names_no_group_that_the_status_could_not_remember() {
        let of_length = |length: usize| {
            let group = format!("CN={}", "x".repeat(length - "CN=".len()));
            scope(&format!("users: {{everyone: {{}}, filter: '(!(memberOf={group}))'}}"))
        };
        assert!(of_length(1024).is_ok());
        let error = of_length(1025).unwrap_err();
        assert_eq!(error.path, "spec.users.filter");
        assert!(error.to_string().contains("1024 characters"), "{error}");
    }

    #[test]
    fn only_what_is_named_is_asked_for() {
        let rule = serde_yaml::from_str("{phoneSystemRef: {name: hq}, source: Attribute, attribute: {name: ipPhone}}")
            .unwrap();
        let rules = BTreeMap::from([("r".into(), ValidatedRule::new("r", &rule).unwrap())]);
        let scope = scope(
            "users: {everyone: {}, filter: (employeeType=staff)}, map: {title: {attribute: extensionAttribute5}, mobile: {policy: Ignore}},
             exclude: [{name: x, filter: (description=test*)}], extensions: [{name: x, ruleRef: {name: r}, when: {filter: (l=Berlin)}}]",
        );
        let attributes = scope.unwrap().attributes(&rules);
        let has = |name: &str| attributes.contains(&AttributeName::parse(name).unwrap());
        for name in [
            "employeeType",
            "extensionAttribute5",
            "description",
            "l",
            "ipPhone",
            "displayName",
            "mail",
            "sn",
        ] {
            assert!(has(name), "{name}");
        }
        assert!(!has("title") && !has("mobile") && !has("thumbnailPhoto"));
    }

    #[test]
    fn what_match_compares_is_asked_for_whatever_is_mapped() {
        let ignored = "map: {firstName: {policy: Ignore}, lastName: {policy: Ignore}, email: {policy: Ignore}, employeeID: {policy: Ignore}}";
        for (by, expected) in [
            ("[]", "employeeid mail samaccountname userprincipalname"),
            (
                "[FirstLastName]",
                "employeeid givenname mail samaccountname sn userprincipalname",
            ),
        ] {
            let scope = scope(&format!("users: {{everyone: {{}}}}, {ignored}, match: {{by: {by}}}")).unwrap();
            let compared = compared(&scope.matching.by).collect::<BTreeSet<_>>();
            assert!(compared.is_subset(&scope.attributes(&BTreeMap::new())));
            let names: Vec<_> = compared.iter().map(AttributeName::as_str).collect();
            assert_eq!(names.join(" "), expected);
        }
    }
}
