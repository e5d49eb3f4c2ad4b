//! Small types that several kinds share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names an object of a known kind in the same namespace.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub struct LocalReference {
    /// Name of the object, in this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Numbers from one to another, both included; compared as text, so leading zeros count.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct NumberRange {
    /// First number, ASCII digits.
    #[schemars(length(min = 1, max = 15), regex(pattern = r"^[0-9]+$"))]
    pub from: String,
    /// Last number: as many digits as `from`, and not below it.
    #[schemars(length(min = 1, max = 15), regex(pattern = r"^[0-9]+$"))]
    pub to: String,
}

/// An entry of the directory, by distinguished name (RFC 4514).
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct DnReference {
    /// Distinguished name, such as `OU=Staff,DC=example,DC=com`. Followed through renames once it was found.
    #[schemars(length(min = 3, max = 1024))]
    pub dn: String,
}

/// A group of the directory.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct GroupReference {
    /// Distinguished name of the group. Followed through renames once it was found.
    #[schemars(length(min = 3, max = 1024))]
    pub dn: String,
    /// Whether members of groups in this group count too.
    #[serde(default = "yes")]
    pub nested: bool,
}

/// The serde default of fields that are on unless switched off.
pub(crate) fn yes() -> bool {
    true
}
