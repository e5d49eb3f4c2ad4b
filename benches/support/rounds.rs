//! Contestants that take turns: A B A B, so that whatever else the machine does happens to all of them.

use super::Cost;

/// Something to measure.
pub(crate) struct Contestant<'a> {
    name: String,
    run: Box<dyn FnMut() -> Cost + 'a>,
}

impl<'a> Contestant<'a> {
    pub(crate) fn new(name: impl Into<String>, run: impl FnMut() -> Cost + 'a) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
        }
    }
}

/// What each contestant took, round by round.
#[derive(Debug)]
pub(crate) struct Rounds {
    pub(crate) results: Vec<Results>,
}

/// What one contestant took in all rounds.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) name: String,
    pub(crate) costs: Vec<Cost>,
}

impl Rounds {
    /// Lets each contestant run once in each round.
    pub(crate) fn run(count: usize, mut contestants: Vec<Contestant<'_>>) -> Self {
        let mut results: Vec<_> = contestants
            .iter()
            .map(|contestant| Results {
                name: contestant.name.clone(),
                costs: Vec::new(),
            })
            .collect();
        for round in 1..=count {
            eprintln!("round {round} of {count}");
            for (contestant, results) in contestants.iter_mut().zip(&mut results) {
                results.costs.push((contestant.run)());
            }
        }
        Self { results }
    }

    /// One contestant's results.
    pub(crate) fn of(&self, name: &str) -> &Results {
        let found = self.results.iter().find(|results| results.name == name);
        found.unwrap_or_else(|| panic!("no contestant is called {name}"))
    }

    /// How many times the figure of one contestant another one's is: of several rounds the median of each round's ratio.
    pub(crate) fn ratio(&self, name: &str, to: &str, figure: Figure) -> Option<f64> {
        let pairs = self.of(name).costs.iter().zip(&self.of(to).costs);
        let ratios = pairs.map(|(cost, other)| Some(figure.of(cost)? / figure.of(other)?));
        median(ratios.collect::<Option<Vec<_>>>()?)
    }
}

impl Results {
    /// The smallest value of a figure: what it takes when nothing disturbs.
    pub(crate) fn minimum(&self, figure: Figure) -> Option<f64> {
        self.values(figure)?.into_iter().reduce(f64::min)
    }

    /// The value of a figure that half of the rounds stayed below.
    pub(crate) fn median(&self, figure: Figure) -> Option<f64> {
        median(self.values(figure)?)
    }

    fn values(&self, figure: Figure) -> Option<Vec<f64>> {
        self.costs.iter().map(|cost| figure.of(cost)).collect()
    }
}

/// A figure of a cost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Figure {
    Wall,
    Cpu,
    PeakMemory,
    HeldMemory,
}

impl Figure {
    /// In seconds or in bytes.
    #[expect(clippy::cast_precision_loss, reason = "nothing here has 2^53 bytes")]
    pub(crate) fn of(self, cost: &Cost) -> Option<f64> {
        match self {
            Self::Wall => Some(cost.wall.as_secs_f64()),
            Self::Cpu => cost.cpu.map(|cpu| cpu.as_secs_f64()),
            Self::PeakMemory => cost.peak_memory.map(|bytes| bytes as f64),
            Self::HeldMemory => cost.held_memory.map(|bytes| bytes as f64),
        }
    }

    /// A value of it as people read it.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Wall | Self::Cpu if value < 1e-3 => format!("{:.0} µs", value * 1e6),
            Self::Wall | Self::Cpu if value < 1.0 => format!("{:.1} ms", value * 1e3),
            Self::Wall | Self::Cpu => format!("{value:.2} s"),
            Self::PeakMemory | Self::HeldMemory => format!("{:.1} MiB", value / f64::from(1 << 20)),
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}
