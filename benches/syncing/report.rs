//! What came out, for a terminal and for docs/performance.md. Measures nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use comfy_table::Table;
use kube::api::DynamicObject;

use crate::bare_loop::Sent;
use crate::doorman::Counted;
use crate::memory::Course;
use crate::rest::Rest;
use crate::site::Sync;
use crate::support::rounds::{Figure, Results};
use crate::support::table::table;
use crate::support::{Cost, Rounds, Wish};

const OPERATOR: &str = "the operator";
const WITHOUT_READ: &str = "… without reading the directory";
const LOOP: &str = "the bare loop";

/// Everything that was measured.
pub struct Report {
    people: usize,
    machine: String,
    pub first_sync: Against,
    pub unnumbered: Against,
    pub numbered: Against,
    pub again: Vec<Sync>,
    pub memory: Vec<Course>,
    pub connections: Vec<Counted>,
    /// What an operator found at its start, and how it rested.
    pub rests: Vec<(&'static str, Rest)>,
}

/// Syncs beside the bare loop.
#[derive(Debug, Default)]
pub struct Against {
    syncs: Vec<Sync>,
    sent: Vec<Sent>,
    /// What the last sync wrote.
    objects: Vec<DynamicObject>,
}

impl Report {
    pub fn new(people: usize, machine: String) -> Self {
        Self {
            people,
            machine,
            first_sync: Against::default(),
            unnumbered: Against::default(),
            numbered: Against::default(),
            again: Vec::new(),
            memory: Vec::new(),
            connections: Vec::new(),
            rests: Vec::new(),
        }
    }

    /// How large objects of each kind are as etcd keeps them: as JSON, with their managedFields.
    fn sizes(&self) -> BTreeMap<&str, usize> {
        let mut sizes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for object in self.first_sync.objects.iter().chain(&self.numbered.objects) {
            let kind = object.types.as_ref().map_or("", |types| &types.kind);
            let size = serde_json::to_string(object).expect("it was JSON").len();
            sizes.entry(kind).or_default().push(size);
        }
        let sizes = sizes.into_iter();
        sizes
            .map(|(kind, all)| (kind, all.iter().sum::<usize>() / all.len()))
            .collect()
    }

    fn wishes(&self) -> Vec<Wish> {
        let beside_loop = [
            ("people with numbers", &self.first_sync),
            ("ring groups", &self.unnumbered),
            ("ring groups with numbers", &self.numbered),
        ];
        let ratios = beside_loop.into_iter().filter_map(|(what, against)| {
            let measured = against.rounds().ratio(WITHOUT_READ, LOOP, Figure::Wall)?;
            Some(Wish::at_most(
                1.2,
                "×",
                format!("{what}, beside the bare loop"),
                measured,
            ))
        });
        let writes = self.again.iter().map(writes).max().unwrap_or_default();
        let most = self.connections.iter().map(|counted| counted.most).max();
        let further = [
            ("writes of a sync with nothing changed: its status", 1.0, writes),
            ("LDAP connections at a time", 2.0, most.unwrap_or_default()),
        ];
        let further = further.map(|(what, at_most, measured)| Wish::at_most(at_most, "", what, float(measured)));
        ratios.chain(further).collect()
    }
}

impl Against {
    pub fn add(&mut self, sync: Sync, sent: Sent, objects: Vec<DynamicObject>) {
        self.syncs.push(sync);
        self.sent.push(sent);
        self.objects = objects;
    }

    /// Whether the bare loop comes before the operator this time.
    pub fn is_loops_turn(&self) -> bool {
        self.sent.len() % 2 == 1
    }

    /// What the operator wrote the last time.
    pub fn objects(&self) -> &[DynamicObject] {
        &self.objects
    }

    fn rounds(&self) -> Rounds {
        let results = |name: &str, costs: Vec<Cost>| Results {
            name: name.to_owned(),
            costs,
        };
        let without_read = |sync: &Sync| Cost {
            wall: sync.cost.wall.saturating_sub(sync.stages.reading),
            cpu: None,
            ..sync.cost
        };
        Rounds {
            results: vec![
                results(OPERATOR, self.syncs.iter().map(|sync| sync.cost).collect()),
                results(WITHOUT_READ, self.syncs.iter().map(without_read).collect()),
                results(LOOP, self.sent.iter().map(|sent| sent.cost).collect()),
            ],
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let people = self.people;
        writeln!(formatter, "\n## Syncing {people} people\n\n{}\n", self.machine)?;
        writeln!(
            formatter,
            "First sync of {people} people with numbers\n\n{}",
            self.first_sync
        )?;
        let teams = people / 10;
        writeln!(formatter, "{teams} groups become ring groups\n\n{}", self.unnumbered)?;
        writeln!(
            formatter,
            "{teams} groups become ring groups with numbers\n\n{}",
            self.numbered
        )?;
        writeln!(formatter, "Nothing changed\n\n{}", Syncs(&self.again))?;
        for counted in &self.connections {
            writeln!(formatter, "LDAP connections: {counted}")?;
        }
        writeln!(formatter, "Bytes an object, as JSON: {:?}\n", self.sizes())?;
        for course in &self.memory {
            writeln!(formatter, "Resident memory of the operator, in MiB: {course}")?;
            let phases = course.phases().iter();
            let rows = phases.map(|phase| [phase.name.to_owned(), mebibytes(phase.most()), mebibytes(phase.last())]);
            let head = ["", "most", "at its end"].map(str::to_owned);
            writeln!(formatter, "{}\n", table(std::iter::once(head).chain(rows)))?;
        }
        writeln!(formatter, "Started anew, and at rest\n\n{}\n", rests(&self.rests))?;
        for wish in self.wishes() {
            writeln!(formatter, "{wish}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Against {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { syncs, sent, .. } = self;
        writeln!(
            formatter,
            "{}\n\n{}",
            self.rounds().table(&[LOOP, OPERATOR, WITHOUT_READ]),
            Syncs(syncs)
        )?;
        let server: Vec<String> = sent.iter().map(|sent| format!("{:.2}", sent.server)).collect();
        writeln!(
            formatter,
            "CPU seconds of the API server for the bare loop: {}",
            server.join(", ")
        )
    }
}

/// What syncs took, a row each.
struct Syncs<'a>(&'a [Sync]);

impl fmt::Display for Syncs<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["", "time", "reading", "planning", "writing", "CPU", "API server's CPU"].map(str::to_owned);
        let rows = self.0.iter().enumerate().map(|(index, sync)| {
            let stages = sync.stages;
            let stages = [stages.reading, stages.planning, stages.writing].map(seconds);
            let [reading, planning, writing] = stages;
            let cpu = seconds(sync.cost.cpu.unwrap_or_default());
            let server = format!("{:.2} s", sync.server);
            [
                (index + 1).to_string(),
                seconds(sync.cost.wall),
                reading,
                planning,
                writing,
                cpu,
                server,
            ]
        });
        writeln!(formatter, "{}", table(std::iter::once(head).chain(rows)))?;
        let requests = self.0.last().map(|sync| &sync.requests);
        writeln!(
            formatter,
            "Requests of the last one: {:?}",
            requests.unwrap_or(&BTreeMap::new())
        )
    }
}

fn rests(all: &[(&str, Rest)]) -> Table {
    let head = [
        "it finds",
        "ready after",
        "CPU",
        "synced after",
        "CPU",
        "at rest",
        "CPU in a minute",
        "kubectl get",
        "CPU",
        "peak memory",
    ];
    let rows = all.iter().map(|(found, rest)| {
        let [ready, ready_cpu] = took(rest.ready);
        let [synced, synced_cpu] = rest.synced.map_or_else(|| ["–", "–"].map(str::to_owned), took);
        let [listed, listed_cpu] = took(rest.listed);
        [
            (*found).to_owned(),
            ready,
            ready_cpu,
            synced,
            synced_cpu,
            mebibytes(rest.resident),
            seconds(rest.cpu),
            listed,
            listed_cpu,
            mebibytes(rest.listed.peak_memory.unwrap_or_default()),
        ]
    });
    table(std::iter::once(head.map(str::to_owned)).chain(rows))
}

/// Time and CPU seconds.
fn took(cost: Cost) -> [String; 2] {
    [cost.wall, cost.cpu.unwrap_or_default()].map(seconds)
}

fn writes(sync: &Sync) -> usize {
    let writes = sync
        .requests
        .iter()
        .filter(|(what, _)| what.starts_with("patch") || what.starts_with("create"));
    writes.map(|(_, count)| count).sum()
}

fn seconds(duration: Duration) -> String {
    Figure::Wall.show(duration.as_secs_f64())
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", float(bytes) / f64::from(1 << 20))
}

#[expect(clippy::cast_precision_loss, reason = "nothing here is that large")]
fn float(number: impl TryInto<u64>) -> f64 {
    number.try_into().unwrap_or_default() as f64
}
