//! What is in the cluster, of one phone system, as plain data. Filled from watches elsewhere; nothing here decides.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    field::{Field, FieldSet, RingField, WrittenField},
    number::Number,
    value::{Value, Values},
};
use crate::api::extension::{ExtensionState, Holder};

/// The objects of one phone system, by object name.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// PhoneUsers, people's own among them.
    pub users: BTreeMap<Box<str>, ObservedUser>,
    /// Extensions.
    pub extensions: BTreeMap<Box<str>, ObservedExtension>,
    /// RingGroups, people's own among them.
    pub ring_groups: BTreeMap<Box<str>, ObservedRingGroup>,
}

impl Observed {
    /// Whether all objects of ours can be read. One that can't may be anybody's, so that nobody is taken away meanwhile.
    pub fn is_readable(&self) -> bool {
        let mut users = self.users.values();
        let mut ring_groups = self.ring_groups.values();
        let mut extensions = self.extensions.values();
        users.all(|user| user.is_readable || user.ownership.ours.is_empty())
            && ring_groups.all(|ring_group| ring_group.is_readable || ring_group.ownership.ours.is_empty())
            && extensions.all(|extension| extension.is_readable || extension.scope.is_none())
    }
}

/// Which object, and which version of it: a write names both, so that it neither raises the dead nor undoes an unlink.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Version {
    /// `metadata.uid`
    pub uid: Box<str>,
    /// `metadata.resourceVersion`
    pub resource_version: Box<str>,
}

/// Who holds which field, from `metadata.managedFields`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ownership<F: WrittenField = Field> {
    /// Held by the operator (manager `adsync`, operation Apply).
    pub ours: FieldSet<F>,
    /// Held by others that apply; a manager holds at least one field to be listed.
    pub applied: Box<[(Box<str>, FieldSet<F>)]>,
    /// Held by others that update, by whatever they used to change a field.
    pub updated: Box<[(Box<str>, FieldSet<F>)]>,
}

impl<F: WrittenField> Default for Ownership<F> {
    fn default() -> Self {
        Self {
            ours: FieldSet::EMPTY,
            applied: Box::default(),
            updated: Box::default(),
        }
    }
}

/// A PhoneUser.
#[derive(Clone, Debug)]
pub struct ObservedUser {
    /// Which version was seen.
    pub version: Version,
    /// People set `link: Unlinked`.
    pub is_unlinked: bool,
    /// It is not to be removed: people set `adsync.dev/protect: "true"`, or it was deleted and somebody's finalizer keeps it.
    pub is_protected: bool,
    /// The fields that the operator could write, the link to the account and the labels among them.
    pub values: Values,
    /// Who holds them.
    pub ownership: Ownership<Field>,
    /// Its spec could be read. One that couldn't still holds its name, and its number as far as that was read.
    pub is_readable: bool,
}

impl ObservedUser {
    /// Name of the SyncScope that provides it: by its link, else by its label.
    pub fn provider(&self) -> Option<&str> {
        let link = self.values.link().map(|link| &*link.scope);
        link.or_else(|| self.values.text(Field::ScopeLabel))
    }

    /// Whether the operator holds any field of its spec: the labels alone stay its own when it lets go.
    pub fn is_held(&self) -> bool {
        !self.ownership.ours.intersection(FieldSet::all_of_spec()).is_empty()
    }
}

/// An Extension.
#[derive(Clone, Debug)]
pub struct ObservedExtension {
    /// Which version was seen.
    pub version: Version,
    /// The number; from the object's name when the spec could not be read. None: neither gives one.
    pub number: Option<Number>,
    /// Whether somebody holds it. None: a state that this version does not know, so it is taken.
    pub state: Option<ExtensionState>,
    /// Who holds it; while Cooling: who had it.
    pub holder: Option<Holder>,
    /// While Cooling: when anybody may have it.
    pub release_after: Option<Timestamp>,
    /// While Cooling: for whom it was let go of.
    pub awaited_by: Option<Box<Holder>>,
    /// Its spec could be read. One that couldn't is taken.
    pub is_readable: bool,
    /// The SyncScope in its label, if any.
    pub scope: Option<Box<str>>,
    /// People set `adsync.dev/protect: "true"`: it is never taken from its holder.
    pub is_protected: bool,
    /// The operator wrote who holds it, and nobody else since.
    pub is_ours: bool,
    /// Another tool that applies the spec.
    pub applied_by: Option<Box<str>>,
}

/// A RingGroup.
#[derive(Clone, Debug)]
pub struct ObservedRingGroup {
    /// Which version was seen.
    pub version: Version,
    /// It is not to be removed: people set `adsync.dev/protect: "true"`, or it was deleted and somebody's finalizer keeps it.
    pub is_protected: bool,
    /// The fields that the operator could write, the source and the labels among them.
    pub values: BTreeMap<RingField, Value>,
    /// Who holds them.
    pub ownership: Ownership<RingField>,
    /// Its spec could be read. One that couldn't still holds its name, and its number as far as that was read.
    pub is_readable: bool,
}
