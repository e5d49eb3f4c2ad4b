//! What a look at a rule means for its status. Pure.

use jiff::Timestamp;

use crate::{
    api::{
        ExtensionRuleStatus,
        conditions::{NUMBERS_AVAILABLE, RANGES_DISJOINT, READY, RECONCILING, STALLED, numbers, ready},
    },
    causes::with_causes,
    controllers::{conditions::ConditionSetter, patience},
    sync::{
        rule_usage::RuleUsage,
        validated::{SpecError, ValidatedRule},
    },
};

/// What a look at a rule came to.
#[derive(Debug)]
pub(super) enum Look {
    /// Its phone system does not exist.
    Missing { system: String },
    /// Its own spec can't be understood.
    Invalid(SpecError),
    /// That of its phone system can't.
    SystemInvalid { system: String, problem: SpecError },
    /// It can be used, and is this full.
    Usable { rule: Box<ValidatedRule>, usage: RuleUsage },
}

/// The status after a look.
pub(super) fn status(
    before: &ExtensionRuleStatus,
    generation: Option<i64>,
    look: &Look,
    now: Timestamp,
) -> ExtensionRuleStatus {
    let usage = match look {
        Look::Usable { usage, .. } => Some(usage),
        Look::Missing { .. } | Look::Invalid(_) | Look::SystemInvalid { .. } => None,
    };
    let mut after = ExtensionRuleStatus {
        observed_generation: generation,
        conditions: before.conditions.clone(),
        capacity: usage.map(|usage| usage.capacity),
        assigned: usage.map(|usage| usage.assigned),
        cooling: usage.map(|usage| usage.cooling),
        free: usage.map(|usage| usage.free),
    };
    let is_out_of_patience = patience::has_ended(&before.conditions, now);
    let mut setter = ConditionSetter::new(&mut after.conditions, generation, now);
    match look {
        Look::Usable { rule, usage } => {
            setter.set(READY, true, ready::VALID, "the rule can be used");
            setter.only_while(RECONCILING, None);
            setter.only_while(STALLED, None);
            set_usage(&mut setter, rule, usage);
        }
        Look::Missing { system } => {
            let message = format!("PhoneSystem {system} does not exist: create it");
            unusable(&mut setter, ready::REFERENCE_NOT_FOUND, &message, is_out_of_patience);
        }
        Look::Invalid(problem) => {
            unusable(&mut setter, ready::INVALID_SPEC, &with_causes(problem), true);
        }
        Look::SystemInvalid { system, problem } => {
            let message = format!("PhoneSystem {system}: {}", with_causes(problem));
            unusable(&mut setter, ready::REFERENCE_NOT_READY, &message, false);
        }
    }
    after
}

fn set_usage(setter: &mut ConditionSetter<'_>, rule: &ValidatedRule, usage: &RuleUsage) {
    if rule.ranges.is_empty() {
        let message = "the directory holds the numbers, none can run out";
        setter.set(NUMBERS_AVAILABLE, true, numbers::NUMBERS_FROM_ATTRIBUTE, message);
    } else if usage.free > 0 {
        setter.set(NUMBERS_AVAILABLE, true, numbers::NUMBERS_FREE, "there are free numbers");
    } else {
        let message = format!(
            "none of the {} numbers is free: add a range, or free some",
            usage.capacity
        );
        setter.set(NUMBERS_AVAILABLE, false, numbers::RANGE_EXHAUSTED, &message);
    }
    if usage.overlaps_with.is_empty() {
        let message = "no other rule of the phone system gives these numbers";
        setter.set(RANGES_DISJOINT, true, numbers::NO_OVERLAP, message);
    } else {
        let message = format!(
            "some of the numbers are also given by {}",
            usage.overlaps_with.join(", ")
        );
        setter.set(RANGES_DISJOINT, false, numbers::RANGE_OVERLAP, &message);
    }
}

/// What the rule could give can't be said then.
fn unusable(setter: &mut ConditionSetter<'_>, reason: &str, message: &str, is_final: bool) {
    setter.set(READY, false, reason, message);
    setter.only_while(RECONCILING, (!is_final).then_some((reason, message)));
    setter.only_while(STALLED, is_final.then_some((reason, message)));
    setter.only_while(NUMBERS_AVAILABLE, None);
    setter.only_while(RANGES_DISJOINT, None);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::controllers::conditions::find;

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn rule(spec: &serde_json::Value) -> ValidatedRule {
        let mut whole = json!({"phoneSystemRef": {"name": "hq"}});
        spec.as_object()
            .unwrap()
            .iter()
            .for_each(|(field, value)| whole[field] = value.clone());
        ValidatedRule::new("hq-numbers", &serde_json::from_value(whole).unwrap()).unwrap()
    }

    fn usable(spec: &serde_json::Value, usage: RuleUsage) -> Look {
        Look::Usable {
            rule: Box::new(rule(spec)),
            usage,
        }
    }

    fn sequential(free: i64) -> Look {
        let usage = RuleUsage {
            capacity: 10,
            assigned: 10 - free,
            free,
            ..RuleUsage::default()
        };
        usable(
            &json!({"source": "Sequential", "ranges": [{"from": "2000", "to": "2009"}]}),
            usage,
        )
    }

    fn after(before: &ExtensionRuleStatus, look: &Look, second: i64) -> ExtensionRuleStatus {
        status(before, Some(1), look, time(second))
    }

    fn shown(status: &ExtensionRuleStatus) -> Vec<String> {
        [READY, NUMBERS_AVAILABLE, RANGES_DISJOINT, RECONCILING, STALLED]
            .iter()
            .filter_map(|kind| find(&status.conditions, kind))
            .map(|condition| format!("{}={} {}", condition.type_, condition.status, condition.reason))
            .collect()
    }

    #[test]
    fn a_rule_with_free_numbers_is_ready_and_says_how_full_it_is() {
        let status = after(&ExtensionRuleStatus::default(), &sequential(3), 0);
        assert_eq!(
            shown(&status),
            [
                "Ready=True Valid",
                "NumbersAvailable=True NumbersFree",
                "RangesDisjoint=True NoOverlap"
            ]
        );
        assert_eq!(
            (status.capacity, status.assigned, status.cooling, status.free),
            (Some(10), Some(7), Some(0), Some(3))
        );
        assert_eq!(
            after(&status, &sequential(3), 99),
            status,
            "the same again is nothing to write"
        );
    }

    #[test]
    fn a_full_rule_is_still_ready() {
        let status = after(&ExtensionRuleStatus::default(), &sequential(0), 0);
        assert_eq!(
            shown(&status)[..2],
            ["Ready=True Valid", "NumbersAvailable=False RangeExhausted"]
        );
    }

    #[test]
    fn a_rule_that_reads_an_attribute_never_runs_out() {
        let look = usable(
            &json!({"source": "Attribute", "attribute": {"name": "ipPhone"}}),
            RuleUsage::default(),
        );
        let status = after(&ExtensionRuleStatus::default(), &look, 0);
        assert_eq!(shown(&status)[1], "NumbersAvailable=True NumbersFromAttribute");
    }

    #[test]
    fn an_overlap_names_the_other_rules() {
        let usage = RuleUsage {
            capacity: 1,
            free: 1,
            overlaps_with: vec!["b".into(), "c".into()],
            ..RuleUsage::default()
        };
        let look = usable(
            &json!({"source": "Sequential", "ranges": [{"from": "2", "to": "2"}]}),
            usage,
        );
        let status = after(&ExtensionRuleStatus::default(), &look, 0);
        assert_eq!(shown(&status)[2], "RangesDisjoint=False RangeOverlap");
        assert!(
            find(&status.conditions, RANGES_DISJOINT)
                .unwrap()
                .message
                .ends_with("b, c")
        );
    }

    #[test]
    fn a_missing_phone_system_is_waited_for_a_minute() {
        let missing = Look::Missing {
            system: "hq".to_owned(),
        };
        let at_first = after(&after(&ExtensionRuleStatus::default(), &sequential(3), 0), &missing, 10);
        assert_eq!(
            shown(&at_first),
            ["Ready=False ReferenceNotFound", "Reconciling=True ReferenceNotFound"]
        );
        assert_eq!(at_first.free, None);
        let too_late = after(&at_first, &missing, 70);
        assert_eq!(
            shown(&too_late),
            ["Ready=False ReferenceNotFound", "Stalled=True ReferenceNotFound"]
        );
        assert_eq!(shown(&after(&too_late, &sequential(3), 80))[0], "Ready=True Valid");
    }

    #[test]
    fn a_spec_that_makes_no_sense_is_stalled_at_once() {
        let spec = serde_json::from_value(json!({"phoneSystemRef": {"name": "hq"}, "source": "Attribute",
            "attribute": {"name": "ipPhone", "pattern": "("}}));
        let problem = ValidatedRule::new("hq-numbers", &spec.unwrap()).unwrap_err();
        let status = after(&ExtensionRuleStatus::default(), &Look::Invalid(problem), 0);
        assert_eq!(shown(&status), ["Ready=False InvalidSpec", "Stalled=True InvalidSpec"]);
    }
}
