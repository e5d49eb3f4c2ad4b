//! One condition of a filter, typed by what its attribute holds. Pure.

use std::fmt;

use jiff::Timestamp;

use super::{
    Filter, FilterError, FilterProblem,
    parser::{Condition, Operator},
    syntax::Syntax,
    time,
};
use crate::directory::{AttributeName, Dn};

/// A condition on one attribute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Test {
    pub(super) attribute: AttributeName,
    pub(super) assertion: Assertion,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Assertion {
    Present,
    Equal(Value),
    AtLeast(Value),
    AtMost(Value),
    /// The text between the asterisks, in order; the first and the last may be empty.
    Parts(Vec<String>),
    AllBits(i64),
    AnyBit(i64),
    MemberOf {
        group: Dn,
        nested: bool,
    },
    /// objectCategory, written as the name of a class: the value is the category's own name.
    Category {
        class: String,
        category: &'static str,
    },
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
    Time(Timestamp),
    Name(Dn),
}

const ALL_BITS: &str = "1.2.840.113556.1.4.803";
const ANY_BIT: &str = "1.2.840.113556.1.4.804";
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

/// For each class, the last part of its defaultObjectCategory: all that are people share one (MS-ADSC).
const CATEGORIES: [(&str, &str); 9] = [
    ("person", "person"),
    ("user", "person"),
    ("organizationalperson", "person"),
    ("inetorgperson", "person"),
    ("contact", "person"),
    ("computer", "computer"),
    ("group", "group"),
    ("container", "container"),
    ("organizationalunit", "organizational-unit"),
];

impl Test {
    pub(super) fn new(condition: Condition<'_>) -> Result<Self, FilterError> {
        let syntax = Syntax::of(&condition.attribute);
        if let Syntax::Refused(reason) = syntax {
            let problem = FilterProblem::CompareAttribute {
                attribute: condition.attribute,
                reason,
            };
            return Err(FilterError {
                position: condition.attribute_position,
                problem,
            });
        }
        let assertion = match (condition.operator, condition.pieces.as_slice()) {
            (Operator::Equal, [value]) => condition.equal(syntax, value)?,
            (Operator::Equal, pieces) => condition.parts(syntax, pieces)?,
            (Operator::AtLeast, _) => Assertion::AtLeast(condition.bound(syntax, ">=")?),
            (Operator::AtMost, _) => Assertion::AtMost(condition.bound(syntax, "<=")?),
            (Operator::Rule(rule), _) => condition.rule(syntax, rule)?,
        };
        Ok(Self {
            attribute: condition.attribute,
            assertion,
        })
    }

    /// Whether it is answered from the attribute's values, and not from the groups or the entry's name.
    pub(super) fn reads_attribute(&self) -> bool {
        !matches!(Syntax::of(&self.attribute), Syntax::Membership | Syntax::OwnName)
    }
}

impl Condition<'_> {
    fn equal(&self, syntax: Syntax, value: &str) -> Result<Assertion, FilterError> {
        if value.is_empty() {
            return Err(self.error(self.value_position, FilterProblem::ExpectValue));
        }
        match syntax {
            Syntax::Membership => Ok(Assertion::MemberOf {
                group: self.name(value)?,
                nested: false,
            }),
            Syntax::Category if !value.contains('=') => {
                let class = value.trim().to_ascii_lowercase();
                let known = CATEGORIES.iter().find(|(known, _)| *known == class);
                let (_, category) = known.ok_or_else(|| self.wrong_value(syntax, value))?;
                Ok(Assertion::Category { class, category })
            }
            _ => self.typed(syntax, value).map(Assertion::Equal),
        }
    }

    fn parts(&self, syntax: Syntax, pieces: &[String]) -> Result<Assertion, FilterError> {
        if pieces.iter().all(String::is_empty) {
            return Ok(Assertion::Present);
        }
        if !matches!(syntax, Syntax::Text | Syntax::Unknown) {
            let holds = syntax.holds();
            return Err(self.error(self.value_position, |attribute| FilterProblem::MatchPart {
                attribute,
                holds,
            }));
        }
        // `a**b` is `a*b`.
        let last = pieces.len() - 1;
        let kept = pieces
            .iter()
            .enumerate()
            .filter(|(at, piece)| [0, last].contains(at) || !piece.is_empty());
        Ok(Assertion::Parts(kept.map(|(_, piece)| piece.clone()).collect()))
    }

    /// A value to be ordered by.
    fn bound(&self, syntax: Syntax, operator: &'static str) -> Result<Value, FilterError> {
        if !matches!(syntax, Syntax::Text | Syntax::Number | Syntax::Time) {
            return Err(self.wrong_operator(syntax, operator));
        }
        self.typed(syntax, self.whole_value(syntax)?)
    }

    fn rule(&self, syntax: Syntax, rule: &str) -> Result<Assertion, FilterError> {
        match rule {
            ALL_BITS | ANY_BIT if matches!(syntax, Syntax::Number | Syntax::Unknown) => {
                let value = self.whole_value(syntax)?;
                let bits = value
                    .trim()
                    .parse()
                    .map_err(|_| self.wrong_value(Syntax::Number, value))?;
                Ok(if rule == ALL_BITS {
                    Assertion::AllBits(bits)
                } else {
                    Assertion::AnyBit(bits)
                })
            }
            IN_CHAIN if syntax == Syntax::Membership => Ok(Assertion::MemberOf {
                group: self.name(self.whole_value(syntax)?)?,
                nested: true,
            }),
            ALL_BITS => Err(self.wrong_operator(syntax, ":1.2.840.113556.1.4.803:=")),
            ANY_BIT => Err(self.wrong_operator(syntax, ":1.2.840.113556.1.4.804:=")),
            _ => Err(self.error(self.operator_position, |_| FilterProblem::ApplyRule(rule.to_owned()))),
        }
    }

    fn typed(&self, syntax: Syntax, value: &str) -> Result<Value, FilterError> {
        let trimmed = value.trim();
        let typed = match syntax {
            Syntax::Number => trimmed.parse().ok().map(Value::Number),
            Syntax::Flag => [("TRUE", true), ("FALSE", false)]
                .into_iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(trimmed))
                .map(|(_, flag)| Value::Flag(flag)),
            Syntax::Time => time::parse(trimmed).map(Value::Time),
            Syntax::Name | Syntax::OwnName | Syntax::Category => Some(Value::Name(self.name(value)?)),
            _ => Some(Value::Text(value.to_owned())),
        };
        typed.ok_or_else(|| self.wrong_value(syntax, value))
    }

    fn name(&self, value: &str) -> Result<Dn, FilterError> {
        Dn::parse(value).map_err(|error| {
            self.error(self.value_position, |attribute| FilterProblem::ReadName {
                attribute,
                problem: error.problem,
            })
        })
    }

    /// The value, where `*` means nothing.
    fn whole_value(&self, syntax: Syntax) -> Result<&str, FilterError> {
        match self.pieces.as_slice() {
            [value] if value.is_empty() => Err(self.error(self.value_position, FilterProblem::ExpectValue)),
            [value] => Ok(value),
            pieces => Err(self.wrong_value(syntax, &pieces.join("*"))),
        }
    }

    fn wrong_value(&self, syntax: Syntax, value: &str) -> FilterError {
        let (holds, value) = (syntax.holds(), value.to_owned());
        self.error(self.value_position, |attribute| FilterProblem::ReadValue {
            attribute,
            holds,
            value,
        })
    }

    fn wrong_operator(&self, syntax: Syntax, operator: &'static str) -> FilterError {
        let holds = syntax.holds();
        self.error(self.operator_position, |attribute| FilterProblem::Compare {
            attribute,
            holds,
            operator,
        })
    }

    fn error(&self, position: usize, problem: impl FnOnce(AttributeName) -> FilterProblem) -> FilterError {
        FilterError {
            position,
            problem: problem(self.attribute.clone()),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attribute = &self.attribute;
        match &self.assertion {
            Assertion::Present => write!(formatter, "{attribute}=*"),
            Assertion::Equal(value) => write!(formatter, "{attribute}={value}"),
            Assertion::AtLeast(value) => write!(formatter, "{attribute}>={value}"),
            Assertion::AtMost(value) => write!(formatter, "{attribute}<={value}"),
            Assertion::Parts(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| Filter::escape_value(part)).collect();
                write!(formatter, "{attribute}={}", parts.join("*"))
            }
            Assertion::AllBits(bits) => write!(formatter, "{attribute}:{ALL_BITS}:={bits}"),
            Assertion::AnyBit(bits) => write!(formatter, "{attribute}:{ANY_BIT}:={bits}"),
            Assertion::MemberOf { group, nested } => {
                let operator = if *nested {
                    format!(":{IN_CHAIN}:=")
                } else {
                    "=".to_owned()
                };
                write!(
                    formatter,
                    "{attribute}{operator}{}",
                    Filter::escape_value(group.as_str())
                )
            }
            Assertion::Category { class, .. } => write!(formatter, "{attribute}={class}"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(&Filter::escape_value(text)),
            Self::Number(number) => number.fmt(formatter),
            Self::Flag(flag) => formatter.write_str(if *flag { "TRUE" } else { "FALSE" }),
            Self::Time(time) => formatter.write_str(&time::format(*time)),
            Self::Name(name) => formatter.write_str(&Filter::escape_value(name.as_str())),
        }
    }
}
