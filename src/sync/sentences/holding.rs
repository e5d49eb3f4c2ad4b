//! Newcomers and blank values that are too many at once.

use super::{
    guarding::{company, login},
    world::{World, name_of},
};
use crate::{
    api::sync_scope::{Held, HeldType, ProblemReason},
    sync::{Outcome, field::Field, fixture::rule},
};

fn held(outcome: &Outcome, kind: HeldType) -> Option<&Held> {
    outcome.ledger.held.iter().find(|held| held.kind == kind)
}

fn joined(mut world: World, from: usize, to: usize) -> World {
    for index in from..to {
        world = world.person(&login(index), &[]);
    }
    world
}

#[test]
fn the_first_sync_ignores_percent_and_not_count() {
    let world = company(40, "creationLimit: {percent: 10, count: 40}");
    assert_eq!(world.observed.users.len(), 40);
    let mut world = joined(World::new("creationLimit: {percent: 10, count: 40}"), 0, 41);
    let outcome = world.sync();
    assert!(world.observed.users.is_empty());
    assert_eq!(held(&outcome, HeldType::Creations).unwrap().count, 41);
}

#[test]
fn too_many_newcomers_wait_for_approval_and_are_unmatched_until_then() {
    let world = company(40, "creationLimit: {percent: 10, count: 40}");
    let mut world = joined(world, 40, 45);
    let outcome = world.sync();
    let digest = held(&outcome, HeldType::Creations).unwrap().digest.clone();
    assert_eq!(world.observed.users.len(), 40);
    assert_eq!((outcome.report.users.in_scope, outcome.report.users.unmatched), (45, 5));
    outcome.problem("person40", ProblemReason::NoTargetUser);
    assert_eq!(world.sync().ledger, outcome.ledger, "and it is silent");
    let mut more = joined(world.clone(), 45, 46);
    let other = more.sync().ledger.held[0].digest.clone();
    assert_ne!(other, digest, "whoever approves has seen them all");
    world.scopes[0].approval = Some(digest);
    let outcome = world.sync();
    assert_eq!(world.observed.users.len(), 45);
    assert!(outcome.ledger.held.is_empty());
}

#[test]
fn an_approved_creation_is_finished_after_a_crash_and_happens_once() {
    let world = company(40, "creationLimit: {percent: 10, count: 40}");
    let mut world = joined(world, 40, 50);
    let digest = world.sync().ledger.held[0].digest.clone();
    world.scopes[0].approval = Some(digest);
    let outcome = world.plan();
    world.scopes[0].ledger = outcome.ledger;
    let mut partial = outcome.plan;
    partial.users.truncate(2);
    super::cluster::apply(&mut world.observed, &partial);
    world.sync();
    assert_eq!(world.observed.users.len(), 50);
    let mut world = joined(world, 50, 60);
    world.sync();
    assert_eq!(world.observed.users.len(), 50);
}

#[test]
fn without_a_limit_any_number_may_come_and_leavers_are_no_newcomers() {
    let world = joined(company(3, ""), 3, 900);
    let mut world = world;
    world.sync();
    assert_eq!(world.observed.users.len(), 900);
}

/// A hundred people with telephone numbers.
fn phones(spec: &str) -> World {
    let mut world = World::new(spec);
    for index in 0..100 {
        let phone = format!("+49 30 {index}");
        world = world.person(&login(index), &[("telephoneNumber", &phone), ("mail", "a@example.com")]);
    }
    world.sync();
    world
}

fn blank(world: &mut World, attribute: &str, people: usize) {
    (0..people).for_each(|index| world.set(&login(index), attribute, ""));
}

#[test]
fn an_attribute_that_goes_blank_for_too_many_is_unreadable() {
    for (people, stays) in [(10, false), (12, true)] {
        let mut world = phones("");
        blank(&mut world, "telephoneNumber", people);
        world.set("person0", "title", "Countess");
        let outcome = world.sync();
        assert_eq!(
            world.text("person0", Field::Phone).is_some(),
            stays,
            "blank for {people}"
        );
        assert_eq!(world.text("person0", Field::Title), Some("Countess"), "others go on");
        let held = held(&outcome, HeldType::Blanks);
        assert_eq!(held.map(|held| held.count), stays.then_some(12));
        if let Some(held) = held {
            assert_eq!(held.sample[0], "person0: telephonenumber");
        }
    }
}

#[test]
fn blanks_are_let_through_when_approved() {
    let mut world = phones("");
    blank(&mut world, "telephoneNumber", 12);
    let outcome = world.sync();
    assert_eq!(world.sync().ledger, outcome.ledger);
    world.scopes[0].approval = Some(outcome.ledger.held[0].digest.clone());
    let outcome = world.sync();
    assert_eq!(world.text("person0", Field::Phone), None);
    assert_eq!(world.text("person11", Field::Phone), None);
    assert!(outcome.ledger.held.is_empty());
}

#[test]
fn names_to_sign_in_with_stay_with_what_they_are_made_of() {
    let mut world = World::new("");
    for index in 0..40 {
        let mail = format!("{}@example.com", login(index));
        world = world.person(&login(index), &[("mail", &mail)]);
    }
    world.sync();
    blank(&mut world, "mail", 30);
    world.sync();
    let names = |world: &World| {
        let user = world.user(&name_of("person0"));
        user.values
            .texts(Field::LoginNames)
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&world), ["person0@example.com"]);
}

#[test]
fn a_blank_number_takes_no_number_from_anybody() {
    let numbered = "extensions: [{name: all, ruleRef: {name: ip}}]";
    let mut world = World::new(numbered).rule(rule("ip", "source: Attribute, attribute: {name: ipPhone}"));
    for index in 0..40 {
        world = world.person(&login(index), &[("ipPhone", &format!("{}", 2000 + index))]);
    }
    world.sync();
    blank(&mut world, "ipPhone", 40);
    let mut world = world.person("newcomer", &[("ipPhone", "2000")]);
    let outcome = world.sync();
    outcome.problem("newcomer", ProblemReason::NumberTaken);
    assert_eq!(world.text("person0", Field::Extension), Some("2000"));
}

#[test]
fn nobody_lets_go_of_a_number_for_somebody_who_is_not_created_yet() {
    let limited = "extensions: [{name: all, ruleRef: {name: ip}}], creationLimit: {percent: 100, count: 1}";
    let mut world = World::new(limited).rule(rule("ip", "source: Attribute, attribute: {name: ipPhone}"));
    world = world.person("ada", &[("ipPhone", "2000")]);
    world.sync();
    world.set("ada", "userAccountControl", "514");
    world.sync();
    let mut world = world
        .person("bob", &[("ipPhone", "2000")])
        .person("cem", &[("ipPhone", "2001")]);
    let outcome = world.sync();
    let held = held(&outcome, HeldType::Creations).expect("two are too many, also if one of them has to wait");
    assert_eq!(held.sample, ["bob", "cem"]);
    outcome.problem("bob", ProblemReason::NoTargetUser);
    assert_eq!(world.text("ada", Field::Extension), Some("2000"));
    world.scopes[0].approval = Some(held.digest.clone());
    world.sync();
    assert_eq!(world.text("ada", Field::Extension), None);
    assert_eq!(world.text("bob", Field::Extension), Some("2000"));
}

#[test]
fn while_an_attribute_is_taken_for_unreadable_nobody_is_counted_out_a_number_instead() {
    let numbered = "extensions: [{name: all, ruleRef: {name: phone}}]";
    let mut world = World::new(numbered).rule(rule(
        "phone",
        r#"source: Attribute, attribute: {name: telephoneNumber, whenMissing: Sequential}, ranges: [{from: "3000", to: "3099"}]"#,
    ));
    for index in 0..40 {
        world = world.person(&login(index), &[("telephoneNumber", &format!("{}", 2000 + index))]);
    }
    world.sync();
    blank(&mut world, "telephoneNumber", 30);
    let mut world = world
        .person("newcomer", &[])
        .person("other", &[("telephoneNumber", "2100")]);
    let outcome = world.sync();
    outcome.problem("newcomer", ProblemReason::NumberMissing);
    assert!(!world.observed.users.contains_key(&*name_of("newcomer")));
    assert_eq!(world.text("other", Field::Extension), Some("2100"));
    assert_eq!(world.text("person0", Field::Extension), Some("2000"));
    let digest = held(&outcome, HeldType::Blanks).unwrap().digest.clone();
    world.scopes[0].approval = Some(digest);
    world.sync();
    assert_eq!(world.text("newcomer", Field::Extension), Some("3000"));
}
