//! What the directory says about a person, as values of fields. One value that can't be used costs that field.

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::{Input, field::Field, login_names::has_names, validated::FieldSource, value::Value};
use crate::directory::{Snapshot, User};

/// What a mapped field should hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mapped {
    /// This.
    Value(Value),
    /// Nothing: the directory has no value.
    Empty,
    /// What it holds now, because what the directory has can't be used.
    Unusable(Unusable),
    /// What it holds now, because the attribute was not asked for when the directory was read.
    Unread,
}

/// A value that is too long.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{} would have {length} characters, and {limit} are the most: it is left as it is", field.row().place)]
pub struct Unusable {
    /// The field.
    pub field: Field,
    /// How many characters the value has.
    pub length: usize,
    /// The most that it may have.
    pub limit: usize,
}

/// The fields that one attribute or the account's place gives; `loginNames` needs everybody else's, too.
pub fn map_fields(input: &Input<'_>, account: User<'_>) -> Vec<(Field, Mapped)> {
    let sources = input
        .scope
        .map
        .iter()
        .filter(|(_, source)| **source != FieldSource::LoginNames);
    sources
        .map(|(field, source)| (*field, map_field(*field, source, account, input.directory)))
        .collect()
}

/// Whether the directory shows no value for a field that comes from an attribute. Not so when the attribute was not read.
pub fn is_blank(input: &Input<'_>, account: User<'_>, field: Field) -> bool {
    match input.scope.map.get(&field) {
        Some(FieldSource::Attribute(attribute)) if input.directory.has(attribute) => {
            let text = account.text(attribute).unwrap_or_default();
            text.chars().all(|letter| letter.is_control() || letter.is_whitespace())
        }
        _ => false,
    }
}

/// Whether the directory has a value for a field.
pub fn has_value(input: &Input<'_>, account: User<'_>, field: Field) -> bool {
    match input.scope.map.get(&field) {
        Some(FieldSource::LoginNames) => has_names(account, input.bare_username),
        Some(source) => text_of(source, account).is_some_and(|text| !clean(text).is_empty()),
        None => false,
    }
}

fn map_field(field: Field, source: &FieldSource, account: User<'_>, directory: &Snapshot) -> Mapped {
    if let FieldSource::Attribute(attribute) = source
        && !directory.has(attribute)
    {
        return Mapped::Unread;
    }
    let text = text_of(source, account).map(clean).unwrap_or_default();
    let (length, limit) = (text.chars().count(), field.row().limit);
    if length > limit {
        Mapped::Unusable(Unusable { field, length, limit })
    } else if text.is_empty() {
        Mapped::Empty
    } else {
        Mapped::Value(Value::Text(text.into()))
    }
}

fn text_of<'a>(source: &FieldSource, account: User<'a>) -> Option<&'a str> {
    match source {
        FieldSource::Attribute(attribute) => account.text(attribute),
        FieldSource::ParentEntry => Some(account.parent_dn()),
        FieldSource::LoginNames => None,
    }
}

/// A value as it is written: without surrounding white space, composed, and without the line breaks and tabs that people paste.
pub(super) fn clean(text: &str) -> String {
    let text = text.trim();
    if !text.contains(char::is_control) && is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text.to_owned();
    }
    let words: Vec<&str> = text
        .split(char::is_control)
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").nfc().collect()
}
