//! How full a rule is, for the ExtensionRule's status: interval arithmetic over what is there. Gives no number.

use std::collections::BTreeMap;

use super::{
    number_holders::{NumberHolders, Use},
    validated::{ValidatedRule, ValidatedSystem},
};

/// How full a rule's ranges are. capacity = assigned + cooling + free + what people set aside by an Extension.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RuleUsage {
    /// Numbers in the ranges that may be given at all.
    pub capacity: i64,
    /// Of these, held by somebody, or named by an object, or of an Extension that can't be understood.
    pub assigned: i64,
    /// Of these, resting after their last holder.
    pub cooling: i64,
    /// Of these, free now.
    pub free: i64,
    /// Other rules of the phone system that may give some of the same numbers, by name.
    pub overlaps_with: Vec<Box<str>>,
}

/// Counts a rule's numbers; `rules` are all of its phone system, itself among them or not.
pub fn rule_usage(
    rule: &ValidatedRule,
    system: &ValidatedSystem,
    rules: &BTreeMap<Box<str>, ValidatedRule>,
    holders: &NumberHolders<'_>,
) -> RuleUsage {
    let givable = rule.givable(&system.number_plan);
    let others = rules
        .values()
        .filter(|other| other.name != rule.name && other.phone_system == rule.phone_system);
    let overlapping = others.filter(|other| !givable.is_disjoint(&other.givable(&system.number_plan)));
    let mut usage = RuleUsage {
        capacity: count(givable.len()),
        overlaps_with: overlapping.map(|other| other.name.clone()).collect(),
        ..RuleUsage::default()
    };
    let mut set_aside = 0;
    for (_, used) in holders.uses().filter(|(number, _)| givable.contains(*number)) {
        match used {
            Use::Assigned => usage.assigned += 1,
            Use::Resting => usage.cooling += 1,
            Use::SetAside => set_aside += 1,
            Use::Free => {}
        }
    }
    usage.free = usage.capacity - usage.assigned - usage.cooling - set_aside;
    usage
}

/// All numbers of 15 digits fit.
fn count(numbers: u64) -> i64 {
    i64::try_from(numbers).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::sync::{
        field::RingField,
        fixture::{FUTURE, NOW, PAST, State, plan, rule, sequential, time},
        observed::Observed,
        value::Value,
    };

    fn system(reserved: &[(&str, &str)]) -> ValidatedSystem {
        ValidatedSystem {
            name: "hq".into(),
            number_plan: plan(reserved),
        }
    }

    fn named(rules: impl IntoIterator<Item = ValidatedRule>) -> BTreeMap<Box<str>, ValidatedRule> {
        rules.into_iter().map(|rule| (rule.name.clone(), rule)).collect()
    }

    fn usage(rule: &ValidatedRule, others: Vec<ValidatedRule>, observed: &Observed) -> RuleUsage {
        let holders = NumberHolders::new(observed, time(NOW));
        rule_usage(rule, &system(&[("2008", "2009")]), &named(others), &holders)
    }

    #[test]
    fn every_number_of_the_ranges_is_counted_once() {
        let observed = Observed::default()
            .with_extension("2000", State::Assigned, Some("user:ada"))
            .with_named("ada", "2000")
            .with_extension("2001", State::CoolingUntil(FUTURE), Some("user:bob"))
            .with_extension("2002", State::CoolingUntil(PAST), Some("user:cem"))
            .with_extension("2003", State::Reserved, None)
            .with_extension("2004", State::Unreadable, None)
            .with_named("dan", "2005")
            .with_ring_group("aid", &[(RingField::Number, Value::text("2006"))])
            // Of no concern: set aside by the plan, and outside of the ranges.
            .with_extension("2008", State::Assigned, Some("user:eve"))
            .with_extension("3000", State::Assigned, Some("user:fay"));
        let hq = rule(
            "hq-numbers",
            r#"source: Sequential, ranges: [{from: "2000", to: "2011"}], reserved: [{from: "2011", to: "2011"}]"#,
        );
        let expected = RuleUsage {
            capacity: 9,
            assigned: 4,
            cooling: 1,
            free: 3,
            overlaps_with: Vec::new(),
        };
        assert_eq!(usage(&hq, vec![hq.clone()], &observed), expected);
    }

    #[test]
    fn both_rules_say_that_they_overlap() {
        let one = sequential("one", "2000", "2004");
        let other = sequential("other", "2004", "2007");
        let apart = sequential("apart", "3000", "3004");
        // They meet only where the plan lets nobody have a number.
        let meets_in_the_plan = sequential("plan", "2008", "2012");
        let below_the_plan = sequential("below", "2009", "2010");
        let mut elsewhere = sequential("elsewhere", "2000", "2009");
        elsewhere.phone_system = "branch".into();
        let all = vec![
            one.clone(),
            other.clone(),
            apart,
            meets_in_the_plan.clone(),
            below_the_plan.clone(),
            elsewhere,
        ];
        let overlaps = |rule| usage(rule, all.clone(), &Observed::default()).overlaps_with;
        assert_eq!(overlaps(&one), ["other".into()]);
        assert_eq!(overlaps(&other), ["one".into()]);
        assert_eq!(overlaps(&meets_in_the_plan), ["below".into()]);
        assert_eq!(overlaps(&below_the_plan), ["plan".into()]);
    }

    #[test]
    fn a_rule_that_reads_an_attribute_has_no_ranges_to_fill() {
        let phone = rule("phone", "source: Attribute, attribute: {name: ipPhone}");
        let observed = Observed::default().with_extension("2000", State::Assigned, Some("user:ada"));
        assert_eq!(usage(&phone, vec![phone.clone()], &observed), RuleUsage::default());
    }

    #[test]
    fn a_million_numbers_are_not_counted_one_by_one() {
        let all = rule(
            "all",
            r#"source: Sequential, ranges: [{from: "000000", to: "999999"}, {from: "100000000000000", to: "999999999999999"}]"#,
        );
        let observed = (0..500).fold(Observed::default(), |observed, number| {
            observed.with_extension(&format!("{:06}", number * 1999), State::Assigned, Some("user:ada"))
        });
        let started = Instant::now();
        let usage = usage(
            &all,
            vec![all.clone(), sequential("some", "123456", "123456")],
            &observed,
        );
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        // The plan's default ends at six digits.
        assert_eq!((usage.capacity, usage.assigned, usage.free), (1_000_000, 500, 999_500));
        assert_eq!(usage.overlaps_with, ["some".into()]);
    }
}
