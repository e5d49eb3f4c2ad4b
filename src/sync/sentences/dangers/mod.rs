//! What has cut whole companies off their phones elsewhere. Here nobody loses a phone, a number or a place in a ring group by it,
//! and when it is over, everything is as it was.
//!
//! Each danger is a line of a table; the tables are in the files below. Every line is lived through twice, by scopes that disable
//! those who leave, and by scopes that delete them.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{
    company::{self, Phones, company, login},
    world::{World, guid},
};
use crate::directory::Guid;

mod controllers;
mod hidden;
mod killed;
mod over_time;
mod renamed;
mod respecified;

/// Something that happens to a company.
struct Danger {
    what: &'static str,
    happens: fn(&mut World),
    /// It is found, and mended.
    ends: fn(&mut World),
    /// Who may be taken away meanwhile, but never at once: nothing tells them from those who left.
    looks_gone: std::ops::Range<usize>,
    /// Who has no phone before, and may have one from then on.
    comes_in: std::ops::Range<usize>,
}

impl Danger {
    const fn new(what: &'static str, happens: fn(&mut World), ends: fn(&mut World)) -> Self {
        Self {
            what,
            happens,
            ends,
            looks_gone: 0..0,
            comes_in: 0..0,
        }
    }
}

/// What the scope does with those who leave: as it comes, and as hard as it can.
const POLICIES: [&str; 2] = [
    "",
    "removal: {whenDisabled: Delete, whenOutOfScope: Delete, whenDeleted: Delete}",
];

/// How many minutes after the last one a sync is made. The operator is restarted before the third. The last two come when the
/// limit's window has gone by: it must not let through tomorrow what it held today.
const SYNCS: [i64; 6] = [1, 6, 6, 60, 24 * 60, 6];

fn live_through(dangers: &[Danger]) {
    for danger in dangers {
        for policy in POLICIES {
            survive(danger, policy);
        }
    }
}

fn people(people: impl IntoIterator<Item = usize>) -> BTreeSet<Guid> {
    people.into_iter().map(|person| guid(&login(person))).collect()
}

/// The company on a normal day, with this beside the rest of its spec.
fn converged(spec: &str) -> (World, Phones) {
    let mut world = company(spec);
    world.live(2, SignedDuration::from_mins(10));
    let phones = Phones::of(&world);
    assert_eq!(phones.users.len(), company::PEOPLE - company::QUIET.len());
    assert!(
        phones
            .users
            .values()
            .all(|phone| phone.number.is_some() && phone.enabled == Some(true))
    );
    (world, phones)
}

fn survive(danger: &Danger, policy: &str) {
    let context = format!("{} with `{policy}`", danger.what);
    let (mut world, before) = converged(policy);
    (danger.happens)(&mut world);
    let looks_gone = people(danger.looks_gone.clone());
    let comes_in = people(danger.comes_in.clone());
    for (index, minutes) in SYNCS.into_iter().enumerate() {
        if index == 2 {
            world.restart();
        }
        world.live(1, SignedDuration::from_mins(minutes));
        let now = Phones::of(&world);
        let lost = before.clone().without(&looks_gone).lost(&now);
        assert!(lost.is_empty(), "{context}, sync {index}: {lost:#?}");
        let newcomers = now.users.iter().filter(|(name, _)| !before.users.contains_key(*name));
        let uninvited: Vec<_> = newcomers
            .filter(|(_, phone)| phone.account.is_none_or(|account| !comes_in.contains(&account)))
            .collect();
        assert!(uninvited.is_empty(), "{context}, sync {index}, came in: {uninvited:#?}");
        let doubted = before.lost(&now);
        assert!(index > 0 || doubted.is_empty(), "{context}, at once: {doubted:#?}");
    }
    (danger.ends)(&mut world);
    world.live(2, SignedDuration::from_mins(10));
    let lost = before.lost(&Phones::of(&world));
    assert!(lost.is_empty(), "{context}, when it is over: {lost:#?}");
    for scope in 0..world.scopes.len() {
        let plan = world.plan_of(scope).plan;
        assert!(plan.is_empty(), "{context}: {plan:#?}");
    }
}
