//! PhoneSystem: the target system and its number plan.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{rules, schema::describe_choices};

/// A phone system: what its scopes, rules, users and numbers refer to.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "telephony.adsync.dev",
    version = "v1alpha1",
    kind = "PhoneSystem",
    plural = "phonesystems",
    shortname = "phs",
    category = "adsync",
    category = "telephony",
    namespaced,
    status = "PhoneSystemStatus",
    derive = "PartialEq",
    validation = rules::short_name(),
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = describe_choices)]
pub struct PhoneSystemSpec {
    /// Which numbers may be given.
    #[serde(default)]
    pub number_plan: NumberPlan,
    /// Which operator writes the status of this object and of its ExtensionRules: the one that was started with `--agent` and this name.
    /// Default: the one without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    #[x_kube(validation = rules::entry_name())]
    pub agent: Option<String>,
}

/// Which numbers may be given.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberPlan {
    /// How long a number may be.
    #[serde(default)]
    pub digits: Digits,
    /// Numbers known to the phone system only: never given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub reserved: Vec<ReservedRange>,
    /// Emergency numbers: never given. A list of yours replaces this one: repeat what you keep.
    #[serde(default = "default_emergency")]
    #[schemars(length(max = 64), inner(length(max = 15), regex(pattern = rules::NUMBER)))]
    #[x_kube(validation = rules::numbers())]
    pub emergency: Vec<String>,
}

impl Default for NumberPlan {
    fn default() -> Self {
        Self {
            digits: Digits::default(),
            reserved: Vec::new(),
            emergency: default_emergency(),
        }
    }
}

fn default_emergency() -> Vec<String> {
    ["000", "08", "110", "111", "112", "119", "911", "988", "999"]
        .map(str::to_owned)
        .to_vec()
}

/// How long a number may be, in digits.
#[derive(Clone, Copy, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = Rule::new("self.min <= self.max").message("min must not be above max: write the smaller one as min, such as {min: 3, max: 4}"))]
pub struct Digits {
    /// Fewest digits.
    #[serde(default = "default_min")]
    #[schemars(range(min = 1, max = 15))]
    pub min: i32,
    /// Most digits.
    #[serde(default = "default_max")]
    #[schemars(range(min = 1, max = 15))]
    pub max: i32,
}

fn default_min() -> i32 {
    2
}

fn default_max() -> i32 {
    6
}

impl Default for Digits {
    fn default() -> Self {
        Self {
            min: default_min(),
            max: default_max(),
        }
    }
}

/// Numbers that are never given.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = rules::range_length(), validation = rules::range_order())]
pub struct ReservedRange {
    /// First number: 1 to 15 digits.
    #[schemars(length(max = 15), regex(pattern = rules::NUMBER))]
    #[x_kube(validation = rules::number())]
    pub from: String,
    /// Last number: as many digits as `from`, and not below it.
    #[schemars(length(max = 15), regex(pattern = rules::NUMBER))]
    #[x_kube(validation = rules::number())]
    pub to: String,
    /// What they are for.
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The phone system's totals.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhoneSystemStatus {
    /// The `metadata.generation` that the conditions speak of; −1 before the operator has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready; only while True: Reconciling, Stalled.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// PhoneUsers of this system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<UserTotals>,
    /// Extensions of this system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<ExtensionTotals>,
    /// RingGroups of this system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_groups: Option<RingGroupTotals>,
    /// Objects that no live scope provides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmanaged: Option<UnmanagedTotals>,
}

/// PhoneUsers of a system.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct UserTotals {
    /// All of them.
    pub total: i64,
    /// Those with `enabled: true`.
    pub enabled: i64,
    /// Those linked to an account of a directory.
    pub linked: i64,
    /// Those that people unlinked.
    pub unlinked: i64,
}

/// Extensions of a system, by state.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ExtensionTotals {
    /// All of them.
    pub total: i64,
    /// Held by somebody.
    pub assigned: i64,
    /// Resting after their last holder.
    pub cooling: i64,
    /// Set aside by people.
    pub reserved: i64,
}

/// RingGroups of a system.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RingGroupTotals {
    /// All of them.
    pub total: i64,
    /// Those with `enabled: true`.
    pub enabled: i64,
}

/// Objects that no live scope provides.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnmanagedTotals {
    /// PhoneUsers.
    pub users: i64,
    /// Extensions.
    pub extensions: i64,
    /// RingGroups.
    pub ring_groups: i64,
}
