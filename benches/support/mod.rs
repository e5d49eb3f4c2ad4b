//! What every bench needs: rounds that alternate, what a process cost, a table, the machine. What is measured doesn't belong here.
//!
//! A bench never fails because something was slow: it says at its end which wish it met and which it missed.

#![allow(dead_code, unused_imports, reason = "a toolbox: no bench uses all of it")]

pub(crate) mod child;
pub(crate) mod cost;
pub(crate) mod machine;
pub(crate) mod rounds;
pub(crate) mod settings;
pub(crate) mod table;
pub(crate) mod wish;

pub(crate) use cost::{Cost, Meter};
pub(crate) use rounds::{Contestant, Rounds};
pub(crate) use wish::Wish;
