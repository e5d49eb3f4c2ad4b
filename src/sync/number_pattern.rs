//! How a value of the directory becomes a number: normalised, matched, put together. Pure text; whether the number is free is numbering's word.

use std::borrow::Cow;

use regex::{Captures, Regex};

use super::number::Number;
use crate::api::extension_rule::{Normalize, NumberAttribute};

/// What a value looks like when nothing else is said: a number, as it is.
const ANY_NUMBER: &str = "^[0-9]+$";

/// How a value becomes a number, compiled once.
#[derive(Clone, Debug)]
pub struct NumberPattern {
    normalize: Normalize,
    /// As people wrote it, for messages.
    written: String,
    whole: Regex,
    template: Vec<Part>,
}

/// A piece of the number.
#[derive(Clone, Copy, Debug)]
enum Part {
    Digit(char),
    Group(usize),
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NumberPatternError {
    /// No regular expression.
    #[error("attribute.pattern {pattern} is no regular expression")]
    CompilePattern {
        /// As written.
        pattern: String,
        /// Where it goes wrong.
        source: regex::Error,
    },
    /// Something in the template that can't be part of a number.
    #[error("attribute.number \"{template}\": write digits and the pattern's groups, $1 to $9")]
    ReadTemplate {
        /// As written.
        template: String,
    },
    /// A group that the pattern doesn't have.
    #[error(
        "attribute.number \"{template}\": attribute.pattern {pattern} has no group {group}; put one in parentheses"
    )]
    FindGroup {
        /// As written.
        template: String,
        /// As written.
        pattern: String,
        /// The missing one.
        group: usize,
    },
    /// Everybody would get the same number.
    #[error("attribute.number \"{template}\" gives everybody the same number: name a group of the pattern, such as $1")]
    VaryTemplate {
        /// As written.
        template: String,
    },
}

/// Why a value gives no number.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidValue {
    /// It doesn't look like the pattern.
    #[error("{value} does not match {pattern}")]
    Match {
        /// The value, as found and as normalised.
        value: ShownValue,
        /// The pattern, as written.
        pattern: String,
    },
    /// It does, but what was put together is no number.
    #[error("{value} matches {pattern}, but gives \"{outcome}\", which is no number")]
    Assemble {
        /// The value, as found and as normalised.
        value: ShownValue,
        /// The pattern, as written.
        pattern: String,
        /// What was put together.
        outcome: String,
    },
}

/// A value of the directory as a message shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ShownValue {
    found: String,
    normalized: Option<String>,
}

impl std::fmt::Display for ShownValue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}", self.found)?;
        self.normalized
            .as_ref()
            .map_or(Ok(()), |normalized| write!(formatter, " (digits: {normalized:?})"))
    }
}

impl NumberPattern {
    /// Compiles the pattern and the template of an attribute.
    pub fn parse(attribute: &NumberAttribute) -> Result<Self, NumberPatternError> {
        let written = attribute.pattern.as_deref().unwrap_or(ANY_NUMBER);
        let compile = |pattern: &str| {
            Regex::new(pattern).map_err(|source| NumberPatternError::CompilePattern {
                pattern: written.to_owned(),
                source,
            })
        };
        // Alone first: what is wrong with it must be said of what people wrote, and `a)|(b` must not pass for being wrapped.
        let groups = compile(written)?.captures_len();
        let whole = compile(&format!(r"\A(?:{written})\z"))?;
        let template = match &attribute.number {
            Some(template) => read_template(template, written, groups)?,
            None => vec![Part::Group(0)],
        };
        Ok(Self {
            normalize: attribute.normalize,
            written: written.to_owned(),
            whole,
            template,
        })
    }

    /// The number that a value holds. White space around a value is never part of it.
    pub fn number(&self, value: &str) -> Result<Number, InvalidValue> {
        let found = value.trim();
        let normalized = match self.normalize {
            Normalize::None => Cow::Borrowed(found),
            Normalize::Digits => found.chars().filter(char::is_ascii_digit).collect(),
        };
        let shown = || ShownValue {
            found: found.to_owned(),
            normalized: (normalized != found).then(|| normalized.clone().into_owned()),
        };
        let pattern = || self.written.clone();
        let Some(captures) = self.whole.captures(&normalized) else {
            return Err(InvalidValue::Match {
                value: shown(),
                pattern: pattern(),
            });
        };
        let outcome = self.assemble(&captures);
        outcome.parse().map_err(|_| InvalidValue::Assemble {
            value: shown(),
            pattern: pattern(),
            outcome,
        })
    }

    fn assemble(&self, captures: &Captures<'_>) -> String {
        let mut number = String::new();
        for part in &self.template {
            match *part {
                Part::Digit(digit) => number.push(digit),
                Part::Group(group) => number.push_str(captures.get(group).map_or("", |found| found.as_str())),
            }
        }
        number
    }
}

fn read_template(template: &str, pattern: &str, groups: usize) -> Result<Vec<Part>, NumberPatternError> {
    let unreadable = || NumberPatternError::ReadTemplate {
        template: template.to_owned(),
    };
    let mut parts = Vec::new();
    let mut rest = template.chars();
    while let Some(character) = rest.next() {
        parts.push(match character {
            '0'..='9' => Part::Digit(character),
            '$' => {
                let digit = rest
                    .next()
                    .and_then(|digit| digit.to_digit(10))
                    .filter(|digit| *digit > 0);
                let group = usize::try_from(digit.ok_or_else(unreadable)?).map_err(|_| unreadable())?;
                if group >= groups {
                    let (template, pattern) = (template.to_owned(), pattern.to_owned());
                    return Err(NumberPatternError::FindGroup {
                        template,
                        pattern,
                        group,
                    });
                }
                Part::Group(group)
            }
            _ => return Err(unreadable()),
        });
    }
    if parts.iter().any(|part| matches!(part, Part::Group(_))) {
        Ok(parts)
    } else {
        Err(NumberPatternError::VaryTemplate {
            template: template.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::extension_rule::WhenMissing;
    use proptest::prelude::*;

    fn attribute(normalize: Normalize, pattern: Option<&str>, number: Option<&str>) -> NumberAttribute {
        NumberAttribute {
            name: "telephoneNumber".into(),
            normalize,
            pattern: pattern.map(Into::into),
            number: number.map(Into::into),
            when_missing: WhenMissing::Unmatched,
        }
    }

    fn pattern(normalize: Normalize, pattern: &str, number: &str) -> NumberPattern {
        NumberPattern::parse(&attribute(normalize, Some(pattern), Some(number))).unwrap()
    }

    fn error(pattern: &str, number: &str) -> String {
        NumberPattern::parse(&attribute(Normalize::None, Some(pattern), Some(number)))
            .unwrap_err()
            .to_string()
    }

    /// The number, or why there is none.
    fn outcome(pattern: &NumberPattern, value: &str) -> String {
        pattern
            .number(value)
            .map_or_else(|invalid| invalid.to_string(), |number| number.to_string())
    }

    #[test]
    fn numbers_in_the_formats_that_people_type() {
        let pattern = pattern(Normalize::Digits, r"^1555(\d{4})$", "$1");
        for value in [
            "+1 555-2001",
            "1 (555) 2001",
            "tel:+1.555.2001",
            " 15552001\t",
            "+1\u{a0}555\u{a0}2001",
        ] {
            assert_eq!(outcome(&pattern, value), "2001", "{value:?}");
        }
        assert_eq!(
            outcome(&pattern, "+1 556-2001"),
            r#""+1 556-2001" (digits: "15562001") does not match ^1555(\d{4})$"#
        );
        assert_eq!(
            outcome(&pattern, "+1 555-2001 ext 7"),
            r#""+1 555-2001 ext 7" (digits: "155520017") does not match ^1555(\d{4})$"#
        );
        assert_eq!(
            outcome(&pattern, "ask reception"),
            r#""ask reception" (digits: "") does not match ^1555(\d{4})$"#
        );
    }

    #[test]
    fn without_a_pattern_the_value_is_the_number() {
        let plain = NumberPattern::parse(&attribute(Normalize::None, None, None)).unwrap();
        assert_eq!(outcome(&plain, "0042 "), "0042");
        assert_eq!(outcome(&plain, "20-01"), r#""20-01" does not match ^[0-9]+$"#);
        assert_eq!(
            outcome(&plain, "1234567890123456"),
            r#""1234567890123456" matches ^[0-9]+$, but gives "1234567890123456", which is no number"#
        );
    }

    #[test]
    fn the_whole_value_must_match() {
        let unanchored = pattern(Normalize::None, r"(\d{2}|\d{4})", "$1");
        assert_eq!(outcome(&unanchored, "2001"), "2001");
        assert_eq!(outcome(&unanchored, "200"), r#""200" does not match (\d{2}|\d{4})"#);
        let alternatives = pattern(Normalize::None, r"5(\d)|6(\d)", "$1$2");
        assert_eq!(outcome(&alternatives, "51"), "1");
        assert_eq!(outcome(&alternatives, "67"), "7");
        assert_eq!(outcome(&alternatives, "167"), r#""167" does not match 5(\d)|6(\d)"#);
    }

    #[test]
    fn a_number_is_put_together_from_digits_and_groups() {
        assert_eq!(
            outcome(&pattern(Normalize::None, r"(\d)-(\d+)", "7$2$1"), "1-234"),
            "72341"
        );
        // A digit behind a group is a digit: there are only nine groups.
        assert_eq!(outcome(&pattern(Normalize::None, r"x(\d+)", "$10"), "x23"), "230");
        let optional = pattern(Normalize::None, r"x(\d+)?", "$1");
        assert_eq!(
            outcome(&optional, "x"),
            r#""x" matches x(\d+)?, but gives "", which is no number"#
        );
        let letters = pattern(Normalize::None, r"(.*)", "$1");
        assert_eq!(
            outcome(&letters, "٢٠"),
            r#""٢٠" matches (.*), but gives "٢٠", which is no number"#
        );
    }

    #[test]
    fn a_bad_pattern_or_template_says_what_to_write() {
        assert_eq!(error("(", "$1"), "attribute.pattern ( is no regular expression");
        assert_eq!(error("a)|(b", "$1"), "attribute.pattern a)|(b is no regular expression");
        let group = r#"attribute.number "$2": attribute.pattern (\d) has no group 2; put one in parentheses"#;
        assert_eq!(error(r"(\d)", "$2"), group);
        for template in ["$", "$x", "$0", "${1}", "$1-", "ext $1"] {
            let expected = format!("attribute.number \"{template}\": write digits and the pattern's groups, $1 to $9");
            assert_eq!(error(r"(\d)", template), expected);
        }
        for template in ["", "2001"] {
            assert!(error(r"(\d)", template).contains("gives everybody the same number"));
        }
    }

    proptest! {
        #[test]
        fn no_value_and_no_pattern_makes_it_panic(expression in ".{0,12}", template in "[$0-9]{0,4}", value in ".{0,20}") {
            for normalize in [Normalize::None, Normalize::Digits] {
                if let Ok(pattern) = NumberPattern::parse(&attribute(normalize, Some(&expression), Some(&template))) {
                    let _ = pattern.number(&value);
                }
            }
        }
    }
}
