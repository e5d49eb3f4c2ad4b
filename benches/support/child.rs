//! Work in a process of its own, so that its memory and CPU seconds are its own: a bench starts itself again for a part of its work.

use std::env;
use std::process::{Command, Stdio};

use super::{Cost, Meter};

/// Names the part of the work that this process was started for.
const PART: &str = "ADSYNC_BENCH_PART";

/// The part of the work that this process was started for; `None`: it is the bench itself.
pub(crate) fn part() -> Option<String> {
    env::var(PART).ok()
}

/// Starts this bench again for a part of its work, waits, and returns what it told with [`tell`].
pub(crate) fn run(part: &str, settings: &[(&str, String)]) -> Cost {
    let bench = env::current_exe().expect("a program knows where it is");
    let mut command = Command::new(bench);
    command
        .env(PART, part)
        .envs(settings.iter().map(|(name, value)| (name, value)));
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("{part} did not start: {error}"));
    assert!(output.status.success(), "{part} ended with {}", output.status);
    let told = String::from_utf8(output.stdout).expect("a cost is text");
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{part} told no cost: {error}: {told}"))
}

/// Tells the bench that started this process what its part cost.
pub(crate) fn tell(cost: Cost) {
    println!("{}", serde_json::to_string(&cost).expect("a cost is plain data"));
}

/// Runs other programs to their end, one after the other, and measures them together. To be called in a process that [`run`]
/// started and that ran nothing before: Linux tells the peak memory of all children together.
pub(crate) fn commands(commands: impl IntoIterator<Item = Command>) -> Cost {
    let meter = Meter::of_children();
    for mut command in commands {
        let status = command.status();
        let status = status.unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
        assert!(status.success(), "{command:?} ended with {status}");
    }
    meter.read()
}
