//! The operator is killed between any two writes, and another one goes on with what it finds (promise 8): everything ends as it
//! would have without.

use jiff::SignedDuration;

use super::converged;
use crate::sync::sentences::{
    company::{ALONE, DESKS, Phones, login},
    racing::{try_apply, writes},
    world::World,
};

/// Carries out so many writes of the plan of the first scope, and forgets all that was not stored. None: there are no more.
fn die_after(world: &World, count: usize) -> Option<World> {
    let mut world = world.clone();
    let outcome = world.plan_of(0);
    let writes = writes(&outcome.plan);
    let scope = &mut world.scopes[0];
    scope.ledger.clone_from(&outcome.ledger);
    scope.is_respecified = false;
    for write in writes.get(..count)? {
        assert!(try_apply(&mut world.observed, write, "staff"));
    }
    world.restart();
    Some(world)
}

/// Dies once, after each number of writes, in each of the first rounds; how often that was.
fn dies_everywhere(mut world: World, what: &str) -> usize {
    let mut undisturbed = world.clone();
    undisturbed.live(4, SignedDuration::from_mins(6));
    let expected = Phones::of(&undisturbed);
    let mut deaths = 0;
    for round in 0..3 {
        let mut count = 0;
        while let Some(mut killed) = die_after(&world, count) {
            killed.live(4, SignedDuration::from_mins(6));
            let found = Phones::of(&killed);
            let lost = expected.lost(&found);
            assert!(
                lost.is_empty(),
                "{what}, killed after {count} writes of round {round}: {lost:#?}"
            );
            assert_eq!(expected, found, "{what}, killed after {count} writes of round {round}");
            count += 1;
        }
        deaths += count;
        world.step(0);
    }
    deaths
}

const DELETE: &str = "removal: {whenDisabled: Delete, whenOutOfScope: Delete, whenDeleted: Delete}";

#[test]
fn in_a_removal() {
    let (mut world, _) = converged(DELETE);
    for person in [3, 45, ALONE.start] {
        world.disable(&login(person));
    }
    world.later(SignedDuration::from_mins(6));
    assert!(dies_everywhere(world, "a removal") > 8);
}

#[test]
fn in_an_approved_batch() {
    let (mut world, _) = converged("");
    for person in ALONE.take(17) {
        world.disable(&login(person));
    }
    world.live(1, SignedDuration::from_mins(6));
    let held = &world.scopes[0].ledger.held;
    assert_eq!(held.len(), 1, "{held:#?}");
    world.scopes[0].approval = Some(held[0].digest.clone());
    world.later(SignedDuration::from_mins(6));
    assert!(dies_everywhere(world, "an approved batch") > 17);
}

#[test]
fn in_a_swap() {
    let (mut world, before) = converged("");
    let number = |person: usize| format!("+1 555 4{person:03}");
    world.set(&login(DESKS.start), "telephoneNumber", &number(DESKS.start + 1));
    world.set(&login(DESKS.start + 1), "telephoneNumber", &number(DESKS.start));
    world.later(SignedDuration::from_mins(6));
    let mut swapped = world.clone();
    swapped.live(2, SignedDuration::from_mins(6));
    assert_eq!(before.lost(&Phones::of(&swapped)).len(), 2, "two have other numbers");
    assert!(dies_everywhere(world, "a swap") > 4);
}
