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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_number_plan_is_named_down_to_its_entry() {
        let spec =
            serde_yaml::from_str("numberPlan: {digits: {min: 2, max: 6}, reserved: [{from: '3', to: '2'}]}").unwrap();
        let error = ValidatedSystem::new("hq", &spec).unwrap_err();
        assert_eq!(
            error.to_string(),
            "spec: numberPlan.reserved[0] is no range: the range 3 to 2 ends before it begins: swap `from` and `to`"
        );
    }
}
