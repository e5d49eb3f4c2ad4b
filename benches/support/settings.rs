//! How large and how often: environment variables, so that `make bench` and `cargo bench` take them alike.

use std::env;

/// How many rounds: `ADSYNC_BENCH_ROUNDS`.
pub(crate) fn rounds() -> usize {
    number("ADSYNC_BENCH_ROUNDS", 5)
}

/// A size from an environment variable, or else what is measured for docs/performance.md.
pub(crate) fn number(variable: &str, usual: usize) -> usize {
    match env::var(variable) {
        Ok(text) => text
            .replace('_', "")
            .parse()
            .unwrap_or_else(|_| panic!("{variable} must be a number, and is {text}")),
        Err(_) => usual,
    }
}
