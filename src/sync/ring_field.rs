//! The fields of a RingGroup that the operator writes. Names only: no values, no objects.

use super::field::{Place, WrittenField};
use crate::api::labels;

/// A field of a RingGroup that the operator writes. `additionalMembers` is none of them: it is people's.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "`place` says where each one is")]
pub enum RingField {
    DisplayName,
    Number,
    Strategy,
    Enabled,
    InPhonebook,
    Members,
    Source,
    ManagedByLabel,
    ScopeLabel,
    PhoneSystemLabel,
}

impl WrittenField for RingField {
    const ALL: &'static [Self] = &[
        Self::DisplayName,
        Self::Number,
        Self::Strategy,
        Self::Enabled,
        Self::InPhonebook,
        Self::Members,
        Self::Source,
        Self::ManagedByLabel,
        Self::ScopeLabel,
        Self::PhoneSystemLabel,
    ];

    fn index(self) -> u32 {
        self as u32
    }

    fn place(self) -> Place {
        match self {
            Self::DisplayName => Place::Spec("displayName"),
            Self::Number => Place::Spec("number"),
            Self::Strategy => Place::Spec("strategy"),
            Self::Enabled => Place::Spec("enabled"),
            Self::InPhonebook => Place::Spec("inPhonebook"),
            Self::Members => Place::Spec("members"),
            Self::Source => Place::Spec("source"),
            Self::ManagedByLabel => Place::Label(labels::MANAGED_BY),
            Self::ScopeLabel => Place::Label(labels::SCOPE),
            Self::PhoneSystemLabel => Place::Label(labels::PHONE_SYSTEM),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_listed_in_their_order() {
        for (index, field) in RingField::ALL.iter().enumerate() {
            assert_eq!(*field as usize, index);
        }
    }
}
