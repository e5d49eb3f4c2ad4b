//! PhoneUser: one user of a phone system.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{rules, schema::describe_choices, shared::LocalReference};

/// One user of a phone system. Those that the operator makes are named `<phonesystem>-<objectGUID>`.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "telephony.adsync.dev",
    version = "v1alpha1",
    kind = "PhoneUser",
    plural = "phoneusers",
    shortname = "pu",
    category = "telephony",
    namespaced,
    status = "PhoneUserStatus",
    derive = "PartialEq",
    selectable = ".spec.login",
    selectable = ".spec.extension",
    selectable = ".spec.directory.objectGUID"
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = describe_choices)]
pub struct PhoneUserSpec {
    /// The phone system this is a user of. Immutable.
    #[x_kube(validation = rules::immutable())]
    pub phone_system_ref: LocalReference,
    /// People's wish: `Unlinked` keeps the user as it is, free to edit, until somebody sets `Linked` again. The operator never writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Linked"))]
    pub link: Option<Link>,
    /// Login name. From `sAMAccountName` unless mapped otherwise, as the attributes below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub login: Option<String>,
    /// User principal name, such as `jane.doe@example.com`. From `userPrincipalName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub user_principal_name: Option<String>,
    /// Everything this person may sign in with. Derived: userPrincipalName and mail; with `bareUsername` also the short forms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(length(max = 1024)))]
    pub login_names: Option<Vec<String>>,
    /// Name as shown on phones. From `displayName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub display_name: Option<String>,
    /// Given name. From `givenName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub first_name: Option<String>,
    /// Family name. From `sn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_name: Option<String>,
    /// Mail address. From `mail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub email: Option<String>,
    /// Personnel number. From `employeeID`.
    #[serde(default, rename = "employeeID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub employee_id: Option<String>,
    /// Whether the phone works. False once somebody's account is disabled or gone, or the scope does not select it any more, unless `removal` says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Department. From `department`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub department: Option<String>,
    /// Job title. From `title`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub title: Option<String>,
    /// Public phone number, as text. From `telephoneNumber`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub phone: Option<String>,
    /// Mobile number, as text. From `mobile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub mobile: Option<String>,
    /// Office or room. From `physicalDeliveryOfficeName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub office: Option<String>,
    /// Company. From `company`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub company: Option<String>,
    /// Organizational unit of the account, as its distinguished name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub organizational_unit: Option<String>,
    /// Internal number. The Extension of that number says who holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 15), regex(pattern = rules::NUMBER))]
    #[x_kube(validation = rules::number())]
    pub extension: Option<String>,
    /// The account this user is linked to. The operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryLink>,
}

/// Whether the operator may touch a user.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Link {
    /// The operator keeps the user in step with the directory.
    #[default]
    Linked,
    /// The operator leaves the user as it is.
    Unlinked,
}

/// The account that a user is linked to.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryLink {
    /// The ActiveDirectoryConfig through which the account was read.
    pub config_ref: LocalReference,
    /// The SyncScope that provides this user.
    pub scope_ref: LocalReference,
    /// The account's objectGUID, lower-case text form.
    #[serde(rename = "objectGUID")]
    #[schemars(length(max = 36), regex(pattern = rules::OBJECT_GUID))]
    pub object_guid: String,
    /// How the user came to be linked.
    pub origin: Origin,
    /// Why the directory says that they should not be served, once that is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absence: Option<Absence>,
}

/// Why the directory says that somebody should not be served.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Absence {
    /// Why they should not be served.
    pub reason: AbsenceReason,
    /// Since when that is known; begins anew with another reason.
    pub since: Time,
}

/// Why the directory says that somebody should not be served.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum AbsenceReason {
    /// The account is disabled or has expired.
    Disabled,
    /// The account exists, and the scope does not select it any more.
    OutOfScope,
    /// The account is gone.
    Deleted,
}

/// How a user came to be linked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Origin {
    /// The operator created it.
    Provisioned,
    /// People created it; it was matched. It is never deleted, only let go of.
    Adopted,
}

/// The phone system's own; the operator never writes it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct PhoneUserStatus {}
