//! The SyncScope controller.

pub mod report;
pub mod schedule;
