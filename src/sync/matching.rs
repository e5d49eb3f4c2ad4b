//! Newcomers and the PhoneUsers that may be theirs already. Unambiguous or not at all; the objectGUID was compared before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::{
    Input,
    absence::Absences,
    census::held_back,
    claims::Claims,
    evidence::Open,
    identities::{Identities, Owner, Verdicts},
    keys::{Shown, key_of_account, key_of_user},
    mapping,
    observed::ObservedUser,
    person::{Newcomer, Person},
    relinking::Relink,
    report::{few, problem},
    roster::{NamedUser, account_named, origin_of},
};
use crate::{
    api::{
        phone_user::Origin,
        sync_scope::{Adopt, MatchProperty, OnNoMatch, Problem, ProblemReason},
    },
    directory::User,
};

/// What became of the newcomers.
#[derive(Debug, Default)]
pub struct Matched<'a> {
    /// Those who get linked: to a user that exists, or to one that is created.
    pub people: Vec<Person<'a>>,
    /// Why the others are not.
    pub unmatched: Vec<Problem>,
    /// Those who are the same person as one whose account is gone.
    pub relinks: Vec<Relink<'a>>,
    /// PhoneUsers that are to be removed before others are created.
    pub waited_for: BTreeSet<&'a str>,
}

/// What comparing one newcomer with all users gives.
#[derive(Debug, Default)]
struct Comparison<'a, 'c> {
    /// Users that have the first property with any candidate.
    candidates: &'c [&'a str],
    /// That property, and what the newcomer has there.
    decided_by: Option<(MatchProperty, String)>,
    /// The newcomer has a value of at least one property.
    has_key: bool,
}

/// Matches the newcomers. No newcomer, no work: the indexes are made only for them.
pub fn match_newcomers<'a>(
    input: &Input<'a>,
    newcomers: Vec<Newcomer<'a>>,
    claims: &Claims<'a>,
    absences: &Absences<'a>,
    open: &mut Open,
) -> Matched<'a> {
    let mut matched = Matched::default();
    if newcomers.is_empty() {
        return matched;
    }
    let candidates = Candidates::new(input);
    let identities = Identities::new(input, claims, absences, &newcomers);
    let comparisons: Vec<_> = newcomers
        .iter()
        .map(|newcomer| candidates.compare(newcomer.account))
        .collect();
    let claimants = Claimants::new(&newcomers, &comparisons);
    let verdicts: Vec<_> = newcomers
        .iter()
        .zip(&comparisons)
        .map(|(newcomer, comparison)| {
            newcomer
                .doubt
                .map_or(Ok(()), |doubt| Err(held_back(&newcomer.subject, doubt)))?;
            duplicate(newcomer, comparison, &candidates, &claimants)?;
            candidates.check_readable(newcomer, comparison)?;
            match identities.check(newcomer, open)? {
                Verdicts::Same(owner, since) => return Ok(Some((owner, since))),
                Verdicts::Waits(problem, owner) => {
                    matched.waited_for.insert(owner.name);
                    return Err(problem);
                }
                Verdicts::Another => {}
            }
            if comparison.candidates.is_empty() {
                may_be_created(input, newcomer, comparison)?;
            }
            Ok(None)
        })
        .collect();
    for ((newcomer, comparison), verdict) in newcomers.into_iter().zip(comparisons).zip(verdicts) {
        match verdict {
            Ok(Some((owner, since))) => matched.relinks.push(relink(newcomer, owner, since)),
            Ok(None) => {
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
    comparison: &Comparison<'_, '_>,
    candidates: &Candidates<'_>,
    claimants: &Claimants<'_>,
) -> Result<(), Problem> {
    let (Some((property, _)), [first, more @ ..]) = (&comparison.decided_by, comparison.candidates) else {
        return Ok(());
    };
    let (property, subject) = (Shown(*property), &newcomer.subject);
    let duplicate =
        |message: String, other| Err(problem(subject, ProblemReason::DuplicateMatch, &message, Some(other)));
    if !more.is_empty() {
        let names = few(comparison.candidates.iter().copied(), comparison.candidates.len());
        return duplicate(
            format!("several PhoneUsers have their {property}, and one may keep it: {names}"),
            first,
        );
    }
    let claims = claimants.of(candidates, first);
    let others = claims
        .iter()
        .copied()
        .flatten()
        .filter_map(|position| claimants.newcomers.get(*position));
    let mut others = others
        .filter(|other| other.guid != newcomer.guid)
        .map(|other| &*other.subject.login);
    let count = claims
        .iter()
        .map(|claims| claims.len())
        .sum::<usize>()
        .saturating_sub(1);
    let logins = few(others.clone(), count);
    others.next().map_or(Ok(()), |other| {
        duplicate(
            format!("PhoneUser {first} has their {property}, and {logins} have it too: it can be one person's only"),
            other,
        )
    })
}

/// Whether a user may be created for somebody without candidates.
fn may_be_created(input: &Input<'_>, newcomer: &Newcomer<'_>, comparison: &Comparison<'_, '_>) -> Result<(), Problem> {
    let matching = &input.scope.matching;
    let refuse = |reason, message: String| Err(problem(&newcomer.subject, reason, &message, None));
    if matching.on_no_match == OnNoMatch::Report {
        let properties: Vec<_> = matching
            .by
            .iter()
            .map(|property| Shown(*property).to_string())
            .collect();
        let properties = properties.join(" or ");
        return if comparison.has_key || matching.adopt == Adopt::Never {
            refuse(
                ProblemReason::NoTargetUser,
                format!("no PhoneUser has their {properties}: make one, or write onNoMatch: Provision"),
            )
        } else {
            refuse(
                ProblemReason::KeyMissing,
                format!(
                    "they have no {properties} to compare: fill it in in the directory, or match by something else"
                ),
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
            format!("{place} is required, and the directory has no value for it: fill it in there"),
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
        absence: None,
        rule,
        keeps_number: false,
    }
}

fn relink<'a>(newcomer: Newcomer<'a>, owner: Owner<'a>, since: Timestamp) -> Relink<'a> {
    let Owner { name, user, .. } = owner;
    let origin = origin_of(user);
    let person = link(newcomer, Some(NamedUser { name, user }));
    Relink {
        person: Person { origin, ..person },
        name,
        user,
        since,
    }
}

/// Users that are linked to nobody, as far as that can be told, by what `match` compares.
struct Candidates<'a> {
    users: HashMap<&'a str, &'a ObservedUser>,
    /// In the order of `match.by`.
    by_property: Vec<(MatchProperty, HashMap<String, Vec<&'a str>>)>,
}

impl<'a> Candidates<'a> {
    /// One that has an objectGUID in its name is for that account alone.
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
            .filter(|(name, user)| !user.is_readable || account_named(&input.system.name, name).is_none())
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

    fn check_readable(&self, newcomer: &Newcomer<'_>, comparison: &Comparison<'a, '_>) -> Result<(), Problem> {
        let candidate = comparison.candidates.first().and_then(|name| self.get(name));
        let (Some((property, _)), Some(NamedUser { name, .. })) = (
            comparison.decided_by.as_ref(),
            candidate.filter(|candidate| !candidate.user.is_readable),
        ) else {
            return Ok(());
        };
        let property = Shown(*property);
        let message = format!("PhoneUser {name} has their {property} and can't be read: correct or delete it");
        Err(problem(
            &newcomer.subject,
            ProblemReason::WriteFailed,
            &message,
            Some(name),
        ))
    }

    fn compare<'c>(&'c self, account: User<'_>) -> Comparison<'a, 'c> {
        let mut comparison = Comparison::default();
        for (property, by_key) in &self.by_property {
            let Some(key) = key_of_account(account, *property) else {
                continue;
            };
            comparison.has_key = true;
            if let Some(candidates) = by_key.get(&key) {
                comparison.candidates = candidates;
                comparison.decided_by = Some((*property, key));
                break;
            }
        }
        comparison
    }
}

/// The newcomers by what decides about them. Those who share it have the same candidates: told apart by candidate, an
/// employeeID that thousands have would take the square of them.
struct Claimants<'c> {
    newcomers: &'c [Newcomer<'c>],
    /// Their positions.
    by_key: BTreeMap<MatchProperty, HashMap<&'c str, Vec<usize>>>,
}

impl<'c> Claimants<'c> {
    fn new(newcomers: &'c [Newcomer<'c>], comparisons: &'c [Comparison<'_, '_>]) -> Self {
        let mut by_key: BTreeMap<_, HashMap<&str, Vec<usize>>> = BTreeMap::new();
        for (position, comparison) in comparisons.iter().enumerate() {
            if let Some((property, key)) = &comparison.decided_by {
                let by_key = by_key.entry(*property).or_default();
                by_key.entry(key).or_default().push(position);
            }
        }
        Self { newcomers, by_key }
    }

    /// Everybody who claims a user, a list for each property by which they do. Nobody is in two of them.
    fn of(&self, candidates: &Candidates<'_>, user: &str) -> Vec<&[usize]> {
        let user = candidates.users.get(user);
        let claims = self.by_key.iter().filter_map(|(property, by_key)| {
            let key = key_of_user(&user?.values, *property)?;
            by_key.get(key.as_str()).map(Vec::as_slice)
        });
        claims.collect()
    }
}
