//! Where the fields of a PhoneUser come from.

use std::collections::BTreeMap;

use kube::{
    KubeSchema,
    core::{Message, Rule},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::rules;

/// A field of PhoneUser that is mapped from the directory.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TargetField {
    /// From `sAMAccountName`.
    Login,
    /// From `userPrincipalName`.
    UserPrincipalName,
    /// Derived from userPrincipalName and mail.
    LoginNames,
    /// From `displayName`.
    DisplayName,
    /// From `givenName`.
    FirstName,
    /// From `sn`.
    LastName,
    /// From `mail`.
    Email,
    /// From `employeeID`.
    #[serde(rename = "employeeID")]
    EmployeeId,
    /// From `department`.
    Department,
    /// From `title`.
    Title,
    /// From `telephoneNumber`.
    Phone,
    /// From `mobile`.
    Mobile,
    /// From `physicalDeliveryOfficeName`.
    Office,
    /// From `company`.
    Company,
    /// Derived from the distinguished name.
    OrganizationalUnit,
}

impl TargetField {
    /// Their names, as they are written.
    pub const NAMES: [&str; 15] = [
        "login",
        "userPrincipalName",
        "loginNames",
        "displayName",
        "firstName",
        "lastName",
        "email",
        "employeeID",
        "department",
        "title",
        "phone",
        "mobile",
        "office",
        "company",
        "organizationalUnit",
    ];
}

/// Where the fields of a PhoneUser come from, by field.
pub type FieldMap = BTreeMap<TargetField, FieldSource>;

/// The fields of a PhoneUser that `map` may name. The API server would drop an unknown property without a word, and refuses
/// an unknown key of a map only when told to.
pub(super) fn known_fields() -> Rule {
    let names = TargetField::NAMES.map(|name| format!("'{name}'")).join(", ");
    Rule::new(format!("self.all(field, field in [{names}])")).message(Message::Expression(format!(
        "'there is no field ' + self.filter(field, !(field in [{names}]))[0] + ': write one of {}'",
        TargetField::NAMES.join(", ")
    )))
}

/// Two fields are derived from several attributes.
pub(super) fn derived_fields() -> Rule {
    Rule::new("self.all(field, !(field in ['loginNames', 'organizationalUnit']) || !has(self[field].attribute))")
        .message("loginNames and organizationalUnit are derived: remove attribute, or write policy: Ignore")
}

/// Where one field comes from.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = Rule::new("!has(self.attribute) || self.policy != 'Ignore'")
    .message("a field with policy: Ignore has no source: remove attribute, or remove policy"))]
#[serde(rename_all = "camelCase")]
pub struct FieldSource {
    /// LDAP name of the attribute. Default: the field's own. Not for `loginNames` and `organizationalUnit`, which are derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = rules::attribute_name())]
    pub attribute: Option<String>,
    /// Whether the field is synced at all.
    #[serde(default)]
    pub policy: FieldPolicy,
}

/// Whether a field is synced.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum FieldPolicy {
    /// It follows the directory.
    #[default]
    Sync,
    /// It is left alone, free to edit.
    Ignore,
}
