//! Someone whom a scope provides, on their way through the pipeline. Plain data: each stage says in its own file what it decides.

use super::{
    field::Field, keys::MAIL, observed::ObservedUser, plan::Subject, roster::NamedUser, select::Doubt, value::Absence,
};
use crate::{
    api::phone_user::Origin,
    directory::{Guid, User},
};

/// Someone whom the scope provides: linked to a PhoneUser, or about to get one.
#[derive(Clone, Debug)]
pub struct Person<'a> {
    /// Their account.
    pub account: User<'a>,
    /// Its objectGUID.
    pub guid: Guid,
    /// Whom problems are about.
    pub subject: Subject,
    /// Name of their PhoneUser.
    pub name: Box<str>,
    /// Their PhoneUser. None: a newcomer's, to be created.
    pub observed: Option<&'a ObservedUser>,
    /// How they came to be linked.
    pub origin: Origin,
    /// Their account is disabled or has expired. They keep what they have; a newcomer never is.
    pub is_inactive: bool,
    /// What their PhoneUser says about why they should not be served, from now on.
    pub absence: Option<Absence>,
    /// How they are numbered.
    pub rule: RuleChoice<'a>,
    /// They get no other number than they have: what it was given by may only be hidden.
    pub keeps_number: bool,
}

/// Which of the scope's `extensions` numbers somebody: the first whose selector holds.
#[derive(Clone, Copy, Debug)]
pub enum RuleChoice<'a> {
    /// By this ExtensionRule.
    Rule(&'a str),
    /// None holds: no number is given. Who has one keeps it.
    None,
    /// A selector is in doubt, and none before it holds: who has a number keeps it, and a newcomer is not created.
    Doubt(Doubt<'a>),
}

/// Somebody in the scope who has no PhoneUser yet.
#[derive(Clone, Debug)]
pub struct Newcomer<'a> {
    /// Their account. It is active, and has a login name.
    pub account: User<'a>,
    /// Its objectGUID.
    pub guid: Guid,
    /// Whom problems are about.
    pub subject: Subject,
    /// Name of the PhoneUser that would be made for them.
    pub name: Box<str>,
    /// How they are numbered.
    pub rule: RuleChoice<'a>,
    /// They may be somebody who is excluded, and this is why it can't be told: then they wait.
    pub doubt: Option<Doubt<'a>>,
}

impl Subject {
    /// The person whom a PhoneUser is for, when no account is seen.
    pub fn of_user(named: NamedUser<'_>) -> Self {
        let values = &named.user.values;
        Self {
            login: values.text(Field::Login).unwrap_or(named.name).into(),
            mail: values.text(Field::Email).map(Into::into),
        }
    }

    /// The person with an account.
    pub fn of(account: User<'_>) -> Self {
        let login = account.login().map_or_else(|| account.dn(), Into::into);
        Self {
            login: login.trim().into(),
            mail: account.text(&MAIL).map(|mail| mail.trim().into()),
        }
    }
}
