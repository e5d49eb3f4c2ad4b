//! What the service account may not see (any more): a permission is lost, an entry is protected, an answer is empty.

use super::{Danger, live_through};
use crate::{
    directory::RawEntry,
    sync::sentences::{
        company::{self, ALONE, DESKS, PEOPLE, add_group, login},
        veil::Veil,
        world::{STAFF, World, guid},
    },
};

fn hide(world: &mut World, people: impl IntoIterator<Item = usize>) {
    world
        .veil
        .accounts
        .extend(people.into_iter().map(|person| guid(&login(person))));
}

fn unveil(world: &mut World) {
    world.veil = Veil::default();
}

/// Some percent of the scope's people, taken from all over it; a group that no scope speaks of still lists them.
fn hide_percent(world: &mut World, tenths: usize) {
    add_group(world, "CN=Everybody,DC=example,DC=com", (0..PEOPLE).map(login));
    let staff = company::staff();
    let count = (staff.len() * tenths).div_ceil(1000);
    let step = staff.len() / count;
    let hidden: Vec<_> = staff.into_iter().step_by(step).take(count).collect();
    assert_eq!(hidden.len(), count);
    hide(world, hidden);
}

/// The limit of 10 % is 15 of the scope's 155.
const FEW: std::ops::Range<usize> = ALONE.start..ALONE.start + 15;
const TOO_MANY: std::ops::Range<usize> = ALONE.start..ALONE.start + 16;

#[test]
fn people_whom_a_group_still_lists() {
    live_through(&[
        Danger::new("1 % can't be seen", |world| hide_percent(world, 10), unveil),
        Danger::new("9.9 % can't be seen", |world| hide_percent(world, 99), unveil),
        Danger::new("10.1 % can't be seen", |world| hide_percent(world, 101), unveil),
        Danger::new("50 % can't be seen", |world| hide_percent(world, 500), unveil),
        Danger::new("100 % can't be seen", |world| hide_percent(world, 1000), unveil),
    ]);
}

/// To an account that may not see tombstones, a hidden account that is in no group looks like a deleted one. What promise 2 has
/// for them is the second read, and promise 3 the limit.
#[test]
fn people_whom_nothing_lists() {
    live_through(&[
        Danger {
            looks_gone: ALONE.start..ALONE.start + 1,
            ..Danger::new(
                "one who is in no group can't be seen",
                |world| hide(world, [ALONE.start]),
                unveil,
            )
        },
        Danger {
            looks_gone: FEW,
            ..Danger::new("as many as the limit can't be seen", |world| hide(world, FEW), unveil)
        },
        Danger::new(
            "one more than the limit can't be seen",
            |world| hide(world, TOO_MANY),
            unveil,
        ),
        Danger::new(
            "all who are in no group can't be seen",
            |world| hide(world, ALONE),
            unveil,
        ),
    ]);
}

/// With the right to see tombstones, no tombstone means: not deleted.
#[test]
fn people_who_left_no_tombstone() {
    live_through(&[Danger::new(
        "a few can't be seen",
        |world| {
            world.sees_tombstones = true;
            hide(world, FEW);
        },
        unveil,
    )]);
}

#[test]
fn empty_answers() {
    live_through(&[
        Danger::new("there is nobody", |world| hide(world, 0..PEOPLE), unveil),
        Danger::new(
            "there is nothing",
            |world| {
                hide(world, 0..PEOPLE);
                world.veil.groups = world.groups.iter().filter_map(RawEntry::guid).collect();
                world.veil.units = world.units.iter().filter_map(RawEntry::guid).collect();
            },
            unveil,
        ),
        Danger::new(
            "the second scope's OU is empty",
            |world| hide(world, 160..PEOPLE),
            unveil,
        ),
    ]);
}

#[test]
fn groups_that_do_not_show_their_members() {
    live_through(&[
        Danger::new(
            "a group in a selected one shows no members",
            |world| hide_members(world, "Remote"),
            unveil,
        ),
        Danger::new(
            "a selected group shows no members",
            |world| hide_members(world, "Phones"),
            unveil,
        ),
        Danger::new(
            "a group of a rule and of a ring group shows no members",
            |world| hide_members(world, "Sales"),
            unveil,
        ),
        Danger::new(
            "the group of one ring group shows no members",
            |world| hide_members(world, "Team1"),
            unveil,
        ),
        Danger::new(
            "the excluded group shows no members",
            |world| hide_members(world, "Quiet"),
            unveil,
        ),
    ]);
}

fn hide_members(world: &mut World, group: &str) {
    world.veil.members.insert(guid(group));
}

fn hide_group(world: &mut World, group: &str) {
    world.veil.groups.insert(guid(group));
}

#[test]
fn groups_and_units_that_can_not_be_seen() {
    live_through(&[
        Danger::new(
            "the excluded group can't be seen",
            |world| hide_group(world, "Quiet"),
            unveil,
        ),
        Danger::new(
            "the group of a rule can't be seen",
            |world| hide_group(world, "Sales"),
            unveil,
        ),
        Danger::new(
            "a selected group can't be seen",
            |world| hide_group(world, "Phones"),
            unveil,
        ),
        Danger::new(
            "a group in a selected one can't be seen",
            |world| hide_group(world, "Remote"),
            unveil,
        ),
        Danger::new(
            "the group of one ring group can't be seen",
            |world| hide_group(world, "Team2"),
            unveil,
        ),
        Danger::new(
            "a selected OU can't be seen, though its people can",
            |world| {
                world.veil.units.insert(guid(STAFF));
            },
            unveil,
        ),
        Danger::new(
            "the OU of all ring groups can't be seen, though the groups can",
            |world| {
                world.veil.units.insert(guid("OU=Teams,DC=example,DC=com"));
            },
            unveil,
        ),
        Danger::new(
            "the OU of all ring groups can't be seen",
            |world| {
                world.veil.units.insert(guid("OU=Teams,DC=example,DC=com"));
                (0..4).for_each(|team| hide_group(world, &format!("Team{team}")));
            },
            unveil,
        ),
    ]);
}

/// Of the scope's people, those with desks have a telephone number.
fn hide_attribute(world: &mut World, attribute: &str, people: impl IntoIterator<Item = usize>) {
    let whose = people.into_iter().map(|person| guid(&login(person))).collect();
    world.veil.attributes.insert(attribute.to_owned(), whose);
}

#[test]
fn attributes_that_can_not_be_seen() {
    live_through(&[
        Danger::new(
            "telephoneNumber is blank for 12 %",
            |world| hide_attribute(world, "telephonenumber", DESKS.take(24)),
            unveil,
        ),
        Danger::new(
            "telephoneNumber is blank for everybody",
            |world| hide_attribute(world, "telephonenumber", 0..PEOPLE),
            unveil,
        ),
        Danger::new(
            "what the scope's filter compares is blank",
            |world| hide_attribute(world, "company", 0..PEOPLE),
            unveil,
        ),
        // To take the value away is also how somebody is taken out of the scope.
        Danger {
            looks_gone: 0..10,
            ..Danger::new(
                "what it compares is blank for a few",
                |world| hide_attribute(world, "company", 0..10),
                unveil,
            )
        },
        Danger::new(
            "what a rule's filter compares is blank",
            |world| hide_attribute(world, "departmentnumber", 0..PEOPLE),
            unveil,
        ),
        Danger::new(
            "the flags of accounts are blank",
            |world| hide_attribute(world, "useraccountcontrol", 0..PEOPLE),
            unveil,
        ),
        Danger::new(
            "logins are blank",
            |world| hide_attribute(world, "samaccountname", 0..PEOPLE),
            unveil,
        ),
    ]);
}
