//! What is known of everybody: yes, no or perhaps. Kleene's three-valued logic over sets of a snapshot's users. Pure.

use super::UserSet;

/// An answer about all users of one snapshot. Nobody is in both sets; for whoever is in neither it is a no.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    yes: UserSet,
    perhaps: UserSet,
}

impl Answer {
    /// A yes for these, and a no for all others.
    pub fn certain(yes: UserSet) -> Self {
        let mut perhaps = yes.clone();
        perhaps.subtract(&yes);
        Self { yes, perhaps }
    }

    /// A perhaps for these, and a no for all others.
    pub fn open(perhaps: UserSet) -> Self {
        let Self { yes, perhaps } = Self::certain(perhaps);
        Self {
            yes: perhaps,
            perhaps: yes,
        }
    }

    /// Those for whom it is a yes.
    pub fn yes(&self) -> &UserSet {
        &self.yes
    }

    /// Those for whom it may be a yes or a no.
    pub fn perhaps(&self) -> &UserSet {
        &self.perhaps
    }

    /// The answer to both together: a no to either is a no, whatever the other may be.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        let mut possible = self.possible();
        possible.intersect_with(&other.possible());
        self.yes.intersect_with(&other.yes);
        self.split(possible)
    }

    /// The answer to either of them: a yes to one is a yes, whatever the other may be.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        let mut possible = self.possible();
        possible.union_with(&other.possible());
        self.yes.union_with(&other.yes);
        self.split(possible)
    }

    /// The answer to the opposite, `all` being everybody. A perhaps stays one.
    #[must_use]
    pub fn opposite(mut self, all: UserSet) -> Self {
        let mut no = all;
        no.subtract(&self.possible());
        self.yes = no;
        self
    }

    fn possible(&self) -> UserSet {
        let mut possible = self.yes.clone();
        possible.union_with(&self.perhaps);
        possible
    }

    fn split(mut self, possible: UserSet) -> Self {
        self.perhaps = possible;
        self.perhaps.subtract(&self.yes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::UserIndex;

    /// Of three users a yes for the first, a perhaps for the second, and a no for the third.
    fn each() -> [Option<bool>; 3] {
        [Some(true), None, Some(false)]
    }

    /// Nine users: each pair of values once.
    fn pairs() -> impl Iterator<Item = (UserIndex, Option<bool>, Option<bool>)> {
        let pairs = each().into_iter().flat_map(|left| each().map(|right| (left, right)));
        pairs
            .enumerate()
            .map(|(position, (left, right))| (UserIndex::at(position), left, right))
    }

    fn answer(value_of: impl Fn(Option<bool>, Option<bool>) -> Option<bool>) -> Answer {
        let (mut yes, mut perhaps) = (UserSet::empty(9), UserSet::empty(9));
        for (user, left, right) in pairs() {
            match value_of(left, right) {
                Some(true) => drop(yes.insert(user)),
                None => drop(perhaps.insert(user)),
                Some(false) => {}
            }
        }
        Answer { yes, perhaps }
    }

    #[test]
    fn what_does_not_depend_on_a_perhaps_is_certain() {
        let (left, right) = (answer(|left, _| left), answer(|_, right| right));
        let both = |left, right| match (left, right) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        let either = |left, right| match (left, right) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
        assert_eq!(left.clone().and(&right), answer(both));
        assert_eq!(left.clone().or(&right), answer(either));
        assert_eq!(
            left.opposite(UserSet::full(9)),
            answer(|left, _| left.map(|value| !value))
        );
    }

    #[test]
    fn an_answer_is_certain_or_open() {
        let mut some = UserSet::empty(9);
        some.insert(UserIndex::at(4));
        let (certain, open) = (Answer::certain(some.clone()), Answer::open(some.clone()));
        assert_eq!((certain.yes(), certain.perhaps().is_empty()), (&some, true));
        assert_eq!((open.perhaps(), open.yes().is_empty()), (&some, true));
    }
}
