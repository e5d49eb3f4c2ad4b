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
/// A PhoneUser was switched off.
pub const DISABLED: &str = "Disabled";
/// A PhoneUser or RingGroup was deleted.
pub const DELETED: &str = "Deleted";
/// A PhoneUser was let go of.
pub const LET_GO: &str = "LetGo";
/// A batch was closed that waits for approval.
pub const HELD: &str = "Held";
/// A batch was approved.
pub const APPROVED: &str = "Approved";
/// Somebody wrote an approval that is of nothing that is held.
pub const NOT_APPROVED: &str = "NotApproved";
/// An approved batch is done.
pub const FINISHED: &str = "Finished";
/// A batch came to nothing.
pub const NO_LONGER_HELD: &str = "NoLongerHeld";
/// A deleted SyncScope waits for a read.
pub const WAITING: &str = "Waiting";
/// A deleted SyncScope left everything as it is.
pub const RETAINED: &str = "Retained";
/// A deleted SyncScope took along what it had made.
pub const REMOVED: &str = "Removed";
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
        name: DISABLED,
        meaning: "A PhoneUser was switched off; the note says why.",
    },
    EventReason {
        name: DELETED,
        meaning: "A PhoneUser or RingGroup was deleted; the note says why.",
    },
    EventReason {
        name: LET_GO,
        meaning: "A PhoneUser stays as it is, and is not the operator's any more.",
    },
    EventReason {
        name: HELD,
        meaning: "More would happen at once than a limit allows: it waits until somebody approves it. The note says how.",
    },
    EventReason {
        name: APPROVED,
        meaning: "Somebody approved what was held: what of it is still due is done.",
    },
    EventReason {
        name: NOT_APPROVED,
        meaning: "`adsync.dev/approve` is none of what is held, and lets nothing through. The note says what to write.",
    },
    EventReason {
        name: FINISHED,
        meaning: "What was approved is done. The same approval lets nothing else through.",
    },
    EventReason {
        name: NO_LONGER_HELD,
        meaning: "What was held is not due any more; nothing of it was done.",
    },
    EventReason {
        name: WAITING,
        meaning: "A deleted SyncScope with deletionPolicy Delete waits: half a minute for another scope that selects the same people, then for one complete read of the directory, for five minutes at most.",
    },
    EventReason {
        name: RETAINED,
        meaning: "A deleted SyncScope left everything as it is, although its deletionPolicy is Delete; the note says why.",
    },
    EventReason {
        name: REMOVED,
        meaning: "A deleted SyncScope took along what it had made, as its deletionPolicy says; the note has the counts.",
    },
    EventReason {
        name: MORE_CHANGES,
        meaning: "A sync publishes ten Events at most, warnings first. This one says how many there would have been; the operator's log has all.",
    },
];
