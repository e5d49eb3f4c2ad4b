//! Every condition type and reason that adsync writes, each documented once.
//!
//! Polarity: Ready, Synced, Connected, Matched, ReferencesResolved, NumbersAvailable and RangesDisjoint are good when True;
//! Reconciling and Stalled exist only while True (kstatus).

/// The spec is valid, its references exist, and some generation of it has worked. On all four configuration kinds.
pub const READY: &str = "Ready";
/// Only while True: the operator is working towards this generation.
pub const RECONCILING: &str = "Reconciling";
/// Only while True: it won't get better by itself.
pub const STALLED: &str = "Stalled";
/// ActiveDirectoryConfig: the directory answers now.
pub const CONNECTED: &str = "Connected";
/// SyncScope: the last sync worked, and the data is not old.
pub const SYNCED: &str = "Synced";
/// SyncScope: nobody is unmatched but the Unlinked. The message carries the counts.
pub const MATCHED: &str = "Matched";
/// SyncScope: every distinguished name of the spec was found.
pub const REFERENCES_RESOLVED: &str = "ReferencesResolved";
/// ExtensionRule: there are free numbers.
pub const NUMBERS_AVAILABLE: &str = "NumbersAvailable";
/// ExtensionRule: no other rule of the phone system has the same numbers.
pub const RANGES_DISJOINT: &str = "RangesDisjoint";

/// At most so many conditions an object.
pub const MOST: i64 = 16;
/// A condition's message is cut there by whoever writes it; the API server refuses a longer one.
pub const LONGEST_MESSAGE: i64 = 32_768;
