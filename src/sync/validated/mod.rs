//! Specs, parsed once at the door: from here on a name is a name and a filter is a filter. No snapshot, no objects.
//!
//! Every error names the field and says what to write instead.

mod department;
mod duration;
mod removal;
mod rule;
mod scope;
mod selector;
mod system;
mod timing;

pub use department::{Department, DepartmentNumber, DepartmentSource};
pub use duration::{DurationError, parse_duration};
pub use removal::{CreationLimit, Removal, RemovalLimit};
pub use rule::{RuleAttribute, ValidatedRule};
pub use scope::{ExtensionEntry, FieldSource, Matching, ValidatedScope};
pub use selector::{Exclusion, Reference, Selector, Users};
pub use system::ValidatedSystem;
pub use timing::{Schedule, Timing};

use super::{
    number::{NumberError, RangeError},
    number_pattern::NumberPatternError,
    number_plan::NumberPlanError,
};
use crate::directory::{AttributeNameError, DnError, filter::FilterError};

/// What is wrong with a spec, and where.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct SpecError {
    /// The field, such as `spec.users.filter`.
    pub path: String,
    /// What is wrong with it, and what to write.
    pub problem: SpecProblem,
}

/// What is wrong with a field of a spec, and what to write.
#[derive(Debug, thiserror::Error)]
pub enum SpecProblem {
    /// No distinguished name.
    #[error("{0}")]
    ParseDn(#[from] DnError),
    /// No LDAP filter; says at which position.
    #[error("{0}")]
    ParseFilter(#[from] FilterError),
    /// No attribute's name.
    #[error("{0}")]
    ParseAttribute(#[from] AttributeNameError),
    /// No duration.
    #[error("{0}")]
    ParseDuration(#[from] DurationError),
    /// No time table.
    #[error(
        "\"{cron}\" is no cron expression ({reason}); write minute, hour, day of month, month and day of week, such as `0 2 * * *`"
    )]
    ParseCron {
        /// As written.
        cron: String,
        /// What the parser said.
        reason: String,
    },
    /// No time zone.
    #[error("\"{0}\" is no time zone; write an IANA name, such as Europe/Berlin")]
    FindTimeZone(String),
    /// No number.
    #[error("{0}")]
    ParseNumber(#[from] NumberError),
    /// No range.
    #[error("{}", chain(.0))]
    ParseRange(#[from] RangeError),
    /// No number plan.
    #[error("{}", chain(.0))]
    ParseNumberPlan(#[from] NumberPlanError),
    /// No way to read a number from an attribute.
    #[error("{}", chain(.0))]
    ParsePattern(#[from] NumberPatternError),
    /// None or several of a union's members.
    #[error("set exactly one of {0}")]
    ChooseOne(&'static str),
    /// Something that is needed here.
    #[error("{0}")]
    Complete(&'static str),
}

impl SpecProblem {
    fn at(self, path: impl Into<String>) -> SpecError {
        SpecError {
            path: path.into(),
            problem: self,
        }
    }
}

/// Says where a problem is.
trait At<T> {
    fn at(self, path: impl FnOnce() -> String) -> Result<T, SpecError>;
}

impl<T, E: Into<SpecProblem>> At<T> for Result<T, E> {
    fn at(self, path: impl FnOnce() -> String) -> Result<T, SpecError> {
        self.map_err(|error| error.into().at(path()))
    }
}

/// An error with its sources: conditions show one line, and the position is in the last of them.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
