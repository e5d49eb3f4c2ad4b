//! A claimant on the way through the steps of numbering, and how they complain. Chooses no number.

use std::borrow::Cow;

use super::{Bound, Claimant, Numbered, Terms};
use crate::{
    api::{extension::Holder, sync_scope::ProblemReason},
    directory::text,
    sync::{
        number::Number,
        number_holders::NumberHolders,
        number_plan::NumberPlan,
        number_pool::NumberPool,
        number_taker::Taker,
        number_wish::{Complaint, Target, Wish},
        plan::Expected,
    },
};

/// Why somebody stays whose rule may only be hidden.
const UNSEEN: &str = "an entry of `extensions` before it may be theirs, and shows nothing by which to tell";

/// A claimant, and what became of them so far.
pub(super) struct Seat<'a> {
    /// The claimant's place among the others.
    pub(super) place: usize,
    pub(super) claimant: &'a Claimant<'a>,
    folded_login: Cow<'a, str>,
    pub(super) target: Target<'a>,
    pub(super) number: Option<Number>,
    pub(super) claim: Option<Expected>,
    why: Because,
    pub(super) lets_go_of: Option<Number>,
    pub(super) complaint: Option<Complaint>,
    /// They get no further number: they have one, or their object names one that they can't have.
    pub(super) is_settled: bool,
    /// Somebody lets go of their number in this plan, and they get it in the next.
    pub(super) awaits: bool,
}

/// Why somebody claims a number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Because {
    /// They had it before, or were about to get it, or their object names it.
    Theirs,
    /// The spec or the directory names it.
    Named,
    /// Their rule counted it out.
    Counted,
}

impl<'a> Seat<'a> {
    pub(super) fn new(place: usize, claimant: &'a Claimant<'a>, plan: &NumberPlan) -> Self {
        let (target, complaint) = match claimant.wish.target(plan) {
            Ok(target) => (target, None),
            Err(complaint) => (Target::Nothing, Some(complaint)),
        };
        Self {
            place,
            claimant,
            folded_login: text::fold(claimant.login),
            target,
            number: None,
            claim: None,
            why: Because::Theirs,
            lets_go_of: None,
            complaint,
            is_settled: false,
            awaits: false,
        }
    }

    /// Who is numbered first. The object's name decides between people of one login, so that no two are equal.
    pub(super) fn order(&self) -> (bool, (&str, &Holder)) {
        (!self.claimant.exists, self.by_login())
    }

    pub(super) fn by_login(&self) -> (&str, &Holder) {
        (&self.folded_login, &self.claimant.holder)
    }

    /// Their account is disabled, and their removal does not wait: they keep their number only until the directory gives it to somebody else.
    pub(super) fn is_disabled(&self) -> bool {
        matches!(self.claimant.wish, Wish::Disabled)
    }

    fn is_unseen(&self) -> bool {
        self.claimant.bound == Bound::Unseen
    }

    pub(super) fn settle(&mut self, number: Number, claim: Option<Expected>) {
        self.number = Some(number);
        self.claim = claim;
        self.is_settled = true;
    }

    pub(super) fn claim(&mut self, number: Number, expected: Expected, why: Because, pool: &mut NumberPool<'a>) {
        pool.give(number, self.claimant);
        self.settle(number, Some(expected));
        self.why = why;
    }

    pub(super) fn let_go(&mut self) {
        self.lets_go_of = self.number.take();
    }

    /// Whether they may get another number than they have, as far as it is up to them.
    pub(super) fn is_movable(&self, terms: &Terms<'_>) -> bool {
        let stays = |number| self.claim.is_some() || terms.holders.is_protected(number);
        terms.may_move && self.claimant.fixed_by.is_none() && !self.is_unseen() && !self.number.is_some_and(stays)
    }

    /// The rule that gives what they have, when another one that reads an attribute numbers them now: that another rule does
    /// takes no number away, unless it says so.
    pub(super) fn given_by<'t>(&self, terms: &Terms<'t>) -> Option<&'t str>
    where
        'a: 't,
    {
        let number = self.number?;
        match self.claimant.wish {
            Wish::Rule { rule, .. } if rule.attribute.is_some() && !rule.renumber => {
                let mut others = terms.rules.values().filter(|other| other.name != rule.name);
                let counting = others.find(|other| other.ranges_over(number));
                match self.claimant.bound {
                    Bound::ReadBy(rule) => Some(rule),
                    Bound::No | Bound::Unseen => counting.map(|rule| &*rule.name),
                }
            }
            _ => None,
        }
    }

    pub(super) fn complain_taken(&mut self, number: Number, mut taker: Taker<'_>) {
        let other = taker
            .occupant()
            .map(|other| other.login.unwrap_or(other.name).to_owned());
        self.complaint = Some(Complaint {
            reason: ProblemReason::NumberTaken,
            message: format!("{number} is {taker}: {}", taker.way_out()),
            other,
        });
    }

    /// A newcomer's number is on its way to them; who has another is not in want of words.
    pub(super) fn complain_waiting(&mut self, number: Number, taker: Option<Taker<'_>>) {
        if let (false, Some(taker)) = (self.claimant.exists, taker) {
            self.complain_taken(number, taker);
        }
    }

    pub(super) fn complain_contested(&mut self, number: Number, count: usize, other: &str) {
        self.complaint = Some(Complaint {
            reason: ProblemReason::NumberTaken,
            message: format!(
                "{number} is asked for by {count} at once, {other} among them: nobody gets it until all but one ask for another"
            ),
            other: Some(other.to_owned()),
        });
    }

    /// Says why somebody stays who could have another number.
    pub(super) fn complain_stuck(&mut self, wished: Number, terms: &Terms<'_>) {
        let Some(number) = self.number else { return };
        if terms.holders.is_protected(number) {
            let message = format!("{number} stays as it is, though {wished} is asked for: its Extension is protected");
            self.complaint = Some(Complaint::new(ProblemReason::OutOfRange, message));
        } else if self.is_unseen() {
            let message = format!("{number} stays as it is, though {wished} is asked for: {UNSEEN}");
            self.complaint = Some(Complaint::new(ProblemReason::OutOfRange, message));
        } else if let Some(rule) = self.given_by(terms) {
            let message =
                format!("{number} stays as it is, though {wished} is asked for: it is a number of rule {rule}");
            self.complaint = Some(Complaint::new(ProblemReason::OutOfRange, message));
        } else if let Some(manager) = &self.claimant.fixed_by {
            self.complaint = Some(Complaint {
                reason: ProblemReason::FieldManagedElsewhere,
                message: format!("{number} stays as it is, though {wished} is asked for: {manager} holds the field"),
                other: Some(manager.to_string()),
            });
        }
    }

    /// Says when what they have is not what the rule would give.
    pub(super) fn complain_misfit(&mut self, pool: &mut NumberPool<'a>) {
        let Some(number) = self.number else { return };
        let misfit = match (self.claimant.wish, self.target) {
            (Wish::Fixed(wished), _) if wished != number => format!("the scope asks for {wished}"),
            (_, Target::LowestOf { rule, binding: true }) if !pool.fits(rule, number) => {
                format!("rule {} gives only {}", rule.name, rule.shown_ranges())
            }
            _ => return,
        };
        let why = match self.target {
            Target::LowestOf { rule, .. } if rule.renumber && self.is_unseen() => format!(": {UNSEEN}"),
            Target::LowestOf { rule, .. } if rule.renumber => self.claimant.fixed_by.as_ref().map_or_else(
                || ": none of these can be given".to_owned(),
                |manager| format!(": {manager} holds the field"),
            ),
            _ => String::new(),
        };
        let message = format!("{number} stays as it is, though {misfit}{why}");
        self.complaint
            .get_or_insert(Complaint::new(ProblemReason::OutOfRange, message));
    }

    /// The numbers that they have and don't keep.
    pub(super) fn leaves<'s>(&'s self, holders: &'s NumberHolders<'_>) -> impl Iterator<Item = Number> + 's {
        let Holder { kind, name } = &self.claimant.holder;
        // Of whom it is not clear what they have, nothing is taken.
        let is_clear = holders.perhaps_held_by(*kind, name).is_none();
        let decides = is_clear && (self.number.is_some() || self.lets_go_of.is_some());
        let assigned = holders.assigned_to(*kind, name);
        assigned.filter(move |number| decides && self.number != Some(*number))
    }

    fn why(&self) -> String {
        let rule = match self.claimant.wish {
            Wish::Rule { rule, .. } => Some(rule),
            _ => None,
        };
        let attribute = rule.and_then(|rule| rule.attribute.as_ref());
        match (self.why, rule, attribute) {
            _ if self.claim.is_none() => String::new(),
            (Because::Named, Some(rule), Some(attribute)) => {
                format!("rule {} reads it from {}", rule.name, attribute.written)
            }
            (Because::Named, ..) => "the scope asks for it".to_owned(),
            (Because::Counted, Some(rule), _) => format!("rule {} gives it", rule.name),
            (Because::Counted, None, _) | (Because::Theirs, ..) => "it is theirs already".to_owned(),
        }
    }

    pub(super) fn outcome(self) -> Numbered {
        let is_refused = self.complaint.is_some() || self.awaits || matches!(self.claimant.wish, Wish::InDoubt);
        Numbered {
            waits: !self.claimant.exists && self.number.is_none() && is_refused,
            number: self.number,
            why: self.why(),
            claim: self.claim,
            lets_go_of: self.lets_go_of,
            complaint: self.complaint,
            awaits: self.awaits,
        }
    }
}
