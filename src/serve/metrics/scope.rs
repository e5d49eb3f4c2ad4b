//! What is told of SyncScopes.

use std::{collections::BTreeMap, fmt, time::Duration};

use jiff::Timestamp;
use prometheus_client::metrics::gauge::Gauge;

use super::{
    Metrics, object,
    series::{ActionLabels, ObjectFamily, ReasonLabels, ResultLabels, StateLabels, TypeLabels},
};
use crate::api::sync_scope::{HeldType, ProblemReason, UserCounts};

impl Metrics {
    /// A sync worked, and ended at this time.
    pub fn sync_succeeded(&self, namespace: &str, scope: &str, at: Timestamp, duration: Duration) {
        self.sync_ended(namespace, scope, "success", duration);
        self.0
            .last_successful_sync
            .of(object(namespace, scope))
            .set(at.as_second());
    }

    /// A sync failed.
    pub fn sync_failed(&self, namespace: &str, scope: &str, duration: Duration) {
        self.sync_ended(namespace, scope, "error", duration);
    }

    fn sync_ended(&self, namespace: &str, scope: &str, result: &'static str, duration: Duration) {
        self.0
            .sync_duration
            .of(object(namespace, scope))
            .observe(duration.as_secs_f64());
        for known in ["success", "error"] {
            let labels = ResultLabels {
                namespace: namespace.into(),
                name: scope.into(),
                result: known,
            };
            self.0.syncs.of(labels).inc_by((known == result).into());
        }
    }

    /// What the condition Synced says; `None`: nobody knows.
    pub fn scope_synced(&self, namespace: &str, scope: &str, synced: Option<bool>) {
        match synced {
            Some(synced) => {
                let gauge = self.0.scope_synced.of(object(namespace, scope));
                gauge.set(i64::from(synced));
            }
            None => self.0.scope_synced.forget(namespace, scope),
        }
    }

    /// Three syncs should have come by then.
    pub fn data_fresh_until(&self, namespace: &str, scope: &str, until: Timestamp) {
        let gauge = self.0.data_fresh_until.of(object(namespace, scope));
        gauge.set(until.as_second());
    }

    /// Nothing is expected of the SyncScope: it is suspended, or about to go.
    pub fn scope_rests(&self, namespace: &str, scope: &str) {
        self.0.scope_synced.forget(namespace, scope);
        self.0.data_fresh_until.forget(namespace, scope);
        self.0.held.forget(namespace, scope);
    }

    /// Who is in a scope, and for which reasons people are not served.
    pub fn scope_users(
        &self,
        namespace: &str,
        scope: &str,
        counts: &UserCounts,
        unmatched: &BTreeMap<ProblemReason, i64>,
    ) {
        for (state, count) in [
            ("found", counts.found),
            ("excluded", counts.excluded),
            ("inactive", counts.inactive),
            ("in_scope", counts.in_scope),
            ("matched", counts.matched),
            ("unmatched", counts.unmatched),
            ("disabled", counts.disabled),
            ("out_of_scope", counts.out_of_scope),
            ("gone", counts.gone),
            ("lingering", counts.lingering),
        ] {
            self.0
                .users
                .of(StateLabels {
                    namespace: namespace.into(),
                    name: scope.into(),
                    state,
                })
                .set(count);
        }
        by_reason(&self.0.unmatched, namespace, scope, unmatched);
    }

    /// Who is served although the directory says no, by why.
    pub fn lingering<R: fmt::Debug>(&self, namespace: &str, scope: &str, lingering: &BTreeMap<R, i64>) {
        by_reason(&self.0.lingering, namespace, scope, lingering);
    }

    /// So many members of the groups of a scope's departments are nobody that its directory showed: they don't ring.
    pub fn unresolved_members(&self, namespace: &str, scope: &str, count: usize) {
        let members = self.0.unresolved_members.of(object(namespace, scope));
        members.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How much of each type waits for approval.
    pub fn held(&self, namespace: &str, scope: &str, held: &BTreeMap<HeldType, i64>) {
        for kind in [HeldType::Removals, HeldType::Creations, HeldType::Blanks] {
            let labels = TypeLabels {
                namespace: namespace.into(),
                name: scope.into(),
                r#type: format!("{kind:?}"),
            };
            self.0.held.of(labels).set(held.get(&kind).copied().unwrap_or_default());
        }
    }

    /// A sync took phones away.
    pub fn removed(&self, namespace: &str, scope: &str, disabled: i64, deleted: i64) {
        for (action, count) in [("disabled", disabled), ("deleted", deleted)] {
            let labels = ActionLabels {
                namespace: namespace.into(),
                name: scope.into(),
                action,
            };
            self.0
                .removals
                .of(labels)
                .inc_by(u64::try_from(count).unwrap_or_default());
        }
    }

    /// The SyncScope is gone.
    pub fn forget_scope(&self, namespace: &str, scope: &str) {
        self.scope_rests(namespace, scope);
        self.0.sync_duration.forget(namespace, scope);
        self.0.syncs.forget(namespace, scope);
        self.0.last_successful_sync.forget(namespace, scope);
        self.0.users.forget(namespace, scope);
        self.0.unmatched.forget(namespace, scope);
        self.0.lingering.forget(namespace, scope);
        self.0.unresolved_members.forget(namespace, scope);
        self.0.removals.forget(namespace, scope);
    }
}

/// What an object has of each reason now, and of no other.
fn by_reason<R: fmt::Debug>(
    family: &ObjectFamily<ReasonLabels, Gauge>,
    namespace: &str,
    name: &str,
    counts: &BTreeMap<R, i64>,
) {
    family.forget(namespace, name);
    for (reason, count) in counts {
        let labels = ReasonLabels {
            namespace: namespace.into(),
            name: name.into(),
            reason: format!("{reason:?}"),
        };
        family.of(labels).set(*count);
    }
}
