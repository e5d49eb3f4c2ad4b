//! The I/O side of the operator: one controller a kind, and what they share. It joins `api`, `directory` and `sync`.

pub mod apply;
pub mod backoff;
pub mod changes;
pub mod client;
pub mod conditions;
pub mod configuration;
pub mod events;
pub mod managed_fields;
pub mod observed;
pub mod release;
pub mod status;
pub mod sync_scope;
