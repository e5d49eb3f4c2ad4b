//! Who gets which number. Nobody loses theirs, and no number is given twice; the plan's claims are made from the outcome.
//!
//! In this order, each step seeing what those before it gave:
//! 1. Everybody keeps what they have; whoever's object names a number without an Extension has it claimed for them.
//! 2. Returners take back a number that rests after them.
//! 3. Numbers that the spec or the directory names are claimed. One that two ask for goes to neither.
//! 4. The others get the lowest free number of their rule: those whose object exists before newcomers, then by login.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    number::Number,
    number_holders::{Availability, NumberHolders, Taker},
    number_plan::{Forbidden, NumberPlan},
    number_pool::NumberPool,
    number_wish::{Complaint, Target, Wish},
    plan::Expected,
};
use crate::{
    api::{extension::Holder, sync_scope::ProblemReason},
    directory::text,
};

/// A person or ring group that has a number, or may get one. At most once each.
#[derive(Clone, Debug)]
pub struct Claimant<'a> {
    /// The object, which need not be there yet.
    pub holder: Holder,
    /// Login name of the person, or name of the group.
    pub login: &'a str,
    /// The object is there.
    pub exists: bool,
    /// What the spec says about their number.
    pub wish: Wish<'a>,
}

/// What became of a claimant.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Numbered {
    /// Their number. None: they have none, and what their object says is left as it is.
    pub number: Option<Number>,
    /// The number must be claimed first, and this is what is there of its Extension.
    pub claim: Option<Expected>,
    /// What is not as the spec wishes.
    pub complaint: Option<Complaint>,
    /// A newcomer whose object is not to be created now.
    pub waits: bool,
}

/// Gives numbers. The outcomes come in the order of the claimants, and don't depend on it.
pub fn assign<'a>(
    claimants: &'a [Claimant<'a>],
    holders: &'a NumberHolders<'a>,
    plan: &'a NumberPlan,
) -> Vec<Numbered> {
    let mut pool = NumberPool::new(claimants, holders, plan);
    let mut seats: Vec<Seat<'_>> = claimants.iter().map(|claimant| Seat::new(claimant, plan)).collect();
    let mut in_order: Vec<&mut Seat<'_>> = seats.iter_mut().collect();
    in_order.sort_by(|left, right| left.order().cmp(&right.order()));

    keep(&mut in_order, &mut pool, holders, plan);
    take_back(&mut in_order, &mut pool, holders);
    give_named(&mut in_order, &mut pool);
    give_lowest(&mut in_order, &mut pool);

    seats.into_iter().map(Seat::outcome).collect()
}

/// A claimant, and what became of them so far.
struct Seat<'a> {
    claimant: &'a Claimant<'a>,
    folded_login: Cow<'a, str>,
    target: Target<'a>,
    number: Option<Number>,
    claim: Option<Expected>,
    complaint: Option<Complaint>,
    /// They get no further number: they have one, or their object names one that they can't have.
    is_settled: bool,
}

impl<'a> Seat<'a> {
    fn new(claimant: &'a Claimant<'a>, plan: &NumberPlan) -> Self {
        let (target, complaint) = match claimant.wish.target(plan) {
            Ok(target) => (target, None),
            Err(complaint) => (Target::Nothing, Some(complaint)),
        };
        Self {
            claimant,
            folded_login: text::fold(claimant.login),
            target,
            number: None,
            claim: None,
            complaint,
            is_settled: false,
        }
    }

    /// Who is numbered first. The object's name decides between people of one login, so that no two are equal.
    fn order(&self) -> (bool, (&str, &Holder)) {
        (!self.claimant.exists, self.by_login())
    }

    fn by_login(&self) -> (&str, &Holder) {
        (&self.folded_login, &self.claimant.holder)
    }

    fn settle(&mut self, number: Number, claim: Option<Expected>) {
        self.number = Some(number);
        self.claim = claim;
        self.is_settled = true;
    }

    fn claim(&mut self, number: Number, expected: Expected, pool: &mut NumberPool<'a>) {
        pool.give(number, self.claimant);
        self.settle(number, Some(expected));
    }

    fn complain_taken(&mut self, number: Number, mut taker: Taker<'_>) {
        let other = taker
            .occupant()
            .map(|other| other.login.unwrap_or(other.name).to_owned());
        self.complaint = Some(Complaint {
            reason: ProblemReason::NumberTaken,
            message: format!("{number} is {taker}: {}", taker.way_out()),
            other,
        });
    }

    fn complain_contested(&mut self, number: Number, count: usize, other: &Claimant<'_>) {
        let other = other.login;
        self.complaint = Some(Complaint {
            reason: ProblemReason::NumberTaken,
            message: format!(
                "{number} is asked for by {count} at once, {other} among them: nobody gets it until all but one ask for another"
            ),
            other: Some(other.to_owned()),
        });
    }

    /// Says when what they have is not what the rule would give.
    fn complain_misfit(&mut self, pool: &mut NumberPool<'a>) {
        let Some(number) = self.number else { return };
        let misfit = match (self.claimant.wish, self.target) {
            (Wish::Fixed(wished), _) if wished != number => format!("the scope asks for {wished}"),
            (_, Target::LowestOf { rule, binding: true }) if !pool.fits(rule, number) => {
                format!("rule {} gives only {}", rule.name, rule.shown_ranges())
            }
            _ => return,
        };
        let message = format!("{number} stays as it is, though {misfit}");
        self.complaint
            .get_or_insert(Complaint::new(ProblemReason::OutOfRange, message));
    }

    fn outcome(self) -> Numbered {
        let is_refused = self.complaint.is_some() || matches!(self.claimant.wish, Wish::InDoubt);
        Numbered {
            waits: !self.claimant.exists && self.number.is_none() && is_refused,
            number: self.number,
            claim: self.claim,
            complaint: self.complaint,
        }
    }
}

/// Everybody keeps what they have; a number that an object names without an Extension is claimed for it.
fn keep<'a>(seats: &mut [&mut Seat<'a>], pool: &mut NumberPool<'a>, holders: &NumberHolders<'_>, plan: &NumberPlan) {
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
                (_, Availability::Free(expected)) => seat.claim(number, expected, pool),
                (_, Availability::Taken(taker)) => seat.complain_taken(number, taker),
            }
        }
        seat.complain_misfit(pool);
    }
}

/// Returners take back a number that rests after them.
fn take_back<'a>(seats: &mut [&mut Seat<'a>], pool: &mut NumberPool<'a>, holders: &NumberHolders<'_>) {
    for seat in seats.iter_mut().filter(|seat| !seat.is_settled) {
        let Target::LowestOf { rule, .. } = seat.target else {
            continue;
        };
        let holder = &seat.claimant.holder;
        let mut resting = holders.resting_after(holder.kind, &holder.name);
        let theirs = resting.find_map(|number| match pool.availability(number, seat.claimant) {
            Availability::Free(expected) if pool.fits(rule, number) => Some((number, expected)),
            _ => None,
        });
        if let Some((number, expected)) = theirs {
            seat.claim(number, expected, pool);
        }
    }
}

/// Claims the numbers that the spec or the directory names. One that two ask for goes to neither, and to nobody else.
fn give_named<'a>(seats: &mut [&mut Seat<'a>], pool: &mut NumberPool<'a>) {
    let mut wishers: BTreeMap<Number, Vec<&mut Seat<'a>>> = BTreeMap::new();
    for seat in seats {
        match seat.target {
            Target::Exactly(number) if seat.number != Some(number) => wishers.entry(number).or_default().push(seat),
            _ => {}
        }
    }
    for (number, wishers) in wishers {
        let (mut candidates, mut others) = (Vec::new(), Vec::new());
        for seat in wishers {
            match pool.availability(number, seat.claimant) {
                Availability::Free(expected) => candidates.push((seat, expected)),
                Availability::Taken(_) => others.push(seat),
                // They have it beside another one, from a claim that was cut short: it stays theirs.
                Availability::Held => {}
            }
        }
        pool.withhold(number);
        candidates.sort_by(|(left, _), (right, _)| left.by_login().cmp(&right.by_login()));
        if let [(first, _), (second, _), ..] = candidates.as_slice() {
            let (first, second, count) = (first.claimant, second.claimant, candidates.len());
            for (seat, _) in candidates {
                let is_first = seat.claimant.holder == first.holder;
                seat.complain_contested(number, count, if is_first { second } else { first });
            }
        } else if let Some((seat, expected)) = candidates.pop().filter(|(seat, _)| !seat.is_settled) {
            seat.claim(number, expected, pool);
        }
        // Only now it is known who has it.
        for seat in others {
            if let Availability::Taken(taker) = pool.availability(number, seat.claimant) {
                seat.complain_taken(number, taker);
            }
        }
    }
}

/// The others get the lowest number that is free.
fn give_lowest<'a>(seats: &mut [&mut Seat<'a>], pool: &mut NumberPool<'a>) {
    for seat in seats.iter_mut().filter(|seat| !seat.is_settled) {
        let Target::LowestOf { rule, .. } = seat.target else {
            continue;
        };
        while let Some(number) = pool.lowest(rule) {
            pool.withhold(number);
            if let Availability::Free(expected) = pool.availability(number, seat.claimant) {
                seat.claim(number, expected, pool);
                break;
            }
        }
        if !seat.is_settled {
            let message = format!(
                "rule {} has no free number in {}: add a range",
                rule.name,
                rule.shown_ranges()
            );
            seat.complaint = Some(Complaint::new(ProblemReason::RangeExhausted, message));
        }
    }
}

#[cfg(test)]
mod tests;
