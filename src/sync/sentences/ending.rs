//! A scope that takes along what it made: whom, how many at most, and who goes over to another one.

use std::collections::BTreeMap;

use super::world::{World, guid, name_of};
use crate::{
    api::{extension::ExtensionState, phone_user::Origin, sync_scope::Held},
    sync::{
        ending::{Ending, Farewell, end},
        field::{Field, WrittenField},
        fixture::sequential,
        guard::Ledger,
        sentences::cluster,
    },
};

const SPEC: &str =
    "extensions: [{name: all, ruleRef: {name: low}}], deletionPolicy: Delete, removal: {limit: {percent: 100}}";

fn world(spec: &str) -> World {
    world_of(&["ada", "bob", "carl", "dora"], spec)
}

fn world_of(logins: &[&str], spec: &str) -> World {
    let world = World::new(spec).rule(sequential("low", "200", "299"));
    let mut world = logins.iter().fold(world, |world, login| world.person(login, &[]));
    world.sync();
    world
}

fn ending(world: &World) -> Ending {
    world.with_input(0, &world.snapshot(), &BTreeMap::new(), end)
}

fn farewell(world: &World) -> Farewell {
    match ending(world) {
        Ending::Delete(farewell) => *farewell,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_operator_made_goes_and_the_numbers_rest() {
    let mut world = world_of(&["ada", "bob", "carl"], SPEC);
    let farewell = farewell(&world);
    assert_eq!((farewell.plan.deletions.len(), farewell.plan.frees.len()), (3, 3));
    assert_eq!(farewell.ledger.budget.iter().map(|entry| entry.count).sum::<i64>(), 3);
    cluster::apply(&mut world.observed, &farewell.plan);
    assert!(world.observed.users.is_empty());
    let mut extensions = world.observed.extensions.values();
    assert!(extensions.all(|extension| extension.state == Some(ExtensionState::Cooling)));
}

#[test]
fn over_the_limit_nothing_goes() {
    let world = world("extensions: [{name: all, ruleRef: {name: low}}], deletionPolicy: Delete");
    assert_eq!(
        ending(&world),
        Ending::Retain(4),
        "three may always leave, and four don't"
    );
}

#[test]
fn after_a_crash_half_way_the_rest_is_not_weighed_again() {
    let mut world = world_of(&["ada", "bob", "carl"], SPEC);
    let Farewell { mut plan, ledger, .. } = farewell(&world);
    plan.deletions.truncate(2);
    plan.frees.truncate(1);
    cluster::apply(&mut world.observed, &plan);
    let Ledger { held, budget, .. } = ledger;
    assert!(matches!(&*held, [Held { approved: Some(_), .. }]));
    world.set_ledger(Ledger {
        held,
        budget,
        ..Ledger::default()
    });
    let rest = farewell(&world);
    assert_eq!(rest.plan.deletions.len(), 1);
    assert_eq!(
        rest.plan.frees.len(),
        2,
        "also the number of whom the crash left without"
    );
    cluster::apply(&mut world.observed, &rest.plan);
    assert!(farewell(&world).plan.is_empty());
}

#[test]
fn the_unlinked_and_the_protected_stay_and_the_adopted_are_let_go_of() {
    let mut world = world(SPEC);
    world.user_mut(&name_of("ada")).is_unlinked = true;
    world.user_mut(&name_of("bob")).is_protected = true;
    let user = world.user_mut(&name_of("carl"));
    let mut link = user.values.link().unwrap().clone();
    link.origin = Origin::Adopted;
    let values = Field::ALL
        .iter()
        .filter_map(|field| Some((*field, user.values.get(*field)?)));
    let mut values: BTreeMap<_, _> = values.collect();
    values.insert(Field::Directory, crate::sync::value::Value::Link(Box::new(link)));
    user.values = values.into_iter().collect();
    let farewell = farewell(&world);
    assert_eq!((farewell.stays, farewell.goes_over), (2, 0));
    let deleted: Vec<_> = farewell.plan.deletions.iter().map(|deletion| &*deletion.name).collect();
    assert_eq!(deleted, [name_of("dora")]);
    let [let_go] = &*farewell.plan.users else {
        panic!("{:?}", farewell.plan.users)
    };
    assert!(*let_go.name == *name_of("carl") && let_go.apply.is_none());
}

#[test]
fn whom_another_scope_selects_goes_over_and_nobody_goes_while_one_cannot_be_read() {
    let mut world = world(SPEC).scope("next", "{everyone: {}, filter: (sAMAccountName=ada)}", "extensions: []");
    let farewell = farewell(&world);
    assert_eq!((farewell.goes_over, farewell.plan.deletions.len()), (1, 3));
    assert!(
        !farewell
            .plan
            .deletions
            .iter()
            .any(|deletion| *deletion.name == *name_of("ada"))
    );
    assert_eq!(world.user(&name_of("ada")).values.link().unwrap().guid, guid("ada"));
    world.blind(1);
    assert!(matches!(ending(&world), Ending::Wait(_)));
}

#[test]
fn nobody_goes_while_something_of_ours_cannot_be_read() {
    let mut world = world(SPEC);
    world.user_mut(&name_of("ada")).is_readable = false;
    assert!(matches!(ending(&world), Ending::Wait(_)));
}

#[test]
fn what_was_permitted_covers_nobody_who_is_to_go_since() {
    let mut world = World::new(SPEC.split(", removal").next().unwrap()).rule(sequential("low", "200", "299"));
    for index in 0..40 {
        world = world.person(&format!("person{index}"), &[]);
    }
    world.sync();
    let mut world = world.scope(
        "b",
        "{everyone: {}, filter: (!(sAMAccountName=person1))}",
        "extensions: []",
    );
    let farewell = farewell(&world);
    assert_eq!((farewell.plan.deletions.len(), farewell.goes_over), (1, 39));
    world.set_ledger(farewell.ledger);
    // It is killed before it writes, and the other scope goes, too.
    world.scopes.pop();
    assert_eq!(ending(&world), Ending::Retain(40));
}
