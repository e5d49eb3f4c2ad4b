//! What was wished for, and what came out. Nothing fails here: a busy machine is no defect.

use std::fmt;

/// A figure that should be at most so large.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wish {
    /// What is measured, with the thing it is compared with.
    what: String,
    at_most: f64,
    measured: f64,
    /// `×`, `MiB`, `s` …
    unit: &'static str,
}

impl Wish {
    pub(crate) fn at_most(at_most: f64, unit: &'static str, what: impl Into<String>, measured: f64) -> Self {
        Self {
            what: what.into(),
            at_most,
            measured,
            unit,
        }
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            at_most,
            measured,
            unit,
        } = self;
        let verdict = if measured <= at_most { "met" } else { "MISSED" };
        write!(
            formatter,
            "- {verdict}: {what}: {measured:.2} {unit} (wished for: at most {at_most} {unit})"
        )
    }
}
