//! How long something that a spec names may be missing before that counts as failure: charts create things in any order. Pure.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::conditions::{ConditionStatus, find};
use crate::api::conditions::READY;

/// So long.
pub const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// Whether the object has been waiting for so long that what is missing won't just come. The conditions know since when.
pub fn has_ended(conditions: &[Condition], now: Timestamp) -> bool {
    find(conditions, READY)
        .filter(|ready| ready.status == ConditionStatus::False.as_str())
        .is_some_and(|ready| now.duration_since(ready.last_transition_time.0) >= PATIENCE)
}
