//! Several scopes of one phone system.

use super::world::{World, name_of};
use crate::{api::sync_scope::ProblemReason, sync::field::Field};

/// Two scopes, both of everyone.
fn two() -> World {
    World::new("").scope("second", "{everyone: {}}", "").person("ada", &[])
}

fn provider(world: &World, login: &str) -> String {
    world.user(&name_of(login)).values.link().unwrap().scope.to_string()
}

#[test]
fn of_two_scopes_that_select_somebody_the_oldest_takes_them() {
    let mut world = two();
    let outcome = world.sync_scope(1);
    assert_eq!(outcome.told(), ["ada: ClaimedByOtherScope"]);
    assert_eq!(
        outcome
            .problem("ada", ProblemReason::ClaimedByOtherScope)
            .other
            .as_deref(),
        Some("staff")
    );
    assert_eq!(outcome.report.users.unmatched, 1);
    assert!(world.observed.users.is_empty());
    world.sync_scope(0);
    assert_eq!(provider(&world, "ada"), "staff");
}

#[test]
fn of_two_scopes_of_one_age_the_name_decides() {
    let mut world = two();
    world.scopes[1].validated.created = world.scopes[0].validated.created;
    assert!(world.plan_of(0).plan.is_empty(), "second comes before staff");
    world.sync_scope(1);
    assert_eq!(provider(&world, "ada"), "second");
}

#[test]
fn a_person_belongs_to_their_scope_until_they_leave_it() {
    let mut world = World::with_users("{everyone: {}}", "exclude: [{name: x, login: ada}]")
        .scope("second", "{everyone: {}}", "")
        .person("ada", &[("title", "Countess")]);
    world.sync_scope(1);
    assert_eq!(provider(&world, "ada"), "second");
    world.respec("{everyone: {}}", "");
    assert_eq!(
        world.sync_scope(0).told(),
        ["ada: ClaimedByOtherScope"],
        "the older one selects them now, too"
    );
    world.sync_scope(1);
    assert_eq!(provider(&world, "ada"), "second");
}

#[test]
fn who_leaves_a_scope_is_taken_with_user_and_number_by_the_next() {
    let rule = "extensions: [{name: all, ruleRef: {name: low}}]";
    let mut world = World::new(rule)
        .rule(crate::sync::fixture::sequential("low", "200", "299"))
        .scope("second", "{everyone: {}}", rule)
        .person("ada", &[]);
    world.sync_scope(0);
    world.respec("{everyone: {}}", &format!("{rule}, exclude: [{{name: x, login: ada}}]"));
    let outcome = world.sync_scope(0);
    assert!(outcome.plan.is_empty(), "the other scope takes them as they are");
    let outcome = world.sync_scope(1);
    assert_eq!(outcome.report.users.matched, 1);
    assert_eq!(provider(&world, "ada"), "second");
    assert_eq!(world.text("ada", Field::ScopeLabel), Some("second"));
    assert_eq!(world.text("ada", Field::Extension), Some("200"));
    assert_eq!(world.observed.users.len(), 1);
}

#[test]
fn whom_a_deleted_scope_left_behind_is_found_by_object_guid() {
    let mut world = two();
    world.sync_scope(0);
    world.scopes.remove(0);
    world.sync_scope(0);
    assert_eq!(provider(&world, "ada"), "second");
    assert_eq!(world.observed.users.len(), 1);
}

#[test]
fn a_scope_that_cannot_be_read_keeps_whom_it_has_and_takes_nobody() {
    let mut world = two();
    world.sync_scope(0);
    world.scopes[0].is_readable = false;
    let mut world = world.person("bob", &[]);
    let outcome = world.sync_scope(1);
    assert_eq!(outcome.told(), ["ada: ClaimedByOtherScope"]);
    assert_eq!(
        (provider(&world, "ada"), provider(&world, "bob")),
        ("staff".to_owned(), "second".to_owned())
    );
    world.scopes[0].is_readable = true;
    world.sync_scope(0);
    assert_eq!(provider(&world, "bob"), "second", "a person belongs to their scope");
}

#[test]
fn a_scope_whose_selector_is_in_doubt_keeps_whom_it_has() {
    let group = "CN=phones,DC=example,DC=com";
    let mut world = World::with_users(&format!("{{groups: [{{dn: '{group}'}}]}}"), "")
        .scope("second", "{everyone: {}}", "")
        .group("phones", &["ada"])
        .person("ada", &[]);
    world.sync_scope(0);
    world.groups.clear();
    assert_eq!(world.sync_scope(1).told(), ["ada: ClaimedByOtherScope"]);
}

#[test]
fn a_scope_whose_selector_is_in_doubt_takes_nobody() {
    let users = "{groups: [{dn: 'CN=phones,DC=example,DC=com'}]}";
    let mut world = World::with_users(users, "")
        .scope("second", "{everyone: {}}", "")
        .person("ada", &[]);
    world.sync_scope(1);
    assert_eq!(provider(&world, "ada"), "second");
}

#[test]
fn a_scope_that_writes_nothing_takes_nobody() {
    for spec in ["mode: Plan", "suspend: true"] {
        let mut world = World::new(spec)
            .scope("second", "{everyone: {}}", "")
            .person("ada", &[]);
        world.sync_scope(1);
        assert_eq!(provider(&world, "ada"), "second");
    }
}

#[test]
fn nobody_is_gone_or_out_of_scope_whom_another_scope_sees_or_takes() {
    let unit = "{organizationalUnits: [{dn: 'OU=Staff,DC=example,DC=com'}]}";
    let mut world = World::with_users(unit, "")
        .scope("second", "{everyone: {}}", "")
        .person("ada", &[]);
    world.sync_scope(0);
    World::rename(
        &mut world.users,
        "CN=ada,OU=Staff,DC=example,DC=com",
        "CN=ada,DC=example,DC=com",
    );
    assert_eq!(world.plan_of(0).report.users.out_of_scope, 0);
    world.scopes[1].is_readable = false;
    assert_eq!(world.plan_of(0).report.users.out_of_scope, 1, "nobody takes them now");
    world.leave("ada");
    assert_eq!(world.plan_of(0).report.users.gone, 0, "who can't be read may see them");
    world.scopes[1].is_readable = true;
    assert_eq!(world.plan_of(0).report.users.gone, 1);
}

#[test]
fn a_user_whose_link_was_taken_out_still_belongs_to_the_scope_in_its_label() {
    let mut world = World::with_users("{everyone: {}}", "mode: Plan")
        .scope("second", "{everyone: {}}", "")
        .person("ada", &[]);
    world.sync_scope(1);
    world.respec("{everyone: {}}", "");
    super::cluster::write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-edit",
        false,
        Field::Directory,
        None,
    );
    assert_eq!(world.plan_of(0).told(), ["ada: ClaimedByOtherScope"]);
    world.sync_scope(1);
    assert_eq!(provider(&world, "ada"), "second");
}

/// The directory of the second scope is within reach of another operator alone.
#[test]
fn a_scope_of_another_operator_keeps_whom_it_has_and_hides_nobody_elses_leaving() {
    let mut world = World::with_users("{everyone: {}, filter: '(title=own)'}", "")
        .scope("second", "{everyone: {}, filter: '(title=other)'}", "")
        .person("ada", &[("title", "own")])
        .person("bob", &[("title", "other")]);
    world.sync_scope(0);
    world.sync_scope(1);
    world.sees_tombstones = true;
    world.delete("ada");
    let mut unreadable = world.clone();
    unreadable.blind(1);
    unreadable.sync_scope(0);
    assert_eq!(
        unreadable.user(&name_of("ada")).values.enabled(),
        Some(true),
        "one that can't be read may see her"
    );
    world.leave_to_another_operator(1);
    world.set("bob", "title", "own");
    world.sync_scope(0);
    assert_eq!(world.user(&name_of("ada")).values.enabled(), Some(false));
    assert_eq!(
        provider(&world, "bob"),
        "second",
        "whether he has left it is not for this one to say"
    );
}
