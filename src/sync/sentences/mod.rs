//! The design's sentences about the core, each a test: a small company, a cluster in memory, and what a sync makes of them.

mod absence;
mod approving;
mod claiming;
mod cluster;
mod doubting;
mod filtering;
mod guarding;
mod holding;
mod leaving_departments;
mod letting_go;
mod logging_in;
mod mapping;
mod matching;
mod numbering;
mod properties;
mod referring;
mod relinking;
mod removing;
mod ring_groups;
mod selecting;
mod shrinking;
mod unlinking;
mod world;
mod writing;
