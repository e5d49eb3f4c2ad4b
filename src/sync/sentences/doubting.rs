//! What can't be told for certain changes nobody's values, number or ring groups.

use super::{
    cluster::write_as,
    world::{STAFF, World, guid, name_of},
};
use crate::{
    api::{extension::ExtensionState, sync_scope::ProblemReason},
    sync::{
        field::{Field, RingField},
        fixture::sequential,
        value::Value,
    },
};

const NUMBERED: &str = "extensions: [{name: all, ruleRef: {name: low}}]";

fn world(spec: &str) -> World {
    World::new(&format!("{NUMBERED}, {spec}"))
        .rule(sequential("low", "200", "299"))
        .person("ada", &[])
        .person("bob", &[])
}

fn members<'a>(world: &'a World, group: &str) -> Vec<&'a str> {
    match &world.observed.ring_groups[&*name_of(group)].values[&RingField::Members] {
        Value::List(members) => members.iter().map(|member| &**member).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_hides_whether_they_are_disabled_is_neither_created_nor_switched_on() {
    let mut world = world(r#"departments: [{name: team, group: {dn: "CN=team,DC=example,DC=com"}}]"#);
    world.sync();
    let off = Some(Value::Flag(false));
    write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-edit",
        false,
        Field::Enabled,
        off,
    );
    let mut world = world.person("carl", &[]).group("team", &["ada", "bob", "carl"]);
    for login in ["ada", "bob", "carl"] {
        world.set(login, "userAccountControl", "");
        world.set(login, "title", "Boss");
    }
    let outcome = world.sync();
    assert_eq!(
        outcome.told(),
        ["ada", "bob", "carl"].map(|login| format!("{login}: InvalidRecord"))
    );
    assert_eq!((outcome.report.users.matched, outcome.report.users.unmatched), (2, 1));
    assert_eq!(world.user(&name_of("ada")).values.enabled(), Some(false));
    assert_eq!(world.text("bob", Field::Title), None);
    assert!(members(&world, "team").is_empty());
}

#[test]
fn nobody_is_created_beside_a_phone_user_that_may_be_theirs_and_cannot_be_read() {
    for adopt in ["Matching", "Never"] {
        let mut world = world(&format!("match: {{by: [Email], adopt: {adopt}}}"))
            .hand_made("desk", &[(Field::Login, "ada"), (Field::Email, "ada@example.com")]);
        let desk = world.user_mut("desk");
        desk.is_readable = false;
        desk.ownership.ours.insert(Field::Title);
        world.set("ada", "mail", "ada@example.com");
        let outcome = world.sync();
        let problem = outcome.problem("ada", ProblemReason::WriteFailed);
        assert_eq!(problem.other.as_deref(), Some("desk"));
        assert_eq!(outcome.report.users.matched, 1);
        assert!(!world.observed.users.contains_key(&*name_of("ada")));
    }
}

#[test]
fn who_holds_an_extension_of_an_unknown_state_gets_no_other_number() {
    let mut world = world("");
    world.sync();
    let number = world.text("ada", Field::Extension).unwrap().to_owned();
    let extension = world.observed.extensions.get_mut(&*format!("hq-{number}")).unwrap();
    (extension.state, extension.is_readable) = (None, false);
    let as_it_was = world.clone();
    // Their object says so, says nothing, or has another number from a claim that was cut short.
    world.sync();
    assert_eq!(world.text("ada", Field::Extension), Some(&*number));

    let mut world = as_it_was.clone();
    write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-edit",
        false,
        Field::Extension,
        None,
    );
    let outcome = world.sync();
    outcome.problem("ada", ProblemReason::NumberTaken);
    assert_eq!(world.text("ada", Field::Extension), None);
    assert_eq!(world.observed.extensions.len(), 2);

    let mut world = as_it_was;
    let second = world.observed.extensions[&*format!("hq-{number}")].clone();
    let mut second = second;
    second.number = Some("299".parse().unwrap());
    (second.state, second.is_readable) = (Some(ExtensionState::Assigned), true);
    world.observed.extensions.insert("hq-299".into(), second);
    world.sync();
    assert_eq!(world.text("ada", Field::Extension), Some(&*number));
}

#[test]
fn a_phone_user_whose_link_somebody_took_out_goes_on_ringing() {
    let department = r#"departments: [{name: team, group: {dn: "CN=team,DC=example,DC=com"}}]"#;
    let mut world = World::with_users("{organizationalUnits: [{dn: 'OU=None,DC=example,DC=com'}]}", department)
        .unit("OU=None,DC=example,DC=com")
        .scope("second", "{everyone: {}}", NUMBERED)
        .rule(sequential("low", "200", "299"))
        .person("ada", &[])
        .group("team", &["ada"]);
    world.sync_scope(1);
    world.sync();
    assert_eq!(members(&world, "team"), ["200"]);
    write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-edit",
        false,
        Field::Directory,
        None,
    );
    world.sync();
    assert_eq!(members(&world, "team"), ["200"], "until its scope has linked it again");
}

#[test]
fn whom_another_scope_s_account_does_not_see_where_it_should_is_not_taken_over() {
    let mut world = World::new("").scope("second", "{everyone: {}}", "").person("ada", &[]);
    world.sync();
    world.scopes[0].hidden = vec!["ada"];
    assert_eq!(world.sync_scope(1).told(), ["ada: ClaimedByOtherScope"]);
    // Outside of what the other one reads, they have visibly left it.
    World::rename(
        &mut world.users,
        &format!("CN=ada,{STAFF}"),
        "CN=ada,OU=New,DC=example,DC=com",
    );
    world.scopes[0].base = STAFF;
    assert_eq!(world.sync_scope(1).told(), [""; 0]);
    assert_eq!(&*world.user(&name_of("ada")).values.link().unwrap().scope, "second");
}

#[test]
fn a_group_made_anew_under_a_name_in_doubt_is_no_department_of_a_later_entry() {
    let spec = r#"departments: [{name: team, group: {dn: "CN=team,DC=example,DC=com"}, ringGroup: {number: "700"}},
        {name: rest, under: {dn: "DC=example,DC=com"}, ringGroup: {ruleRef: {name: low}}}]"#;
    let mut world = world(spec).group("team", &["ada"]);
    world.sync();
    world.groups.clear();
    let mut world = world.group("team2", &["bob"]).group("others", &["bob"]);
    World::rename(
        &mut world.groups,
        "CN=team2,DC=example,DC=com",
        "CN=team,DC=example,DC=com",
    );
    world.sync();
    let ring_groups: Vec<_> = world.observed.ring_groups.keys().map(|name| &**name).collect();
    assert_eq!(ring_groups, [name_of("others"), name_of("team")], "{}", guid("team2"));
}
