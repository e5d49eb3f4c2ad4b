//! An entry as it comes from a directory, and the names of its attributes. Pure.

use std::{borrow::Cow, fmt};

use super::Guid;

/// LDAP name of an attribute, such as `mail`. Names that differ only in case are the same; it keeps the lower-case form.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AttributeName(Cow<'static, str>);

/// Text that is no attribute's name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is not an attribute: write its LDAP name, such as mail or telephoneNumber (letters, digits and hyphens)"
)]
pub struct AttributeNameError(String);

impl AttributeName {
    /// sAMAccountName, the Windows login.
    pub const LOGIN: Self = Self::from_lower_case("samaccountname");
    /// objectGUID.
    pub const OBJECT_GUID: Self = Self::from_lower_case("objectguid");
    /// objectSid, whose end is what primaryGroupID names.
    pub const OBJECT_SID: Self = Self::from_lower_case("objectsid");
    /// The entries in a group.
    pub const MEMBER: Self = Self::from_lower_case("member");
    /// The entry's own name; nobody needs to ask for it.
    pub const DISTINGUISHED_NAME: Self = Self::from_lower_case("distinguishedname");
    /// userAccountControl, the flags of an account.
    pub const USER_ACCOUNT_CONTROL: Self = Self::from_lower_case("useraccountcontrol");
    /// When the account ends.
    pub const ACCOUNT_EXPIRES: Self = Self::from_lower_case("accountexpires");
    /// The group that a user is in without being in its `member`.
    pub const PRIMARY_GROUP_ID: Self = Self::from_lower_case("primarygroupid");
    /// The groups that an entry is a direct member of.
    pub const MEMBER_OF: Self = Self::from_lower_case("memberof");

    /// Whether the entry is a tombstone.
    pub const IS_DELETED: Self = Self::from_lower_case("isdeleted");

    /// What is kept of each user, whatever else is asked for.
    pub const OF_EVERY_USER: [Self; 4] = [
        Self::LOGIN,
        Self::USER_ACCOUNT_CONTROL,
        Self::ACCOUNT_EXPIRES,
        Self::PRIMARY_GROUP_ID,
    ];

    /// A name that the program itself holds: it must be a valid one, in lower case.
    pub const fn from_lower_case(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name of an attribute (RFC 4512 `descr`). Options and OIDs are refused: Active Directory's answers never carry them.
    pub fn parse(name: &str) -> Result<Self, AttributeNameError> {
        if Self::is_name(name) {
            Ok(Self(Cow::Owned(name.to_ascii_lowercase())))
        } else {
            Err(AttributeNameError(name.to_owned()))
        }
    }

    /// Whether a text is the name of an attribute.
    pub(super) fn is_name(text: &str) -> bool {
        let starts_with_letter = text.starts_with(|first: char| first.is_ascii_alphabetic());
        starts_with_letter && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a server's spelling is this attribute.
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl TryFrom<&str> for AttributeName {
    type Error = AttributeNameError;

    fn try_from(name: &str) -> Result<Self, AttributeNameError> {
        Self::parse(name)
    }
}

impl std::str::FromStr for AttributeName {
    type Err = AttributeNameError;

    fn from_str(name: &str) -> Result<Self, AttributeNameError> {
        Self::parse(name)
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An entry as a directory holds it: what a reader hands over.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RawEntry {
    /// Its distinguished name, as the server writes it.
    pub dn: String,
    /// Attributes by name, as the server spells it, each with all its values (ranges put together).
    pub attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl RawEntry {
    /// An entry without attributes.
    pub fn new(dn: impl Into<String>) -> Self {
        Self {
            dn: dn.into(),
            attributes: Vec::new(),
        }
    }

    /// With one more attribute.
    #[must_use]
    pub fn with<Value: Into<Vec<u8>>>(mut self, name: &str, values: impl IntoIterator<Item = Value>) -> Self {
        self.attributes
            .push((name.to_owned(), values.into_iter().map(Into::into).collect()));
        self
    }

    /// With its objectGUID.
    #[must_use]
    pub fn with_guid(self, guid: Guid) -> Self {
        self.with("objectGUID", [guid.to_ldap_bytes()])
    }

    /// The values of an attribute; none when the entry lacks it.
    pub fn values(&self, name: &AttributeName) -> &[Vec<u8>] {
        self.attributes
            .iter()
            .find(|(spelling, _)| name.is(spelling))
            .map_or(&[], |(_, values)| values)
    }

    /// The values of an attribute that are text.
    pub fn texts(&self, name: &AttributeName) -> impl Iterator<Item = &str> {
        self.values(name)
            .iter()
            .filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// The value of an attribute that is text and not blank; of several the smallest, as values have no order.
    pub fn text(&self, name: &AttributeName) -> Option<&str> {
        self.texts(name).filter(|text| !text.trim().is_empty()).min()
    }

    /// The objectGUID.
    pub fn guid(&self) -> Option<Guid> {
        self.values(&AttributeName::OBJECT_GUID)
            .first()
            .and_then(|value| Guid::from_ldap_bytes(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case() {
        assert_eq!(AttributeName::parse("sAMAccountName"), Ok(AttributeName::LOGIN));
        assert_eq!(AttributeName::LOGIN.as_str(), "samaccountname");
        let entry = RawEntry::new("CN=a").with("Mail", [" ", "a@example.com"]);
        assert_eq!(
            entry.text(&AttributeName::parse("mail").unwrap()),
            Some("a@example.com")
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["", "1st", "mail ", "member;range=0-1499", "2.5.4.3", "straße", "a_b"] {
            assert_eq!(AttributeName::parse(name), Err(AttributeNameError(name.to_owned())));
        }
    }

    #[test]
    fn the_names_that_the_program_holds_are_in_lower_case() {
        for name in AttributeName::OF_EVERY_USER.iter().chain([
            &AttributeName::OBJECT_GUID,
            &AttributeName::OBJECT_SID,
            &AttributeName::MEMBER,
            &AttributeName::DISTINGUISHED_NAME,
            &AttributeName::MEMBER_OF,
            &AttributeName::IS_DELETED,
        ]) {
            assert_eq!(AttributeName::parse(name.as_str()).as_ref(), Ok(name));
        }
    }
}
