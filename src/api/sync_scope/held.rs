//! What a scope holds back until somebody approves it, and what its limit's window has seen.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many digits a digest has.
pub const DIGEST_LENGTH: usize = 16;
/// How many names a sample has at most.
pub const MOST_SAMPLED: usize = 10;
/// How many members of a batch are kept one by one. A bigger batch is approved as a whole: as long as nothing of it changes.
pub const MOST_HELD_MEMBERS: usize = 4096;
/// How many digits stand for one member of a batch.
pub const MEMBER_LENGTH: usize = 8;
/// How many entries a budget has at most.
pub const MOST_BUDGET: usize = 512;

/// What is held back, frozen as one batch.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// What would be done.
    #[serde(rename = "type")]
    pub kind: HeldType,
    /// To how many people and ring groups; with `Blanks`, how many values.
    pub count: i64,
    /// What to write into the annotation `adsync.dev/approve` to let this batch through, once.
    #[schemars(length(max = DIGEST_LENGTH))]
    pub digest: String,
    /// When the batch was closed: what comes up later forms the next one.
    pub since: Time,
    /// The first few of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_SAMPLED), inner(length(max = 1024)))]
    pub sample: Vec<String>,
    /// Which limit it is more than, for people to read. Unset: it waits whatever the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub limit: Option<String>,
    /// Eight hexadecimal digits for each object and what would happen to it, in order: an approval lets nothing else through.
    /// Empty with more than 4,096 of them: such a batch is let through while it is exactly what the digest was made of.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = MOST_HELD_MEMBERS * MEMBER_LENGTH))]
    pub members: String,
    /// Somebody has approved it, and it is not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Approval>,
}

/// What can be held.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum HeldType {
    /// People and ring groups that would be disabled, deleted or let go of, and ring groups that would lose most of their members.
    Removals,
    /// People who would be created.
    Creations,
    /// Values that the directory does not show any more.
    Blanks,
}

/// Somebody approved a batch.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Approval {
    /// The batch's digest.
    #[schemars(length(max = DIGEST_LENGTH))]
    pub digest: String,
    /// When the operator saw it.
    pub time: Time,
}

/// What was removed at some time, or was about to be: written before the removal.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetEntry {
    /// When that was.
    pub time: Time,
    /// How many people; for a ring group that lost members, how many of these.
    pub count: i64,
    /// How many were deleted or let go of, and are not among the linked any more; they may have been counted when they were disabled.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gone: i64,
    /// How many ring groups were removed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ring_groups: i64,
    /// The ring group that lost members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub ring_group: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &i64) -> bool {
    *count == 0
}
