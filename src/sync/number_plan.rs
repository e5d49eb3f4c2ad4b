//! Which numbers a phone system may give at all: its number plan, parsed once. Who holds a number is not known here.

use super::{
    number::{MAX_DIGITS, Number, NumberError, NumberRange, RangeError},
    number_set::NumberSet,
};
use crate::api::phone_system;

/// A phone system's number plan.
#[derive(Clone, Debug)]
pub struct NumberPlan {
    shortest: u8,
    longest: u8,
    reserved: Vec<ReservedNumbers>,
    emergency: NumberSet,
}

/// Numbers that are known to the phone system only.
#[derive(Clone, Debug)]
struct ReservedNumbers {
    range: NumberRange,
    why: Option<String>,
}

/// What is wrong with a number plan.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NumberPlanError {
    /// Lengths that no number has.
    #[error("numberPlan.digits {min} to {max}: write 1 <= min <= max <= {MAX_DIGITS}")]
    ReadDigits {
        /// Fewest digits, as written.
        min: i32,
        /// Most digits, as written.
        max: i32,
    },
    /// A reserved range is none.
    #[error("numberPlan.reserved[{index}] is no range")]
    ReadReserved {
        /// Its place in the list.
        index: usize,
        /// What is wrong with it.
        source: RangeError,
    },
    /// An emergency number is none.
    #[error("numberPlan.emergency[{index}] is no number")]
    ReadEmergency {
        /// Its place in the list.
        index: usize,
        /// What is wrong with it.
        source: NumberError,
    },
}

/// Why a number is never given.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Forbidden {
    /// Too short or too long for this phone system.
    #[error("{number} has {} digits, and the number plan wants {shortest} to {longest}", number.digits())]
    Length {
        /// The number.
        number: Number,
        /// Fewest digits.
        shortest: u8,
        /// Most digits.
        longest: u8,
    },
    /// It calls for help.
    #[error("{number} is an emergency number")]
    Emergency {
        /// The number.
        number: Number,
    },
    /// The plan sets it aside.
    #[error("{number} is reserved by the number plan{}", why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default())]
    Reserved {
        /// The number.
        number: Number,
        /// What for.
        why: Option<String>,
    },
}

impl TryFrom<&phone_system::NumberPlan> for NumberPlan {
    type Error = NumberPlanError;

    fn try_from(plan: &phone_system::NumberPlan) -> Result<Self, Self::Error> {
        let phone_system::Digits { min, max } = plan.digits;
        let length = |digits| {
            u8::try_from(digits)
                .ok()
                .filter(|digits| (1..=MAX_DIGITS).contains(digits))
        };
        let (Some(shortest), Some(longest), true) = (length(min), length(max), min <= max) else {
            return Err(NumberPlanError::ReadDigits { min, max });
        };
        let reserved = plan.reserved.iter().enumerate().map(|(index, reserved)| {
            let range = NumberRange::parse(&reserved.from, &reserved.to)
                .map_err(|source| NumberPlanError::ReadReserved { index, source })?;
            Ok(ReservedNumbers {
                range,
                why: reserved.why.clone(),
            })
        });
        let emergency = plan.emergency.iter().enumerate().map(|(index, number)| {
            number
                .parse::<Number>()
                .map_err(|source| NumberPlanError::ReadEmergency { index, source })
        });
        Ok(Self {
            shortest,
            longest,
            reserved: reserved.collect::<Result<_, _>>()?,
            emergency: emergency.collect::<Result<_, _>>()?,
        })
    }
}

impl NumberPlan {
    /// Whether a number may be given to somebody, and why not.
    pub fn permit(&self, number: Number) -> Result<(), Forbidden> {
        let &Self { shortest, longest, .. } = self;
        if !(shortest..=longest).contains(&number.digits()) {
            return Err(Forbidden::Length {
                number,
                shortest,
                longest,
            });
        }
        if self.emergency.contains(number) {
            return Err(Forbidden::Emergency { number });
        }
        match self.reserved.iter().find(|reserved| reserved.range.contains(number)) {
            Some(reserved) => Err(Forbidden::Reserved {
                number,
                why: reserved.why.clone(),
            }),
            None => Ok(()),
        }
    }

    /// All numbers that may be given.
    pub fn permitted(&self) -> NumberSet {
        let mut numbers: NumberSet = (self.shortest..=self.longest).map(NumberRange::of_length).collect();
        for range in self
            .reserved
            .iter()
            .map(|reserved| reserved.range)
            .chain(self.emergency.ranges())
        {
            numbers.remove(range);
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::phone_system::{Digits, ReservedRange};
    use std::error::Error;

    fn spec() -> phone_system::NumberPlan {
        let doors = ReservedRange {
            from: "2900".into(),
            to: "2999".into(),
            why: Some("fax and doors".into()),
        };
        phone_system::NumberPlan {
            digits: Digits { min: 3, max: 4 },
            reserved: vec![doors],
            emergency: vec!["112".into(), "08".into()],
        }
    }

    fn refusal(number: &str) -> String {
        NumberPlan::try_from(&spec())
            .unwrap()
            .permit(number.parse().unwrap())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_forbidden_number_says_why() {
        assert_eq!(refusal("20"), "20 has 2 digits, and the number plan wants 3 to 4");
        assert_eq!(refusal("20000"), "20000 has 5 digits, and the number plan wants 3 to 4");
        assert_eq!(refusal("112"), "112 is an emergency number");
        assert_eq!(refusal("2900"), "2900 is reserved by the number plan (fax and doors)");
    }

    #[test]
    fn every_other_number_is_permitted() {
        let plan = NumberPlan::try_from(&spec()).unwrap();
        let permitted = plan.permitted();
        assert_eq!(permitted.len(), 1000 + 10_000 - 100 - 1);
        for number in (1..=5).flat_map(|digits| NumberRange::of_length(digits).iter()) {
            assert_eq!(permitted.contains(number), plan.permit(number).is_ok(), "{number}");
        }
    }

    #[test]
    fn the_default_plan_forbids_the_emergency_numbers_of_the_world() {
        let plan = NumberPlan::try_from(&phone_system::NumberPlan::default()).unwrap();
        for number in ["000", "08", "110", "111", "112", "119", "911", "988", "999"] {
            assert!(
                matches!(plan.permit(number.parse().unwrap()), Err(Forbidden::Emergency { .. })),
                "{number}"
            );
        }
        assert_eq!(plan.permit("1112".parse().unwrap()), Ok(()));
    }

    #[test]
    fn a_bad_plan_says_where() {
        let error = |change: fn(&mut phone_system::NumberPlan)| {
            let mut spec = spec();
            change(&mut spec);
            let error = NumberPlan::try_from(&spec).unwrap_err();
            let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            format!("{error}{source}")
        };
        assert_eq!(
            error(|plan| plan.digits = Digits { min: 4, max: 3 }),
            "numberPlan.digits 4 to 3: write 1 <= min <= max <= 15"
        );
        assert_eq!(
            error(|plan| plan.digits.max = 16),
            "numberPlan.digits 3 to 16: write 1 <= min <= max <= 15"
        );
        assert_eq!(
            error(|plan| plan.emergency.push("1-1-2".into())),
            "numberPlan.emergency[2] is no number: \"1-1-2\" is not a number: write only the digits 0 to 9"
        );
        assert_eq!(
            error(|plan| plan.reserved[0].to = "299".into()),
            "numberPlan.reserved[0] is no range: the range 2900 to 299 has ends of different length: write a range for each length"
        );
    }
}
