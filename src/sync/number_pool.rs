//! What is left to give while numbers are given: per rule, and without what was given on the way. Chooses nobody.

use std::collections::BTreeMap;

use super::{number::Number, number_plan::NumberPlan, number_set::NumberSet, validated::ValidatedRule};

/// The numbers that are left to give.
#[derive(Debug)]
pub(super) struct NumberPool<'a> {
    plan: &'a NumberPlan,
    /// What nobody new may have, what was given here among it.
    taken: NumberSet,
    /// Who was given what here, by login.
    given: BTreeMap<Number, &'a str>,
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
    pub(super) fn new(plan: &'a NumberPlan, taken: NumberSet) -> Self {
        Self {
            plan,
            taken,
            given: BTreeMap::new(),
            rules: BTreeMap::new(),
        }
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
    pub(super) fn give(&mut self, number: Number, login: &'a str) {
        self.withhold(number);
        self.given.insert(number, login);
    }

    /// Who was given a number here.
    pub(super) fn given_to(&self, number: Number) -> Option<&'a str> {
        self.given.get(&number).copied()
    }

    fn numbers_of(&mut self, rule: &'a ValidatedRule) -> &mut RuleNumbers {
        self.rules.entry(&rule.name).or_insert_with(|| {
            let givable = rule.givable(self.plan);
            let free = givable.difference(&self.taken);
            RuleNumbers { givable, free }
        })
    }
}
