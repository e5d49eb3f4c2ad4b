//! The controllers: one file (or folder) a kind, each the same pipeline: fetch, validate, plan, apply, report.
//!
//! They join the directory, the core and the Kubernetes API; what decides is pure and lives beside them or in `sync`.

pub mod changes;
pub mod configuration;
