//! What is written, and what is left to others.

use super::{
    cluster::{self, write_as},
    world::{World, name_of},
};
use crate::{
    api::sync_scope::ProblemReason,
    sync::{
        Outcome,
        field::Field,
        plan::{Expected, UserChange},
        value::Value,
    },
};

fn world() -> World {
    let mut world = World::new("").person("ada", &[("title", "Countess")]);
    world.sync();
    world
}

fn title(world: &World) -> Option<&str> {
    world.text("ada", Field::Title)
}

fn edited(manager: &str, applies: bool) -> (World, Outcome) {
    let mut world = world();
    write_as(
        world.user_mut(&name_of("ada")),
        manager,
        applies,
        Field::Title,
        Some(Value::text("Queen")),
    );
    let outcome = world.sync();
    (world, outcome)
}

fn only(outcome: &Outcome) -> &UserChange {
    assert_eq!(outcome.plan.users.len(), 1);
    &outcome.plan.users[0]
}

#[test]
fn converged_is_silent() {
    let world = world();
    assert!(world.plan().plan.is_empty());
}

#[test]
fn a_new_user_is_expected_to_be_absent_and_an_old_one_to_be_the_version_that_was_seen() {
    let mut world = World::new("").person("ada", &[]);
    let outcome = world.plan();
    assert_eq!(only(&outcome).expected, Expected::Absent);
    assert!(only(&outcome).links);
    world.sync();
    world.set("ada", "title", "Countess");
    let outcome = world.plan();
    let version = world.user(&name_of("ada")).version.clone();
    assert_eq!(only(&outcome).expected, Expected::Present(version));
    assert!(!only(&outcome).links);
    let changes: Vec<_> = only(&outcome).changes.iter().map(|change| change.field).collect();
    assert_eq!(changes, [Field::Title], "people read what becomes different");
    assert!(
        only(&outcome).apply.as_ref().unwrap().values.len() > 5,
        "what goes out is whole"
    );
}

#[test]
fn an_edit_by_kubectl_or_our_own_command_line_is_drift_and_repaired() {
    for (manager, applies) in [
        ("kubectl-edit", false),
        ("kubectl-patch", false),
        ("kubectl", false),
        ("adsync-cli", false),
        ("adsync-cli", true),
    ] {
        let (world, outcome) = edited(manager, applies);
        assert!(only(&outcome).apply.as_ref().unwrap().force, "{manager}");
        assert_eq!(title(&world), Some("Countess"), "{manager}");
        assert!(outcome.told().is_empty());
    }
}

#[test]
fn a_login_edited_on_the_phone_side_is_repaired() {
    let mut world = world();
    write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-edit",
        false,
        Field::Login,
        Some(Value::text("eve")),
    );
    world.sync();
    assert_eq!(world.text("ada", Field::Login), Some("ada"));
}

#[test]
fn a_field_that_somebody_deleted_comes_back() {
    let mut world = world();
    write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-edit",
        false,
        Field::Title,
        None,
    );
    world.sync();
    assert_eq!(title(&world), Some("Countess"));
}

#[test]
fn what_any_other_manager_holds_is_left_out_and_reported() {
    for (manager, applies) in [
        ("argocd", true),
        ("kubectl", true),
        ("kubectl-client-side-apply", false),
        ("phone-portal", false),
    ] {
        let (mut world, outcome) = edited(manager, applies);
        let problem = outcome.problem("ada", ProblemReason::FieldManagedElsewhere);
        assert_eq!(problem.other.as_deref(), Some(manager));
        assert!(
            problem
                .message
                .starts_with(&format!("other tools hold spec.title (by {manager})"))
        );
        assert_eq!(title(&world), Some("Queen"));
        assert_eq!(outcome.report.users.matched, 1);
        world.set("ada", "company", "Engines");
        world.sync();
        assert_eq!(
            world.text("ada", Field::Company),
            Some("Engines"),
            "the other fields go on"
        );
        assert_eq!(title(&world), Some("Queen"), "two appliers would fight for ever");
    }
}

#[test]
fn a_field_that_another_tool_applies_is_left_to_it_also_when_the_values_are_the_same() {
    let mut world = world();
    write_as(
        world.user_mut(&name_of("ada")),
        "argocd",
        true,
        Field::Title,
        Some(Value::text("Countess")),
    );
    let outcome = world.sync();
    assert!(outcome.told().is_empty(), "it is as it should be");
    assert!(!world.user(&name_of("ada")).ownership.ours.contains(Field::Title));
    assert_eq!(title(&world), Some("Countess"));
}

#[test]
fn one_forced_apply_takes_what_people_edited_and_leaves_out_what_is_foreign() {
    let mut world = world();
    write_as(
        world.user_mut(&name_of("ada")),
        "argocd",
        true,
        Field::Title,
        Some(Value::text("Queen")),
    );
    write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-edit",
        false,
        Field::Login,
        Some(Value::text("eve")),
    );
    let outcome = world.sync();
    let apply = only(&outcome).apply.as_ref().unwrap();
    assert!(apply.force && apply.values.iter().all(|(field, _)| *field != Field::Title));
    assert_eq!(
        (title(&world), world.text("ada", Field::Login)),
        (Some("Queen"), Some("ada"))
    );
}

#[test]
fn linking_takes_the_fields_from_whatever_updated_them_but_not_from_appliers() {
    let mut world = World::new("")
        .person("ada", &[("title", "Countess"), ("company", "Engines")])
        .hand_made("desk", &[(Field::Login, "ada")]);
    let user = world.user_mut("desk");
    write_as(user, "phone-portal", false, Field::Title, Some(Value::text("Queen")));
    write_as(user, "argocd", true, Field::Company, Some(Value::text("Argo")));
    let outcome = world.sync();
    assert!(only(&outcome).apply.as_ref().unwrap().force && only(&outcome).links);
    assert_eq!(world.user("desk").values.text(Field::Title), Some("Countess"));
    assert_eq!(world.user("desk").values.text(Field::Company), Some("Argo"));
    write_as(
        world.user_mut("desk"),
        "phone-portal",
        false,
        Field::Title,
        Some(Value::text("Queen")),
    );
    let outcome = world.sync();
    assert_eq!(world.user("desk").values.text(Field::Title), Some("Queen"), "once");
    outcome.problem("ada", ProblemReason::FieldManagedElsewhere);
}

#[test]
fn a_label_that_somebody_changed_is_repaired() {
    let mut world = world();
    write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-label",
        false,
        Field::ScopeLabel,
        Some(Value::text("other")),
    );
    world.sync();
    assert_eq!(world.text("ada", Field::ScopeLabel), Some("staff"));
}

#[test]
fn a_user_deleted_by_hand_comes_back_with_its_number() {
    let mut world = World::new("extensions: [{name: all, ruleRef: {name: low}}]")
        .rule(crate::sync::fixture::sequential("low", "200", "299"))
        .person("ada", &[])
        .person("bob", &[]);
    world.sync();
    world.observed.users.remove(&*name_of("bob"));
    world.sync();
    assert_eq!(world.text("bob", Field::Extension), Some("201"));
}

#[test]
fn a_change_that_was_refused_is_taken_back_from_the_report() {
    let world = World::new("").person("ada", &[("mail", "ada@example.com")]);
    let mut outcome = world.plan();
    assert_eq!(outcome.report.users.matched, 1);
    let change = outcome.plan.users[0].clone();
    outcome
        .report
        .writes_failed([(&change, "the API server says no")].into_iter());
    assert_eq!((outcome.report.users.matched, outcome.report.users.unmatched), (0, 1));
    let problem = outcome.problem("ada", ProblemReason::WriteFailed);
    assert_eq!(
        (problem.mail.as_deref(), &*problem.message),
        (Some("ada@example.com"), "the API server says no")
    );
}

#[test]
fn the_plan_is_the_same_whatever_was_applied_of_it_already() {
    let full = World::new("extensions: [{name: all, ruleRef: {name: low}}]")
        .rule(crate::sync::fixture::sequential("low", "200", "299"))
        .person("ada", &[])
        .person("bob", &[]);
    let mut whole = full.clone();
    whole.sync();
    // A crash after the claims, and one after the first user.
    for users in 0..=2 {
        let mut crashed = full.clone();
        let mut plan = crashed.plan().plan;
        plan.users.truncate(users);
        cluster::apply(&mut crashed.observed, &plan);
        crashed.sync();
        for login in ["ada", "bob"] {
            assert_eq!(
                crashed.text(login, Field::Extension),
                whole.text(login, Field::Extension)
            );
        }
    }
}

#[test]
fn a_link_that_another_tool_applies_does_not_count_as_new_every_time() {
    let mut world = world();
    let link = world.user(&name_of("ada")).values.get(Field::Directory);
    write_as(world.user_mut(&name_of("ada")), "argocd", true, Field::Directory, link);
    world.sync();
    write_as(
        world.user_mut(&name_of("ada")),
        "phone-portal",
        false,
        Field::Title,
        Some(Value::text("Queen")),
    );
    let outcome = world.sync();
    outcome.problem("ada", ProblemReason::FieldManagedElsewhere);
    assert_eq!(title(&world), Some("Queen"));
}

#[test]
fn a_value_that_somebody_holds_too_stays_when_the_directory_drops_it() {
    let mut world = world();
    write_as(
        world.user_mut(&name_of("ada")),
        "phone-portal",
        false,
        Field::Title,
        Some(Value::text("Countess")),
    );
    world.set("ada", "title", "");
    let outcome = world.sync();
    assert!(only(&outcome).changes.is_empty(), "nothing becomes different");
    assert_eq!(title(&world), Some("Countess"));
    assert!(!world.user(&name_of("ada")).ownership.ours.contains(Field::Title));
}
