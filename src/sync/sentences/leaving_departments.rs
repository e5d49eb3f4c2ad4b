//! Which ring groups go, and which do not.

use jiff::SignedDuration;

use super::{
    ring_groups::{DEPARTMENTS, NUMBERED, SECURITY, group_dn, world},
    world::{World, guid, name_of},
};
use crate::{
    api::extension::ExtensionState,
    directory::RawEntry,
    sync::{Outcome, field::RingField, fixture::sequential},
};

fn named(name: &str) -> String {
    format!(
        r#"{{name: {name}, group: {{dn: "{}"}}, ringGroup: {{ruleRef: {{name: ring-numbers}}}}}}"#,
        group_dn(name)
    )
}

fn under(exclude: &str) -> String {
    format!(
        r#"{{name: lists, under: {{dn: "{DEPARTMENTS}"}}, exclude: [{exclude}], ringGroup: {{ruleRef: {{name: ring-numbers}}}}}}"#
    )
}

fn respec(world: &mut World, departments: &str) {
    world.respec("{everyone: {}}", &format!("{NUMBERED}, departments: [{departments}]"));
}

/// The departments `sales` (600) and `support` (601), with Ada in both.
fn two() -> World {
    let mut world = world(&format!("{}, {}", named("sales"), named("support")))
        .rule(sequential("ring-numbers", "600", "699"))
        .person("ada", &[])
        .group("sales", &["ada"])
        .group("support", &["ada"]);
    world.sync();
    world
}

/// Each group below [`DEPARTMENTS`]: `news` (600) and `talk` (601).
fn lists() -> World {
    let mut world = world(&under(""))
        .rule(sequential("ring-numbers", "600", "699"))
        .unit(DEPARTMENTS)
        .group_in(DEPARTMENTS, "news", SECURITY, &[])
        .group_in(DEPARTMENTS, "talk", SECURITY, &[]);
    world.sync();
    world
}

fn names(world: &World) -> Vec<&str> {
    world.observed.ring_groups.keys().map(|name| &**name).collect()
}

fn group<'w>(world: &'w mut World, name: &str) -> &'w mut RawEntry {
    world
        .groups
        .iter_mut()
        .find(|group| group.guid() == Some(guid(name)))
        .unwrap()
}

fn later_twice(world: &mut World) -> Outcome {
    world.sync();
    world.later(SignedDuration::from_mins(10));
    world.sync()
}

#[test]
fn a_department_that_the_spec_has_no_more_takes_its_ring_group_and_only_that() {
    let mut world = two();
    let support = world.ring_group("support").clone();
    respec(&mut world, &named("support"));
    let outcome = world.sync();
    assert_eq!(names(&world), [name_of("support")]);
    assert_eq!(world.ring_group("support").version, support.version);
    assert_eq!(outcome.plan.users, []);
    let extension = &world.observed.extensions["hq-600"];
    assert_eq!(extension.state, Some(ExtensionState::Cooling), "its number rests");
    assert_eq!(extension.holder.as_ref().unwrap().name, name_of("sales"));
    // Written again, it is the same ring group with the same number.
    respec(&mut world, &format!("{}, {}", named("sales"), named("support")));
    world.sync();
    assert_eq!(world.ring_text("sales", RingField::Number), Some("600"));
}

#[test]
fn an_entry_with_another_name_keeps_the_ring_group() {
    let mut world = two();
    respec(
        &mut world,
        &format!(
            "{}, {}",
            named("sales").replace("name: sales", "name: vertrieb"),
            named("support")
        ),
    );
    world.sync();
    assert_eq!(world.department("sales"), "vertrieb");
    assert_eq!(world.ring_text("sales", RingField::Number), Some("600"));
}

#[test]
fn an_entry_that_names_another_group_gives_up_the_first() {
    let mut world = two().group("service", &["ada"]);
    let departments = format!(
        "{}, {}",
        named("service").replace("name: service", "name: sales"),
        named("support")
    );
    respec(&mut world, &departments);
    world.sync();
    assert!(!names(&world).contains(&&*name_of("sales")));
    assert_eq!(world.department("service"), "sales");
}

#[test]
fn a_group_that_was_renamed_or_moved_keeps_its_ring_group_and_number() {
    let mut world = two();
    World::rename(
        &mut world.groups,
        &group_dn("sales"),
        "CN=Vertrieb,OU=Elsewhere,DC=example,DC=com",
    );
    let version = world.ring_group("support").version.clone();
    world.sync();
    assert_eq!(world.ring_text("sales", RingField::Number), Some("600"));
    assert_eq!(world.ring_group("support").version, version);
}

#[test]
fn a_group_that_was_deleted_takes_its_ring_group_once_that_is_proven() {
    for sees_tombstones in [true, false] {
        let mut world = two();
        world.sees_tombstones = sees_tombstones;
        world.groups.retain(|group| group.guid() != Some(guid("sales")));
        world.deleted.insert(guid("sales"));
        world.sync();
        assert_eq!(names(&world).len(), if sees_tombstones { 1 } else { 2 });
        world.later(SignedDuration::from_mins(10));
        world.sync();
        assert_eq!(names(&world), [name_of("support")]);
    }
}

#[test]
fn a_group_that_is_hidden_keeps_its_ring_group() {
    // Its members still say that they are in it, or whoever asks would see a tombstone.
    for sees_tombstones in [true, false] {
        let mut world = two();
        world.sees_tombstones = sees_tombstones;
        let hidden = world.groups.remove(0);
        world.hidden_groups.push(hidden);
        later_twice(&mut world);
        assert_eq!(names(&world).len(), 2);
    }
}

#[test]
fn a_group_that_leaves_under_or_is_put_on_its_exclude_takes_its_ring_group() {
    let mut world = lists();
    World::rename(
        &mut world.groups,
        &format!("CN=news,{DEPARTMENTS}"),
        "CN=news,DC=example,DC=com",
    );
    world.sync();
    assert_eq!(names(&world), [name_of("talk")]);

    let mut world = lists();
    respec(&mut world, &under(&format!(r#"{{dn: "CN=news,{DEPARTMENTS}"}}"#)));
    world.sync();
    assert_eq!(names(&world), [name_of("talk")]);
}

#[test]
fn a_group_whose_kind_is_hidden_keeps_its_ring_group() {
    let security = under("").replace("exclude", "groupTypes: [SecurityGroup], exclude");
    let mut world = lists();
    respec(&mut world, &security);
    world.sync();
    group(&mut world, "news")
        .attributes
        .retain(|(name, _)| name != "groupType");
    world.sync();
    assert_eq!(names(&world).len(), 2);
    group(&mut world, "news")
        .attributes
        .push(("groupType".to_owned(), vec![b"2".to_vec()]));
    world.sync();
    assert_eq!(names(&world), [name_of("talk")]);
}

#[test]
fn a_group_that_is_hidden_below_under_keeps_its_ring_group() {
    let mut world = lists().person("ada", &[]);
    world.members_of_group("news", &["ada"]);
    world.sync();
    let hidden = world.groups.remove(0);
    world.hidden_groups.push(hidden);
    later_twice(&mut world);
    assert_eq!(names(&world).len(), 2);
    // Nor does it, when the entry of the spec has another name meanwhile.
    respec(&mut world, &under("").replace("name: lists", "name: all"));
    later_twice(&mut world);
    assert_eq!(names(&world).len(), 2);
}

#[test]
fn while_an_entry_is_in_doubt_its_ring_groups_stay() {
    let mut world = lists();
    world.units.retain(|unit| unit.dn != DEPARTMENTS);
    World::rename(
        &mut world.groups,
        &format!("CN=news,{DEPARTMENTS}"),
        "CN=news,DC=example,DC=com",
    );
    later_twice(&mut world);
    assert_eq!(names(&world).len(), 2);
}

#[test]
fn a_protected_ring_group_stays_and_a_protected_number_too() {
    let mut world = two();
    world
        .observed
        .ring_groups
        .get_mut(&*name_of("sales"))
        .unwrap()
        .is_protected = true;
    world.observed.extensions.get_mut("hq-601").unwrap().is_protected = true;
    respec(&mut world, "");
    world.sync();
    assert_eq!(names(&world), [name_of("sales")]);
    assert_eq!(
        world.observed.extensions["hq-601"].state,
        Some(ExtensionState::Assigned)
    );
}

#[test]
fn more_ring_groups_than_the_limit_wait_until_they_are_approved() {
    let all: Vec<_> = (0..8).map(|number| format!("team{number}")).collect();
    let departments = all.iter().map(|name| named(name)).collect::<Vec<_>>().join(", ");
    let mut world = world(&departments).rule(sequential("ring-numbers", "600", "699"));
    for name in &all {
        world = world.group(name, &[]);
    }
    world.sync();
    respec(&mut world, "");
    let held = world.sync().ledger.held;
    assert_eq!(names(&world).len(), 8);
    assert_eq!(held[0].count, 8);
    world.later(SignedDuration::from_hours(50));
    assert_eq!(world.sync().ledger.held, held, "it stays as somebody read it");
    world.scopes[0].approval = Some(held[0].digest.clone());
    assert!(world.sync().ledger.held.is_empty());
    assert!(names(&world).is_empty());
}

#[test]
fn a_department_that_moves_to_another_scope_takes_its_ring_group_along() {
    let mut world = two().scope(
        "second",
        "{everyone: {}}",
        &format!("departments: [{}]", named("sales")),
    );
    let before = world.ring_group("sales").version.clone();
    assert_eq!(
        world.sync_scope(1).told(),
        ["ada: ClaimedByOtherScope", "sales: ClaimedByOtherScope"]
    );
    respec(&mut world, &named("support"));
    assert!(world.sync().plan.is_empty(), "the other scope takes it as it is");
    world.sync_scope(1);
    assert_eq!(world.ring_text("sales", RingField::ScopeLabel), Some("second"));
    assert_eq!(world.ring_text("sales", RingField::Number), Some("600"));
    assert_eq!(world.members("sales"), ["2000"]);
    assert_eq!(world.ring_group("sales").version.uid, before.uid);
    // One that can't be read may take it, too.
    world.scopes[1].is_readable = false;
    respec(&mut world, "");
    world.sync();
    assert_eq!(names(&world).len(), 2);
}

#[test]
fn ring_groups_of_a_scope_that_is_gone_and_people_s_own_stay() {
    let mut world = two().scope("second", "{everyone: {}}", "");
    world.scopes.remove(0);
    world.sync();
    assert_eq!(names(&world).len(), 2, "nobody provides them, and nobody removes them");
}
