//! Whom a ring group's list means: those of whom it has an old number, and those whom people linked again.

use super::{
    ring_groups::{NUMBERED, group_dn, world},
    world::{World, guid, name_of},
};
use crate::{
    api::extension::ExtensionState,
    sync::{
        field::{Field, RingField},
        field_set::FieldSet,
        value::Value,
    },
};

const FIVE: [&str; 5] = ["ada", "bob", "cem", "dan", "eve"];

fn five(spec: &str) -> World {
    let mut world = world(&format!(r#"{{name: all, group: {{dn: "{}"}}}}"#, group_dn("all")));
    for login in FIVE.into_iter().chain(["guest"]) {
        world = world.person(login, &[]);
    }
    let mut world = world
        .group("quiet", &["guest"])
        .group("other", &FIVE)
        .group("all", &FIVE);
    let departments = format!(r#"departments: [{{name: all, group: {{dn: "{}"}}}}]"#, group_dn("all"));
    world.respec("{everyone: {}}", &format!("{NUMBERED}, {departments}{spec}"));
    world.sync();
    assert_eq!(world.members("all").len(), 5);
    world
}

/// Who has another number since is not nobody: three of five are more than half.
#[test]
fn an_old_number_is_its_last_holders() {
    let mut world = five("");
    let mut old = world.observed.extensions["hq-2004"].clone();
    old.number = "2099".parse().ok();
    old.state = Some(ExtensionState::Cooling);
    old.release_after = Some(world.now);
    world.observed.extensions.insert("hq-2099".into(), old);
    let listed = ["2000", "2001", "2002", "2003", "2099"].map(Box::from);
    world.set_ring("all", RingField::Members, Value::List(listed.into()));
    for login in &FIVE[..3] {
        world.disable(login);
    }
    let outcome = world.sync();
    assert_eq!(world.members("all"), ["2000", "2001", "2002", "2003", "2004"]);
    assert_eq!(outcome.ledger.held.len(), 1, "{:?}", outcome.ledger);
}

#[test]
fn whom_people_linked_again_rings_on_while_the_account_is_hidden() {
    let mut world = five("");
    let ownership = &mut world.user_mut(&name_of("ada")).ownership;
    ownership.ours = ownership.ours.difference(FieldSet::<Field>::all_of_spec());
    world.veil.accounts.insert(guid("ada"));
    world.sync();
    assert_eq!(world.members("all").len(), 5);
}

/// They look like whom the operator let go of, until it has their fields again; and while nobody knows whether the scope excludes them, it has not.
#[test]
fn whom_people_linked_again_rings_on_while_an_excluded_group_hides_its_members() {
    let exclude = r#", exclude: [{name: quiet, group: {dn: "CN=quiet,DC=example,DC=com"}}]"#;
    let mut world = five(exclude);
    let ownership = &mut world.user_mut(&name_of("ada")).ownership;
    ownership.ours = ownership.ours.difference(FieldSet::<Field>::all_of_spec());
    world.members_of_group("quiet", &[]);
    world.sync();
    assert_eq!(world.members("all").len(), 5);
    // Who is really excluded goes.
    world.members_of_group("quiet", &["guest", "ada"]);
    world.sync();
    assert_eq!(world.members("all").len(), 4);
}
