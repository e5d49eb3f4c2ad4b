//! Logins, user names and employee IDs that were somebody else's: a newcomer with one of them may be that person, come back.

use std::collections::{BTreeMap, HashMap};

use super::{
    Input,
    claims::Claims,
    keys::{identity_of, identity_of_user},
    person::Newcomer,
    report::problem,
    roster::account_named,
};
use crate::{
    api::sync_scope::{Problem, ProblemReason},
    directory::{Guid, Sighting, Snapshot},
};

/// How messages call what is compared, in the order of [`identity_of`].
const SHOWN: [&str; 3] = ["login", "userPrincipalName", "employeeID"];

/// The identities of all PhoneUsers that are linked to accounts which no directory shows.
pub(super) struct Identities<'a> {
    by_key: [HashMap<String, Vec<Owner<'a>>>; 3],
    sightings: &'a BTreeMap<Guid, Sighting>,
}

#[derive(Clone, Copy)]
struct Owner<'a> {
    guid: Guid,
    name: &'a str,
}

impl<'a> Identities<'a> {
    pub(super) fn new(input: &Input<'a>, claims: &Claims<'a>) -> Self {
        let mut by_key: [HashMap<String, Vec<Owner<'a>>>; 3] = Default::default();
        for (name, user) in &input.observed.users {
            // Its name tells it, too, when somebody took the link out of it.
            let link = user.values.link().map(|link| link.guid);
            let Some(guid) = link.or_else(|| account_named(&input.system.name, name)) else {
                continue;
            };
            // An account that exists has other values by now, and its user follows.
            if exists(guid, input.directory, claims) {
                continue;
            }
            for (owners, key) in by_key.iter_mut().zip(identity_of_user(&user.values)) {
                if let Some(key) = key {
                    owners.entry(key).or_default().push(Owner { guid, name });
                }
            }
        }
        Self {
            by_key,
            sightings: input.sightings,
        }
    }

    /// Former owners of what a newcomer has, of whom the directory was not asked yet.
    pub(super) fn to_ask(&self, newcomer: &Newcomer<'_>) -> Vec<Guid> {
        let owners = self.owners(newcomer).map(|(_, owner)| owner.guid);
        owners.filter(|guid| !self.sightings.contains_key(guid)).collect()
    }

    /// A newcomer with the identity of an account of which nothing is known waits.
    pub(super) fn check(&self, newcomer: &Newcomer<'_>) -> Result<(), Problem> {
        let unproven = self
            .owners(newcomer)
            .find(|(_, owner)| !matches!(self.sightings.get(&owner.guid), Some(Sighting::Alive(_))));
        let Some((property, owner)) = unproven else {
            return Ok(());
        };
        let Owner { guid, name } = owner;
        let message = format!(
            "PhoneUser {name} has their {property} and is linked to the account {guid}, which was not found; \
             is it the same person, link it to the new account {}",
            newcomer.guid
        );
        Err(problem(
            &newcomer.subject,
            ProblemReason::IdentityReused,
            &message,
            Some(name),
        ))
    }

    fn owners(&self, newcomer: &Newcomer<'_>) -> impl Iterator<Item = (&'static str, Owner<'a>)> {
        let keys = SHOWN.into_iter().zip(&self.by_key).zip(identity_of(newcomer.account));
        keys.flat_map(|((property, owners), key)| {
            let owners = key.and_then(|key| owners.get(&key)).map_or(&[][..], Vec::as_slice);
            owners.iter().map(move |owner| (property, *owner))
        })
    }
}

fn exists(guid: Guid, directory: &Snapshot, claims: &Claims<'_>) -> bool {
    directory.user_by_guid(guid).is_some() || claims.is_known_elsewhere(guid)
}
