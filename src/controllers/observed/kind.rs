//! The many kinds, and what the maps need to know of each. No object is read here.

use std::collections::BTreeMap;

use kube::{
    ResourceExt,
    api::{ApiResource, DynamicObject},
};

use crate::{
    api::{Extension, PhoneUser, RingGroup, extension::HolderKind, labels},
    sync::observed::{Observed, Version},
};

/// One of the many kinds, as a record.
pub trait Record: Clone + Send + Sync + Sized + 'static {
    /// How the kind is called.
    const KIND: Kind;

    /// Reads an object.
    fn read(object: &DynamicObject) -> Self;

    /// Which version it is.
    fn version(&self) -> &Version;

    /// Whether a plan could come out differently.
    fn differs(&self, other: &Self) -> bool;

    /// The SyncScope that provides it.
    fn scope(&self) -> Option<&str>;

    /// All of the kind.
    fn all(observed: &Observed) -> &BTreeMap<Box<str>, Self>;

    /// All of the kind.
    fn all_mut(observed: &mut Observed) -> &mut BTreeMap<Box<str>, Self>;
}

/// The many kinds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// PhoneUser.
    User,
    /// Extension.
    Extension,
    /// RingGroup.
    RingGroup,
}

impl Kind {
    /// How the API server calls it.
    pub fn resource(self) -> ApiResource {
        match self {
            Self::User => ApiResource::erase::<PhoneUser>(&()),
            Self::Extension => ApiResource::erase::<Extension>(&()),
            Self::RingGroup => ApiResource::erase::<RingGroup>(&()),
        }
    }

    /// The kind of somebody who can hold a number.
    pub fn of_holder(kind: HolderKind) -> Self {
        match kind {
            HolderKind::PhoneUser => Self::User,
            HolderKind::RingGroup => Self::RingGroup,
        }
    }

    /// How people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "PhoneUser",
            Self::Extension => "Extension",
            Self::RingGroup => "RingGroup",
        }
    }
}

/// The PhoneSystem an object belongs to. Its label helps where its spec can't be read.
pub(super) fn phone_system(object: &DynamicObject) -> Option<&str> {
    let named = object
        .data
        .pointer("/spec/phoneSystemRef/name")
        .and_then(serde_json::Value::as_str);
    named.or_else(|| object.labels().get(labels::PHONE_SYSTEM).map(String::as_str))
}
