//! From attributes to fields.

use super::world::{STAFF, World, name_of};
use crate::{
    api::sync_scope::ProblemReason,
    sync::field::{FIELDS, Field, Source},
};

#[test]
fn every_field_has_its_attribute_as_default() {
    let attributes: Vec<_> = FIELDS
        .iter()
        .filter_map(|row| match row.source {
            Source::Attribute(attribute) => Some((row.field, attribute)),
            _ => None,
        })
        .collect();
    assert_eq!(attributes.len(), 13);
    let values: Vec<_> = attributes
        .iter()
        .map(|(_, attribute)| (*attribute, format!("a {attribute}")))
        .collect();
    let given: Vec<_> = values
        .iter()
        .skip(1)
        .map(|(attribute, value)| (*attribute, &**value))
        .collect();
    let mut world = World::new("").person("ada", &given);
    world.sync();
    for (field, attribute) in &attributes[1..] {
        assert_eq!(world.text("ada", *field), Some(&*format!("a {attribute}")), "{field:?}");
    }
    assert_eq!(world.text("ada", Field::Login), Some("ada"));
    assert_eq!(world.text("ada", Field::OrganizationalUnit), Some(STAFF));
    assert_eq!(world.user(&name_of("ada")).values.enabled(), Some(true));
}

#[test]
fn any_attribute_can_take_the_place_of_the_default() {
    let mut world = World::new("map: {title: {attribute: extensionAttribute5}}")
        .person("ada", &[("title", "no"), ("EXTENSIONattribute5", "yes")]);
    world.sync();
    assert_eq!(world.text("ada", Field::Title), Some("yes"));
}

#[test]
fn values_are_trimmed_composed_and_on_one_line() {
    let mut world = World::new("").person("ada", &[("displayName", "  Ada\r\n\t Mu\u{308}ller\u{0}  ")]);
    world.sync();
    assert_eq!(world.text("ada", Field::DisplayName), Some("Ada M\u{fc}ller"));
}

#[test]
fn a_value_that_is_taken_away_takes_the_field_with_it() {
    let mut world = World::new("").person("ada", &[("title", "Countess"), ("mobile", "1")]);
    world.sync();
    world.set("ada", "title", "");
    world.set("ada", "mobile", " \t ");
    world.sync();
    assert_eq!(world.text("ada", Field::Title), None);
    assert_eq!(world.text("ada", Field::Mobile), None);
}

#[test]
fn what_people_wrote_where_the_directory_has_nothing_stays() {
    let mut world = World::new("")
        .person("ada", &[])
        .hand_made("desk", &[(Field::Login, "ada"), (Field::Office, "Room 7")]);
    world.sync();
    assert_eq!(world.user("desk").values.text(Field::Office), Some("Room 7"));
}

#[test]
fn a_value_that_is_too_long_costs_that_field() {
    let mut world = World::new("").person("ada", &[("title", "Countess"), ("company", "Engines")]);
    world.sync();
    world.set("ada", "title", &"\u{fc}".repeat(257));
    world.set("ada", "company", &"\u{fc}".repeat(256));
    let outcome = world.sync();
    let message = &outcome.problem("ada", ProblemReason::InvalidRecord).message;
    assert_eq!(
        message,
        "spec.title would have 257 characters, and 256 are the most: it is left as it is"
    );
    assert_eq!(outcome.report.users.matched, 1);
    assert_eq!(world.text("ada", Field::Title), Some("Countess"));
    assert_eq!(world.text("ada", Field::Company).unwrap().chars().count(), 256);
}

#[test]
fn an_attribute_that_was_not_read_blanks_nothing() {
    let mut world = World::new("").person("ada", &[("title", "Countess")]);
    world.sync();
    let (mut input_world, snapshot) = (world.clone(), world.snapshot());
    input_world.respec("{everyone: {}}", "map: {title: {attribute: extensionAttribute5}}");
    let outcome = input_world.plan_with(&snapshot);
    assert!(outcome.plan.is_empty(), "{:#?}", outcome.plan);
}
