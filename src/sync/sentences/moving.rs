//! What must hold at every moment while numbers move: after each write, and whenever the operator dies.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::{cluster, renumbering::ALL, world::World};
use crate::{
    api::extension::ExtensionState,
    sync::{field::Field, fixture::rule, observed::Observed},
};

const LOGINS: [&str; 8] = ["ada", "bob", "cem", "dan", "eve", "fay", "guy", "hal"];

/// What becomes of somebody: disabled or not, and what the directory says of their number, if anything.
type Fate = (bool, Option<u8>);

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let number = prop_oneof![8 => (0..10_u8).prop_map(Some), 1 => Just(None)];
    vec((proptest::bool::weighted(0.15), number), LOGINS.len())
}

/// Everybody gets a number of somebody: chains and circles only.
fn permutations() -> impl Strategy<Value = Vec<Fate>> {
    let numbers = Just((0..8_u8).collect::<Vec<_>>()).prop_shuffle();
    numbers.prop_map(|numbers| numbers.into_iter().map(|number| (false, Some(number))).collect())
}

/// Two scopes of one phone system: most are the first one's.
fn company() -> World {
    let of = |names: &str| format!("{{everyone: {{}}, filter: '{names}'}}");
    let mut world = World::with_users(&of("(!(department=other))"), ALL)
        .rule(rule("phone", "source: Attribute, attribute: {name: ipPhone}"))
        .scope("second", &of("(department=other)"), ALL);
    for (at, login) in LOGINS.iter().enumerate() {
        let department = if at < 6 { "own" } else { "other" };
        world = world.person(login, &[("ipPhone", &format!("200{at}")), ("department", department)]);
    }
    for scope in [0, 1] {
        world.sync_scope(scope);
    }
    world
}

fn befall(world: &mut World, fates: &[Fate]) {
    for (login, (is_disabled, number)) in LOGINS.iter().zip(fates) {
        world.set(login, "userAccountControl", if *is_disabled { "514" } else { "512" });
        let number = number.map(|number| format!("200{number}")).unwrap_or_default();
        world.set(login, "ipPhone", &number);
    }
}

/// Whatever an object names is its own: an Extension says so. So nobody names a number that somebody else has.
fn assert_sound(observed: &Observed) {
    for (name, user) in &observed.users {
        let Some(number) = user.values.text(Field::Extension) else {
            continue;
        };
        let extension = &observed.extensions[&*format!("hq-{number}")];
        assert_eq!(extension.state, Some(ExtensionState::Assigned), "{name} names {number}");
        assert_eq!(extension.holder.as_ref().unwrap().name, **name, "{number}");
    }
}

/// One sync that dies after so many writes.
fn sync_and_die(world: &mut World, scope: usize, mut writes: usize) {
    let name = world.scopes[scope].validated.name.clone();
    for _ in 0..4 {
        let outcome = world.plan_of(scope);
        let mut done = 0;
        let is_whole = cluster::apply_until(&mut world.observed, &name, &outcome.plan, writes, |observed| {
            assert_sound(observed);
            done += 1;
        });
        writes -= done;
        if !is_whole || !outcome.continues {
            return;
        }
    }
}

fn numbers(world: &World) -> BTreeMap<&'static str, Option<String>> {
    let number = |login: &&'static str| (*login, world.text(login, Field::Extension).map(str::to_owned));
    LOGINS.iter().map(number).collect()
}

fn at_rest(world: &mut World) {
    for _ in 0..3 {
        for scope in [0, 1] {
            world.sync_scope(scope);
            assert_sound(&world.observed);
        }
    }
}

/// Everybody who is enabled has a number, and whom alone the directory gives one that nobody has, has it.
fn assert_served(world: &World, fates: &[Fate], before: &[Fate]) {
    let now = numbers(world);
    for ((login, (is_disabled, wished)), (was_disabled, _)) in LOGINS.iter().zip(fates).zip(before) {
        // Who was disabled may have given theirs away.
        let keeps = !is_disabled && !was_disabled;
        assert!(!keeps || now[login].is_some(), "{login} lost theirs: {now:?}");
        let wished = wished.map(|number| format!("200{number}"));
        let is_sole = fates
            .iter()
            .filter(|(off, number)| !off && number.map(|number| format!("200{number}")) == wished)
            .count()
            == 1;
        if wished.is_some() && !is_disabled && is_sole && now[login] != wished {
            let has_it = now.iter().find(|(_, number)| **number == wished);
            assert!(
                has_it.is_some(),
                "{login} alone asks for {wished:?}, which nobody has: {now:?}"
            );
        }
    }
}

/// Everybody on a circle lets go, some of them get their new number, the operator dies, and then the directory wants something else.
#[test]
fn who_lost_their_number_to_the_next_on_the_circle_has_what_they_let_go_of_it_for() {
    let circle: Vec<Fate> = (0..8)
        .map(|at| (false, Some(if at < 5 { (at + 1) % 5 } else { at })))
        .collect();
    let all_want_one: Vec<Fate> = (0..8).map(|_| (false, Some(9))).collect();
    // Five let go and five numbers are freed; then the claims begin.
    for writes in 0..=20 {
        let mut world = company();
        befall(&mut world, &circle);
        sync_and_die(&mut world, 0, writes);
        befall(&mut world, &all_want_one);
        at_rest(&mut world);
        assert_served(&world, &all_want_one, &circle);
        let promised = world
            .observed
            .extensions
            .values()
            .filter(|extension| extension.awaited_by.is_some());
        assert_eq!(promised.count(), 0, "after {writes} writes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_number_is_anybody_elses_at_any_moment_and_nobody_ends_without(
        first in fates(), second in fates(), writes in 0..40_usize, scope in 0..2_usize,
    ) {
        let mut world = company();
        befall(&mut world, &first);
        sync_and_die(&mut world, scope, writes);
        assert_sound(&world.observed);
        // The directory goes on meanwhile.
        befall(&mut world, &second);
        at_rest(&mut world);
        assert_served(&world, &second, &first);
    }

    #[test]
    fn who_dies_in_the_middle_ends_as_if_nothing_had_been(fates in permutations(), writes in 0..40_usize) {
        let (mut whole, mut died) = (company(), company());
        for world in [&mut whole, &mut died] {
            befall(world, &fates);
        }
        at_rest(&mut whole);
        sync_and_die(&mut died, 0, writes);
        at_rest(&mut died);
        prop_assert_eq!(numbers(&whole), numbers(&died));
        assert_served(&whole, &fates, &fates);
    }
}
