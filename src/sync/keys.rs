//! What is compared of accounts and PhoneUsers to find out who is who, and the form it is compared in.

use std::fmt;

use super::{field::Field, value::Values};
use crate::{
    api::sync_scope::MatchProperty,
    directory::{AttributeName, User, text},
};

const USER_PRINCIPAL_NAME: AttributeName = AttributeName::from_lower_case("userprincipalname");
const MAIL: AttributeName = AttributeName::from_lower_case("mail");
const EMPLOYEE_ID: AttributeName = AttributeName::from_lower_case("employeeid");
const GIVEN_NAME: AttributeName = AttributeName::from_lower_case("givenname");
const SURNAME: AttributeName = AttributeName::from_lower_case("sn");

pub(super) fn key_of_account(account: User<'_>, property: MatchProperty) -> Option<String> {
    match property {
        MatchProperty::WindowsLogin => key(account.login()),
        MatchProperty::UserName => key(account.text(&USER_PRINCIPAL_NAME)),
        MatchProperty::Email => key(account.text(&MAIL)),
        MatchProperty::EmployeeId => key(account.text(&EMPLOYEE_ID)),
        MatchProperty::FirstLastName => name_key(account.text(&GIVEN_NAME), account.text(&SURNAME)),
    }
}

pub(super) fn key_of_user(values: &Values, property: MatchProperty) -> Option<String> {
    match property {
        MatchProperty::WindowsLogin => key(values.text(Field::Login)),
        MatchProperty::UserName => key(values.text(Field::UserPrincipalName)),
        MatchProperty::Email => key(values.text(Field::Email)),
        MatchProperty::EmployeeId => key(values.text(Field::EmployeeId)),
        MatchProperty::FirstLastName => name_key(values.text(Field::FirstName), values.text(Field::LastName)),
    }
}

/// What is compared: trimmed, composed, case-folded. An empty value is never compared.
fn key(value: Option<&str>) -> Option<String> {
    Some(text::fold(value?).into_owned()).filter(|key| !key.is_empty())
}

fn name_key(first: Option<&str>, last: Option<&str>) -> Option<String> {
    Some(format!("{}\0{}", key(first)?, key(last)?))
}

/// The properties that tell a reused identity, of an account.
pub(super) fn identity_of(account: User<'_>) -> [Option<String>; 3] {
    [
        MatchProperty::WindowsLogin,
        MatchProperty::UserName,
        MatchProperty::EmployeeId,
    ]
    .map(|property| key_of_account(account, property))
}

/// The same of a PhoneUser.
pub(super) fn identity_of_user(values: &Values) -> [Option<String>; 3] {
    [
        MatchProperty::WindowsLogin,
        MatchProperty::UserName,
        MatchProperty::EmployeeId,
    ]
    .map(|property| key_of_user(values, property))
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
