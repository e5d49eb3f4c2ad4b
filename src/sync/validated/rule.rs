//! An ExtensionRule, parsed: ranges are ranges, the pattern is compiled.

use jiff::SignedDuration;

use super::{At as _, SpecError, SpecProblem, duration::signed_duration};
use crate::{
    api::{
        ExtensionRuleSpec,
        extension_rule::{NumberSource, WhenMissing},
    },
    directory::AttributeName,
    sync::{
        number::{Number, NumberRange},
        number_pattern::NumberPattern,
        number_plan::NumberPlan,
        number_set::NumberSet,
    },
};

/// A rule whose spec makes sense.
#[derive(Clone, Debug)]
pub struct ValidatedRule {
    /// Name of the object.
    pub name: Box<str>,
    /// Name of the phone system whose numbers these are.
    pub phone_system: Box<str>,
    /// The attribute that holds the number. None: numbers come from `ranges` alone.
    pub attribute: Option<RuleAttribute>,
    /// Ranges to number from. Not empty unless everything comes from the attribute.
    pub ranges: Vec<NumberRange>,
    /// Numbers that it never gives.
    pub reserved: Vec<NumberRange>,
    /// How long a freed number of its ranges rests.
    pub cool_for: SignedDuration,
    /// People whose number does not fit any more are moved.
    pub renumber: bool,
}

/// The attribute that holds somebody's number.
#[derive(Clone, Debug)]
pub struct RuleAttribute {
    /// Its LDAP name.
    pub name: AttributeName,
    /// Its LDAP name as people wrote it, for messages.
    pub written: Box<str>,
    /// How its value becomes a number.
    pub pattern: NumberPattern,
    /// What happens to people without it.
    pub when_missing: WhenMissing,
}

impl ValidatedRule {
    /// Parses a spec.
    pub fn new(name: &str, spec: &ExtensionRuleSpec) -> Result<Self, SpecError> {
        let attribute = match (spec.source, &spec.attribute) {
            (NumberSource::Sequential, Some(_)) => {
                return Err(SpecProblem::Complete("leave it out, or write source: Attribute").at("spec.attribute"));
            }
            (NumberSource::Sequential, None) => None,
            (NumberSource::Attribute, None) => {
                return Err(
                    SpecProblem::Complete("name the attribute that holds the number, such as telephoneNumber")
                        .at("spec.attribute"),
                );
            }
            (NumberSource::Attribute, Some(attribute)) => Some(RuleAttribute {
                name: AttributeName::parse(&attribute.name).at(|| "spec.attribute.name".to_owned())?,
                written: attribute.name.as_str().into(),
                pattern: NumberPattern::parse(attribute).at(|| "spec".to_owned())?,
                when_missing: attribute.when_missing,
            }),
        };
        let ranges = read_ranges(&spec.ranges, "ranges")?;
        let needs_ranges = attribute
            .as_ref()
            .is_none_or(|attribute| attribute.when_missing == WhenMissing::Sequential);
        if needs_ranges && ranges.is_empty() {
            return Err(
                SpecProblem::Complete("write at least one range, such as {from: \"2000\", to: \"2999\"}")
                    .at("spec.ranges"),
            );
        }
        Ok(Self {
            name: name.into(),
            phone_system: spec.phone_system_ref.name.as_str().into(),
            attribute,
            ranges,
            reserved: read_ranges(&spec.reserved, "reserved")?,
            cool_for: signed_duration(&spec.cool_for).at(|| "spec.coolFor".to_owned())?,
            renumber: spec.renumber,
        })
    }

    /// The numbers of its ranges that may be given: neither the rule nor the plan sets them aside.
    pub fn givable(&self, plan: &NumberPlan) -> NumberSet {
        let mut numbers: NumberSet = self.ranges.iter().copied().collect();
        for range in &self.reserved {
            numbers.remove(*range);
        }
        numbers.intersection(&plan.permitted())
    }

    /// Whether it sets a number aside itself.
    pub(in crate::sync) fn reserves(&self, number: Number) -> bool {
        self.reserved.iter().any(|range| range.contains(number))
    }

    /// Whether a number is in its ranges, given or not.
    pub(in crate::sync) fn ranges_over(&self, number: Number) -> bool {
        self.ranges.iter().any(|range| range.contains(number))
    }

    /// Its ranges, for messages.
    pub(in crate::sync) fn shown_ranges(&self) -> String {
        let ranges: Vec<_> = self.ranges.iter().map(ToString::to_string).collect();
        ranges.join(", ")
    }
}

fn read_ranges(ranges: &[crate::api::NumberRange], field: &str) -> Result<Vec<NumberRange>, SpecError> {
    let ranges = ranges.iter().enumerate();
    ranges
        .map(|(index, range)| NumberRange::try_from(range).at(|| format!("spec.{field}[{index}]")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_names_the_field_and_says_what_to_write() {
        let range = "ranges: [{from: '2000', to: '2999'}]";
        for (spec, path, hint) in [
            ("source: Sequential".to_owned(), "spec.ranges", "2999"),
            (
                format!("source: Sequential, {range}, attribute: {{name: a}}"),
                "spec.attribute",
                "source: Attribute",
            ),
            (
                format!("source: Attribute, {range}"),
                "spec.attribute",
                "telephoneNumber",
            ),
            (
                "source: Attribute, attribute: {name: ip_phone}".to_owned(),
                "spec.attribute.name",
                "LDAP name",
            ),
            (
                "source: Attribute, attribute: {name: ipPhone, pattern: '('}".to_owned(),
                "spec",
                "attribute.pattern (",
            ),
            (
                "source: Attribute, attribute: {name: ipPhone, whenMissing: Sequential}".to_owned(),
                "spec.ranges",
                "range",
            ),
            (
                "source: Sequential, ranges: [{from: '90', to: '100'}]".to_owned(),
                "spec.ranges[0]",
                "each length",
            ),
            (
                format!("source: Sequential, {range}, reserved: [{{from: x, to: y}}]"),
                "spec.reserved[0]",
                "digits",
            ),
            (
                format!("source: Sequential, {range}, coolFor: thirty days"),
                "spec.coolFor",
                "1h30m",
            ),
        ] {
            let spec = serde_yaml::from_str(&format!("{{phoneSystemRef: {{name: hq}}, {spec}}}")).unwrap();
            let error = ValidatedRule::new("r", &spec).unwrap_err();
            assert_eq!(error.path, path, "{error}");
            assert!(error.to_string().contains(hint), "{error}");
        }
    }
}
