//! Extension: one number of a phone system and who holds it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shared::LocalReference;

/// One dialable number, a ring group's too. Its name is `<phonesystem>-<number>`, so a number exists once.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "telephony.adsync.dev",
    version = "v1alpha1",
    kind = "Extension",
    plural = "extensions",
    shortname = "pext",
    category = "telephony",
    namespaced,
    status = "ExtensionStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionSpec {
    /// The phone system this is a number of. Immutable.
    pub phone_system_ref: LocalReference,
    /// The number: 1 to 15 ASCII digits, compared as text. Immutable.
    pub number: String,
    /// Whether somebody holds it.
    pub state: ExtensionState,
    /// Who holds it; while `Cooling`: who had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// While `Cooling`: when anybody may have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_after: Option<Time>,
}

/// Whether somebody holds a number.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ExtensionState {
    /// The holder has it.
    Assigned,
    /// It rests until `releaseAfter`; only its last holder may have it back before.
    Cooling,
    /// People set it aside; the operator never gives it.
    Reserved,
}

/// Who holds a number.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Holder {
    /// Kind of the holder.
    pub kind: HolderKind,
    /// Name of the holder, in this namespace.
    pub name: String,
}

/// What can hold a number.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum HolderKind {
    /// A person.
    PhoneUser,
    /// A department.
    RingGroup,
}

/// The phone system's own; the operator never writes it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct ExtensionStatus {}
