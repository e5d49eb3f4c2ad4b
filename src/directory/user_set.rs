//! Sets of a snapshot's users: one bit a user. Pure.

use std::fmt;

/// A user of one snapshot, by position.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UserIndex(pub(super) u32);

impl UserIndex {
    /// The position as a number, for tables of one's own: below the snapshot's `user_count()`.
    pub fn position(self) -> usize {
        self.0 as usize
    }

    pub(super) fn at(position: usize) -> Self {
        // Users are counted with 32 bits everywhere; a directory of four billion people is not read into memory.
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }
}

/// Some of a snapshot's users. Sets are only ever combined with sets of the same snapshot.
#[derive(Clone, Eq, PartialEq)]
pub struct UserSet {
    words: Vec<u64>,
    capacity: usize,
}

const BITS: usize = u64::BITS as usize;

impl UserSet {
    /// Nobody of `user_count` users.
    pub fn empty(user_count: usize) -> Self {
        Self {
            words: vec![0; user_count.div_ceil(BITS)],
            capacity: user_count,
        }
    }

    /// All of `user_count` users.
    pub fn full(user_count: usize) -> Self {
        let mut set = Self {
            words: vec![u64::MAX; user_count.div_ceil(BITS)],
            capacity: user_count,
        };
        if let Some(last) = set.words.last_mut()
            && !user_count.is_multiple_of(BITS)
        {
            *last = (1 << (user_count % BITS)) - 1;
        }
        set
    }

    /// Whether the user is in the set.
    pub fn contains(&self, user: UserIndex) -> bool {
        self.words
            .get(user.position() / BITS)
            .is_some_and(|word| word & bit(user) != 0)
    }

    /// Adds a user; whether it is new.
    pub fn insert(&mut self, user: UserIndex) -> bool {
        self.change(user, |word| *word |= bit(user))
    }

    /// Takes a user out; whether it was in.
    pub fn remove(&mut self, user: UserIndex) -> bool {
        self.change(user, |word| *word &= !bit(user))
    }

    /// Adds everybody of the other set.
    pub fn union_with(&mut self, other: &Self) {
        self.combine(other, |mine, theirs| mine | theirs);
    }

    /// Keeps only who is also in the other set.
    pub fn intersect_with(&mut self, other: &Self) {
        self.combine(other, |mine, theirs| mine & theirs);
    }

    /// Takes everybody of the other set out.
    pub fn subtract(&mut self, other: &Self) {
        self.combine(other, |mine, theirs| mine & !theirs);
    }

    /// How many users are in the set.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether nobody is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The users, in the snapshot's order.
    pub fn iter(&self) -> impl Iterator<Item = UserIndex> + '_ {
        self.words.iter().enumerate().flat_map(|(position, word)| {
            std::iter::successors(Some(*word), |rest| Some(rest & rest.wrapping_sub(1)))
                .take_while(|rest| *rest != 0)
                .map(move |rest| UserIndex::at(position * BITS + rest.trailing_zeros() as usize))
        })
    }

    fn change(&mut self, user: UserIndex, change: impl FnOnce(&mut u64)) -> bool {
        debug_assert!(user.position() < self.capacity, "a user of another snapshot");
        let Some(word) = self.words.get_mut(user.position() / BITS) else {
            return false;
        };
        let before = *word;
        change(word);
        *word != before
    }

    fn combine(&mut self, other: &Self, combine: impl Fn(u64, u64) -> u64) {
        debug_assert_eq!(self.capacity, other.capacity, "sets of two snapshots");
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine = combine(*mine, *theirs);
        }
    }
}

fn bit(user: UserIndex) -> u64 {
    1 << (user.position() % BITS)
}

impl Extend<UserIndex> for UserSet {
    fn extend<Users: IntoIterator<Item = UserIndex>>(&mut self, users: Users) {
        for user in users {
            self.insert(user);
        }
    }
}

impl fmt::Debug for UserSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter().map(|user| user.0)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const USERS: usize = 150;

    fn set(members: &BTreeSet<usize>) -> UserSet {
        let mut set = UserSet::empty(USERS);
        set.extend(members.iter().map(|position| UserIndex::at(*position)));
        set
    }

    fn members(set: &UserSet) -> BTreeSet<usize> {
        set.iter().map(UserIndex::position).collect()
    }

    fn some_users() -> impl Strategy<Value = BTreeSet<usize>> {
        proptest::collection::btree_set(0..USERS, 0..USERS)
    }

    #[test]
    fn a_full_set_holds_everybody_and_no_more() {
        for user_count in [0, 1, 63, 64, 65, 128, 150] {
            assert_eq!(UserSet::full(user_count).len(), user_count);
            assert_eq!(UserSet::full(user_count).iter().count(), user_count);
        }
    }

    proptest! {
        #[test]
        fn it_behaves_as_any_set(left in some_users(), right in some_users(), other in 0..USERS) {
            prop_assert_eq!(members(&set(&left)), left.clone());
            prop_assert_eq!(set(&left).len(), left.len());
            prop_assert_eq!(set(&left).is_empty(), left.is_empty());
            prop_assert_eq!(set(&left).contains(UserIndex::at(other)), left.contains(&other));
            let mut result = set(&left);
            result.union_with(&set(&right));
            prop_assert_eq!(members(&result), &left | &right);
            result.intersect_with(&set(&left));
            prop_assert_eq!(members(&result), left.clone());
            result.subtract(&set(&right));
            prop_assert_eq!(members(&result), &left - &right);
            prop_assert_eq!(result.insert(UserIndex::at(other)), !(&left - &right).contains(&other));
            prop_assert!(result.remove(UserIndex::at(other)));
            prop_assert!(!result.remove(UserIndex::at(other)));
        }
    }
}
