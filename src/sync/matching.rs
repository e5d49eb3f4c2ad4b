//! Newcomers and the PhoneUsers that may be theirs already. Unambiguous or not at all; the objectGUID was compared before.

use std::collections::{BTreeSet, HashMap};

use super::{
    Input,
    census::held_back,
    claims::Claims,
    identities::Identities,
    keys::{Shown, key_of_account, key_of_user},
    mapping,
    observed::ObservedUser,
    person::{Newcomer, Person},
    report::problem,
    roster::NamedUser,
};
use crate::{
    api::{
        phone_user::Origin,
        sync_scope::{Adopt, MatchProperty, OnNoMatch, Problem, ProblemReason},
    },
    directory::{Guid, User},
};

/// What became of the newcomers.
#[derive(Debug, Default)]
pub struct Matched<'a> {
    /// Those who get linked: to a user that exists, or to one that is created.
    pub people: Vec<Person<'a>>,
    /// Why the others are not.
    pub unmatched: Vec<Problem>,
    /// Accounts of which it must be known whether they still exist.
    pub ask: BTreeSet<Guid>,
}

/// What comparing one newcomer with all users gives.
#[derive(Debug, Default)]
struct Comparison<'a> {
    /// Users that have the first property with any candidate.
    candidates: Vec<&'a str>,
    /// That property.
    decided_by: Option<MatchProperty>,
    /// The newcomer has a value of at least one property.
    has_key: bool,
}

/// Matches the newcomers. No newcomer, no work: the indexes are made only for them.
pub fn match_newcomers<'a>(input: &Input<'a>, newcomers: Vec<Newcomer<'a>>, claims: &Claims<'a>) -> Matched<'a> {
    let mut matched = Matched::default();
    if newcomers.is_empty() {
        return matched;
    }
    let candidates = Candidates::new(input);
    let identities = Identities::new(input, claims);
    let comparisons: Vec<_> = newcomers
        .iter()
        .map(|newcomer| candidates.compare(newcomer.account))
        .collect();
    let mut claimants: HashMap<&str, Vec<&str>> = HashMap::new();
    for (newcomer, comparison) in newcomers.iter().zip(&comparisons) {
        for candidate in &comparison.candidates {
            claimants.entry(candidate).or_default().push(&newcomer.subject.login);
        }
    }
    let verdicts: Vec<_> = newcomers
        .iter()
        .zip(&comparisons)
        .map(|(newcomer, comparison)| {
            newcomer
                .doubt
                .map_or(Ok(()), |doubt| Err(held_back(&newcomer.subject, doubt)))?;
            duplicate(newcomer, comparison, &claimants)?;
            candidates.check_readable(newcomer, comparison)?;
            matched.ask.extend(identities.to_ask(newcomer));
            identities.check(newcomer)?;
            if comparison.candidates.is_empty() {
                may_be_created(input, newcomer, comparison)
            } else {
                Ok(())
            }
        })
        .collect();
    for ((newcomer, comparison), verdict) in newcomers.into_iter().zip(comparisons).zip(verdicts) {
        match verdict {
            Ok(()) => {
                let adopted = comparison.candidates.first().and_then(|name| candidates.get(name));
                matched.people.push(link(newcomer, adopted));
            }
            Err(problem) => matched.unmatched.push(problem),
        }
    }
    matched
}

/// Several candidates, or one that two people claim: for all of them, and without looking any further.
fn duplicate(
    newcomer: &Newcomer<'_>,
    comparison: &Comparison<'_>,
    claimants: &HashMap<&str, Vec<&str>>,
) -> Result<(), Problem> {
    let Some(property) = comparison.decided_by else {
        return Ok(());
    };
    let duplicate = |message: String, other| {
        Err(problem(
            &newcomer.subject,
            ProblemReason::DuplicateMatch,
            &message,
            other,
        ))
    };
    let property = Shown(property);
    if let [first, _, ..] = *comparison.candidates {
        let names = comparison.candidates.join(", ");
        return duplicate(
            format!("several PhoneUsers have their {property}: {names}"),
            Some(first),
        );
    }
    let name = comparison.candidates.first().copied().unwrap_or_default();
    let claimants = claimants.get(name).map_or(&[][..], Vec::as_slice);
    // A newcomer is once in the list, and another may have the same login in another domain.
    let others: Vec<_> = claimants
        .iter()
        .copied()
        .filter(|login| *login != &*newcomer.subject.login)
        .collect();
    match (claimants.len(), others.first()) {
        (0 | 1, _) => Ok(()),
        (_, other) => {
            let others = others.join(", ");
            duplicate(
                format!("PhoneUser {name} has their {property}, and matches {others} too"),
                other.copied(),
            )
        }
    }
}

/// Whether a user may be created for somebody without candidates.
fn may_be_created(input: &Input<'_>, newcomer: &Newcomer<'_>, comparison: &Comparison<'_>) -> Result<(), Problem> {
    let matching = &input.scope.matching;
    let refuse = |reason, message: String| Err(problem(&newcomer.subject, reason, &message, None));
    if matching.on_no_match == OnNoMatch::Report {
        let properties: Vec<_> = matching
            .by
            .iter()
            .map(|property| Shown(*property).to_string())
            .collect();
        let properties = properties.join(", ");
        return if comparison.has_key || matching.adopt == Adopt::Never {
            refuse(
                ProblemReason::NoTargetUser,
                format!("no PhoneUser has their {properties}"),
            )
        } else {
            refuse(
                ProblemReason::KeyMissing,
                format!("they have no {properties} to compare"),
            )
        };
    }
    let missing = matching
        .require
        .iter()
        .find(|field| !mapping::has_value(input, newcomer.account, **field));
    missing.map_or(Ok(()), |field| {
        let place = field.row().place;
        refuse(
            ProblemReason::AttributeMissing,
            format!("{place} is required, and the directory has no value for it"),
        )
    })
}

fn link<'a>(newcomer: Newcomer<'a>, adopted: Option<NamedUser<'a>>) -> Person<'a> {
    let Newcomer {
        account,
        guid,
        subject,
        name,
        rule,
        doubt: _,
    } = newcomer;
    Person {
        account,
        guid,
        subject,
        name: adopted.map_or(name, |adopted| adopted.name.into()),
        observed: adopted.map(|adopted| adopted.user),
        origin: if adopted.is_some() {
            Origin::Adopted
        } else {
            Origin::Provisioned
        },
        is_inactive: false,
        rule,
    }
}

/// Users that are linked to nobody, as far as that can be told, by what `match` compares.
struct Candidates<'a> {
    users: HashMap<&'a str, &'a ObservedUser>,
    /// In the order of `match.by`.
    by_property: Vec<(MatchProperty, HashMap<String, Vec<&'a str>>)>,
}

impl<'a> Candidates<'a> {
    fn new(input: &Input<'a>) -> Self {
        let may_adopt = input.scope.matching.adopt == Adopt::Matching;
        let users = input.observed.users.iter();
        // One that can't be read may be somebody's already, so that nobody with its values is served beside it.
        let may_be_theirs = |user: &ObservedUser| {
            if user.is_readable {
                may_adopt && !user.is_unlinked
            } else {
                may_adopt || user.is_held()
            }
        };
        let users: Vec<(&str, &ObservedUser)> = users
            .filter(|(_, user)| user.values.link().is_none() && may_be_theirs(user))
            .map(|(name, user)| (&**name, user))
            .collect();
        let by_property = input.scope.matching.by.iter().map(|property| {
            let mut by_key: HashMap<String, Vec<&str>> = HashMap::new();
            for (name, user) in &users {
                if let Some(key) = key_of_user(&user.values, *property) {
                    by_key.entry(key).or_default().push(name);
                }
            }
            (*property, by_key)
        });
        Self {
            by_property: by_property.collect(),
            users: users.into_iter().collect(),
        }
    }

    fn get(&self, name: &'a str) -> Option<NamedUser<'a>> {
        self.users.get(name).map(|user| NamedUser { name, user })
    }

    fn check_readable(&self, newcomer: &Newcomer<'_>, comparison: &Comparison<'a>) -> Result<(), Problem> {
        let candidate = comparison.candidates.first().and_then(|name| self.get(name));
        let (Some(property), Some(NamedUser { name, .. })) = (
            comparison.decided_by,
            candidate.filter(|candidate| !candidate.user.is_readable),
        ) else {
            return Ok(());
        };
        let property = Shown(property);
        let message = format!("PhoneUser {name} has their {property} and can't be read: correct or delete it");
        Err(problem(
            &newcomer.subject,
            ProblemReason::WriteFailed,
            &message,
            Some(name),
        ))
    }

    fn compare(&self, account: User<'_>) -> Comparison<'a> {
        let mut comparison = Comparison::default();
        for (property, by_key) in &self.by_property {
            let Some(key) = key_of_account(account, *property) else {
                continue;
            };
            comparison.has_key = true;
            if let Some(candidates) = by_key.get(&key) {
                comparison.candidates.clone_from(candidates);
                comparison.decided_by = Some(*property);
                break;
            }
        }
        comparison
    }
}
