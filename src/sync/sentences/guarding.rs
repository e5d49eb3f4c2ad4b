//! How many may leave at once: percent, count and window, of a scope and of its directory, over restarts.

use jiff::SignedDuration;

use super::world::{World, name_of};
use crate::{
    api::sync_scope::{Held, HeldType},
    sync::{Outcome, past::DirectoryBudget},
};

/// Someone's login.
pub(super) fn login(index: usize) -> String {
    format!("person{index}")
}

/// A scope with so many people, synced.
pub(super) fn company(people: usize, spec: &str) -> World {
    let mut world = World::new(spec);
    for index in 0..people {
        world = world.person(&login(index), &[]);
    }
    world.sync();
    world
}

/// Disables everybody from one to before another.
pub(super) fn disable(world: &mut World, people: std::ops::Range<usize>) {
    people.for_each(|index| world.disable(&login(index)));
}

pub(super) fn enable(world: &mut World, people: std::ops::Range<usize>) {
    people.for_each(|index| world.set(&login(index), "userAccountControl", "512"));
}

/// How many are switched off.
pub(super) fn off(world: &World) -> usize {
    let users = world.observed.users.values();
    users.filter(|user| user.values.enabled() == Some(false)).count()
}

pub(super) fn held(outcome: &Outcome) -> Option<&Held> {
    outcome.ledger.held.iter().find(|held| held.kind == HeldType::Removals)
}

#[test]
fn ten_percent_leave_and_one_more_holds_them_all() {
    for (leavers, switched_off) in [(99, 99), (100, 100), (101, 0), (500, 0), (1000, 0)] {
        let mut world = company(1000, "removal: {limit: {percent: 10, count: 500}}");
        disable(&mut world, 0..leavers);
        let outcome = world.sync();
        assert_eq!(off(&world), switched_off, "of {leavers}");
        assert_eq!(
            held(&outcome).map_or(0, |held| held.count),
            i64::try_from(leavers - switched_off).unwrap()
        );
        assert_eq!(
            outcome.report.users.lingering,
            i64::try_from(leavers - switched_off).unwrap()
        );
    }
}

#[test]
fn three_may_always_leave_unless_count_is_less() {
    for (people, limit, leavers, switched_off) in [
        (8, "{}", 3, 3),
        (8, "{}", 4, 0),
        (1, "{}", 1, 1),
        (8, "{count: 2}", 2, 2),
        (8, "{count: 2}", 3, 0),
        (100, "{count: 0}", 1, 0),
    ] {
        let mut world = company(people, &format!("removal: {{limit: {limit}}}"));
        disable(&mut world, 0..leavers);
        world.sync();
        assert_eq!(off(&world), switched_off, "{leavers} of {people} within {limit}");
    }
}

#[test]
fn while_removals_wait_the_absence_is_written_and_everything_else_goes_on() {
    let mut world = company(40, "");
    disable(&mut world, 0..5);
    world.set("person0", "title", "Countess");
    world.set("person20", "title", "Baron");
    let mut world = world.person("newcomer", &[]);
    let outcome = world.sync();
    assert_eq!((off(&world), outcome.report.users.matched), (0, 41));
    for index in 0..5 {
        let link = world.user(&name_of(&login(index))).values.link().unwrap();
        assert!(link.absence.is_some());
    }
    assert_eq!(
        world.text("person0", crate::sync::field::Field::Title),
        Some("Countess")
    );
    assert_eq!(world.text("person20", crate::sync::field::Field::Title), Some("Baron"));
}

#[test]
fn the_limit_is_a_budget_that_comes_back_when_its_window_has_passed() {
    let mut world = company(40, "");
    disable(&mut world, 0..3);
    world.sync();
    world.later(SignedDuration::from_hours(1));
    disable(&mut world, 3..5);
    let outcome = world.sync();
    assert_eq!(off(&world), 3, "four in forty, and two would be too many");
    assert_eq!(held(&outcome).unwrap().count, 2);
    world.later(SignedDuration::from_hours(22));
    assert!(world.sync().plan.is_empty());
    world.later(SignedDuration::from_hours(1));
    let outcome = world.sync();
    assert_eq!((off(&world), held(&outcome)), (5, None));
}

#[test]
fn those_deleted_count_among_those_who_were_linked_when_the_window_began() {
    let mut world = company(100, "removal: {whenDisabled: Delete, limit: {count: 100}}");
    for index in 0..10 {
        disable(&mut world, index..index + 1);
        world.sync();
        world.later(SignedDuration::from_mins(10));
    }
    assert_eq!(
        world.observed.users.len(),
        90,
        "ten percent of a hundred, and not of ninety"
    );
    disable(&mut world, 10..11);
    assert_eq!(held(&world.sync()).unwrap().count, 1);
}

#[test]
fn what_is_held_and_unchanged_is_silent() {
    let mut world = company(40, "");
    disable(&mut world, 0..5);
    let first = world.sync().ledger;
    for _ in 0..30 {
        world.later(SignedDuration::from_hours(1));
        let outcome = world.sync();
        assert!(outcome.plan.is_empty());
        assert_eq!(outcome.ledger, first);
    }
}

#[test]
fn a_budget_is_not_rewritten_because_time_passes() {
    let mut world = company(40, "");
    disable(&mut world, 0..2);
    let first = world.sync().ledger;
    assert_eq!(first.budget.len(), 1);
    world.later(SignedDuration::from_hours(100));
    assert_eq!(world.sync().ledger.budget, first.budget);
    disable(&mut world, 2..3);
    let second = world.sync().ledger;
    assert_eq!(
        (second.budget.len(), second.budget[0].count),
        (1, 1),
        "what is past goes with the next change"
    );
}

#[test]
fn one_leaver_every_two_seconds_for_an_hour_is_an_outage_like_any_other() {
    let mut world = company(1800, "");
    for index in (0..1800).step_by(60) {
        // A sync every two minutes sees sixty more.
        disable(&mut world, index..index + 60);
        world.later(SignedDuration::from_mins(2));
        let outcome = world.sync();
        assert!(off(&world) <= 50, "{}", off(&world));
        assert!(held(&outcome).is_some());
    }
    let mut world = company(400, "");
    for index in 0..400 {
        disable(&mut world, index..index + 1);
        world.later(SignedDuration::from_secs(2));
        world.step(0);
        assert!(off(&world) <= 40, "{}", off(&world));
    }
    assert_eq!(off(&world), 40);
    assert!(world.scopes[0].ledger.budget.len() < 10, "entries of a minute are one");
}

#[test]
fn three_hundred_scopes_of_eight_people_are_one_directory() {
    let mut scopes: Vec<World> = (0..300).map(|_| company(8, "")).collect();
    for world in &mut scopes {
        disable(world, 0..3);
    }
    let mut spent = 0;
    for world in &mut scopes {
        world.directory = DirectoryBudget {
            linked: 299 * 8,
            spent,
            ..DirectoryBudget::default()
        };
        let outcome = world.sync();
        spent += outcome.ledger.budget.iter().map(|entry| entry.count).sum::<i64>();
    }
    let off: usize = scopes.iter().map(off).sum();
    assert_eq!(off, 198, "two hundred of the 2,400, and no scope in part");
    let held = scopes.iter().filter(|world| !world.scopes[0].ledger.held.is_empty());
    assert_eq!(held.count(), 300 - 66);
}

#[test]
fn the_directory_s_percent_holds_too() {
    let mut world = company(20, "removal: {limit: {percent: 100}}");
    world.directory.linked = 30;
    world.directory.spent = 8;
    disable(&mut world, 0..3);
    world.sync();
    assert_eq!(off(&world), 0, "twenty percent of fifty are ten");
    world.directory.spent = 7;
    world.sync();
    assert_eq!(off(&world), 3);
}

#[test]
fn after_a_crash_before_the_writes_the_budget_is_spent_all_the_same() {
    let mut world = company(100, "");
    disable(&mut world, 0..6);
    let ledger = world.plan().ledger;
    world.scopes[0].ledger = ledger;
    let outcome = world.sync();
    assert_eq!(off(&world), 0, "lost counts as used up");
    assert_eq!(held(&outcome).unwrap().count, 6);
}

#[test]
fn who_is_disabled_and_then_deleted_within_the_window_counts_once() {
    let mut world = company(40, "removal: {whenDeleted: Delete}");
    world.sees_tombstones = true;
    disable(&mut world, 0..3);
    world.sync();
    world.later(SignedDuration::from_hours(1));
    (0..3).for_each(|index| world.delete(&login(index)));
    let outcome = world.sync();
    assert_eq!((world.observed.users.len(), held(&outcome)), (37, None));
    let sum = |of: fn(&crate::api::sync_scope::BudgetEntry) -> i64| outcome.ledger.budget.iter().map(of).sum::<i64>();
    assert_eq!((sum(|entry| entry.count), sum(|entry| entry.gone)), (3, 3));
    disable(&mut world, 3..4);
    assert_eq!(held(&world.sync()), None, "the fourth of forty");
    disable(&mut world, 4..5);
    assert_eq!(held(&world.sync()).unwrap().count, 1);
    // A day later it is another removal.
    let mut world = company(40, "removal: {whenDeleted: Delete}");
    world.sees_tombstones = true;
    disable(&mut world, 0..3);
    world.sync();
    world.later(SignedDuration::from_hours(24));
    (0..3).for_each(|index| world.delete(&login(index)));
    disable(&mut world, 3..5);
    assert_eq!(held(&world.sync()).unwrap().count, 5);
}
