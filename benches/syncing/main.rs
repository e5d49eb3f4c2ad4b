//! What a sync costs: the real operator in a process of its own, against a real API server and a real domain controller, beside a
//! bare loop that sends the same objects.
//!
//! `ADSYNC_BENCH_PEOPLE` (10,000) people in teams of ten are synced from nothing; then their teams become ring groups, without
//! numbers and with; then everything is synced again with nothing changed, and by an operator that starts anew. docs/performance.md says what came out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench says what went wrong by panicking, in its helpers too"
)]
#![allow(unreachable_pub, reason = "everything here is private to the bench anyway")]

#[path = "../../tests/env/mod.rs"]
mod env;
#[path = "../support/mod.rs"]
mod support;

mod bare_loop;
mod doorman;
mod memory;
mod report;
mod rest;
mod server;
mod site;

use std::time::Duration;

use adsync::api::{Extension, PhoneUser, RingGroup};
use kube::api::DynamicObject;
use tokio::time::sleep;

use self::{
    bare_loop::BareLoop,
    doorman::Doorman,
    env::{Directory, Kube, Model, Options},
    memory::Memory,
    report::{Against, Report},
    rest::Rest,
    site::{Departments, Site, Sync},
    support::{child, settings},
};

/// How often the shorter measurements are made in each round.
const REPEATS: usize = 3;
/// Totals of a phone system follow its objects a moment later; nothing else is measured meanwhile.
const SETTLE: Duration = Duration::from_millis(1500);

#[tokio::main]
async fn main() {
    if child::part().is_some() {
        child::tell(rest::list());
        return;
    }
    let people = settings::number("ADSYNC_BENCH_PEOPLE", 10_000);
    let rounds = settings::number("ADSYNC_BENCH_ROUNDS", 3);
    let machine = support::machine::describe();
    let kube = Kube::own().await;
    let directory = Directory::own(Options {
        model: Model::Standard,
        crowd: Some(people),
        ..Options::default()
    })
    .await;
    let mut report = Report::new(people, machine);
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        Box::pin(measure(&kube, &directory, &mut report)).await;
    }
    println!("{report}");
}

/// One round: a fresh namespace, a fresh operator, everything once.
async fn measure(kube: &Kube, directory: &Directory, report: &mut Report) {
    let doorman = Doorman::before(directory.ldaps_port()).await;
    let site = Site::open(kube, directory, doorman.port()).await;
    let memory = Memory::watch(site.process());
    report.rests.push(("no people", Rest::of(&site, false).await));
    compete(kube, &mut report.first_sync, async {
        memory.enter("first sync");
        let sync = site.sync(Departments::None).await;
        memory.enter("first sync done");
        sleep(SETTLE).await;
        let mut written = site.objects::<Extension>().await;
        written.extend(site.objects::<PhoneUser>().await);
        (sync, written)
    })
    .await;
    memory.enter("nothing changed");
    for _ in 0..REPEATS {
        report.again.push(site.sync_again().await);
        sleep(SETTLE).await;
    }
    memory.enter("ring groups");
    for _ in 0..REPEATS {
        compete(
            kube,
            &mut report.unnumbered,
            ring_groups(&site, Departments::Unnumbered),
        )
        .await;
    }
    memory.enter("numbered ring groups");
    compete(kube, &mut report.numbered, ring_groups(&site, Departments::Numbered)).await;
    memory.enter("idle");
    sleep(SETTLE * 2).await;
    report.memory.push(memory.end().await);
    report.connections.push(doorman.counted());
    let site = site.restart().await;
    report.rests.push(("all of them", Rest::of(&site, true).await));
}

/// The teams become ring groups, and go again.
async fn ring_groups(site: &Site<'_>, departments: Departments) -> (Sync, Vec<DynamicObject>) {
    let sync = site.sync(departments).await;
    sleep(SETTLE).await;
    let mut written = site.extensions_of_ring_groups().await;
    written.extend(site.objects::<RingGroup>().await);
    site.sync(Departments::None).await;
    site.delete(&written).await;
    sleep(SETTLE).await;
    (sync, written)
}

/// The operator and the bare loop take turns at being first. The very first time, the loop has nothing to send before.
async fn compete(kube: &Kube, against: &mut Against, operator: impl Future<Output = (Sync, Vec<DynamicObject>)>) {
    let early = if against.is_loops_turn() {
        Some(BareLoop::prepare(kube, against.objects()).await.send().await)
    } else {
        None
    };
    let (sync, objects) = operator.await;
    let sent = match early {
        Some(sent) => sent,
        None => BareLoop::prepare(kube, &objects).await.send().await,
    };
    against.add(sync, sent, objects);
}
