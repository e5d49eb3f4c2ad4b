//! SyncScope: who is synced, where to, how they match, what is mapped, and when.

mod entries;
mod fields;
mod held;
mod matching;
mod remedies;
mod removal;
mod status;
mod users;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use self::removal::a_day;
pub use self::{
    entries::{Department, ExtensionEntry, GroupType, RingGroupTemplate},
    fields::{FieldMap, FieldPolicy, FieldSource, TargetField},
    held::{
        Approval, BudgetEntry, DIGEST_LENGTH, Held, HeldType, MEMBER_LENGTH, MOST_BUDGET, MOST_HELD_MEMBERS,
        MOST_SAMPLED,
    },
    matching::{Adopt, Match, MatchProperty, OnNoMatch, RelinkBy},
    removal::{CreationLimit, DeletionPolicy, Removal, RemovalLimit, WhenAbsent},
    status::{
        ExtensionCounts, LONGEST_MESSAGE, LONGEST_NAME, Problem, ProblemReason, ResolvedReference, RingGroupCounts,
        SyncRecord, SyncScopeStatus, SyncType, Trigger, UserCounts,
    },
    users::{Everyone, Exclusion, Selector, Users},
};
use super::{
    rules,
    schema::{describe_choices, describe_keys},
    shared::LocalReference,
};

/// Who is synced from one directory to one phone system, how they match, what is mapped, and when.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "adsync.dev",
    version = "v1alpha1",
    kind = "SyncScope",
    plural = "syncscopes",
    shortname = "scope",
    category = "adsync",
    namespaced,
    status = "SyncScopeStatus",
    derive = "PartialEq",
    validation = rules::short_name(),
)]
#[x_kube(validation = Rule::new("!has(self.interval) || !has(self.schedule)").message("write interval or schedule, not both"))]
#[serde(rename_all = "camelCase")]
#[schemars(transform = describe_choices)]
pub struct SyncScopeSpec {
    /// The ActiveDirectoryConfig to read.
    pub directory_ref: LocalReference,
    /// The PhoneSystem to write to. Immutable.
    #[x_kube(validation = rules::immutable())]
    pub phone_system_ref: LocalReference,
    /// Who is in the scope.
    pub users: Users,
    /// Who is not, whatever `users` says; one selector each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub exclude: Vec<Exclusion>,
    /// How people are found among the users that exist.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// Where the fields of a PhoneUser come from, by field. A field that is not named here comes from its default:
    #[serde(default, skip_serializing_if = "FieldMap::is_empty")]
    #[schemars(extend("maxProperties" = 32), transform = describe_keys::<TargetField>)]
    #[x_kube(validation = fields::known_fields(), validation = fields::derived_fields())]
    pub map: FieldMap,
    /// Who gets a number by which rule: the first entry whose selector holds. None: no number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(
        validation = rules::unique_names(),
        validation = Rule::new("self.all(entry, has(entry.when) || entry.name == self[size(self) - 1].name)")
            .message("an entry without when numbers everybody, so entries behind it do nothing: write it last")
    )]
    pub extensions: Vec<ExtensionEntry>,
    /// Groups and organizational units that become ring groups: the first entry that covers one wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = rules::unique_names())]
    pub departments: Vec<Department>,
    /// Time from one sync to the next, such as `30m` (`10s` to `168h`). Default, without `schedule`: `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = rules::DURATION_LENGTH), regex(pattern = rules::DURATION))]
    #[x_kube(validation = rules::interval())]
    pub interval: Option<String>,
    /// Times of day to sync at, instead of `interval`. Other triggers, such as a changed spec, sync at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Stops all syncs of this scope until unset. Users, numbers and ring groups stay as they are.
    #[serde(default)]
    pub suspend: bool,
    /// Whether a sync writes.
    #[serde(default)]
    pub mode: Mode,
    /// What happens to those who leave.
    #[serde(default)]
    pub removal: Removal,
    /// How many PhoneUsers may be created in one sync; more are held until somebody approves. Unset: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_limit: Option<CreationLimit>,
    /// What happens to users, numbers and ring groups when this scope is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// Times of day.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Cron expression of five fields: minute, hour, day of month, month, day of week. `0 2 * * *` is each night at two.
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new(r"self.matches('^[0-9A-Za-z*/,#?-]+( +[0-9A-Za-z*/,#?-]+){4}$')")
        .message("write five fields: minute, hour, day of month, month and day of week, such as 0 2 * * *"))]
    pub cron: String,
    /// IANA name of the time zone in which `cron` is read, such as `Europe/Berlin`.
    #[serde(default = "utc")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new(
        "self.matches('^[A-Za-z][A-Za-z0-9_+/-]*$') && self != 'Local' && timestamp('2026-01-01T00:00:00Z').getHours(self) >= 0"
    )
    .message("write the IANA name of a time zone, such as Europe/Berlin or UTC"))]
    pub time_zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Whether a sync writes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Mode {
    /// It writes users, numbers and ring groups.
    #[default]
    Apply,
    /// It computes and reports, and writes no user, number or ring group.
    Plan,
}
