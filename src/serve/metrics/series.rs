//! Families of series: their labels, and how those of a deleted object go away. What is counted is not known here.

use std::{
    collections::BTreeSet,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        TypedMetric,
        family::{Family, MetricConstructor},
        histogram::Histogram,
    },
    registry::{Metric, Registry},
};

use super::DirectoryOperation;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct ObjectLabels {
    pub(super) namespace: String,
    pub(super) name: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct StateLabels {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct TypeLabels {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) r#type: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct ActionLabels {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) action: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct ReasonLabels {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) reason: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct ResultLabels {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) result: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct OperationLabels {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) operation: DirectoryOperation,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct ReconcileLabels {
    pub(super) controller: &'static str,
    pub(super) result: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct ControllerLabels {
    pub(super) controller: &'static str,
}

/// Whether labels belong to an object.
pub(super) trait OfObject {
    fn is_of(&self, namespace: &str, name: &str) -> bool;
}

macro_rules! of_object {
    ($($labels:ty),*) => {$(
        impl OfObject for $labels {
            fn is_of(&self, namespace: &str, name: &str) -> bool {
                self.namespace == namespace && self.name == name
            }
        }
    )*};
}
of_object!(
    ObjectLabels,
    StateLabels,
    TypeLabels,
    ActionLabels,
    ReasonLabels,
    ResultLabels,
    OperationLabels
);

/// A family that knows its label sets, so that those of a deleted object can be dropped.
pub(super) struct ObjectFamily<S, M, C = fn() -> M> {
    family: Family<S, M, C>,
    seen: Mutex<BTreeSet<S>>,
}

impl<S: Clone + Eq + Hash + Ord + OfObject, M: Clone, C: MetricConstructor<M>> ObjectFamily<S, M, C> {
    pub(super) fn new(family: Family<S, M, C>) -> Self {
        Self {
            family,
            seen: Mutex::default(),
        }
    }

    pub(super) fn of(&self, labels: S) -> M {
        let metric = self.family.get_or_create_owned(&labels);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(labels);
        metric
    }

    pub(super) fn forget(&self, namespace: &str, name: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|labels| {
            let keep = !labels.is_of(namespace, name);
            if !keep {
                self.family.remove(labels);
            }
            keep
        });
    }
}

/// From a status patch in milliseconds to a sync of 100,000 people in minutes.
pub(super) fn durations() -> Histogram {
    Histogram::new([0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0])
}

/// Makes families and registers them in one go, so that none is forgotten.
pub(super) struct Registering<'registry>(pub(super) &'registry mut Registry);

impl Registering<'_> {
    pub(super) fn plain<F: Clone + Metric>(&mut self, name: &str, help: &str, family: F) -> F {
        self.0.register(name, help, family.clone());
        family
    }

    pub(super) fn of_objects<S, M>(&mut self, name: &str, help: &str) -> ObjectFamily<S, M>
    where
        S: Clone + Eq + Hash + Ord + OfObject,
        M: Clone + Default + TypedMetric,
        Family<S, M, fn() -> M>: Clone + Metric,
    {
        ObjectFamily::new(self.plain(name, help, Family::new_with_constructor(M::default as fn() -> M)))
    }

    pub(super) fn timed<S>(&mut self, name: &str, help: &str) -> ObjectFamily<S, Histogram>
    where
        S: Clone + Eq + Hash + Ord + OfObject,
        Family<S, Histogram, fn() -> Histogram>: Clone + Metric,
    {
        ObjectFamily::new(self.plain(name, help, Family::new_with_constructor(durations as fn() -> Histogram)))
    }
}
