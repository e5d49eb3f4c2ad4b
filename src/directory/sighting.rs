//! directory: what the directory says of one account that was asked for by its objectGUID. Values only.

use super::{Dn, Guid};

/// What the directory says of one account that was asked for by its objectGUID, wherever in the domain it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sighting {
    /// It exists.
    Alive(Box<Alive>),
    /// It is a tombstone (`isDeleted`): it was deleted, for certain.
    Deleted,
    /// No answer. It was deleted, or whoever asked may not see it (any more).
    Unseen {
        /// Whoever asked may see tombstones: then an account without one exists, and is hidden.
        sees_tombstones: bool,
    },
}

/// What an account shows of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alive {
    /// Where it is now.
    pub dn: Dn,
    /// The groups that it is in directly (`memberOf`, objectGUIDs), as far as it shows them; never the primary group.
    pub groups: Vec<Guid>,
}
