//! Who gets a number by which rule, and what becomes a ring group.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Selector;
use crate::api::{
    ring_group::Strategy,
    rules,
    shared::{DnReference, GroupReference, LocalReference},
};

/// Who gets a number by which rule.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionEntry {
    /// Name of this entry.
    #[schemars(length(max = 63))]
    #[x_kube(validation = rules::entry_name())]
    pub name: String,
    /// The ExtensionRule that numbers them.
    pub rule_ref: LocalReference,
    /// Whom it numbers; unset: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Selector>,
}

/// Groups or organizational units that become ring groups. One of `group`, `organizationalUnit`, `under`.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("[has(self.group), has(self.organizationalUnit), has(self.under)].exists_one(given, given)")
        .message("write exactly one of group, organizationalUnit and under in each entry"),
    validation = Rule::new("has(self.under) || (!has(self.groupTypes) && !has(self.exclude))")
        .message("groupTypes and exclude choose among the groups under an entry: remove them, or write under"),
    validation = Rule::new("!has(self.under) || !has(self.ringGroup.number)")
        .message("under makes many ring groups, which can't share a number: write ruleRef instead of number")
)]
#[serde(rename_all = "camelCase")]
pub struct Department {
    /// Name of this entry.
    #[schemars(length(max = 63))]
    #[x_kube(validation = rules::entry_name())]
    pub name: String,
    /// This group becomes one ring group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupReference>,
    /// This organizational unit becomes one ring group of the people anywhere below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<DnReference>,
    /// Each group anywhere below this becomes a ring group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<DnReference>,
    /// With `under`: which groups. Default: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2))]
    pub group_types: Option<Vec<GroupType>>,
    /// With `under`: distinguished names of groups that stay out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub exclude: Vec<DnReference>,
    /// What the ring group is like.
    #[serde(default)]
    pub ring_group: RingGroupTemplate,
}

/// A kind of group (`groupType`, MS-ADTS 2.2.12).
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum GroupType {
    /// A group that can be given rights.
    SecurityGroup,
    /// A group for mail only.
    DistributionList,
}

/// What a ring group is like.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = Rule::new("!has(self.number) || !has(self.ruleRef)").message("write number or ruleRef, not both"))]
#[serde(rename_all = "camelCase")]
pub struct RingGroupTemplate {
    /// Its number. Not with `under`, which makes many. Neither this nor `ruleRef`: no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 15), regex(pattern = rules::NUMBER))]
    #[x_kube(validation = rules::number())]
    pub number: Option<String>,
    /// The ExtensionRule (source Sequential) that numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_ref: Option<LocalReference>,
    /// In which order its phones ring.
    #[serde(default)]
    pub strategy: Strategy,
}
