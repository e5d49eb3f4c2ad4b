//! An approval covers what was seen, to the last of it: this object, and this that happens to it.

use jiff::SignedDuration;

use super::{
    cluster,
    guarding::{company, disable, enable, held, login, off},
    world::{World, guid, name_of},
};
use crate::{
    api::sync_scope::{MEMBER_LENGTH, MOST_HELD_MEMBERS},
    sync::Outcome,
};

/// Plans and writes all but what is about one person, whose object refuses it.
fn sync_but_for(world: &mut World, refusing: &str) -> Outcome {
    let mut outcome = world.plan();
    outcome.plan.users.retain(|change| *change.name != *name_of(refusing));
    cluster::apply(&mut world.observed, &outcome.plan);
    world.set_ledger(outcome.ledger.clone());
    world.later(SignedDuration::from_mins(10));
    outcome
}

fn digest(outcome: &Outcome) -> String {
    held(outcome).unwrap().digest.clone()
}

#[test]
fn one_who_cannot_be_finished_keeps_nobody_else_from_being_approved() {
    let mut world = company(40, "");
    disable(&mut world, 0..6);
    let first = digest(&world.sync());
    world.later(SignedDuration::from_mins(10));
    world.scopes[0].approval = Some(first.clone());
    for _ in 0..3 {
        sync_but_for(&mut world, "person0");
    }
    assert_eq!(off(&world), 5);
    disable(&mut world, 10..20);
    let outcome = sync_but_for(&mut world, "person0");
    assert_eq!(digest(&outcome), first, "there is still hope");
    world.later(SignedDuration::from_mins(30));
    let outcome = sync_but_for(&mut world, "person0");
    let next = held(&outcome).unwrap();
    assert_eq!((next.count, next.approved.is_some(), off(&world)), (11, false, 5));
    world.scopes[0].approval = Some(digest(&outcome));
    sync_but_for(&mut world, "person0");
    assert_eq!(off(&world), 15);
}

#[test]
fn what_was_lost_or_refused_is_spent_once() {
    let mut world = company(8, "");
    disable(&mut world, 0..3);
    for round in 0..4 {
        let outcome = sync_but_for(&mut world, "person0");
        let now = world.now;
        let entered = outcome.ledger.entered.iter();
        world.scopes[0]
            .entered
            .extend(entered.map(|removal| (removal.clone(), now)));
        assert_eq!((off(&world), held(&outcome)), (2, None), "round {round}");
        assert_eq!(outcome.ledger.budget.iter().map(|entry| entry.count).sum::<i64>(), 3);
    }
    disable(&mut world, 3..4);
    assert_eq!(held(&world.sync()).unwrap().count, 1, "and the limit is what it was");
    assert_eq!(off(&world), 3);
}

#[test]
fn a_batch_of_which_nobody_is_sure_makes_way_for_others() {
    let mut world = company(40, "");
    (0..6).for_each(|index| world.leave(&login(index)));
    world.sync();
    world.later(SignedDuration::from_mins(10));
    let first = digest(&world.sync());
    // They are seen again elsewhere, by who asks for them one by one: nobody knows.
    world.sees_tombstones = true;
    world.later(SignedDuration::from_mins(10));
    let outcome = world.sync();
    assert_eq!(digest(&outcome), first, "doubt does not change a batch");
    disable(&mut world, 10..20);
    world.later(SignedDuration::from_mins(10));
    let outcome = world.sync();
    assert_ne!(digest(&outcome), first);
    world.scopes[0].approval = Some(digest(&outcome));
    world.sync();
    assert_eq!(off(&world), 10);
}

#[test]
fn who_takes_the_place_of_one_who_came_back_was_not_seen() {
    let mut world = company(40, "removal: {limit: {count: 0}}");
    disable(&mut world, 0..7);
    world.user_mut(&name_of("person6")).is_protected = true;
    let first = digest(&world.sync());
    world.later(SignedDuration::from_mins(10));
    world.user_mut(&name_of("person6")).is_protected = false;
    enable(&mut world, 0..1);
    world.scopes[0].approval = Some(first.clone());
    let outcome = world.sync();
    assert_eq!(off(&world), 5);
    assert_eq!(world.user(&name_of("person6")).values.enabled(), Some(true));
    let next = held(&outcome).unwrap();
    assert_eq!(next.count, 1);
    assert_ne!(next.digest, first);
}

#[test]
fn who_was_to_be_switched_off_is_not_linked_to_another_account_instead() {
    let spec = "match: {relinkBy: EmployeeID}";
    let mut world = World::new(spec);
    for index in 0..8 {
        world = world.person(&login(index), &[("employeeID", &format!("e{index}"))]);
    }
    world.sees_tombstones = true;
    world.sync();
    (0..4).for_each(|index| {
        world.leave(&login(index));
        world.deleted.insert(guid(&login(index)));
    });
    let first = digest(&world.sync());
    world.later(SignedDuration::from_mins(10));
    let mut world = world.person("newbie", &[("employeeID", "e0")]);
    for index in 8..12 {
        world = world.person(&format!("x{index}"), &[]);
    }
    world.directory.count = 0;
    world.scopes[0].approval = Some(first);
    world.sync();
    let link = world.user(&name_of("person0")).values.link().unwrap();
    assert_eq!(link.guid, guid("person0"), "nobody approved that");
    assert_eq!(off(&world), 3);
}

#[test]
fn a_batch_of_too_many_to_know_one_by_one_is_let_through_while_it_is_what_it_was() {
    let mut world = company(MOST_HELD_MEMBERS + 100, "");
    disable(&mut world, 0..MOST_HELD_MEMBERS + 1);
    let outcome = world.sync();
    assert_eq!(held(&outcome).unwrap().members, "");
    world.scopes[0].approval = Some(digest(&outcome));
    let mut other = world.clone();
    enable(&mut other, 0..1);
    other.later(SignedDuration::from_mins(10));
    let outcome = other.sync();
    assert_eq!(off(&other), 0);
    assert_eq!(held(&outcome).unwrap().members.len(), MOST_HELD_MEMBERS * MEMBER_LENGTH);
    world.sync();
    assert_eq!(off(&world), MOST_HELD_MEMBERS + 1);
}

#[test]
fn approved_creations_are_of_these_people_and_of_this_spec() {
    let spec = "creationLimit: {percent: 1000, count: 2}";
    let holding = || {
        let mut world = company(10, spec);
        for index in 100..106 {
            world = world.person(&login(index), &[]);
        }
        let outcome = world.step(0);
        world.scopes[0].approval = Some(outcome.ledger.held[0].digest.clone());
        // The approval is stored; then the operator is killed.
        let approved = world.plan();
        world.set_ledger(approved.ledger);
        world
    };
    let mut world = holding();
    (100..106).for_each(|index| world.leave(&login(index)));
    for index in 200..206 {
        world = world.person(&login(index), &[]);
    }
    let outcome = world.sync();
    assert!(
        !world.observed.users.contains_key(&*name_of("person200")),
        "others were seen"
    );
    assert!(outcome.ledger.held[0].approved.is_none());
    let mut world = holding();
    world.scopes[0].approval = None;
    world.respec("{everyone: {}}", &format!("{spec}, removal: {{whenDisabled: Keep}}"));
    world.sync();
    assert!(
        !world.observed.users.contains_key(&*name_of("person100")),
        "another spec"
    );
}
