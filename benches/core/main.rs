//! bench: the core alone, from selection to the plan. Does its time grow faster than the number of people?
//!
//! Time is CPU time here: it computes and waits for nothing, and other programs of the machine don't count.
//! `ADSYNC_BENCH_PEOPLE` is the largest size (100000); the others are a tenth and a hundredth of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a bench tells on the terminal, and stops where something is wrong"
)]

// The cluster in memory that the core's tests have too.
#[path = "../../src/sync/sentences/cluster.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod cluster;
mod company;
#[path = "../support/mod.rs"]
mod support;

use std::hint::black_box;

// For `cluster`.
use adsync::{api, sync};
use allocation_counter::AllocationInfo;
use company::{Company, Situation};
use support::rounds::Figure;
use support::{Contestant, Cost, Meter, Rounds, Wish, machine, settings, table};

/// Of so many people, one has changed.
const CHANGED: usize = 100;

fn main() {
    let largest = settings::number("ADSYNC_BENCH_PEOPLE", 100_000);
    let sizes = [largest / 100, largest / 10, largest];
    let machine = machine::describe();
    let companies = sizes.map(Company::new);
    let cases: Vec<_> = companies.iter().flat_map(Case::all).collect();
    let contestants = cases.iter().map(|case| Contestant::new(case.name(), || case.measure()));
    let rounds = Rounds::run(settings::rounds(), contestants.collect());

    println!("\n## The core alone, from selection to the plan\n\n{machine}\n");
    let head = [
        "",
        "people",
        "CPU (min)",
        "median",
        "a person",
        "writes",
        "allocations a person",
        "peak memory",
    ];
    let rows = cases.iter().map(|case| case.row(&rounds));
    println!(
        "{}\n",
        table::table(std::iter::once(head.map(str::to_owned)).chain(rows))
    );
    for what in Case::WHATS {
        let time = |size: usize| {
            let time = rounds.of(&title(what, size)).minimum(Figure::Cpu);
            time.expect("a time") / size as f64
        };
        let growth = time(sizes[2]) / time(sizes[1]);
        println!(
            "{}",
            Wish::at_most(
                1.25,
                "×",
                format!("{what}: time a person with {} beside {}", sizes[2], sizes[1]),
                growth
            )
        );
    }
}

/// A company in a situation.
struct Case<'a> {
    what: &'static str,
    company: &'a Company,
    situation: Situation,
    writes: usize,
    allocated: AllocationInfo,
}

impl<'a> Case<'a> {
    const WHATS: [&'static str; 3] = ["nothing changed", "1 % changed", "everything new"];

    fn all(company: &'a Company) -> [Self; 3] {
        Self::WHATS.map(|what| {
            let situation = match what {
                "everything new" => company.all_new(),
                "1 % changed" => company.synced_but(|person| person % CHANGED == 0),
                _ => company.synced_but(|_| false),
            };
            let mut writes = 0;
            let allocated = allocation_counter::measure(|| {
                let plan = company.plan(&situation).plan;
                writes = plan.claims.len() + plan.users.len() + plan.ring_groups.len();
            });
            Self {
                what,
                company,
                situation,
                writes,
                allocated,
            }
        })
    }

    fn name(&self) -> String {
        title(self.what, self.company.people)
    }

    fn measure(&self) -> Cost {
        let meter = Meter::of_this_process();
        let outcome = black_box(self.company.plan(black_box(&self.situation)));
        let cost = meter.read();
        drop(outcome);
        Cost {
            peak_memory: Some(self.allocated.bytes_max),
            ..cost
        }
    }

    fn row(&self, rounds: &Rounds) -> [String; 8] {
        let results = rounds.of(&self.name());
        let [minimum, median] =
            [results.minimum(Figure::Cpu), results.median(Figure::Cpu)].map(|time| time.expect("a time"));
        let people = self.company.people;
        [
            self.what.to_owned(),
            people.to_string(),
            Figure::Cpu.show(minimum),
            Figure::Cpu.show(median),
            format!("{:.2} µs", minimum * 1e6 / people as f64),
            self.writes.to_string(),
            format!("{:.1}", self.allocated.count_total as f64 / people as f64),
            Figure::PeakMemory.show(self.allocated.bytes_max as f64),
        ]
    }
}

fn title(what: &str, people: usize) -> String {
    format!("{what}, {people} people")
}
