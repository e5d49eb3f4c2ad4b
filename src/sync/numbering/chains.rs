//! Who waits for whom: chains and circles of people who move to each other's numbers. Knows nobody, and gives nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::sync::plan::Expected;

/// A place among the seats.
pub(super) type At = usize;

/// How somebody comes to the number they ask for.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// It is theirs, or can be claimed.
    Open(Option<Expected>),
    /// It can be claimed, if the one whom it rests after gets another. They let go of it in an earlier plan.
    Left(Expected, At),
    /// Its holder is disabled, and lets go.
    Vacated(At),
    /// Its holder is gone, or has no object, or has another one beside it from a move that was cut short.
    Abandoned,
    /// Its holder lets go, if they get another.
    Passed(At),
}

impl Way {
    /// Whether the number can be claimed in this plan.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_) | Self::Left(..))
    }
}

/// Those who get their number, in this plan or the next. Who can't let go, as a ring group, which is never without its number, moves
/// when the new one is open, and not before.
pub(super) fn winners(ways: &BTreeMap<At, Way>, can_let_go: impl Fn(At) -> bool) -> BTreeSet<At> {
    let is_open = |at: &At| ways.get(at).is_some_and(Way::is_open);
    // Whoever is met again on the way closes a circle, and a circle moves.
    let mut verdicts: BTreeMap<At, bool> = BTreeMap::new();
    for start in ways.keys() {
        let (mut path, mut at) = (Vec::new(), *start);
        let verdict = loop {
            if let Some(verdict) = verdicts.get(&at) {
                break *verdict;
            }
            path.push(at);
            verdicts.insert(at, true);
            match ways.get(&at) {
                None => break false,
                Some(Way::Open(_) | Way::Vacated(_) | Way::Abandoned) => break true,
                Some(Way::Passed(home)) if !can_let_go(*home) && !is_open(home) => break false,
                Some(Way::Left(_, home) | Way::Passed(home)) => at = *home,
            }
        };
        verdicts.extend(path.into_iter().map(|at| (at, verdict)));
    }
    verdicts
        .into_iter()
        .filter(|(_, wins)| *wins)
        .map(|(at, _)| at)
        .collect()
}
