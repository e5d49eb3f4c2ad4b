//! Numbers that an object names, although its holder has another: this plan corrects the object, and who waits for such a number
//! gets it in the next. Gives no number.

use std::collections::BTreeSet;

use super::{Terms, seat::Seat};
use crate::{
    api::extension::Holder,
    sync::{number::Number, number_pool::NumberPool, number_wish::Target},
};

/// Whether somebody could have a number once the objects name what their holders have.
pub(super) fn are_awaited<'a>(seats: &[Seat<'a>], pool: &mut NumberPool<'a>, terms: &Terms<'_>) -> bool {
    let corrected = seats.iter().filter_map(|seat| {
        let named = named_by(seat, terms)?;
        let is_corrected = seat.claimant.fixed_by.is_none() && seat.number.is_some_and(|number| number != named);
        is_corrected.then_some(named)
    });
    let corrected: BTreeSet<Number> = corrected.collect();
    seats
        .iter()
        .any(|seat| corrected.iter().any(|number| is_in_want_of(seat, *number, pool, terms)))
}

fn is_in_want_of<'a>(seat: &Seat<'a>, number: Number, pool: &mut NumberPool<'a>, terms: &Terms<'_>) -> bool {
    if seat.number.is_none() && (named_by(seat, terms) == Some(number) || was_theirs(seat, number, terms)) {
        return true;
    }
    match seat.target {
        Target::Nothing => false,
        Target::Exactly(wished) => wished == number && seat.number != Some(number),
        Target::LowestOf { rule, .. } => seat.number.is_none() && pool.fits(rule, number),
    }
}

/// Whether somebody let go of a number, or was to get it, and may go home to it.
fn was_theirs(seat: &Seat<'_>, number: Number, terms: &Terms<'_>) -> bool {
    let Holder { kind, name } = &seat.claimant.holder;
    let mut theirs = terms
        .holders
        .resting_after(*kind, name)
        .chain(terms.holders.promised_to(*kind, name));
    theirs.any(|own| own == number)
}

fn named_by(seat: &Seat<'_>, terms: &Terms<'_>) -> Option<Number> {
    let holder = &seat.claimant.holder;
    terms.holders.named_by(holder.kind, &holder.name)
}
