//! What the last sync found and did.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BudgetEntry, Held, MOST_BUDGET};
use crate::api::{rules, schema::describe_choices};

/// What the last sync found and did.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = describe_choices)]
pub struct SyncScopeStatus {
    /// The `metadata.generation` that the conditions speak of; −1 before the operator has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Synced, Matched, ReferencesResolved; only while True: RemovalsHeld, CreationsHeld, BlanksHeld, Reconciling, Stalled.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The scope's people, counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<UserCounts>,
    /// The scope's numbers, counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<ExtensionCounts>,
    /// The scope's ring groups, counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_groups: Option<RingGroupCounts>,
    /// What waits for somebody's approval: annotate the scope with `adsync.dev/approve: <digest>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub held: Vec<Held>,
    /// What the window of `removal.limit` has seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_BUDGET))]
    pub budget: Vec<BudgetEntry>,
    /// The last sync that changed, held or failed something, or was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<SyncRecord>,
    /// The last ten syncs that changed, held or failed something, latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub history: Vec<SyncRecord>,
    /// At most twenty people or ring groups that could not be served as the spec wishes, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub problems: Vec<Problem>,
    /// Each distinguished name of the spec with the objectGUID it had: followed through renames.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4096))]
    pub references: Vec<ResolvedReference>,
    /// The last value of the annotation `reconcile.fluxcd.io/requestedAt` that was acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = rules::ANNOTATION_LENGTH))]
    pub last_handled_reconcile_at: Option<String>,
}

/// found = excluded + inactive + inScope; inScope = matched + unmatched. Outside found: outOfScope, gone.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserCounts {
    /// People that `users` selects.
    pub found: i64,
    /// Of `found`: kept out by `exclude`.
    pub excluded: i64,
    /// Of `found`: disabled or expired, and not linked.
    pub inactive: i64,
    /// Of `found`: neither excluded nor inactive.
    pub in_scope: i64,
    /// Of `inScope`: linked when the sync ended.
    pub matched: i64,
    /// Of `inScope`: not linked.
    pub unmatched: i64,
    /// Of `matched`: disabled or expired in the directory.
    pub disabled: i64,
    /// Linked, and the account exists, but `users` does not select it any more.
    pub out_of_scope: i64,
    /// Linked, and the account was not found any more.
    pub gone: i64,
    /// Disabled or gone in the directory, yet enabled here: unlinked, excluded, protected, invalid, held, not yet proven, or kept by `removal`. The
    /// message of the condition Synced says how many of each.
    #[serde(default)]
    pub lingering: i64,
}

/// A scope's numbers.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ExtensionCounts {
    /// People of the scope who hold a number.
    pub assigned: i64,
}

/// A scope's ring groups.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RingGroupCounts {
    /// Ring groups that are as the spec wishes.
    pub synced: i64,
}

/// One sync, as the history keeps it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SyncRecord {
    /// When it ended.
    pub time: Time,
    /// What was read.
    #[serde(rename = "type")]
    pub kind: SyncType,
    /// Why it ran.
    pub trigger: Trigger,
    /// PhoneUsers, Extensions and RingGroups created.
    pub created: i64,
    /// Objects changed.
    pub updated: i64,
    /// PhoneUsers switched off.
    #[serde(default)]
    pub disabled: i64,
    /// PhoneUsers and RingGroups deleted or let go of; unlinking one of them is an update.
    #[serde(default)]
    pub deleted: i64,
    /// What was held back for approval.
    #[serde(default)]
    pub held: i64,
    /// Writes that failed; they are tried again.
    pub failed: i64,
    /// How long it took, such as `1.2s`.
    #[schemars(length(max = 32))]
    pub duration: String,
}

/// What a sync read.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum SyncType {
    /// Everything.
    #[default]
    Full,
}

/// Why a sync ran.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Trigger {
    /// The operator started, or the scope is new to it.
    Started,
    /// The scope's spec changed.
    SpecChanged,
    /// Something that the scope refers to changed.
    ReferenceChanged,
    /// Somebody asked for it.
    Requested,
    /// Somebody approved what is held.
    Approved,
    /// An absence that nothing proves but that it lasts is confirmed by a second read.
    Confirming,
    /// Its time had come.
    Scheduled,
    /// An object of the phone system changed.
    ObjectChanged,
    /// The last one failed.
    Retried,
}

/// The most characters of a [`Problem`]'s names and addresses.
pub const LONGEST_NAME: usize = 1024;
/// The most characters of a [`Problem`]'s message.
pub const LONGEST_MESSAGE: usize = 4096;

/// Somebody who could not be served as the spec wishes.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Problem {
    /// Login name (sAMAccountName) of the person, or the name of the group.
    #[schemars(length(max = LONGEST_NAME))]
    pub login: String,
    /// Mail address, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = LONGEST_NAME))]
    pub mail: Option<String>,
    /// Why, in one word.
    pub reason: ProblemReason,
    /// Why, and what to do.
    #[schemars(length(max = LONGEST_MESSAGE))]
    pub message: String,
    /// The other claimant or candidate, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = LONGEST_NAME))]
    pub other: Option<String>,
}

/// Why somebody could not be served as the spec wishes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum ProblemReason {
    /// No PhoneUser matches, and `onNoMatch` is `Report`.
    NoTargetUser,
    /// Several PhoneUsers match, or several people match one PhoneUser or share a login name.
    DuplicateMatch,
    /// Another scope of the same phone system provides them.
    ClaimedByOtherScope,
    /// They have the login, userPrincipalName or employeeID of a PhoneUser linked to another account.
    IdentityReused,
    /// No property of `match.by` has a value.
    KeyMissing,
    /// A field of `match.require` has no value.
    AttributeMissing,
    /// The attribute that holds the number is empty.
    NumberMissing,
    /// The attribute that holds the number has a value that does not fit.
    NumberInvalid,
    /// Somebody else holds the number.
    NumberTaken,
    /// The rule has no free number.
    RangeExhausted,
    /// Their number is outside of the rule's ranges.
    OutOfRange,
    /// People unlinked the PhoneUser.
    Unlinked,
    /// The account has no objectGUID or no sAMAccountName.
    InvalidRecord,
    /// Another tool applies a field.
    FieldManagedElsewhere,
    /// The API server refused a write.
    WriteFailed,
}

/// A distinguished name of the spec, with the objectGUID that it had.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ResolvedReference {
    /// The distinguished name, as the spec has it.
    #[schemars(length(max = 1024))]
    pub dn: String,
    /// objectGUID of the entry, lower-case text form; unset when it was never found.
    #[serde(default, rename = "objectGUID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36), regex(pattern = rules::OBJECT_GUID))]
    pub object_guid: Option<String>,
    /// Of a group that `exclude` names: it has shown members. When it shows none any more, it is in doubt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub populated: bool,
}
