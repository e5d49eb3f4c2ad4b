//! What people may sign in with.

use super::world::{World, name_of};
use crate::{
    api::sync_scope::ProblemReason,
    sync::{field::Field, value::Value},
};

const ADA: [(&str, &str); 2] = [
    ("userPrincipalName", "ada@example.com"),
    ("mail", "Ada.Lovelace@example.com"),
];

fn names(world: &World, login: &str) -> Vec<String> {
    world
        .user(&name_of(login))
        .values
        .texts(Field::LoginNames)
        .map(str::to_owned)
        .collect()
}

#[test]
fn people_sign_in_with_user_principal_name_and_mail() {
    let mut world = World::new("").person("ada", &ADA);
    world.sync();
    assert_eq!(names(&world, "ada"), ["ada@example.com", "Ada.Lovelace@example.com"]);
}

#[test]
fn with_bare_username_also_with_login_and_both_local_parts() {
    let mut world = World::new("").person("al", &ADA);
    world.bare_username = true;
    world.sync();
    assert_eq!(
        names(&world, "al"),
        [
            "ada@example.com",
            "Ada.Lovelace@example.com",
            "al",
            "ada",
            "Ada.Lovelace"
        ]
    );
}

#[test]
fn a_name_is_listed_once() {
    let mut world = World::new("").person(
        "ada",
        &[("userPrincipalName", "ada@example.com"), ("mail", "ADA@example.com")],
    );
    world.bare_username = true;
    world.sync();
    assert_eq!(names(&world, "ada"), ["ada@example.com", "ada"]);
}

#[test]
fn whoever_has_no_name_has_no_field() {
    let mut world = World::new("").person("ada", &[]);
    world.sync();
    assert_eq!(world.user(&name_of("ada")).values.get(Field::LoginNames), None);
}

#[test]
fn two_users_with_one_mail_address_share_it_as_a_field_and_neither_signs_in_with_it() {
    let mut world = World::new("")
        .person(
            "ada",
            &[("userPrincipalName", "ada@example.com"), ("mail", "team@example.com")],
        )
        .person("bob", &[("mail", "TEAM@example.com")]);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["ada: DuplicateMatch", "bob: DuplicateMatch"]);
    let problem = outcome.problem("ada", ProblemReason::DuplicateMatch);
    assert_eq!(problem.other.as_deref(), Some("bob"));
    assert_eq!(
        problem.message,
        "two users have the same name to sign in with, so neither gets it: team@example.com (with bob)"
    );
    assert_eq!(outcome.report.users.matched, 2, "both have a phone");
    assert_eq!(names(&world, "ada"), ["ada@example.com"]);
    assert!(names(&world, "bob").is_empty());
    assert_eq!(world.text("ada", Field::Email), Some("team@example.com"));
}

#[test]
fn a_name_shared_with_a_user_that_people_made_goes_to_the_person_of_neither() {
    let mut world = World::new("match: {adopt: Never}")
        .person("ada", &ADA)
        .hand_made("lobby", &[(Field::Login, "lobby"), (Field::Email, "ada@example.com")]);
    let outcome = world.sync();
    assert_eq!(
        outcome.problem("ada", ProblemReason::DuplicateMatch).other.as_deref(),
        Some("lobby")
    );
    assert_eq!(names(&world, "ada"), ["Ada.Lovelace@example.com"]);
}

#[test]
fn a_name_shared_over_two_scopes_goes_to_neither_and_stays_so() {
    let sales = "OU=Sales,DC=example,DC=com";
    let users = |unit: &str| format!("{{organizationalUnits: [{{dn: '{unit}'}}]}}");
    let mut world = World::with_users(&users("OU=Staff,DC=example,DC=com"), "")
        .scope("sales", &users(sales), "")
        .unit(sales)
        .person("ada", &[("mail", "team@example.com")])
        .person_in(sales, "bob", &[("mail", "team@example.com")]);
    world.sync_scope(0);
    assert_eq!(names(&world, "ada"), ["team@example.com"], "nobody else has it yet");
    for round in 0..3 {
        let outcomes = [world.sync_scope(1), world.sync_scope(0)];
        assert!(names(&world, "ada").is_empty() && names(&world, "bob").is_empty());
        assert_eq!(
            outcomes.map(|outcome| outcome.told()),
            [["bob: DuplicateMatch"], ["ada: DuplicateMatch"]]
        );
        assert!(round == 0 || world.plan_of(0).plan.is_empty() && world.plan_of(1).plan.is_empty());
    }
}

#[test]
fn who_waits_for_a_number_takes_no_name_from_others() {
    let spec = "extensions: [{name: all, ruleRef: {name: tiny}, when: {filter: (title=x)}}]";
    let mut world = World::new(spec)
        .rule(crate::sync::fixture::sequential("tiny", "110", "110"))
        .person("ada", &[("mail", "team@example.com")])
        .person("bob", &[("mail", "team@example.com"), ("title", "x")]);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["bob: RangeExhausted"]);
    assert_eq!(names(&world, "ada"), ["team@example.com"]);
}

#[test]
fn login_names_edited_by_hand_are_repaired() {
    let mut world = World::new("").person("ada", &ADA);
    world.sync();
    let value = Value::List(vec!["root".into()]);
    super::cluster::write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-edit",
        false,
        Field::LoginNames,
        Some(value),
    );
    world.sync();
    assert_eq!(names(&world, "ada"), ["ada@example.com", "Ada.Lovelace@example.com"]);
}

#[test]
fn a_name_that_people_gave_to_another_user_is_shared_too() {
    let mut world = World::new("")
        .person("ada", &ADA)
        .hand_made("lobby", &[(Field::Login, "lobby")]);
    let value = Value::List(vec!["ADA@example.com".into()]);
    super::cluster::write_as(
        world.user_mut("lobby"),
        "kubectl-edit",
        false,
        Field::LoginNames,
        Some(value),
    );
    world.sync();
    assert_eq!(names(&world, "ada"), ["Ada.Lovelace@example.com"]);
}
