//! Dialable numbers and ranges of them. Pure values: what may be given is the number plan's word, who holds one is numbering's.

use std::{fmt, str::FromStr};

use crate::api;

/// The most digits a number may have (ITU-T E.164 section 6).
pub const MAX_DIGITS: u8 = 15;

/// A dialable number: 1 to 15 ASCII digits. Leading zeros count, so `08` and `8` are two numbers.
///
/// Shorter numbers come first, and numbers of one length in dialling order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Number {
    digits: u8,
    value: u64,
}

/// Why a text is no number.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NumberError {
    /// Nothing there.
    #[error("a number is missing: write 1 to {MAX_DIGITS} digits")]
    ReadEmpty,
    /// Something other than the ASCII digits 0 to 9.
    #[error("\"{text}\" is not a number: write only the digits 0 to 9")]
    ReadDigits {
        /// What was there.
        text: String,
    },
    /// More digits than a telephone number has.
    #[error("\"{text}\" is too long for a number: write at most {MAX_DIGITS} digits")]
    ReadLength {
        /// What was there.
        text: String,
    },
}

impl Number {
    /// How many digits it has.
    pub fn digits(self) -> u8 {
        self.digits
    }

    /// The next number of the same length.
    pub fn successor(self) -> Option<Self> {
        let value = self.value + 1;
        (value < 10_u64.pow(u32::from(self.digits))).then_some(Self { value, ..self })
    }

    /// The number before it, of the same length.
    pub fn predecessor(self) -> Option<Self> {
        Some(Self {
            value: self.value.checked_sub(1)?,
            ..self
        })
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(NumberError::ReadEmpty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NumberError::ReadDigits { text: text.to_owned() });
        }
        let too_long = || NumberError::ReadLength { text: text.to_owned() };
        let digits = u8::try_from(text.len())
            .ok()
            .filter(|digits| *digits <= MAX_DIGITS)
            .ok_or_else(too_long)?;
        let value = text.parse().map_err(|_| too_long())?;
        Ok(Self { digits, value })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Padded by hand only after it is a text, so that `{:>8}` in a table still works.
        formatter.pad(&format!("{:0width$}", self.value, width = usize::from(self.digits)))
    }
}

/// Numbers of one length, from one to another, both included. Never empty.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NumberRange {
    from: Number,
    to: Number,
}

/// Why two texts are no range.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RangeError {
    /// An end is no number.
    #[error("a range's `{end}` is no number")]
    ReadEnd {
        /// `from` or `to`.
        end: &'static str,
        /// What is wrong with it.
        source: NumberError,
    },
    /// Ends of different length: nobody could say what lies between.
    #[error("the range {from} to {to} has ends of different length: write a range for each length")]
    CompareLengths {
        /// Its first number.
        from: Number,
        /// Its last number.
        to: Number,
    },
    /// It ends before it begins.
    #[error("the range {from} to {to} ends before it begins: swap `from` and `to`")]
    CompareEnds {
        /// Its first number.
        from: Number,
        /// Its last number.
        to: Number,
    },
}

impl NumberRange {
    /// The numbers from `from` to `to`.
    pub fn new(from: Number, to: Number) -> Result<Self, RangeError> {
        if from.digits != to.digits {
            return Err(RangeError::CompareLengths { from, to });
        }
        if from > to {
            return Err(RangeError::CompareEnds { from, to });
        }
        Ok(Self { from, to })
    }

    /// The range that two texts name.
    pub fn parse(from: &str, to: &str) -> Result<Self, RangeError> {
        let from = from
            .parse()
            .map_err(|source| RangeError::ReadEnd { end: "from", source })?;
        let to = to.parse().map_err(|source| RangeError::ReadEnd { end: "to", source })?;
        Self::new(from, to)
    }

    /// All numbers of so many digits; at least one digit, at most [`MAX_DIGITS`].
    pub fn of_length(digits: u8) -> Self {
        let digits = digits.clamp(1, MAX_DIGITS);
        Self {
            from: Number { digits, value: 0 },
            to: Number {
                digits,
                value: 10_u64.pow(u32::from(digits)) - 1,
            },
        }
    }

    /// Its first number.
    pub fn first(self) -> Number {
        self.from
    }

    /// Its last number.
    pub fn last(self) -> Number {
        self.to
    }

    /// Whether a number is one of its.
    pub fn contains(self, number: Number) -> bool {
        (self.from..=self.to).contains(&number)
    }

    /// How many numbers it has; at least one.
    #[expect(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub fn len(self) -> u64 {
        self.to.value - self.from.value + 1
    }

    /// What it has in common with another.
    pub fn intersection(self, other: Self) -> Option<Self> {
        let (from, to) = (self.from.max(other.from), self.to.min(other.to));
        (from <= to).then_some(Self { from, to })
    }

    /// Its numbers, lowest first.
    pub fn iter(self) -> impl Iterator<Item = Number> {
        let digits = self.from.digits;
        (self.from.value..=self.to.value).map(move |value| Number { digits, value })
    }
}

impl From<Number> for NumberRange {
    fn from(number: Number) -> Self {
        Self {
            from: number,
            to: number,
        }
    }
}

impl TryFrom<&api::NumberRange> for NumberRange {
    type Error = RangeError;

    fn try_from(range: &api::NumberRange) -> Result<Self, Self::Error> {
        Self::parse(&range.from, &range.to)
    }
}

impl fmt::Display for NumberRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to {
            self.from.fmt(formatter)
        } else {
            write!(formatter, "{}-{}", self.from, self.to)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    fn range(from: &str, to: &str) -> NumberRange {
        NumberRange::parse(from, to).unwrap()
    }

    #[test]
    fn only_ascii_digits_are_a_number() {
        assert_eq!("".parse::<Number>(), Err(NumberError::ReadEmpty));
        for text in ["20a1", "+4930", " 2001", "٢٠٠١", "２００１", "-1"] {
            assert_eq!(
                text.parse::<Number>(),
                Err(NumberError::ReadDigits { text: text.to_owned() })
            );
        }
        assert_eq!(number("123456789012345").to_string(), "123456789012345");
        assert!(matches!(
            "1234567890123456".parse::<Number>(),
            Err(NumberError::ReadLength { .. })
        ));
        assert!(matches!(
            "1".repeat(300).parse::<Number>(),
            Err(NumberError::ReadLength { .. })
        ));
    }

    #[test]
    fn leading_zeros_count() {
        assert_ne!(number("08"), number("8"));
        assert_eq!(number("0080").to_string(), "0080");
        assert_eq!(format!("{:>6}|", number("08")), "    08|");
    }

    #[test]
    fn shorter_numbers_come_first() {
        let mut numbers = ["1000", "99", "2000", "000", "9"].map(number);
        numbers.sort();
        assert_eq!(
            numbers.map(|number| number.to_string()),
            ["9", "99", "000", "1000", "2000"]
        );
    }

    #[test]
    fn neighbours_stay_within_a_length() {
        assert_eq!(number("98").successor(), Some(number("99")));
        assert_eq!(number("99").successor(), None);
        assert_eq!(number("00").predecessor(), None);
        assert_eq!(number("10").predecessor(), Some(number("09")));
    }

    #[test]
    fn a_range_says_what_is_wrong_with_it() {
        assert!(matches!(
            NumberRange::parse("20", "2x"),
            Err(RangeError::ReadEnd { end: "to", .. })
        ));
        let lengths = NumberRange::parse("90", "100").unwrap_err();
        assert_eq!(
            lengths.to_string(),
            "the range 90 to 100 has ends of different length: write a range for each length"
        );
        let ends = NumberRange::parse("2999", "2000").unwrap_err();
        assert_eq!(
            ends.to_string(),
            "the range 2999 to 2000 ends before it begins: swap `from` and `to`"
        );
    }

    #[test]
    fn a_range_has_its_ends_and_all_between() {
        let range = range("008", "011");
        assert_eq!(range.len(), 4);
        assert_eq!(
            range.iter().map(|number| number.to_string()).collect::<Vec<_>>(),
            ["008", "009", "010", "011"]
        );
        assert!(range.contains(number("010")));
        assert!(!range.contains(number("10")));
        assert_eq!(range.to_string(), "008-011");
        assert_eq!(NumberRange::from(number("42")).to_string(), "42");
    }

    #[test]
    fn all_numbers_of_a_length() {
        assert_eq!(NumberRange::of_length(2), range("00", "99"));
        assert_eq!(NumberRange::of_length(15).len(), 1_000_000_000_000_000);
    }

    proptest! {
        #[test]
        fn display_then_parse_gives_back_the_number(text in "[0-9]{1,15}") {
            prop_assert_eq!(number(&text).to_string(), text);
        }

        #[test]
        fn order_is_by_length_then_text(one in "[0-9]{1,15}", other in "[0-9]{1,15}") {
            let expected = one.len().cmp(&other.len()).then_with(|| one.cmp(&other));
            prop_assert_eq!(number(&one).cmp(&number(&other)), expected);
        }
    }
}
