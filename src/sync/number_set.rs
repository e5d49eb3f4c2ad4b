//! Sets of numbers as disjoint ranges: a million free numbers cost as much as one. Pure arithmetic, no owner and no plan.

use std::collections::BTreeMap;

use super::number::{Number, NumberRange};

/// A set of numbers, kept as ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NumberSet {
    /// First number to last number.
    ranges: BTreeMap<Number, Number>,
}

impl NumberSet {
    /// Whether it has no number.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many numbers it has.
    pub fn len(&self) -> u64 {
        self.ranges().map(NumberRange::len).sum()
    }

    /// Whether a number is in it.
    pub fn contains(&self, number: Number) -> bool {
        self.ranges
            .range(..=number)
            .next_back()
            .is_some_and(|(_, to)| *to >= number)
    }

    /// Its lowest number.
    pub fn first(&self) -> Option<Number> {
        self.ranges.keys().next().copied()
    }

    /// Its ranges, lowest first.
    pub fn ranges(&self) -> impl Iterator<Item = NumberRange> {
        // The ends of a stored range have the same length, so `new` never refuses.
        self.ranges
            .iter()
            .filter_map(|(from, to)| NumberRange::new(*from, *to).ok())
    }

    /// Its numbers, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = Number> {
        self.ranges().flat_map(NumberRange::iter)
    }

    /// Adds a number or a range.
    pub fn insert(&mut self, numbers: impl Into<NumberRange>) {
        let numbers = numbers.into();
        let (mut from, mut to) = (numbers.first(), numbers.last());
        // What touches at either end becomes one with it.
        let reach_from = from.predecessor().unwrap_or(from);
        let reach_to = to.successor().unwrap_or(to);
        while let Some((other_from, other_to)) = self.last_between(reach_from, reach_to) {
            self.ranges.remove(&other_from);
            from = from.min(other_from);
            to = to.max(other_to);
        }
        self.ranges.insert(from, to);
    }

    /// Takes a number or a range out.
    pub fn remove(&mut self, numbers: impl Into<NumberRange>) {
        let numbers = numbers.into();
        while let Some((from, to)) = self.last_between(numbers.first(), numbers.last()) {
            self.ranges.remove(&from);
            if let Some(below) = numbers.first().predecessor().filter(|below| from <= *below) {
                self.ranges.insert(from, below);
            }
            if let Some(above) = numbers.last().successor().filter(|above| *above <= to) {
                self.ranges.insert(above, to);
            }
        }
    }

    /// The numbers that are not in another set.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        for range in other.ranges() {
            rest.remove(range);
        }
        rest
    }

    /// The numbers that are in another set too.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.difference(&self.difference(other))
    }

    /// Whether no number is in both.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        other
            .ranges
            .iter()
            .all(|(from, to)| self.last_between(*from, *to).is_none())
    }

    /// The highest stored range with a number from `from` to `to`.
    fn last_between(&self, from: Number, to: Number) -> Option<(Number, Number)> {
        let (first, last) = self.ranges.range(..=to).next_back()?;
        (*last >= from).then_some((*first, *last))
    }
}

impl<N: Into<NumberRange>> Extend<N> for NumberSet {
    fn extend<I: IntoIterator<Item = N>>(&mut self, numbers: I) {
        for numbers in numbers {
            self.insert(numbers);
        }
    }
}

impl<N: Into<NumberRange>> FromIterator<N> for NumberSet {
    fn from_iter<I: IntoIterator<Item = N>>(numbers: I) -> Self {
        let mut set = Self::default();
        set.extend(numbers);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};
    use std::collections::BTreeSet;

    fn range(from: &str, to: &str) -> NumberRange {
        NumberRange::parse(from, to).unwrap()
    }

    fn shown(set: &NumberSet) -> Vec<String> {
        set.ranges().map(|range| range.to_string()).collect()
    }

    #[test]
    fn touching_ranges_become_one() {
        let set: NumberSet = [range("2010", "2019"), range("2000", "2009"), range("2030", "2030")]
            .into_iter()
            .collect();
        assert_eq!(shown(&set), ["2000-2019", "2030"]);
    }

    #[test]
    fn ranges_of_two_lengths_never_touch() {
        let set: NumberSet = [range("90", "99"), range("000", "005"), range("100", "101")]
            .into_iter()
            .collect();
        assert_eq!(shown(&set), ["90-99", "000-005", "100-101"]);
        assert_eq!(set.len(), 18);
        assert_eq!(set.first(), Some("90".parse().unwrap()));
    }

    #[test]
    fn a_hole_splits_a_range() {
        let mut set: NumberSet = [range("2000", "2009")].into_iter().collect();
        set.remove(range("2003", "2005"));
        assert_eq!(shown(&set), ["2000-2002", "2006-2009"]);
        set.remove(range("2000", "2006"));
        assert_eq!(shown(&set), ["2007-2009"]);
        set.remove(range("0000", "9999"));
        assert!(set.is_empty());
    }

    #[test]
    fn a_quadrillion_numbers_are_one_range() {
        let mut set: NumberSet = [NumberRange::of_length(15)].into_iter().collect();
        set.remove("000000000000000".parse::<Number>().unwrap());
        assert_eq!(set.len(), 999_999_999_999_999);
        assert_eq!(set.iter().next().unwrap().to_string(), "000000000000001");
    }

    /// Ranges over two lengths, small enough to be compared with a set of single numbers.
    fn ranges() -> impl Strategy<Value = Vec<NumberRange>> {
        let numbers = (prop_oneof![Just(1_usize), Just(2)], 0_u8..10, 0_u8..100);
        let range = (numbers, 0_u8..30).prop_map(|((digits, one, two), length)| {
            let (from, highest) = if digits == 1 { (one, 9) } else { (two, 99) };
            let to = from.saturating_add(length).min(highest);
            NumberRange::parse(&format!("{from:0digits$}"), &format!("{to:0digits$}")).unwrap()
        });
        vec(range, 0..8)
    }

    fn singles(ranges: &[NumberRange]) -> BTreeSet<Number> {
        ranges.iter().flat_map(|range| range.iter()).collect()
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_set_of_single_numbers(one in ranges(), other in ranges()) {
            let (set, singles_one) = (one.iter().copied().collect::<NumberSet>(), singles(&one));
            let (other_set, singles_other) = (other.iter().copied().collect::<NumberSet>(), singles(&other));
            prop_assert_eq!(set.len(), singles_one.len() as u64);
            prop_assert!(set.iter().eq(singles_one.iter().copied()));
            prop_assert!(set.difference(&other_set).iter().eq(singles_one.difference(&singles_other).copied()));
            prop_assert!(set.intersection(&other_set).iter().eq(singles_one.intersection(&singles_other).copied()));
            prop_assert_eq!(set.is_disjoint(&other_set), singles_one.is_disjoint(&singles_other));
            for number in NumberRange::of_length(1).iter().chain(NumberRange::of_length(2).iter()) {
                prop_assert_eq!(set.contains(number), singles_one.contains(&number));
            }
        }

        #[test]
        fn ranges_neither_overlap_nor_touch(one in ranges()) {
            let set: NumberSet = one.iter().copied().collect();
            for (lower, higher) in set.ranges().zip(set.ranges().skip(1)) {
                prop_assert!(lower.last() < higher.first());
                prop_assert_ne!(lower.last().successor(), Some(higher.first()));
            }
        }
    }
}
