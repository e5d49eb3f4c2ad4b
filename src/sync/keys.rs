//! What is compared of accounts and PhoneUsers to find out who is who, and the form it is compared in.

use std::fmt;

use super::{field::Field, value::Values};
use crate::{
    api::sync_scope::MatchProperty,
    directory::{AttributeName, User, text},
};

pub(super) const USER_PRINCIPAL_NAME: AttributeName = AttributeName::from_lower_case("userprincipalname");
pub(super) const MAIL: AttributeName = AttributeName::from_lower_case("mail");
const EMPLOYEE_ID: AttributeName = AttributeName::from_lower_case("employeeid");
const GIVEN_NAME: AttributeName = AttributeName::from_lower_case("givenname");
const SURNAME: AttributeName = AttributeName::from_lower_case("sn");

/// The properties that tell a reused identity.
const IDENTITY: [MatchProperty; 3] = [
    MatchProperty::WindowsLogin,
    MatchProperty::UserName,
    MatchProperty::EmployeeId,
];

/// What must be read of everybody to compare these properties, whatever else the spec says: they, what tells a reused identity,
/// and the mail address that a problem shows.
pub(super) fn compared(by: &[MatchProperty]) -> impl Iterator<Item = AttributeName> {
    by.iter()
        .chain(&IDENTITY)
        .flat_map(|property| attributes_of(*property))
        .chain([MAIL])
}

/// The attributes that a property is made of.
fn attributes_of(property: MatchProperty) -> Vec<AttributeName> {
    match property {
        MatchProperty::WindowsLogin => vec![AttributeName::LOGIN],
        MatchProperty::UserName => vec![USER_PRINCIPAL_NAME],
        MatchProperty::Email => vec![MAIL],
        MatchProperty::EmployeeId => vec![EMPLOYEE_ID],
        MatchProperty::FirstLastName => vec![GIVEN_NAME, SURNAME],
    }
}

pub(super) fn key_of_account(account: User<'_>, property: MatchProperty) -> Option<String> {
    let attributes = attributes_of(property);
    together(attributes.iter().map(|attribute| account.text(attribute)))
}

pub(super) fn key_of_user(values: &Values, property: MatchProperty) -> Option<String> {
    let fields: &[Field] = match property {
        MatchProperty::WindowsLogin => &[Field::Login],
        MatchProperty::UserName => &[Field::UserPrincipalName],
        MatchProperty::Email => &[Field::Email],
        MatchProperty::EmployeeId => &[Field::EmployeeId],
        MatchProperty::FirstLastName => &[Field::FirstName, Field::LastName],
    };
    together(fields.iter().map(|field| values.text(*field)))
}

/// What is compared: trimmed, composed, case-folded. An empty value is never compared.
fn together<'v>(values: impl Iterator<Item = Option<&'v str>>) -> Option<String> {
    let folded = values.map(|value| Some(text::fold(value?)).filter(|key| !key.is_empty()));
    let all: Vec<_> = folded.collect::<Option<_>>()?;
    Some(all.join("\0"))
}

/// What tells a reused identity, of an account.
pub(super) fn identity_of(account: User<'_>) -> [Option<String>; 3] {
    IDENTITY.map(|property| key_of_account(account, property))
}

/// The same of a PhoneUser.
pub(super) fn identity_of_user(values: &Values) -> [Option<String>; 3] {
    IDENTITY.map(|property| key_of_user(values, property))
}

/// A property as messages show it.
pub(super) struct Shown(pub(super) MatchProperty);

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            MatchProperty::WindowsLogin => "Windows login",
            MatchProperty::UserName => "user name",
            MatchProperty::Email => "mail address",
            MatchProperty::EmployeeId => "employee ID",
            MatchProperty::FirstLastName => "first and last name",
        })
    }
}
