//! Which PhoneUser is whose: by objectGUID, and by the name that has the objectGUID in it. Compares no other property.

use std::collections::HashMap;

use super::{
    field::Field,
    observed::{Observed, ObservedUser},
};
use crate::{
    api::{phone_user::Origin, sync_scope::Adopt},
    directory::Guid,
};

/// How many PhoneUsers are made at most for one account, each time that people gave the last one to another account.
const MOST_NAMES: usize = 99;
/// How many characters an objectGUID has as text.
const GUID_LENGTH: usize = 36;

/// The PhoneUsers of a phone system by the account that they are linked to.
#[derive(Debug)]
pub struct Roster<'a> {
    observed: &'a Observed,
    phone_system: &'a str,
    adopt: Adopt,
    by_guid: HashMap<Guid, Vec<NamedUser<'a>>>,
}

/// A PhoneUser and its name.
#[derive(Clone, Copy, Debug)]
pub struct NamedUser<'a> {
    /// Name of the object.
    pub name: &'a str,
    /// The object.
    pub user: &'a ObservedUser,
}

/// What an account has.
#[derive(Clone, Debug)]
pub enum Link<'a> {
    /// No PhoneUser.
    None,
    /// This one, which people may have unlinked.
    One(NamedUser<'a>),
    /// This one, but its spec can't be read.
    Unreadable(&'a str),
    /// None, but what would be its name is that of another one.
    NameTaken(&'a str),
    /// Several, and the operator owns the link of none, or of several.
    Several(Vec<&'a str>),
}

impl<'a> Roster<'a> {
    /// The roster of one phone system.
    pub fn new(observed: &'a Observed, phone_system: &'a str, adopt: Adopt) -> Self {
        let mut by_guid: HashMap<Guid, Vec<NamedUser<'a>>> = HashMap::new();
        for (name, user) in &observed.users {
            if let Some(link) = user.values.link() {
                by_guid.entry(link.guid).or_default().push(NamedUser { name, user });
            }
        }
        Self {
            observed,
            phone_system,
            adopt,
            by_guid,
        }
    }

    /// The name of the PhoneUser that the operator makes for an account: with its objectGUID in it, and behind that a number when
    /// the one of this name was given to another account.
    pub fn name_for(&self, guid: Guid) -> Box<str> {
        let first = format!("{}-{guid}", self.phone_system);
        let numbered = (2..=MOST_NAMES).map(|number| format!("{first}-{number}"));
        let mut names = std::iter::once(first.clone()).chain(numbered);
        names.find(|name| !self.is_anothers(name, guid)).unwrap_or(first).into()
    }

    fn is_anothers(&self, name: &str, guid: Guid) -> bool {
        let link = self.observed.users.get(name).and_then(|user| user.values.link());
        link.is_some_and(|link| link.guid != guid)
    }

    /// What an account has.
    pub fn link(&self, guid: Guid) -> Link<'a> {
        let linked = self.by_guid.get(&guid).map_or(&[][..], Vec::as_slice);
        let mut owned = linked
            .iter()
            .filter(|named| named.user.ownership.ours.contains(Field::Directory));
        match (linked, owned.next(), owned.next()) {
            ([], ..) => self.by_name(guid),
            ([only], ..) | (_, Some(only), None) => readable(*only),
            _ => Link::Several(linked.iter().map(|named| named.name).collect()),
        }
    }

    /// The object that has the account's objectGUID in its name: the operator's, even when somebody took the link out of it.
    fn by_name(&self, guid: Guid) -> Link<'a> {
        let Some((name, user)) = self.observed.users.get_key_value(&self.name_for(guid)) else {
            return Link::None;
        };
        if !user.is_readable {
            return Link::Unreadable(name);
        }
        if user.values.link().is_none() && (user.is_held() || user.is_unlinked || self.adopt == Adopt::Matching) {
            return Link::One(NamedUser { name, user });
        }
        Link::NameTaken(name)
    }
}

fn readable(named: NamedUser<'_>) -> Link<'_> {
    if named.user.is_readable {
        Link::One(named)
    } else {
        Link::Unreadable(named.name)
    }
}

/// The account that a PhoneUser of this name is for, by [`Roster::name_for`].
pub fn account_named(phone_system: &str, name: &str) -> Option<Guid> {
    let named = name.strip_prefix(phone_system)?.strip_prefix('-')?;
    let (guid, number) = named.split_at_checked(GUID_LENGTH)?;
    let is_numbered = number
        .strip_prefix('-')
        .is_some_and(|number| number.parse::<usize>().is_ok());
    guid.parse().ok().filter(|_| number.is_empty() || is_numbered)
}

/// How a PhoneUser came to be linked; by whose fields it has, when it does not say.
pub fn origin_of(user: &ObservedUser) -> Origin {
    match user.values.link() {
        Some(link) => link.origin,
        None if user.is_held() => Origin::Provisioned,
        None => Origin::Adopted,
    }
}
