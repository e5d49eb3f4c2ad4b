//! How people are found among the users that exist.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TargetField;

/// How people are found among the users that exist.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// Properties to compare, in order: the first with any candidate decides.
    #[serde(default = "default_match_by")]
    #[schemars(length(max = 5))]
    #[x_kube(
        validation = Rule::new("size(self) > 0").message("name at least one property, such as WindowsLogin"),
        validation = Rule::new("self.all(property, self.exists_one(other, other == property))")
            .message("name each property once: the order decides")
    )]
    pub by: Vec<MatchProperty>,
    /// What happens to people who match no user.
    #[serde(default)]
    pub on_no_match: OnNoMatch,
    /// Whether a user that people made may be linked.
    #[serde(default)]
    pub adopt: Adopt,
    /// Fields without which nobody is provisioned (`AttributeMissing`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 15))]
    pub require: Vec<TargetField>,
    /// A new account with the same value as somebody whose account is proven gone is the same person, and gets their PhoneUser.
    /// Unset: it is somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relink_by: Option<RelinkBy>,
}

impl Default for Match {
    fn default() -> Self {
        Self {
            by: default_match_by(),
            on_no_match: OnNoMatch::default(),
            adopt: Adopt::default(),
            require: Vec::new(),
            relink_by: None,
        }
    }
}

fn default_match_by() -> Vec<MatchProperty> {
    vec![MatchProperty::WindowsLogin]
}

/// A property that a person of the directory and a PhoneUser have in common.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum MatchProperty {
    /// sAMAccountName and `login`.
    WindowsLogin,
    /// userPrincipalName and `userPrincipalName`.
    UserName,
    /// mail and `email`.
    Email,
    /// employeeID and `employeeID`.
    #[serde(rename = "EmployeeID")]
    EmployeeId,
    /// givenName with sn, and `firstName` with `lastName`.
    FirstLastName,
}

/// What tells that a new account is somebody who was there before.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum RelinkBy {
    /// employeeID and `employeeID`.
    #[serde(rename = "EmployeeID")]
    EmployeeId,
    /// userPrincipalName and `userPrincipalName`.
    UserName,
    /// sAMAccountName and `login`.
    WindowsLogin,
}

/// What happens to people who match no user.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum OnNoMatch {
    /// A user is created for them.
    #[default]
    Provision,
    /// They are reported as `NoTargetUser`.
    Report,
}

/// Whether a user that people made may be linked.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Adopt {
    /// When exactly one matches.
    #[default]
    Matching,
    /// Never: people are provisioned beside them.
    Never,
}
