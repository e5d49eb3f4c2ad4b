//! adsync keeps a phone system's users, extensions and ring groups in step with Active Directory.
//!
//! ```text
//!              I/O                                pure                                  I/O
//!  Active ── read ──► Snapshot ─► select ─► match ─► map ─► number ─► diff ── apply ──► custom resources
//!  Directory                      (scope)  (links) (fields) (extensions) (Plan)         + status, events, metrics
//! ```
//!
//! Data goes one way. Between the two I/O ends everything is synchronous: values in, values out.

pub mod api;
pub mod causes;
pub mod cli;
pub mod controllers;
pub mod directory;
pub mod reference;
pub mod serve;
pub mod sync;
