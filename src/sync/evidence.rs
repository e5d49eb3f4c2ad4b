//! What shows that somebody is no member of a group or unit any more: evidence, no evidence yet, or evidence to the contrary
//! (promise 2). Pure; what follows from it is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Input, departments::Entry, past::Suspect};
use crate::directory::{Alive, Dn, Group, Guid, Sighting};

/// How certain it is that somebody is gone.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Verdict {
    /// They are gone.
    Proven,
    /// Nothing shows it but that they are missing: the directory is to be asked for them, or they must be missing again later.
    NotYet,
    /// Something shows that they are not gone, whatever else seems to be.
    Contradicted,
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
    /// Whether an absence of which nothing else is known has lasted; if not, it is remembered since when it does.
    pub fn has_lasted(&mut self, input: &Input<'_>, suspect: Suspect) -> Verdict {
        let read_at = input.directory.origin().read_at;
        let known = input.past.suspects.get(&suspect).copied();
        if input.directory.origin().is_behind {
            // It confirms nothing, and it refutes nothing.
            self.suspects.extend(known.map(|since| (suspect, since)));
            return Verdict::NotYet;
        }
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
            let known = input.past.suspects.get(&suspect).copied();
            self.suspects.extend(known.map(|since| (suspect, since)));
        }
        sighting
    }
}

/// Whether an account that seems to be no member of an entry any more has left it: for somebody of whom the entry's `member`, or
/// where they lie, says that they are not in it.
pub fn has_left(input: &Input<'_>, account: Guid, entry: Entry<'_>, open: &mut Open) -> Verdict {
    let suspect = Suspect {
        account,
        entry: match entry {
            Entry::Group { group, .. } => group.guid(),
            Entry::Unit(unit) => unit.guid(),
        },
    };
    let Some(sighting) = open.sighting(input, suspect) else {
        return Verdict::NotYet;
    };
    let verdict = match sighting {
        Sighting::Deleted => Some(Verdict::Proven),
        Sighting::Unseen { sees_tombstones: true } => Some(Verdict::Contradicted),
        Sighting::Unseen { .. } => None,
        Sighting::Alive(alive) => match entry {
            Entry::Group { group, nested } => left_group(alive, group, nested),
            Entry::Unit(unit) => Some(left_unit(alive, unit.dn())),
        },
    };
    match verdict {
        _ if input.directory.origin().is_behind => open.has_lasted(input, suspect),
        Some(verdict) => verdict,
        None => open.has_lasted(input, suspect),
    }
}

fn left_unit(alive: &Alive, unit: &Dn) -> Verdict {
    if alive.dn.is_at_or_below(unit) {
        Verdict::Contradicted
    } else {
        Verdict::Proven
    }
}

/// None: nothing shows it.
fn left_group(alive: &Alive, group: Group<'_>, _nested: bool) -> Option<Verdict> {
    let is_in_it = group.guid().is_some_and(|guid| alive.groups.contains(&guid));
    match (is_in_it, alive.groups.is_empty()) {
        (true, _) => Some(Verdict::Contradicted),
        (false, true) => None,
        (false, false) => Some(Verdict::Proven),
    }
}
