//! Whole syncs: the directory, the operator and the API server, all real. A file a step of the picture in `lib.rs`; what a
//! sync promises under races is in the files above.

mod scene;
mod sound;

mod adopting;
mod auditing;
mod company;
mod conditions;
mod dangers;
mod deletion;
mod hands;
mod hiding;
mod holding;
mod lagging;
mod leaving_ring_groups;
mod linking;
mod mapping;
mod matching;
mod moving;
mod numbering;
mod numbers_from_attributes;
mod numbers_over_time;
mod outages;
mod references;
mod relinking;
mod removal;
mod reused;
mod ring_groups;
mod scopes;
mod select;
mod spending;
mod waiting;
