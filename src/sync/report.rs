//! What a sync found, for the status: counts and problems. Conditions, times and writing are the controller's.

use std::collections::BTreeMap;

use super::{
    census::Census,
    field::{Field, WrittenField},
    lingering::Lingers,
    plan::{Change, Deletion, Subject},
    references::Unresolved,
    ring_groups::RingGroups,
    users::Provided,
};
use crate::api::sync_scope::{
    ExtensionCounts, LONGEST_MESSAGE, LONGEST_NAME, Problem, ProblemReason, RingGroupCounts, UserCounts,
};

/// What a sync found. It speaks of the time after the plan was applied; take back with [`Report::writes_failed`] what was not.
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
    /// Why those who are disabled or gone in the directory are enabled here.
    pub lingering: BTreeMap<Lingers, i64>,
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

    /// Whoever is deleted or let go of is counted as it will be.
    pub(super) fn add_departures(&mut self, counts: &UserCounts) {
        self.users.inactive += counts.inactive;
        self.users.out_of_scope += counts.out_of_scope;
        self.users.gone += counts.gone;
    }

    pub(super) fn add_lingering(&mut self, lingering: BTreeMap<Lingers, i64>) {
        self.users.lingering = lingering.values().sum();
        self.lingering = lingering;
    }

    /// Takes back the changes that could not be written: whom they are about keeps what they had.
    pub fn writes_failed<'c, F: WrittenField>(&mut self, failed: impl Iterator<Item = (&'c Change<F>, &'c str)>) {
        for (change, message) in failed {
            self.write_failed(change, message);
        }
        self.problems.sort();
    }

    /// Takes back the deletions that could not be made.
    pub fn deletions_failed<'c>(&mut self, failed: impl Iterator<Item = (&'c Deletion, &'c str)>) {
        let failed =
            failed.map(|(deletion, message)| problem(&deletion.subject, ProblemReason::WriteFailed, message, None));
        self.problems.extend(failed);
        self.problems.sort();
    }

    fn write_failed<F: WrittenField>(&mut self, change: &Change<F>, message: &str) {
        if change.links {
            self.users.matched -= 1;
            self.users.unmatched += 1;
            *self.unmatched.entry(ProblemReason::WriteFailed).or_default() += 1;
        }
        self.problems
            .push(problem(&change.subject, ProblemReason::WriteFailed, message, None));
    }
}

/// Somebody's problem, in as many characters as a status takes: one text that is too long would cost the whole status.
pub(crate) fn problem(subject: &Subject, reason: ProblemReason, message: &str, other: Option<&str>) -> Problem {
    Problem {
        login: shortened(&subject.login, LONGEST_NAME),
        mail: subject.mail.as_deref().map(|mail| shortened(mail, LONGEST_NAME)),
        reason,
        message: shortened(message, LONGEST_MESSAGE),
        other: other.map(|other| shortened(other, LONGEST_NAME)),
    }
}

/// A text in at most so many characters: where it was cut, it ends with an ellipsis.
pub fn shortened(text: &str, longest: usize) -> String {
    // A character has one byte at least.
    if text.len() <= longest || text.chars().nth(longest).is_none() {
        return text.to_owned();
    }
    text.chars()
        .take(longest.saturating_sub(1))
        .chain(['\u{2026}'])
        .collect()
}

/// The first of so many names, and how many more there are: nobody reads hundreds, and thousands of such messages fill the
/// memory.
pub(super) fn few<'n>(names: impl Iterator<Item = &'n str>, count: usize) -> String {
    const FEW: usize = 3;
    let listed = names.take(FEW).collect::<Vec<_>>().join(", ");
    match count.saturating_sub(FEW) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_problem_is_longer_than_a_status_takes() {
        let long = "\u{fc}".repeat(5000);
        let subject = Subject {
            login: long.as_str().into(),
            mail: Some(long.as_str().into()),
        };
        let Problem {
            login,
            mail,
            message,
            other,
            ..
        } = problem(&subject, ProblemReason::WriteFailed, &long, Some(&long));
        let lengths = [login, mail.unwrap(), message.clone(), other.unwrap()].map(|text| text.chars().count());
        assert_eq!(lengths, [1024, 1024, 4096, 1024]);
        assert!(message.ends_with("\u{fc}\u{2026}"), "{message}");
    }

    #[test]
    fn a_few_names_are_all_named_and_of_many_the_first() {
        assert_eq!(few(["a", "b", "c"].into_iter(), 3), "a, b, c");
        assert_eq!(few(["a"; 410].into_iter(), 410), "a, a, a and 407 more");
    }

    #[test]
    fn what_fits_stays_and_what_does_not_is_cut_and_says_so() {
        for (text, longest, expected) in [
            ("", 0, ""),
            ("abc", 3, "abc"),
            ("\u{fc}\u{fc}\u{fc}", 3, "\u{fc}\u{fc}\u{fc}"),
            ("abcd", 3, "ab\u{2026}"),
            ("\u{fc}\u{fc}\u{fc}\u{fc}", 3, "\u{fc}\u{fc}\u{2026}"),
        ] {
            assert_eq!(shortened(text, longest), expected);
        }
    }
}
