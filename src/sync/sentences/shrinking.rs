//! Who leaves a ring group, and who does not.

use jiff::SignedDuration;

use super::{
    cluster::write_as,
    ring_groups::{NUMBERED, group_dn, world},
    world::{STAFF, World, guid, name_of},
};
use crate::{
    directory::{Alive, Dn, Sighting},
    sync::{field::Field, fixture::sequential, observed::ObservedUser, value::Value},
};

/// Six people, all in the group `all`, which is a department. Their numbers are 2000 to 2005.
fn six() -> World {
    let mut world = world(&format!(r#"{{name: all, group: {{dn: "{}"}}}}"#, group_dn("all")));
    for login in SIX {
        world = world.person(login, &[]);
    }
    let mut world = world.group("other", &SIX).group("all", &SIX);
    world.sync();
    assert_eq!(world.members("all"), ["2000", "2001", "2002", "2003", "2004", "2005"]);
    world
}

const SIX: [&str; 6] = ["ada", "bob", "cem", "dan", "eve", "fay"];

fn user<'w>(world: &'w mut World, login: &str) -> &'w mut ObservedUser {
    world.user_mut(&name_of(login))
}

#[test]
fn who_leaves_a_group_leaves_its_ring_group() {
    let mut world = six();
    world.members_of_group("all", &SIX[1..]);
    let outcome = world.sync();
    assert_eq!(world.members("all"), ["2001", "2002", "2003", "2004", "2005"]);
    assert!(outcome.ledger.held.is_empty());
}

#[test]
fn who_is_moved_out_of_a_unit_leaves_its_ring_group() {
    let lab = "OU=Lab,OU=Staff,DC=example,DC=com";
    let mut world = world(&format!(r#"{{name: lab, organizationalUnit: {{dn: "{lab}"}}}}"#))
        .unit(lab)
        .person_in(lab, "ada", &[])
        .person_in(lab, "bob", &[])
        .person_in(lab, "cem", &[]);
    world.sync();
    World::rename(&mut world.users, &format!("CN=ada,{lab}"), &format!("CN=ada,{STAFF}"));
    world.sync();
    assert_eq!(world.members(lab), ["2001", "2002"]);
    // Renamed with everybody in it, it is the same unit.
    let renamed = "OU=Shed,OU=Staff,DC=example,DC=com";
    World::rename(&mut world.units, lab, renamed);
    for login in ["bob", "cem"] {
        World::rename(
            &mut world.users,
            &format!("CN={login},{lab}"),
            &format!("CN={login},{renamed}"),
        );
    }
    world.sync();
    assert_eq!(world.members(lab), ["2001", "2002"]);
}

#[test]
fn who_is_disabled_leaves_and_comes_back_with_the_same_number() {
    let mut world = six();
    world.disable("ada");
    world.sync();
    assert_eq!(world.user(&name_of("ada")).values.enabled(), Some(false));
    assert_eq!(world.members("all"), ["2001", "2002", "2003", "2004", "2005"]);
    world.set("ada", "userAccountControl", "512");
    world.sync();
    assert_eq!(world.members("all"), ["2000", "2001", "2002", "2003", "2004", "2005"]);
}

#[test]
fn who_is_excluded_leaves() {
    let mut world = six();
    let departments = format!(r#"departments: [{{name: all, group: {{dn: "{}"}}}}]"#, group_dn("all"));
    let exclude = "exclude: [{name: ada, login: ada}]";
    world.respec("{everyone: {}}", &format!("{NUMBERED}, {exclude}, {departments}"));
    world.sync();
    assert_eq!(world.members("all"), ["2001", "2002", "2003", "2004", "2005"]);
    assert_eq!(
        world.user(&name_of("ada")).values.enabled(),
        Some(true),
        "let go of, not removed"
    );
}

#[test]
fn whom_people_unlinked_rings_on_until_they_leave_the_group() {
    let mut world = six();
    user(&mut world, "ada").is_unlinked = true;
    world.sync();
    assert_eq!(world.members("all").len(), 6, "nothing is taken away by an unlink");
    world.members_of_group("all", &SIX[1..]);
    world.sync();
    assert_eq!(world.members("all"), ["2001", "2002", "2003", "2004", "2005"]);
}

#[test]
fn who_is_still_in_the_group_for_all_that_their_own_account_says_stays() {
    let mut world = six();
    // The service account lost the right to read the members.
    world.members_of_group("all", &SIX[1..]);
    let alive = Alive {
        dn: Dn::parse(&format!("CN=ada,{STAFF}")).unwrap(),
        groups: vec![guid("all")],
    };
    world.sightings.insert(guid("ada"), Sighting::Alive(Box::new(alive)));
    for _ in 0..3 {
        world.sync();
        world.later(SignedDuration::from_hours(1));
    }
    assert_eq!(world.members("all").len(), 6);
}

#[test]
fn who_gives_no_answer_stays_while_their_phone_works() {
    let mut world = six();
    // Kept in service, whatever becomes of the account.
    let departments = format!(r#"departments: [{{name: all, group: {{dn: "{}"}}}}]"#, group_dn("all"));
    let removal = "removal: {whenDeleted: Keep, whenOutOfScope: Keep}";
    world.respec("{everyone: {}}", &format!("{NUMBERED}, {removal}, {departments}"));
    world.leave("ada");
    world.members_of_group("all", &SIX[1..]);
    for _ in 0..3 {
        world.sync();
        world.later(SignedDuration::from_hours(1));
    }
    assert_eq!(world.members("all").len(), 6);
}

#[test]
fn while_the_directory_is_behind_or_an_object_unreadable_nobody_leaves_and_who_joins_comes_in() {
    for spoil in [
        (|world: &mut World| world.is_behind = true) as fn(&mut World),
        |world| user(world, "fay").is_readable = false,
    ] {
        let mut world = six().person("gil", &[]);
        spoil(&mut world);
        let off = Some(Value::Flag(false));
        write_as(user(&mut world, "bob"), "phone-portal", true, Field::Enabled, off);
        world.members_of_group("all", &["bob", "cem", "dan", "eve", "fay", "gil"]);
        world.sync();
        assert_eq!(
            world.members("all"),
            ["2000", "2001", "2002", "2003", "2004", "2005", "2006"]
        );
    }
}

#[test]
fn while_a_group_is_not_found_nobody_leaves() {
    let mut world = six();
    world.groups.clear();
    world.disable("ada");
    world.sync();
    assert_eq!(world.members("all").len(), 6, "in doubt, it stays exactly as it is");
}

#[test]
fn a_ring_group_never_becomes_empty_by_itself() {
    let mut world = six();
    world.members_of_group("all", &[]);
    let held = world.sync().ledger.held;
    assert_eq!(world.members("all").len(), 6);
    assert_eq!(held.len(), 1, "{held:?}");
    assert_eq!(held[0].count, 1);
    // Time goes by, and the batch stays as it was: a digest that somebody reads can be approved later.
    world.later(SignedDuration::from_hours(30));
    assert_eq!(world.sync().ledger.held, held);
    world.scopes[0].approval = Some(held[0].digest.clone());
    assert!(world.sync().ledger.held.is_empty());
    assert!(world.members("all").is_empty());
}

#[test]
fn a_ring_group_that_loses_more_than_half_waits_and_lets_joiners_in() {
    let mut world = six().person("gil", &[]);
    world.members_of_group("all", &["ada", "bob", "gil"]);
    let held = world.sync().ledger.held;
    assert_eq!(held.len(), 1, "{held:?}");
    assert_eq!(world.members("all").len(), 7);
    // Those who are back are left alone when it is approved.
    world.members_of_group("all", &["ada", "bob", "cem", "gil"]);
    world.scopes[0].approval = Some(held[0].digest.clone());
    world.sync();
    assert_eq!(world.members("all"), ["2000", "2001", "2002", "2006"]);
}

#[test]
fn who_is_replaced_in_a_ring_group_of_one_goes() {
    let mut world = world(&format!(r#"{{name: all, group: {{dn: "{}"}}}}"#, group_dn("all")))
        .person("ada", &[])
        .person("bob", &[])
        .group("other", &["ada", "bob"])
        .group("all", &["ada"]);
    world.sync();
    world.members_of_group("all", &["bob"]);
    assert!(world.sync().ledger.held.is_empty());
    assert_eq!(world.members("all"), ["2001"]);
}

#[test]
fn who_is_in_the_primary_group_or_in_a_group_in_it_stays() {
    let mut world = six();
    world = world.group("inner", &["ada"]);
    let inner = group_dn("inner").into_bytes();
    world.members_of_group("all", &SIX[1..]);
    let all = world
        .groups
        .iter_mut()
        .find(|group| group.guid() == Some(guid("all")))
        .unwrap();
    all.attributes.last_mut().unwrap().1.push(inner);
    world.sync();
    assert_eq!(world.members("all").len(), 6);
}

#[test]
fn people_of_another_scope_leave_a_ring_group_too() {
    let lab = "OU=Lab,DC=example,DC=com";
    let mut world = World::with_users(
        &format!(r#"{{organizationalUnits: [{{dn: "{STAFF}"}}]}}"#),
        &format!(
            r#"{NUMBERED}, departments: [{{name: all, group: {{dn: "{}"}}}}]"#,
            group_dn("all")
        ),
    )
    .rule(sequential("hq-numbers", "2000", "2099"))
    .unit(lab)
    .scope(
        "lab",
        &format!(r#"{{organizationalUnits: [{{dn: "{lab}"}}]}}"#),
        NUMBERED,
    )
    .person("ada", &[])
    .person("bob", &[])
    .person_in(lab, "cem", &[])
    .group("other", &["cem"])
    .group("all", &["ada", "bob", "cem"]);
    world.sync();
    world.sync_scope(1);
    world.sync();
    assert_eq!(world.members("all"), ["2000", "2001", "2002"]);
    world.members_of_group("all", &["ada", "bob"]);
    world.sync();
    assert_eq!(world.members("all"), ["2000", "2001"]);
}

#[test]
fn who_approved_that_a_ring_group_shrinks_did_not_approve_that_it_shrinks_further() {
    for (left, members) in [(0, 6), (1, 6), (2, 2)] {
        let mut world = six();
        world.members_of_group("all", &SIX[4..]);
        let digest = world.sync().ledger.held[0].digest.clone();
        world.later(SignedDuration::from_mins(10));
        world.members_of_group("all", &SIX[6 - left..]);
        for _ in 0..3 {
            world.sync();
            world.later(SignedDuration::from_mins(10));
        }
        world.scopes[0].approval = Some(digest);
        world.sync();
        assert_eq!(world.members("all").len(), members, "{left} left");
    }
}
