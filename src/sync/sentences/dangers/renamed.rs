//! What the spec names gets another name or another place; the objectGUID stays.

use super::{Danger, live_through};
use crate::sync::sentences::{
    company::{BRANCH, FIELD, QUIET},
    world::{STAFF, World},
};

fn rename_group(world: &mut World, from: &str, to: &str) {
    let dn = |name: &str| format!("CN={name},DC=example,DC=com");
    World::rename(&mut world.groups, &dn(from), &dn(to));
}

/// With all that lies below.
fn rename_unit(world: &mut World, from: &str, to: &str) {
    for entry in world.users.iter_mut().chain(&mut world.groups).chain(&mut world.units) {
        if let Some(above) = entry.dn.strip_suffix(from) {
            entry.dn = format!("{above}{to}");
        }
    }
}

const ELSEWHERE: &str = "OU=Elsewhere,OU=Branch,DC=example,DC=com";
const TEAMS: &str = "OU=Teams,DC=example,DC=com";

#[test]
fn groups() {
    live_through(&[
        Danger::new(
            "the excluded group is renamed",
            |world| rename_group(world, "Quiet", "Silent"),
            |world| rename_group(world, "Silent", "Quiet"),
        ),
        Danger::new(
            "the group of a rule and a ring group is renamed",
            |world| rename_group(world, "Sales", "Selling"),
            |world| rename_group(world, "Selling", "Sales"),
        ),
        Danger::new(
            "a selected group is renamed, for good",
            |world| rename_group(world, "Phones", "Telephones"),
            |_| {},
        ),
        Danger::new(
            "a group in a selected one is renamed",
            |world| rename_group(world, "Remote", "Far away"),
            |_| {},
        ),
        Danger::new(
            "two groups change their names",
            |world| {
                rename_group(world, "Sales", "x");
                rename_group(world, "Phones", "Sales");
                rename_group(world, "x", "Phones");
            },
            |world| {
                rename_group(world, "Sales", "x");
                rename_group(world, "Phones", "Sales");
                rename_group(world, "x", "Phones");
            },
        ),
    ]);
}

#[test]
fn units() {
    live_through(&[
        Danger::new(
            "a selected OU is renamed",
            |world| rename_unit(world, STAFF, "OU=Employees,DC=example,DC=com"),
            |_| {},
        ),
        Danger {
            // The scope of the branch excludes nobody.
            comes_in: QUIET,
            ..Danger::new(
                "a selected OU is moved",
                |world| rename_unit(world, STAFF, ELSEWHERE),
                |world| rename_unit(world, ELSEWHERE, STAFF),
            )
        },
        Danger::new(
            "the OU of all ring groups is renamed",
            |world| rename_unit(world, TEAMS, "OU=Crews,DC=example,DC=com"),
            |_| {},
        ),
        Danger::new(
            "another OU takes the name of a selected one",
            |world| {
                rename_unit(world, STAFF, "OU=Employees,DC=example,DC=com");
                rename_unit(world, FIELD, STAFF);
            },
            |world| {
                rename_unit(world, STAFF, FIELD);
                rename_unit(world, "OU=Employees,DC=example,DC=com", STAFF);
            },
        ),
        Danger::new(
            "all people of a selected OU are moved out of it",
            |world| move_people(world, BRANCH, FIELD),
            |world| {
                for entry in &mut world.users {
                    let number: usize = entry.dn[4..7].parse().unwrap();
                    if number >= 160 {
                        entry.dn = format!("CN=p{number:03},{BRANCH}");
                    }
                }
            },
        ),
    ]);
}

/// The people alone: the OU stays.
fn move_people(world: &mut World, from: &str, to: &str) {
    for entry in &mut world.users {
        if let Some(name) = entry.dn.strip_suffix(from) {
            entry.dn = format!("{name}{to}");
        }
    }
}
