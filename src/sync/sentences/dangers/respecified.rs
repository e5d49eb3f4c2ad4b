//! Somebody edits the spec, and means something else.

use super::{Danger, live_through};
use crate::sync::sentences::{
    company::{USERS, select},
    world::World,
};

fn with_filter(world: &mut World, filter: &str) {
    select(world, &USERS.replace("(company=acme)", filter));
}

fn as_before(world: &mut World) {
    select(world, USERS);
}

#[test]
fn the_scope_says_otherwise() {
    live_through(&[
        Danger::new(
            "a filter that nobody matches",
            |world| with_filter(world, "(company=acne)"),
            as_before,
        ),
        Danger::new(
            "a filter that half of them match",
            |world| with_filter(world, "(&(company=acme)(departmentNumber=7))"),
            as_before,
        ),
        Danger::new(
            "a filter on what is not read yet",
            |world| with_filter(world, "(employeeType=staff)"),
            as_before,
        ),
        Danger::new(
            "only the OU is left",
            |world| select(world, "{organizationalUnits: [{dn: 'OU=Staff,DC=example,DC=com'}]}"),
            as_before,
        ),
        Danger::new(
            "an OU with a spelling mistake",
            |world| select(world, "{organizationalUnits: [{dn: 'OU=Stuff,DC=example,DC=com'}]}"),
            as_before,
        ),
    ]);
}
