//! What is dangerous because it goes on, or because nobody looked for a while.

use jiff::SignedDuration;

use super::{converged, people};
use crate::sync::{
    past::DirectoryBudget,
    sentences::{
        company::{PEOPLE, Phones, leave_groups, login, staff},
        world::{World, guid, name_of},
    },
};

fn switched_off(world: &World) -> usize {
    let phones = Phones::of(world).users.into_values();
    phones.filter(|phone| phone.enabled == Some(false)).count()
}

/// Each sync sees one leaver, which is no reason to hold anything: the limit is one over its window.
#[test]
fn one_leaver_every_two_seconds() {
    let (mut world, before) = converged("");
    let leavers: Vec<_> = staff().into_iter().take(40).collect();
    for (index, person) in leavers.iter().enumerate() {
        world.disable(&login(*person));
        world.later(SignedDuration::from_secs(2));
        world.sync_all();
        assert_eq!(switched_off(&world), (index + 1).min(15), "10 % of 155, within a day");
        if index == 7 {
            world.restart();
        }
    }
    let held = &world.scopes[0].ledger.held;
    assert_eq!(held.len(), 1, "{held:#?}");
    let lost = before.without(&people(leavers)).lost(&Phones::of(&world));
    assert!(lost.is_empty(), "{lost:#?}");
}

/// Three may always leave a scope, however small: the directory's limit is what holds many of them.
#[test]
fn many_small_scopes_that_lose_an_ou_each() {
    const SCOPES: i64 = 300;
    let mut spent = 0;
    for _ in 0..SCOPES {
        let mut world = World::new("");
        for person in 0..8 {
            world = world.person(&login(person), &[]);
        }
        world.directory = DirectoryBudget {
            linked: (SCOPES - 1) * 8,
            spent,
            ..DirectoryBudget::default()
        };
        world.sync();
        for person in 0..3 {
            world.disable(&login(person));
        }
        world.sync();
        let budget = world.scopes[0].ledger.budget.iter();
        spent += budget.map(|entry| entry.count).sum::<i64>();
        assert_eq!(spent % 3, 0, "what doesn't fit is held whole");
        let waits = !world.scopes[0].ledger.held.is_empty();
        assert_eq!(waits, switched_off(&world) == 0);
    }
    assert_eq!(spent, 198, "200 of 2,400 at once");
}

/// A deadline permits. Whether somebody is gone is looked at when it is over, not when it began.
#[test]
fn an_account_restored_while_nobody_looked() {
    let (mut world, before) = converged("removal: {deleteAfter: 1h}");
    let account = world
        .users
        .iter()
        .find(|entry| entry.guid() == Some(guid("p100")))
        .cloned();
    world.sees_tombstones = true;
    world.delete("p100");
    world.live(2, SignedDuration::from_mins(6));
    assert_eq!(switched_off(&world), 1);
    world.later(SignedDuration::from_hours(48));
    world.restart();
    world.deleted.clear();
    world.users.extend(account);
    world.live(2, SignedDuration::from_mins(6));
    assert_eq!(Phones::of(&world), before);
}

/// Somebody else with a login that is known.
fn newcomer(world: &mut World, name: &str, login: &str) {
    *world = world.clone().person(name, &[("company", "acme")]);
    world.set(name, "sAMAccountName", login);
}

#[test]
fn a_login_that_somebody_else_has_now() {
    let (mut world, before) = converged("");
    world.delete("p100");
    newcomer(&mut world, "successor", "p100");
    world.live(6, SignedDuration::from_mins(6));
    let now = Phones::of(&world);
    let lost = before.clone().without(&people([100])).lost(&now);
    assert!(lost.is_empty(), "{lost:#?}");
    let (left, came) = (&now.users[&*name_of("p100")], &now.users[&*name_of("successor")]);
    assert_eq!(
        (left.enabled, &left.number),
        (Some(false), &before.users[&*name_of("p100")].number)
    );
    assert_eq!(came.enabled, Some(true));
    assert_ne!(came.number, left.number);
}

/// Everybody has a new objectGUID.
fn migrate(world: &mut World) {
    for person in 0..PEOPLE {
        let old = login(person);
        leave_groups(world, &old);
        let entry = world
            .users
            .iter_mut()
            .find(|entry| entry.guid() == Some(guid(&old)))
            .unwrap();
        entry
            .attributes
            .retain(|(name, _)| !name.eq_ignore_ascii_case("objectGUID"));
        *entry = entry.clone().with_guid(guid(&format!("new-{old}")));
    }
}

#[test]
fn a_forest_migration() {
    for relink in ["", "match: {relinkBy: EmployeeID}"] {
        let (mut world, _) = converged(relink);
        for person in 0..PEOPLE {
            world.set(&login(person), "employeeID", &person.to_string());
        }
        world.live(1, SignedDuration::from_mins(6));
        let before = Phones::of(&world);
        migrate(&mut world);
        for minutes in [1, 6, 6, 60, 24 * 60, 6] {
            world.live(1, SignedDuration::from_mins(minutes));
            let lost = before.lost(&Phones::of(&world));
            assert!(lost.is_empty(), "{relink}, held whole: {lost:#?}");
        }
    }
}
