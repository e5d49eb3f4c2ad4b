//! THE CORE: who is synced, and what the phone system should look like. Values in, values out: no client, no clock, no randomness.

pub mod number;
pub mod number_pattern;
pub mod number_plan;
pub mod number_set;
