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

/// The same six in a scope with this `removal`, and with an account that may see tombstones.
fn six_with(removal: &str) -> World {
    let mut world = six();
    let departments = format!(r#"departments: [{{name: all, group: {{dn: "{}"}}}}]"#, group_dn("all"));
    let removal = format!("removal: {{{removal}, limit: {{percent: 100}}}}");
    world.respec("{everyone: {}}", &format!("{NUMBERED}, {removal}, {departments}"));
    world.sees_tombstones = true;
    world.directory.percent = 100;
    world.sync();
    world
}

/// Whoever is deleted here is deleted at once, or so many days after they were switched off.
const DELETING: [(&str, i64); 2] = [("whenDeleted: Delete", 0), ("deleteAfter: 720h", 31)];

fn delete(world: &mut World, logins: &[&str], days: i64) {
    for login in logins {
        world.delete(login);
    }
    let left: Vec<_> = SIX.into_iter().filter(|login| !logins.contains(login)).collect();
    world.members_of_group("other", &left);
    world.members_of_group("all", &left);
    world.sync();
    world.later(SignedDuration::from_hours(24) * i32::try_from(days).unwrap());
}

#[test]
fn a_ring_group_never_becomes_empty_by_itself_though_its_people_are_deleted() {
    for (removal, days) in DELETING {
        let mut world = six_with(removal).person("gil", &[]);
        delete(&mut world, &SIX, days);
        let held = world.sync().ledger.held;
        assert_eq!(world.observed.users.len(), 1, "{removal}");
        assert_eq!(world.members("all").len(), 6, "{removal}");
        assert_eq!(held.len(), 1, "{held:?}");
        assert_eq!(held[0].sample, ["all: Empty"]);
        // However long it waits, nobody gets a number that would ring there.
        world.later(SignedDuration::from_hours(40 * 24));
        let mut world = world.person("hal", &[]);
        assert_eq!(world.sync().ledger.held, held);
        assert_eq!(world.members("all").len(), 6, "{removal}");
        assert_eq!(world.text("hal", Field::Extension), Some("2007"));
        world.scopes[0].approval = Some(held[0].digest.clone());
        assert!(world.sync().ledger.held.is_empty());
        assert!(world.members("all").is_empty(), "{removal}");
        let mut world = world.person("ida", &[]);
        world.sync();
        assert_eq!(world.text("ida", Field::Extension), Some("2000"));
        assert!(world.members("all").is_empty(), "{removal}");
    }
}

#[test]
fn a_ring_group_of_which_more_than_half_are_deleted_waits() {
    for (removal, days) in DELETING {
        let mut world = six_with(removal);
        delete(&mut world, &SIX[2..], days);
        let held = world.sync().ledger.held;
        assert_eq!(
            (world.observed.users.len(), world.members("all").len()),
            (2, 6),
            "{removal}"
        );
        assert_eq!(held[0].sample, ["all: Shrink"]);
        world.scopes[0].approval = Some(held[0].digest.clone());
        assert!(world.sync().ledger.held.is_empty());
        assert_eq!(world.members("all"), ["2000", "2001"]);
    }
}

#[test]
fn a_ring_group_of_which_all_phone_users_were_deleted_by_hand_waits() {
    let mut world = six_with("whenDeleted: Delete");
    for login in SIX {
        world.observed.users.remove(&*name_of(login));
    }
    delete(&mut world, &SIX, 1);
    let held = world.sync().ledger.held;
    assert_eq!(
        (held[0].sample[0].as_str(), world.members("all").len()),
        ("all: Empty", 6)
    );
}

#[test]
fn few_who_are_deleted_leave_their_ring_group_and_count_as_lost() {
    for (removal, days) in DELETING {
        let mut world = six_with(removal);
        delete(&mut world, &SIX[4..], days);
        world.sync();
        assert_eq!(world.members("all"), ["2000", "2001", "2002", "2003"], "{removal}");
        assert_eq!(world.observed.users.len(), 4);
        if days == 0 {
            world.members_of_group("all", &SIX[..2]);
            assert_eq!(world.sync().ledger.held[0].sample, ["all: Shrink"]);
            assert_eq!(world.members("all").len(), 4, "four of six within the window");
        }
    }
}

#[test]
fn a_number_that_waits_in_a_ring_group_is_nobody_else_s() {
    let desk = "source: Attribute, attribute: {name: telephoneNumber, normalize: Digits, pattern: '^1555(\\d{4})$', number: '$1'}";
    for (removal, others) in [
        ("whenDeleted: Delete", 0),
        ("whenDisabled: Disable", 0),
        ("whenDeleted: Delete", 2),
    ] {
        let departments = format!(r#"departments: [{{name: all, group: {{dn: "{}"}}}}]"#, group_dn("all"));
        let spec =
            format!("extensions: [{{name: all, ruleRef: {{name: desk}}}}], removal: {{{removal}}}, {departments}");
        let mut world = World::new(&spec)
            .rule(crate::sync::fixture::rule("desk", desk))
            .person("ada", &[("telephoneNumber", "+1 555 4001")])
            .person("bob", &[("telephoneNumber", "+1 555 4002")])
            .person("cem", &[("telephoneNumber", "+1 555 4003")])
            .person("dan", &[("telephoneNumber", "+1 555 4004")])
            .group("all", &["ada", "cem", "dan"][..=others]);
        world.sees_tombstones = true;
        world.sync();
        if removal.contains("Deleted") {
            world.delete("ada");
        } else {
            world.disable("ada");
        }
        world.members_of_group("all", &["cem", "dan"][..others]);
        world.set("bob", "telephoneNumber", "+1 555 4001");
        let outcome = world.sync();
        if others == 0 {
            assert_eq!(world.members("all"), ["4001"], "{removal}");
            assert_eq!(world.text("bob", Field::Extension), Some("4002"), "{removal}");
            assert_eq!(outcome.told(), ["bob: NumberTaken"]);
            world.later(SignedDuration::from_hours(24));
            world.scopes[0].approval = Some(world.sync().ledger.held[0].digest.clone());
            world.sync();
            assert!(world.members("all").is_empty(), "{removal}");
        } else {
            assert_eq!(world.members("all"), ["4003", "4004"]);
        }
        assert_eq!(world.text("bob", Field::Extension), Some("4001"), "{removal}");
    }
}
