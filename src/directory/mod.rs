//! Reading Active Directory: what a connection reads, and the values that the core decides on.
//!
//! The value types (everything that a [`Snapshot`] is made of) know no connection, no clock and no client: the pure core takes
//! them as they are.

pub mod dn;
pub mod entry;
pub mod filter;
pub mod guid;
#[cfg(test)]
pub(crate) mod samples;
pub mod snapshot;
pub mod text;
pub mod user_set;

pub use dn::{Dn, DnError};
pub use entry::{AttributeName, AttributeNameError, RawEntry};
pub use filter::{Filter, FilterError};
pub use guid::Guid;
pub use snapshot::{Group, GroupIndex, Members, Origin, Snapshot, SnapshotBuilder, Unit, UnitIndex, User};
pub use user_set::{UserIndex, UserSet};
