//! Logins, user names and employee IDs that were somebody else's: a newcomer with one of them may be that person, come back.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{
    Input,
    absence::Absences,
    claims::Claims,
    evidence::{Open, Verdict},
    keys::{identity_of, identity_of_user},
    observed::ObservedUser,
    past::Suspect,
    person::Newcomer,
    report::{few, problem},
    roster::account_named,
};
use crate::{
    api::{
        phone_user::AbsenceReason,
        sync_scope::{HeldType, Problem, ProblemReason, RelinkBy, WhenAbsent},
    },
    directory::{Guid, Sighting, Snapshot},
};

/// How messages call what is compared, in the order of [`identity_of`].
const SHOWN: [&str; 3] = ["login", "userPrincipalName", "employeeID"];

/// The identities of all PhoneUsers that are linked to accounts which no directory shows.
pub(super) struct Identities<'a, 'b> {
    input: &'b Input<'a>,
    by_key: [HashMap<String, Vec<Owner<'a>>>; 3],
    /// Whose account is proven to be deleted, and since when that is known.
    deleted: HashMap<&'a str, Timestamp>,
    /// Of whom the scope itself can't tell.
    doubted: HashSet<&'a str>,
    /// How many newcomers have what `relinkBy` compares.
    newcomers: HashMap<String, usize>,
}

/// A PhoneUser whose account no directory shows.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) guid: Guid,
    pub(super) name: &'a str,
    pub(super) user: &'a ObservedUser,
}

/// What a newcomer is to those who had what they have.
pub(super) enum Verdicts<'a> {
    /// Somebody else.
    Another,
    /// The same person as this one, who has been gone since then.
    Same(Owner<'a>, Timestamp),
    /// That is not known yet, or the other's removal waits.
    Waits(Problem, Owner<'a>),
}

/// What became of an account.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Fate {
    Exists,
    Unknown,
    Deleted(Timestamp),
}

impl<'a, 'b> Identities<'a, 'b> {
    pub(super) fn new(
        input: &'b Input<'a>,
        claims: &Claims<'a>,
        absences: &Absences<'a>,
        newcomers: &[Newcomer<'_>],
    ) -> Self {
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
                    owners.entry(key).or_default().push(Owner { guid, name, user });
                }
            }
        }
        let deleted = absences.proven.iter().filter_map(|absentee| {
            let absence = absentee.absence;
            (absence.reason == AbsenceReason::Deleted).then_some((absentee.missing.name, absence.since))
        });
        let mut all = Self {
            input,
            by_key,
            deleted: deleted.collect(),
            doubted: absences.doubted.iter().map(|(missing, _)| missing.name).collect(),
            newcomers: HashMap::new(),
        };
        let keys: Vec<_> = newcomers
            .iter()
            .filter_map(|newcomer| all.relink_key(newcomer))
            .collect();
        for (_, key) in keys {
            *all.newcomers.entry(key).or_default() += 1;
        }
        all
    }

    /// What a newcomer is to those who had what they have. They wait while nothing is known of those, and until those are removed:
    /// nobody gets a leaver's phone by having their login.
    pub(super) fn check(&self, newcomer: &Newcomer<'_>, open: &mut Open) -> Result<Verdicts<'a>, Problem> {
        if let Some((owner, since)) = self.same(newcomer, open)? {
            return Ok(Verdicts::Same(owner, since));
        }
        let keys = SHOWN.into_iter().zip(&self.by_key).zip(identity_of(newcomer.account));
        let owners = keys.flat_map(|((property, owners), key)| {
            let owners = key.and_then(|key| owners.get(&key)).map_or(&[][..], Vec::as_slice);
            owners.iter().map(move |owner| (property, *owner))
        });
        let mut waits = None;
        for (property, owner) in owners {
            let Owner { guid, name, user } = owner;
            let message = match self.fate(owner, open) {
                Fate::Exists => continue,
                Fate::Deleted(_) if self.is_settled(user) => continue,
                Fate::Deleted(_) => format!(
                    "PhoneUser {name} has their {property}, its account was deleted, and it is not removed yet: \
                     they are created beside it when it is"
                ),
                Fate::Unknown => format!(
                    "PhoneUser {name} has their {property} and is linked to the account {guid}, which was not found; \
                     is it the same person, link it to the new account {}",
                    newcomer.guid
                ),
            };
            let problem = problem(&newcomer.subject, ProblemReason::IdentityReused, &message, Some(name));
            waits.get_or_insert(Verdicts::Waits(problem, owner));
        }
        Ok(waits.unwrap_or(Verdicts::Another))
    }

    /// Whom `relinkBy` says that a newcomer is: of several, nobody.
    fn same(&self, newcomer: &Newcomer<'_>, open: &mut Open) -> Result<Option<(Owner<'a>, Timestamp)>, Problem> {
        let Some((position, key)) = self.relink_key(newcomer) else {
            return Ok(None);
        };
        let owners = self.by_key.get(position).and_then(|owners| owners.get(&key));
        let gone: Vec<_> = owners
            .into_iter()
            .flatten()
            .filter(|owner| self.may_be_relinked(owner))
            .filter_map(|owner| match self.fate(*owner, open) {
                Fate::Deleted(since) => Some((*owner, since)),
                Fate::Exists | Fate::Unknown => None,
            })
            .collect();
        let rivals = self.newcomers.get(&key).copied().unwrap_or_default();
        match gone.as_slice() {
            [] => Ok(None),
            [only] if rivals < 2 => Ok(Some(*only)),
            [(first, _), ..] => {
                let names = few(gone.iter().map(|(owner, _)| owner.name), gone.len());
                let property = SHOWN.get(position).copied().unwrap_or_default();
                let message = format!(
                    "{property} is to tell who they were before, and it is that of {rivals} new accounts and of {names}, \
                     whose accounts were deleted: it can be one person's only"
                );
                Err(problem(
                    &newcomer.subject,
                    ProblemReason::DuplicateMatch,
                    &message,
                    Some(first.name),
                ))
            }
        }
    }

    /// What `relinkBy` compares of a newcomer, and where [`identity_of`] has it.
    fn relink_key(&self, newcomer: &Newcomer<'_>) -> Option<(usize, String)> {
        let position = match self.input.scope.matching.relink_by? {
            RelinkBy::WindowsLogin => 0,
            RelinkBy::UserName => 1,
            RelinkBy::EmployeeId => 2,
        };
        let key = identity_of(newcomer.account).into_iter().nth(position)??;
        Some((position, key))
    }

    /// Whether a PhoneUser is the scope's to give to somebody's new account, or nobody's.
    fn may_be_relinked(&self, owner: &Owner<'_>) -> bool {
        let Owner { user, .. } = owner;
        let is_elsewhere = user.provider().is_some_and(|scope| {
            let mut others = self.input.siblings.iter();
            others.any(|sibling| *sibling.name == *scope)
        });
        user.is_readable && !user.is_unlinked && user.is_held() && user.values.link().is_some() && !is_elsewhere
    }

    fn fate(&self, owner: Owner<'a>, open: &mut Open) -> Fate {
        if let Some(since) = self.deleted.get(owner.name) {
            return Fate::Deleted(*since);
        }
        let suspect = Suspect {
            account: owner.guid,
            entry: None,
        };
        let sighting = open.sighting(self.input, suspect);
        let is_deleted = match sighting {
            Some(Sighting::Alive(_)) => return Fate::Exists,
            _ if self.doubted.contains(owner.name) => false,
            Some(Sighting::Deleted) => true,
            Some(Sighting::Unseen { sees_tombstones: false }) => {
                open.has_lasted(self.input, suspect) == Verdict::Proven
            }
            Some(Sighting::Unseen { sees_tombstones: true }) | None => false,
        };
        if is_deleted && !self.input.directory.origin().is_behind {
            Fate::Deleted(self.deleted_since(owner.user))
        } else {
            Fate::Unknown
        }
    }

    /// What nobody wrote down of somebody whom no scope provides is part of the batch that waits.
    fn deleted_since(&self, user: &ObservedUser) -> Timestamp {
        let absence = user.values.link().and_then(|link| link.absence);
        let known = absence.filter(|absence| absence.reason == AbsenceReason::Deleted);
        let mut held = self.input.past.held.iter();
        let batch = held.find(|held| held.kind == HeldType::Removals && !self.input.past.is_respecified);
        let known = known.map(|absence| absence.since);
        known.or(batch.map(|batch| batch.since.0)).unwrap_or(self.input.now)
    }

    /// Whether nothing is to be taken from a PhoneUser any more whose account is gone.
    fn is_settled(&self, user: &ObservedUser) -> bool {
        let keeps = self.input.scope.removal.when(AbsenceReason::Deleted) == WhenAbsent::Keep;
        let is_ours = user.provider() == Some(&self.input.scope.name);
        let stays = user.is_unlinked || user.is_protected || !user.is_held() || is_ours && keeps;
        stays || user.values.enabled() == Some(false)
    }
}

fn exists(guid: Guid, directory: &Snapshot, claims: &Claims<'_>) -> bool {
    directory.user_by_guid(guid).is_some() || claims.is_known_elsewhere(guid)
}
