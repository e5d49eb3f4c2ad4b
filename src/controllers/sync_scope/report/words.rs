//! What Ready, Synced, Reconciling and Stalled say of an ending: one arm each. Pure.

use super::{Ending, Facts, PATIENCE, Synced, Unread};
use crate::{
    api::{
        SyncScopeStatus,
        conditions::{SYNCED, ready, sync},
    },
    controllers::conditions::{ConditionStatus, find},
    sync::report::Report,
};

/// So many failed attempts in a row may be an accident.
const FORGIVEN: u32 = 2;

/// A condition: whether it holds, the reason, and the message.
type Said = (ConditionStatus, &'static str, String);
/// A condition that is there only while it holds.
type SaidWhile = Option<(&'static str, String)>;

/// What the conditions that follow from the ending say.
pub(super) struct Words {
    pub ready: Said,
    /// None: it says what it said.
    pub synced: Option<Said>,
    pub reconciling: SaidWhile,
    pub stalled: SaidWhile,
}

impl Words {
    pub(super) fn of(before: &SyncScopeStatus, facts: &Facts) -> Self {
        use ConditionStatus::{False, True, Unknown};
        let has_worked = has_worked(before);
        let retrying = |message: &str| Some((ready::RETRYING, message.to_owned()));
        match &facts.ending {
            Ending::Begun => {
                let message = "the first sync of this generation is under way".to_owned();
                let progressing = (Unknown, ready::PROGRESSING, message.clone());
                Self {
                    ready: if has_worked { succeeded() } else { progressing },
                    synced: not_yet(before, &message),
                    // However long the directory takes to answer, that is nothing to wait for.
                    reconciling: (!has_worked).then_some((ready::PROGRESSING, message)),
                    stalled: None,
                }
            }
            Ending::Suspended => {
                let message = "spec.suspend is set: nothing is synced until it is removed".to_owned();
                Self {
                    ready: (True, ready::SUSPENDED, message.clone()),
                    synced: Some((Unknown, ready::SUSPENDED, message)),
                    reconciling: None,
                    stalled: None,
                }
            }
            Ending::Missing { message, since } => {
                let gives_up = since.duration_until(facts.now).unsigned_abs() >= PATIENCE;
                let said = (ready::REFERENCE_NOT_FOUND, message.clone());
                Self {
                    ready: (False, said.0, said.1.clone()),
                    synced: Some((False, said.0, said.1.clone())),
                    reconciling: if gives_up { None } else { retrying(message) },
                    stalled: gives_up.then_some(said),
                }
            }
            Ending::NotReady { message } => Self {
                ready: (False, ready::REFERENCE_NOT_READY, message.clone()),
                synced: Some((False, ready::REFERENCE_NOT_READY, message.clone())),
                reconciling: retrying(message),
                stalled: None,
            },
            Ending::Invalid { message } => Self {
                ready: (False, ready::INVALID_SPEC, message.clone()),
                synced: Some((False, ready::INVALID_SPEC, message.clone())),
                reconciling: None,
                stalled: Some((ready::INVALID_SPEC, message.clone())),
            },
            Ending::Crashed { message } => Self {
                ready: if has_worked {
                    succeeded()
                } else {
                    (Unknown, ready::INTERNAL_ERROR, message.clone())
                },
                synced: Some((False, ready::INTERNAL_ERROR, message.clone())),
                reconciling: (!has_worked).then(|| (ready::INTERNAL_ERROR, message.clone())),
                stalled: None,
            },
            Ending::Unread(unread) => Self::of_unread(before, facts, unread),
            Ending::Synced(synced) => Self::of_synced(before, facts, synced),
        }
    }

    /// An outage of the directory never makes a scope that has worked not Ready, nor Reconciling: that would block or roll back
    /// somebody's unrelated release.
    fn of_unread(before: &SyncScopeStatus, facts: &Facts, unread: &Unread) -> Self {
        use ConditionStatus::False;
        let Unread {
            reason,
            message,
            passes,
            is_stale,
        } = unread;
        let said = (*reason, message.clone());
        let is_out = !passes || *is_stale || facts.failures > FORGIVEN;
        let synced = is_out
            .then(|| (False, *reason, message.clone()))
            .or_else(|| not_yet(before, message));
        if has_worked(before) {
            return Self {
                ready: succeeded(),
                synced,
                reconciling: None,
                stalled: None,
            };
        }
        Self {
            ready: (False, said.0, said.1.clone()),
            synced,
            reconciling: passes.then(|| (ready::RETRYING, message.clone())),
            stalled: (!passes).then_some(said),
        }
    }

    fn of_synced(before: &SyncScopeStatus, facts: &Facts, synced: &Synced) -> Self {
        use ConditionStatus::{False, True, Unknown};
        let failed = match synced.failed {
            1 => "one object could not be written; it is tried again".to_owned(),
            count => format!("{count} objects could not be written; they are tried again"),
        };
        let said = match (&synced.would_write, synced.failed) {
            // What was read before says nothing about the directory of now.
            _ if !synced.is_fresh && !tells_of_writes(before) => None,
            (None, _) if synced.is_refused() && facts.unwritten > FORGIVEN => {
                Some((False, sync::WRITE_FAILED, failed.clone()))
            }
            (None, _) if synced.is_refused() => not_yet(before, &failed),
            (Some(plan), _) => Some((True, sync::PLANNED, format!("mode is Plan: a sync would write {plan}"))),
            (None, count) => {
                // One bad record costs one record: it is in the problems.
                let failed = (count > 0).then(|| failed.clone());
                let worked = [
                    Some("the last sync worked".to_owned()),
                    failed,
                    lingering(&synced.report),
                ];
                let message: Vec<String> = worked.into_iter().flatten().collect();
                Some((True, ready::SUCCEEDED, message.join("; ")))
            }
        };
        let works = !synced.is_refused() || has_worked(before);
        Self {
            ready: if works {
                succeeded()
            } else {
                (Unknown, ready::RETRYING, failed.clone())
            },
            synced: said,
            reconciling: (!works).then_some((ready::RETRYING, failed)),
            stalled: None,
        }
    }
}

/// What Synced says while no sync was tried.
const NOT_TRIED: [&str; 5] = [
    ready::PROGRESSING,
    ready::SUSPENDED,
    ready::REFERENCE_NOT_FOUND,
    ready::REFERENCE_NOT_READY,
    ready::INVALID_SPEC,
];

/// Synced before it is known: it stays what the last sync made it, and is Unknown when there was none.
fn not_yet(before: &SyncScopeStatus, message: &str) -> Option<Said> {
    let is_known = find(&before.conditions, SYNCED).is_some_and(|known| !NOT_TRIED.contains(&&*known.reason));
    (!is_known).then(|| (ConditionStatus::Unknown, ready::PROGRESSING, message.to_owned()))
}

/// Whether the last sync read the directory, so that what Synced says hangs on writes alone.
fn tells_of_writes(before: &SyncScopeStatus) -> bool {
    let of_writes = [ready::SUCCEEDED, ready::PROGRESSING, sync::PLANNED, sync::WRITE_FAILED];
    find(&before.conditions, SYNCED).is_none_or(|synced| of_writes.contains(&&*synced.reason))
}

/// Who keeps service although the directory says no, and why.
fn lingering(report: &Report) -> Option<String> {
    let reasons = report.lingering.iter().map(|(why, count)| format!("{count} {why:?}"));
    let reasons: Vec<String> = reasons.collect();
    let count = report.users.lingering;
    let keep = if count == 1 { "keeps" } else { "keep" };
    (count > 0).then(|| {
        format!(
            "{count} {keep} service although the directory says no: {}",
            reasons.join(", ")
        )
    })
}

fn succeeded() -> Said {
    (
        ConditionStatus::True,
        ready::VALID,
        "the spec is valid and has worked; Synced tells about now".to_owned(),
    )
}

/// Whether some generation has worked: only then are people counted.
pub(super) fn has_worked(before: &SyncScopeStatus) -> bool {
    before.users.is_some()
}
