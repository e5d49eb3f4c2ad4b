//! Groups that a filter names: entries of the spec like all others, and in doubt only for those whose answer depends on them.

use super::world::{STAFF, World, guid, name_of};
use crate::{
    api::sync_scope::ProblemReason,
    sync::{Outcome, field::Field, fixture::sequential, references::Lost, sentences::cluster::write_as, value::Value},
};

const PHONES: &str = "CN=phones,DC=example,DC=com";
const RENAMED: &str = "CN=telephones,DC=example,DC=com";
/// The same for those who work in sales; others are not in it, whoever is in the group.
const SALES: &str = "(&(department=Sales)(memberOf=CN=phones,DC=example,DC=com))";

/// `ada` and `bob` are in sales, `ada` is in the group; `carl` is in neither.
fn world(users: &str, spec: &str) -> World {
    World::with_users(users, spec)
        .rule(sequential("low", "200", "299"))
        .rule(sequential("high", "800", "899"))
        .person("ada", &[("department", "Sales")])
        .person("bob", &[("department", "Sales")])
        .person("carl", &[])
        .group("phones", &["ada"])
}

fn lost(outcome: &Outcome) -> Vec<&str> {
    outcome.report.unresolved.iter().map(|lost| lost.dn.as_str()).collect()
}

/// The logins of all PhoneUsers.
fn served(world: &World) -> Vec<&str> {
    let users = world.observed.users.values();
    users.map(|user| user.values.text(Field::Login).unwrap()).collect()
}

#[test]
fn a_group_in_any_filter_is_remembered_and_followed_by_its_object_guid() {
    for nested in ["", ":1.2.840.113556.1.4.1941:"] {
        let filter = format!("(memberOf{nested}={PHONES})");
        for (users, spec) in [
            (format!("{{everyone: {{}}, filter: '{filter}'}}"), String::new()),
            (
                "{everyone: {}}".to_owned(),
                format!("exclude: [{{name: x, filter: '{filter}'}}]"),
            ),
            (
                "{everyone: {}}".to_owned(),
                format!("extensions: [{{name: x, ruleRef: {{name: low}}, when: {{filter: '{filter}'}}}}]"),
            ),
        ] {
            let mut world = world(&users, &spec);
            let before = world.sync();
            assert_eq!(before.references[0].dn, PHONES);
            assert_eq!(before.references[0].object_guid, Some(guid("phones").to_string()));
            World::rename(&mut world.groups, PHONES, RENAMED);
            let after = world.sync();
            assert!(after.plan.is_empty(), "{users} {spec}: {:#?}", after.plan);
            assert_eq!(after.references, before.references);
            assert_eq!(after.report, before.report);
        }
    }
}

#[test]
fn an_exclude_filter_whose_group_is_lost_stops_the_creation_of_those_it_may_mean() {
    let mut world = world("{everyone: {}}", &format!("exclude: [{{name: x, filter: '{SALES}'}}]"));
    world.groups.clear();
    let outcome = world.sync();
    assert_eq!(lost(&outcome), [PHONES]);
    assert_eq!(served(&world), ["carl"], "who isn't in sales is not meant");
    let problem = outcome.problem("ada", ProblemReason::NoTargetUser);
    assert_eq!(problem.other.as_deref(), Some(PHONES));
    outcome.problem("bob", ProblemReason::NoTargetUser);
    assert_eq!((outcome.report.users.matched, outcome.report.users.unmatched), (1, 2));
}

#[test]
fn a_users_filter_whose_group_is_lost_keeps_everybody_it_may_mean_as_they_are() {
    let users = format!("{{everyone: {{}}, filter: '(|{SALES}(title=Boss))'}}");
    let mut world = world(&users, "").person("dora", &[("title", "Boss")]);
    world.sync();
    assert_eq!(served(&world), ["ada", "dora"]);
    world.groups.clear();
    for login in ["ada", "dora"] {
        world.set(login, "mail", "new@example.com");
    }
    let outcome = world.sync();
    let counts = outcome.report.users;
    assert_eq!((counts.found, counts.matched, counts.out_of_scope), (2, 2, 0));
    assert_eq!(lost(&outcome), [PHONES]);
    assert_eq!(world.text("ada", Field::Email), None, "as she was");
    assert_eq!(world.text("dora", Field::Email), Some("new@example.com"));
}

#[test]
fn a_negation_of_a_lost_group_is_no_less_in_doubt() {
    let filter = format!("(!(memberOf={PHONES}))");
    let mut world = world(&format!("{{everyone: {{}}, filter: '{filter}'}}"), "");
    world.groups.clear();
    assert_eq!(lost(&world.sync()), [PHONES]);
    assert!(world.observed.users.is_empty());
}

#[test]
fn a_rule_whose_filter_names_a_lost_group_leaves_the_numbers_of_those_it_may_mean() {
    let mut world = world(
        "{everyone: {}}",
        &format!(
            "extensions: [{{name: x, ruleRef: {{name: low}}, when: {{filter: '{SALES}'}}}},
                          {{name: y, ruleRef: {{name: high}}}}]"
        ),
    );
    world.sync();
    let numbers =
        |world: &World| ["ada", "bob", "carl"].map(|login| world.text(login, Field::Extension).unwrap().to_owned());
    let before = numbers(&world);
    assert_eq!(before, ["200", "800", "801"]);
    world.groups.clear();
    let mut world = world.person("eve", &[("department", "Sales")]).person("fred", &[]);
    let outcome = world.sync();
    assert_eq!(numbers(&world), before);
    assert!(
        outcome
            .problem("eve", ProblemReason::NumberMissing)
            .message
            .contains(PHONES)
    );
    assert!(!world.observed.users.contains_key(&*name_of("eve")));
    assert_eq!(world.text("fred", Field::Extension), Some("802"));
}

#[test]
fn another_entry_of_the_name_is_not_the_group_that_a_filter_means() {
    let mut world = world(
        "{everyone: {}}",
        &format!("exclude: [{{name: x, filter: '(memberOf={PHONES})'}}]"),
    );
    world.sync();
    world.groups.clear();
    let mut world = world.group("phones2", &["carl"]);
    World::rename(&mut world.groups, "CN=phones2,DC=example,DC=com", PHONES);
    let outcome = world.sync();
    assert_eq!(outcome.report.unresolved[0].why, Lost::Replaced);
    assert!(outcome.plan.is_empty());
    assert_eq!(outcome.report.users.matched, 2, "carl is not excluded by it");
    outcome.problem("ada", ProblemReason::NoTargetUser);
}

#[test]
fn nobody_comes_into_a_ring_group_of_whom_it_is_in_doubt_whether_they_are_excluded() {
    let numbered = "extensions: [{name: all, ruleRef: {name: low}}]";
    let department = r#"departments: [{name: team, group: {dn: "CN=team,DC=example,DC=com"}}]"#;
    let mut world = world("{everyone: {}}", &format!("{numbered}, {department}")).group("team", &[]);
    world.sync();
    world.groups.clear();
    let mut world = world.group("team", &["ada", "bob", "carl"]);
    world.respec(
        "{everyone: {}}",
        &format!("{numbered}, {department}, exclude: [{{name: x, filter: '{SALES}'}}]"),
    );
    world.sync();
    let ring_group = &world.observed.ring_groups[&*name_of("team")];
    let carl = world.text("carl", Field::Extension).unwrap();
    assert_eq!(
        ring_group.values[&crate::sync::field::RingField::Members],
        Value::List(vec![carl.into()])
    );
}

#[test]
fn who_may_be_excluded_still_makes_a_match_ambiguous() {
    let spec = format!("match: {{by: [Email]}}, exclude: [{{name: x, filter: '{SALES}'}}]");
    let mut world = world("{everyone: {}}", &spec).hand_made("desk", &[(Field::Email, "x@example.com")]);
    world.groups.clear();
    for login in ["ada", "carl"] {
        world.set(login, "mail", "x@example.com");
    }
    let outcome = world.sync();
    outcome.problem("carl", ProblemReason::DuplicateMatch);
    assert!(world.user("desk").values.link().is_none());
}

#[test]
fn whom_an_exclusion_let_go_of_is_not_taken_back_while_it_is_in_doubt() {
    let unit = format!("{{organizationalUnits: [{{dn: '{STAFF}'}}]}}");
    let mut world = world(&unit, "");
    world.sync();
    world.respec(&unit, &format!("exclude: [{{name: x, filter: '(memberOf={PHONES})'}}]"));
    world.sync();
    let titled = Some(Value::text("what people wrote"));
    write_as(world.user_mut(&name_of("ada")), "web-page", false, Field::Title, titled);
    world.set("ada", "title", "Countess");
    world.groups.clear();
    let outcome = world.sync();
    assert_eq!(world.text("ada", Field::Title), Some("what people wrote"));
    outcome.problem("ada", ProblemReason::NoTargetUser);
    assert_eq!((outcome.report.users.matched, outcome.report.users.unmatched), (2, 1));
}

#[test]
fn nobody_is_taken_over_from_another_scope_while_an_exclusion_is_in_doubt() {
    let mut world = world(
        "{everyone: {}}",
        &format!("exclude: [{{name: x, filter: '(memberOf={PHONES})'}}]"),
    )
    .scope("second", "{everyone: {}}", "");
    world.sync();
    world.sync_scope(1);
    world.groups.clear();
    world.scopes.remove(1);
    let outcome = world.sync();
    outcome.problem("ada", ProblemReason::NoTargetUser);
    let link = world.user(&name_of("ada")).values.link().unwrap().clone();
    assert_eq!(&*link.scope, "second");
}
