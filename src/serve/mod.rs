//! What the operator serves over HTTP, and what it serves from.

pub mod metrics;
