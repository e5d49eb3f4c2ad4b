//! FILETIME, the time of many of AD's attributes: steps of 100 ns since 1601, in UTC (MS-DTYP 2.3.3). Pure.

use jiff::{SignedDuration, Timestamp};

/// Steps in a second.
pub(super) const STEPS: i64 = 10_000_000;
const NANOSECONDS_A_STEP: i64 = 100;
/// 1970 in seconds since 1601.
const UNIX_EPOCH: i64 = 11_644_473_600;

/// The time of so many steps; what lies beyond the calendar is its last or first moment.
pub(super) fn timestamp(steps: i64) -> Timestamp {
    let fraction = i32::try_from(steps.rem_euclid(STEPS) * NANOSECONDS_A_STEP).unwrap_or_default();
    let since_1970 = SignedDuration::new(steps.div_euclid(STEPS) - UNIX_EPOCH, fraction);
    let beyond = if steps < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::UNIX_EPOCH.checked_add(since_1970).unwrap_or(beyond)
}

/// The time at which something ends that may never do so: both 0 and the highest number mean never (accountExpires, MS-ADA1 2.1).
pub(super) fn end(steps: i64) -> Option<Timestamp> {
    (![0, i64::MAX].contains(&steps)).then(|| timestamp(steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_from_1601() {
        for (steps, time) in [
            (0, "1601-01-01T00:00:00Z"),
            (1, "1601-01-01T00:00:00.0000001Z"),
            (-1, "1600-12-31T23:59:59.9999999Z"),
            (116_444_736_000_000_000, "1970-01-01T00:00:00Z"),
            (134_404_994_191_140_120, "2026-11-30T08:03:39.114012Z"),
        ] {
            assert_eq!(timestamp(steps).to_string(), time);
        }
        assert_eq!(timestamp(i64::MAX - 1), Timestamp::MAX);
        assert_eq!(timestamp(i64::MIN), Timestamp::MIN);
    }

    #[test]
    fn what_never_ends_has_no_end() {
        assert_eq!((end(0), end(i64::MAX)), (None, None));
        assert_eq!(end(116_444_736_000_000_000), Some(Timestamp::UNIX_EPOCH));
    }
}
