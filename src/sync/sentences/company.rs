//! A company of two hundred people behind two scopes, and photographs of its phones.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::{
    veil,
    world::{STAFF, World, guid},
};
use crate::{
    directory::{Guid, RawEntry},
    sync::{
        field::{Field, RingField},
        fixture::{rule, sequential},
        observed::Observed,
        value::Value,
    },
};

pub(super) const PEOPLE: usize = 200;
pub(super) const BRANCH: &str = "OU=Branch,DC=example,DC=com";
pub(super) const FIELD: &str = "OU=Field,DC=example,DC=com";
const TEAMS: &str = "OU=Teams,DC=example,DC=com";

/// The scope `staff`: those in an OU and those in a group with another one in it, but for a few.
pub(super) const USERS: &str = "{organizationalUnits: [{dn: 'OU=Staff,DC=example,DC=com'}],
    groups: [{dn: 'CN=Phones,DC=example,DC=com'}], filter: (company=acme)}";
const SPEC: &str = "exclude: [{name: quiet, group: {dn: 'CN=Quiet,DC=example,DC=com'}}],
    extensions: [
        {name: sales, ruleRef: {name: sales}, when: {group: {dn: 'CN=Sales,DC=example,DC=com'}}},
        {name: desk, ruleRef: {name: desk}, when: {filter: (departmentNumber=7)}},
        {name: rest, ruleRef: {name: rest}}],
    departments: [
        {name: sales, group: {dn: 'CN=Sales,DC=example,DC=com'}, ringGroup: {number: '600'}},
        {name: teams, under: {dn: 'OU=Teams,DC=example,DC=com'}, ringGroup: {ruleRef: {name: rings}}}]";

/// It moves whomever it numbers and who has another number: so nobody may be taken for one of its people by mistake.
const REST: &str = r#"source: Sequential, ranges: [{from: "2000", to: "2299"}], renumber: true"#;

/// Who is where, by number: everybody is in one of the three OUs.
pub(super) const SALES: std::ops::Range<usize> = 0..40;
/// Their numbers are those of their desks.
pub(super) const DESKS: std::ops::Range<usize> = 40..80;
/// In no group at all.
pub(super) const ALONE: std::ops::Range<usize> = 80..115;
/// Excluded.
pub(super) const QUIET: std::ops::Range<usize> = 115..120;
/// In the group `Phones`.
const PHONES: std::ops::Range<usize> = 120..140;
/// In the group `Remote`, which is in `Phones`.
pub(super) const REMOTE: std::ops::Range<usize> = 140..160;
/// Of the second scope.
const BRANCH_PEOPLE: std::ops::Range<usize> = 160..PEOPLE;

/// Whom the scope `staff` serves.
pub(super) fn staff() -> Vec<usize> {
    (0..BRANCH_PEOPLE.start)
        .filter(|person| !QUIET.contains(person))
        .collect()
}

pub(super) fn login(person: usize) -> String {
    format!("p{person:03}")
}

/// With this beside the rest of the spec of `staff`.
pub(super) fn company(further: &str) -> World {
    let desk = "source: Attribute, attribute: {name: telephoneNumber, normalize: Digits, pattern: '^1555(\\d{4})$', number: '$1'}";
    let mut world = World::with_users(USERS, &spec(further))
        .unit(BRANCH)
        .unit(FIELD)
        .unit(TEAMS)
        .rule(sequential("sales", "3000", "3099"))
        .rule(rule("desk", desk))
        .rule(rule("rest", REST))
        .rule(sequential("rings", "610", "649"))
        .scope(
            "branch",
            "{organizationalUnits: [{dn: 'OU=Branch,DC=example,DC=com'}]}",
            "extensions: [{name: rest, ruleRef: {name: rest}}]",
        );
    for person in 0..PEOPLE {
        let unit = match person {
            0..120 => STAFF,
            120..160 => FIELD,
            _ => BRANCH,
        };
        world = world.person_in(unit, &login(person), &[("company", "acme")]);
        if DESKS.contains(&person) {
            world.set(&login(person), "departmentNumber", "7");
            world.set(&login(person), "telephoneNumber", &format!("+1 555 4{person:03}"));
        }
    }
    let of = |range: std::ops::Range<usize>| range.map(login);
    add_group(&mut world, "CN=Sales,DC=example,DC=com", of(SALES));
    add_group(&mut world, "CN=Quiet,DC=example,DC=com", of(QUIET));
    add_group(&mut world, "CN=Remote,DC=example,DC=com", of(REMOTE));
    add_group(
        &mut world,
        "CN=Phones,DC=example,DC=com",
        of(PHONES).chain(["Remote".to_owned()]),
    );
    for team in 0..4 {
        let people = DESKS.skip(team * 10).take(10).map(login);
        add_group(&mut world, &format!("CN=Team{team},{TEAMS}"), people);
    }
    world
}

/// Other `users` of the scope `staff`.
pub(super) fn select(world: &mut World, users: &str) {
    let other = World::with_users(users, "");
    world.scopes[0].validated.users = other.scopes[0].validated.users.clone();
}

fn spec(further: &str) -> String {
    if further.is_empty() {
        SPEC.to_owned()
    } else {
        format!("{SPEC}, {further}")
    }
}

/// A group whose objectGUID is made from its name.
pub(super) fn add_group(world: &mut World, dn: &str, members: impl Iterator<Item = String>) {
    let name = dn.trim_start_matches("CN=").split(',').next().unwrap();
    let group = RawEntry::new(dn)
        .with_guid(guid(name))
        .with("cn", [name])
        .with("groupType", ["-2147483646"])
        .with("member", members.map(|word| veil::member(&word)));
    world.groups.push(group);
}

/// Somebody is in a group no more; for all groups that they are in.
pub(super) fn leave_groups(world: &mut World, login: &str) {
    let entry = RawEntry::new("").with_guid(guid(login));
    for group in &mut world.groups {
        for (_, values) in group.attributes.iter_mut().filter(|(name, _)| name == "member") {
            values.retain(|member| !veil::names(member, &entry));
        }
    }
}

impl World {
    /// Time passes, and each scope is synced every so often.
    pub(super) fn live(&mut self, rounds: usize, every: SignedDuration) {
        for _ in 0..rounds {
            self.later(every);
            self.sync_all();
        }
    }

    /// Every scope once, and again as long as it has more to do.
    pub(super) fn sync_all(&mut self) {
        for scope in 0..self.scopes.len() {
            if !self.scopes[scope].is_readable {
                continue;
            }
            for _ in 0..8 {
                if !self.step(scope).continues {
                    break;
                }
            }
        }
    }

    /// The operator is restarted: what it knew and did not store is lost.
    pub(super) fn restart(&mut self) {
        for scope in &mut self.scopes {
            scope.suspects.clear();
            scope.entered.clear();
        }
    }
}

/// What rings where.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Phones {
    pub users: BTreeMap<Box<str>, Phone>,
    pub ring_groups: BTreeMap<Box<str>, RingGroup>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Phone {
    pub account: Option<Guid>,
    pub enabled: Option<bool>,
    pub number: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct RingGroup {
    pub number: Option<String>,
    pub members: BTreeSet<String>,
}

impl Phones {
    pub(super) fn of(world: &World) -> Self {
        Self::of_observed(&world.observed)
    }

    pub(super) fn of_observed(observed: &Observed) -> Self {
        let users = observed.users.iter().map(|(name, user)| {
            let phone = Phone {
                account: user.values.link().map(|link| link.guid),
                enabled: user.values.enabled(),
                number: user.values.text(Field::Extension).map(str::to_owned),
            };
            (name.clone(), phone)
        });
        let ring_groups = observed.ring_groups.iter().map(|(name, group)| {
            let number = group.values.get(&RingField::Number).and_then(Value::as_text);
            let members = match group.values.get(&RingField::Members) {
                Some(Value::List(members)) => members.iter().map(ToString::to_string).collect(),
                _ => BTreeSet::new(),
            };
            let number = number.map(str::to_owned);
            (name.clone(), RingGroup { number, members })
        });
        Self {
            users: users.collect(),
            ring_groups: ring_groups.collect(),
        }
    }

    /// Who of these has lost anything since: their phone, its number, its link, or a place in a ring group. Sentences for people.
    pub(super) fn lost(&self, now: &Self) -> Vec<String> {
        let mut lost = Vec::new();
        for (name, before) in &self.users {
            match now.users.get(name) {
                None => lost.push(format!("{name} is gone")),
                Some(after) if after == before => {}
                Some(after) => lost.push(format!("{name} was {before:?}, and is {after:?}")),
            }
        }
        for (name, before) in &self.ring_groups {
            match now.ring_groups.get(name) {
                None => lost.push(format!("ring group {name} is gone")),
                Some(after) if after.number != before.number => lost.push(format!("{name} has another number")),
                Some(after) => lost.extend(
                    before
                        .members
                        .difference(&after.members)
                        .map(|member| format!("{member} rings no more in {name}")),
                ),
            }
        }
        lost
    }

    /// Without some people: neither their phones nor their places in ring groups.
    pub(super) fn without(mut self, people: &BTreeSet<Guid>) -> Self {
        let is_one = |phone: &Phone| phone.account.is_some_and(|account| people.contains(&account));
        let numbers: BTreeSet<String> = self
            .users
            .values()
            .filter(|phone| is_one(phone))
            .filter_map(|phone| phone.number.clone())
            .collect();
        self.users.retain(|_, phone| !is_one(phone));
        for group in self.ring_groups.values_mut() {
            group.members = group.members.difference(&numbers).cloned().collect();
        }
        self
    }
}
