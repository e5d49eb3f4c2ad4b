//! Reading Active Directory: what a connection reads, and the values that the core decides on.
//!
//! The value types (everything that a [`Snapshot`] is made of) know no connection, no clock and no client: the pure core takes
//! them as they are.

mod advice;
pub mod answer;
mod ber;
pub mod codes;
mod connection;
mod discovery;
pub mod dn;
pub mod entry;
pub mod error;
mod extended_name;
mod file_time;
pub mod filter;
mod finding;
mod framing;
mod guard;
pub mod guid;
pub mod password;
mod ranges;
pub mod reader;
pub mod reading;
mod received;
pub mod rejected;
pub mod replication;
#[cfg(test)]
pub(crate) mod samples;
mod search;
pub mod settings;
pub mod sighting;
pub mod snapshot;
pub mod text;
mod tls;
mod transport;
pub mod user_set;

pub use answer::Answer;
pub use dn::{Dn, DnError};
pub use entry::{AttributeName, AttributeNameError, RawEntry};
pub use error::DirectoryError;
pub use filter::{Filter, FilterError};
pub use guid::Guid;
pub use password::PasswordExpiry;
pub use reader::Directory;
pub use reading::{ConnectionReport, Request};
pub use rejected::RejectedPasswords;
pub use replication::Replica;
pub use settings::{Account, ConnectionSettings, Encryption, ServerAddress, Timeouts};
pub use sighting::{Alive, Sighting};
pub use snapshot::{
    Group, GroupIndex, GroupKind, Members, Origin, Path, Snapshot, SnapshotBuilder, Unit, UnitIndex, User,
};
pub use user_set::{UserIndex, UserSet};
