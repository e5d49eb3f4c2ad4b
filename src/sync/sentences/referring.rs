//! Entries of the directory that a spec names: followed through renames, and in doubt when they are lost.

use super::world::{STAFF, World, guid, name_of};
use crate::{
    api::sync_scope::ProblemReason,
    sync::{
        field::Field,
        fixture::sequential,
        references::{Lost, Unresolved},
    },
};

const PHONES: &str = "CN=phones,DC=example,DC=com";
const RENAMED: &str = "CN=telephones,DC=example,DC=com";

fn unresolved(dn: &str) -> Vec<Unresolved> {
    vec![Unresolved {
        dn: dn.to_owned(),
        why: Lost::Missing,
    }]
}

fn world() -> World {
    let users = format!("{{groups: [{{dn: '{PHONES}'}}]}}");
    World::with_users(&users, "")
        .person("ada", &[])
        .person("bob", &[])
        .group("phones", &["ada"])
}

#[test]
fn a_renamed_group_is_followed_by_its_object_guid() {
    let mut world = world();
    world.sync();
    World::rename(&mut world.groups, PHONES, RENAMED);
    world.set("ada", "title", "Countess");
    let outcome = world.sync();
    assert_eq!(outcome.report.users.matched, 1);
    assert!(outcome.report.unresolved.is_empty());
    assert_eq!(outcome.references[0].dn, PHONES, "it stays known by what the spec says");
    assert_eq!(outcome.references[0].object_guid, Some(guid("phones").to_string()));
    assert_eq!(world.text("ada", Field::Title), Some("Countess"));
}

#[test]
fn a_moved_unit_is_followed_with_everybody_in_it() {
    let users = format!("{{organizationalUnits: [{{dn: '{STAFF}'}}]}}");
    let mut world = World::with_users(&users, "").person("ada", &[]);
    world.sync();
    World::rename(&mut world.units, STAFF, "OU=People,DC=example,DC=com");
    World::rename(
        &mut world.users,
        "CN=ada,OU=Staff,DC=example,DC=com",
        "CN=ada,OU=People,DC=example,DC=com",
    );
    let outcome = world.sync();
    assert_eq!(
        (outcome.report.users.matched, outcome.report.users.out_of_scope),
        (1, 0)
    );
    assert_eq!(
        world.text("ada", Field::OrganizationalUnit),
        Some("OU=People,DC=example,DC=com")
    );
}

#[test]
fn a_name_never_found_is_reported_and_selects_nobody() {
    let mut world = world();
    world.groups.clear();
    let outcome = world.sync();
    assert_eq!(outcome.report.unresolved, unresolved(PHONES));
    assert_eq!(outcome.report.users.found, 0);
    assert_eq!(outcome.references[0].object_guid, None);
}

#[test]
fn people_selected_by_a_lost_group_stay_as_they_are() {
    let mut world = world();
    world.sync();
    world.groups.clear();
    world.set("ada", "title", "Countess");
    let outcome = world.sync();
    assert_eq!(outcome.report.unresolved, unresolved(PHONES));
    let counts = outcome.report.users;
    assert_eq!(
        (counts.found, counts.matched, counts.out_of_scope, counts.gone),
        (1, 1, 0, 0)
    );
    assert!(outcome.plan.is_empty(), "neither gone nor brought up to date");
    assert_eq!(
        outcome.references[0].object_guid,
        Some(guid("phones").to_string()),
        "never forgotten on doubt"
    );
}

#[test]
fn who_is_selected_by_something_else_is_served_while_a_group_is_lost() {
    let users = format!("{{groups: [{{dn: '{PHONES}'}}], organizationalUnits: [{{dn: '{STAFF}'}}]}}");
    let mut world = World::with_users(&users, "").person("ada", &[]).person("bob", &[]);
    let outcome = world.sync();
    assert_eq!(outcome.report.users.matched, 2);
    assert_eq!(outcome.report.unresolved, unresolved(PHONES));
}

#[test]
fn an_entry_with_the_name_and_another_object_guid_is_doubt() {
    let mut world = world();
    world.sync();
    world.groups.clear();
    let mut world = world.group("phones2", &["bob"]);
    World::rename(&mut world.groups, "CN=phones2,DC=example,DC=com", PHONES);
    let outcome = world.sync();
    assert_eq!(outcome.report.unresolved[0].why, Lost::Replaced);
    assert!(outcome.report.unresolved[0].to_string().contains("put it back"));
    assert_eq!(outcome.report.users.matched, 1);
    assert!(
        outcome.plan.is_empty(),
        "bob is in a group of that name, which is not the one"
    );
    assert_eq!(outcome.references[0].object_guid, Some(guid("phones").to_string()));
}

#[test]
fn an_entry_that_replaced_the_only_one_is_accepted_without_anybody_leaving() {
    let mut world = world();
    world.sync();
    world.groups.clear();
    let mut world = world.group("phones2", &["ada", "bob"]);
    World::rename(&mut world.groups, "CN=phones2,DC=example,DC=com", PHONES);
    world.sync();
    assert_eq!(world.observed.users.len(), 1, "in doubt");
    // What the message says: another name in its place for one sync.
    world.respec("{groups: [{dn: 'CN=nobody,DC=example,DC=com'}]}", "");
    let counts = world.sync().report.users;
    assert_eq!((counts.matched, counts.out_of_scope), (1, 0));
    world.respec(&format!("{{groups: [{{dn: '{PHONES}'}}]}}"), "");
    let outcome = world.sync();
    assert_eq!(outcome.report.users.matched, 2);
    assert!(outcome.report.unresolved.is_empty());
}

#[test]
fn a_name_that_is_written_for_a_unit_and_for_a_group_is_told_and_followed_as_what_it_is() {
    let users = format!("{{organizationalUnits: [{{dn: '{PHONES}'}}], groups: [{{dn: '{PHONES}'}}]}}");
    let mut world = World::with_users(&users, "")
        .person("ada", &[])
        .group("phones", &["ada"]);
    let outcome = world.sync();
    assert_eq!(outcome.report.unresolved, unresolved(PHONES));
    assert_eq!(outcome.report.users.matched, 1);
    World::rename(&mut world.groups, PHONES, RENAMED);
    world.set("ada", "title", "Countess");
    world.sync();
    assert_eq!(world.text("ada", Field::Title), Some("Countess"));
}

#[test]
fn a_problem_says_of_a_replaced_entry_that_it_was_replaced() {
    let spec = format!("exclude: [{{name: x, group: {{dn: '{PHONES}'}}}}]");
    let mut world = World::new(&spec).group("phones", &[]);
    world.sync();
    world.groups.clear();
    let mut world = world.group("phones2", &[]).person("bob", &[]);
    World::rename(&mut world.groups, "CN=phones2,DC=example,DC=com", PHONES);
    let outcome = world.sync();
    let message = &outcome.problem("bob", ProblemReason::NoTargetUser).message;
    assert!(
        message.ends_with(&format!("another entry has the name {PHONES} now")),
        "{message}"
    );
}

#[test]
fn references_that_the_spec_drops_are_forgotten() {
    let mut world = world();
    world.sync();
    world.respec("{everyone: {}}", "");
    assert!(world.sync().references.is_empty());
}

#[test]
fn an_exclude_group_that_was_renamed_still_excludes() {
    let spec = format!("exclude: [{{name: x, group: {{dn: '{PHONES}'}}}}]");
    let mut world = World::new(&spec)
        .person("ada", &[])
        .person("bob", &[])
        .group("phones", &["ada"]);
    world.sync();
    World::rename(&mut world.groups, PHONES, RENAMED);
    let outcome = world.sync();
    assert_eq!((outcome.report.users.excluded, outcome.report.users.matched), (1, 1));
}

#[test]
fn an_exclude_in_doubt_stops_creations_and_nothing_else() {
    let spec = format!("exclude: [{{name: x, group: {{dn: '{PHONES}'}}}}]");
    let mut world = World::new(&spec).person("ada", &[]).group("phones", &[]);
    world.sync();
    world.groups.clear();
    let mut world = world.person("bob", &[]).hand_made("desk", &[(Field::Login, "bob")]);
    world.set("ada", "title", "Countess");
    let outcome = world.sync();
    let problem = outcome.problem("bob", ProblemReason::NoTargetUser);
    assert_eq!(problem.other.as_deref(), Some(PHONES));
    assert_eq!((outcome.report.users.matched, outcome.report.users.unmatched), (1, 1));
    assert_eq!(world.text("ada", Field::Title), Some("Countess"));
    assert!(world.user("desk").values.link().is_none());
}

#[test]
fn a_rule_in_doubt_leaves_numbers_as_they_are_and_newcomers_wait() {
    let when = format!("when: {{group: {{dn: '{PHONES}'}}}}");
    let spec =
        format!("extensions: [{{name: a, ruleRef: {{name: low}}, {when}}}, {{name: b, ruleRef: {{name: high}}}}]");
    let mut world = World::new(&spec)
        .rule(sequential("low", "200", "299"))
        .rule(sequential("high", "800", "899"))
        .group("phones", &["ada"])
        .person("ada", &[])
        .person("bob", &[]);
    world.sync();
    assert_eq!(
        (world.text("ada", Field::Extension), world.text("bob", Field::Extension)),
        (Some("200"), Some("800"))
    );
    world.groups.clear();
    world.set("ada", "title", "Countess");
    let mut world = world.person("carl", &[]);
    let outcome = world.sync();
    assert_eq!(
        (world.text("ada", Field::Extension), world.text("bob", Field::Extension)),
        (Some("200"), Some("800"))
    );
    assert_eq!(world.text("ada", Field::Title), Some("Countess"), "the rest goes on");
    assert!(
        outcome
            .problem("carl", ProblemReason::NumberMissing)
            .message
            .contains(PHONES)
    );
    assert!(!world.observed.users.contains_key(&*name_of("carl")));
}

#[test]
fn an_entry_before_the_one_in_doubt_decides() {
    let when = format!("when: {{group: {{dn: '{PHONES}'}}}}");
    let spec =
        format!("extensions: [{{name: b, ruleRef: {{name: high}}}}, {{name: a, ruleRef: {{name: low}}, {when}}}]");
    let mut world = World::new(&spec)
        .rule(sequential("high", "800", "899"))
        .person("ada", &[]);
    world.sync();
    assert_eq!(world.text("ada", Field::Extension), Some("800"));
}

#[test]
fn a_filter_on_what_was_not_read_is_doubt() {
    let mut world = World::new("").person("ada", &[]).person("bob", &[]);
    world.disable("bob");
    world.sync();
    let older = world.snapshot();
    for spec in [
        ("{everyone: {}, filter: (employeeType=staff)}", ""),
        ("{everyone: {}}", "exclude: [{name: x, filter: (employeeType=guest)}]"),
        (
            "{everyone: {}}",
            "extensions: [{name: x, ruleRef: {name: r}, when: {filter: (l=Berlin)}}]",
        ),
    ] {
        let mut world = world.clone();
        world.respec(spec.0, spec.1);
        let outcome = world.plan_with(&older);
        assert!(outcome.plan.is_empty(), "{spec:?} {:?}", outcome.plan);
        assert_eq!(outcome.report.users.matched, 1);
    }
}

#[test]
fn an_object_guid_that_is_hidden_now_is_not_forgotten() {
    let mut world = world();
    world.sync();
    world.groups[0].attributes.retain(|(name, _)| name != "objectGUID");
    let outcome = world.sync();
    assert_eq!(outcome.report.users.matched, 1);
    assert_eq!(outcome.references[0].object_guid, Some(guid("phones").to_string()));
}

#[test]
fn whoever_is_disabled_is_switched_off_though_it_is_in_doubt_whether_they_are_selected() {
    let exclude = "exclude: [{name: quiet, group: {dn: 'CN=quiet,DC=example,DC=com'}}]";
    for (spec, is_on) in [("", false), (exclude, true)] {
        let users = format!("{{groups: [{{dn: '{PHONES}'}}]}}");
        let mut world = World::with_users(&users, spec)
            .person("ada", &[])
            .person("bob", &[])
            .group("quiet", &[])
            .group("phones", &["ada", "bob"]);
        world.sync();
        world.groups.clear();
        world.disable("ada");
        let outcome = world.sync();
        let enabled = |login| world.user(&name_of(login)).values.enabled();
        assert_eq!(
            (enabled("ada"), enabled("bob")),
            (Some(is_on), Some(true)),
            "who may be excluded stays as they are: {spec}"
        );
        let users = &outcome.report.users;
        assert_eq!((users.found, users.matched, users.disabled), (2, 2, 1));
        assert_eq!(users.lingering, i64::from(is_on));
    }
    // Whose removal waits, waits; that is no doubt.
    let mut world = world();
    world.respec(
        &format!("{{groups: [{{dn: '{PHONES}'}}]}}"),
        "removal: {limit: {count: 0}}",
    );
    world.sync();
    world.groups.clear();
    world.disable("ada");
    let outcome = world.sync();
    assert_eq!(outcome.ledger.held[0].sample, ["ada: Disable"]);
    assert_eq!(
        outcome.report.lingering.get(&crate::sync::lingering::Lingers::Held),
        Some(&1)
    );
}
