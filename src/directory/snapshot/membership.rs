//! Who is in which group: `member`, the primary group, and groups in groups. Pure.

use std::collections::BTreeSet;

use super::GroupIndex;
use crate::directory::{UserIndex, UserSet};

/// Who is in a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Members {
    /// The users.
    pub users: UserSet,
    /// How many other members are neither a user nor a group of the snapshot: people of other domains, contacts, computers.
    pub unresolved: usize,
}

/// The members of every group, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Membership {
    groups: Box<[Direct]>,
}

/// Who is in a group directly.
#[derive(Debug, Default)]
pub(super) struct Direct {
    /// In `member`.
    pub(super) users: Box<[UserIndex]>,
    /// By primaryGroupID; these are not in `member`.
    pub(super) primary: Box<[UserIndex]>,
    /// In `member`.
    pub(super) groups: Box<[GroupIndex]>,
    /// In `member`, and not in the snapshot: a number for each name.
    pub(super) unknown: Box<[u32]>,
}

impl Membership {
    /// Of each group, by position.
    pub(super) fn new(groups: Vec<Direct>) -> Self {
        Self {
            groups: groups.into_boxed_slice(),
        }
    }

    pub(super) fn members(&self, group: GroupIndex, nested: bool, mut users: UserSet) -> Members {
        let mut unknown = BTreeSet::<u32>::new();
        for direct in self.reached(group, nested) {
            users.extend(direct.users.iter().chain(&direct.primary).copied());
            unknown.extend(&direct.unknown);
        }
        Members {
            users,
            unresolved: unknown.len(),
        }
    }

    pub(super) fn linked(&self, group: GroupIndex, nested: bool) -> impl Iterator<Item = UserIndex> {
        self.reached(group, nested)
            .into_iter()
            .flat_map(|direct| direct.users.iter().copied())
    }

    /// The group itself and, with `nested`, all in it at any depth, each once: groups may contain each other.
    fn reached(&self, group: GroupIndex, nested: bool) -> Vec<&Direct> {
        let mut seen = BTreeSet::from([group]);
        let mut reached: Vec<&Direct> = self.groups.get(group.position()).into_iter().collect();
        let mut next = 0;
        while let Some(direct) = reached.get(next).copied().filter(|_| nested) {
            let groups = direct.groups.iter().filter(|group| seen.insert(**group));
            reached.extend(groups.filter_map(|group| self.groups.get(group.position())));
            next += 1;
        }
        reached
    }

    pub(super) fn heap_size(&self) -> usize {
        let lists = |direct: &Direct| {
            size_of_val(&*direct.users)
                + size_of_val(&*direct.primary)
                + size_of_val(&*direct.groups)
                + size_of_val(&*direct.unknown)
        };
        size_of_val(&*self.groups) + self.groups.iter().map(lists).sum::<usize>()
    }
}
