//! What a scope wants for those who leave, parsed. How much of it may happen now is the guard's word.

use jiff::SignedDuration;

use super::{At as _, SpecError, duration::signed_duration};
use crate::api::{
    phone_user::AbsenceReason,
    sync_scope::{self, WhenAbsent},
};

/// What happens to those who leave.
#[derive(Clone, Debug)]
pub struct Removal {
    /// The account is disabled or has expired.
    pub when_disabled: WhenAbsent,
    /// The account exists, and is not selected any more.
    pub when_out_of_scope: WhenAbsent,
    /// The account is gone.
    pub when_deleted: WhenAbsent,
    /// When a PhoneUser whose account is gone is deleted, after it was disabled. None: never.
    pub delete_after: Option<SignedDuration>,
    /// How many may leave at once.
    pub limit: RemovalLimit,
}

/// How many may leave within a window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RemovalLimit {
    /// Percent of those who were linked when the window began.
    pub percent: i64,
    /// How many.
    pub count: i64,
    /// How long the window is.
    pub window: SignedDuration,
}

/// How many PhoneUsers may be created in one sync.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CreationLimit {
    /// Percent of those who are linked.
    pub percent: i64,
    /// How many.
    pub count: i64,
}

impl Removal {
    pub(super) fn new(removal: &sync_scope::Removal) -> Result<Self, SpecError> {
        let sync_scope::Removal {
            when_disabled,
            when_out_of_scope,
            when_deleted,
            delete_after,
            limit,
        } = removal;
        let delete_after = delete_after.as_deref().map(signed_duration).transpose();
        Ok(Self {
            when_disabled: *when_disabled,
            when_out_of_scope: *when_out_of_scope,
            when_deleted: *when_deleted,
            delete_after: delete_after.at(|| "spec.removal.deleteAfter".to_owned())?,
            limit: RemovalLimit {
                percent: limit.percent.into(),
                count: limit.count.into(),
                window: signed_duration(&limit.window).at(|| "spec.removal.limit.window".to_owned())?,
            },
        })
    }

    /// What happens to somebody who is absent for this reason.
    pub fn when(&self, reason: AbsenceReason) -> WhenAbsent {
        match reason {
            AbsenceReason::Disabled => self.when_disabled,
            AbsenceReason::OutOfScope => self.when_out_of_scope,
            AbsenceReason::Deleted => self.when_deleted,
        }
    }
}

impl From<&sync_scope::CreationLimit> for CreationLimit {
    fn from(limit: &sync_scope::CreationLimit) -> Self {
        Self {
            percent: limit.percent.into(),
            count: limit.count.into(),
        }
    }
}
