//! SyncScope: who is synced, where to, how they match, what is mapped, and when.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ring_group::Strategy,
    shared::{DnReference, GroupReference, LocalReference},
};

/// Who is synced from one directory to one phone system, how they match, what is mapped, and when.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "adsync.dev",
    version = "v1alpha1",
    kind = "SyncScope",
    plural = "syncscopes",
    shortname = "scope",
    category = "adsync",
    namespaced,
    status = "SyncScopeStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct SyncScopeSpec {
    /// The ActiveDirectoryConfig to read.
    pub directory_ref: LocalReference,
    /// The PhoneSystem to write to. Immutable.
    pub phone_system_ref: LocalReference,
    /// Who is in the scope.
    pub users: Users,
    /// Who is not, whatever `users` says; one selector each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Exclusion>,
    /// How people are found among the users that exist.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// Where the fields of a PhoneUser come from, by field. What is not named has a default.
    #[serde(default, skip_serializing_if = "FieldMap::is_empty")]
    pub map: FieldMap,
    /// Who gets a number by which rule: the first entry whose selector holds. None: no number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<ExtensionEntry>,
    /// Groups and organizational units that become ring groups: the first entry that covers one wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departments: Vec<Department>,
    /// Time from one sync to the next, such as `30m` (at least `10s`). Default, without `schedule`: `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// Times of day to sync at, instead of `interval`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Stops all syncs of this scope until unset.
    #[serde(default)]
    pub suspend: bool,
    /// Whether a sync writes.
    #[serde(default)]
    pub mode: Mode,
}

/// Who is in a scope: people in any of the organizational units or groups, who match the filter; or everyone.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Users {
    /// People anywhere below any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizational_units: Vec<DnReference>,
    /// Or in any of these groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupReference>,
    /// And matching this LDAP filter (RFC 4515).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Everyone below the base DN, instead of organizational units and groups. Written as `everyone: {}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everyone: Option<Everyone>,
}

/// Everyone below the base DN.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Everyone {}

/// Keeps people out of a scope. One of `organizationalUnit`, `group`, `filter`, `login`.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exclusion {
    /// Name of this entry.
    pub name: String,
    /// People anywhere below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<DnReference>,
    /// People in this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupReference>,
    /// People who match this LDAP filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The person with this sAMAccountName.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

/// How people are found among the users that exist.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// Properties to compare, in order: the first with any candidate decides.
    #[serde(default = "default_match_by")]
    pub by: Vec<MatchProperty>,
    /// What happens to people who match no user.
    #[serde(default)]
    pub on_no_match: OnNoMatch,
    /// Whether a user that people made may be linked.
    #[serde(default)]
    pub adopt: Adopt,
    /// Fields without which nobody is provisioned (`AttributeMissing`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<TargetField>,
}

impl Default for Match {
    fn default() -> Self {
        Self {
            by: default_match_by(),
            on_no_match: OnNoMatch::default(),
            adopt: Adopt::default(),
            require: Vec::new(),
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

/// A field of PhoneUser that is mapped from the directory.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TargetField {
    /// `login`
    Login,
    /// `userPrincipalName`
    UserPrincipalName,
    /// `loginNames`
    LoginNames,
    /// `displayName`
    DisplayName,
    /// `firstName`
    FirstName,
    /// `lastName`
    LastName,
    /// `email`
    Email,
    /// `employeeID`
    #[serde(rename = "employeeID")]
    EmployeeId,
    /// `department`
    Department,
    /// `title`
    Title,
    /// `phone`
    Phone,
    /// `mobile`
    Mobile,
    /// `office`
    Office,
    /// `company`
    Company,
    /// `organizationalUnit`
    OrganizationalUnit,
}

/// Where the fields of a PhoneUser come from, by field.
pub type FieldMap = BTreeMap<TargetField, FieldSource>;

/// Where one field comes from.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldSource {
    /// LDAP name of the attribute. Default: the field's own. Not for `loginNames` and `organizationalUnit`, which are derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// Who gets a number by which rule.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionEntry {
    /// Name of this entry.
    pub name: String,
    /// The ExtensionRule that numbers them.
    pub rule_ref: LocalReference,
    /// Whom it numbers; unset: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Selector>,
}

/// Picks people of a scope. One of `organizationalUnit`, `group`, `filter`.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// People anywhere below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<DnReference>,
    /// People in this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupReference>,
    /// People who match this LDAP filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// Groups or organizational units that become ring groups. One of `group`, `organizationalUnit`, `under`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Department {
    /// Name of this entry.
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
    pub group_types: Option<Vec<GroupType>>,
    /// With `under`: distinguished names of groups that stay out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RingGroupTemplate {
    /// Its number. Not with `under`, which makes many. Neither this nor `ruleRef`: no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The ExtensionRule (source Sequential) that numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_ref: Option<LocalReference>,
    /// In which order its phones ring.
    #[serde(default)]
    pub strategy: Strategy,
}

/// Times of day.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Cron expression of five fields: minute, hour, day of month, month, day of week.
    pub cron: String,
    /// IANA time zone. Default: `UTC`.
    #[serde(default = "utc")]
    pub time_zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Whether a sync writes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Mode {
    /// It does.
    #[default]
    Apply,
    /// It computes and reports, and writes no user, number or ring group.
    Plan,
}

/// What the last sync found and did.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncScopeStatus {
    /// The `metadata.generation` that the conditions speak of; −1 before the operator has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Synced, Matched, ReferencesResolved; only while True: Reconciling, Stalled.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The scope's people, counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<UserCounts>,
    /// The scope's numbers, counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<ExtensionCounts>,
    /// The scope's ring groups, counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_groups: Option<RingGroupCounts>,
    /// The last sync that changed or failed something, or was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<SyncRecord>,
    /// The last ten syncs that changed or failed something, latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<SyncRecord>,
    /// At most twenty people or ring groups that could not be served as the spec wishes, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// Each distinguished name of the spec with the objectGUID it had: followed through renames.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<ResolvedReference>,
    /// The last value of the annotation `reconcile.fluxcd.io/requestedAt` that was acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

/// found = excluded + inactive + inScope; inScope = matched + unmatched. Outside found: outOfScope, gone.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserCounts {
    /// People that `users` selects.
    pub found: i64,
    /// Of these, kept out by `exclude`.
    pub excluded: i64,
    /// Of these, disabled or expired, and not linked.
    pub inactive: i64,
    /// The others.
    pub in_scope: i64,
    /// Of those in scope, linked when the sync ended.
    pub matched: i64,
    /// Of those in scope, not linked.
    pub unmatched: i64,
    /// Of the matched, disabled or expired in the directory.
    pub disabled: i64,
    /// Linked, and the account exists, but `users` does not select it any more.
    pub out_of_scope: i64,
    /// Linked, and the account was not found any more.
    pub gone: i64,
}

/// A scope's numbers.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ExtensionCounts {
    /// People of the scope who hold a number.
    pub assigned: i64,
}

/// A scope's ring groups.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RingGroupCounts {
    /// Ring groups that are as the spec wishes.
    pub synced: i64,
}

/// One sync.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SyncRecord {
    /// When it ended.
    pub time: Time,
    /// What was read.
    #[serde(rename = "type")]
    pub kind: SyncType,
    /// Why it ran.
    pub trigger: Trigger,
    /// PhoneUsers, Extensions and RingGroups created.
    pub created: i64,
    /// Objects changed.
    pub updated: i64,
    /// Writes that failed; they are tried again.
    pub failed: i64,
    /// How long it took, such as `1.2s`.
    pub duration: String,
}

/// What a sync read.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum SyncType {
    /// Everything.
    #[default]
    Full,
}

/// Why a sync ran.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Trigger {
    /// The operator started, or the scope is new to it.
    Started,
    /// The scope's spec changed.
    SpecChanged,
    /// Something that the scope refers to changed.
    ReferenceChanged,
    /// Somebody asked for it.
    Requested,
    /// Its time had come.
    Scheduled,
    /// An object of the phone system changed.
    ObjectChanged,
    /// The last one failed.
    Retried,
}

/// Somebody who could not be served as the spec wishes.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Problem {
    /// Login name (sAMAccountName) of the person, or the name of the group.
    pub login: String,
    /// Mail address, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// Why, in one word.
    pub reason: ProblemReason,
    /// Why, and what to do.
    pub message: String,
    /// The other claimant or candidate, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
}

/// Why somebody could not be served as the spec wishes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum ProblemReason {
    /// No PhoneUser matches, and `onNoMatch` is `Report`.
    NoTargetUser,
    /// Several PhoneUsers match, or several people match one PhoneUser or share a login name.
    DuplicateMatch,
    /// Another scope of the same phone system provides them.
    ClaimedByOtherScope,
    /// They have the login, userPrincipalName or employeeID of a PhoneUser linked to another account.
    IdentityReused,
    /// No property of `match.by` has a value.
    KeyMissing,
    /// A field of `match.require` has no value.
    AttributeMissing,
    /// The attribute that holds the number is empty.
    NumberMissing,
    /// The attribute that holds the number has a value that does not fit.
    NumberInvalid,
    /// Somebody else holds the number.
    NumberTaken,
    /// The rule has no free number.
    RangeExhausted,
    /// Their number is outside of the rule's ranges.
    OutOfRange,
    /// People unlinked the PhoneUser.
    Unlinked,
    /// The account has no objectGUID or no sAMAccountName.
    InvalidRecord,
    /// Another tool applies a field.
    FieldManagedElsewhere,
    /// The API server refused a write.
    WriteFailed,
}

/// A distinguished name of the spec, with the objectGUID that it had.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ResolvedReference {
    /// The distinguished name, as the spec has it.
    pub dn: String,
    /// objectGUID of the entry, lower-case text form; unset when it was never found.
    #[serde(default, rename = "objectGUID", skip_serializing_if = "Option::is_none")]
    pub object_guid: Option<String>,
}
