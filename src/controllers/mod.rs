//! The I/O side of the operator: one controller a kind, and what they share. It joins `api`, `directory` and `sync`.

pub mod active_directory_config;
pub mod agent;
pub mod api_server;
pub mod apply;
pub mod backoff;
pub mod changes;
pub mod client;
pub mod conditions;
pub mod configuration;
pub mod connections;
pub mod context;
pub mod events;
pub mod extension_rule;
pub mod kinds_served;
pub mod leadership;
pub mod managed_fields;
pub mod observed;
pub mod patience;
pub mod phone_system;
pub mod release;
pub mod runner;
pub mod status;
pub mod sync_scope;
pub mod trial;
pub mod world;
