//! The steps of numbering that need no look at others: keeping, taking back, counting. The numbers that are named are in `moves`.

use super::{
    Terms,
    seat::{Because, Seat},
};
use crate::{
    api::sync_scope::ProblemReason,
    sync::{
        number::Number,
        number_holders::{Availability, NumberHolders},
        number_plan::Forbidden,
        number_pool::NumberPool,
        number_wish::{Complaint, Target},
        plan::Expected,
        validated::ValidatedRule,
    },
};

/// Everybody keeps what they have; a number that an object names without an Extension is claimed for it.
pub(super) fn keep<'a>(seats: &mut [Seat<'a>], pool: &mut NumberPool<'a>, terms: &Terms<'a>) {
    let Terms { holders, plan, .. } = terms;
    for seat in seats {
        let holder = &seat.claimant.holder;
        let (held, named) = (
            holders.held_by(holder.kind, &holder.name),
            holders.named_by(holder.kind, &holder.name),
        );
        // Whoever may have another number than they are known to have stays as they are.
        let perhaps = holders
            .perhaps_held_by(holder.kind, &holder.name)
            .filter(|_| held.is_none() || held != named);
        if let Some(number) = held.filter(|_| perhaps.is_none()) {
            seat.settle(number, None);
        } else if let Some(number) = perhaps.or(named) {
            seat.is_settled = true;
            match (plan.permit(number), pool.availability(number, seat.claimant)) {
                // Else what they have is theirs, although the plan would not give it today.
                (Err(forbidden @ Forbidden::Emergency { .. }), _) => {
                    seat.complaint = Some(Complaint::new(ProblemReason::NumberInvalid, forbidden.to_string()));
                }
                (_, Availability::Held) => seat.settle(number, None),
                (_, Availability::Free(expected)) => seat.claim(number, expected, Because::Theirs, pool),
                (_, Availability::Taken(taker)) => seat.complain_taken(number, taker),
            }
        }
    }
}

/// Returners take back a number that rests after them.
pub(super) fn take_back<'a>(seats: &mut [Seat<'a>], pool: &mut NumberPool<'a>, holders: &NumberHolders<'_>) {
    for seat in seats.iter_mut().filter(|seat| !seat.is_settled) {
        let Target::LowestOf { rule, .. } = seat.target else {
            continue;
        };
        if let Some((number, expected)) = resting(seat, rule, pool, holders) {
            seat.claim(number, expected, Because::Theirs, pool);
        }
    }
}

/// The number that rests after somebody and that their rule gives; of several, the one they had last.
fn resting<'a>(
    seat: &Seat<'a>,
    rule: &'a ValidatedRule,
    pool: &mut NumberPool<'a>,
    holders: &NumberHolders<'_>,
) -> Option<(Number, Expected)> {
    let holder = &seat.claimant.holder;
    let resting = holders.resting_after(holder.kind, &holder.name);
    let theirs = resting.filter_map(|number| match pool.availability(number, seat.claimant) {
        Availability::Free(expected) if pool.fits(rule, number) => Some((number, expected)),
        _ => None,
    });
    theirs.max_by_key(|(number, _)| holders.release_after(*number))
}

/// The others get the lowest number that is free.
pub(super) fn give_lowest<'a>(seats: &mut [Seat<'a>], pool: &mut NumberPool<'a>) {
    for seat in seats.iter_mut().filter(|seat| !seat.is_settled) {
        let Target::LowestOf { rule, .. } = seat.target else {
            continue;
        };
        if let Some((number, expected)) = lowest(seat, rule, pool) {
            seat.claim(number, expected, Because::Counted, pool);
        } else {
            let message = format!(
                "rule {} has no free number in {}: add a range",
                rule.name,
                rule.shown_ranges()
            );
            seat.complaint = Some(Complaint::new(ProblemReason::RangeExhausted, message));
        }
    }
}

fn lowest<'a>(seat: &Seat<'a>, rule: &'a ValidatedRule, pool: &mut NumberPool<'a>) -> Option<(Number, Expected)> {
    while let Some(number) = pool.lowest(rule) {
        pool.withhold(number);
        if let Availability::Free(expected) = pool.availability(number, seat.claimant) {
            return Some((number, expected));
        }
    }
    None
}

/// Whose number their rule does not give any more gets another one, if the rule says so: one that is theirs already, else the
/// lowest that is free. Everybody who has none comes before them.
pub(super) fn renumber<'a>(seats: &mut [Seat<'a>], pool: &mut NumberPool<'a>, terms: &Terms<'a>) {
    let holders = terms.holders;
    for seat in seats.iter_mut().filter(|seat| seat.is_movable(terms)) {
        let (Some(number), Target::LowestOf { rule, binding: true }) = (seat.number, seat.target) else {
            continue;
        };
        if !rule.renumber || pool.fits(rule, number) {
            continue;
        }
        let holder = &seat.claimant.holder;
        // A claim that was cut short is finished.
        let mut assigned = holders.assigned_to(holder.kind, &holder.name);
        if let Some(own) = assigned.find(|own| pool.fits(rule, *own)) {
            seat.settle(own, None);
        } else if let Some((number, expected)) = resting(seat, rule, pool, holders).or_else(|| lowest(seat, rule, pool))
        {
            seat.claim(number, expected, Because::Counted, pool);
        }
    }
}
