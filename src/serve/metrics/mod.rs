//! What Prometheus sees: one method for each thing worth counting. No I/O, no Kubernetes client, no knowledge of who calls.
//!
//! Labels are the namespace and name of a configuration object, and closed sets (reasons, results, kinds). The series of an
//! object go away with it (`forget_…`), so that a deleted scope can't keep an alert alive.

mod directory;
mod scope;
mod series;
mod writes;

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use prometheus_client::{
    encoding::{EncodeLabelValue, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
        info::Info,
    },
    registry::Registry,
};

pub use self::writes::{WriteResult, WrittenKind};
use self::{
    directory::Directories,
    series::{
        ActionLabels, ControllerLabels, ObjectFamily, ObjectLabels, ReasonLabels, ReconcileLabels, Registering,
        ResultLabels, StateLabels, TypeLabels, durations,
    },
    writes::Writes,
};

/// What the operator counts and measures. Cloning shares.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

/// What was asked of a directory.
#[derive(Clone, Copy, Debug, EncodeLabelValue, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DirectoryOperation {
    /// The connection was tested.
    Test,
    /// Everything was read.
    Read,
    /// Single accounts were asked for.
    Find,
}

/// How many numbers of a rule are in which state; together they are its capacity.
#[derive(Clone, Copy, Debug, Default)]
pub struct RuleNumbers {
    /// Held by somebody.
    pub assigned: i64,
    /// Resting after their last holder.
    pub cooling: i64,
    /// Free now.
    pub free: i64,
}

struct Inner {
    registry: Registry,
    ready: Gauge,
    leader: Gauge,
    leader_since: Gauge,
    sync_duration: ObjectFamily<ObjectLabels, Histogram>,
    syncs: ObjectFamily<ResultLabels, Counter>,
    last_successful_sync: ObjectFamily<ObjectLabels, Gauge>,
    scope_synced: ObjectFamily<ObjectLabels, Gauge>,
    data_fresh_until: ObjectFamily<ObjectLabels, Gauge>,
    users: ObjectFamily<StateLabels, Gauge>,
    unmatched: ObjectFamily<ReasonLabels, Gauge>,
    lingering: ObjectFamily<ReasonLabels, Gauge>,
    unresolved_members: ObjectFamily<ObjectLabels, Gauge>,
    held: ObjectFamily<TypeLabels, Gauge>,
    removals: ObjectFamily<ActionLabels, Counter>,
    directories: Directories,
    rule_numbers: ObjectFamily<StateLabels, Gauge>,
    writes: Writes,
    reconciles: Family<ReconcileLabels, Counter>,
    queue_depth: Family<ControllerLabels, Gauge>,
    reconcile_duration: Family<ControllerLabels, Histogram, fn() -> Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero, of an operator that starts now.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        // Every program's metric, so without our name in front: who starts again and again has it change.
        registry.register(
            "process_start_time_seconds",
            "When the operator started, in Unix time",
            ConstGauge::new(Timestamp::now().as_second()),
        );
        let mut all = Registering(registry.sub_registry_with_prefix("adsync"));
        all.0.register(
            "build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let inner = Inner {
            ready: all.plain("ready", "1 while /readyz answers 200, else 0", Gauge::default()),
            leader: all.plain(
                "leader",
                "1 while this replica serves, 0 while it stands by",
                Gauge::default(),
            ),
            leader_since: all.plain(
                "leader_since_timestamp_seconds",
                "When this replica began to serve, in Unix time; 0 while it stands by",
                Gauge::default(),
            ),
            sync_duration: all.timed("sync_duration_seconds", "How long syncs of a SyncScope took"),
            syncs: all.of_objects("syncs", "Syncs of a SyncScope by result"),
            last_successful_sync: all.of_objects(
                "last_successful_sync_timestamp_seconds",
                "When a sync of the SyncScope last worked, in Unix time",
            ),
            scope_synced: all.of_objects(
                "scope_synced",
                "1 while the SyncScope is Synced, 0 while it is not; nothing while that is not known, or it is suspended",
            ),
            data_fresh_until: all.of_objects(
                "data_fresh_until_timestamp_seconds",
                "Until when a SyncScope's data counts as fresh, in Unix time: by then three syncs should have come; nothing \
                 while it is suspended",
            ),
            users: all.of_objects("users", "People of a SyncScope by state; a person can be in several"),
            unmatched: all.of_objects("unmatched_users", "People of a SyncScope who are not served, by reason"),
            lingering: all.of_objects(
                "lingering_users",
                "People of a SyncScope who are disabled or gone in the directory, and enabled here, by why",
            ),
            unresolved_members: all.of_objects(
                "unresolved_group_members",
                "Members of the groups of a SyncScope's departments that its directory did not show",
            ),
            held: all.of_objects(
                "held",
                "What a SyncScope holds back until somebody approves it, by type; nothing while it is suspended",
            ),
            removals: all.of_objects(
                "removals",
                "PhoneUsers and RingGroups of a SyncScope that were disabled, or deleted and let go of, by action",
            ),
            directories: Directories::registered(&mut all),
            rule_numbers: all.of_objects("extension_rule_numbers", "Numbers of an ExtensionRule by state"),
            writes: Writes::registered(&mut all),
            reconciles: all.plain("reconciles", "Reconciles by controller and result", Family::default()),
            queue_depth: all.plain(
                "reconcile_queue_depth",
                "Objects that something happened to, and that wait for their reconcile, by controller",
                Family::default(),
            ),
            reconcile_duration: all.plain(
                "reconcile_duration_seconds",
                "How long reconciles took",
                Family::new_with_constructor(durations as fn() -> Histogram),
            ),
            registry,
        };
        Self(Arc::new(inner))
    }

    /// The text that a scrape gets (OpenMetrics).
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }

    /// Whether the operator has all that it needs to serve.
    pub fn ready(&self, ready: bool) {
        self.0.ready.set(i64::from(ready));
    }

    /// This replica serves from now on.
    pub fn leads(&self) {
        self.0.leader.set(1);
        self.0.leader_since.set(Timestamp::now().as_second());
    }

    /// How full an ExtensionRule is.
    pub fn rule_numbers(&self, namespace: &str, rule: &str, numbers: RuleNumbers) {
        for (state, count) in [
            ("assigned", numbers.assigned),
            ("cooling", numbers.cooling),
            ("free", numbers.free),
        ] {
            self.0
                .rule_numbers
                .of(StateLabels {
                    namespace: namespace.into(),
                    name: rule.into(),
                    state,
                })
                .set(count);
        }
    }

    /// The ExtensionRule is gone.
    pub fn forget_rule(&self, namespace: &str, rule: &str) {
        self.0.rule_numbers.forget(namespace, rule);
    }

    /// How many more, or fewer, objects wait for a controller.
    pub fn queued(&self, controller: &'static str, difference: i64) {
        self.0
            .queue_depth
            .get_or_create(&ControllerLabels { controller })
            .inc_by(difference);
    }

    /// A controller looked at an object. `controller` is the object's kind.
    pub fn reconciled(&self, controller: &'static str, succeeded: bool, duration: Duration) {
        for (result, is_so) in [("success", succeeded), ("error", !succeeded)] {
            let labels = ReconcileLabels { controller, result };
            self.0.reconciles.get_or_create(&labels).inc_by(is_so.into());
        }
        let labels = ControllerLabels { controller };
        self.0
            .reconcile_duration
            .get_or_create(&labels)
            .observe(duration.as_secs_f64());
    }
}

fn object(namespace: &str, name: &str) -> ObjectLabels {
    ObjectLabels {
        namespace: namespace.into(),
        name: name.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::api::sync_scope::{HeldType, ProblemReason, UserCounts};

    fn lines(metrics: &Metrics, part: &str) -> Vec<String> {
        let text = metrics.encode().unwrap();
        text.lines()
            .filter(|line| !line.starts_with('#') && line.contains(part))
            .map(str::to_owned)
            .collect()
    }

    fn counts() -> UserCounts {
        UserCounts {
            found: 9,
            in_scope: 8,
            matched: 7,
            unmatched: 1,
            ..UserCounts::default()
        }
    }

    #[test]
    fn the_series_of_a_deleted_object_go_away_and_no_others() {
        let metrics = Metrics::new();
        for scope in ["staff", "sales"] {
            let unmatched = BTreeMap::from([(ProblemReason::KeyMissing, 1)]);
            metrics.scope_users("telephony", scope, &counts(), &unmatched);
            metrics.sync_succeeded("telephony", scope, Timestamp::UNIX_EPOCH, Duration::from_secs(1));
            metrics.unresolved_members("telephony", scope, 3);
            metrics.scope_synced("telephony", scope, Some(true));
            metrics.held("telephony", scope, &BTreeMap::from([(HeldType::Removals, 12)]));
            metrics.removed("telephony", scope, 2, 1);
            metrics.data_fresh_until("telephony", scope, Timestamp::UNIX_EPOCH);
        }
        metrics.connected("telephony", "staff", true);
        let before = lines(&metrics, r#"name="sales""#);
        metrics.forget_scope("telephony", "staff");
        assert_eq!(
            lines(&metrics, r#"name="staff""#),
            [r#"adsync_directory_connected{namespace="telephony",name="staff"} 1"#]
        );
        assert_eq!(lines(&metrics, r#"name="sales""#), before);
    }

    #[test]
    fn a_deleted_directory_says_nothing_and_one_without_tls_nothing_of_a_certificate() {
        let metrics = Metrics::new();
        for config in ["corp", "branch"] {
            let second = Duration::from_secs(1);
            metrics.connected("telephony", config, true);
            metrics.directory_asked(
                "telephony",
                config,
                DirectoryOperation::Read,
                second,
                Some("ConnectionRefused"),
            );
            metrics.referred("telephony", config, 1);
            metrics.behind("telephony", config, false);
            metrics.read("telephony", config, Timestamp::UNIX_EPOCH);
            metrics.certificate_expires("telephony", config, Some(Timestamp::UNIX_EPOCH));
            metrics.password_expires("telephony", config, Some(Timestamp::UNIX_EPOCH));
            metrics.credentials_rejected("telephony", config, true);
        }
        let before = lines(&metrics, r#"name="branch""#);
        metrics.forget_directory("telephony", "corp");
        assert_eq!(lines(&metrics, r#"name="corp""#), [""; 0]);
        assert_eq!(lines(&metrics, r#"name="branch""#), before);
        metrics.certificate_expires("telephony", "branch", None);
        assert_eq!(lines(&metrics, "certificate"), [""; 0]);
        metrics.password_expires("telephony", "branch", None);
        assert_eq!(lines(&metrics, "password"), [""; 0]);
    }

    #[test]
    fn a_reason_that_nobody_has_any_more_goes_away() {
        let metrics = Metrics::new();
        let unmatched = |reason| BTreeMap::from([(reason, 1)]);
        metrics.scope_users("telephony", "staff", &counts(), &unmatched(ProblemReason::KeyMissing));
        metrics.scope_users("telephony", "staff", &counts(), &unmatched(ProblemReason::NumberTaken));
        let line = r#"adsync_unmatched_users{namespace="telephony",name="staff",reason="NumberTaken"} 1"#;
        assert_eq!(lines(&metrics, "adsync_unmatched_users"), [line]);
    }

    #[test]
    fn what_is_held_and_removed_is_told_by_type_and_action() {
        let metrics = Metrics::new();
        metrics.held("telephony", "staff", &BTreeMap::from([(HeldType::Removals, 12)]));
        metrics.held("telephony", "staff", &BTreeMap::from([(HeldType::Creations, 3)]));
        let held = |kind, count| format!(r#"adsync_held{{namespace="telephony",name="staff",type="{kind}"}} {count}"#);
        let mut said = lines(&metrics, "adsync_held");
        said.sort();
        assert_eq!(said, [held("Blanks", 0), held("Creations", 3), held("Removals", 0)]);
        metrics.removed("telephony", "staff", 2, 0);
        metrics.removed("telephony", "staff", 1, 4);
        let removed = |action, count| {
            format!(r#"adsync_removals_total{{namespace="telephony",name="staff",action="{action}"}} {count}"#)
        };
        let mut said = lines(&metrics, "adsync_removals");
        said.sort();
        assert_eq!(said, [removed("deleted", 4), removed("disabled", 3)]);
    }

    #[test]
    fn a_scope_of_which_nothing_is_expected_is_neither_synced_nor_old() {
        let metrics = Metrics::new();
        metrics.data_fresh_until("telephony", "staff", Timestamp::from_second(90).unwrap());
        metrics.scope_synced("telephony", "staff", Some(false));
        let said = |metrics: &Metrics| lines(metrics, r#"{namespace="telephony",name="staff"}"#);
        assert_eq!(
            said(&metrics),
            [
                r#"adsync_scope_synced{namespace="telephony",name="staff"} 0"#,
                r#"adsync_data_fresh_until_timestamp_seconds{namespace="telephony",name="staff"} 90"#,
            ]
        );
        metrics.scope_synced("telephony", "staff", None);
        assert_eq!(said(&metrics).len(), 1, "what is not known is not told");
        metrics.scope_rests("telephony", "staff");
        assert_eq!(said(&metrics), [""; 0]);
    }

    #[test]
    fn how_often_something_has_failed_is_counted_from_zero() {
        let metrics = Metrics::new();
        metrics.reconciled("SyncScope", true, Duration::ZERO);
        metrics.sync_succeeded("telephony", "staff", Timestamp::UNIX_EPOCH, Duration::ZERO);
        for line in [
            r#"adsync_reconciles_total{controller="SyncScope",result="error"} 0"#,
            r#"adsync_syncs_total{namespace="telephony",name="staff",result="error"} 0"#,
        ] {
            assert_eq!(lines(&metrics, line), [line]);
        }
    }

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        let metrics = Metrics::new();
        metrics.written(WrittenKind::PhoneUser, WriteResult::Created);
        metrics.reconciled("SyncScope", true, Duration::from_millis(3));
        let line = r#"adsync_api_writes_total{kind="PhoneUser",result="Created"} 1"#;
        assert_eq!(lines(&metrics, line), [line]);
        let counted = lines(&metrics, "adsync_reconcile_duration_seconds_count");
        assert_eq!(
            counted,
            [r#"adsync_reconcile_duration_seconds_count{controller="SyncScope"} 1"#]
        );
    }
}
