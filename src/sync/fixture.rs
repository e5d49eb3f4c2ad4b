//! A phone system in a few words, for the core's tests.

use jiff::Timestamp;

use super::{
    field::{Field, RingField},
    number_plan::NumberPlan,
    observed::{Observed, ObservedExtension, ObservedRingGroup, ObservedUser, Ownership, Version},
    validated::ValidatedRule,
    value::Value,
};
use crate::api::{
    extension::{ExtensionState, Holder, HolderKind},
    phone_system,
};

/// The moment at which all tests take place.
pub(super) const NOW: &str = "2026-11-23T08:00:00Z";
/// A rest that is over.
pub(super) const PAST: &str = "2026-11-23T07:59:59Z";
/// A rest that is not.
pub(super) const FUTURE: &str = "2026-12-01T00:00:00Z";

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A holder, written as `user:name` or `group:name`.
pub(super) fn holder(text: &str) -> Holder {
    let (kind, name) = text.split_once(':').unwrap();
    let kind = match kind {
        "user" => HolderKind::PhoneUser,
        "group" => HolderKind::RingGroup,
        _ => panic!("{text}"),
    };
    Holder {
        kind,
        name: name.to_owned(),
    }
}

pub(super) fn version(name: &str) -> Version {
    Version {
        uid: format!("uid-of-{name}").into(),
        resource_version: "7".into(),
    }
}

/// The default number plan, with reserved ranges.
pub(super) fn plan(reserved: &[(&str, &str)]) -> NumberPlan {
    let reserved = reserved.iter().map(|(from, to)| phone_system::ReservedRange {
        from: (*from).to_owned(),
        to: (*to).to_owned(),
        why: None,
    });
    let plan = phone_system::NumberPlan {
        reserved: reserved.collect(),
        ..phone_system::NumberPlan::default()
    };
    NumberPlan::try_from(&plan).unwrap()
}

/// A rule from what its spec has beside `phoneSystemRef`.
pub(super) fn rule(name: &str, spec: &str) -> ValidatedRule {
    let spec = serde_yaml::from_str(&format!("{{phoneSystemRef: {{name: hq}}, {spec}}}")).unwrap();
    ValidatedRule::new(name, &spec).unwrap()
}

/// A rule that gives the lowest free number of one range.
pub(super) fn sequential(name: &str, from: &str, to: &str) -> ValidatedRule {
    rule(
        name,
        &format!(r#"source: Sequential, ranges: [{{from: "{from}", to: "{to}"}}]"#),
    )
}

/// A state as messages and tests write it: `Assigned`, `Reserved`, or `Cooling` with the end of the rest.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    Assigned,
    Reserved,
    CoolingUntil(&'static str),
    Unknown,
    Unreadable,
}

impl Observed {
    pub(super) fn with_user(mut self, name: &str, values: &[(Field, Value)]) -> Self {
        let user = ObservedUser {
            is_protected: false,
            version: version(name),
            is_unlinked: false,
            values: values.iter().cloned().collect(),
            ownership: Ownership::default(),
            is_readable: true,
        };
        self.users.insert(name.into(), user);
        self
    }

    /// A PhoneUser that names a number, its login being its name.
    pub(super) fn with_named(self, name: &str, number: &str) -> Self {
        let values = [
            (Field::Login, Value::text(name)),
            (Field::Extension, Value::text(number)),
        ];
        self.with_user(name, &values)
    }

    pub(super) fn with_ring_group(mut self, name: &str, values: &[(RingField, Value)]) -> Self {
        let ring_group = ObservedRingGroup {
            is_protected: false,
            version: version(name),
            values: values.iter().cloned().collect(),
            ownership: Ownership::default(),
            is_readable: true,
        };
        self.ring_groups.insert(name.into(), ring_group);
        self
    }

    /// An Extension; its holder written as for [`holder`].
    pub(super) fn with_extension(mut self, number: &str, state: State, holder_text: Option<&str>) -> Self {
        let extension = ObservedExtension {
            is_protected: false,
            is_ours: true,
            applied_by: None,
            version: version(number),
            number: number.parse().ok(),
            state: match state {
                State::Assigned => Some(ExtensionState::Assigned),
                State::Reserved => Some(ExtensionState::Reserved),
                State::CoolingUntil(_) => Some(ExtensionState::Cooling),
                State::Unknown | State::Unreadable => None,
            },
            holder: holder_text.map(holder),
            release_after: match state {
                State::CoolingUntil(end) => Some(time(end)),
                _ => None,
            },
            awaited_by: None,
            is_readable: !matches!(state, State::Unreadable),
            scope: None,
        };
        self.extensions.insert(format!("hq-{number}").into(), extension);
        self
    }
}
