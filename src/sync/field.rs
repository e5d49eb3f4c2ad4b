//! The fields of a PhoneUser that the operator writes, in ONE table. Names, sources and limits only: no values, no objects.

use std::fmt;

pub use super::{field_set::FieldSet, ring_field::RingField};
use crate::api::{labels, sync_scope::TargetField};

/// A field that the operator writes, of one kind of object.
pub trait WrittenField: Copy + Eq + Ord + fmt::Debug + 'static {
    /// All of them, in the order of the table.
    const ALL: &'static [Self];

    /// Its place in [`Self::ALL`].
    fn index(self) -> u32;

    /// Where it is in the object.
    fn place(self) -> Place;
}

/// Where a field is in an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// `spec.<name>`
    Spec(&'static str),
    /// `metadata.labels[<name>]`
    Label(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec(name) => write!(formatter, "spec.{name}"),
            Self::Label(name) => write!(formatter, "metadata.labels[{name}]"),
        }
    }
}

/// Where a field's value comes from when nothing else is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// An attribute of the account.
    Attribute(&'static str),
    /// The names that the person may sign in with.
    LoginNames,
    /// The entry above the account.
    ParentEntry,
    /// The operator's own decision.
    Decision,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The field.
    pub field: Field,
    /// Where it is in the object.
    pub place: Place,
    /// Where its value comes from.
    pub source: Source,
    /// The most characters a value of it may have; the same as `maxLength` in the CRD.
    pub limit: usize,
}

/// A field of a PhoneUser that the operator writes. `phoneSystemRef` is none of them: it is always sent and never changes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the table below says where each one is and comes from")]
pub enum Field {
    Login,
    UserPrincipalName,
    LoginNames,
    DisplayName,
    FirstName,
    LastName,
    Email,
    EmployeeId,
    Department,
    Title,
    Phone,
    Mobile,
    Office,
    Company,
    OrganizationalUnit,
    Enabled,
    Extension,
    Directory,
    ManagedByLabel,
    ScopeLabel,
    PhoneSystemLabel,
}

/// Long enough for what AD's schema allows in these attributes, and for an extension attribute mapped to them.
const TEXT: usize = 256;
/// Of a user principal name and of a distinguished name.
const LONG_TEXT: usize = 1024;
/// At most so many login names a person.
pub const MOST_LOGIN_NAMES: usize = 16;

/// The table of PhoneUser's fields, in the order of [`Field`].
pub const FIELDS: [Row; 21] = {
    use Field as F;
    use Source::{Attribute, Decision, LoginNames, ParentEntry};
    [
        spec(F::Login, "login", Attribute("sAMAccountName"), TEXT),
        spec(
            F::UserPrincipalName,
            "userPrincipalName",
            Attribute("userPrincipalName"),
            LONG_TEXT,
        ),
        spec(F::LoginNames, "loginNames", LoginNames, LONG_TEXT),
        spec(F::DisplayName, "displayName", Attribute("displayName"), TEXT),
        spec(F::FirstName, "firstName", Attribute("givenName"), TEXT),
        spec(F::LastName, "lastName", Attribute("sn"), TEXT),
        spec(F::Email, "email", Attribute("mail"), TEXT),
        spec(F::EmployeeId, "employeeID", Attribute("employeeID"), TEXT),
        spec(F::Department, "department", Attribute("department"), TEXT),
        spec(F::Title, "title", Attribute("title"), TEXT),
        spec(F::Phone, "phone", Attribute("telephoneNumber"), TEXT),
        spec(F::Mobile, "mobile", Attribute("mobile"), TEXT),
        spec(F::Office, "office", Attribute("physicalDeliveryOfficeName"), TEXT),
        spec(F::Company, "company", Attribute("company"), TEXT),
        spec(F::OrganizationalUnit, "organizationalUnit", ParentEntry, LONG_TEXT),
        spec(F::Enabled, "enabled", Decision, TEXT),
        spec(F::Extension, "extension", Decision, 15),
        spec(F::Directory, "directory", Decision, TEXT),
        label(F::ManagedByLabel, labels::MANAGED_BY),
        label(F::ScopeLabel, labels::SCOPE),
        label(F::PhoneSystemLabel, labels::PHONE_SYSTEM),
    ]
};

const fn spec(field: Field, name: &'static str, source: Source, limit: usize) -> Row {
    Row {
        field,
        place: Place::Spec(name),
        source,
        limit,
    }
}

const fn label(field: Field, name: &'static str) -> Row {
    Row {
        field,
        place: Place::Label(name),
        source: Source::Decision,
        limit: 63,
    }
}

impl Field {
    /// Its line of the table.
    pub fn row(self) -> &'static Row {
        // The table has a line for each variant, in their order; a test holds this.
        FIELDS.get(self as usize).unwrap_or(&FIELDS[0])
    }

    /// The fields that follow the directory, in the order of the table.
    pub fn mapped() -> impl Iterator<Item = Self> {
        FIELDS
            .iter()
            .filter(|row| row.source != Source::Decision)
            .map(|row| row.field)
    }
}

impl WrittenField for Field {
    #[expect(clippy::indexing_slicing, reason = "a wrong index would not compile")]
    const ALL: &'static [Self] = &{
        let mut all = [Self::Login; FIELDS.len()];
        let mut index = 0;
        while index < FIELDS.len() {
            all[index] = FIELDS[index].field;
            index += 1;
        }
        all
    };

    fn index(self) -> u32 {
        self as u32
    }

    fn place(self) -> Place {
        self.row().place
    }
}

impl From<TargetField> for Field {
    fn from(target: TargetField) -> Self {
        match target {
            TargetField::Login => Self::Login,
            TargetField::UserPrincipalName => Self::UserPrincipalName,
            TargetField::LoginNames => Self::LoginNames,
            TargetField::DisplayName => Self::DisplayName,
            TargetField::FirstName => Self::FirstName,
            TargetField::LastName => Self::LastName,
            TargetField::Email => Self::Email,
            TargetField::EmployeeId => Self::EmployeeId,
            TargetField::Department => Self::Department,
            TargetField::Title => Self::Title,
            TargetField::Phone => Self::Phone,
            TargetField::Mobile => Self::Mobile,
            TargetField::Office => Self::Office,
            TargetField::Company => Self::Company,
            TargetField::OrganizationalUnit => Self::OrganizationalUnit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_field_in_their_order() {
        for (index, row) in FIELDS.iter().enumerate() {
            assert_eq!(row.field as usize, index);
            assert_eq!(row.field.row().field, row.field);
        }
    }
}
