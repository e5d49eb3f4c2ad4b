//! Which number somebody should have, by the rule that was chosen for them. Whether it is free is numbering's word.

use std::fmt::Display;

use super::{number::Number, number_plan::NumberPlan, validated::ValidatedRule};
use crate::{
    api::{extension_rule::WhenMissing, sync_scope::ProblemReason},
    directory::{AttributeName, User},
};

/// What a spec says about somebody's number.
#[derive(Clone, Copy, Debug)]
pub enum Wish<'a> {
    /// Nothing: what they have is theirs, and they get none.
    Nothing,
    /// Nothing new, since their account is disabled or has expired: what they have is theirs until the directory gives it to
    /// somebody else.
    Disabled,
    /// The same, and their removal waits: until it happens, what they have is theirs whatever the directory says.
    Held,
    /// It can't be told now which rule is meant (an entry of the directory or a rule is missing): as before, and newcomers wait.
    InDoubt,
    /// This number.
    Fixed(Number),
    /// What this rule gives, but its attribute is blank for so many that it may be unreadable: nobody is counted out a number instead.
    Withheld(&'a ValidatedRule),
    /// What this rule gives, but it takes numbers from an attribute, and a ring group has none.
    WithoutAttribute(&'a ValidatedRule),
    /// What this rule gives.
    Rule {
        /// The rule.
        rule: &'a ValidatedRule,
        /// The value of the rule's attribute, if there is any.
        value: Option<&'a str>,
    },
}

/// A wish as numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    /// None, or it isn't known.
    Nothing,
    /// This one.
    Exactly(Number),
    /// The lowest that is free. `binding`: who has one from elsewhere does not fit the rule.
    LowestOf { rule: &'a ValidatedRule, binding: bool },
}

/// Why somebody's number is not as the spec wishes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Complaint {
    /// Why, in one word.
    pub reason: ProblemReason,
    /// Why, and what to do.
    pub message: String,
    /// The other claimant.
    pub other: Option<String>,
}

impl Complaint {
    pub(super) fn new(reason: ProblemReason, message: String) -> Self {
        Self {
            reason,
            message,
            other: None,
        }
    }
}

impl ValidatedRule {
    /// Whether it gives somebody just this number: it counts over it, or reads it. None: what it reads is missing, or hidden.
    pub(super) fn gives(&self, number: Number, account: User<'_>, plan: &NumberPlan) -> Option<bool> {
        let attribute = self.attribute.as_ref();
        let shows = attribute.is_none_or(|attribute| has_text(account.text(&attribute.name)).is_some());
        let gives = self.ranges_over(number) || self.reads(number, account, plan);
        (gives || shows).then_some(gives)
    }

    /// Whether it reads just this number of somebody.
    pub(super) fn reads(&self, number: Number, account: User<'_>, plan: &NumberPlan) -> bool {
        let wish = Wish::by_rule(Some(self), |attribute| account.text(attribute));
        matches!(wish.target(plan), Ok(Target::Exactly(read)) if read == number)
    }
}

impl<'a> Wish<'a> {
    /// What a rule gives, if it is there and could be parsed; `value_of` reads an attribute of theirs.
    pub fn by_rule(rule: Option<&'a ValidatedRule>, value_of: impl FnOnce(&AttributeName) -> Option<&'a str>) -> Self {
        rule.map_or(Self::InDoubt, |rule| Self::Rule {
            rule,
            value: rule.attribute.as_ref().and_then(|attribute| value_of(&attribute.name)),
        })
    }

    /// The same while the rule's attribute is held blank: only who has a value gets a number.
    pub(super) fn withheld(self) -> Self {
        match self {
            Self::Rule { rule, value } if has_text(value).is_none() => Self::Withheld(rule),
            wish => wish,
        }
    }

    /// The same for a ring group, which has no attributes.
    pub fn counted(rule: Option<&'a ValidatedRule>) -> Self {
        match rule {
            Some(rule) if rule.attribute.is_some() => Self::WithoutAttribute(rule),
            rule => Self::by_rule(rule, |_| None),
        }
    }

    /// The number wished for, if there is a valid one.
    pub(super) fn target(self, plan: &NumberPlan) -> Result<Target<'a>, Complaint> {
        let invalid = |message| Complaint::new(ProblemReason::NumberInvalid, message);
        let (rule, value) = match self {
            Self::Nothing | Self::Disabled | Self::Held | Self::InDoubt => return Ok(Target::Nothing),
            Self::Fixed(number) => {
                plan.permit(number)
                    .map_err(|forbidden| invalid(forbidden.to_string()))?;
                return Ok(Target::Exactly(number));
            }
            Self::WithoutAttribute(rule) => {
                let message = format!(
                    "rule {} takes numbers from an attribute: name one with source: Sequential",
                    rule.name
                );
                return Err(invalid(message));
            }
            Self::Withheld(rule) => {
                let written = rule.attribute.as_ref().map_or("", |attribute| &attribute.written);
                let message = format!(
                    "{written} went blank for too many at once, and rule {} takes the number from it: look whether it can be read, or \
                     approve what BlanksHeld says",
                    rule.name
                );
                return Err(Complaint::new(ProblemReason::NumberMissing, message));
            }
            Self::Rule { rule, value } => (rule, value),
        };
        let Some(attribute) = &rule.attribute else {
            return Ok(Target::LowestOf { rule, binding: true });
        };
        let Some(value) = has_text(value) else {
            return match attribute.when_missing {
                WhenMissing::Sequential => Ok(Target::LowestOf { rule, binding: false }),
                WhenMissing::Unmatched => Err(Complaint::new(
                    ProblemReason::NumberMissing,
                    format!(
                        "{} is empty, and rule {} takes the number from it: fill it in in the directory",
                        attribute.written, rule.name
                    ),
                )),
            };
        };
        let incorrect =
            |why: &dyn Display| invalid(format!("{}: {why}: correct it in the directory", attribute.written));
        let number = attribute.pattern.number(value).map_err(|refused| incorrect(&refused))?;
        plan.permit(number).map_err(|forbidden| incorrect(&forbidden))?;
        if rule.reserves(number) {
            return Err(incorrect(&format_args!("{number} is reserved by rule {}", rule.name)));
        }
        Ok(Target::Exactly(number))
    }
}

fn has_text(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.trim().is_empty())
}
