//! Finding users by a text that is not stored in the form that is looked for. Pure.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::directory::UserIndex;

/// Users by the hash of a text: eight bytes each. A hash only says who may be meant; the caller compares.
#[derive(Debug, Default)]
pub(super) struct HashIndex {
    entries: Box<[(u32, UserIndex)]>,
}

impl HashIndex {
    pub(super) fn new<Text: AsRef<str>>(texts: impl Iterator<Item = (Text, UserIndex)>) -> Self {
        let mut entries: Vec<_> = texts.map(|(text, user)| (hash(text.as_ref()), user)).collect();
        entries.sort_unstable();
        Self {
            entries: entries.into_boxed_slice(),
        }
    }

    /// Everybody who may have this text, in the snapshot's order.
    pub(super) fn candidates(&self, text: &str) -> impl Iterator<Item = UserIndex> {
        let wanted = hash(text);
        let first = self.entries.partition_point(|(hash, _)| *hash < wanted);
        let following = self.entries.iter().skip(first);
        following
            .take_while(move |(hash, _)| *hash == wanted)
            .map(|(_, user)| *user)
    }

    pub(super) fn heap_size(&self) -> usize {
        size_of_val(&*self.entries)
    }
}

fn hash(text: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let [first, second, third, fourth, ..] = hasher.finish().to_le_bytes();
    u32::from_le_bytes([first, second, third, fourth])
}
