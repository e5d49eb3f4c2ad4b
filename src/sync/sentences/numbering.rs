//! Numbers, as far as the whole pipeline has to do with them. Who gets which one is told beside the numbering itself.

use super::world::{World, name_of};
use crate::{
    api::{
        extension::{ExtensionState, HolderKind},
        sync_scope::ProblemReason,
    },
    sync::{
        field::Field,
        fixture::{rule, sequential},
    },
};

const ALL: &str = "extensions: [{name: all, ruleRef: {name: low}}]";

fn world() -> World {
    World::new(ALL).rule(sequential("low", "200", "202"))
}

#[test]
fn a_number_is_claimed_before_its_user_is_written() {
    let mut world = world().person("ada", &[]);
    let outcome = world.sync();
    let claim = &outcome.plan.claims[0];
    assert_eq!(
        (claim.number.to_string(), claim.holder.kind),
        ("200".to_owned(), HolderKind::PhoneUser)
    );
    assert_eq!(outcome.plan.users[0].needs, Some(claim.number));
    assert_eq!(
        world.observed.extensions["hq-200"].state,
        Some(ExtensionState::Assigned)
    );
    assert_eq!(outcome.report.extensions.assigned, 1);
}

#[test]
fn a_newcomer_whose_rule_gives_none_is_not_created() {
    let mut world = world()
        .person("a", &[])
        .person("b", &[])
        .person("c", &[])
        .person("d", &[]);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["d: RangeExhausted"]);
    assert_eq!((outcome.report.users.matched, outcome.report.users.unmatched), (3, 1));
    assert_eq!(outcome.report.extensions.assigned, 3);
}

#[test]
fn an_adopted_users_own_number_is_claimed_before_anybody_else_is_numbered() {
    let mut world = world()
        .person("ada", &[])
        .person("zoe", &[])
        .hand_made("desk", &[(Field::Login, "zoe"), (Field::Extension, "200")]);
    world.sync();
    assert_eq!(world.user("desk").values.text(Field::Extension), Some("200"));
    assert_eq!(world.text("ada", Field::Extension), Some("201"));
    assert_eq!(
        world.observed.extensions["hq-200"].holder.as_ref().unwrap().name,
        "desk"
    );
}

#[test]
fn a_missing_extension_is_rebuilt_for_its_person_before_anybody_is_numbered() {
    let mut world = world().person("zoe", &[]);
    world.sync();
    world.observed.extensions.clear();
    let mut world = world.person("ada", &[]);
    world.sync();
    assert_eq!(world.text("zoe", Field::Extension), Some("200"));
    assert_eq!(world.text("ada", Field::Extension), Some("201"));
    assert_eq!(
        world.observed.extensions["hq-200"].holder.as_ref().unwrap().name,
        name_of("zoe")
    );
}

#[test]
fn an_extension_edited_by_hand_goes_back_to_the_number_they_hold() {
    let mut world = world().person("ada", &[]);
    world.sync();
    let value = Some(crate::sync::value::Value::text("299"));
    super::cluster::write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-edit",
        false,
        Field::Extension,
        value,
    );
    world.sync();
    assert_eq!(world.text("ada", Field::Extension), Some("200"));
}

#[test]
fn a_disabled_user_keeps_their_number() {
    let mut world = world().person("ada", &[]);
    world.sync();
    world.disable("ada");
    let mut world = world.person("bob", &[]);
    let outcome = world.sync();
    assert_eq!(world.text("ada", Field::Extension), Some("200"));
    assert_eq!(world.text("bob", Field::Extension), Some("201"));
    assert_eq!(outcome.report.extensions.assigned, 2);
}

#[test]
fn no_entry_no_number_and_whoever_has_one_keeps_it() {
    let mut world = world().person("ada", &[]);
    world.sync();
    world.respec("{everyone: {}}", "");
    let mut world = world.person("bob", &[]);
    world.sync();
    assert_eq!(world.text("ada", Field::Extension), Some("200"));
    assert_eq!(world.text("bob", Field::Extension), None);
}

#[test]
fn a_rule_that_is_missing_makes_newcomers_wait_and_leaves_others_as_they_are() {
    let mut world = world().person("ada", &[]);
    world.sync();
    world.rules.clear();
    world.set("ada", "title", "Countess");
    let mut world = world.person("bob", &[]);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["bob: NumberMissing"]);
    assert_eq!(world.text("ada", Field::Title), Some("Countess"));
    assert_eq!(world.text("ada", Field::Extension), Some("200"));
}

#[test]
fn a_missing_number_attribute_is_reported_and_the_others_are_numbered() {
    let spec = r"source: Attribute, attribute: {name: telephoneNumber, normalize: Digits, pattern: '^1555(\d{4})$', number: '$1'}";
    let mut world = World::new("extensions: [{name: all, ruleRef: {name: did}}]")
        .rule(rule("did", spec))
        .person("ada", &[("telephoneNumber", "+1 555-2001")])
        .person("bob", &[])
        .person("carl", &[("telephoneNumber", "+1 777-2001")]);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["bob: NumberMissing", "carl: NumberInvalid"]);
    assert_eq!(world.text("ada", Field::Extension), Some("2001"));
}

#[test]
fn a_number_held_by_somebody_else_is_reported_with_both_claimants() {
    let mut world = World::new("extensions: [{name: all, ruleRef: {name: ip}}]")
        .rule(rule("ip", "source: Attribute, attribute: {name: ipPhone}"))
        .person("ada", &[("ipPhone", "2001")]);
    world.sync();
    let mut world = world.person("bob", &[("ipPhone", "2001")]);
    let outcome = world.sync();
    let problem = outcome.problem("bob", ProblemReason::NumberTaken);
    assert_eq!(problem.other.as_deref(), Some("ada"));
}

#[test]
fn a_number_that_people_gave_to_somebody_else_is_reported_and_left_as_it_is() {
    let mut world = world().person("ada", &[]);
    world.sync();
    let extension = world.observed.extensions.get_mut("hq-200").unwrap();
    extension.holder.as_mut().unwrap().name = "lobby".to_owned();
    extension.is_ours = false;
    let outcome = world.sync();
    outcome.problem("ada", ProblemReason::NumberTaken);
    assert_eq!(world.text("ada", Field::Extension), Some("200"));
    assert!(outcome.plan.is_empty());
}
