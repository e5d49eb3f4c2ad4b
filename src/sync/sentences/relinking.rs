//! New accounts with what somebody had before: the same person, a successor, or a whole forest that moved.

use jiff::SignedDuration;

use super::world::{World, guid, name_of};
use crate::{
    api::{
        phone_user::{AbsenceReason, Origin},
        sync_scope::ProblemReason,
    },
    sync::{Outcome, field::Field, fixture::sequential},
};

const NUMBERED: &str = "extensions: [{name: all, ruleRef: {name: low}}]";
const BY_EMPLOYEE_ID: &str = "match: {relinkBy: EmployeeID}";

/// Ada with the number 200 and Bob with 201; both have an employeeID.
fn world(spec: &str) -> World {
    let mut world = World::new(&format!("{NUMBERED}, {spec}"))
        .rule(sequential("low", "200", "299"))
        .person("ada", &[("employeeID", "7")])
        .person("bob", &[("employeeID", "8")]);
    world.sync();
    world
}

/// Somebody's account is deleted, and they get a new one with the same employeeID.
fn again(mut world: World, login: &str, new: &str, employee_id: &str) -> World {
    world.sees_tombstones = true;
    world.delete(login);
    world.person(new, &[("employeeID", employee_id)])
}

fn linked_to(world: &World, name: &str) -> String {
    world.user(name).values.link().unwrap().guid.to_string()
}

/// Nobody has another number than before, and everybody still rings.
fn nothing_is_lost(world: &World, outcome: &Outcome) {
    for (login, number) in [("ada", "200"), ("bob", "201")] {
        assert_eq!(world.text(login, Field::Extension), Some(number));
    }
    assert!(outcome.plan.deletions.is_empty() && outcome.plan.frees.is_empty());
}

#[test]
fn by_relink_by_a_new_account_of_somebody_who_is_gone_is_the_same_person() {
    let mut world = again(world(BY_EMPLOYEE_ID), "ada", "ada2", "7");
    let outcome = world.sync();
    assert!(outcome.told().is_empty(), "{:?}", outcome.told());
    let name = name_of("ada");
    assert_eq!(linked_to(&world, &name), guid("ada2").to_string());
    let user = world.user(&name);
    assert_eq!(user.values.text(Field::Login), Some("ada2"));
    assert_eq!(user.values.enabled(), Some(true));
    assert_eq!(user.values.link().unwrap().absence, None);
    assert_eq!(world.observed.users.len(), 2);
    nothing_is_lost(&world, &outcome);
    assert_eq!(
        outcome.ledger.budget.iter().map(|entry| entry.count).sum::<i64>(),
        1,
        "it counts"
    );
}

#[test]
fn somebody_who_was_disabled_meanwhile_comes_back_with_their_phone() {
    let mut world = world(BY_EMPLOYEE_ID);
    world.sees_tombstones = true;
    world.delete("ada");
    world.sync();
    let absence = world.user(&name_of("ada")).values.link().unwrap().absence;
    assert_eq!(absence.unwrap().reason, AbsenceReason::Deleted);
    assert_eq!(world.user(&name_of("ada")).values.enabled(), Some(false));
    let mut world = world.person("ada2", &[("employeeID", "7")]);
    let outcome = world.sync();
    assert_eq!(world.user(&name_of("ada")).values.enabled(), Some(true));
    nothing_is_lost(&world, &outcome);
}

#[test]
fn without_tombstones_it_takes_a_second_read() {
    let mut world = world(BY_EMPLOYEE_ID);
    world.leave("ada");
    let mut world = world.person("ada2", &[("employeeID", "7")]);
    assert_eq!(world.sync().told(), ["ada2: IdentityReused"]);
    assert_eq!(linked_to(&world, &name_of("ada")), guid("ada").to_string());
    world.later(SignedDuration::from_mins(10));
    assert!(world.sync().told().is_empty());
    assert_eq!(linked_to(&world, &name_of("ada")), guid("ada2").to_string());
}

#[test]
fn what_two_have_relinks_nobody() {
    let world = again(world(BY_EMPLOYEE_ID), "ada", "ada2", "7");
    let mut world = world.person("ada3", &[("employeeID", "7")]);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["ada2: DuplicateMatch", "ada3: DuplicateMatch"]);
    assert_eq!(linked_to(&world, &name_of("ada")), guid("ada").to_string());
}

#[test]
fn an_adopted_user_stays_adopted() {
    let mut world = World::new(BY_EMPLOYEE_ID)
        .person("ada", &[("employeeID", "7")])
        .hand_made("reception", &[(Field::Login, "ada")]);
    world.sync();
    let mut world = again(world, "ada", "ada2", "7");
    world.sync();
    assert_eq!(linked_to(&world, "reception"), guid("ada2").to_string());
    assert_eq!(world.user("reception").values.link().unwrap().origin, Origin::Adopted);
    assert_eq!(world.observed.users.len(), 1);
}

#[test]
fn an_account_that_is_restored_after_its_user_went_to_another_gets_one_beside() {
    let mut world = again(world(BY_EMPLOYEE_ID), "ada", "ada2", "7");
    world.sync();
    world.deleted.clear();
    let mut world = world.person("ada", &[("employeeID", "77")]);
    let outcome = world.sync();
    assert!(outcome.told().is_empty(), "{:?}", outcome.told());
    let beside = format!("{}-2", name_of("ada"));
    assert_eq!(linked_to(&world, &beside), guid("ada").to_string());
    assert_eq!(world.user(&beside).values.text(Field::Extension), Some("202"));
    assert_eq!(linked_to(&world, &name_of("ada")), guid("ada2").to_string());
}

#[test]
fn a_successor_with_the_login_waits_until_the_leaver_is_removed_and_gets_a_phone_of_his_own() {
    let mut world = world("").person("cleo", &[]);
    world.sees_tombstones = true;
    world.delete("ada");
    world.users.last_mut().unwrap();
    world.set("cleo", "sAMAccountName", "ada");
    let outcome = world.sync();
    assert!(outcome.told().is_empty(), "{:?}", outcome.told());
    let leaver = world.user(&name_of("ada"));
    assert_eq!(leaver.values.enabled(), Some(false));
    assert_eq!(leaver.values.text(Field::Extension), Some("200"));
    let successor = world.user(&name_of("cleo"));
    assert_eq!(successor.values.text(Field::Login), Some("ada"));
    assert_eq!(successor.values.text(Field::Extension), Some("202"));
}

#[test]
fn a_successor_waits_while_the_removal_is_held() {
    let mut world = world("removal: {limit: {count: 0}}");
    world.sees_tombstones = true;
    world.delete("ada");
    let mut world = world.person("cleo", &[]);
    world.set("cleo", "sAMAccountName", "ada");
    for _ in 0..3 {
        let outcome = world.sync();
        assert_eq!(outcome.told(), ["ada: IdentityReused"]);
        let problem = outcome.problem("ada", ProblemReason::IdentityReused);
        assert!(problem.message.contains("not removed yet"), "{}", problem.message);
        assert_eq!(world.user(&name_of("ada")).values.enabled(), Some(true));
        world.later(SignedDuration::from_hours(30));
    }
    let digest = world.scopes[0].ledger.held[0].digest.clone();
    world.scopes[0].approval = Some(digest);
    assert!(world.sync().told().is_empty());
    assert_eq!(world.text("cleo", Field::Extension), Some("202"));
}

#[test]
fn a_successor_does_not_wait_for_whom_nobody_will_remove() {
    for spoil in [
        (|world: &mut World| world.user_mut(&name_of("ada")).is_unlinked = true) as fn(&mut World),
        |world| world.user_mut(&name_of("ada")).is_protected = true,
        |world| world.respec("{everyone: {}}", &format!("{NUMBERED}, removal: {{whenDeleted: Keep}}")),
    ] {
        let mut world = world("");
        world.sees_tombstones = true;
        spoil(&mut world);
        world.delete("ada");
        let mut world = world.person("cleo", &[]);
        world.set("cleo", "sAMAccountName", "ada");
        world.sync();
        let successor = world.user(&name_of("cleo"));
        assert_eq!(successor.values.text(Field::Login), Some("ada"));
        assert_eq!(successor.values.text(Field::Extension), Some("202"));
        assert_eq!(world.user(&name_of("ada")).values.enabled(), Some(true));
    }
}

/// Everybody has a new account in another forest, with the same login and employeeID.
fn migrated(spec: &str) -> World {
    let mut world = World::new(&format!("{NUMBERED}, {spec}")).rule(sequential("low", "200", "299"));
    let logins: Vec<_> = (0..20).map(|number| format!("person{number:02}")).collect();
    for login in &logins {
        world = world.person(login, &[("employeeID", login)]);
    }
    world.sync();
    for login in &logins {
        world.leave(login);
    }
    for login in &logins {
        let new = format!("new{}", &login["person".len()..]);
        world = world.person(&new, &[("employeeID", login)]);
        world.set(&new, "sAMAccountName", login);
    }
    world
}

#[test]
fn when_a_forest_is_migrated_everything_waits_and_nobody_is_renumbered_or_made_twice() {
    for spec in ["", BY_EMPLOYEE_ID] {
        let mut world = migrated(spec);
        let before = world.observed.clone();
        for _ in 0..3 {
            let outcome = world.sync();
            assert_eq!(outcome.told().len(), 20);
            assert_eq!(world.observed.users.len(), 20);
            for (name, user) in &world.observed.users {
                let was = &before.users[name];
                assert_eq!(user.values.enabled(), Some(true));
                assert_eq!(user.values.text(Field::Extension), was.values.text(Field::Extension));
            }
            world.later(SignedDuration::from_hours(30));
        }
        let held = world.scopes[0].ledger.held.clone();
        assert_eq!(held[0].count, 20, "{held:?}");
        if spec == BY_EMPLOYEE_ID {
            world.scopes[0].approval = Some(held[0].digest.clone());
            assert!(world.sync().told().is_empty());
            assert_eq!(world.observed.users.len(), 20);
            for (name, user) in &world.observed.users {
                assert_ne!(
                    user.values.link().unwrap().guid,
                    before.users[name].values.link().unwrap().guid
                );
                assert_eq!(
                    user.values.text(Field::Extension),
                    before.users[name].values.text(Field::Extension)
                );
            }
        }
    }
}
