//! Links that people take back, and give to others.

use super::{
    cluster::write_as,
    world::{World, guid, name_of},
};
use crate::{
    api::sync_scope::ProblemReason,
    directory::Guid,
    sync::{
        field::Field,
        fixture::sequential,
        observed::ObservedUser,
        value::{Link, Value},
    },
};

const NUMBERED: &str = "extensions: [{name: all, ruleRef: {name: low}}]";

fn world() -> World {
    World::new(NUMBERED).rule(sequential("low", "200", "299"))
}

/// What `kubectl edit` does to `spec.directory.objectGUID`.
fn give_to(user: &mut ObservedUser, account: Guid) {
    let link = user.values.link().unwrap().clone();
    let link = Value::Link(Box::new(Link { guid: account, ..link }));
    write_as(user, "kubectl-edit", false, Field::Directory, Some(link));
    user.is_unlinked = false;
}

#[test]
fn nothing_is_written_to_whom_people_unlinked_whatever_becomes_of_the_account() {
    for happens in [
        (|world: &mut World| world.disable("ada")) as fn(&mut World),
        |world| world.delete("ada"),
        |world| world.respec("{groups: [{dn: 'CN=empty,DC=example,DC=com'}]}", NUMBERED),
        |world| {
            world.respec(
                "{everyone: {}}",
                &format!("{NUMBERED}, exclude: [{{name: ada, login: ada}}]"),
            );
        },
    ] {
        let mut world = world().person("ada", &[]).person("bob", &[]).group("empty", &["bob"]);
        world.sees_tombstones = true;
        world.sync();
        world.user_mut(&name_of("ada")).is_unlinked = true;
        world.sync();
        let before = world.user(&name_of("ada")).clone();
        happens(&mut world);
        world.sync();
        let after = world.user(&name_of("ada"));
        assert_eq!((&after.version, &after.values), (&before.version, &before.values));
        let extension = &world.observed.extensions["hq-200"];
        assert_eq!(
            extension.holder.as_ref().unwrap().name,
            name_of("ada"),
            "the number stays theirs"
        );
    }
}

#[test]
fn a_wrong_match_that_is_given_to_the_right_person_makes_room_for_the_first() {
    let mut world = world()
        .person("ada", &[])
        .person("bob", &[])
        .hand_made("reception", &[(Field::Login, "ada")]);
    // Bob is out of the scope until somebody notices.
    let excluded = format!("{NUMBERED}, exclude: [{{name: bob, login: bob}}]");
    world.respec("{everyone: {}}", &excluded);
    world.sync();
    assert_eq!(world.user("reception").values.link().unwrap().guid, guid("ada"));
    world.user_mut("reception").is_unlinked = true;
    let outcome = world.sync();
    assert_eq!(
        outcome.problem("ada", ProblemReason::Unlinked).other.as_deref(),
        Some("reception")
    );

    world.respec("{everyone: {}}", NUMBERED);
    give_to(world.user_mut("reception"), guid("bob"));
    let outcome = world.sync();
    assert!(outcome.told().is_empty(), "{:?}", outcome.told());
    let reception = world.user("reception");
    assert_eq!(reception.values.text(Field::Login), Some("bob"));
    assert_eq!(
        reception.values.text(Field::Extension),
        Some("200"),
        "the phone on that desk"
    );
    assert_eq!(world.text("ada", Field::Login), Some("ada"));
    assert_eq!(world.text("ada", Field::Extension), Some("201"));
    assert_eq!(world.observed.users.len(), 2);
}

#[test]
fn a_user_that_the_operator_made_for_another_can_be_given_away_too() {
    let mut world = world().person("ada", &[]);
    world.sync();
    let mut world = world.person("bob", &[]);
    give_to(world.user_mut(&name_of("ada")), guid("bob"));
    let outcome = world.sync();
    assert!(outcome.told().is_empty(), "{:?}", outcome.told());
    assert_eq!(world.text("ada", Field::Login), Some("bob"));
    let beside = format!("{}-2", name_of("ada"));
    assert_eq!(world.user(&beside).values.text(Field::Login), Some("ada"));
    assert_eq!(world.user(&beside).values.link().unwrap().guid, guid("ada"));
    assert_eq!(world.observed.users.len(), 2);
}

#[test]
fn of_two_users_with_one_account_the_one_that_the_operator_serves_stays() {
    let mut world = world().person("ada", &[]).person("bob", &[]);
    world.sync();
    give_to(world.user_mut(&name_of("ada")), guid("bob"));
    let outcome = world.sync();
    // Bob has his own already; Ada gets one beside, and what was hers waits for people.
    assert_eq!(world.text("bob", Field::Login), Some("bob"));
    assert_eq!(world.text("bob", Field::Extension), Some("201"));
    assert_eq!(outcome.report.users.matched, 2);
    let beside = format!("{}-2", name_of("ada"));
    assert_eq!(world.user(&beside).values.link().unwrap().guid, guid("ada"));
}

#[test]
fn a_field_that_is_switched_off_and_on_again_is_overwritten_and_the_plan_shows_it() {
    let ignored = format!("{NUMBERED}, map: {{title: {{policy: Ignore}}}}");
    let mut world = world().person("ada", &[("title", "Countess")]);
    world.sync();
    world.respec("{everyone: {}}", &ignored);
    world.sync();
    let title = Some(Value::text("Boss"));
    write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-edit",
        false,
        Field::Title,
        title,
    );
    assert!(world.sync().plan.is_empty());
    world.respec("{everyone: {}}", &format!("{NUMBERED}, mode: Plan"));
    let change = &world.plan().plan.users[0].changes[0];
    assert_eq!(
        (change.field, &change.before, &change.after),
        (Field::Title, &Some(Value::text("Boss")), &Some(Value::text("Countess")))
    );
    world.respec("{everyone: {}}", NUMBERED);
    world.sync();
    assert_eq!(world.text("ada", Field::Title), Some("Countess"));
}
