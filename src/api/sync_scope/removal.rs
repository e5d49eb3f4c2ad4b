//! What happens to those who leave, how many may leave at once, and what a scope leaves behind.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::rules;

/// What happens to those who leave. Nobody leaves on doubt, and only so many at once.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = Rule::new("!has(self.deleteAfter) || self.whenDeleted == 'Disable'")
    .message("deleteAfter deletes those who were disabled when their account was deleted: write whenDeleted: Disable, or remove deleteAfter"))]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// The account is disabled or has expired.
    #[serde(default)]
    pub when_disabled: WhenAbsent,
    /// The account exists, and `users` does not select it any more.
    #[serde(default)]
    pub when_out_of_scope: WhenAbsent,
    /// The account is gone.
    #[serde(default)]
    pub when_deleted: WhenAbsent,
    /// Deletes a PhoneUser whose account has been gone for so long, such as `720h` (`1h` to `87600h`); its number rests then. Unset: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = rules::DURATION_LENGTH), regex(pattern = rules::DURATION))]
    #[x_kube(validation = rules::long_duration())]
    pub delete_after: Option<String>,
    /// How many may leave at once. What doesn't fit is held whole, until somebody approves it.
    #[serde(default = "of_a_scope")]
    pub limit: RemovalLimit,
}

/// What happens to somebody who is absent.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum WhenAbsent {
    /// `enabled: false`, and out of the ring groups. The number stays theirs.
    #[default]
    Disable,
    /// The PhoneUser is deleted, and the number rests. One that people made is let go of instead.
    Delete,
    /// Nothing.
    Keep,
}

/// How many people may leave within a window. The smaller of the two holds.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovalLimit {
    /// Percent of those who were linked when the window began. Three may always leave, unless `count` is less.
    #[serde(default = "ten")]
    #[schemars(range(min = 0, max = 100))]
    pub percent: i32,
    /// How many people, and how many ring groups. 0: everything waits for approval.
    #[serde(default = "fifty")]
    #[schemars(range(min = 0, max = 100_000))]
    pub count: i32,
    /// How long the window is, such as `24h` (`1h` to `87600h`).
    #[serde(default = "a_day")]
    #[schemars(length(max = rules::DURATION_LENGTH), regex(pattern = rules::DURATION))]
    #[x_kube(validation = rules::long_duration())]
    pub window: String,
}

impl Default for RemovalLimit {
    fn default() -> Self {
        of_a_scope()
    }
}

/// How many PhoneUsers may be created in one sync.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationLimit {
    /// Percent of those who are linked. The first sync of a scope ignores it.
    #[serde(default = "half")]
    #[schemars(range(min = 0, max = 1000))]
    pub percent: i32,
    /// How many people.
    #[serde(default = "five_hundred")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub count: i32,
}

/// What a deleted scope leaves behind.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeletionPolicy {
    /// Users, numbers and ring groups stay as they are. Another scope that selects the same people takes them over.
    #[default]
    Retain,
    /// What the scope made is deleted, within its limit; what another scope selects goes over to that. Over the limit everything stays.
    Delete,
}

pub(super) fn of_a_scope() -> RemovalLimit {
    RemovalLimit {
        percent: ten(),
        count: fifty(),
        window: a_day(),
    }
}

const fn ten() -> i32 {
    10
}

const fn fifty() -> i32 {
    50
}

const fn half() -> i32 {
    50
}

const fn five_hundred() -> i32 {
    500
}

pub(in crate::api) fn a_day() -> String {
    "24h".to_owned()
}
