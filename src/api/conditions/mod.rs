//! Every condition type and reason that adsync writes, each documented once. Words only: who sets them, and when, is the
//! controllers' business.
//!
//! Polarity: Ready, Synced, Connected, Matched, ReferencesResolved, NumbersAvailable and RangesDisjoint are good when True;
//! Reconciling and Stalled exist only while True (kstatus), and so do RemovalsHeld, CreationsHeld and BlanksHeld.

/// A type of condition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Type {
    /// The word in the condition.
    pub name: &'static str,
    /// The kinds that have it.
    pub on: &'static [&'static str],
    /// It is there only while it is True, and then it is bad or passing. Else True is good.
    pub only_while_true: bool,
    /// What it says.
    pub meaning: &'static str,
}

/// The kinds that people configure.
const CONFIGURED: &[&str] = &["ActiveDirectoryConfig", "SyncScope", "ExtensionRule", "PhoneSystem"];

/// Types of conditions: a constant for the word of each, and a table of all.
macro_rules! types {
    ($($(#[doc = $meaning:literal])+ $constant:ident = $name:literal, $on:expr, $only_while_true:literal;)+) => {
        $(
            $(#[doc = $meaning])+
            pub const $constant: &str = $name;
        )+

        /// All types.
        pub const TYPES: &[Type] = &[$(Type {
            name: $name,
            on: $on,
            only_while_true: $only_while_true,
            meaning: concat!($($meaning),+).trim_ascii(),
        }),+];
    };
}

types! {
    /// The spec is valid, its references exist, and it has worked once. An outage of the directory never makes it False.
    READY = "Ready", CONFIGURED, false;
    /// The directory answers now.
    CONNECTED = "Connected", &["ActiveDirectoryConfig"], false;
    /// The last sync worked, and what was read is not old.
    SYNCED = "Synced", &["SyncScope"], false;
    /// Everybody in scope has a PhoneUser, but for those whom people unlinked. The message has the counts.
    MATCHED = "Matched", &["SyncScope"], false;
    /// Every distinguished name of the spec was found.
    REFERENCES_RESOLVED = "ReferencesResolved", &["SyncScope"], false;
    /// More would be removed than the limit allows, or a ring group would lose most of its members: it waits for approval.
    REMOVALS_HELD = "RemovalsHeld", &["SyncScope"], true;
    /// More people would be created than `creationLimit` allows: they wait for approval.
    CREATIONS_HELD = "CreationsHeld", &["SyncScope"], true;
    /// An attribute went blank for more people than the limit allows: the old values stay until somebody approves.
    BLANKS_HELD = "BlanksHeld", &["SyncScope"], true;
    /// There are free numbers.
    NUMBERS_AVAILABLE = "NumbersAvailable", &["ExtensionRule"], false;
    /// No other rule of the phone system has the same numbers.
    RANGES_DISJOINT = "RangesDisjoint", &["ExtensionRule"], false;
    /// The operator is working towards this generation.
    RECONCILING = "Reconciling", CONFIGURED, true;
    /// It won't get better by itself: somebody must change something.
    STALLED = "Stalled", CONFIGURED, true;
}

/// At most so many conditions an object.
pub const MOST: i64 = 16;
/// Longer messages are refused by the API server; whoever writes one cuts it there.
pub const LONGEST_MESSAGE: i64 = 32_768;

/// A reason that a condition can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reason {
    /// The word in the condition.
    pub name: &'static str,
    /// The conditions it is a reason of, each with the status it goes with.
    pub goes_with: &'static [(&'static str, &'static str)],
    /// What it means.
    pub meaning: &'static str,
    /// What a person should do; empty: nothing.
    pub remedy: &'static str,
}

/// A group of reasons: a constant for the word of each, and a table of all.
macro_rules! reasons {
    ($($(#[doc = $meaning:literal])+ $constant:ident = $name:literal, $goes_with:expr, $remedy:literal;)+) => {
        $(
            $(#[doc = $meaning])+
            pub const $constant: &str = $name;
        )+

        /// All of this group.
        pub const TABLE: &[Reason] = &[$(Reason {
            name: $name,
            goes_with: $goes_with,
            meaning: concat!($($meaning),+).trim_ascii(),
            remedy: $remedy,
        }),+];
    };
}

/// Reasons of Ready, and of what stands beside it while it is not True. On all four configuration kinds.
pub mod ready {
    use super::{CONNECTED, READY, RECONCILING, Reason, STALLED, SYNCED};

    /// The spec can't be acted upon until somebody changes something.
    const REFUSED: &[(&str, &str)] = &[
        (READY, "False"),
        (STALLED, "True"),
        (SYNCED, "False"),
        (CONNECTED, "False"),
    ];

    reasons! {
        /// It works, or has worked and nothing says that it won't again.
        SUCCEEDED = "Succeeded", &[(READY, "True"), (CONNECTED, "True"), (SYNCED, "True")], "";
        /// The spec is valid and has worked; another condition tells about now.
        VALID = "Valid", &[(READY, "True")], "";
        /// Syncs are stopped by `spec.suspend`.
        SUSPENDED = "Suspended", &[(READY, "True"), (SYNCED, "Unknown")], "Remove spec.suspend, or set it to false, to go on.";
        /// The operator is looking at this generation for the first time.
        PROGRESSING = "Progressing",
            &[(READY, "Unknown"), (CONNECTED, "Unknown"), (SYNCED, "Unknown"), (RECONCILING, "True")],
            "Wait: a first sync of a large directory takes some minutes. If it stays, look at the other conditions' messages and at the operator's log.";
        /// The last attempt failed, and the next will come by itself.
        RETRYING = "Retrying", &[(READY, "Unknown"), (SYNCED, "Unknown"), (RECONCILING, "True")], "Nothing, if it passes. If it repeats, mend what the message names.";
        /// The spec contradicts itself or can't be understood.
        INVALID_SPEC = "InvalidSpec", REFUSED, "Correct the field that the message names, and apply again.";
        /// An object that the spec names does not exist in this namespace. Stalled only after a minute, since charts create things in any order.
        REFERENCE_NOT_FOUND = "ReferenceNotFound",
            &[(READY, "False"), (RECONCILING, "True"), (STALLED, "True"), (SYNCED, "False"), (CONNECTED, "False")],
            "Create the object that the message names, in the same namespace, or correct the reference. It is seen at once.";
        /// An object that the spec names exists, but can't be used itself.
        REFERENCE_NOT_READY = "ReferenceNotReady",
            &[(READY, "False"), (RECONCILING, "True"), (SYNCED, "False")],
            "Look at the conditions of the object that the message names, and mend that one; this one follows by itself.";
        /// The operator stumbled over itself. It tries again, later and later.
        INTERNAL_ERROR = "InternalError",
            &[(READY, "Unknown"), (SYNCED, "False"), (RECONCILING, "True")],
            "Report the message with the operator's log: it is a bug. Restarting the pod does no harm.";
    }
}

/// Why a directory can't be read. On ActiveDirectoryConfigs, and on the SyncScopes that use them.
pub mod connection;

/// How a SyncScope is served.
pub mod sync {
    use super::{MATCHED, REFERENCES_RESOLVED, Reason, SYNCED};

    reasons! {
        /// The last sync computed and reported, and wrote nothing: `mode: Plan`. The message has the first ten changes.
        PLANNED = "Planned", &[(SYNCED, "True")], "Write mode: Apply when the plan in the message is right.";
        /// Some objects could not be written. The others were; the failed ones are tried again.
        WRITE_FAILED = "WriteFailed", &[(SYNCED, "False")],
            "status.problems has each object with the API server's words. Often it is a quota, an admission webhook, or a right that the operator lacks.";
        /// Everybody in scope is matched, but for those that people unlinked.
        ALL_MATCHED = "AllMatched", &[(MATCHED, "True")], "";
        /// Somebody in scope is not matched.
        SOME_UNMATCHED = "SomeUnmatched", &[(MATCHED, "False")],
            "status.problems says who and why; each of its reasons is on the page of problems. The others are served.";
        /// No sync has ended yet.
        NOT_SYNCED = "NotSynced", &[(MATCHED, "Unknown"), (REFERENCES_RESOLVED, "Unknown")], "Wait for the first sync. If none comes to its end, Synced and Ready say why.";
        /// Every distinguished name of the spec was found.
        ALL_FOUND = "AllFound", &[(REFERENCES_RESOLVED, "True")], "";
        /// A distinguished name of the spec was found neither by name nor by its stored objectGUID, or an excluded group has shown members
        /// and shows none any more. What depends on it stays as it is.
        ENTRY_NOT_FOUND = "EntryNotFound", &[(REFERENCES_RESOLVED, "False")],
            "Correct the distinguished name that the message names: case and spaces don't matter, every part does. If the entry exists, the account may lack the right to see it, or it is outside of baseDN's domain. If the message says that an excluded group shows no members any more, let the account read its member attribute; if it is really empty, do what the message says.";
    }
}

/// What a SyncScope holds back.
pub mod held {
    use super::{BLANKS_HELD, CREATIONS_HELD, REMOVALS_HELD, Reason};

    /// What can be held.
    const ALL: &[(&str, &str)] = &[(REMOVALS_HELD, "True"), (CREATIONS_HELD, "True"), (BLANKS_HELD, "True")];

    reasons! {
        /// It waits until somebody approves it, or until what it would do is not due any more. Everybody stays as they are; what else a sync does goes on.
        AWAITING_APPROVAL = "AwaitingApproval", ALL,
            "Look at status.held, and at why it would happen: a filter or group that somebody changed, a unit that was moved, a right that the operator's account lost? Mend that, and nothing is held any more. If it is right, let this batch through: kubectl annotate syncscope NAME adsync.dev/approve=DIGEST --overwrite, with the digest of the message.";
        /// Somebody approved it, and it is not finished yet. What is left of it is still due, and proven again before it is done.
        BEING_FINISHED = "BeingFinished", ALL, "Wait. If it stays, status.problems says what could not be written.";
        /// The spec has changed since: the next sync weighs it again, and closes another batch.
        BEING_WEIGHED = "BeingWeighed", ALL, "Wait for the next sync, and look at the digest then. If none comes, Synced says why.";
    }
}

/// What an ExtensionRule can give.
pub mod numbers {
    use super::{NUMBERS_AVAILABLE, RANGES_DISJOINT, Reason};

    reasons! {
        /// There are free numbers.
        NUMBERS_FREE = "NumbersFree", &[(NUMBERS_AVAILABLE, "True")], "";
        /// Numbers come from the directory alone, so none can run out.
        NUMBERS_FROM_ATTRIBUTE = "NumbersFromAttribute", &[(NUMBERS_AVAILABLE, "True")], "";
        /// Every number of the ranges is held, resting or reserved.
        RANGE_EXHAUSTED = "RangeExhausted", &[(NUMBERS_AVAILABLE, "False")], "Add a range to the rule. Or free numbers: delete Extensions that nobody needs, or remove entries from reserved.";
        /// No other rule of the phone system has the same numbers.
        NO_OVERLAP = "NoOverlap", &[(RANGES_DISJOINT, "True")], "";
        /// Another rule of the phone system has the same numbers; both say so. No number is given twice for that.
        RANGE_OVERLAP = "RangeOverlap", &[(RANGES_DISJOINT, "False")], "Nothing must be done. For separate blocks, change the ranges of one of the rules that the message names.";
    }
}

/// Reasons that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// A heading.
    pub title: &'static str,
    /// What holds for all of them.
    pub introduction: &'static str,
    /// The reasons.
    pub reasons: &'static [Reason],
}

/// Every reason, by group: what documentation and tests read.
pub const ALL: &[Group] = &[
    Group {
        title: "Any of the four kinds",
        introduction: "Reasons of `Ready`, and of what stands beside it while it is not True.",
        reasons: ready::TABLE,
    },
    Group {
        title: "The connection to the directory",
        introduction: "On ActiveDirectoryConfigs as `Connected`, and on the SyncScopes that use them as `Synced`. `Ready` and `Stalled` have these \
            reasons only on an object that has never worked: once it has, an outage leaves `Ready` as it is.",
        reasons: connection::TABLE,
    },
    Group {
        title: "How a SyncScope is served",
        introduction: "Reasons of `Synced`, `Matched` and `ReferencesResolved`.",
        reasons: sync::TABLE,
    },
    Group {
        title: "What a SyncScope holds back",
        introduction: "Reasons of `RemovalsHeld`, `CreationsHeld` and `BlanksHeld`, which are there only while something is held.",
        reasons: held::TABLE,
    },
    Group {
        title: "What an ExtensionRule can give",
        introduction: "Reasons of `NumbersAvailable` and `RangesDisjoint`.",
        reasons: numbers::TABLE,
    },
];

/// Every reason.
pub fn reasons() -> impl Iterator<Item = &'static Reason> {
    ALL.iter().flat_map(|group| group.reasons)
}

/// What is known of a reason.
pub fn reason(name: &str) -> Option<&'static Reason> {
    reasons().find(|reason| reason.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_is_one_word_with_a_meaning_and_stands_once() {
        let mut names = BTreeSet::new();
        for reason in reasons() {
            assert!(names.insert(reason.name), "{} stands twice", reason.name);
            assert!(
                reason.name.chars().all(|character| character.is_ascii_alphanumeric()),
                "{}",
                reason.name
            );
            assert!(reason.meaning.ends_with('.'), "{}: {:?}", reason.name, reason.meaning);
            assert!(!reason.goes_with.is_empty(), "{}", reason.name);
        }
    }

    /// All of the source but this file.
    fn source(directory: &std::path::Path) -> String {
        let mut all = String::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                all += &source(&path);
            } else if !path.parent().is_some_and(|folder| folder.ends_with("api/conditions")) {
                all += &std::fs::read_to_string(&path).unwrap();
            }
        }
        all
    }

    #[test]
    fn every_reason_is_given_somewhere() {
        let source = source(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let table = concat!(include_str!("mod.rs"), include_str!("connection.rs"));
        for reason in reasons() {
            let definition = format!(" = \"{}\",", reason.name);
            let (before, _) = table.split_once(&definition).unwrap();
            let constant = before.rsplit(' ').next().unwrap();
            let is_used = source
                .split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                .any(|word| word == constant || word == reason.name);
            assert!(is_used, "{}", reason.name);
        }
    }

    #[test]
    fn every_bad_status_says_what_to_do() {
        for reason in reasons() {
            let bad = reason
                .goes_with
                .iter()
                .any(|(kind, status)| (*status == "False") != (*kind == STALLED));
            assert!(!bad || !reason.remedy.is_empty(), "{}", reason.name);
        }
    }

    #[test]
    fn every_condition_has_a_reason_for_good_and_for_bad() {
        let has = |kind, status| reasons().any(|reason| reason.goes_with.contains(&(kind, status)));
        for Type {
            name, only_while_true, ..
        } in TYPES
        {
            assert!(has(name, "True") && (*only_while_true || has(name, "False")), "{name}");
        }
    }
}
