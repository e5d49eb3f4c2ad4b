//! Small types that several kinds share.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::rules;

/// Names an object of a known kind in the same namespace.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub struct LocalReference {
    /// Name of the object, in this namespace.
    #[schemars(length(min = 1, max = 253), regex(pattern = rules::OBJECT_NAME))]
    pub name: String,
}

/// Numbers from one to another, both included; compared as text, so leading zeros count.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = rules::range_length(), validation = rules::range_order())]
pub struct NumberRange {
    /// First number: 1 to 15 digits.
    #[schemars(length(max = 15), regex(pattern = rules::NUMBER))]
    #[x_kube(validation = rules::number())]
    pub from: String,
    /// Last number: as many digits as `from`, and not below it.
    #[schemars(length(max = 15), regex(pattern = rules::NUMBER))]
    #[x_kube(validation = rules::number())]
    pub to: String,
}

/// An entry of the directory, by distinguished name (RFC 4514).
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct DnReference {
    /// Distinguished name, such as `OU=Staff,DC=example,DC=com`. Followed through renames once it was found.
    #[schemars(length(max = 1024))]
    #[x_kube(validation = rules::distinguished_name())]
    pub dn: String,
}

/// A group of the directory.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct GroupReference {
    /// Distinguished name of the group. Followed through renames once it was found.
    #[schemars(length(max = 1024))]
    #[x_kube(validation = rules::distinguished_name())]
    pub dn: String,
    /// Whether members of groups in this group count too.
    #[serde(default = "yes")]
    pub nested: bool,
}

/// The serde default of fields that are on unless switched off.
pub(crate) fn yes() -> bool {
    true
}
