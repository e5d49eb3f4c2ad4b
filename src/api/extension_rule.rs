//! ExtensionRule: how numbers are given.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    rules,
    schema::describe_choices,
    shared::{LocalReference, NumberRange},
};

/// How numbers are given: from ranges, lowest free first, or from an attribute of the directory.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "adsync.dev",
    version = "v1alpha1",
    kind = "ExtensionRule",
    plural = "extensionrules",
    shortname = "extrule",
    category = "adsync",
    namespaced,
    status = "ExtensionRuleStatus",
    derive = "PartialEq"
)]
#[x_kube(
    validation = Rule::new("self.source != 'Attribute' || has(self.attribute)")
        .message("source Attribute needs the attribute that holds the number: write attribute: {name: telephoneNumber}"),
    validation = Rule::new("self.source == 'Attribute' || !has(self.attribute)")
        .message("source Sequential reads no attribute: remove attribute, or write source: Attribute"),
    validation = Rule::new("self.source != 'Sequential' || self.?ranges.orValue([]).size() > 0")
        .message("source Sequential needs numbers to give: write ranges: [{from: \"2000\", to: \"2999\"}]"),
    validation = Rule::new(
        "!has(self.attribute) || self.attribute.whenMissing != 'Sequential' || self.?ranges.orValue([]).size() > 0"
    )
    .message("whenMissing: Sequential needs numbers to give: write ranges: [{from: \"2000\", to: \"2999\"}]")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = describe_choices)]
pub struct ExtensionRuleSpec {
    /// The phone system whose numbers these are. Immutable.
    #[x_kube(validation = rules::immutable())]
    pub phone_system_ref: LocalReference,
    /// Where numbers come from.
    pub source: NumberSource,
    /// Ranges to number from. Needed for `Sequential`, and for `whenMissing: Sequential`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new(
        "self.all(range, self.exists_one(other, \
         size(other.from) == size(range.from) && other.from <= range.to && range.from <= other.to))"
    )
    .message("two of these ranges have numbers in common: join them, or change one, so that each number is in one range"))]
    pub ranges: Vec<NumberRange>,
    /// The attribute that holds the number. Needed for `Attribute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<NumberAttribute>,
    /// Numbers inside the ranges that are never given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub reserved: Vec<NumberRange>,
    /// How long a freed number rests before somebody else may have it, such as `720h`; its last holder gets it back at any time.
    /// A number from an attribute does not rest.
    #[serde(default = "thirty_days")]
    #[schemars(length(max = rules::DURATION_LENGTH), regex(pattern = rules::DURATION))]
    #[x_kube(validation = rules::rest())]
    pub cool_for: String,
    /// Moves people whose sequential number does not fit the rule any more. Otherwise they keep it, and are reported as `OutOfRange`.
    #[serde(default)]
    pub renumber: bool,
}

fn thirty_days() -> String {
    "720h".to_owned()
}

/// Where numbers come from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum NumberSource {
    /// The lowest free number of the ranges.
    Sequential,
    /// The value of an attribute of the directory.
    Attribute,
}

/// A number that the directory holds.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = Rule::new("!has(self.number) || has(self.pattern)")
    .message(r"number takes groups from pattern: write a pattern with a group, such as ^1555(\d{4})$, or remove number"))]
#[serde(rename_all = "camelCase")]
pub struct NumberAttribute {
    /// LDAP name of the attribute, such as `telephoneNumber` or `ipPhone`.
    #[schemars(length(max = 256))]
    #[x_kube(validation = rules::attribute_name())]
    pub name: String,
    /// What is done to the value first.
    #[serde(default)]
    pub normalize: Normalize,
    /// Regular expression that the whole value must match, such as `^1555(\d{4})$`. Default: digits only, as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = Rule::new("''.matches(self) in [true, false]")
        .message(r"write a regular expression, with a backslash before a sign that stands for itself, such as ^\+1555(\d{4})$"))]
    pub pattern: Option<String>,
    /// The number, with groups of the pattern as `$1` … `$9`. Default: the whole match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new(r"self.matches('^[0-9]*(\\$[1-9][0-9]*)+$')")
        .message("write digits and groups of the pattern, $1 to $9, such as $1 or 9$1"))]
    pub number: Option<String>,
    /// What happens to people without the attribute. A value that doesn't fit is always `NumberInvalid`.
    #[serde(default)]
    pub when_missing: WhenMissing,
}

/// What is done to an attribute's value before the pattern.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Normalize {
    /// Nothing.
    #[default]
    None,
    /// Everything but ASCII digits is dropped: `+1 555-2001` becomes `15552001`.
    Digits,
}

/// What happens to people without the attribute.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum WhenMissing {
    /// They are reported as `NumberMissing`, and newcomers among them are not created.
    #[default]
    Unmatched,
    /// They get the lowest free number of `ranges`.
    Sequential,
}

/// How full the rule is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionRuleStatus {
    /// The `metadata.generation` that the conditions speak of; −1 before the operator has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, NumbersAvailable, RangesDisjoint; only while True: Reconciling, Stalled.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Numbers in the ranges that may be given at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<i64>,
    /// Of `capacity`: held by somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned: Option<i64>,
    /// Of `capacity`: resting after their last holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooling: Option<i64>,
    /// Of `capacity`: free now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<i64>,
}
