//! Extension: one number of a phone system and who holds it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{rules, schema::describe_choices, shared::LocalReference};

/// One dialable number, a ring group's too. Its name is `<phonesystem>-<number>`, so a number exists once.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "telephony.adsync.dev",
    version = "v1alpha1",
    kind = "Extension",
    plural = "extensions",
    shortname = "pext",
    category = "telephony",
    namespaced,
    status = "ExtensionStatus",
    derive = "PartialEq",
    validation = Rule::new("self.metadata.name == self.spec.phoneSystemRef.name + '-' + self.spec.number")
        .message("name the object <phonesystem>-<number>, such as hq-2001: so each number exists once"),
)]
#[x_kube(
    validation = Rule::new("self.state != 'Assigned' || has(self.holder)")
        .message("a number that is Assigned has a holder: write holder: {kind: PhoneUser, name: ...}, or state: Reserved"),
    validation = Rule::new("self.state != 'Reserved' || !has(self.holder)")
        .message("a number that is Reserved has no holder: remove holder, or write state: Assigned"),
    validation = Rule::new(
        "oldSelf.state == 'Cooling' || (has(self.holder) == has(oldSelf.holder) && (!has(self.holder) || self.holder == oldSelf.holder))"
    )
    .message("the holder of a number changes only from Cooling: write state: Cooling first, and the new holder after that")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = describe_choices)]
pub struct ExtensionSpec {
    /// The phone system this is a number of. Immutable.
    #[x_kube(validation = rules::immutable())]
    pub phone_system_ref: LocalReference,
    /// The number: 1 to 15 ASCII digits, compared as text. Immutable.
    #[schemars(length(max = 15), regex(pattern = rules::NUMBER))]
    #[x_kube(validation = rules::number(), validation = rules::immutable())]
    pub number: String,
    /// Whether somebody holds it.
    pub state: ExtensionState,
    /// Who holds it; while `Cooling`: who had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// While `Cooling`: when anybody may have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_after: Option<Time>,
    /// While `Cooling`, between two writes of the operator: for whom the last holder let go of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited_by: Option<Holder>,
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
    #[schemars(length(min = 1, max = 253), regex(pattern = rules::OBJECT_NAME))]
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
