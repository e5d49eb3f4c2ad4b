//! Whose each number is: what the claimants have, or had until they let go of it on their way to another. Gives no number.
//!
//! Who lets go of a number is without one until the next plan. What they had rests after them until somebody claims it; from
//! then on the number that they were to have is theirs, for which somebody else let go of it. So however far a move came before
//! the operator died, each of those who are on the way has a home.

use std::collections::{BTreeMap, BTreeSet};

use super::{Terms, chains::At, seat::Seat};
use crate::sync::{
    number::Number,
    number_holders::Availability,
    number_plan::Forbidden,
    number_pool::NumberPool,
    number_wish::{Target, Wish},
};

/// Whose each number is.
#[derive(Default)]
pub(super) struct Homes {
    /// What they have, or let go of last.
    pub(super) own: BTreeMap<Number, At>,
    /// The same, and for whom somebody else has that by now, what was let go of for them.
    pub(super) all: BTreeMap<Number, At>,
}

impl Homes {
    /// Looks up everybody's. The disabled have none that others ask for: they would have to let go of it again.
    pub(super) fn new<'a>(
        seats: &[Seat<'a>],
        pool: &NumberPool<'a>,
        terms: &Terms<'a>,
        wishes: &BTreeMap<Number, Vec<At>>,
    ) -> Self {
        let view = View { pool, terms, wishes };
        let own = seats
            .iter()
            .enumerate()
            .filter_map(|(at, seat)| Some((seat.number.or_else(|| view.left_behind(seat))?, at)));
        let own: BTreeMap<Number, At> = own.collect();
        let all = view.with_promised(seats, own.clone());
        Self { own, all }
    }
}

/// What the homes of those who have no number are told by.
struct View<'s, 'a> {
    pool: &'s NumberPool<'a>,
    terms: &'s Terms<'a>,
    wishes: &'s BTreeMap<Number, Vec<At>>,
}

impl View<'_, '_> {
    /// The number that somebody let go of last.
    fn left_behind(&self, seat: &Seat<'_>) -> Option<Number> {
        let holder = &seat.claimant.holder;
        self.latest(seat, self.terms.holders.resting_after(holder.kind, &holder.name))
    }

    /// Who has lost what they left behind goes on to what they left it for, and so does who left that behind.
    fn with_promised(&self, seats: &[Seat<'_>], mut homes: BTreeMap<Number, At>) -> BTreeMap<Number, At> {
        let housed: BTreeSet<At> = homes.values().copied().collect();
        let mut homeless: Vec<At> = (0..seats.len()).filter(|at| !housed.contains(at)).collect();
        let mut seen = BTreeSet::new();
        while let Some(at) = homeless.pop() {
            let promised = seats.get(at).filter(|_| seen.insert(at)).and_then(|seat| {
                let holder = &seat.claimant.holder;
                self.latest(seat, self.terms.holders.promised_to(holder.kind, &holder.name))
            });
            homeless.extend(promised.and_then(|number| homes.insert(number, at)));
        }
        homes
    }

    /// The one of these numbers that somebody can have, when their object is there and names none, and they may be on the way; of
    /// several, the one that was let go of last.
    fn latest(&self, seat: &Seat<'_>, numbers: impl Iterator<Item = Number>) -> Option<Number> {
        // Whom no rule numbers, or one that counts, was never on the way.
        let may_have_left = match seat.target {
            Target::LowestOf { .. } => false,
            Target::Exactly(_) => true,
            Target::Nothing => !matches!(seat.claimant.wish, Wish::Nothing),
        };
        if seat.is_settled || !seat.claimant.exists || !may_have_left {
            return None;
        }
        // What they let go of for somebody else does not rest: its time is over, and that of no other later.
        numbers
            .filter(|number| self.can_have(seat, *number))
            .max_by_key(|number| {
                let end = self.terms.holders.release_after(*number);
                (self.terms.holders.is_released(*number), end)
            })
    }

    fn can_have(&self, seat: &Seat<'_>, number: Number) -> bool {
        let is_emergency = matches!(self.terms.plan.permit(number), Err(Forbidden::Emergency { .. }));
        let is_free = matches!(self.pool.availability(number, seat.claimant), Availability::Free(_));
        !is_emergency && is_free && !(seat.is_disabled() && self.wishes.contains_key(&number))
    }
}
