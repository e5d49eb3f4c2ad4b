//! When a scope syncs, and why. Pure: the clock is an argument.

use std::time::Duration;

use cronexpr::{Crontab, FallbackTimezoneOption, ParseOptions};
use jiff::{SignedDuration, Timestamp};

use crate::{
    api::sync_scope::{Schedule, SyncScopeSpec, Trigger},
    controllers::backoff::Backoff,
};

/// From one sync to the next, when the spec names neither `interval` nor `schedule`.
const DEFAULT_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// Waits after failed syncs.
const RETRIES: Backoff = Backoff {
    first: Duration::from_secs(5),
    longest: Duration::from_mins(5),
};

/// A scope's `interval` or `schedule`.
#[derive(Clone, Debug)]
pub enum Cadence {
    /// So long after the last sync began.
    Every(SignedDuration),
    /// At these times of day.
    At(Box<Crontab>),
}

/// Why a spec has no cadence.
#[derive(Debug, thiserror::Error)]
pub enum CadenceError {
    /// `interval` is no duration.
    #[error("spec.interval `{interval}` is no duration: write one such as 1h30m")]
    ParseInterval {
        /// As written.
        interval: String,
        /// What is wrong.
        #[source]
        source: jiff::Error,
    },
    /// `schedule.cron` is no cron expression, or never comes.
    #[error("spec.schedule.cron `{cron}` in time zone {time_zone}: {reason}")]
    ParseSchedule {
        /// As written.
        cron: String,
        /// As written.
        time_zone: String,
        /// What is wrong.
        reason: String,
    },
}

impl Cadence {
    /// Reads the cadence from a spec.
    pub fn of(spec: &SyncScopeSpec) -> Result<Self, CadenceError> {
        match (&spec.schedule, &spec.interval) {
            (Some(schedule), _) => Self::parse_schedule(schedule),
            (None, Some(interval)) => interval
                .parse()
                .map(Self::Every)
                .map_err(|source| CadenceError::ParseInterval {
                    interval: interval.clone(),
                    source,
                }),
            (None, None) => Ok(Self::Every(DEFAULT_INTERVAL)),
        }
    }

    fn parse_schedule(Schedule { cron, time_zone }: &Schedule) -> Result<Self, CadenceError> {
        let refused = |reason: String| CadenceError::ParseSchedule {
            cron: cron.clone(),
            time_zone: time_zone.clone(),
            reason,
        };
        // The parser would take a sixth field for a time zone of its own.
        if cron.split_whitespace().count() != 5 {
            return Err(refused(
                "write five fields: minute, hour, day of month, month, day of week".to_owned(),
            ));
        }
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::None;
        let crontab = cronexpr::parse_crontab_with(&format!("{cron} {time_zone}"), options)
            .map_err(|error| refused(error.to_string()))?;
        crontab
            .find_next(Timestamp::UNIX_EPOCH)
            .map_err(|_| refused("no such time ever comes".to_owned()))?;
        Ok(Self::At(Box::new(crontab)))
    }

    /// When the sync after one that began at `last` is due.
    pub fn next(&self, last: Timestamp) -> Timestamp {
        match self {
            Self::Every(interval) => last.saturating_add(*interval).unwrap_or(Timestamp::MAX),
            Self::At(crontab) => crontab.find_next(last).map_or(Timestamp::MAX, |time| time.timestamp()),
        }
    }

    /// Data that was read at `read` is old from here on: three syncs should have come.
    pub fn stale(&self, read: Timestamp) -> Timestamp {
        self.next(self.next(self.next(read)))
    }
}

/// What the operator remembers of a scope's last attempt. It starts empty with the process.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    /// The generation that was attempted.
    pub generation: Option<i64>,
    /// What the references looked like then.
    pub references: Option<u64>,
    /// When it began.
    pub began: Option<Timestamp>,
    /// Failed ones in a row, and when the last of them ended.
    pub failures: u32,
    /// When the last one ended.
    pub ended: Option<Timestamp>,
}

/// What a scope looks like now.
#[derive(Clone, Debug)]
pub struct Situation {
    /// `metadata.generation`.
    pub generation: Option<i64>,
    /// A digest of what it refers to.
    pub references: u64,
    /// Somebody asked for a sync that has not been acted upon.
    pub requested: bool,
    /// Somebody else changed an object of the phone system since the last attempt.
    pub objects_changed: bool,
}

impl Attempts {
    /// Why the scope should sync now, if it should.
    pub fn due(&self, situation: &Situation, cadence: &Cadence, now: Timestamp) -> Option<Trigger> {
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
        } else if self.references != Some(situation.references) {
            Some(Trigger::ReferenceChanged)
        } else if situation.objects_changed {
            Some(Trigger::ObjectChanged)
        } else if self.retry().is_some_and(|retry| retry <= now) {
            Some(Trigger::Retried)
        } else if cadence.next(began) <= now {
            Some(Trigger::Scheduled)
        } else {
            None
        }
    }

    /// When to look again, if nothing happens before.
    pub fn next(&self, cadence: &Cadence, now: Timestamp) -> Timestamp {
        let scheduled = self.began.map_or(now, |began| cadence.next(began));
        self.retry().map_or(scheduled, |retry| retry.min(scheduled))
    }

    fn retry(&self) -> Option<Timestamp> {
        let ended = self.ended.filter(|_| self.failures > 0)?;
        ended.checked_add(RETRIES.after(self.failures)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(cron: &str, time_zone: &str) -> Result<Cadence, CadenceError> {
        Cadence::parse_schedule(&Schedule {
            cron: cron.to_owned(),
            time_zone: time_zone.to_owned(),
        })
    }

    fn hourly() -> Cadence {
        Cadence::Every(SignedDuration::from_hours(1))
    }

    fn synced() -> Attempts {
        Attempts {
            generation: Some(3),
            references: Some(7),
            began: Some(time("2026-11-20T10:00:00Z")),
            failures: 0,
            ended: Some(time("2026-11-20T10:00:05Z")),
        }
    }

    const CONVERGED: Situation = Situation {
        generation: Some(3),
        references: 7,
        requested: false,
        objects_changed: false,
    };

    #[test]
    fn an_interval_counts_from_the_beginning() {
        assert_eq!(
            hourly().next(time("2026-11-20T10:00:00Z")),
            time("2026-11-20T11:00:00Z")
        );
        assert_eq!(
            hourly().stale(time("2026-11-20T10:00:00Z")),
            time("2026-11-20T13:00:00Z")
        );
    }

    #[test]
    fn a_schedule_follows_its_time_zone() {
        let nightly = schedule("0 2 * * *", "Europe/Berlin").unwrap();
        assert_eq!(nightly.next(time("2026-11-20T10:00:00Z")), time("2026-11-21T01:00:00Z"));
        assert_eq!(nightly.next(time("2026-07-20T10:00:00Z")), time("2026-07-21T00:00:00Z"));
    }

    #[test]
    fn schedules_that_cannot_be_are_refused_with_the_reason() {
        for (cron, time_zone, reason) in [
            ("0 2 * *", "UTC", "five fields"),
            ("0 2 * * * Asia/Tokyo", "UTC", "five fields"),
            ("0 25 * * *", "UTC", "0 25 * * *"),
            ("0 2 * * *", "Europe/Nowhere", "Europe/Nowhere"),
            ("0 0 30 2 *", "UTC", "no such time ever comes"),
        ] {
            let message = schedule(cron, time_zone).unwrap_err().to_string();
            assert!(message.contains(reason), "{cron} {time_zone}: {message}");
        }
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
        let due = |attempts: &Attempts, situation: Situation| attempts.due(&situation, &hourly(), now);
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
                    generation: Some(4),
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
            synced().due(&CONVERGED, &hourly(), time("2026-11-20T11:00:00Z")),
            Some(Trigger::Scheduled)
        );
    }

    #[test]
    fn a_failure_is_retried_later_and_later() {
        let failed = Attempts {
            failures: 2,
            ..synced()
        };
        assert_eq!(failed.due(&CONVERGED, &hourly(), time("2026-11-20T10:00:14Z")), None);
        assert_eq!(
            failed.next(&hourly(), time("2026-11-20T10:00:14Z")),
            time("2026-11-20T10:00:15Z")
        );
        assert_eq!(
            failed.due(&CONVERGED, &hourly(), time("2026-11-20T10:00:15Z")),
            Some(Trigger::Retried)
        );
    }
}
