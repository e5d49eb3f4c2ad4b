//! bench: reading a large directory, beside `ldapsearch` with the same searches. `ADSYNC_BENCH_PEOPLE` says how large (100000).
//!
//! Every reader runs in a process of its own, against the same slapd. Beside the operator's read stands what ldap3 takes for it
//! alone, so that the table says where the rest goes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a bench tells on the terminal, and stops where something is wrong"
)]

mod alone;
mod contestants;
#[path = "../../tests/env/mod.rs"]
mod env;
#[path = "../support/mod.rs"]
mod support;
mod task;

use contestants::Reader;
use support::rounds::Figure;
use support::{Contestant, Rounds, Wish, child, machine, settings};
use task::Task;

/// As the operator has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    if let Some(reader) = child::part() {
        child::tell(Reader::named(&reader).run(&Task::given()));
        return;
    }
    let people = settings::number("ADSYNC_BENCH_PEOPLE", 100_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let slapd = runtime.block_on(env::Slapd::own(people));
    println!("\n## Reading {people} people\n\n{}\n", machine::describe());
    let tasks = Task::both(&slapd);
    let contestants = tasks.iter().flat_map(|task| {
        Reader::all(task).iter().map(move |reader| {
            let run = || child::run(reader.name(), &task.settings());
            Contestant::new(title(*reader, task), run)
        })
    });
    let rounds = Rounds::run(settings::rounds(), contestants.collect());

    for task in &tasks {
        let readers: Vec<_> = Reader::all(task).iter().map(|reader| title(*reader, task)).collect();
        println!("{}\n", rounds.table(&readers));
    }
    for task in &tasks {
        let [ours, theirs] = [Reader::Adsync, Reader::Ldapsearch].map(|reader| title(reader, task));
        let measured = rounds.ratio(&ours, &theirs, Figure::Wall).expect("both have a time");
        println!(
            "{}",
            Wish::at_most(1.4, "×", format!("{ours} beside {theirs}"), measured)
        );
    }
    let ours = rounds.of(&title(Reader::Adsync, &tasks[0]));
    let held = ours.minimum(Figure::HeldMemory).expect("a snapshot has a size") / f64::from(1 << 20);
    println!("{}", Wish::at_most(64.0, "MiB", "what the people take in memory", held));
}

fn title(reader: Reader, task: &Task) -> String {
    format!("{}: {}", task.name(), reader.name())
}
