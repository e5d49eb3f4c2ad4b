//! Somebody who is back under a new account. Who that is was decided by matching; whether they get their phone now is the guard's
//! word.

use jiff::Timestamp;

use super::{
    observed::ObservedUser,
    person::Person,
    removal::{Action, Removal},
    report::problem,
};
use crate::api::{
    extension::HolderKind,
    phone_user::AbsenceReason,
    sync_scope::{Problem, ProblemReason},
};

/// Somebody who was there before with another account, as `relinkBy` tells: whether they get their PhoneUser now is the guard's
/// word.
#[derive(Clone, Debug)]
pub struct Relink<'a> {
    /// Who, with that PhoneUser.
    pub person: Person<'a>,
    /// Name of the PhoneUser.
    pub name: &'a str,
    /// The PhoneUser.
    pub user: &'a ObservedUser,
    /// Since when the account is gone.
    pub since: Timestamp,
}

impl<'a> Relink<'a> {
    /// As the guard weighs it.
    pub fn removal(&self) -> Removal<'a> {
        Removal {
            kind: HolderKind::PhoneUser,
            name: self.name,
            version: &self.user.version,
            subject: self.person.subject.clone(),
            action: Action::Relink,
            loses: 0,
            due: self.since,
            reason: Some(AbsenceReason::Deleted),
        }
    }

    /// Why they wait.
    pub fn held(&self) -> Problem {
        let message = format!(
            "they are to get PhoneUser {}, whose account was deleted, and more removals are due than the limit allows: \
             approve them with the digest in status.held",
            self.name
        );
        problem(
            &self.person.subject,
            ProblemReason::IdentityReused,
            &message,
            Some(self.name),
        )
    }
}
