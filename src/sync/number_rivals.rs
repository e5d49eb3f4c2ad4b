//! Whom other scopes of the phone system would give which number, by the directory. Looked at only when somebody needs to know.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    Input, Sight,
    number::Number,
    number_wish::{Target, Wish},
    person::RuleChoice,
    references::References,
    select::{RuleChoices, Selection, Standing},
};
use crate::directory::Guid;

/// The enabled people of other scopes, by the number that an attribute gives them.
pub(super) struct NumberRivals<'a> {
    input: &'a Input<'a>,
    /// Those whom our scope provides: what others think of them does not count.
    ours: BTreeSet<Guid>,
    numbers: OnceCell<BTreeMap<Number, Box<str>>>,
}

impl<'a> NumberRivals<'a> {
    /// Of everybody but `ours`.
    pub(super) fn new(input: &'a Input<'a>, ours: BTreeSet<Guid>) -> Self {
        Self {
            input,
            ours,
            numbers: OnceCell::new(),
        }
    }

    /// The login of somebody to whom the directory gives a number.
    pub(super) fn of(&self, number: Number) -> Option<Box<str>> {
        let numbers = self.numbers.get_or_init(|| {
            let sights = self.input.siblings.iter().filter_map(|sibling| sibling.sight);
            sights.flat_map(|sight| self.seen_by(sight)).collect()
        });
        numbers.get(&number).cloned()
    }

    fn seen_by(&self, sight: Sight<'a>) -> Vec<(Number, Box<str>)> {
        let Sight { scope, directory, .. } = sight;
        let references = References::resolve(scope, directory, sight.references);
        let selection = Selection::new(scope, &references, directory);
        let rules = RuleChoices::new(scope, &references, directory);
        let found = selection.found().filter_map(|index| {
            let account = directory.user(index);
            let is_theirs = selection.standing(index) == Standing::Selected
                && account.is_inactive(self.input.now) == Some(false)
                && !self.ours.contains(&account.guid()?);
            let RuleChoice::Rule(rule) = rules.choose(index) else {
                return None;
            };
            let rule = self.input.rules.get(rule).filter(|_| is_theirs)?;
            rule.attribute
                .as_ref()
                .filter(|attribute| directory.has(&attribute.name))?;
            let wish = Wish::by_rule(Some(rule), |attribute| account.text(attribute));
            match wish.target(&self.input.system.number_plan) {
                Ok(Target::Exactly(number)) => Some((number, account.login()?.into())),
                _ => None,
            }
        });
        found.collect()
    }
}
