//! Second step: what people wrote, parsed. Pure; from here on the specs are not looked at again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube::ResourceExt;

use super::fetch::Fetched;
use crate::{
    api::{SyncScope, sync_scope::ResolvedReference},
    controllers::changes::NamespacedName,
    directory::AttributeName,
    sync::validated::{SpecError, ValidatedRule, ValidatedScope, ValidatedSystem},
};

/// A scope and all that it refers to, parsed.
#[derive(Debug)]
pub(super) struct Validated {
    /// The scope.
    pub scope: ValidatedScope,
    /// The other scopes of its phone system.
    pub siblings: Vec<ValidatedSibling>,
    /// Its phone system.
    pub system: ValidatedSystem,
    /// The rules of its phone system; those that could not be parsed are missing.
    pub rules: BTreeMap<Box<str>, ValidatedRule>,
    /// Its directory.
    pub directory: NamespacedName,
    /// What must be read of its directory.
    pub attributes: BTreeSet<AttributeName>,
    /// Whether people may sign in with their bare names.
    pub bare_username: bool,
}

/// Another scope of the same phone system.
#[derive(Debug)]
pub(super) struct ValidatedSibling {
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
    /// Its directory is read by this operator.
    pub is_served: bool,
    /// Its spec, with its directory and what must be read of that. None: it can't be parsed.
    pub scope: Option<(ValidatedScope, NamespacedName, BTreeSet<AttributeName>)>,
    /// The entries that its spec named when it was last synced.
    pub references: Vec<ResolvedReference>,
}

/// Why nothing can be planned.
#[derive(Debug, thiserror::Error)]
pub(super) enum ValidateError {
    /// The scope's own spec.
    #[error("{0}")]
    ParseScope(#[source] SpecError),
    /// The phone system's.
    #[error("PhoneSystem {name}: {source}")]
    ParseSystem {
        /// Its name.
        name: String,
        /// What is wrong.
        source: SpecError,
    },
    /// A rule numbers for somebody else.
    #[error("ExtensionRule {rule} is of PhoneSystem {system}: name a rule of {wanted}")]
    ChooseRule {
        /// The rule.
        rule: String,
        /// Whose it is.
        system: String,
        /// Whose it should be.
        wanted: String,
    },
}

/// Parses a scope and what it refers to.
pub(super) fn validate(scope: &SyncScope, fetched: &Fetched) -> Result<Validated, ValidateError> {
    let Fetched {
        directory,
        system,
        rules,
        siblings,
        unserved,
        unreadable,
    } = fetched;
    let own = parse(scope).map_err(ValidateError::ParseScope)?;
    let wanted = &scope.spec.phone_system_ref;
    let of_another = rules.values().find(|rule| rule.spec.phone_system_ref != *wanted);
    if let Some(rule) = of_another {
        let system = rule.spec.phone_system_ref.name.clone();
        return Err(ValidateError::ChooseRule {
            rule: rule.name_any(),
            system,
            wanted: wanted.name.clone(),
        });
    }
    // One that can't be parsed says so in its own status, and costs only the people that it numbers.
    let rules: BTreeMap<Box<str>, ValidatedRule> = rules
        .iter()
        .filter_map(|(name, rule)| Some((name.as_str().into(), ValidatedRule::new(name, &rule.spec).ok()?)))
        .collect();
    let system =
        ValidatedSystem::new(&system.name_any(), &system.spec).map_err(|source| ValidateError::ParseSystem {
            name: system.name_any(),
            source,
        })?;
    let here = NamespacedName::of(scope);
    let siblings = siblings.iter().map(|sibling| {
        let parsed = parse(sibling).ok().map(|scope| {
            let attributes = scope.attributes(&rules);
            let directory = here.beside(&scope.directory);
            (scope, directory, attributes)
        });
        ValidatedSibling {
            name: sibling.name_any(),
            created: created(sibling),
            is_served: !unserved.contains(&sibling.name_any()),
            scope: parsed,
            references: sibling
                .status
                .as_ref()
                .map(|status| status.references.clone())
                .unwrap_or_default(),
        }
    });
    let sightless = unreadable.iter().map(|(name, created)| ValidatedSibling {
        name: name.clone(),
        created: created.unwrap_or(Timestamp::MAX),
        is_served: true,
        scope: None,
        references: Vec::new(),
    });
    Ok(Validated {
        siblings: siblings.chain(sightless).collect(),
        attributes: own.attributes(&rules),
        scope: own,
        system,
        rules,
        directory: NamespacedName::of(&**directory),
        bare_username: directory.spec.login.as_ref().is_some_and(|login| login.bare_username),
    })
}

fn parse(scope: &SyncScope) -> Result<ValidatedScope, SpecError> {
    ValidatedScope::new(&scope.name_any(), created(scope), &scope.spec)
}

/// Every object that the API server gives has it.
fn created(scope: &SyncScope) -> Timestamp {
    scope.creation_timestamp().map_or(Timestamp::MAX, |time| time.0)
}
