//! The SyncScope controller.

pub mod schedule;
