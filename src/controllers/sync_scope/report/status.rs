//! The status of a scope after an attempt. Pure: the status before and the facts in, the status after out.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    Ending, Facts, Synced, held,
    words::{Words, has_worked},
};
use crate::{
    api::{
        SyncScopeStatus,
        conditions::{MATCHED, READY, RECONCILING, REFERENCES_RESOLVED, STALLED, SYNCED, sync},
        sync_scope::{Held, ProblemReason, SyncRecord, SyncType, Trigger},
    },
    controllers::conditions::{ConditionSetter, ConditionStatus, find, whole_seconds},
    sync::report::Report,
};

/// Problems that the status shows.
const MOST_PROBLEMS: usize = 20;
/// Syncs that the status remembers.
const MOST_RECORDS: usize = 10;

/// The status after an attempt, and after the one before it when that one's could not be written.
pub(super) fn status_after(before: &SyncScopeStatus, left: Option<&Facts>, facts: &Facts) -> SyncScopeStatus {
    left.map_or_else(|| status(before, facts), |left| status(&status(before, left), facts))
}

/// The status after an attempt.
pub(super) fn status(before: &SyncScopeStatus, facts: &Facts) -> SyncScopeStatus {
    let mut after = before.clone();
    after.observed_generation = facts.generation;
    after.last_handled_reconcile_at = facts.handled().cloned().or(after.last_handled_reconcile_at);
    match &facts.ending {
        Ending::Synced(synced) => take_over(&mut after, synced, facts.now),
        // What is held was weighed by another spec: the next sync closes the batch anew, and nobody can approve it until then.
        _ if before.observed_generation != facts.generation => after.held.iter_mut().for_each(reopen),
        _ => {}
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
    held::set(&mut setter, &facts.scope, &after.held);
    after
}

fn reopen(held: &mut Held) {
    held.digest.clear();
    held.approved = None;
}

/// What a sync counted and did.
fn take_over(after: &mut SyncScopeStatus, synced: &Synced, now: Timestamp) {
    let Synced {
        trigger,
        report,
        references,
        created,
        updated,
        disabled,
        deleted,
        ledger,
        failed,
        duration,
        ..
    } = synced;
    // The counts are also the mark that the scope has worked: before that there are none.
    if has_worked(after) || !synced.is_refused() {
        after.users = Some(report.users);
    }
    after.extensions = Some(report.extensions);
    after.ring_groups = Some(report.ring_groups);
    after.problems = report.problems.iter().take(MOST_PROBLEMS).cloned().collect();
    after.references.clone_from(references);
    let holds_more = (ledger.held.iter()).any(|held| !after.held.iter().any(|known| held::is_same_batch(known, held)));
    after.held.clone_from(&ledger.held);
    after.budget.clone_from(&ledger.budget);
    let record = SyncRecord {
        time: Time(whole_seconds(now)),
        kind: SyncType::Full,
        trigger: *trigger,
        created: *created,
        updated: *updated,
        disabled: *disabled,
        deleted: *deleted,
        held: held::waiting(&ledger.held),
        failed: *failed,
        duration: format!("{:.1}s", duration.as_secs_f64()),
    };
    // What fails in the same way every few minutes is no news.
    let fails_again = after.last_sync.as_ref().is_some_and(|last| last.failed == *failed);
    let changed = *created + *updated + *disabled + *deleted > 0;
    if changed || holds_more || (*failed > 0 && !fails_again) {
        after.history.insert(0, record.clone());
        after.history.truncate(MOST_RECORDS);
        after.last_sync = Some(record);
    } else if *trigger == Trigger::Requested {
        after.last_sync = Some(record);
    }
}

/// `Matched` and `ReferencesResolved`: what the last sync that went to the end found.
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
        let message = format!(
            "not found: {}; what depends on them stays as it is: correct them in the spec, or let the bind account read them",
            names.join("; ")
        );
        setter.set(REFERENCES_RESOLVED, false, sync::ENTRY_NOT_FOUND, &message);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::Unread, *};
    use crate::{
        api::sync_scope::{Problem, UserCounts},
        controllers::{changes::NamespacedName, conditions::is_true},
        sync::{
            guard::Ledger,
            references::{Lost, Unresolved},
        },
    };

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn facts(ending: Ending) -> Facts {
        Facts {
            now: time(1000),
            scope: NamespacedName::new("telephony", "staff"),
            generation: Some(1),
            requested: None,
            failures: 0,
            unwritten: 0,
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
            disabled: 0,
            deleted: 0,
            ledger: Ledger::default(),
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
            "Ready=True Valid",
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
    fn a_crash_is_told_by_synced_at_once() {
        let crashed = || Ending::Crashed {
            message: "adsync has a bug: index out of bounds".to_owned(),
        };
        let out = after(&worked(), crashed());
        assert_eq!(find(&out.conditions, SYNCED).unwrap().reason, "InternalError");
        assert!(is_true(&out.conditions, READY) && find(&out.conditions, RECONCILING).is_none());
        let new = after(&SyncScopeStatus::default(), crashed());
        assert!(!is_true(&new.conditions, READY) && is_true(&new.conditions, RECONCILING));
    }

    #[test]
    fn what_could_not_be_reported_is_in_the_next_report() {
        let left = facts(Ending::Synced(Box::new(Synced { created: 3, ..synced() })));
        let out = Facts {
            failures: 3,
            ..facts(unread(true))
        };
        let told = status_after(&SyncScopeStatus::default(), Some(&left), &out);
        assert_eq!(told.last_sync.as_ref().unwrap().created, 3);
        assert!(is_true(&told.conditions, READY) && !is_true(&told.conditions, SYNCED));
    }

    #[test]
    fn nobody_waits_for_the_sync_of_a_scope_that_has_worked() {
        let begun = after(&worked(), Ending::Begun);
        assert!(is_true(&begun.conditions, READY) && find(&begun.conditions, RECONCILING).is_none());
        assert!(is_true(&begun.conditions, SYNCED), "the last one worked");
    }

    #[test]
    fn what_kept_a_scope_from_syncing_is_not_said_of_the_sync() {
        for kept in [
            Ending::Suspended,
            missing(999),
            Ending::Invalid { message: String::new() },
        ] {
            let begun = after(&after(&worked(), kept.clone()), Ending::Begun);
            let condition = find(&begun.conditions, SYNCED).unwrap();
            assert_eq!(
                (&*condition.status, &*condition.reason),
                ("Unknown", "Progressing"),
                "{kept:?}"
            );
        }
    }

    #[test]
    fn one_bad_record_does_not_cost_the_scope() {
        let failing = |is_fresh| {
            let one = Synced {
                failed: 1,
                is_fresh,
                ..synced()
            };
            Facts {
                unwritten: 9,
                ..facts(Ending::Synced(Box::new(one)))
            }
        };
        let message = |status: &SyncScopeStatus| find(&status.conditions, SYNCED).unwrap().message.clone();
        let out = status(&worked(), &failing(true));
        assert!(is_true(&out.conditions, READY) && is_true(&out.conditions, SYNCED));
        assert_eq!(
            message(&out),
            "the last sync worked; one object could not be written; it is tried again"
        );
        assert_eq!(status(&out, &failing(false)), out, "what fails again is no news");
        let retried = Synced {
            is_fresh: false,
            updated: 1,
            ..synced()
        };
        assert_eq!(
            message(&after(&out, Ending::Synced(Box::new(retried)))),
            "the last sync worked"
        );
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
        let failing = || Ending::Synced(Box::new(Synced { failed: 5, ..synced() }));
        let first = status(
            &worked(),
            &Facts {
                unwritten: 1,
                ..facts(failing())
            },
        );
        assert_eq!(first.history.len(), 1);
        assert!(is_true(&first.conditions, SYNCED), "twice is forgiven");
        let third = status(
            &first,
            &Facts {
                now: time(2000),
                unwritten: 3,
                ..facts(failing())
            },
        );
        assert_eq!(find(&third.conditions, SYNCED).unwrap().reason, "WriteFailed");
        let fourth = status(
            &third,
            &Facts {
                now: time(3000),
                unwritten: 4,
                ..facts(failing())
            },
        );
        assert_eq!(fourth, third);
    }

    #[test]
    fn a_scope_of_which_nothing_could_be_written_has_not_worked_however_often_it_tries() {
        let refused = |unwritten| {
            let mut synced = synced();
            (synced.report.users.matched, synced.created, synced.failed) = (0, 4, 4);
            Facts {
                unwritten,
                ..facts(Ending::Synced(Box::new(synced)))
            }
        };
        let first = status(&SyncScopeStatus::default(), &refused(1));
        let second = status(&first, &refused(2));
        let third = status(&second, &refused(3));
        for tried in [&first, &second, &third] {
            assert_eq!(find(&tried.conditions, READY).unwrap().status, "Unknown", "{tried:?}");
            assert!(is_true(&tried.conditions, RECONCILING) && tried.users.is_none());
        }
        assert_eq!(find(&third.conditions, SYNCED).unwrap().reason, "WriteFailed");
        let done = after(&third, Ending::Synced(Box::new(synced())));
        assert!(is_true(&done.conditions, READY) && is_true(&done.conditions, SYNCED));
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
            why: Lost::Missing,
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
