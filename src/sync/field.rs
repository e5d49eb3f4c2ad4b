//! The fields that the operator writes, in ONE table each for PhoneUser and RingGroup. Names and limits only: no values, no objects.

use std::{fmt, marker::PhantomData};

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

/// A field of a RingGroup that the operator writes. `additionalMembers` is none of them: it is people's.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "`place` says where each one is")]
pub enum RingField {
    DisplayName,
    Number,
    Strategy,
    Enabled,
    InPhonebook,
    Members,
    Source,
    ManagedByLabel,
    ScopeLabel,
    PhoneSystemLabel,
}

impl WrittenField for RingField {
    const ALL: &'static [Self] = &[
        Self::DisplayName,
        Self::Number,
        Self::Strategy,
        Self::Enabled,
        Self::InPhonebook,
        Self::Members,
        Self::Source,
        Self::ManagedByLabel,
        Self::ScopeLabel,
        Self::PhoneSystemLabel,
    ];

    fn index(self) -> u32 {
        self as u32
    }

    fn place(self) -> Place {
        match self {
            Self::DisplayName => Place::Spec("displayName"),
            Self::Number => Place::Spec("number"),
            Self::Strategy => Place::Spec("strategy"),
            Self::Enabled => Place::Spec("enabled"),
            Self::InPhonebook => Place::Spec("inPhonebook"),
            Self::Members => Place::Spec("members"),
            Self::Source => Place::Spec("source"),
            Self::ManagedByLabel => Place::Label(labels::MANAGED_BY),
            Self::ScopeLabel => Place::Label(labels::SCOPE),
            Self::PhoneSystemLabel => Place::Label(labels::PHONE_SYSTEM),
        }
    }
}

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
    fn the_table_has_a_line_for_each_field_in_their_order() {
        for (index, row) in FIELDS.iter().enumerate() {
            assert_eq!(row.field as usize, index);
            assert_eq!(row.field.row().field, row.field);
        }
        for (index, field) in RingField::ALL.iter().enumerate() {
            assert_eq!(*field as usize, index);
        }
    }

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
