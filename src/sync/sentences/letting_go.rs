//! Fields and users that the operator stops writing: values stay, and are people's.

use jiff::SignedDuration;

use super::{
    cluster::write_as,
    guarding::{company, disable, held, login},
    world::{World, name_of},
};
use crate::{
    api::sync_scope::ProblemReason,
    sync::{
        field::{Field, FieldSet, WrittenField as _},
        fixture::sequential,
        plan::Why,
        value::Value,
    },
};

fn world() -> World {
    let mut world = World::new("extensions: [{name: all, ruleRef: {name: low}}]")
        .rule(sequential("low", "200", "299"))
        .person("ada", &[("title", "Countess"), ("telephoneNumber", "+49 30 1")]);
    world.sync();
    world
}

fn ours(world: &World) -> FieldSet {
    world.user(&name_of("ada")).ownership.ours
}

#[test]
fn a_field_whose_mapping_is_switched_off_keeps_its_value_and_is_not_ours() {
    let mut world = world();
    world.respec(
        "{everyone: {}}",
        "extensions: [{name: all, ruleRef: {name: low}}], map: {phone: {policy: Ignore}}",
    );
    let outcome = world.sync();
    let change = &outcome.plan.users[0];
    assert_eq!(change.release.iter().collect::<Vec<_>>(), [Field::Phone]);
    assert_eq!(change.apply, None, "letting go is all there is to do");
    assert_eq!(world.text("ada", Field::Phone), Some("+49 30 1"));
    write_as(
        world.user_mut(&name_of("ada")),
        "somebody",
        false,
        Field::Phone,
        Some(Value::text("7")),
    );
    world.set("ada", "telephoneNumber", "8");
    assert!(world.sync().plan.is_empty());
}

#[test]
fn letting_go_comes_before_the_shorter_apply() {
    let mut world = world();
    world.respec(
        "{everyone: {}}",
        "extensions: [{name: all, ruleRef: {name: low}}], map: {phone: {policy: Ignore}}",
    );
    world.set("ada", "title", "Baroness");
    let outcome = world.sync();
    assert!(!outcome.plan.users[0].release.is_empty() && outcome.plan.users[0].apply.is_some());
    assert_eq!(world.text("ada", Field::Phone), Some("+49 30 1"));
    assert_eq!(world.text("ada", Field::Title), Some("Baroness"));
}

#[test]
fn unlinked_stays_unlinked_and_everything_but_the_labels_is_let_go_of() {
    let mut world = world();
    world.user_mut(&name_of("ada")).is_unlinked = true;
    world.set("ada", "title", "Baroness");
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["ada: Unlinked"]);
    let change = &outcome.plan.users[0];
    assert_eq!((&change.why, change.gives_up()), (&Some(Why::Unlinked), false));
    assert_eq!((outcome.report.users.matched, outcome.report.users.unmatched), (0, 1));
    assert_eq!(ours(&world), FieldSet::all().difference(FieldSet::all_of_spec()));
    let user = world.user(&name_of("ada"));
    assert_eq!(user.values.text(Field::Title), Some("Countess"), "values stay");
    assert_eq!(user.values.text(Field::Extension), Some("200"), "so does the number");
    assert!(user.values.link().is_some(), "and whose it is stays known");
    write_as(
        world.user_mut(&name_of("ada")),
        "somebody",
        false,
        Field::Title,
        Some(Value::text("Queen")),
    );
    for _ in 0..3 {
        assert!(world.sync().plan.is_empty());
    }
}

#[test]
fn nobody_else_is_provisioned_for_an_unlinked_person_who_is_renamed() {
    let mut world = world();
    world.user_mut(&name_of("ada")).is_unlinked = true;
    world.sync();
    world.set("ada", "sAMAccountName", "lovelace");
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["lovelace: Unlinked"]);
    assert!(outcome.plan.is_empty());
}

#[test]
fn linked_again_everything_follows_the_directory_whoever_changed_it_meanwhile() {
    let mut world = world();
    world.user_mut(&name_of("ada")).is_unlinked = true;
    world.sync();
    write_as(
        world.user_mut(&name_of("ada")),
        "web-page",
        false,
        Field::Title,
        Some(Value::text("Queen")),
    );
    world.user_mut(&name_of("ada")).is_unlinked = false;
    let outcome = world.sync();
    assert_eq!(outcome.report.users.matched, 1);
    assert_eq!(world.text("ada", Field::Title), Some("Countess"));
    assert_eq!(world.text("ada", Field::Extension), Some("200"));
    assert_eq!(ours(&world).intersection(FieldSet::all_of_spec()).len() as usize, {
        let values = &world.user(&name_of("ada")).values;
        Field::ALL.iter().filter(|field| values.get(**field).is_some()).count() - 3
    });
}

#[test]
fn an_unlinked_user_whose_account_died_is_inactive_and_one_whose_account_left_is_let_go_of() {
    let mut world = world();
    world.user_mut(&name_of("ada")).is_unlinked = true;
    world.disable("ada");
    let outcome = world.sync();
    assert_eq!((outcome.report.users.inactive, outcome.report.users.unmatched), (1, 0));
    let mut world = self::world();
    world.user_mut(&name_of("ada")).is_unlinked = true;
    world.leave("ada");
    let outcome = world.sync();
    assert_eq!(outcome.report.users.gone, 0, "it is not linked");
    assert!(ours(&world).intersection(FieldSet::all_of_spec()).is_empty());
}

#[test]
fn whoever_is_excluded_is_let_go_of_and_comes_back() {
    let mut world = world();
    let spec = "extensions: [{name: all, ruleRef: {name: low}}]";
    world.respec("{everyone: {}}", &format!("{spec}, exclude: [{{name: x, login: ada}}]"));
    let outcome = world.sync();
    assert_eq!((outcome.report.users.excluded, outcome.report.users.in_scope), (1, 0));
    let change = &outcome.plan.users[0];
    assert_eq!((&change.why, change.gives_up()), (&Some(Why::Excluded), true));
    assert!(ours(&world).intersection(FieldSet::all_of_spec()).is_empty());
    assert_eq!(world.text("ada", Field::Title), Some("Countess"));
    world.respec("{everyone: {}}", spec);
    world.set("ada", "title", "Baroness");
    assert_eq!(world.sync().report.users.matched, 1);
    assert_eq!(world.text("ada", Field::Title), Some("Baroness"));
}

#[test]
fn the_unlinked_are_told_apart_from_other_problems() {
    let mut world = world();
    world.user_mut(&name_of("ada")).is_unlinked = true;
    let outcome = world.sync();
    assert_eq!(outcome.report.unmatched.get(&ProblemReason::Unlinked), Some(&1));
    assert!(
        outcome
            .problem("ada", ProblemReason::Unlinked)
            .message
            .contains("spec.link to Linked")
    );
}

#[test]
fn an_unlinked_user_that_a_deleted_scope_left_behind_is_let_go_of_too() {
    let mut world = world();
    world.user_mut(&name_of("ada")).is_unlinked = true;
    world.leave("ada");
    world.scopes[0].validated.name = "another".into();
    world.sync();
    assert!(ours(&world).intersection(FieldSet::all_of_spec()).is_empty());
}

const EXCLUDING: &str = "exclude: [{name: x, filter: (sAMAccountName=person*)}]";

fn served(world: &World) -> usize {
    world.observed.users.values().filter(|user| user.is_held()).count()
}

#[test]
fn an_exclusion_that_suddenly_means_everybody_waits_for_approval() {
    let mut world = company(40, "");
    world.respec("{everyone: {}}", EXCLUDING);
    let outcome = world.sync();
    let batch = held(&outcome).unwrap().clone();
    assert_eq!((served(&world), batch.count), (40, 40));
    assert_eq!(batch.sample[0], "person0: LetGo (Excluded)");
    assert!(outcome.plan.is_empty(), "they are served as they are");
    world.later(SignedDuration::from_mins(10));
    assert_eq!(held(&world.sync()), Some(&batch), "and it does not change by itself");
    world.scopes[0].approval = Some(batch.digest);
    world.sync();
    assert_eq!(served(&world), 0);
    let outcome = world.sync();
    assert_eq!((held(&outcome), outcome.plan.is_empty()), (None, true));
}

#[test]
fn a_few_who_are_excluded_are_let_go_of_within_the_limit_that_those_who_leave_have_too() {
    let mut world = company(40, "");
    world.respec(
        "{everyone: {}}",
        "exclude: [{name: x, login: person0}, {name: y, login: person1}]",
    );
    assert_eq!((held(&world.sync()), served(&world)), (None, 38));
    disable(&mut world, 10..13);
    let outcome = world.sync();
    assert_eq!(held(&outcome).map(|held| held.count), Some(3), "two of four are spent");
}

#[test]
fn a_domain_controller_that_is_behind_excludes_nobody() {
    let mut world = company(8, "");
    world.respec("{everyone: {}}", "exclude: [{name: x, login: person0}]");
    world.is_behind = true;
    world.sync();
    assert_eq!(served(&world), 8);
    world.is_behind = false;
    world.sync();
    assert_eq!(served(&world), 7);
}

#[test]
fn whoever_is_excluded_rings_on_until_they_may_be_let_go_of() {
    let team = "CN=team,DC=example,DC=com";
    let spec = format!(
        "extensions: [{{name: all, ruleRef: {{name: low}}}}], departments: [{{name: all, group: {{dn: '{team}'}}}}]"
    );
    let mut world = World::new(&spec).rule(sequential("low", "200", "299"));
    let logins: Vec<String> = (0..8).map(login).collect();
    for login in &logins {
        world = world.person(login, &[]);
    }
    let members: Vec<&str> = logins.iter().map(String::as_str).collect();
    let mut world = world.group("team", &members);
    world.sync();
    world.sync();
    let before = world.observed.ring_groups.clone();
    assert_eq!(before.len(), 1);
    world.respec("{everyone: {}}", &format!("{spec}, {EXCLUDING}"));
    let outcome = world.sync();
    assert_eq!(held(&outcome).map(|held| held.count), Some(8));
    assert!(outcome.plan.is_empty(), "{:?}", outcome.plan);
}
