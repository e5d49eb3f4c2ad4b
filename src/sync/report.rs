//! What a sync found, for the status: counts and problems. Conditions, times and writing are the controller's.

use std::collections::BTreeMap;

use super::{
    field::WrittenField,
    plan::{Change, Subject},
};
use crate::api::sync_scope::{ExtensionCounts, Problem, ProblemReason, RingGroupCounts, UserCounts};

/// What a sync found. It speaks of the time after the plan was applied; take back with [`Report::write_failed`] what was not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The scope's people.
    pub users: UserCounts,
    /// The scope's numbers.
    pub extensions: ExtensionCounts,
    /// The scope's ring groups.
    pub ring_groups: RingGroupCounts,
    /// Everybody who could not be served as the spec wishes, sorted; as many as there are.
    pub problems: Vec<Problem>,
    /// Why the unmatched are unmatched.
    pub unmatched: BTreeMap<ProblemReason, i64>,
    /// Distinguished names of the spec that were not found, as the spec has them.
    pub unresolved: Vec<String>,
}

impl Report {
    /// Adds somebody's problem, in its place.
    pub fn add_problem(&mut self, problem: Problem) {
        let place = self.problems.binary_search(&problem).unwrap_or_else(|place| place);
        self.problems.insert(place, problem);
    }

    /// Takes back a change that the API server refused: its person keeps what they had.
    pub fn write_failed<F: WrittenField>(&mut self, change: &Change<F>, message: &str) {
        if change.links {
            self.users.matched -= 1;
            self.users.unmatched += 1;
            *self.unmatched.entry(ProblemReason::WriteFailed).or_default() += 1;
        }
        self.add_problem(problem(&change.subject, ProblemReason::WriteFailed, message, None));
    }
}

/// Somebody's problem.
pub(crate) fn problem(subject: &Subject, reason: ProblemReason, message: &str, other: Option<&str>) -> Problem {
    Problem {
        login: subject.login.to_string(),
        mail: subject.mail.as_deref().map(str::to_owned),
        reason,
        message: message.to_owned(),
        other: other.map(str::to_owned),
    }
}
