//! What waits for approval: frozen, let through once, each member proven again, finished after a crash.

use jiff::SignedDuration;

use super::{
    cluster,
    guarding::{company, disable, enable, held, login, off},
    world::{World, name_of},
};
use crate::sync::plan::Plan;

/// Forty people of whom so many are held.
fn holding(leavers: usize) -> (World, String) {
    let mut world = company(40, "");
    disable(&mut world, 0..leavers);
    let outcome = world.sync();
    let digest = held(&outcome).unwrap().digest.clone();
    world.later(SignedDuration::from_mins(10));
    (world, digest)
}

#[test]
fn the_digest_lets_the_batch_through() {
    let (mut world, digest) = holding(6);
    world.scopes[0].approval = Some("0123456789abcdef".to_owned());
    assert!(world.sync().plan.is_empty(), "another digest does nothing");
    world.scopes[0].approval = Some(digest);
    let outcome = world.sync();
    assert_eq!(
        (off(&world), held(&outcome)),
        (6, None),
        "and the batch is over when it is done"
    );
    assert!(outcome.ledger.budget.is_empty(), "what somebody approved is not spent");
}

#[test]
fn a_sample_names_the_first_ten_and_what_would_happen() {
    let mut world = company(400, "");
    disable(&mut world, 0..50);
    let outcome = world.sync();
    let held = held(&outcome).unwrap();
    assert_eq!((held.count, held.sample.len()), (50, 10));
    assert_eq!(held.sample[0], "person0: Disable (Disabled)");
    assert_eq!(
        held.limit.as_deref(),
        Some("10 percent or 50 in 24h, by spec.removal.limit")
    );
}

#[test]
fn later_ones_form_the_next_batch() {
    let (mut world, digest) = holding(6);
    disable(&mut world, 6..12);
    let outcome = world.sync();
    assert_eq!(held(&outcome).unwrap().digest, digest, "the batch is frozen");
    assert_eq!(held(&outcome).unwrap().count, 6);
    world.scopes[0].approval = Some(digest.clone());
    let outcome = world.sync();
    assert_eq!(off(&world), 6);
    let next = held(&outcome).unwrap();
    assert_eq!(next.count, 6);
    assert_ne!(next.digest, digest);
    for _ in 0..3 {
        world.later(SignedDuration::from_mins(10));
        assert!(
            world.sync().plan.is_empty(),
            "the same approval lets nothing else through"
        );
    }
}

#[test]
fn those_who_came_back_are_left_alone_and_the_digest_stays() {
    let (mut world, digest) = holding(8);
    enable(&mut world, 0..2);
    let outcome = world.sync();
    assert_eq!(
        (held(&outcome).unwrap().count, &held(&outcome).unwrap().digest),
        (6, &digest)
    );
    world.later(SignedDuration::from_mins(10));
    disable(&mut world, 0..1);
    world.scopes[0].approval = Some(digest);
    world.sync();
    assert_eq!(
        world.user(&name_of("person0")).values.enabled(),
        Some(false),
        "one alone fits the limit"
    );
    assert_eq!(world.user(&name_of("person1")).values.enabled(), Some(true));
    assert_eq!(off(&world), 7);
}

#[test]
fn who_left_again_is_not_in_the_batch_that_they_were_in() {
    let (mut world, digest) = holding(12);
    enable(&mut world, 0..4);
    world.sync();
    world.later(SignedDuration::from_mins(10));
    disable(&mut world, 0..4);
    world.scopes[0].approval = Some(digest);
    world.sync();
    assert_eq!(off(&world), 12, "eight of the batch, and four that fit the limit");
    assert_eq!(world.scopes[0].ledger.budget[0].count, 4);
}

#[test]
fn who_comes_to_light_with_an_old_date_was_not_approved() {
    let mut world = company(40, "removal: {limit: {count: 0}}");
    disable(&mut world, 0..7);
    world.user_mut(&name_of("person6")).is_protected = true;
    let first = held(&world.sync()).unwrap().digest.clone();
    world.later(SignedDuration::from_mins(10));
    world.user_mut(&name_of("person6")).is_protected = false;
    world.scopes[0].approval = Some(first.clone());
    let outcome = world.sync();
    assert_eq!(off(&world), 6, "nobody approved the seventh");
    assert_ne!(held(&outcome).unwrap().digest, first);
    assert_eq!(held(&outcome).unwrap().count, 1);
}

#[test]
fn another_spec_closes_the_batch_anew() {
    let (mut world, digest) = holding(6);
    world.respec("{everyone: {}}", "removal: {whenDisabled: Delete}");
    world.scopes[0].approval = Some(digest.clone());
    let outcome = world.sync();
    assert!(outcome.plan.is_empty(), "whoever approved meant to disable");
    let digest = held(&outcome).unwrap().digest.clone();
    world.scopes[0].approval = Some(digest);
    world.sync();
    assert_eq!(world.observed.users.len(), 34);
}

#[test]
fn doubt_does_not_change_a_batch() {
    let (mut world, digest) = holding(6);
    let before = world.scopes[0].ledger.clone();
    world.is_behind = true;
    world.scopes[0].approval = Some(digest);
    let outcome = world.sync();
    assert_eq!(off(&world), 0, "nobody goes without proof from this very sync");
    assert_eq!(held(&outcome).unwrap().digest, before.held[0].digest);
    assert!(held(&outcome).unwrap().approved.is_some());
    world.is_behind = false;
    world.sync();
    assert_eq!(off(&world), 6);
}

#[test]
fn a_restart_loses_nothing_of_it() {
    let (mut world, digest) = holding(6);
    world.scopes[0].suspects.clear();
    let outcome = world.sync();
    assert_eq!(held(&outcome).unwrap().digest, digest);
}

#[test]
fn an_approved_batch_is_finished_wherever_a_crash_came() {
    let spec = "removal: {whenDisabled: Delete}, extensions: [{name: all, ruleRef: {name: low}}]";
    let mut world = World::new(spec).rule(crate::sync::fixture::sequential("low", "200", "299"));
    for index in 0..40 {
        world = world.person(&login(index), &[]);
    }
    world.sync();
    disable(&mut world, 0..6);
    let digest = held(&world.sync()).unwrap().digest.clone();
    world.scopes[0].approval = Some(digest);
    let plan = world.plan().plan;
    let writes = plan.deletions.len() + plan.frees.len();
    assert_eq!(writes, 12);
    for done in 0..=writes {
        let mut crashed = world.clone();
        let outcome = crashed.plan();
        crashed.scopes[0].ledger = outcome.ledger;
        let partial = Plan {
            deletions: plan.deletions.iter().take(done).cloned().collect(),
            frees: plan.frees.iter().take(done.saturating_sub(6)).cloned().collect(),
            ..Plan::default()
        };
        cluster::apply(&mut crashed.observed, &partial);
        // The annotation may be gone by then: the approval was noted.
        crashed.scopes[0].approval = None;
        let outcome = crashed.sync();
        assert_eq!(crashed.observed.users.len(), 34, "after {done} writes");
        assert_eq!(held(&outcome), None);
        let cooling = crashed.observed.extensions.values();
        let cooling = cooling.filter(|extension| extension.release_after.is_some());
        assert_eq!(cooling.count(), 6, "after {done} writes");
    }
}
