//! Whom a filter finds, in a snapshot. Pure.
//!
//! It works on whole sets: a group is resolved once for all users. A condition on an attribute that somebody lacks does not
//! hold, so its negation does: `(!(department=Sales))` finds people without a department, as in Active Directory.

use super::{
    Filter, Node,
    syntax::Syntax,
    test::{Assertion, Test, Value},
    time,
};
use crate::directory::{AttributeName, Dn, Snapshot, User, UserSet, text};

impl Snapshot {
    /// The users for whom the filter holds. All of [`Filter::attributes`] must have been read.
    pub fn users_matching(&self, filter: &Filter) -> UserSet {
        self.holding(&filter.root)
    }

    fn holding(&self, node: &Node) -> UserSet {
        match node {
            Node::All(nodes) => nodes.iter().fold(self.all(), |mut set, node| {
                set.intersect_with(&self.holding(node));
                set
            }),
            Node::Any(nodes) => nodes.iter().fold(self.empty_set(), |mut set, node| {
                set.union_with(&self.holding(node));
                set
            }),
            Node::Not(node) => {
                let mut set = self.all();
                set.subtract(&self.holding(node));
                set
            }
            Node::Test(test) => self.passing(test),
        }
    }

    fn passing(&self, test: &Test) -> UserSet {
        match (&test.assertion, Syntax::of(&test.attribute)) {
            (Assertion::MemberOf { group, nested }, _) => match self.group_by_dn(group) {
                Some(group) => self.linked_members(group.index(), *nested),
                None => self.empty_set(),
            },
            (Assertion::Present, Syntax::Membership) => self.in_any_group(),
            (Assertion::Present, Syntax::OwnName) => self.all(),
            (Assertion::Equal(Value::Name(dn)), Syntax::OwnName) => {
                let mut set = self.empty_set();
                set.extend(self.user_by_dn(dn).map(User::index));
                set
            }
            (assertion, _) => self.with_value(&test.attribute, assertion),
        }
    }

    fn with_value(&self, attribute: &AttributeName, assertion: &Assertion) -> UserSet {
        match assertion {
            // MemberOf was answered from the groups.
            Assertion::Present | Assertion::MemberOf { .. } => self.with_any(attribute, |_| true),
            Assertion::Equal(value) => self.equal_to(attribute, value),
            Assertion::AtLeast(bound) => self.ordered(attribute, bound, std::cmp::Ordering::is_ge),
            Assertion::AtMost(bound) => self.ordered(attribute, bound, std::cmp::Ordering::is_le),
            Assertion::Parts(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| text::fold_inner(part)).collect();
                self.with_any(attribute, |value| has_parts(&text::fold(value), &parts))
            }
            Assertion::AllBits(bits) => self.with_number(attribute, |number| number & bits == *bits),
            Assertion::AnyBit(bits) => self.with_number(attribute, |number| number & bits != 0),
            Assertion::Category { category, .. } => self.with_any(attribute, |value| {
                Dn::parse(value).is_ok_and(|category_dn| text::folds_to(category_dn.name(), category))
            }),
        }
    }

    fn equal_to(&self, attribute: &AttributeName, value: &Value) -> UserSet {
        match value {
            Value::Text(wanted) => {
                let wanted = text::fold(wanted);
                self.with_any(attribute, |value| text::folds_to(value, &wanted))
            }
            Value::Number(_) | Value::Time(_) => self.ordered(attribute, value, std::cmp::Ordering::is_eq),
            Value::Flag(wanted) => {
                let wanted = if *wanted { "true" } else { "false" };
                self.with_any(attribute, |value| text::folds_to(value, wanted))
            }
            Value::Name(wanted) => self.with_any(attribute, |value| Dn::parse(value).is_ok_and(|dn| dn == *wanted)),
        }
    }

    fn ordered(&self, attribute: &AttributeName, bound: &Value, holds: fn(std::cmp::Ordering) -> bool) -> UserSet {
        match bound {
            Value::Number(bound) => self.with_number(attribute, |number| holds(number.cmp(bound))),
            Value::Time(bound) => self.with_any(attribute, |value| {
                time::parse(value).is_some_and(|time| holds(time.cmp(bound)))
            }),
            Value::Text(bound) => {
                let bound = text::fold(bound);
                self.with_any(attribute, |value| holds(text::fold(value).cmp(&bound)))
            }
            Value::Flag(_) | Value::Name(_) => self.empty_set(),
        }
    }

    fn with_number(&self, attribute: &AttributeName, holds: impl Fn(i64) -> bool) -> UserSet {
        self.with_any(attribute, |value| value.parse().is_ok_and(&holds))
    }

    /// The users of whom any value of the attribute will do.
    fn with_any(&self, attribute: &AttributeName, holds: impl Fn(&str) -> bool) -> UserSet {
        let mut set = self.empty_set();
        let found = self.users().filter(|user| user.values(attribute).any(&holds));
        set.extend(found.map(User::index));
        set
    }
}

/// Whether the text begins with the first part, ends with the last, and has the others between them, in order. As around whole
/// values, white space at the outer ends means nothing.
fn has_parts<Part: AsRef<str>>(text: &str, parts: &[Part]) -> bool {
    let [first, inner @ .., last] = parts else { return false };
    let Some(rest) = text.strip_prefix(first.as_ref().trim_start()) else {
        return false;
    };
    let rest = inner
        .iter()
        .try_fold(rest, |rest, part| Some(rest.split_once(part.as_ref())?.1));
    rest.is_some_and(|rest| rest.ends_with(last.as_ref().trim_end()))
}
