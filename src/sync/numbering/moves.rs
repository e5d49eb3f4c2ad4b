//! The numbers that the spec or the directory names: who gets theirs, and who lets go first. Counts no numbers out.
//!
//! Each number has one claimant at most, or nobody gets it; so who waits for whom is a set of chains and circles. A chain moves if
//! it ends in a number that is free, or whose holder is disabled or gone; a circle always does. Who can claim their new number
//! does it now; who waits for it and stands in somebody's way lets go of the old one now, and claims in the next plan.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Handover, Terms,
    chains::{At, Way, winners},
    seat::{Because, Seat},
};
use crate::{
    api::extension::Holder,
    sync::{number::Number, number_holders::Availability, number_pool::NumberPool, number_wish::Target},
};

/// Gives the numbers that are named.
pub(super) fn give_named<'a>(
    seats: &mut [Seat<'a>],
    pool: &mut NumberPool<'a>,
    terms: &Terms<'a>,
    wishes: &BTreeMap<Number, Vec<At>>,
    homes: &BTreeMap<Number, At>,
) -> Handover {
    let mut moves = Moves {
        surplus: seats.iter().flat_map(|seat| surplus(seat, terms)).collect(),
        homes,
        seats,
        pool,
        terms,
        contests: BTreeMap::new(),
        handover: Handover::default(),
    };
    let ways = moves.ways(wishes);
    let winners = winners(&ways, |at| moves.seat(at).is_some_and(|seat| seat.claimant.can_let_go));
    for at in &winners {
        moves.carry_out(*at, &ways);
    }
    moves.go_home();
    moves.complain(wishes);
    moves.handover
}

/// Who asks for which number that they don't have.
pub(super) fn wishes(seats: &[Seat<'_>]) -> BTreeMap<Number, Vec<At>> {
    let mut wishes: BTreeMap<Number, Vec<At>> = BTreeMap::new();
    for (at, seat) in seats.iter().enumerate() {
        match seat.target {
            Target::Exactly(number) if seat.number != Some(number) => wishes.entry(number).or_default().push(at),
            _ => {}
        }
    }
    wishes
}

/// A number that several ask for, and could have.
struct Contest {
    /// Those of the claimants, by login.
    rivals: Vec<At>,
    /// One of another scope.
    elsewhere: Option<Box<str>>,
}

struct Moves<'s, 'a> {
    seats: &'s mut [Seat<'a>],
    pool: &'s mut NumberPool<'a>,
    terms: &'s Terms<'a>,
    homes: &'s BTreeMap<Number, At>,
    /// What the claimants have beside the numbers that they keep.
    surplus: BTreeSet<Number>,
    contests: BTreeMap<Number, Contest>,
    handover: Handover,
}

impl<'a> Moves<'_, 'a> {
    fn seat(&self, at: At) -> Option<&Seat<'a>> {
        self.seats.get(at)
    }

    /// How those come to their numbers who alone ask for one that can be had.
    fn ways(&mut self, wishes: &BTreeMap<Number, Vec<At>>) -> BTreeMap<At, Way> {
        let mut ways = BTreeMap::new();
        for (number, wishers) in wishes {
            self.pool.withhold(*number);
            let found = wishers.iter().filter_map(|at| Some((*at, self.way(*at, *number)?)));
            let mut found: Vec<(At, Way)> = found.collect();
            let is_theirs =
                |(at, way): &(At, Way)| matches!(way, Way::Open(None)) || self.homes.get(number) == Some(at);
            let elsewhere = (!found.is_empty() && !found.iter().any(is_theirs))
                .then(|| (self.terms.asked_for_elsewhere)(*number))
                .flatten();
            if found.len() == 1 && elsewhere.is_none() {
                ways.extend(found.pop());
            } else if !found.is_empty() {
                let mut rivals: Vec<At> = found.into_iter().map(|(at, _)| at).collect();
                rivals.sort_by(|left, right| {
                    self.seat(*left)
                        .map(Seat::by_login)
                        .cmp(&self.seat(*right).map(Seat::by_login))
                });
                self.contests.insert(*number, Contest { rivals, elsewhere });
            }
        }
        // Whose number is rebuilt in this plan moves in the next, and lets go then.
        let is_rebuilt = |at: &At| self.seat(*at).is_some_and(|seat| seat.claim.is_some());
        let mut rebuilt = ways
            .keys()
            .chain(wishes.keys().filter_map(|number| self.homes.get(number)));
        self.handover.continues |= self.terms.may_move && rebuilt.any(is_rebuilt);
        ways.retain(|at, _| self.seats.get(*at).is_some_and(|seat| can_take(seat, self.terms)));
        ways
    }

    /// How somebody could come to a number, if they can.
    fn way(&self, at: At, number: Number) -> Option<Way> {
        let claimant = self.seat(at)?.claimant;
        let home = self.homes.get(&number).copied().filter(|home| *home != at);
        let resident = home.and_then(|home| Some((home, self.seat(home)?)));
        match (self.pool.availability(number, claimant), resident) {
            (Availability::Held, _) => Some(Way::Open(None)),
            (Availability::Free(expected), Some((home, resident))) if !resident.is_disabled() => {
                Some(Way::Left(expected, home))
            }
            (Availability::Free(expected), _) => Some(Way::Open(Some(expected))),
            (Availability::Taken(_), _) if !self.can_pass(number, &claimant.holder) => None,
            (Availability::Taken(_), Some((home, resident))) if resident.is_disabled() => {
                let yields = resident.claimant.can_let_go && resident.is_movable(self.terms);
                yields.then_some(Way::Vacated(home))
            }
            (Availability::Taken(_), Some((home, _))) => Some(Way::Passed(home)),
            (Availability::Taken(_), None) => self.is_abandoned(number).then_some(Way::Abandoned),
        }
    }

    fn can_pass(&self, number: Number, to: &Holder) -> bool {
        let holders = self.terms.holders;
        let from = holders.holder_of(number);
        self.terms.may_move && from.is_some_and(|from| holders.can_pass(number, from, to))
    }

    /// Whether nobody needs a number: its holder is gone for certain, or was deleted and left it behind, or keeps another.
    fn is_abandoned(&self, number: Number) -> bool {
        let holder = self.terms.holders.holder_of(number);
        let is_gone = holder.is_some_and(|holder| self.terms.gone.contains(holder));
        is_gone || self.terms.orphans.contains(&number) || self.surplus.contains(&number)
    }

    fn carry_out(&mut self, at: At, ways: &BTreeMap<At, Way>) {
        let (Some(way), Some(Target::Exactly(number))) = (ways.get(&at), self.seat(at).map(|seat| seat.target)) else {
            return;
        };
        let leaver = match way {
            Way::Open(None) => {
                if let Some(seat) = self.seats.get_mut(at) {
                    seat.settle(number, None);
                }
                return;
            }
            Way::Open(Some(expected)) | Way::Left(expected, _) => {
                if let Some(seat) = self.seats.get_mut(at) {
                    seat.claim(number, expected.clone(), Because::Named, self.pool);
                }
                return;
            }
            Way::Vacated(home) => Some(*home),
            // Who can claim their new number now needs not let go of the old one before.
            Way::Passed(home) => Some(*home).filter(|home| !ways.get(home).is_some_and(Way::is_open)),
            Way::Abandoned => {
                let holder = self.terms.holders.holder_of(number);
                let gone = holder.filter(|holder| self.terms.gone.contains(holder));
                self.handover
                    .yielding
                    .extend(gone.map(|gone| gone.name.as_str().into()));
                self.handover.leaving.insert(number);
                None
            }
        };
        if let Some(leaver) = leaver.and_then(|leaver| self.seats.get_mut(leaver)) {
            leaver.let_go();
        }
        if let Some(seat) = self.seats.get_mut(at) {
            seat.awaits = true;
            if seat.number.is_none() {
                let home = self.homes.iter().find(|(_, resident)| **resident == at);
                seat.lets_go_of = home.map(|(number, _)| *number);
            }
        }
        let waiter = self.seat(at).map(|seat| seat.claimant.holder.clone());
        self.handover.awaited.extend(waiter.map(|waiter| (number, waiter)));
        self.handover.continues = true;
    }

    /// Who let go of a number for another that they can't have any more goes home, as long as nobody else has it.
    fn go_home(&mut self) {
        for (number, at) in self.homes {
            let Some(seat) = self.seats.get_mut(*at).filter(|seat| !seat.is_settled && !seat.awaits) else {
                continue;
            };
            if let Availability::Free(expected) = self.pool.availability(*number, seat.claimant) {
                seat.claim(*number, expected, Because::Theirs, self.pool);
            }
        }
    }

    /// Now it is known who has which number.
    fn complain(&mut self, wishes: &BTreeMap<Number, Vec<At>>) {
        for (number, wishers) in wishes {
            for at in wishers {
                let contest = self
                    .contests
                    .get(number)
                    .and_then(|contest| contest.seen_by(*at, self.seats));
                let Some(seat) = self.seats.get_mut(*at).filter(|seat| seat.number != Some(*number)) else {
                    continue;
                };
                let taker = match self.pool.availability(*number, seat.claimant) {
                    Availability::Taken(taker) => Some(taker),
                    _ => None,
                };
                match (contest, taker) {
                    _ if seat.awaits => seat.complain_waiting(*number, taker),
                    (Some((count, other)), _) => seat.complain_contested(*number, count, &other),
                    (None, Some(taker)) => seat.complain_taken(*number, taker),
                    (None, None) => seat.complain_stuck(*number, self.terms),
                }
            }
        }
    }
}

impl Contest {
    /// How many ask for the number, and another one of them.
    fn seen_by(&self, at: At, seats: &[Seat<'_>]) -> Option<(usize, String)> {
        let mut others = self.rivals.iter().filter(|other| **other != at);
        let login = others
            .next()
            .and_then(|other| seats.get(*other))
            .map(|other| other.claimant.login.to_owned());
        let other = login.or_else(|| self.elsewhere.as_deref().map(str::to_owned))?;
        let count = self.rivals.len() + usize::from(self.elsewhere.is_some());
        self.rivals.contains(&at).then_some((count, other))
    }
}

/// What somebody has beside the number that they keep, and does not ask for.
fn surplus<'s>(seat: &'s Seat<'_>, terms: &'s Terms<'_>) -> impl Iterator<Item = Number> + 's {
    let is_awaited =
        |number: &Number| matches!(seat.target, Target::Exactly(wished) if wished == *number) && can_take(seat, terms);
    seat.leaves(terms.holders).filter(move |number| !is_awaited(number))
}

/// Whether somebody may get another number than they have.
fn can_take(seat: &Seat<'_>, terms: &Terms<'_>) -> bool {
    match seat.number {
        Some(_) => seat.is_movable(terms) && seat.given_by(terms).is_none() && !seat.claimant.is_held,
        None => !seat.is_settled && !seat.claimant.is_held,
    }
}
