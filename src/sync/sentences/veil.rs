//! What the service account may not see of the directory. What is hidden is there nevertheless: that is what makes it dangerous.

use std::collections::{BTreeMap, BTreeSet};

use super::world::guid;
use crate::directory::{Guid, RawEntry};

/// Nothing, at first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Veil {
    /// Accounts that give no answer at all.
    pub accounts: BTreeSet<Guid>,
    /// Groups that give no answer. Their members' own `memberOf` names them all the same.
    pub groups: BTreeSet<Guid>,
    /// Groups that don't show `member`.
    pub members: BTreeSet<Guid>,
    /// Units that give no answer; whoever lies in them does.
    pub units: BTreeSet<Guid>,
    /// Attributes, in lower case, that these accounts don't show.
    pub attributes: BTreeMap<String, BTreeSet<Guid>>,
}

impl Veil {
    /// Whether an entry gives no answer.
    pub(super) fn hides(&self, entry: &RawEntry) -> bool {
        let sets = [&self.accounts, &self.groups, &self.units];
        entry
            .guid()
            .is_some_and(|guid| sets.iter().any(|hidden| hidden.contains(&guid)))
    }

    pub(super) fn users(&self, users: &[RawEntry]) -> impl Iterator<Item = RawEntry> {
        let seen = users.iter().filter(|entry| !self.hides(entry));
        seen.map(|entry| {
            let hidden = |name: &str| {
                let whose = self.attributes.get(&name.to_ascii_lowercase());
                whose.is_some_and(|whose| entry.guid().is_some_and(|guid| whose.contains(&guid)))
            };
            without(entry, hidden)
        })
    }

    pub(super) fn groups(&self, groups: &[RawEntry]) -> impl Iterator<Item = RawEntry> {
        let shows_none = |entry: &RawEntry| entry.guid().is_some_and(|guid| self.members.contains(&guid));
        let seen = groups.iter().filter(|entry| !self.hides(entry));
        seen.map(move |entry| without(entry, |name| name == "member" && shows_none(entry)))
    }

    pub(super) fn units(&self, units: &[RawEntry]) -> impl Iterator<Item = RawEntry> {
        units.iter().filter(|entry| !self.hides(entry)).cloned()
    }
}

fn without(entry: &RawEntry, hidden: impl Fn(&str) -> bool) -> RawEntry {
    let mut entry = entry.clone();
    entry.attributes.retain(|(name, _)| !hidden(name));
    entry
}

/// A value of `member` as AD writes it when it is asked for objectGUIDs, too: it outlives a rename.
pub(super) fn member(word: &str) -> String {
    format!("<GUID={}>;CN={word},OU=Anywhere,DC=example,DC=com", guid(word))
}

/// Whether a value of `member` means this entry.
pub(super) fn names(member: &[u8], entry: &RawEntry) -> bool {
    let by_guid = entry.guid().map(|guid| format!("<GUID={guid}>;"));
    *member == *entry.dn.as_bytes() || by_guid.is_some_and(|guid| member.starts_with(guid.as_bytes()))
}
