//! Who is in a scope, and who is not.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{
    rules,
    shared::{DnReference, GroupReference},
};

/// How many organizational units and groups are named.
const NAMED: &str = "self.?organizationalUnits.orValue([]).size() + self.?groups.orValue([]).size()";

/// Who is in a scope: people in any of the organizational units or groups, who match the filter; or everyone.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new(format!("has(self.everyone) || has(self.filter) || {NAMED} > 0"))
        .message("say who is synced: organizationalUnits, groups, or everyone: {}"),
    validation = Rule::new(format!("has(self.everyone) || !has(self.filter) || {NAMED} > 0"))
        .message("a filter narrows a choice: write everyone: {} beside it, or organizationalUnits or groups"),
    validation = Rule::new(format!("!has(self.everyone) || {NAMED} == 0"))
        .message("everyone includes all organizational units and groups: remove these, or remove everyone")
)]
#[serde(rename_all = "camelCase")]
pub struct Users {
    /// People anywhere below any of these organizational units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub organizational_units: Vec<DnReference>,
    /// People in any of these groups, besides those of `organizationalUnits`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub groups: Vec<GroupReference>,
    /// Of these people, only who matches this LDAP filter (RFC 4515), such as `(employeeType=staff)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    #[x_kube(validation = rules::filter())]
    pub filter: Option<String>,
    /// Everyone below the base DN, instead of organizational units and groups. Written as `everyone: {}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everyone: Option<Everyone>,
}

/// Everyone below the base DN.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Everyone {}

/// Keeps people out of a scope. One of `organizationalUnit`, `group`, `filter`, `login`.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = Rule::new(
    "[has(self.organizationalUnit), has(self.group), has(self.filter), has(self.login)].exists_one(given, given)"
)
.message("write exactly one of organizationalUnit, group, filter and login in each entry"))]
#[serde(rename_all = "camelCase")]
pub struct Exclusion {
    /// Name of this entry.
    #[schemars(length(max = 63))]
    #[x_kube(validation = rules::entry_name())]
    pub name: String,
    /// People anywhere below this organizational unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<DnReference>,
    /// People in this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupReference>,
    /// People who match this LDAP filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    #[x_kube(validation = rules::filter())]
    pub filter: Option<String>,
    /// The one person with this sAMAccountName.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub login: Option<String>,
}

/// Picks people of a scope. One of `organizationalUnit`, `group`, `filter`.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = Rule::new(
    "[has(self.organizationalUnit), has(self.group), has(self.filter)].exists_one(given, given)"
)
.message("write exactly one of organizationalUnit, group and filter"))]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// People anywhere below this organizational unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<DnReference>,
    /// People in this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupReference>,
    /// People who match this LDAP filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    #[x_kube(validation = rules::filter())]
    pub filter: Option<String>,
}
