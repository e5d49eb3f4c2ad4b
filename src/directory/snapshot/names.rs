//! Numbering distinguished names while a snapshot is made, so that each is held once. Pure.

use foldhash::{HashMap, HashMapExt as _};

use super::GroupIndex;
use crate::directory::{Dn, Guid, UserIndex};

/// What a name in `member` turned out to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member {
    User(UserIndex),
    Group(GroupIndex),
}

/// Numbers for distinguished names and for values of `member`, so that each is held once however many groups it is in. Only while
/// a snapshot is made.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Box<str>, u32>,
    links: HashMap<Link, u32>,
}

/// A value of `member`. The objectGUID means who it says, whatever their name is by now; not every directory sends it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Link {
    guid: Option<Guid>,
    name: u32,
}

/// An entry that `member` can name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    pub(super) guid: Option<Guid>,
    /// The number of its name.
    pub(super) name: Option<u32>,
    pub(super) member: Member,
}

impl Names {
    pub(super) fn number(&mut self, key: &str) -> u32 {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(key.into(), number);
        number
    }

    /// The number of a value of `member`, which may not even be a distinguished name.
    pub(super) fn link(&mut self, guid: Option<Guid>, text: &str) -> u32 {
        let name = match Dn::parse(text) {
            Ok(dn) => self.number(dn.key()),
            Err(_) => self.number(text),
        };
        let next = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
        *self.links.entry(Link { guid, name }).or_insert(next)
    }

    /// Whom each value of `member` means. Active Directory has each name once; were there two, the first would be meant.
    pub(super) fn resolve(&self, owners: impl Iterator<Item = Owner>) -> Vec<Option<Member>> {
        let mut by_guid = HashMap::new();
        let mut by_name: Vec<Option<Owner>> = vec![None; self.numbers.len()];
        for owner in owners {
            if let Some(guid) = owner.guid {
                by_guid.entry(guid).or_insert(owner.member);
            }
            if let Some(slot) = owner.name.and_then(|name| by_name.get_mut(name as usize)) {
                slot.get_or_insert(owner);
            }
        }
        let mut members = vec![None; self.links.len()];
        for (link, number) in &self.links {
            let named = by_name.get(link.name as usize).copied().flatten();
            let found = match link.guid {
                // Who has another objectGUID has only come to that name.
                Some(guid) => by_guid
                    .get(&guid)
                    .copied()
                    .or(named.filter(|owner| owner.guid.is_none()).map(|owner| owner.member)),
                None => named.map(|owner| owner.member),
            };
            if let Some(slot) = members.get_mut(*number as usize) {
                *slot = found;
            }
        }
        members
    }

    /// The objectGUID in each value of `member`, by number.
    pub(super) fn guids(&self) -> Vec<Option<Guid>> {
        let mut guids = vec![None; self.links.len()];
        for (link, number) in &self.links {
            if let Some(slot) = guids.get_mut(*number as usize) {
                *slot = link.guid;
            }
        }
        guids
    }

    /// The key of each number.
    pub(super) fn keys(&self) -> Vec<&str> {
        let mut keys = vec![""; self.numbers.len()];
        for (key, number) in &self.numbers {
            if let Some(slot) = keys.get_mut(*number as usize) {
                *slot = key;
            }
        }
        keys
    }
}

/// The entries that users lie in. As the directory writes them, since that is what is shown.
#[derive(Debug, Default)]
pub(super) struct Parents {
    positions: HashMap<Box<str>, u32>,
    pub(super) dns: Vec<Dn>,
}

impl Parents {
    pub(super) fn position(&mut self, text: &str) -> Option<u32> {
        if let Some(position) = self.positions.get(text) {
            return Some(*position);
        }
        let position = u32::try_from(self.dns.len()).ok()?;
        self.dns.push(Dn::parse(text).ok()?);
        self.positions.insert(text.into(), position);
        Some(position)
    }
}
