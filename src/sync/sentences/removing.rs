//! Those who leave: what is written to them, what becomes of their number, and who is never removed.

use jiff::{SignedDuration, Timestamp};

use super::{
    cluster::write_as,
    world::{World, name_of},
};
use crate::{
    api::{
        extension::ExtensionState,
        phone_user::{AbsenceReason, Origin},
    },
    sync::{
        field::{Field, FieldSet},
        fixture::{NOW, sequential, time},
        lingering::Lingers,
        value::{Absence, Value},
    },
};

const NUMBERED: &str = "extensions: [{name: all, ruleRef: {name: low}}]";

fn world(removal: &str) -> World {
    let mut world = World::new(&format!("{NUMBERED}, removal: {removal}"))
        .rule(sequential("low", "200", "299"))
        .person("ada", &[("title", "Countess")])
        .person("bob", &[])
        .person("carl", &[]);
    world.sync();
    world
}

fn enabled(world: &World, login: &str) -> Option<bool> {
    world.user(&name_of(login)).values.enabled()
}

fn absence(world: &World, login: &str) -> Option<(AbsenceReason, Timestamp)> {
    let link = world.user(&name_of(login)).values.link().unwrap();
    link.absence.map(|Absence { reason, since }| (reason, since))
}

fn state(world: &World, number: &str) -> Option<ExtensionState> {
    world.observed.extensions[&*format!("hq-{number}")].state
}

#[test]
fn who_is_disabled_is_switched_off_and_back_on_with_the_same_number() {
    let mut world = world("{}");
    world.disable("ada");
    let outcome = world.sync();
    assert_eq!(enabled(&world, "ada"), Some(false));
    assert_eq!(absence(&world, "ada"), Some((AbsenceReason::Disabled, time(NOW))));
    assert_eq!(world.text("ada", Field::Extension), Some("200"));
    assert_eq!(state(&world, "200"), Some(ExtensionState::Assigned));
    assert_eq!((outcome.report.users.disabled, outcome.report.users.lingering), (1, 0));
    world.later(SignedDuration::from_hours(1));
    assert!(world.sync().plan.is_empty(), "converged is silent");
    world.set("ada", "userAccountControl", "512");
    world.sync();
    assert_eq!((enabled(&world, "ada"), absence(&world, "ada")), (Some(true), None));
    assert_eq!(world.text("ada", Field::Extension), Some("200"));
}

#[test]
fn switching_off_is_forced_whoever_holds_the_field() {
    for (manager, applies) in [("kubectl-edit", false), ("some-controller", false), ("argocd", true)] {
        let mut world = world("{}");
        let user = world.user_mut(&name_of("ada"));
        write_as(user, manager, applies, Field::Enabled, Some(Value::Flag(true)));
        world.disable("ada");
        let outcome = world.sync();
        assert!(outcome.plan.users[0].apply.as_ref().unwrap().force, "{manager}");
        assert_eq!(enabled(&world, "ada"), Some(false), "{manager}");
        assert!(outcome.told().is_empty());
    }
}

#[test]
fn keep_keeps_service_says_why_and_counts_it() {
    let mut world = world("{whenDisabled: Keep}");
    world.disable("ada");
    let outcome = world.sync();
    assert_eq!(enabled(&world, "ada"), Some(true));
    assert_eq!(absence(&world, "ada"), Some((AbsenceReason::Disabled, time(NOW))));
    assert_eq!(outcome.report.users.lingering, 1);
    assert_eq!(outcome.report.lingering.get(&Lingers::Kept), Some(&1));
}

#[test]
fn the_protected_keep_service() {
    for policy in ["Disable", "Delete"] {
        let mut world = world(&format!("{{whenDisabled: {policy}}}"));
        world.user_mut(&name_of("ada")).is_protected = true;
        world.disable("ada");
        let outcome = world.sync();
        assert_eq!(enabled(&world, "ada"), Some(true));
        assert_eq!(outcome.report.lingering.get(&Lingers::Protected), Some(&1));
        assert!(outcome.ledger.held.is_empty());
    }
}

#[test]
fn whom_the_operator_made_is_deleted_and_the_number_rests() {
    let mut world = world("{whenDisabled: Delete}");
    world.disable("ada");
    let version = world.user(&name_of("ada")).version.clone();
    let outcome = world.sync();
    assert_eq!(outcome.plan.deletions.len(), 1);
    assert_eq!(
        outcome.plan.deletions[0].version, version,
        "what was decided on, and nothing newer"
    );
    assert_eq!((outcome.report.users.inactive, outcome.report.users.matched), (1, 2));
    assert_eq!(world.observed.users.len(), 2);
    let extension = &world.observed.extensions["hq-200"];
    assert_eq!(extension.state, Some(ExtensionState::Cooling));
    assert_eq!(extension.holder.as_ref().unwrap().name, name_of("ada"));
    assert_eq!(
        extension.release_after,
        Some(time(NOW) + SignedDuration::from_hours(720))
    );
    world.later(SignedDuration::from_hours(2));
    world.set("ada", "userAccountControl", "512");
    world.sync();
    assert_eq!(
        world.text("ada", Field::Extension),
        Some("200"),
        "back before it is released"
    );
}

#[test]
fn whom_people_made_is_let_go_of_and_never_deleted() {
    let mut world = World::new(&format!("{NUMBERED}, removal: {{whenDisabled: Delete}}"))
        .rule(sequential("low", "200", "299"))
        .hand_made("ada-by-hand", &[(Field::Login, "ada"), (Field::Title, "Boss")])
        .person("ada", &[("title", "Countess")]);
    world.sync();
    assert_eq!(world.user("ada-by-hand").values.link().unwrap().origin, Origin::Adopted);
    world.disable("ada");
    let outcome = world.sync();
    let user = world.user("ada-by-hand");
    assert!(outcome.plan.deletions.is_empty());
    assert!(user.ownership.ours.intersection(FieldSet::all_of_spec()).is_empty());
    assert_eq!(
        (user.values.enabled(), user.values.text(Field::Extension)),
        (Some(true), Some("200"))
    );
    world.later(SignedDuration::from_hours(1));
    assert!(world.sync().plan.is_empty());
    world.set("ada", "userAccountControl", "512");
    world.set("ada", "title", "Baroness");
    world.sync();
    assert_eq!(
        world.user("ada-by-hand").values.text(Field::Title),
        Some("Baroness"),
        "and comes back"
    );
}

#[test]
fn an_object_of_ours_that_cannot_be_read_stops_all_removals() {
    let mut world = world("{}");
    world.user_mut(&name_of("bob")).is_readable = false;
    world.disable("ada");
    let outcome = world.sync();
    assert_eq!(enabled(&world, "ada"), Some(true));
    assert!(outcome.ledger.budget.is_empty());
    world.user_mut(&name_of("bob")).is_readable = true;
    world.sync();
    assert_eq!(enabled(&world, "ada"), Some(false));
}

#[test]
fn a_controller_that_is_behind_takes_nobody_away_and_brings_nobody_back() {
    let mut world = world("{}");
    world.disable("ada");
    world.sync();
    world.is_behind = true;
    world.set("ada", "userAccountControl", "512");
    world.disable("bob");
    world.sync();
    assert_eq!(
        (enabled(&world, "ada"), enabled(&world, "bob")),
        (Some(false), Some(true))
    );
    world.is_behind = false;
    world.sync();
    assert_eq!(
        (enabled(&world, "ada"), enabled(&world, "bob")),
        (Some(true), Some(false))
    );
}

#[test]
fn a_number_left_behind_between_a_deletion_and_its_freeing_is_freed() {
    let mut world = world("{whenDisabled: Delete}");
    world.disable("ada");
    let mut plan = world.plan().plan;
    plan.frees.clear();
    super::cluster::apply(&mut world.observed, &plan);
    assert_eq!(state(&world, "200"), Some(ExtensionState::Assigned));
    world.sync();
    assert_eq!(state(&world, "200"), Some(ExtensionState::Cooling));
}

#[test]
fn a_number_whose_holder_nobody_knows_is_freed_only_by_whom_it_is_of() {
    for (scope, expected) in [
        (Some("staff"), ExtensionState::Cooling),
        (Some("deleted-long-ago"), ExtensionState::Cooling),
        (Some("other"), ExtensionState::Assigned),
        (None, ExtensionState::Assigned),
    ] {
        let mut world = world("{}").scope("other", "{everyone: {}}", "");
        world.observed.users.remove(&*name_of("ada"));
        world.leave("ada");
        world.observed.extensions.get_mut("hq-200").unwrap().scope = scope.map(Into::into);
        world.sync();
        assert_eq!(state(&world, "200"), Some(expected), "{scope:?}");
        let protected = &mut self::world("{}");
        protected.observed.users.remove(&*name_of("ada"));
        protected.leave("ada");
        protected.observed.extensions.get_mut("hq-200").unwrap().is_protected = true;
        protected.sync();
        assert_eq!(state(protected, "200"), Some(ExtensionState::Assigned));
    }
}
