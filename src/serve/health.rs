//! `/livez` and `/readyz`. Knows what is still missing by name only: who waits for it says so, and says when it came.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, extract::State, http::StatusCode, routing::get};

/// What the operator still waits for before it can serve. Cloning shares.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl Readiness {
    /// From now on the operator isn't ready, for want of this; of two that are awaited, both must arrive.
    pub fn await_arrival(&self, what: &'static str) {
        *self.awaited().entry(what).or_default() += 1;
    }

    /// It came.
    pub fn arrived(&self, what: &'static str) {
        let mut awaited = self.awaited();
        if let Some(count) = awaited.get_mut(what) {
            *count = count.saturating_sub(1);
        }
        awaited.retain(|_, count| *count > 0);
    }

    /// Whether nothing is awaited.
    pub fn is_complete(&self) -> bool {
        self.awaited().is_empty()
    }

    fn awaited(&self) -> MutexGuard<'_, BTreeMap<&'static str, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves both probes.
pub fn router(readiness: Readiness) -> Router {
    // Alive is who answers: a runtime that hangs doesn't, and for anything else a restart would not help.
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(readiness)
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let awaited: Vec<&str> = readiness.awaited().keys().copied().collect();
    if awaited.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("waiting for {}\n", awaited.join(", ")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ready_is_who_waits_for_nothing() {
        let readiness = Readiness::default();
        readiness.await_arrival("the CRDs");
        readiness.await_arrival("the caches");
        readiness.await_arrival("the caches");
        let (status, text) = ready(State(readiness.clone())).await;
        assert_eq!(
            (status, text.as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "waiting for the CRDs, the caches\n")
        );
        readiness.arrived("the CRDs");
        readiness.arrived("the caches");
        assert_eq!(
            ready(State(readiness.clone())).await.1,
            "waiting for the caches\n",
            "one of two"
        );
        readiness.arrived("the caches");
        assert_eq!(ready(State(readiness)).await.0, StatusCode::OK);
    }
}
