//! What a written field holds, and a compact form for the fields of a hundred thousand users. No object, no comparison of plans.

use std::sync::Arc;

use jiff::Timestamp;

use crate::api::{
    phone_user::{AbsenceReason, Origin},
    ring_group::RingGroupSource,
};
use crate::directory::Guid;

use super::field::{Field, FieldSet};

/// What a field holds. Small, and cheap to clone: the plan of a first sync has some forty for each person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// A text.
    Text(Arc<str>),
    /// Texts in their order.
    List(Vec<Box<str>>),
    /// Yes or no.
    Flag(bool),
    /// `spec.directory` of a PhoneUser.
    Link(Box<Link>),
    /// `spec.source` of a RingGroup.
    Source(Box<RingGroupSource>),
}

impl Value {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The account that a PhoneUser is linked to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// Name of the ActiveDirectoryConfig.
    pub config: Box<str>,
    /// Name of the SyncScope that provides the user.
    pub scope: Box<str>,
    /// The account.
    pub guid: Guid,
    /// How the user came to be linked.
    pub origin: Origin,
    /// Why they should not be served, once that is proven.
    pub absence: Option<Absence>,
}

/// Why the directory says that somebody should not be served, and since when that is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Absence {
    /// Why.
    pub reason: AbsenceReason,
    /// Since when: whole seconds.
    pub since: Timestamp,
}

/// The fields of one PhoneUser: all texts in one allocation, because a hundred thousand of them stay in memory.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Values {
    present: FieldSet,
    enabled: bool,
    link: Option<Box<Link>>,
    /// All texts, one behind the other.
    text: Box<str>,
    /// Which field each text belongs to and where it ends; several of one field are a list.
    pieces: Box<[(Field, u32)]>,
}

impl Values {
    /// The fields that have a value.
    pub fn present(&self) -> FieldSet {
        self.present
    }

    /// The value of a field.
    pub fn get(&self, field: Field) -> Option<Value> {
        if !self.present.contains(field) {
            return None;
        }
        Some(match field {
            Field::Enabled => Value::Flag(self.enabled),
            Field::Directory => Value::Link(self.link.clone()?),
            Field::LoginNames => Value::List(self.texts(field).map(Into::into).collect()),
            _ => Value::text(self.text(field)?),
        })
    }

    /// The text of a field that holds one.
    pub fn text(&self, field: Field) -> Option<&str> {
        self.texts(field).next()
    }

    /// The texts of a field: of a list, all of them.
    pub fn texts(&self, field: Field) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.pieces.iter().filter_map(move |(owner, end)| {
            let piece = self.text.get(start..*end as usize);
            start = *end as usize;
            piece.filter(|_| *owner == field)
        })
    }

    /// Whether the phone works, as far as the object says.
    pub fn enabled(&self) -> Option<bool> {
        self.present.contains(Field::Enabled).then_some(self.enabled)
    }

    /// The account it is linked to.
    pub fn link(&self) -> Option<&Link> {
        self.link.as_deref()
    }
}

impl FromIterator<(Field, Value)> for Values {
    fn from_iter<I: IntoIterator<Item = (Field, Value)>>(values: I) -> Self {
        let mut collected = Self::default();
        let (mut text, mut pieces) = (String::new(), Vec::new());
        for (field, value) in values {
            collected.present.insert(field);
            let mut push = |piece: &str| {
                text.push_str(piece);
                pieces.push((field, u32::try_from(text.len()).unwrap_or(u32::MAX)));
            };
            match value {
                Value::Text(piece) => push(&piece),
                Value::List(list) => list.iter().for_each(|piece| push(piece)),
                Value::Flag(flag) => collected.enabled = flag,
                Value::Link(link) => collected.link = Some(link),
                Value::Source(_) => collected.present.remove(field),
            }
        }
        collected.text = text.into();
        collected.pieces = pieces.into();
        collected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_small() {
        assert!(size_of::<Value>() <= 24, "{}", size_of::<Value>());
    }

    #[test]
    fn what_is_collected_comes_back() {
        let given = [
            (Field::Login, Value::text("ada")),
            (
                Field::LoginNames,
                Value::List(vec!["ada@example.com".into(), "ada".into()]),
            ),
            (Field::Title, Value::text("")),
            (Field::Enabled, Value::Flag(false)),
        ];
        let values: Values = given.iter().cloned().collect();
        for (field, value) in given {
            assert_eq!(values.get(field), Some(value));
        }
        assert_eq!(values.get(Field::Email), None);
        assert_eq!(values.enabled(), Some(false));
        let empty: Values = [(Field::LoginNames, Value::List(Vec::new()))].into_iter().collect();
        assert_eq!(empty.get(Field::LoginNames), Some(Value::List(Vec::new())));
    }
}
