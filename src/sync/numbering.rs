//! Who gets which number. No number is given twice, and nobody loses theirs but to whom the directory gives it; the plan's claims
//! are made from the outcome.
//!
//! In this order, each step seeing what those before it gave:
//! 1. Everybody keeps what they have; whoever's object names a number without an Extension has it claimed for them.
//! 2. Returners take back a number that rests after them.
//! 3. Numbers that the spec or the directory names are claimed, or let go of for whom they are named. One that two ask for goes
//!    to neither.
//! 4. The others get the lowest free number of their rule: those whose object exists before newcomers, then by login.
//! 5. Whose number their rule does not give any more is moved, if the rule says so.

use std::collections::{BTreeMap, BTreeSet};

use self::{homes::Homes, seat::Seat};
use super::{
    number::Number,
    number_holders::NumberHolders,
    number_plan::NumberPlan,
    number_pool::NumberPool,
    number_wish::{Complaint, Wish},
    plan::Expected,
    validated::ValidatedRule,
};
use crate::api::extension::Holder;

mod chains;
mod corrections;
mod homes;
mod moves;
mod seat;
mod steps;
#[cfg(test)]
mod tests;

/// A person or ring group that has a number, or may get one. At most once each.
#[derive(Clone, Debug)]
pub struct Claimant<'a> {
    /// The object, which need not be there yet.
    pub holder: Holder,
    /// Login name of the person, or name of the group.
    pub login: &'a str,
    /// The object is there.
    pub exists: bool,
    /// Why the operator may not write another number to the object. None: it may.
    pub fixed_by: Option<Box<str>>,
    /// The operator can take the number out of the object, so that it names none.
    pub can_let_go: bool,
    /// What binds them to the number they have, beside the wish.
    pub bound: Bound<'a>,
    /// A newcomer who is not created now: nobody lets go of a number for them.
    pub is_held: bool,
    /// What the spec says about their number.
    pub wish: Wish<'a>,
}

/// What binds somebody to the number they have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bound<'a> {
    /// Nothing.
    No,
    /// Another rule of the scope reads it from the directory.
    ReadBy(&'a str),
    /// What gave it to them may only be hidden, so that they get no other.
    Unseen,
}

/// What became of a claimant.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Numbered {
    /// Their number. None: they have none, and what their object says is left as it is, unless they let go of it.
    pub number: Option<Number>,
    /// The number must be claimed first, and this is what is there of its Extension.
    pub claim: Option<Expected>,
    /// Why it is claimed, for people to read; else empty.
    pub why: String,
    /// A number that they let go of, so that it can become somebody else's. They have none until the next plan.
    pub lets_go_of: Option<Number>,
    /// What is not as the spec wishes.
    pub complaint: Option<Complaint>,
    /// A newcomer whose object is not to be created now.
    pub waits: bool,
    /// Somebody lets go of a number for them in this plan, and they get it in the next.
    pub awaits: bool,
}

/// What numbers are given by.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Who has which number.
    pub holders: &'a NumberHolders<'a>,
    /// What may be given at all.
    pub plan: &'a NumberPlan,
    /// The rules of the phone system: what one of them counts out is not another's to change.
    pub rules: &'a BTreeMap<Box<str>, ValidatedRule>,
    /// PhoneUsers of the scope whose accounts are proven gone and whose removal does not wait, or that are deleted in this plan: a
    /// number of theirs goes to whom the directory gives it.
    pub gone: &'a [Holder],
    /// Numbers of the operator's whose holders have no object and get none: they go to whom the directory gives them.
    pub orphans: &'a BTreeSet<Number>,
    /// Numbers may go from one to another. Not so when the directory may be older than what was seen before.
    pub may_move: bool,
    /// The login of an enabled person of another scope to whom the directory gives a number, if there is one.
    pub asked_for_elsewhere: &'a dyn Fn(Number) -> Option<Box<str>>,
}

/// Everybody's numbers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Numbering {
    /// What became of each claimant, in their order.
    pub numbered: Vec<Numbered>,
    /// What is done before the rest can be.
    pub handover: Handover,
}

/// Numbers on their way from one to another. What is freed now is claimed in the next plan.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Handover {
    /// Numbers that somebody waits for, and who that is: their holders let go of them, and they don't rest.
    pub awaited: BTreeMap<Number, Holder>,
    /// Numbers that nobody needs any more, once the objects stop naming them: of who gets another one, of who lets go, and
    /// those without an object.
    pub leaving: BTreeSet<Number>,
    /// Numbers that became others: their holder's old one, and their new one.
    pub moved: BTreeMap<Number, Number>,
    /// PhoneUsers of the gone whose number is taken away.
    pub yielding: BTreeSet<Box<str>>,
    /// There is more to do once this plan is carried out.
    pub continues: bool,
}

/// Gives numbers. The outcomes come in the order of the claimants, and don't depend on it.
pub fn assign<'a>(claimants: &'a [Claimant<'a>], terms: &Terms<'a>) -> Numbering {
    let mut pool = NumberPool::new(claimants, terms.holders, terms.plan);
    let mut seats: Vec<Seat<'_>> = claimants
        .iter()
        .enumerate()
        .map(|(place, claimant)| Seat::new(place, claimant, terms.plan))
        .collect();
    seats.sort_by(|left, right| left.order().cmp(&right.order()));

    steps::keep(&mut seats, &mut pool, terms);
    steps::take_back(&mut seats, &mut pool, terms.holders);
    let wishes = moves::wishes(&seats);
    let homes = Homes::new(&seats, &pool, terms, &wishes);
    let mut handover = moves::give_named(&mut seats, &mut pool, terms, &wishes, &homes.all);
    steps::give_lowest(&mut seats, &mut pool);
    steps::renumber(&mut seats, &mut pool, terms);
    for seat in &mut seats {
        seat.complain_misfit(&mut pool);
    }

    handover.continues |= corrections::are_awaited(&seats, &mut pool, terms);
    handover.leaving.extend(terms.orphans);
    handover
        .leaving
        .extend(seats.iter().flat_map(|seat| seat.leaves(terms.holders)));
    let moved = homes
        .own
        .iter()
        .filter_map(|(old, at)| Some((*old, seats.get(*at)?.number?)));
    handover.moved = moved.filter(|(old, new)| old != new).collect();
    seats.sort_by_key(|seat| seat.place);
    Numbering {
        numbered: seats.into_iter().map(Seat::outcome).collect(),
        handover,
    }
}
