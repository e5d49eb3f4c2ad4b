//! Numbering distinguished names while a snapshot is made, so that each is held once. Pure.

use std::collections::HashMap;

use super::GroupIndex;
use crate::directory::{Dn, UserIndex};

/// What a name in `member` turned out to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member {
    User(UserIndex),
    Group(GroupIndex),
}

/// Numbers for distinguished names, so that each is held once however many groups it is in. Only while a snapshot is made.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Box<str>, u32>,
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

    /// The number of a name that may not even be a distinguished one.
    pub(super) fn number_of_text(&mut self, text: &str) -> u32 {
        match Dn::parse(text) {
            Ok(dn) => self.number(dn.key()),
            Err(_) => self.number(text),
        }
    }

    /// Who has which number. Active Directory has each name once; were there two, the first would be meant.
    pub(super) fn resolve(&self, owners: impl Iterator<Item = (Option<u32>, Member)>) -> Vec<Option<Member>> {
        let mut members = vec![None; self.numbers.len()];
        for (name, member) in owners {
            if let Some(slot) = name.and_then(|name| members.get_mut(name as usize)) {
                slot.get_or_insert(member);
            }
        }
        members
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
