//! What a sync found, for the status: counts and problems. Conditions, times and writing are the controller's.

use std::collections::BTreeMap;

use super::{
    census::Census,
    field::{Field, WrittenField},
    plan::{Change, Subject},
    references::Unresolved,
    ring_groups::RingGroups,
    users::Provided,
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
    /// Members of the departments' groups that are neither people nor groups of the directory that was read.
    pub unresolved_members: usize,
    /// Everybody who could not be served as the spec wishes, sorted; as many as there are.
    pub problems: Vec<Problem>,
    /// Why the unmatched are unmatched.
    pub unmatched: BTreeMap<ProblemReason, i64>,
    /// Distinguished names of the spec that were not found, as the spec has them.
    pub unresolved: Vec<Unresolved>,
}

impl Report {
    /// Counts everybody, once each.
    pub(super) fn new(
        census: Census<'_>,
        provided: &[Provided<'_>],
        unmatched: impl Iterator<Item = Problem>,
        problems: Vec<Problem>,
        unresolved: Vec<Unresolved>,
    ) -> Self {
        let unmatched: Vec<_> = census.unmatched.into_iter().chain(unmatched).collect();
        let mut report = Self {
            users: census.counts,
            unresolved,
            ..Self::default()
        };
        for problem in &unmatched {
            *report.unmatched.entry(problem.reason).or_default() += 1;
        }
        let kept = census
            .kept
            .iter()
            .map(|kept| (kept.is_inactive, kept.user.values.text(Field::Extension).is_some()));
        let provided = provided
            .iter()
            .map(|provided| (provided.person.is_inactive, provided.numbered.number.is_some()));
        for (is_inactive, has_number) in kept.chain(provided) {
            report.users.matched += 1;
            report.users.disabled += i64::from(is_inactive);
            report.extensions.assigned += i64::from(has_number);
        }
        report.users.unmatched = report.unmatched.values().sum();
        report.users.in_scope = report.users.matched + report.users.unmatched;
        report.problems = unmatched.into_iter().chain(problems).chain(census.problems).collect();
        report.problems.sort();
        report
    }

    pub(super) fn add_ring_groups(&mut self, ring_groups: &RingGroups) {
        self.ring_groups.synced = ring_groups.synced;
        self.unresolved_members = ring_groups.unresolved_members;
        self.problems.extend(ring_groups.problems.iter().cloned());
        self.problems.sort();
    }

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
