//! What shows that somebody is no member of a group or unit any more: evidence, no evidence yet, or evidence to the contrary
//! (promise 2). Pure; what follows from it is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Input, departments::Entry, past::Suspect};
use crate::directory::{Alive, Group, Guid, Path, Sighting};

/// How certain it is that somebody is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// They are gone.
    Proven,
    /// Nothing shows it but that they are missing: the directory is to be asked for them, or they must be missing again later.
    NotYet,
    /// Something shows that they are not gone, or that it can't be told, and no time changes that.
    Contradicted,
}

impl Verdict {
    /// Of somebody who is gone only when both say so.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Contradicted, _) | (_, Self::Contradicted) => Self::Contradicted,
            (Self::NotYet, _) | (_, Self::NotYet) => Self::NotYet,
            (Self::Proven, Self::Proven) => Self::Proven,
        }
    }

    /// Of somebody who is gone when either says so.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Proven, _) | (_, Self::Proven) => Self::Proven,
            (Self::NotYet, _) | (_, Self::NotYet) => Self::NotYet,
            (Self::Contradicted, Self::Contradicted) => Self::Contradicted,
        }
    }
}

/// What it takes to know more: gathered over all verdicts of a sync.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Open {
    /// Accounts to ask the directory for.
    pub ask: BTreeSet<Guid>,
    /// Absences that must last, for [`super::past::Past::suspects`] of the next sync.
    pub suspects: BTreeMap<Suspect, Timestamp>,
}

impl Open {
    /// Whether an absence of which nothing else is known has lasted; since when it does is remembered.
    pub fn has_lasted(&mut self, input: &Input<'_>, suspect: Suspect) -> Verdict {
        let (read_at, is_behind) = (input.directory.origin().read_at, input.directory.origin().is_behind);
        if is_behind {
            // It confirms nothing, and it refutes nothing.
            self.keep(input, suspect);
            return Verdict::NotYet;
        }
        let known = input.past.suspects.get(&suspect).copied();
        let since = known.unwrap_or(read_at).min(read_at);
        self.suspects.insert(suspect, since);
        if read_at.duration_since(since) >= input.past.confirm_after {
            Verdict::Proven
        } else {
            Verdict::NotYet
        }
    }

    /// What the directory said of an account. None: it is to be asked first, and what was suspected before still is.
    pub fn sighting<'a>(&mut self, input: &Input<'a>, suspect: Suspect) -> Option<&'a Sighting> {
        let sighting = input.sightings.get(&suspect.account);
        if sighting.is_none() {
            self.ask.insert(suspect.account);
            self.keep(input, suspect);
        }
        sighting
    }

    fn keep(&mut self, input: &Input<'_>, suspect: Suspect) {
        let known = input.past.suspects.get(&suspect).copied();
        self.suspects.extend(known.map(|since| (suspect, since)));
    }
}

/// Whether an account has left an entry, for one that does not seem to be in it: `member`, or where it lies, says so.
///
/// A tombstone proves it, a visible place outside of the unit, or visible groups of which none leads to this one. Where nothing is
/// visible it must last. It never counts when something visible leads there, or when the entry has nobody at all: then it is
/// the entry of which too little is shown.
pub fn has_left(input: &Input<'_>, account: Guid, entry: Entry<'_>, open: &mut Open) -> Verdict {
    let suspect = Suspect {
        account,
        entry: entry.guid(),
    };
    let Some(sighting) = open.sighting(input, suspect) else {
        return Verdict::NotYet;
    };
    if input.directory.origin().is_behind {
        return open.has_lasted(input, suspect);
    }
    let shown = match sighting {
        Sighting::Deleted => Shown::Gone,
        Sighting::Unseen { sees_tombstones: true } => Shown::Present,
        Sighting::Unseen { .. } if input.directory.is_listed(account) => Shown::Present,
        Sighting::Unseen { .. } => Shown::Nothing,
        Sighting::Alive(alive) => match entry {
            Entry::Unit(unit) if alive.dn.is_at_or_below(unit.dn()) => Shown::Present,
            Entry::Unit(_) => Shown::Gone,
            Entry::Group { group, nested } => shown_of_group(input, account, alive, group, nested),
        },
    };
    match shown {
        Shown::Gone => Verdict::Proven,
        Shown::Present => Verdict::Contradicted,
        Shown::Nothing if is_silent(input, entry) => Verdict::Contradicted,
        Shown::Nothing => open.has_lasted(input, suspect),
    }
}

/// Whether an account that was not read exists outside of what is read.
pub fn is_beyond(input: &Input<'_>, account: Guid) -> bool {
    let base = &input.directory.origin().base_dn;
    match input.sightings.get(&account) {
        Some(Sighting::Alive(alive)) => !alive.dn.is_at_or_below(base),
        _ => false,
    }
}

/// What is visible of a membership.
enum Shown {
    Present,
    Gone,
    Nothing,
}

fn shown_of_group(input: &Input<'_>, account: Guid, alive: &Alive, group: Group<'_>, nested: bool) -> Shown {
    let directory = input.directory;
    // Whatever the account says that it is in, this one can't be found among it.
    if group.guid().is_none() || directory.is_listed_in(account, group.index(), nested) {
        return Shown::Present;
    }
    // Who has left their last group but this one says nothing of it: `memberOf` is empty then, and looks as if it was hidden.
    let user = directory.user_by_guid(account).map(crate::directory::User::index);
    let primary = user
        .and_then(|user| directory.primary_group(user))
        .and_then(Group::guid);
    let groups: Vec<Guid> = alive.groups.iter().copied().chain(primary.filter(|_| nested)).collect();
    match directory.path(&groups, group.index(), nested) {
        Path::Leads => Shown::Present,
        Path::Elsewhere if !alive.groups.is_empty() => Shown::Gone,
        Path::Elsewhere | Path::Unknown => Shown::Nothing,
    }
}

/// Whether an entry, or a group in it, shows nobody at all. That may be so, or whoever asks may not see it any more.
pub fn is_silent(input: &Input<'_>, entry: Entry<'_>) -> bool {
    match entry {
        Entry::Unit(unit) => input.directory.users_below(unit.dn()).is_empty(),
        Entry::Group { group, nested } => input.directory.is_silent(group.index(), nested),
    }
}
