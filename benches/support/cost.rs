//! What something took: time, CPU seconds and memory, of this process, of a child or of any other.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use procfs::process::Process;
use serde::{Deserialize, Serialize};

/// What something took. What was not looked at is `None`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Cost {
    /// From its beginning to its end.
    pub(crate) wall: Duration,
    /// CPU seconds, those of the kernel for it included.
    pub(crate) cpu: Option<Duration>,
    /// The most memory that it had at any time, in bytes (resident).
    pub(crate) peak_memory: Option<u64>,
    /// What it keeps in memory when it is done, in bytes.
    pub(crate) held_memory: Option<u64>,
}

/// A clock that runs beside some work.
#[derive(Debug)]
pub(crate) struct Meter {
    whose: Whose,
    started: Instant,
    cpu: Duration,
}

#[derive(Debug)]
enum Whose {
    Ourselves,
    /// The children that have ended and were waited for.
    Children,
    Another(Process),
}

impl Meter {
    /// Measures what this process does from now on.
    pub(crate) fn of_this_process() -> Self {
        Self::start(Whose::Ourselves)
    }

    /// Measures the children that are started and waited for from now on. Their peak memory is right only when there was no
    /// bigger child before: see `child::commands`.
    pub(crate) fn of_children() -> Self {
        Self::start(Whose::Children)
    }

    /// Measures what a process that already runs does from now on, such as an operator.
    pub(crate) fn of_process(id: u32) -> Self {
        let id = i32::try_from(id).expect("a process id");
        Self::start(Whose::Another(Process::new(id).expect("the process runs")))
    }

    /// Measures what a process has done from its start on; only the time is from now on.
    pub(crate) fn of_whole_process(id: u32) -> Self {
        Self {
            cpu: Duration::ZERO,
            ..Self::of_process(id)
        }
    }

    fn start(whose: Whose) -> Self {
        Self {
            cpu: whose.cpu(),
            started: Instant::now(),
            whose,
        }
    }

    /// What it took up to now.
    pub(crate) fn read(&self) -> Cost {
        Cost {
            wall: self.started.elapsed(),
            cpu: Some(self.whose.cpu().saturating_sub(self.cpu)),
            peak_memory: Some(self.whose.peak_memory()),
            held_memory: None,
        }
    }

    /// Memory that the process has now, in bytes (resident).
    pub(crate) fn resident(&self) -> u64 {
        let status = self.whose.process().status().expect("the process runs");
        status.vmrss.expect("Linux says how much is resident") * 1024
    }
}

impl Whose {
    fn process(&self) -> Process {
        match self {
            Self::Another(process) => Process::new(process.pid).expect("the process runs"),
            Self::Ourselves | Self::Children => Process::myself().expect("/proc is there"),
        }
    }

    fn cpu(&self) -> Duration {
        let usage = match self {
            Self::Another(process) => {
                // In hundredths of a second: fine for work of seconds.
                let stat = process.stat().expect("the process runs");
                return Duration::from_millis((stat.utime + stat.stime) * 1000 / procfs::ticks_per_second());
            }
            Self::Ourselves => UsageWho::RUSAGE_SELF,
            Self::Children => UsageWho::RUSAGE_CHILDREN,
        };
        let usage = getrusage(usage).expect("getrusage knows us");
        duration(usage.user_time()) + duration(usage.system_time())
    }

    fn peak_memory(&self) -> u64 {
        let kibibytes = if matches!(self, Self::Children) {
            let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage knows us");
            u64::try_from(usage.max_rss()).unwrap_or_default()
        } else {
            // Not getrusage: that remembers what was there before the program was loaded.
            let status = self.process().status().expect("the process runs");
            status.vmhwm.expect("Linux says how much was resident")
        };
        kibibytes * 1024
    }
}

fn duration(time: TimeVal) -> Duration {
    let (seconds, microseconds) = (u64::try_from(time.tv_sec()), u64::try_from(time.tv_usec()));
    Duration::from_secs(seconds.unwrap_or_default()) + Duration::from_micros(microseconds.unwrap_or_default())
}
