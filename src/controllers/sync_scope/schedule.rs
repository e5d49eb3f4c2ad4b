//! When a scope syncs, and why. Pure: the clock is an argument.

use std::time::Duration;

use jiff::Timestamp;

use crate::{api::sync_scope::Trigger, controllers::backoff::Backoff, sync::validated::Timing};

/// Waits after failed syncs.
const RETRIES: Backoff = Backoff {
    first: Duration::from_secs(5),
    longest: Duration::from_mins(5),
};

/// Retries of removals: for each the whole directory is read. After that they wait for the schedule.
const RETRIES_OF_REMOVALS: u32 = 3;

/// Which spec of which object.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Generation {
    /// `metadata.uid`
    pub uid: Option<String>,
    /// `metadata.generation`
    pub number: Option<i64>,
}

/// What the operator remembers of a scope's last attempt. It starts empty with the process.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempts {
    /// The generation that was attempted.
    pub generation: Generation,
    /// What the references looked like then.
    pub references: Option<u64>,
    /// When it began.
    pub began: Option<Timestamp>,
    /// Failed ones in a row.
    pub failures: u32,
    /// When the last of the failed ones ended.
    pub ended: Option<Timestamp>,
    /// Those in a row that went to the end and could not write everything.
    pub unwritten: u32,
    /// When the last of these ended.
    pub unwritten_at: Option<Timestamp>,
    /// When the directory is to be read again to confirm that somebody is gone.
    pub confirm_at: Option<Timestamp>,
}

/// What is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Due {
    /// Why.
    pub trigger: Trigger,
    /// The directory is to be read. Else what was read before will do: it is the cluster that has to become right.
    pub reads: bool,
}

/// What happened to a scope's connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum ConnectionNews {
    /// Nothing.
    #[default]
    None,
    /// The directory answers again, or answers as somebody else, or can't be asked for another reason.
    Moved,
    /// The directory is asked in another way than when it was last read: what was read says nothing any more.
    Changed,
}

/// What a scope looks like now.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    /// Which spec it has.
    pub generation: Generation,
    /// A digest of what it refers to.
    pub references: u64,
    /// What happened to the connection since the last attempt began.
    pub connection: ConnectionNews,
    /// Somebody asked for a sync that has not been acted upon.
    pub requested: bool,
    /// Somebody approved what is held, and that has not been acted upon.
    pub approved: bool,
    /// Somebody else changed an object of the phone system since the last attempt.
    pub objects_changed: bool,
}

impl Attempts {
    /// Whether the scope should sync now, why, and how.
    pub(super) fn due(&self, situation: &Situation, timing: &Timing, now: Timestamp) -> Option<Due> {
        if let Some(trigger) = self.reads_due(situation, timing, now) {
            return Some(Due { trigger, reads: true });
        }
        // One object that is refused for ever must not cause the whole directory to be read for ever.
        let trigger = if self.retry_writes().is_some_and(|retry| retry <= now) {
            Trigger::Retried
        } else if situation.objects_changed {
            Trigger::ObjectChanged
        } else {
            return None;
        };
        Some(Due { trigger, reads: false })
    }

    fn reads_due(&self, situation: &Situation, timing: &Timing, now: Timestamp) -> Option<Trigger> {
        let Some(began) = self.began else {
            return Some(if situation.requested {
                Trigger::Requested
            } else {
                Trigger::Started
            });
        };
        if situation.requested {
            Some(Trigger::Requested)
        } else if self.generation != situation.generation {
            Some(Trigger::SpecChanged)
        } else if self.references != Some(situation.references) || situation.connection == ConnectionNews::Changed {
            Some(Trigger::ReferenceChanged)
        } else if situation.approved {
            Some(Trigger::Approved)
        } else if self.may_retry(situation.connection, now) {
            Some(Trigger::Retried)
        } else if scheduled(timing, began) <= now {
            Some(Trigger::Scheduled)
        } else if self.confirm_at.is_some_and(|confirm| confirm <= now) {
            Some(Trigger::Confirming)
        } else {
            None
        }
    }

    /// When to look again, if nothing happens before.
    pub(super) fn next(&self, timing: &Timing, now: Timestamp) -> Timestamp {
        let scheduled = self.began.map_or(now, |began| scheduled(timing, began));
        let sooner = self.retry().into_iter().chain(self.retry_writes());
        sooner.chain(self.confirm_at).fold(scheduled, Timestamp::min)
    }

    /// One more attempt failed, and ended now.
    pub(super) fn failed(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.ended = Some(now);
    }

    /// An attempt went to the end, now. What somebody's change made run early leaves the next try where it was.
    pub(super) fn ended(&mut self, due: Due, failed_writes: i64, now: Timestamp) {
        if due.reads {
            self.failures = 0;
        }
        // Nobody is removed for what was read before, so that a retry that reads is one of a removal.
        let gives_up = due.reads && due.trigger == Trigger::Retried && self.unwritten >= RETRIES_OF_REMOVALS;
        if failed_writes == 0 {
            (self.unwritten, self.unwritten_at) = (0, None);
        } else if gives_up {
            self.unwritten_at = None;
        } else if due.trigger != Trigger::ObjectChanged || self.unwritten == 0 {
            self.unwritten = self.unwritten.saturating_add(1);
            self.unwritten_at = Some(now);
        }
    }

    fn may_retry(&self, connection: ConnectionNews, now: Timestamp) -> bool {
        let has_moved = connection == ConnectionNews::Moved;
        self.retry().is_some_and(|retry| has_moved || retry <= now)
    }

    fn retry(&self) -> Option<Timestamp> {
        let ended = self.ended.filter(|_| self.failures > 0)?;
        ended.checked_add(RETRIES.after(self.failures)).ok()
    }

    fn retry_writes(&self) -> Option<Timestamp> {
        self.unwritten_at?.checked_add(RETRIES.after(self.unwritten)).ok()
    }
}

/// When the sync after one that began at `last` is due. A schedule that never comes is never due.
fn scheduled(timing: &Timing, last: Timestamp) -> Timestamp {
    timing.next_after(last).unwrap_or(Timestamp::MAX)
}

/// From when on data that was read at `read` is old: three syncs should have come.
pub(super) fn stale_from(timing: &Timing, read: Timestamp) -> Timestamp {
    (0..3).fold(read, |time, _| scheduled(timing, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hourly() -> Timing {
        Timing::Interval(Duration::from_hours(1))
    }

    fn synced() -> Attempts {
        Attempts {
            generation: Generation {
                uid: None,
                number: Some(3),
            },
            references: Some(7),
            began: Some(time("2026-11-20T10:00:00Z")),
            failures: 0,
            ended: Some(time("2026-11-20T10:00:05Z")),
            unwritten: 0,
            unwritten_at: None,
            confirm_at: None,
        }
    }

    fn trigger(attempts: &Attempts, situation: &Situation, now: Timestamp) -> Option<Trigger> {
        attempts.due(situation, &hourly(), now).map(|due| due.trigger)
    }

    const CONVERGED: Situation = Situation {
        generation: Generation {
            uid: None,
            number: Some(3),
        },
        references: 7,
        connection: ConnectionNews::None,
        requested: false,
        approved: false,
        objects_changed: false,
    };

    #[test]
    fn data_is_old_when_three_syncs_should_have_come() {
        assert_eq!(
            stale_from(&hourly(), time("2026-11-20T10:00:00Z")),
            time("2026-11-20T13:00:00Z")
        );
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        let now = time("2026-11-20T10:59:59Z");
        assert_eq!(synced().due(&CONVERGED, &hourly(), now), None);
        assert_eq!(synced().next(&hourly(), now), time("2026-11-20T11:00:00Z"));
    }

    #[test]
    fn each_cause_has_its_trigger() {
        let now = time("2026-11-20T10:30:00Z");
        let due = |attempts: &Attempts, situation| trigger(attempts, &situation, now);
        assert_eq!(due(&Attempts::default(), CONVERGED), Some(Trigger::Started));
        assert_eq!(
            due(
                &synced(),
                Situation {
                    requested: true,
                    ..CONVERGED
                }
            ),
            Some(Trigger::Requested)
        );
        assert_eq!(
            due(
                &synced(),
                Situation {
                    generation: Generation {
                        uid: None,
                        number: Some(4)
                    },
                    ..CONVERGED
                }
            ),
            Some(Trigger::SpecChanged)
        );
        assert_eq!(
            due(
                &synced(),
                Situation {
                    references: 8,
                    ..CONVERGED
                }
            ),
            Some(Trigger::ReferenceChanged)
        );
        assert_eq!(
            due(
                &synced(),
                Situation {
                    objects_changed: true,
                    ..CONVERGED
                }
            ),
            Some(Trigger::ObjectChanged)
        );
        assert_eq!(
            trigger(&synced(), &CONVERGED, time("2026-11-20T11:00:00Z")),
            Some(Trigger::Scheduled)
        );
    }

    #[test]
    fn an_approval_is_acted_upon_at_once_and_an_absence_confirmed_in_time() {
        let now = time("2026-11-20T10:30:00Z");
        let approved = Situation {
            approved: true,
            ..CONVERGED
        };
        assert_eq!(trigger(&synced(), &approved, now), Some(Trigger::Approved));
        let suspecting = Attempts {
            confirm_at: Some(time("2026-11-20T10:05:00Z")),
            ..synced()
        };
        let before = time("2026-11-20T10:04:59Z");
        assert_eq!(trigger(&suspecting, &CONVERGED, before), None);
        assert_eq!(suspecting.next(&hourly(), before), time("2026-11-20T10:05:00Z"));
        let due = suspecting.due(&CONVERGED, &hourly(), time("2026-11-20T10:05:00Z"));
        let wanted = Due {
            trigger: Trigger::Confirming,
            reads: true,
        };
        assert_eq!(due, Some(wanted));
    }

    #[test]
    fn a_failure_is_retried_later_and_later() {
        let failed = Attempts {
            failures: 2,
            ..synced()
        };
        assert_eq!(trigger(&failed, &CONVERGED, time("2026-11-20T10:00:14Z")), None);
        assert_eq!(
            failed.next(&hourly(), time("2026-11-20T10:00:14Z")),
            time("2026-11-20T10:00:15Z")
        );
        assert_eq!(
            trigger(&failed, &CONVERGED, time("2026-11-20T10:00:15Z")),
            Some(Trigger::Retried)
        );
        let back = Situation {
            connection: ConnectionNews::Moved,
            ..CONVERGED
        };
        assert_eq!(
            trigger(&failed, &back, time("2026-11-20T10:00:06Z")),
            Some(Trigger::Retried)
        );
        assert_eq!(
            synced().due(&back, &hourly(), time("2026-11-20T10:00:06Z")),
            None,
            "it was not missed"
        );
    }

    #[test]
    fn one_object_that_is_refused_for_ever_is_retried_without_the_directory() {
        let read = |trigger| Due { trigger, reads: true };
        let repair = |trigger| Due { trigger, reads: false };
        let mut attempts = synced();
        attempts.ended(read(Trigger::Scheduled), 1, time("2026-11-20T10:00:05Z"));
        assert_eq!(attempts.failures, 0, "the sync worked");
        for (failed, retried) in [
            ("10:00:05", "10:00:10"),
            ("10:00:10", "10:00:20"),
            ("10:00:20", "10:00:40"),
        ] {
            let [failed, retried] = [failed, retried].map(|at| time(&format!("2026-11-20T{at}Z")));
            assert_eq!(attempts.due(&CONVERGED, &hourly(), failed), None);
            assert_eq!(attempts.next(&hourly(), failed), retried);
            assert_eq!(
                attempts.due(&CONVERGED, &hourly(), retried),
                Some(repair(Trigger::Retried))
            );
            attempts.ended(repair(Trigger::Retried), 1, retried);
        }
        let scheduled = attempts.due(&CONVERGED, &hourly(), time("2026-11-20T11:00:00Z"));
        assert_eq!(scheduled, Some(read(Trigger::Scheduled)), "the schedule goes on");
        attempts.ended(repair(Trigger::Retried), 0, time("2026-11-20T10:01:00Z"));
        assert_eq!(
            attempts.next(&hourly(), time("2026-11-20T10:01:00Z")),
            time("2026-11-20T11:00:00Z")
        );
    }

    #[test]
    fn a_removal_that_is_refused_for_ever_waits_for_the_schedule_after_three_retries() {
        let read = |trigger| Due { trigger, reads: true };
        let mut attempts = synced();
        attempts.ended(read(Trigger::Scheduled), 1, time("2026-11-20T10:00:05Z"));
        for retried in ["10:00:10", "10:00:20"] {
            attempts.ended(read(Trigger::Retried), 1, time(&format!("2026-11-20T{retried}Z")));
            assert!(attempts.retry_writes().is_some());
        }
        attempts.ended(read(Trigger::Retried), 1, time("2026-11-20T10:00:40Z"));
        let now = time("2026-11-20T10:00:40Z");
        assert_eq!(attempts.next(&hourly(), now), time("2026-11-20T11:00:00Z"));
        assert_eq!(attempts.due(&CONVERGED, &hourly(), time("2026-11-20T10:30:00Z")), None);
    }

    #[test]
    fn who_changes_objects_all_the_time_postpones_neither_retries_nor_the_schedule() {
        let changed = Situation {
            objects_changed: true,
            ..CONVERGED
        };
        let mut attempts = Attempts {
            failures: 1,
            ..synced()
        };
        let due = |attempts: &Attempts, at| trigger(attempts, &changed, time(at));
        assert_eq!(due(&attempts, "2026-11-20T10:00:09Z"), Some(Trigger::ObjectChanged));
        assert_eq!(due(&attempts, "2026-11-20T10:00:10Z"), Some(Trigger::Retried));
        assert_eq!(due(&synced(), "2026-11-20T11:00:00Z"), Some(Trigger::Scheduled));
        let repair = Due {
            trigger: Trigger::ObjectChanged,
            reads: false,
        };
        attempts.failures = 0;
        attempts.ended(repair, 1, time("2026-11-20T10:00:20Z"));
        attempts.ended(repair, 1, time("2026-11-20T10:00:24Z"));
        assert_eq!(due(&attempts, "2026-11-20T10:00:25Z"), Some(Trigger::Retried));
    }
}
