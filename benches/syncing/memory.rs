//! The resident memory of a process while it works, looked at ten times a second.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use procfs::process::Process;
use tokio::task::JoinHandle;
use tokio::time::interval;

const LOOK: Duration = Duration::from_millis(100);
/// What the course of it is told in.
const STEP: u64 = 16 << 20;

/// Watches a process.
pub struct Memory {
    phases: Arc<Mutex<Vec<Phase>>>,
    watching: JoinHandle<()>,
}

/// A stretch of the process's life.
#[derive(Clone, Debug)]
pub struct Phase {
    pub name: &'static str,
    /// In bytes.
    looks: Vec<u64>,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Course(Vec<Phase>);

impl Memory {
    /// Begins with the phase "started".
    pub fn watch(process: u32) -> Self {
        let process = Process::new(i32::try_from(process).expect("a process id")).expect("it runs");
        let phases = Arc::new(Mutex::new(vec![Phase::begin("started")]));
        let watching = tokio::spawn(look(process, phases.clone()));
        Self { phases, watching }
    }

    /// Another phase begins.
    pub fn enter(&self, name: &'static str) {
        let mut phases = self.phases.lock().expect("nobody panics with it");
        phases.push(Phase::begin(name));
    }

    pub async fn end(self) -> Course {
        self.watching.abort();
        let _ = self.watching.await;
        Course(self.phases.lock().expect("nobody panics with it").clone())
    }
}

async fn look(process: Process, phases: Arc<Mutex<Vec<Phase>>>) {
    let mut clock = interval(LOOK);
    loop {
        clock.tick().await;
        let Ok(memory) = process.statm() else { return };
        let resident = memory.resident * procfs::page_size();
        let mut phases = phases.lock().expect("nobody panics with it");
        phases.last_mut().expect("there is always one").looks.push(resident);
    }
}

impl Phase {
    fn begin(name: &'static str) -> Self {
        Self {
            name,
            looks: Vec::new(),
        }
    }

    pub fn most(&self) -> u64 {
        self.looks.iter().copied().max().unwrap_or_default()
    }

    pub fn last(&self) -> u64 {
        self.looks.last().copied().unwrap_or_default()
    }
}

impl Course {
    pub fn phases(&self) -> &[Phase] {
        &self.0
    }
}

/// When it grew or shrank by a step: "first sync: 0.0 s 20, 0.4 s 48".
impl fmt::Display for Course {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = 0;
        for phase in &self.0 {
            write!(formatter, "\n  {}:", phase.name)?;
            let mut time = Duration::ZERO;
            for resident in &phase.looks {
                if time.is_zero() || resident.abs_diff(told) >= STEP {
                    told = *resident;
                    write!(formatter, " {:.1} s {},", time.as_secs_f64(), told >> 20)?;
                }
                time += LOOK;
            }
        }
        Ok(())
    }
}
