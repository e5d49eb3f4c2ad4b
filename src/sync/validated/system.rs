//! A PhoneSystem, parsed: its name and its number plan.

use super::{At as _, SpecError};
use crate::{api::PhoneSystemSpec, sync::number_plan::NumberPlan};

/// A phone system whose spec makes sense.
#[derive(Clone, Debug)]
pub struct ValidatedSystem {
    /// Name of the object.
    pub name: Box<str>,
    /// Which numbers may be given at all.
    pub number_plan: NumberPlan,
}

impl ValidatedSystem {
    /// Parses a spec.
    pub fn new(name: &str, spec: &PhoneSystemSpec) -> Result<Self, SpecError> {
        let number_plan = NumberPlan::try_from(&spec.number_plan).at(|| "spec".to_owned())?;
        Ok(Self {
            name: name.into(),
            number_plan,
        })
    }
}
