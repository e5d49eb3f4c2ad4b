//! What a limit's window has seen: counted, and written down so that it survives restarts. Decides nothing.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::sync_scope::{BudgetEntry, MOST_BUDGET};

/// So many may always leave, unless `count` is less: percent of a small company would be nobody.
const ALWAYS: i64 = 3;

/// The most that may happen: the smaller of percent and count.
pub fn allowance(percent: i64, count: i64, linked: i64) -> i64 {
    // All of them are all, also those who left within the window and are still linked.
    let share = if percent >= 100 {
        count
    } else {
        linked.saturating_mul(percent) / 100
    };
    share.min(count).max(ALWAYS.min(count))
}

/// What a window has seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Spent {
    /// People who were removed.
    pub people: i64,
    /// Of these: how many are not among the linked any more.
    pub gone: i64,
    /// Ring groups that were removed.
    pub ring_groups: i64,
}

/// What happened within `window` before `now`. What seems to lie ahead counts: a clock that went back gives nobody a new budget.
pub fn spent(budget: &[BudgetEntry], now: Timestamp, window: SignedDuration) -> Spent {
    let mut spent = Spent::default();
    for entry in within(budget, now, window).filter(|entry| entry.ring_group.is_none()) {
        spent.people += entry.count;
        spent.gone += entry.gone;
        spent.ring_groups += entry.ring_groups;
    }
    spent
}

/// How many members a ring group has lost within the window.
pub fn lost_by(budget: &[BudgetEntry], now: Timestamp, window: SignedDuration, ring_group: &str) -> i64 {
    let entries = within(budget, now, window);
    let of_it = entries.filter(|entry| entry.ring_group.as_deref() == Some(ring_group));
    of_it.map(|entry| entry.count).sum()
}

fn within(budget: &[BudgetEntry], now: Timestamp, window: SignedDuration) -> impl Iterator<Item = &BudgetEntry> {
    budget
        .iter()
        .filter(move |entry| now.duration_since(entry.time.0) < window)
}

/// The budget with what is about to happen now, without what is older than `window`.
pub fn add(past: &[BudgetEntry], new: Vec<BudgetEntry>, now: Timestamp, window: SignedDuration) -> Vec<BudgetEntry> {
    let mut budget: Vec<_> = within(past, now, window).cloned().chain(new).collect();
    budget.sort_by_key(|entry| entry.time.0);
    compact(&mut budget, |earlier, later| minute(earlier) == minute(later));
    while budget.len() > MOST_BUDGET {
        if !merge_first(&mut budget, |_, _| true) {
            // So many ring groups lose members at the same time that no two entries are of one: the oldest loss is forgotten.
            let oldest = budget.iter().position(|entry| entry.ring_group.is_some()).unwrap_or(0);
            budget.remove(oldest);
        }
    }
    budget
}

fn minute(time: &Time) -> i64 {
    time.0.as_second().div_euclid(60)
}

fn compact(budget: &mut Vec<BudgetEntry>, may_merge: impl Fn(&Time, &Time) -> bool) {
    while merge_first(budget, &may_merge) {}
}

/// Merges the oldest two entries that may be one, towards the newer time: nothing is forgotten too early.
fn merge_first(budget: &mut Vec<BudgetEntry>, may_merge: impl Fn(&Time, &Time) -> bool) -> bool {
    let next_alike = |(position, entry): (usize, &BudgetEntry)| {
        let mut later = budget.iter().enumerate().skip(position + 1);
        let next = later.find(|(_, next)| next.ring_group == entry.ring_group)?;
        may_merge(&entry.time, &next.1.time).then_some((position, next.0))
    };
    let Some((earlier, later)) = budget.iter().enumerate().find_map(next_alike) else {
        return false;
    };
    let merged = budget.remove(earlier);
    if let Some(into) = budget.get_mut(later - 1) {
        into.count += merged.count;
        into.gone += merged.gone;
        into.ring_groups += merged.ring_groups;
    }
    true
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::sync::fixture::{NOW, time};

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn entry(seconds: i64, count: i64, ring_group: Option<&str>) -> BudgetEntry {
        BudgetEntry {
            time: Time(time(NOW) + seconds.seconds()),
            count,
            gone: 0,
            ring_groups: 0,
            ring_group: ring_group.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn the_smaller_of_the_two_holds_and_never_under_three() {
        for (percent, count, linked, expected) in [
            (10, 50, 1000, 50),
            (10, 500, 1000, 100),
            (10, 500, 1009, 100),
            (10, 50, 8, 3),
            (10, 50, 0, 3),
            (10, 2, 1000, 2),
            (10, 0, 1000, 0),
            (0, 50, 1000, 3),
            (99, 100_000, 70, 69),
            (100, 100_000, 70, 100_000),
        ] {
            assert_eq!(
                allowance(percent, count, linked),
                expected,
                "{percent} % or {count} of {linked}"
            );
        }
    }

    #[test]
    fn what_is_older_than_the_window_does_not_count_and_what_lies_ahead_does() {
        let now = time(NOW);
        let budget = [
            entry(-86_400, 1, None),
            entry(-86_399, 2, None),
            entry(90, 4, None),
            entry(0, 8, Some("g")),
        ];
        assert_eq!(spent(&budget, now, DAY).people, 6);
        assert_eq!(lost_by(&budget, now, DAY, "g"), 8);
        assert_eq!(lost_by(&budget, now, DAY, "h"), 0);
    }

    #[test]
    fn entries_of_a_minute_are_one_and_keep_the_newer_time() {
        let now = time(NOW) + 59.seconds();
        let budget = add(
            &[entry(-90_000, 100, None), entry(0, 1, None), entry(2, 5, Some("g"))],
            vec![entry(59, 2, None), entry(59, 1, Some("h"))],
            now,
            DAY,
        );
        assert_eq!(
            budget,
            [entry(2, 5, Some("g")), entry(59, 3, None), entry(59, 1, Some("h"))]
        );
    }

    #[test]
    fn a_budget_that_is_full_forgets_nothing_early() {
        let now = time(NOW);
        let past: Vec<_> = (0..i64::try_from(MOST_BUDGET).unwrap())
            .map(|index| entry(-80_000 + index * 120, 1, None))
            .collect();
        let budget = add(&past, vec![entry(0, 1, None)], now, DAY);
        assert_eq!(budget.len(), MOST_BUDGET);
        assert_eq!(budget.iter().map(|entry| entry.count).sum::<i64>(), 513);
        assert_eq!(
            budget[0].time, past[1].time,
            "the oldest lasts as long as the one after it"
        );
        let crowded: Vec<_> = (0..600)
            .map(|index| entry(index - 600, 1, Some(&format!("group-{index}"))))
            .collect();
        let budget = add(&crowded, vec![entry(0, 7, None)], now, DAY);
        assert_eq!((budget.len(), spent(&budget, now, DAY).people), (MOST_BUDGET, 7));
    }
}
