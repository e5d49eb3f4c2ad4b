//! When a scope syncs: every so often, or at times of day. `now` is an argument.

use std::time::Duration;

use cronexpr::{Crontab, parse_crontab};
use jiff::{Timestamp, tz::TimeZone};

use super::{At as _, SpecError, SpecProblem, parse_duration};
use crate::api::{SyncScopeSpec, sync_scope};

/// What neither `interval` nor `schedule` means.
const DEFAULT_INTERVAL: Duration = Duration::from_hours(1);
/// A directory is not to be read more often.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);

/// When a scope syncs.
#[derive(Clone, Debug)]
pub enum Timing {
    /// So long after the last sync began.
    Interval(Duration),
    /// At these times.
    Schedule(Schedule),
}

/// Times of day in a time zone.
#[derive(Clone, Debug)]
pub struct Schedule {
    crontab: Crontab,
}

impl Timing {
    /// What a spec says, or the default.
    pub fn new(spec: &SyncScopeSpec) -> Result<Self, SpecError> {
        match (&spec.interval, &spec.schedule) {
            (Some(_), Some(_)) => Err(SpecProblem::ChooseOne("interval and schedule").at("spec")),
            (None, Some(schedule)) => Schedule::new(schedule).map(Self::Schedule),
            (Some(interval), None) => {
                let path = || "spec.interval".to_owned();
                let interval = parse_duration(interval).at(path)?;
                if interval < SHORTEST_INTERVAL {
                    return Err(SpecProblem::Complete("write at least 10s").at(path()));
                }
                Ok(Self::Interval(interval))
            }
            (None, None) => Ok(Self::Interval(DEFAULT_INTERVAL)),
        }
    }

    /// When to sync after this. A schedule that never comes (30 February) gives none.
    pub fn next_after(&self, last: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Interval(interval) => last.checked_add(*interval).ok(),
            Self::Schedule(schedule) => schedule.next_after(last),
        }
    }
}

impl Schedule {
    fn new(schedule: &sync_scope::Schedule) -> Result<Self, SpecError> {
        let sync_scope::Schedule { cron, time_zone } = schedule;
        let unreadable = |reason: String| {
            SpecProblem::ParseCron {
                cron: cron.clone(),
                reason,
            }
            .at("spec.schedule.cron")
        };
        // The library would take a time zone as a sixth field, and an offset as a time zone.
        let fields = cron.split_ascii_whitespace().count();
        if fields != 5 {
            return Err(unreadable(format!("it has {fields} fields")));
        }
        if TimeZone::get(time_zone).is_err() {
            return Err(SpecProblem::FindTimeZone(time_zone.clone()).at("spec.schedule.timeZone"));
        }
        let crontab = parse_crontab(&format!("{cron} {time_zone}"))
            .map_err(|error| unreadable(error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ")))?;
        Ok(Self { crontab })
    }

    /// The next of its times after this one.
    pub fn next_after(&self, last: Timestamp) -> Option<Timestamp> {
        Some(self.crontab.find_next(cronexpr::MakeTimestamp(last)).ok()?.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(cron: &str, time_zone: &str) -> Result<Schedule, SpecError> {
        Schedule::new(&sync_scope::Schedule {
            cron: cron.to_owned(),
            time_zone: time_zone.to_owned(),
        })
    }

    #[test]
    fn a_schedule_is_kept_in_its_time_zone_through_a_clock_change() {
        let nightly = schedule("0 2 * * *", "Europe/Berlin").unwrap();
        let winter: Timestamp = "2026-01-10T12:00:00Z".parse().unwrap();
        let summer: Timestamp = "2026-07-10T12:00:00Z".parse().unwrap();
        assert_eq!(
            nightly.next_after(winter),
            Some("2026-01-11T01:00:00Z".parse().unwrap())
        );
        assert_eq!(
            nightly.next_after(summer),
            Some("2026-07-11T00:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn a_wrong_schedule_says_what_to_write() {
        for (cron, time_zone, path, hint) in [
            ("0 2 * *", "UTC", "spec.schedule.cron", "it has 4 fields"),
            ("0 2 * * * UTC", "UTC", "spec.schedule.cron", "it has 6 fields"),
            ("0 25 * * *", "UTC", "spec.schedule.cron", "0 2 * * *"),
            ("0 2 * * *", "Berlin", "spec.schedule.timeZone", "Europe/Berlin"),
            ("0 2 * * *", "", "spec.schedule.timeZone", "Europe/Berlin"),
            ("0 2 * * *", "+02:00", "spec.schedule.timeZone", "Europe/Berlin"),
        ] {
            let error = schedule(cron, time_zone).unwrap_err();
            assert_eq!(error.path, path, "{cron} {time_zone}");
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    #[test]
    fn a_schedule_that_never_comes_gives_no_time() {
        let never = schedule("0 0 30 2 *", "UTC").unwrap();
        assert_eq!(never.next_after("2026-01-10T12:00:00Z".parse().unwrap()), None);
    }

    #[test]
    fn an_interval_counts_from_the_last_sync() {
        let hourly = Timing::Interval(DEFAULT_INTERVAL);
        let last: Timestamp = "2026-01-10T12:00:00Z".parse().unwrap();
        assert_eq!(hourly.next_after(last), Some("2026-01-10T13:00:00Z".parse().unwrap()));
    }
}
