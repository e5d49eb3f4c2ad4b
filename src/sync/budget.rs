//! What a limit's window has seen: counted, and written down so that it survives restarts. Decides nothing.

use std::collections::{BTreeMap, btree_map::Entry};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::sync_scope::{BudgetEntry, MOST_BUDGET};

/// So many may always leave, unless `count` is less: percent of a small company would be nobody.
const ALWAYS: i64 = 3;

/// More members than a ring group has.
const UNKNOWN_LOSS: i64 = 1_000_000;

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

/// How many members a ring group has lost within the window. Of one that may have been left out because there were so many, more
/// than can be: rather it waits for approval than that its loss is forgotten.
pub fn lost_by(budget: &[BudgetEntry], now: Timestamp, window: SignedDuration, ring_group: &str) -> i64 {
    let mut of_ring_groups = 0;
    let mut lost = None;
    for entry in within(budget, now, window) {
        of_ring_groups += usize::from(entry.ring_group.is_some());
        if entry.ring_group.as_deref() == Some(ring_group) {
            *lost.get_or_insert(0) += entry.count;
        }
    }
    // The others are at most one entry then, of people.
    let are_left_out = of_ring_groups + 1 >= MOST_BUDGET;
    lost.unwrap_or(if are_left_out { UNKNOWN_LOSS } else { 0 })
}

fn within(budget: &[BudgetEntry], now: Timestamp, window: SignedDuration) -> impl Iterator<Item = &BudgetEntry> {
    budget
        .iter()
        .filter(move |entry| now.duration_since(entry.time.0) < window)
}

/// The budget with what is about to happen now, without what is older than `window`. An entry a minute, and fewer when that is
/// too many: first of people, who need no names, then of each ring group; then the oldest ring groups are left out, see [`lost_by`].
pub fn add(past: &[BudgetEntry], new: Vec<BudgetEntry>, now: Timestamp, window: SignedDuration) -> Vec<BudgetEntry> {
    let entries = within(past, now, window).cloned().chain(new);
    let budget = merge(entries, |entry| (entry.ring_group.clone(), minute(&entry.time)));
    if budget.len() <= MOST_BUDGET {
        return budget;
    }
    let excess = budget.len() - MOST_BUDGET;
    let (mut ring_groups, people): (Vec<_>, Vec<_>) = budget.into_iter().partition(|entry| entry.ring_group.is_some());
    let last = people.get(excess).or(people.last()).map(|entry| entry.time.clone());
    let mut people = merge(people.into_iter(), |entry| {
        Some(minute(&entry.time)).filter(|_| Some(&entry.time) > last.as_ref())
    });
    let room = MOST_BUDGET - people.len();
    if ring_groups.len() > room {
        ring_groups = merge(ring_groups.into_iter(), |entry| entry.ring_group.clone());
        ring_groups.drain(..ring_groups.len().saturating_sub(room));
    }
    people.append(&mut ring_groups);
    people.sort_by_key(|entry| entry.time.0);
    people
}

fn minute(time: &Time) -> i64 {
    time.0.as_second().div_euclid(60)
}

/// Makes one entry of all that have a key in common, with the newest time: nothing is forgotten too early.
fn merge<K: Ord>(entries: impl Iterator<Item = BudgetEntry>, key: impl Fn(&BudgetEntry) -> K) -> Vec<BudgetEntry> {
    let mut merged: BTreeMap<K, BudgetEntry> = BTreeMap::new();
    for entry in entries {
        match merged.entry(key(&entry)) {
            Entry::Vacant(vacant) => drop(vacant.insert(entry)),
            Entry::Occupied(mut occupied) => {
                let into = occupied.get_mut();
                into.time.0 = into.time.0.max(entry.time.0);
                into.count += entry.count;
                into.gone += entry.gone;
                into.ring_groups += entry.ring_groups;
            }
        }
    }
    let mut entries: Vec<_> = merged.into_values().collect();
    entries.sort_by_key(|entry| entry.time.0);
    entries
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

    #[test]
    fn more_ring_groups_than_a_budget_has_room_for_wait_rather_than_lose_twice() {
        let now = time(NOW);
        let name = |index: usize| format!("group-{index:05}");
        let past = [entry(-7200, 3, None), entry(-3600, 4, None)];
        let losses = (0..20_000).map(|index| entry(0, 2, Some(&name(index))));
        let budget = add(&past, losses.collect(), now, DAY);
        assert_eq!((budget.len(), spent(&budget, now, DAY).people), (MOST_BUDGET, 7));
        let lost = |index| lost_by(&budget, now, DAY, &name(index));
        let known = (0..20_000).filter(|index| lost(*index) == 2).count();
        let unknown = (0..20_000).filter(|index| lost(*index) == UNKNOWN_LOSS).count();
        assert_eq!((known, unknown), (MOST_BUDGET - 1, 20_000 - MOST_BUDGET + 1));
        // That lasts as long as the window does.
        let later = now + DAY;
        assert_eq!(lost_by(&budget, later, DAY, &name(0)), 0);
    }

    #[test]
    fn people_give_way_to_ring_groups_and_those_of_one_group_are_one() {
        let now = time(NOW);
        let people = (0..400).map(|index| entry(index * 60 - 40_000, 1, None));
        let groups = (0..400).map(|index| entry(index * 60 - 40_000, 1, Some(&format!("group-{}", index % 200))));
        let budget = add(&[], people.chain(groups).collect(), now, DAY);
        assert_eq!(budget.len(), MOST_BUDGET);
        assert_eq!(spent(&budget, now, DAY).people, 400);
        assert_eq!(lost_by(&budget, now, DAY, "group-7"), 2);
        assert_eq!(lost_by(&budget, now, DAY, "group-201"), 0, "none is left out");
    }
}
