//! Another domain controller, or the same one with an older database: what it shows is true, but of another day.

use super::{Danger, live_through};
use crate::sync::sentences::{
    company::{DESKS, FIELD, PEOPLE, SALES, login},
    veil::{self, Veil},
    world::{STAFF, World, guid},
};

/// The company as it was two days ago: people who came since are not there, some who lie or belong elsewhere now do not yet, and
/// desks have each other's numbers.
fn two_days_ago(world: &mut World) {
    world.is_behind = true;
    world.veil.accounts = (0..PEOPLE).step_by(9).map(|person| guid(&login(person))).collect();
    for person in (1..20).step_by(2) {
        move_person(world, person, STAFF, FIELD);
    }
    let sales = SALES.skip(25).map(|person| veil::member(&login(person)).into_bytes());
    let group = world
        .groups
        .iter_mut()
        .find(|entry| entry.guid() == Some(guid("Sales")))
        .unwrap();
    group.attributes.retain(|(name, _)| name != "member");
    group.attributes.push(("member".to_owned(), sales.collect()));
    for person in DESKS.step_by(2) {
        let (one, other) = (format!("+1 555 4{person:03}"), format!("+1 555 4{:03}", person + 1));
        world.set(&login(person), "telephoneNumber", &other);
        world.set(&login(person + 1), "telephoneNumber", &one);
    }
}

fn today(world: &mut World) {
    world.is_behind = false;
    world.veil = Veil::default();
    for person in (1..20).step_by(2) {
        move_person(world, person, FIELD, STAFF);
    }
    let group = world
        .groups
        .iter_mut()
        .find(|entry| entry.guid() == Some(guid("Sales")))
        .unwrap();
    group.attributes.retain(|(name, _)| name != "member");
    let members = SALES.map(|person| veil::member(&login(person)).into_bytes());
    group.attributes.push(("member".to_owned(), members.collect()));
    for person in DESKS {
        world.set(&login(person), "telephoneNumber", &format!("+1 555 4{person:03}"));
    }
}

fn move_person(world: &mut World, person: usize, from: &str, to: &str) {
    let dn = |unit: &str| format!("CN={},{unit}", login(person));
    World::rename(&mut world.users, &dn(from), &dn(to));
}

#[test]
fn behind() {
    live_through(&[
        Danger::new(
            "a second controller is two days behind, and is read again and again",
            two_days_ago,
            today,
        ),
        Danger::new(
            "a controller was rolled back, and shows tombstones",
            |world| {
                world.sees_tombstones = true;
                two_days_ago(world);
            },
            today,
        ),
    ]);
}

#[test]
fn unreadable() {
    live_through(&[
        Danger::new(
            "the base DN is gone for one scope, and the other one sees fewer people",
            |world| world.scopes[1].is_readable = false,
            |world| world.scopes[1].is_readable = true,
        ),
        Danger::new(
            "the password was changed: nobody can be read",
            |world| world.scopes.iter_mut().for_each(|scope| scope.is_readable = false),
            |world| world.scopes.iter_mut().for_each(|scope| scope.is_readable = true),
        ),
    ]);
}
