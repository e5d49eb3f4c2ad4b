//! What an attempt to sync came to, as the scope's status. Pure: the status before and the facts in, the status after out.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    api::{
        SyncScopeStatus,
        conditions::{MATCHED, READY, RECONCILING, REFERENCES_RESOLVED, STALLED, SYNCED, ready, sync},
        sync_scope::{ProblemReason, ResolvedReference, SyncRecord, SyncType, Trigger},
    },
    controllers::conditions::{ConditionSetter, ConditionStatus, find, whole_seconds},
    sync::report::Report,
};

/// Problems that the status shows.
const MOST_PROBLEMS: usize = 20;
/// Syncs that the status remembers.
const MOST_RECORDS: usize = 10;
/// So many failed attempts in a row may be an accident.
const FORGIVEN: u32 = 2;
/// So long, what is missing may still be on its way: charts create things in any order.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What is known when an attempt has ended.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When it ended.
    pub now: Timestamp,
    /// The scope's generation.
    pub generation: Option<i64>,
    /// The request to sync that this acted upon, or an earlier one.
    pub requested: Option<String>,
    /// How many attempts in a row have failed, this included.
    pub failures: u32,
    /// What it came to.
    pub ending: Ending,
}

/// What an attempt came to.
#[derive(Clone, Debug)]
pub enum Ending {
    /// It has only begun, on a generation that was not seen before.
    Begun,
    /// `suspend` is set: none was made.
    Suspended,
    /// Something that the spec names does not exist.
    Missing {
        /// What, and what to do.
        message: String,
        /// Since when.
        since: Timestamp,
    },
    /// Something that the spec names can't be used.
    NotReady {
        /// What, and what to do.
        message: String,
    },
    /// The spec can't be understood.
    Invalid {
        /// Where, and what to write.
        message: String,
    },
    /// The directory could not be read.
    Unread(Unread),
    /// It went to the end.
    Synced(Box<Synced>),
}

/// Why the directory could not be read.
#[derive(Clone, Debug)]
pub struct Unread {
    /// In one word.
    pub reason: &'static str,
    /// What to do.
    pub message: String,
    /// It may pass by itself.
    pub passes: bool,
    /// Three syncs should have come since the directory was last read.
    pub is_stale: bool,
}

/// A sync that went to the end.
#[derive(Clone, Debug)]
pub struct Synced {
    /// Why it ran.
    pub trigger: Trigger,
    /// What it found.
    pub report: Report,
    /// The entries that the spec names.
    pub references: Vec<ResolvedReference>,
    /// Objects made.
    pub created: i64,
    /// Objects changed.
    pub updated: i64,
    /// Writes that failed.
    pub failed: i64,
    /// Of `mode: Plan`: what it would have written.
    pub would_write: Option<String>,
    /// The directory was read for it. Else it repaired what others changed, by what had been read before.
    pub is_fresh: bool,
    /// How long it took.
    pub duration: Duration,
}

/// The status after an attempt.
pub fn status(before: &SyncScopeStatus, facts: &Facts) -> SyncScopeStatus {
    let mut after = before.clone();
    after.observed_generation = facts.generation;
    if !matches!(facts.ending, Ending::Begun | Ending::Suspended) {
        after.last_handled_reconcile_at = facts.requested.clone().or(after.last_handled_reconcile_at);
    }
    if let Ending::Synced(synced) = &facts.ending {
        take_over(&mut after, synced, facts.now);
    }
    let words = Words::of(before, facts);
    let mut setter = ConditionSetter::new(&mut after.conditions, facts.generation, facts.now);
    let (holds, reason, message) = words.ready;
    setter.set(READY, holds, reason, &message);
    if let Some((holds, reason, message)) = words.synced {
        setter.set(SYNCED, holds, reason, &message);
    }
    setter.only_while(
        RECONCILING,
        words
            .reconciling
            .as_ref()
            .map(|(reason, message)| (*reason, message.as_str())),
    );
    setter.only_while(
        STALLED,
        words
            .stalled
            .as_ref()
            .map(|(reason, message)| (*reason, message.as_str())),
    );
    set_findings(&mut setter, before, &facts.ending);
    after
}

/// What a sync counted and did.
fn take_over(after: &mut SyncScopeStatus, synced: &Synced, now: Timestamp) {
    let Synced {
        trigger,
        report,
        references,
        created,
        updated,
        failed,
        duration,
        ..
    } = synced;
    after.users = Some(report.users);
    after.extensions = Some(report.extensions);
    after.ring_groups = Some(report.ring_groups);
    after.problems = report.problems.iter().take(MOST_PROBLEMS).cloned().collect();
    after.references.clone_from(references);
    let record = SyncRecord {
        time: Time(whole_seconds(now)),
        kind: SyncType::Full,
        trigger: *trigger,
        created: *created,
        updated: *updated,
        failed: *failed,
        duration: format!("{:.1}s", duration.as_secs_f64()),
    };
    // What fails in the same way every few minutes is no news.
    let fails_again = after.last_sync.as_ref().is_some_and(|last| last.failed == *failed);
    if *created + *updated > 0 || (*failed > 0 && !fails_again) {
        after.history.insert(0, record.clone());
        after.history.truncate(MOST_RECORDS);
        after.last_sync = Some(record);
    } else if *trigger == Trigger::Requested {
        after.last_sync = Some(record);
    }
}

/// A condition: whether it holds, the reason, and the message.
type Said = (ConditionStatus, &'static str, String);
/// A condition that is there only while it holds.
type SaidWhile = Option<(&'static str, String)>;

/// What the conditions that follow from the ending say.
struct Words {
    ready: Said,
    /// None: it says what it said.
    synced: Option<Said>,
    reconciling: SaidWhile,
    stalled: SaidWhile,
}

impl Words {
    fn of(before: &SyncScopeStatus, facts: &Facts) -> Self {
        use ConditionStatus::{False, True, Unknown};
        let has_worked = has_worked(before);
        let retrying = |message: &str| Some((ready::RETRYING, message.to_owned()));
        match &facts.ending {
            Ending::Begun => {
                let message = "the first sync of this generation is under way".to_owned();
                let progressing = (Unknown, ready::PROGRESSING, message.clone());
                Self {
                    ready: if has_worked { succeeded() } else { progressing.clone() },
                    synced: find(&before.conditions, SYNCED).is_none().then_some(progressing),
                    reconciling: Some((ready::PROGRESSING, message)),
                    stalled: None,
                }
            }
            Ending::Suspended => {
                let message = "spec.suspend is set: nothing is synced until it is removed".to_owned();
                Self {
                    ready: (True, ready::SUSPENDED, message.clone()),
                    synced: Some((Unknown, ready::SUSPENDED, message)),
                    reconciling: None,
                    stalled: None,
                }
            }
            Ending::Missing { message, since } => {
                let gives_up = since.duration_until(facts.now).unsigned_abs() >= PATIENCE;
                let said = (ready::REFERENCE_NOT_FOUND, message.clone());
                Self {
                    ready: (False, said.0, said.1.clone()),
                    synced: Some((False, said.0, said.1.clone())),
                    reconciling: if gives_up { None } else { retrying(message) },
                    stalled: gives_up.then_some(said),
                }
            }
            Ending::NotReady { message } => Self {
                ready: (False, ready::REFERENCE_NOT_READY, message.clone()),
                synced: Some((False, ready::REFERENCE_NOT_READY, message.clone())),
                reconciling: retrying(message),
                stalled: None,
            },
            Ending::Invalid { message } => Self {
                ready: (False, ready::INVALID_SPEC, message.clone()),
                synced: Some((False, ready::INVALID_SPEC, message.clone())),
                reconciling: None,
                stalled: Some((ready::INVALID_SPEC, message.clone())),
            },
            Ending::Unread(unread) => Self::of_unread(before, facts, unread),
            Ending::Synced(synced) => Self::of_synced(before, facts, synced),
        }
    }

    /// An outage of the directory never makes a scope that has worked not Ready, nor Reconciling: that would block or roll back
    /// somebody's unrelated release.
    fn of_unread(before: &SyncScopeStatus, facts: &Facts, unread: &Unread) -> Self {
        use ConditionStatus::False;
        let Unread {
            reason,
            message,
            passes,
            is_stale,
        } = unread;
        let said = (*reason, message.clone());
        let is_out = !passes || *is_stale || facts.failures > FORGIVEN;
        let synced = is_out
            .then(|| (False, *reason, message.clone()))
            .or_else(|| not_yet(before, message));
        if has_worked(before) {
            return Self {
                ready: succeeded(),
                synced,
                reconciling: None,
                stalled: None,
            };
        }
        Self {
            ready: (False, said.0, said.1.clone()),
            synced,
            reconciling: passes.then(|| (ready::RETRYING, message.clone())),
            stalled: (!passes).then_some(said),
        }
    }

    fn of_synced(before: &SyncScopeStatus, facts: &Facts, synced: &Synced) -> Self {
        use ConditionStatus::{False, True, Unknown};
        let failed = format!("{} objects could not be written; they are tried again", synced.failed);
        let does_something = synced.failed == 0 || synced.created + synced.updated > 0;
        let said = match (&synced.would_write, synced.failed) {
            // What was read before says nothing about the directory of now.
            _ if !synced.is_fresh => None,
            (Some(plan), _) => Some((True, sync::PLANNED, format!("mode is Plan: a sync would write {plan}"))),
            (None, 0) => Some((True, ready::SUCCEEDED, "the last sync worked".to_owned())),
            (None, _) if facts.failures > FORGIVEN => Some((False, sync::WRITE_FAILED, failed.clone())),
            (None, _) => not_yet(before, &failed),
        };
        let works = does_something || has_worked(before);
        Self {
            ready: if works {
                succeeded()
            } else {
                (Unknown, ready::RETRYING, failed.clone())
            },
            synced: said,
            reconciling: (!works).then_some((ready::RETRYING, failed)),
            stalled: None,
        }
    }
}

/// Synced before it is known: it stays what it was, and is Unknown when it was nothing.
fn not_yet(before: &SyncScopeStatus, message: &str) -> Option<Said> {
    let is_known = find(&before.conditions, SYNCED).is_some_and(|condition| condition.reason != ready::PROGRESSING);
    (!is_known).then(|| (ConditionStatus::Unknown, ready::PROGRESSING, message.to_owned()))
}

fn succeeded() -> Said {
    (
        ConditionStatus::True,
        ready::SUCCEEDED,
        "the scope is synced".to_owned(),
    )
}

/// Whether some generation has worked: only a sync that went to the end leaves counts.
fn has_worked(before: &SyncScopeStatus) -> bool {
    before.users.is_some()
}

/// Matched and ReferencesResolved: what the last sync that went to the end found.
fn set_findings(setter: &mut ConditionSetter<'_>, before: &SyncScopeStatus, ending: &Ending) {
    let Ending::Synced(synced) = ending else {
        for kind in [MATCHED, REFERENCES_RESOLVED] {
            if find(&before.conditions, kind).is_none() {
                setter.set(
                    kind,
                    ConditionStatus::Unknown,
                    sync::NOT_SYNCED,
                    "no sync has ended yet",
                );
            }
        }
        return;
    };
    let Report {
        users,
        unmatched,
        unresolved,
        ..
    } = &synced.report;
    let unlinked = unmatched.get(&ProblemReason::Unlinked).copied().unwrap_or_default();
    let reason = if users.unmatched > unlinked {
        sync::SOME_UNMATCHED
    } else {
        sync::ALL_MATCHED
    };
    let counts = format!("{} matched, {} unmatched", users.matched, users.unmatched);
    setter.set(MATCHED, users.unmatched <= unlinked, reason, &counts);
    if unresolved.is_empty() {
        setter.set(
            REFERENCES_RESOLVED,
            true,
            sync::ALL_FOUND,
            "every distinguished name was found",
        );
    } else {
        let names: Vec<String> = unresolved.iter().map(ToString::to_string).collect();
        let message = format!("not found: {}; what depends on them stays as it is", names.join("; "));
        setter.set(REFERENCES_RESOLVED, false, sync::ENTRY_NOT_FOUND, &message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::sync_scope::{Problem, UserCounts},
        controllers::conditions::is_true,
        sync::references::Unresolved,
    };

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn facts(ending: Ending) -> Facts {
        Facts {
            now: time(1000),
            generation: Some(1),
            requested: None,
            failures: 0,
            ending,
        }
    }

    fn synced() -> Synced {
        let users = UserCounts {
            found: 5,
            in_scope: 5,
            matched: 4,
            unmatched: 1,
            ..UserCounts::default()
        };
        Synced {
            trigger: Trigger::Scheduled,
            report: Report {
                users,
                ..Report::default()
            },
            references: Vec::new(),
            created: 0,
            updated: 0,
            failed: 0,
            would_write: None,
            is_fresh: true,
            duration: Duration::from_millis(1234),
        }
    }

    fn after(before: &SyncScopeStatus, ending: Ending) -> SyncScopeStatus {
        status(before, &facts(ending))
    }

    fn worked() -> SyncScopeStatus {
        after(&SyncScopeStatus::default(), Ending::Synced(Box::new(synced())))
    }

    fn said(status: &SyncScopeStatus) -> Vec<String> {
        let mut said: Vec<String> = status
            .conditions
            .iter()
            .map(|condition| format!("{}={} {}", condition.type_, condition.status, condition.reason))
            .collect();
        said.sort();
        said
    }

    fn unread(passes: bool) -> Ending {
        Ending::Unread(Unread {
            reason: "ConnectionRefused",
            message: "no".to_owned(),
            passes,
            is_stale: false,
        })
    }

    fn missing(since: i64) -> Ending {
        Ending::Missing {
            message: "PhoneSystem hq does not exist: create it".to_owned(),
            since: time(since),
        }
    }

    #[test]
    fn each_ending_has_its_conditions_on_a_new_scope() {
        let new = SyncScopeStatus::default();
        let nothing = ["Matched=Unknown NotSynced", "ReferencesResolved=Unknown NotSynced"];
        let cases = [
            (
                Ending::Begun,
                vec![
                    "Ready=Unknown Progressing",
                    "Reconciling=True Progressing",
                    "Synced=Unknown Progressing",
                ],
            ),
            (
                Ending::Suspended,
                vec!["Ready=True Suspended", "Synced=Unknown Suspended"],
            ),
            (
                missing(999),
                vec![
                    "Ready=False ReferenceNotFound",
                    "Reconciling=True Retrying",
                    "Synced=False ReferenceNotFound",
                ],
            ),
            (
                missing(940),
                vec![
                    "Ready=False ReferenceNotFound",
                    "Stalled=True ReferenceNotFound",
                    "Synced=False ReferenceNotFound",
                ],
            ),
            (
                Ending::Invalid { message: String::new() },
                vec![
                    "Ready=False InvalidSpec",
                    "Stalled=True InvalidSpec",
                    "Synced=False InvalidSpec",
                ],
            ),
            (
                unread(true),
                vec![
                    "Ready=False ConnectionRefused",
                    "Reconciling=True Retrying",
                    "Synced=Unknown Progressing",
                ],
            ),
            (
                unread(false),
                vec![
                    "Ready=False ConnectionRefused",
                    "Stalled=True ConnectionRefused",
                    "Synced=False ConnectionRefused",
                ],
            ),
        ];
        for (ending, mut wanted) in cases {
            wanted.extend(nothing);
            wanted.sort_unstable();
            assert_eq!(said(&after(&new, ending.clone())), wanted, "{ending:?}");
        }
        let done = [
            "Matched=False SomeUnmatched",
            "Ready=True Succeeded",
            "ReferencesResolved=True AllFound",
            "Synced=True Succeeded",
        ];
        assert_eq!(said(&worked()), done);
    }

    #[test]
    fn an_outage_leaves_a_scope_that_has_worked_ready() {
        let once = status(
            &worked(),
            &Facts {
                failures: 1,
                ..facts(unread(true))
            },
        );
        assert_eq!(once, worked(), "one failure is no news at all");
        let thrice = status(
            &worked(),
            &Facts {
                failures: 3,
                ..facts(unread(true))
            },
        );
        assert!(is_true(&thrice.conditions, READY) && !is_true(&thrice.conditions, SYNCED));
        assert!(find(&thrice.conditions, RECONCILING).is_none() && find(&thrice.conditions, STALLED).is_none());
        let refused = status(
            &worked(),
            &Facts {
                failures: 1,
                ..facts(unread(false))
            },
        );
        assert_eq!(
            find(&refused.conditions, SYNCED).unwrap().reason,
            "ConnectionRefused",
            "at once for what can't heal"
        );
        assert!(is_true(&refused.conditions, READY));
        let Ending::Unread(old) = unread(true) else {
            unreachable!()
        };
        let stale = after(&worked(), Ending::Unread(Unread { is_stale: true, ..old }));
        assert!(!is_true(&stale.conditions, SYNCED));
    }

    #[test]
    fn a_missing_reference_is_not_ready_even_after_it_has_worked() {
        assert!(!is_true(&after(&worked(), missing(999)).conditions, READY));
    }

    #[test]
    fn a_converged_sync_writes_nothing_but_the_echo_of_a_request() {
        let before = worked();
        let again = Facts {
            now: time(5000),
            ..facts(Ending::Synced(Box::new(synced())))
        };
        assert_eq!(status(&before, &again), before);
        let asked = Synced {
            trigger: Trigger::Requested,
            ..synced()
        };
        let echo = Facts {
            requested: Some("now".to_owned()),
            ..facts(Ending::Synced(Box::new(asked)))
        };
        let echoed = status(&before, &echo);
        assert_eq!(echoed.last_handled_reconcile_at.as_deref(), Some("now"));
        assert_eq!(echoed.last_sync.as_ref().unwrap().trigger, Trigger::Requested);
        assert_eq!((echoed.conditions, echoed.history), (before.conditions, Vec::new()));
    }

    #[test]
    fn history_has_the_last_ten_that_did_something() {
        let mut status_now = worked();
        for round in 1..=12 {
            let done = Synced {
                created: round,
                ..synced()
            };
            status_now = after(&status_now, Ending::Synced(Box::new(done)));
        }
        let created: Vec<i64> = status_now.history.iter().map(|record| record.created).collect();
        assert_eq!(created, (3..=12).rev().collect::<Vec<_>>());
        assert_eq!(status_now.last_sync.as_ref().unwrap().duration, "1.2s");
    }

    #[test]
    fn the_same_failure_again_is_no_news() {
        let failing = || Ending::Synced(Box::new(Synced { failed: 2, ..synced() }));
        let first = status(
            &worked(),
            &Facts {
                failures: 1,
                ..facts(failing())
            },
        );
        assert_eq!(first.history.len(), 1);
        assert!(is_true(&first.conditions, SYNCED), "twice is forgiven");
        let third = status(
            &first,
            &Facts {
                now: time(2000),
                failures: 3,
                ..facts(failing())
            },
        );
        assert_eq!(find(&third.conditions, SYNCED).unwrap().reason, "WriteFailed");
        let fourth = status(
            &third,
            &Facts {
                now: time(3000),
                failures: 4,
                ..facts(failing())
            },
        );
        assert_eq!(fourth, third);
    }

    #[test]
    fn a_repair_by_old_data_says_nothing_about_the_directory() {
        let out = status(
            &worked(),
            &Facts {
                failures: 3,
                ..facts(unread(true))
            },
        );
        let repair = Synced {
            is_fresh: false,
            updated: 1,
            trigger: Trigger::ObjectChanged,
            ..synced()
        };
        let repaired = after(&out, Ending::Synced(Box::new(repair)));
        assert!(!is_true(&repaired.conditions, SYNCED));
        assert_eq!(repaired.history.len(), 1);
    }

    #[test]
    fn the_unlinked_do_not_count_against_matched() {
        let mut done = synced();
        done.report.unmatched.insert(ProblemReason::Unlinked, 1);
        let matched = after(&SyncScopeStatus::default(), Ending::Synced(Box::new(done)));
        let condition = find(&matched.conditions, MATCHED).unwrap();
        assert_eq!(
            (condition.status.as_str(), condition.message.as_str()),
            ("True", "4 matched, 1 unmatched")
        );
    }

    #[test]
    fn what_was_not_found_is_named_and_twenty_problems_are_shown() {
        let mut done = synced();
        done.report.unresolved = vec![Unresolved {
            dn: "CN=Gone,DC=example,DC=com".to_owned(),
            is_replaced: false,
        }];
        done.report.problems = (0..25)
            .map(|number| Problem {
                login: number.to_string(),
                mail: None,
                reason: ProblemReason::NumberTaken,
                message: String::new(),
                other: None,
            })
            .collect();
        let found = after(&SyncScopeStatus::default(), Ending::Synced(Box::new(done)));
        assert!(
            find(&found.conditions, REFERENCES_RESOLVED)
                .unwrap()
                .message
                .contains("CN=Gone,DC=example,DC=com")
        );
        assert_eq!(found.problems.len(), MOST_PROBLEMS);
    }

    #[test]
    fn a_request_is_not_acted_upon_while_suspended() {
        let asked = Facts {
            requested: Some("now".to_owned()),
            ..facts(Ending::Suspended)
        };
        assert_eq!(status(&worked(), &asked).last_handled_reconcile_at, None);
    }
}
