//! RingGroup: a department's ring group.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{rules, schema::describe_choices, shared::LocalReference};

/// Phones that ring together. Those that the operator makes are named `<phonesystem>-<objectGUID of the group or OU>`.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "telephony.adsync.dev",
    version = "v1alpha1",
    kind = "RingGroup",
    plural = "ringgroups",
    shortname = "rg",
    category = "telephony",
    namespaced,
    status = "RingGroupStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = describe_choices)]
pub struct RingGroupSpec {
    /// The phone system this is a ring group of. Immutable.
    #[x_kube(validation = rules::immutable())]
    pub phone_system_ref: LocalReference,
    /// Name as shown on phones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub display_name: Option<String>,
    /// Internal number. The Extension of that number says who holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 15), regex(pattern = rules::NUMBER))]
    #[x_kube(validation = rules::number())]
    pub number: Option<String>,
    /// In which order its phones ring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// Whether it can be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether it is listed in the phonebook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_phonebook: Option<bool>,
    /// Numbers of the department's people, sorted. The operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20000), inner(length(max = 15), regex(pattern = rules::NUMBER)))]
    pub members: Option<Vec<String>>,
    /// Further numbers that ring with it. People's: the operator never writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), inner(length(max = 15), regex(pattern = rules::NUMBER)))]
    #[x_kube(validation = rules::numbers())]
    pub additional_members: Option<Vec<String>>,
    /// Where it comes from. The operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<RingGroupSource>,
}

/// In which order the phones of a ring group ring.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Strategy {
    /// All at once.
    #[default]
    RingAll,
    /// One after the other, always from the first.
    Hunt,
    /// One after the other, beginning behind who was called last.
    RoundRobin,
    /// Who has been idle the longest comes first.
    LeastRecent,
}

/// Where a ring group comes from.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RingGroupSource {
    /// The SyncScope that provides it.
    pub scope_ref: LocalReference,
    /// Name of the entry in the scope's `departments`.
    #[schemars(length(max = 63))]
    pub department: String,
    /// objectGUID of the group or organizational unit, lower-case text form.
    #[serde(rename = "objectGUID")]
    #[schemars(length(max = 36), regex(pattern = rules::OBJECT_GUID))]
    pub object_guid: String,
}

/// The phone system's own; the operator never writes it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct RingGroupStatus {}
