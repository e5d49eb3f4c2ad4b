//! The reasons of Events that are neither those of conditions nor those of problems. Words only.

/// A reason of Events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EventReason {
    /// The word.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// A PhoneUser or RingGroup was created.
pub const CREATED: &str = "Created";
/// A PhoneUser that people made was linked to an account.
pub const LINKED: &str = "Linked";
/// Fields of a PhoneUser or RingGroup were changed.
pub const UPDATED: &str = "Updated";
/// There was more than a sync tells in Events.
pub const MORE_CHANGES: &str = "MoreChanges";

/// All of them.
pub const ALL: &[EventReason] = &[
    EventReason {
        name: CREATED,
        meaning: "A PhoneUser or RingGroup was created.",
    },
    EventReason {
        name: LINKED,
        meaning: "A PhoneUser that people made was linked to an account of the directory, and follows it from now on.",
    },
    EventReason {
        name: UPDATED,
        meaning: "Fields of a PhoneUser or RingGroup were changed; the note names them.",
    },
    EventReason {
        name: MORE_CHANGES,
        meaning: "A sync publishes ten Events at most, warnings first. This one says how many there would have been; the operator's log has all.",
    },
];
