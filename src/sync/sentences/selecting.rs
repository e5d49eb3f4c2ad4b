//! Who is in a scope.

use super::world::{STAFF, World, guid, name_of};
use crate::{
    api::sync_scope::{ProblemReason, UserCounts},
    sync::{field::Field, value::Value},
};

fn people(world: World) -> World {
    world
        .unit("OU=Sales,OU=Staff,DC=example,DC=com")
        .unit("OU=External,OU=Staff,DC=example,DC=com")
        .person("ada", &[("employeeType", "staff")])
        .person_in(
            "OU=Sales,OU=Staff,DC=example,DC=com",
            "bob",
            &[("employeeType", "staff")],
        )
        .person_in(
            "OU=External,OU=Staff,DC=example,DC=com",
            "carl",
            &[("employeeType", "guest")],
        )
        .person_in("DC=example,DC=com", "dora", &[("employeeType", "staff")])
        .group("inner", &["dora"])
        .group("phones", &["ada", "bob"])
        .nest("inner", "phones")
}

impl World {
    fn nest(mut self, inner: &str, outer: &str) -> Self {
        let inner = format!("CN={inner},DC=example,DC=com");
        let outer = self
            .groups
            .iter_mut()
            .find(|group| group.guid() == Some(guid(outer)))
            .unwrap();
        let (_, members) = outer.attributes.iter_mut().find(|(name, _)| name == "member").unwrap();
        members.push(inner.into());
        self
    }
}

/// The logins of those who get a PhoneUser.
fn selected(users: &str, spec: &str) -> Vec<String> {
    let mut world = people(World::with_users(users, spec));
    world.sync();
    let users = world.observed.users.values();
    let mut logins: Vec<_> = users
        .map(|user| user.values.text(Field::Login).unwrap().to_owned())
        .collect();
    logins.sort();
    logins
}

#[test]
fn everyone_is_everybody_below_the_base() {
    assert_eq!(selected("{everyone: {}}", ""), ["ada", "bob", "carl", "dora"]);
}

#[test]
fn an_organizational_unit_selects_people_anywhere_below_it() {
    assert_eq!(
        selected(&format!("{{organizationalUnits: [{{dn: '{STAFF}'}}]}}"), ""),
        ["ada", "bob", "carl"]
    );
}

#[test]
fn a_group_selects_people_of_nested_groups_unless_it_says_otherwise() {
    let group = |nested: &str| format!("{{groups: [{{dn: 'CN=phones,DC=example,DC=com'{nested}}}]}}");
    assert_eq!(selected(&group(""), ""), ["ada", "bob", "dora"]);
    assert_eq!(selected(&group(", nested: false"), ""), ["ada", "bob"]);
}

#[test]
fn a_person_in_several_selectors_is_one_person() {
    let users = format!(
        "{{organizationalUnits: [{{dn: '{STAFF}'}}, {{dn: 'ou=sales,{STAFF}'}}], groups: [{{dn: 'CN=phones,DC=example,DC=com'}}]}}"
    );
    assert_eq!(selected(&users, ""), ["ada", "bob", "carl", "dora"]);
    let world = people(World::with_users(&users, ""));
    assert_eq!(world.plan().report.users.found, 4);
}

#[test]
fn the_filter_holds_for_all_of_units_and_groups() {
    let users = format!("{{organizationalUnits: [{{dn: '{STAFF}'}}], filter: (employeeType=STAFF)}}");
    assert_eq!(selected(&users, ""), ["ada", "bob"]);
}

#[test]
fn exclusions_win_over_all_of_users() {
    for exclusion in [
        "organizationalUnit: {dn: 'OU=External,OU=Staff,DC=example,DC=com'}",
        "filter: (employeeType=guest)",
        "login: CARL",
    ] {
        let spec = format!("exclude: [{{name: x, {exclusion}}}]");
        assert_eq!(selected("{everyone: {}}", &spec), ["ada", "bob", "dora"], "{exclusion}");
    }
    let spec = "exclude: [{name: x, group: {dn: 'CN=phones,DC=example,DC=com'}}]";
    assert_eq!(selected("{everyone: {}}", spec), ["carl"]);
}

#[test]
fn dead_accounts_are_never_provisioned() {
    let mut world = people(World::new(""));
    world.disable("ada");
    world.set("bob", "accountExpires", "133000000000000000");
    let outcome = world.sync();
    let UserCounts {
        found,
        inactive,
        in_scope,
        matched,
        unmatched,
        disabled,
        ..
    } = outcome.report.users;
    assert_eq!(
        (found, inactive, in_scope, matched, unmatched, disabled),
        (4, 2, 2, 2, 0, 0)
    );
    assert_eq!(world.observed.users.len(), 2);
    assert!(outcome.told().is_empty());
}

#[test]
fn who_is_disabled_in_the_directory_is_switched_off_and_follows_it_nevertheless() {
    let mut world = people(World::new(""));
    world.sync();
    world.disable("ada");
    world.set("ada", "title", "Countess");
    let outcome = world.sync();
    let counts = outcome.report.users;
    assert_eq!((counts.matched, counts.disabled, counts.inactive), (4, 1, 0));
    assert_eq!(world.user(&name_of("ada")).values.enabled(), Some(false));
    assert_eq!(world.text("ada", Field::Title), Some("Countess"));
}

#[test]
fn who_is_enabled_again_gets_the_phone_back() {
    let mut world = people(World::new(""));
    world.sync();
    super::cluster::write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-edit",
        false,
        Field::Enabled,
        Some(Value::Flag(false)),
    );
    world.sync();
    assert_eq!(world.user(&name_of("ada")).values.enabled(), Some(true));
}

#[test]
fn counts_add_up() {
    let mut world = people(World::new(
        "exclude: [{name: x, login: carl}], match: {require: [email]}",
    ));
    world.set("ada", "mail", "ada@example.com");
    world.disable("bob");
    let counts = world.sync().report.users;
    assert_eq!(
        (counts.found, counts.excluded, counts.inactive, counts.in_scope),
        (4, 1, 1, 2)
    );
    assert_eq!((counts.matched, counts.unmatched), (1, 1));
    assert_eq!(counts.found, counts.excluded + counts.inactive + counts.in_scope);
    assert_eq!(counts.in_scope, counts.matched + counts.unmatched);
}

#[test]
fn who_left_the_scope_is_counted_and_who_may_have_is_left_alone() {
    let users = format!("{{organizationalUnits: [{{dn: '{STAFF}'}}]}}");
    let mut world = people(World::with_users(&users, ""));
    world.sync();
    let before = world.observed.users.len();
    World::rename(
        &mut world.users,
        "CN=ada,OU=Staff,DC=example,DC=com",
        "CN=ada,DC=example,DC=com",
    );
    world.leave("bob");
    let outcome = world.sync();
    let counts = outcome.report.users;
    assert_eq!((counts.found, counts.out_of_scope, counts.gone), (1, 1, 1));
    assert_eq!(world.observed.users.len(), before);
    assert_eq!(
        world.user(&name_of("ada")).values.enabled(),
        Some(false),
        "she is outside for all to see"
    );
    assert_eq!(
        world.user(&name_of("bob")).values.enabled(),
        Some(true),
        "he only gives no answer"
    );
}

#[test]
fn an_account_without_object_guid_or_login_is_an_invalid_record_and_costs_only_itself() {
    let mut world = people(World::new(""));
    world.set("ada", "objectGUID", "");
    let nameless = world
        .users
        .iter_mut()
        .find(|entry| entry.guid() == Some(guid("bob")))
        .unwrap();
    nameless.attributes.retain(|(name, _)| name != "sAMAccountName");
    let outcome = world.sync();
    assert_eq!(outcome.report.unmatched.get(&ProblemReason::InvalidRecord), Some(&2));
    assert_eq!(outcome.report.users.matched, 2);
    outcome.problem("ada", ProblemReason::InvalidRecord);
    outcome.problem(
        "CN=bob,OU=Sales,OU=Staff,DC=example,DC=com",
        ProblemReason::InvalidRecord,
    );
}

#[test]
fn somebody_linked_whose_login_is_hidden_stays_as_they_are() {
    let mut world = people(World::new(""));
    world.sync();
    world.set("ada", "title", "Countess");
    world.set("ada", "sAMAccountName", "");
    let outcome = world.sync();
    assert_eq!(outcome.report.users.matched, 4);
    assert_eq!(world.text("ada", Field::Title), None);
}
