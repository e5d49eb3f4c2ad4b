//! What is left to give while numbers are given: what the cluster has, and what was given on the way. Chooses nobody.

use std::collections::{BTreeMap, HashMap};

use super::{
    number::Number,
    number_holders::{Availability, NumberHolders},
    number_plan::NumberPlan,
    number_set::NumberSet,
    number_taker::{Occupant, Taker},
    numbering::Claimant,
    validated::ValidatedRule,
};
use crate::api::extension::HolderKind;

/// The numbers that are left to give.
#[derive(Debug)]
pub(super) struct NumberPool<'a> {
    holders: &'a NumberHolders<'a>,
    plan: &'a NumberPlan,
    /// People's login names as they are after this plan, which may differ from what their objects hold now; by object.
    logins: HashMap<&'a str, &'a str>,
    /// What nobody new may have, what was given here among it.
    taken: NumberSet,
    given: BTreeMap<Number, &'a Claimant<'a>>,
    rules: BTreeMap<&'a str, RuleNumbers>,
}

/// The numbers of one rule.
#[derive(Debug)]
struct RuleNumbers {
    /// All that it may give.
    givable: NumberSet,
    /// Of these, the ones that nobody has.
    free: NumberSet,
}

impl<'a> NumberPool<'a> {
    pub(super) fn new(claimants: &'a [Claimant<'a>], holders: &'a NumberHolders<'a>, plan: &'a NumberPlan) -> Self {
        let people = claimants
            .iter()
            .filter(|claimant| claimant.holder.kind == HolderKind::PhoneUser);
        let logins = people.map(|person| (person.holder.name.as_str(), person.login));
        Self {
            holders,
            plan,
            logins: logins.collect(),
            taken: holders.taken(),
            given: BTreeMap::new(),
            rules: BTreeMap::new(),
        }
    }

    /// Whether somebody may have a number, after all that was given here.
    pub(super) fn availability(&self, number: Number, claimant: &Claimant<'_>) -> Availability<'a> {
        if let Some(other) = self.given.get(&number).filter(|other| other.holder != claimant.holder) {
            return Availability::Taken(Taker::Holds(Occupant {
                kind: other.holder.kind,
                name: &other.holder.name,
                login: self.login_of(other.holder.kind, &other.holder.name),
            }));
        }
        let mut availability = self.holders.availability(number, &claimant.holder);
        if let Availability::Taken(taker) = &mut availability
            && let Some(occupant) = taker.occupant()
        {
            occupant.login = self.login_of(occupant.kind, occupant.name).or(occupant.login);
        }
        availability
    }

    fn login_of(&self, kind: HolderKind, name: &'a str) -> Option<&'a str> {
        self.logins.get(name).copied().filter(|_| kind == HolderKind::PhoneUser)
    }

    /// The lowest number that a rule has left.
    pub(super) fn lowest(&mut self, rule: &'a ValidatedRule) -> Option<Number> {
        self.numbers_of(rule).free.first()
    }

    /// Whether a number fits a rule, free or not.
    pub(super) fn fits(&mut self, rule: &'a ValidatedRule, number: Number) -> bool {
        self.numbers_of(rule).givable.contains(number)
    }

    /// Keeps a number from being the lowest of any rule.
    pub(super) fn withhold(&mut self, number: Number) {
        self.taken.insert(number);
        for numbers in self.rules.values_mut() {
            numbers.free.remove(number);
        }
    }

    /// Takes a number out for somebody.
    pub(super) fn give(&mut self, number: Number, to: &'a Claimant<'a>) {
        self.withhold(number);
        self.given.insert(number, to);
    }

    fn numbers_of(&mut self, rule: &'a ValidatedRule) -> &mut RuleNumbers {
        self.rules.entry(&rule.name).or_insert_with(|| {
            let givable = rule.givable(self.plan);
            let free = givable.difference(&self.taken);
            RuleNumbers { givable, free }
        })
    }
}
