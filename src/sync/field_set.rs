//! Some of the fields of one kind of object, in one word of memory.

use std::{fmt, marker::PhantomData};

use super::field::{Field, Place, WrittenField};

/// Some of the fields of one kind.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct FieldSet<F = Field> {
    bits: u32,
    kind: PhantomData<F>,
}

impl<F: WrittenField> FieldSet<F> {
    /// None.
    pub const EMPTY: Self = Self {
        bits: 0,
        kind: PhantomData,
    };

    /// All of the kind.
    pub fn all() -> Self {
        F::ALL.iter().copied().collect()
    }

    /// All of the kind that are in `spec`, so none of the labels.
    pub fn all_of_spec() -> Self {
        F::ALL
            .iter()
            .copied()
            .filter(|field| matches!(field.place(), Place::Spec(_)))
            .collect()
    }

    /// Whether a field is one of them.
    pub fn contains(self, field: F) -> bool {
        self.bits & (1 << field.index()) != 0
    }

    /// Adds a field.
    pub fn insert(&mut self, field: F) {
        self.bits |= 1 << field.index();
    }

    /// Takes a field out.
    pub fn remove(&mut self, field: F) {
        self.bits &= !(1 << field.index());
    }

    /// Those in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            bits: self.bits | other.bits,
            ..self
        }
    }

    /// Those in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self {
            bits: self.bits & other.bits,
            ..self
        }
    }

    /// Those not in the other.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self {
            bits: self.bits & !other.bits,
            ..self
        }
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// How many there are.
    pub fn len(self) -> u32 {
        self.bits.count_ones()
    }

    /// Each, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = F> {
        F::ALL.iter().copied().filter(move |field| self.contains(*field))
    }
}

impl<F: WrittenField> Default for FieldSet<F> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<F: WrittenField> FromIterator<F> for FieldSet<F> {
    fn from_iter<I: IntoIterator<Item = F>>(fields: I) -> Self {
        fields.into_iter().fold(Self::EMPTY, |mut set, field| {
            set.insert(field);
            set
        })
    }
}

impl<F: WrittenField> fmt::Debug for FieldSet<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in() {
        let mut set: FieldSet = [Field::Title, Field::Login].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Field::Login, Field::Title]);
        set.remove(Field::Login);
        assert!(set.contains(Field::Title) && !set.contains(Field::Login));
        assert_eq!(FieldSet::<Field>::all().difference(FieldSet::all_of_spec()).len(), 3);
        assert_eq!(set.union(FieldSet::EMPTY).intersection(FieldSet::all_of_spec()), set);
    }
}
