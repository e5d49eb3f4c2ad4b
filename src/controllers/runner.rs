//! What all controllers have in common: when they look at an object, how many at a time, and what is made of a failure.

use std::{
    any::Any,
    collections::{HashMap, HashSet},
    error::Error as StdError,
    fmt::Debug,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{FutureExt, Stream, StreamExt, stream};
use kube::{
    Resource,
    runtime::{
        Config, Controller,
        controller::{Action, Error as ControllerError},
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::{Instrument, debug, info_span, warn};

use super::{backoff::Backoff, changes::NamespacedName, context::Context, status::Written};
use crate::{causes::with_causes, serve::metrics::Metrics};

/// Waits after reconciles that failed, each object for itself.
const RETRIES: Backoff = Backoff {
    first: Duration::from_secs(2),
    longest: Duration::from_mins(5),
};

/// Why a reconcile is to be tried again. What was expected is no error: it is in the status.
#[derive(Debug, thiserror::Error)]
enum ReconcileError<E: StdError + 'static> {
    #[error(transparent)]
    Fail(E),
    #[error("adsync has a bug: {0}")]
    Panic(String),
}

/// Runs the controller of `kind` until the operator stops; what it is doing then, it finishes.
///
/// `triggers` names the objects to look at. It is listened to from the call on, not from the first poll. An object that is in
/// `written` is given to `reconcile` as it is there, if the watch is behind. `reconcile` says when to look again without being told.
pub fn run<K, E, Triggers, Reconcile, Reconciling>(
    kind: &'static str,
    context: &Context,
    store: Store<K>,
    triggers: Triggers,
    written: Written<K>,
    reconcile: Reconcile,
) -> impl Future<Output = ()> + Send + use<K, E, Triggers, Reconcile, Reconciling>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    E: StdError + Send + Sync + 'static,
    Triggers: Stream<Item = ObjectRef<K>> + Send + 'static,
    Reconcile: Fn(Arc<K>) -> Reconciling + Send + 'static,
    Reconciling: Future<Output = Result<Action, E>> + Send + 'static,
{
    let metrics = context.metrics.clone();
    let failures = Failures::default();
    let (failed, gone) = (failures.clone(), failures.clone());
    let waiting = Waiting::new(kind, context.metrics.clone());
    let (begun, vanished) = (waiting.clone(), waiting.clone());
    let triggers = triggers.inspect(move |reference| waiting.joins(named(reference)));
    let newest = written.clone();
    // The watch feeds the store elsewhere, and says what changed in a way that matters: a watch here would trigger on
    // every status that we write.
    let unwatched = stream::pending::<Result<K, watcher::Error>>();
    Controller::for_stream(unwatched, store)
        .reconcile_on(triggers)
        .with_config(Config::default().concurrency(context.concurrency))
        .graceful_shutdown_on(context.stop.clone().cancelled_owned())
        .run(
            move |object: Arc<K>, _| {
                let object = newest.newest(object);
                let name = NamespacedName::of(&*object);
                begun.leaves(&name);
                // Not `name`: in JSON that is the span's own, and of two keys with one name the first is lost.
                let span = info_span!("reconcile", kind, namespace = name.namespace, object = name.name);
                observed(kind, name, metrics.clone(), failures.clone(), reconcile(object)).instrument(span)
            },
            move |object, error, _| {
                let NamespacedName { namespace, name } = NamespacedName::of(&*object);
                let wait = RETRIES.after(failed.another(NamespacedName::of(&*object)));
                warn!(kind, namespace, name, error = with_causes(error), again_in = ?wait, "could not reconcile");
                Action::requeue(wait)
            },
            Arc::new(()),
        )
        .for_each(move |result| {
            if let Err(ControllerError::ObjectNotFound(reference)) = result {
                let name = NamespacedName::new(reference.namespace.unwrap_or_default(), reference.name);
                debug!(kind, %name, "is gone");
                vanished.leaves(&name);
                gone.forget(&name);
                written.forget(&name);
            }
            std::future::ready(())
        })
}

/// One reconcile, measured. A panic in it costs this object, not the controller.
async fn observed<E: StdError + 'static>(
    kind: &'static str,
    name: NamespacedName,
    metrics: Metrics,
    failures: Failures,
    reconciling: impl Future<Output = Result<Action, E>>,
) -> Result<Action, ReconcileError<E>> {
    let began = Instant::now();
    let result = match AssertUnwindSafe(reconciling).catch_unwind().await {
        Ok(result) => result.map_err(ReconcileError::Fail),
        Err(panic) => Err(ReconcileError::Panic(panic_message(&*panic))),
    };
    metrics.reconciled(kind, result.is_ok(), began.elapsed());
    if result.is_ok() {
        failures.forget(&name);
    }
    result
}

/// What a panic said.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

fn named<K: Resource<DynamicType = ()>>(reference: &ObjectRef<K>) -> NamespacedName {
    NamespacedName::new(reference.namespace.clone().unwrap_or_default(), &reference.name)
}

/// Objects that something happened to, and whose reconcile has not begun. kube's own queue can't be looked into; who comes only
/// because time has passed is not counted.
#[derive(Clone)]
struct Waiting {
    kind: &'static str,
    metrics: Metrics,
    objects: Arc<Mutex<HashSet<NamespacedName>>>,
}

impl Waiting {
    fn new(kind: &'static str, metrics: Metrics) -> Self {
        // From the start on there is a series, of a queue that is empty.
        metrics.queued(kind, 0);
        Self {
            kind,
            metrics,
            objects: Arc::default(),
        }
    }

    fn joins(&self, name: NamespacedName) {
        let is_new = self.objects().insert(name);
        self.metrics.queued(self.kind, i64::from(is_new));
    }

    fn leaves(&self, name: &NamespacedName) {
        let was_there = self.objects().remove(name);
        self.metrics.queued(self.kind, -i64::from(was_there));
    }

    fn objects(&self) -> MutexGuard<'_, HashSet<NamespacedName>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Failures in a row, by object.
#[derive(Clone, Default)]
struct Failures(Arc<Mutex<HashMap<NamespacedName, u32>>>);

impl Failures {
    /// Counts one more; returns how many it is now.
    fn another(&self, name: NamespacedName) -> u32 {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(name).or_default();
        *count = count.saturating_add(1);
        *count
    }

    fn forget(&self, name: &NamespacedName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no")]
    struct No;

    #[tokio::test]
    async fn a_panic_is_a_failure_of_one_object() {
        let metrics = Metrics::new();
        let name = NamespacedName::new("telephony", "corp");
        let result = observed("Any", name, metrics.clone(), Failures::default(), async {
            let nothing: &[u8] = &[];
            let _ = nothing[nothing.len()];
            Err::<Action, No>(No)
        });
        let error = result.await.unwrap_err();
        assert!(
            matches!(&error, ReconcileError::Panic(message) if message.contains("out of bounds")),
            "{error}"
        );
        assert!(
            metrics
                .encode()
                .unwrap()
                .contains(r#"adsync_reconciles_total{controller="Any",result="error"} 1"#)
        );
    }

    #[test]
    fn an_object_waits_once_however_often_it_is_named_and_one_of_two_worlds_is_told_beside_the_other() {
        let metrics = Metrics::new();
        let depth = || {
            let text = metrics.encode().unwrap();
            let series = r#"adsync_reconcile_queue_depth{controller="Any"} "#;
            let value = text.lines().find_map(|line| line.strip_prefix(series));
            value.map(|value| value.parse::<i64>().unwrap())
        };
        let (one, other) = (
            Waiting::new("Any", metrics.clone()),
            Waiting::new("Any", metrics.clone()),
        );
        assert_eq!(depth(), Some(0));
        let name = NamespacedName::new("telephony", "corp");
        one.joins(name.clone());
        one.clone().joins(name.clone());
        other.joins(name.clone());
        assert_eq!(depth(), Some(2));
        one.leaves(&name);
        // Time passed, and nothing happened: it is looked at all the same.
        one.leaves(&name);
        assert_eq!(depth(), Some(1));
    }

    #[test]
    fn failures_are_counted_by_object_and_in_a_row() {
        let failures = Failures::default();
        let (one, two) = (NamespacedName::new("a", "one"), NamespacedName::new("a", "two"));
        assert_eq!(
            (
                failures.another(one.clone()),
                failures.another(one.clone()),
                failures.another(two)
            ),
            (1, 2, 1)
        );
        failures.forget(&one);
        assert_eq!(failures.another(one), 1);
    }
}
