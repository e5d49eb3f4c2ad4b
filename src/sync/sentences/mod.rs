//! The design's sentences about the core, each a test: a small company, a cluster in memory, and what a sync makes of them.

mod absence;
mod claiming;
mod cluster;
mod company;
mod dangers;
mod doubting;
mod filtering;
mod leaving_departments;
mod letting_go;
mod logging_in;
mod mapping;
mod matching;
mod model;
mod numbering;
mod properties;
mod racing;
mod referring;
mod relinking;
mod removing;
mod ring_groups;
mod selecting;
mod shrinking;
mod unlinking;
mod veil;
mod world;
mod writing;
