//! What Prometheus is told of how a scope is doing: whether it is Synced, and until when its data is fresh. Alerts stand on both, so
//! they tell from the first look on, and a restart takes no alarm away. No I/O.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt;

use super::{Controller, schedule::stale_from};
use crate::{
    api::{
        SyncScope, SyncScopeStatus,
        conditions::{SYNCED, ready::SUSPENDED},
        sync_scope::HeldType,
    },
    controllers::{changes::NamespacedName, conditions::find},
    sync::validated::Timing,
};

impl Controller {
    /// What the status says of now, whether or not it could be written.
    pub(super) fn show_synced(&self, name: &NamespacedName, status: &SyncScopeStatus) {
        let (metrics, namespace, name) = (&self.context.metrics, &name.namespace, &name.name);
        metrics.scope_synced(namespace, name, is_synced(status));
        // Whoever suspends a scope knows that it waits.
        if find(&status.conditions, SYNCED).is_none_or(|synced| synced.reason != SUSPENDED) {
            metrics.held(namespace, name, &waiting(status));
        }
    }

    /// By when the next data should have come, whether or not there is anything to sync with. At the first look nothing was reported
    /// yet: what the status says holds until then.
    pub(super) fn show_freshness(&self, name: &NamespacedName, scope: &SyncScope) {
        let (is_first, read) = self.memories.of(name, |memory| {
            let is_first = memory.unread_since.is_none();
            let unread_since = memory
                .unread_since
                .get_or_insert_with(|| unread_since(scope, Timestamp::now()));
            (is_first, memory.read.unwrap_or(*unread_since))
        });
        if let Some(status) = scope.status.as_ref().filter(|_| is_first) {
            self.show_synced(name, status);
        }
        // Who writes no time to sync at has a spec that is reported as invalid.
        if let Ok(timing) = Timing::new(&scope.spec) {
            let until = stale_from(&timing, read);
            self.context
                .metrics
                .data_fresh_until(&name.namespace, &name.name, until);
        }
    }

    /// Nothing is expected of a scope that is suspended, or about to go.
    pub(super) fn rests(&self, name: &NamespacedName) {
        self.context.metrics.scope_rests(&name.namespace, &name.name);
    }
}

/// What waits for approval.
fn waiting(status: &SyncScopeStatus) -> BTreeMap<HeldType, i64> {
    let waiting = status.held.iter().filter(|held| held.approved.is_none());
    waiting.map(|held| (held.kind, held.count)).collect()
}

/// `None`: nobody knows.
fn is_synced(status: &SyncScopeStatus) -> Option<bool> {
    match find(&status.conditions, SYNCED)?.status.as_str() {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    }
}

/// Since when a scope has had no new data, at the least, when a process sees it for the first time. Only its status tells: one that
/// isn't Synced got none since then, one that never was has none at all. One that is Synced was read until the restart, as
/// far as anybody knows: who never gets as far as a sync is told of by the alert `AdsyncRestarting`.
fn unread_since(scope: &SyncScope, now: Timestamp) -> Timestamp {
    let status = scope.status.as_ref();
    let synced = status.and_then(|status| find(&status.conditions, SYNCED));
    let since = match synced {
        Some(synced) if synced.status == "True" => None,
        Some(synced) => Some(synced.last_transition_time.0),
        None => scope.creation_timestamp().map(|created| created.0),
    };
    // Another machine's clock may be ahead.
    since.map_or(now, |since| since.min(now))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

    use super::*;

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A scope made at 100 whose Synced has said this since a time.
    fn scope(synced: Option<(&str, i64)>) -> SyncScope {
        let mut scope: SyncScope = serde_json::from_value(serde_json::json!({
            "apiVersion": "adsync.dev/v1alpha1", "kind": "SyncScope", "metadata": {"name": "staff"},
            "spec": {"directoryRef": {"name": "corp"}, "phoneSystemRef": {"name": "hq"}, "users": {"everyone": {}}},
        }))
        .unwrap();
        scope.metadata.creation_timestamp = Some(Time(time(100)));
        scope.status = synced.map(|(status, since)| SyncScopeStatus {
            conditions: vec![Condition {
                type_: SYNCED.to_owned(),
                status: status.to_owned(),
                reason: String::new(),
                message: String::new(),
                observed_generation: None,
                last_transition_time: Time(time(since)),
            }],
            ..SyncScopeStatus::default()
        });
        scope
    }

    #[test]
    fn after_a_restart_data_is_as_old_as_the_status_proves() {
        for (synced, wanted) in [
            (None, 100),
            (Some(("Unknown", 200)), 200),
            (Some(("False", 300)), 300),
            (Some(("True", 300)), 900),
            (Some(("False", 1000)), 900),
        ] {
            assert_eq!(unread_since(&scope(synced), time(900)), time(wanted), "{synced:?}");
        }
    }

    #[test]
    fn only_what_is_known_is_told() {
        let said = |status| is_synced(&scope(Some((status, 0))).status.unwrap());
        assert_eq!(
            [said("True"), said("False"), said("Unknown")],
            [Some(true), Some(false), None]
        );
        assert_eq!(is_synced(&SyncScopeStatus::default()), None);
    }
}
