//! Those who leave the scope or the directory: they stay as they are but for what `removal` says, and deadlines only permit.

use jiff::SignedDuration;

use super::world::{STAFF, World, guid, name_of};
use crate::{
    api::{
        extension::ExtensionState,
        phone_user::{AbsenceReason, Origin},
    },
    directory::{Alive, Dn, Sighting},
    sync::{
        field::{Field, FieldSet},
        fixture::sequential,
        lingering::Lingers,
    },
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn world(removal: &str) -> World {
    let users = format!("{{organizationalUnits: [{{dn: '{STAFF}'}}]}}");
    let spec = format!("extensions: [{{name: all, ruleRef: {{name: low}}}}], removal: {removal}");
    let mut world = World::with_users(&users, &spec)
        .rule(sequential("low", "200", "299"))
        .unit("OU=Away,DC=example,DC=com")
        .person("ada", &[("title", "Countess")])
        .person("bob", &[])
        .person("carl", &[]);
    world.sees_tombstones = true;
    world.sync();
    world
}

fn enabled(world: &World, login: &str) -> Option<bool> {
    world.user(&name_of(login)).values.enabled()
}

fn reason(world: &World, login: &str) -> Option<AbsenceReason> {
    let link = world.user(&name_of(login)).values.link().unwrap();
    link.absence.map(|absence| absence.reason)
}

fn go_away(world: &mut World, login: &str) {
    let (from, to) = (
        format!("CN={login},{STAFF}"),
        format!("CN={login},OU=Away,DC=example,DC=com"),
    );
    World::rename(&mut world.users, &from, &to);
}

fn come_back(world: &mut World, login: &str) {
    let (from, to) = (
        format!("CN={login},{STAFF}"),
        format!("CN={login},OU=Away,DC=example,DC=com"),
    );
    World::rename(&mut world.users, &to, &from);
}

#[test]
fn who_leaves_the_scope_is_switched_off_keeps_everything_else_and_comes_back() {
    let mut world = world("{}");
    go_away(&mut world, "ada");
    world.set("ada", "title", "Baroness");
    let outcome = world.sync();
    assert_eq!(
        (enabled(&world, "ada"), reason(&world, "ada")),
        (Some(false), Some(AbsenceReason::OutOfScope))
    );
    assert_eq!(
        world.text("ada", Field::Title),
        Some("Countess"),
        "fields are not followed"
    );
    assert_eq!(world.text("ada", Field::Extension), Some("200"));
    assert_eq!(
        (outcome.report.users.out_of_scope, outcome.report.users.matched),
        (1, 2)
    );
    world.later(DAY);
    assert!(world.sync().plan.is_empty());
    come_back(&mut world, "ada");
    world.sync();
    assert_eq!((enabled(&world, "ada"), reason(&world, "ada")), (Some(true), None));
    assert_eq!(world.text("ada", Field::Title), Some("Baroness"));
}

#[test]
fn each_reason_has_its_policy_and_since_begins_anew() {
    let mut world = world("{whenDisabled: Keep, whenOutOfScope: Keep, whenDeleted: Disable}");
    world.disable("ada");
    world.sync();
    assert_eq!(
        (enabled(&world, "ada"), reason(&world, "ada")),
        (Some(true), Some(AbsenceReason::Disabled))
    );
    let since = |world: &World| {
        world
            .user(&name_of("ada"))
            .values
            .link()
            .unwrap()
            .absence
            .unwrap()
            .since
    };
    let disabled_since = since(&world);
    world.later(DAY);
    go_away(&mut world, "ada");
    world.sync();
    assert_eq!(
        (enabled(&world, "ada"), reason(&world, "ada")),
        (Some(true), Some(AbsenceReason::OutOfScope))
    );
    assert_eq!(since(&world), disabled_since + DAY);
    world.later(DAY);
    world.delete("ada");
    let outcome = world.sync();
    assert_eq!(
        (enabled(&world, "ada"), reason(&world, "ada")),
        (Some(false), Some(AbsenceReason::Deleted))
    );
    assert_eq!((outcome.report.users.gone, outcome.report.users.lingering), (1, 0));
}

#[test]
fn when_deleted_delete_takes_object_and_number() {
    let mut world = world("{whenDeleted: Delete}");
    world.delete("ada");
    let outcome = world.sync();
    assert_eq!(world.observed.users.len(), 2);
    assert_eq!(outcome.report.users.gone, 0);
    assert_eq!(world.observed.extensions["hq-200"].state, Some(ExtensionState::Cooling));
    let entry = &outcome.ledger.budget[0];
    assert_eq!((entry.count, entry.gone), (1, 1));
}

#[test]
fn delete_after_deletes_whom_it_disabled_when_the_time_has_come() {
    let mut world = world("{deleteAfter: 720h}");
    world.delete("ada");
    world.sync();
    assert_eq!(enabled(&world, "ada"), Some(false));
    world.later(DAY * 30 - SignedDuration::from_secs(1));
    assert!(world.sync().plan.is_empty());
    world.later(SignedDuration::from_secs(1));
    let outcome = world.sync();
    assert_eq!(world.observed.users.len(), 2);
    assert_eq!(outcome.plan.deletions.len(), 1);
    assert_eq!(
        outcome.ledger.budget.len(),
        1,
        "that she was disabled is long past, and that she is deleted counts"
    );
}

#[test]
fn a_restored_account_is_served_although_its_deadline_passed_while_nobody_could_look() {
    let mut world = world("{deleteAfter: 720h}");
    world.delete("ada");
    world.sync();
    // Thirty-one days without a read; the account was restored meanwhile.
    world.later(DAY * 31);
    world.deleted.clear();
    let mut world = world.person("ada", &[("title", "Countess")]);
    let outcome = world.sync();
    assert!(outcome.plan.deletions.is_empty());
    assert_eq!((enabled(&world, "ada"), reason(&world, "ada")), (Some(true), None));
    assert_eq!(world.text("ada", Field::Extension), Some("200"));
}

#[test]
fn a_deadline_permits_and_only_fresh_proof_deletes() {
    let mut world = world("{deleteAfter: 720h}");
    world.delete("ada");
    world.sync();
    world.later(DAY * 31);
    // Now it may not see tombstones any more: a hidden account looks the same.
    world.sees_tombstones = false;
    world.step(0);
    assert_eq!(world.observed.users.len(), 3);
    world.later(SignedDuration::from_mins(6));
    world.sync();
    assert_eq!(world.observed.users.len(), 2, "two reads say the same");
}

#[test]
fn who_is_held_is_not_deleted_before_they_are_disabled() {
    let mut world = world("{deleteAfter: 720h, limit: {count: 0}}");
    world.delete("ada");
    world.sync();
    world.later(DAY * 31);
    let outcome = world.sync();
    assert_eq!(outcome.ledger.held[0].sample, ["ada: Disable (Deleted)"]);
    world.scopes[0].approval = Some(outcome.ledger.held[0].digest.clone());
    let outcome = world.sync();
    assert_eq!((enabled(&world, "ada"), world.observed.users.len()), (Some(false), 3));
    assert_eq!(
        outcome.ledger.held[0].sample,
        ["ada: Delete (Deleted)"],
        "that is another question"
    );
}

#[test]
fn whom_people_made_is_let_go_of_when_they_leave() {
    for (removal, waits) in [("{whenDeleted: Delete}", 0), ("{deleteAfter: 24h}", 1)] {
        let mut world = world(removal)
            .hand_made("dora-by-hand", &[(Field::Login, "dora")])
            .person("dora", &[]);
        world.sync();
        assert_eq!(
            world.user("dora-by-hand").values.link().unwrap().origin,
            Origin::Adopted
        );
        world.delete("dora");
        for _ in 0..waits {
            world.sync();
            world.later(DAY);
        }
        let outcome = world.sync();
        let user = world.user("dora-by-hand");
        assert!(
            user.ownership.ours.intersection(FieldSet::all_of_spec()).is_empty(),
            "{removal}"
        );
        assert_eq!(
            outcome.report.users.gone, 0,
            "whom the scope let go of is not its own any more"
        );
        world.later(DAY);
        assert!(world.sync().plan.is_empty());
    }
}

#[test]
fn who_was_excluded_and_then_leaves_is_people_s() {
    let mut world = world("{whenDeleted: Delete}");
    let users = format!("{{organizationalUnits: [{{dn: '{STAFF}'}}]}}");
    world.respec(
        &users,
        "exclude: [{name: x, login: ada}], removal: {whenDeleted: Delete}",
    );
    world.sync();
    world.delete("ada");
    for _ in 0..3 {
        assert!(world.sync().plan.is_empty());
        world.later(DAY);
    }
    assert_eq!(enabled(&world, "ada"), Some(true));
}

#[test]
fn the_protected_and_the_unlinked_are_never_removed_and_linger() {
    let mut world = world("{whenDeleted: Delete}");
    world.user_mut(&name_of("ada")).is_protected = true;
    world.user_mut(&name_of("bob")).is_unlinked = true;
    world.delete("ada");
    world.disable("bob");
    let outcome = world.sync();
    assert!(outcome.plan.deletions.is_empty());
    assert_eq!(
        (enabled(&world, "ada"), enabled(&world, "bob")),
        (Some(true), Some(true))
    );
    assert_eq!(outcome.report.users.lingering, 2);
    assert_eq!(outcome.report.lingering.get(&Lingers::Protected), Some(&1));
    assert_eq!(outcome.report.lingering.get(&Lingers::Unlinked), Some(&1));
    assert_eq!(
        reason(&world, "ada"),
        Some(AbsenceReason::Deleted),
        "what is known is written"
    );
}

#[test]
fn an_absence_that_is_in_doubt_again_changes_nothing() {
    let mut world = world("{limit: {count: 0}}");
    go_away(&mut world, "ada");
    let before = world.sync().ledger;
    world.sightings.insert(
        super::world::guid("ada"),
        crate::directory::Sighting::Unseen { sees_tombstones: true },
    );
    world.later(DAY);
    let outcome = world.sync();
    assert!(outcome.plan.is_empty());
    assert_eq!(outcome.ledger, before, "it is still in its batch");
    world.scopes[0].approval = Some(before.held[0].digest.clone());
    world.sync();
    assert_eq!(enabled(&world, "ada"), Some(true), "and not let through without proof");
}

#[test]
fn who_is_moved_out_of_what_is_read_is_out_of_scope_and_not_gone() {
    for (removal, counted, is_on) in [
        ("{}", (1, 0), Some(Some(false))),
        ("{whenOutOfScope: Keep}", (1, 0), Some(Some(true))),
        ("{whenOutOfScope: Delete}", (0, 0), None),
    ] {
        let mut world = world(removal);
        world.leave("ada");
        let moved = Alive {
            dn: Dn::parse("CN=ada,DC=other,DC=com").unwrap(),
            groups: Vec::new(),
        };
        world.sightings.insert(guid("ada"), Sighting::Alive(Box::new(moved)));
        let users = world.sync().report.users;
        assert_eq!((users.out_of_scope, users.gone), counted, "{removal}");
        assert_eq!(users.lingering, 0, "{removal}");
        let user = world.observed.users.get(&*name_of("ada"));
        assert_eq!(user.map(|user| user.values.enabled()), is_on, "{removal}");
    }
}
