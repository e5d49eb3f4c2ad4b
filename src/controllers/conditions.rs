//! The one setter of status conditions. Pure: `now` is an argument.
//!
//! A transition time moves only when the status does, so that a condition that is set again to what it is costs no write.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

pub use crate::sync::removal::whole_seconds;
use crate::sync::report::shortened;

/// The API server's limit on a message, in characters.
const LONGEST_MESSAGE: usize = 32_768;

/// What a condition says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nobody knows yet.
    Unknown,
}

impl ConditionStatus {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// Sets conditions for one generation of an object, at one time.
#[derive(Debug)]
pub struct ConditionSetter<'a> {
    conditions: &'a mut Vec<Condition>,
    generation: Option<i64>,
    now: Timestamp,
}

impl<'a> ConditionSetter<'a> {
    /// A setter for `conditions` that speak of `generation`.
    pub fn new(conditions: &'a mut Vec<Condition>, generation: Option<i64>, now: Timestamp) -> Self {
        Self {
            conditions,
            generation,
            now,
        }
    }

    /// Sets the condition `kind`.
    pub fn set(&mut self, kind: &str, status: impl Into<ConditionStatus>, reason: &str, message: &str) {
        let status = status.into().as_str();
        let before = self.conditions.iter().position(|condition| condition.type_ == kind);
        let unmoved = before
            .and_then(|index| self.conditions.get(index))
            .filter(|condition| condition.status == status);
        let condition = Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: shortened(message, LONGEST_MESSAGE),
            observed_generation: self.generation,
            last_transition_time: unmoved.map_or_else(
                || Time(whole_seconds(self.now)),
                |condition| condition.last_transition_time.clone(),
            ),
        };
        match before.and_then(|index| self.conditions.get_mut(index)) {
            Some(slot) => *slot = condition,
            None => self.conditions.push(condition),
        }
    }

    /// Sets a condition that exists only while True: with a reason and message it is, without it goes away.
    pub fn only_while(&mut self, kind: &str, because: Option<(&str, &str)>) {
        match because {
            Some((reason, message)) => self.set(kind, true, reason, message),
            None => self.conditions.retain(|condition| condition.type_ != kind),
        }
    }
}

/// The condition of this type.
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether the condition of this type is there and True.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|condition| condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn transition_times_move_only_with_the_status() {
        let mut conditions = Vec::new();
        ConditionSetter::new(&mut conditions, Some(1), time(10)).set("Ready", true, "Synced", "all well");
        ConditionSetter::new(&mut conditions, Some(2), time(20)).set("Ready", true, "Suspended", "paused");
        assert_eq!(conditions.len(), 1);
        assert_eq!(conditions[0].last_transition_time.0, time(10));
        assert_eq!(conditions[0].reason, "Suspended");
        assert_eq!(conditions[0].observed_generation, Some(2));
        ConditionSetter::new(&mut conditions, Some(2), time(30)).set("Ready", false, "Invalid", "no");
        assert_eq!(conditions[0].last_transition_time.0, time(30));
    }

    #[test]
    fn setting_the_same_again_changes_nothing() {
        let mut conditions = Vec::new();
        ConditionSetter::new(&mut conditions, Some(1), time(10)).set("Ready", true, "Synced", "all well");
        let before = conditions.clone();
        ConditionSetter::new(&mut conditions, Some(1), time(99)).set("Ready", true, "Synced", "all well");
        assert_eq!(conditions, before);
    }

    #[test]
    fn some_conditions_exist_only_while_true() {
        let mut conditions = Vec::new();
        let mut setter = ConditionSetter::new(&mut conditions, Some(1), time(10));
        setter.only_while("Stalled", Some(("Invalid", "mend the spec")));
        setter.only_while("Reconciling", None);
        assert!(is_true(&conditions, "Stalled") && find(&conditions, "Reconciling").is_none());
        ConditionSetter::new(&mut conditions, Some(1), time(20)).only_while("Stalled", None);
        assert_eq!(conditions, []);
    }

    #[test]
    fn a_message_never_exceeds_what_the_api_server_takes() {
        let mut conditions = Vec::new();
        ConditionSetter::new(&mut conditions, None, time(1)).set("Ready", false, "Long", &"ü".repeat(40_000));
        assert_eq!(conditions[0].message.chars().count(), LONGEST_MESSAGE);
    }
}
