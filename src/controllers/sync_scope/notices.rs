//! What people should see of a sync in Events: what was made and changed, new problems, conditions that turned. Pure.

use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::Condition};

use crate::{
    api::{
        SyncScopeStatus,
        conditions::{READY, RECONCILING, REFERENCES_RESOLVED, SYNCED, ready},
        event_reasons,
    },
    controllers::{
        apply::{Applied, Fate},
        conditions::{find, is_true},
        events::{Notice, Notices},
        observed::Kind,
    },
    sync::{
        field::WrittenField,
        plan::{Change, Plan},
    },
};

/// What a plan made, changed and took away. Numbers are told with whoever has them.
pub(super) fn of_plan(notices: &mut Notices, plan: &Plan, applied: &Applied) {
    for (change, fate) in plan.users.iter().zip(&applied.users) {
        if *fate == Fate::Updated && change.disables() {
            let why = change
                .absence()
                .map(|absence| format!(": {:?} since {}", absence.reason, absence.since));
            let note = format!("disabled PhoneUser {}{}", change.subject.login, why.unwrap_or_default());
            removed(notices, event_reasons::DISABLED, note, Kind::User, &change.name);
        } else if *fate == Fate::Updated && change.lets_go() {
            let why = change.why.as_ref().map(|why| format!(" ({why})"));
            let note = format!(
                "let go of PhoneUser {} of {}: it stays as it is{}",
                change.name,
                change.subject.login,
                why.unwrap_or_default()
            );
            removed(notices, event_reasons::LET_GO, note, Kind::User, &change.name);
        } else {
            of_change(notices, Kind::User, change, fate);
        }
    }
    for (change, fate) in plan.ring_groups.iter().zip(&applied.ring_groups) {
        of_change(notices, Kind::RingGroup, change, fate);
    }
    for (deletion, fate) in plan.deletions.iter().zip(&applied.deletions) {
        if matches!(fate, Fate::Deleted | Fate::Going) {
            let kind = Kind::of_holder(deletion.kind);
            let note = format!("deleted {} {}: {}", kind.name(), deletion.subject.login, deletion.why);
            removed(notices, event_reasons::DELETED, note, kind, &deletion.name);
        }
    }
}

fn removed(notices: &mut Notices, reason: &str, note: String, kind: Kind, name: &str) {
    notices.push(Notice {
        warning: false,
        reason: reason.to_owned(),
        note,
        about: Some(reference(kind, name)),
    });
}

fn of_change<F: WrittenField>(notices: &mut Notices, kind: Kind, change: &Change<F>, fate: &Fate) {
    let fields = || {
        let fields: Vec<String> = change
            .changes
            .iter()
            .map(|change| change.field.place().to_string())
            .collect();
        if fields.is_empty() {
            String::new()
        } else {
            format!(": {}", fields.join(", "))
        }
    };
    let (reason, note) = match fate {
        Fate::Created => (
            event_reasons::CREATED,
            format!("created {} {}", kind.name(), change.subject.login),
        ),
        Fate::Updated if change.links => (
            event_reasons::LINKED,
            format!("linked {} {} to {}", kind.name(), change.name, change.subject.login),
        ),
        Fate::Updated => (
            event_reasons::UPDATED,
            format!("updated {} {}{}", kind.name(), change.subject.login, fields()),
        ),
        Fate::Lost | Fate::Skipped | Fate::Failed(_) | Fate::Deleted | Fate::Going => return,
    };
    notices.push(Notice {
        warning: false,
        reason: reason.to_owned(),
        note,
        about: Some(reference(kind, &change.name)),
    });
}

/// New problems, and conditions that turned.
pub(super) fn of_status(notices: &mut Notices, before: &SyncScopeStatus, after: &SyncScopeStatus) {
    for kind in [READY, SYNCED, REFERENCES_RESOLVED] {
        if let Some(condition) = turned(&before.conditions, &after.conditions, kind) {
            let note = format!("{kind} is {}: {}", condition.status, condition.message);
            let warning = condition.status == "False";
            notices.push(Notice {
                warning,
                reason: condition.reason.clone(),
                note,
                about: None,
            });
        }
    }
    for problem in after
        .problems
        .iter()
        .filter(|problem| !before.problems.contains(problem))
    {
        let note = format!("{}: {}", problem.login, problem.message);
        notices.push(Notice {
            warning: true,
            reason: format!("{:?}", problem.reason),
            note,
            about: None,
        });
    }
}

/// A condition that became False, or True after having been False.
fn turned<'a>(before: &[Condition], after: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    match (told(before, kind), told(after, kind)) {
        (before, "False") if before != "False" => find(after, kind),
        ("False", "True") => find(after, kind),
        _ => None,
    }
}

/// What a condition says that is worth telling. Charts and `kubectl apply -k` make things in any order: what a scope still waits for is no news
/// before it has waited in vain, or is the other object's to tell.
fn told<'a>(conditions: &'a [Condition], kind: &str) -> &'a str {
    const UNKNOWN: &str = "Unknown";
    let Some(condition) = find(conditions, kind) else {
        return UNKNOWN;
    };
    let is_for_another = [ready::REFERENCE_NOT_FOUND, ready::REFERENCE_NOT_READY].contains(&&*condition.reason);
    if is_for_another && is_true(conditions, RECONCILING) {
        UNKNOWN
    } else {
        &condition.status
    }
}

fn reference(kind: Kind, name: &str) -> ObjectReference {
    let resource = kind.resource();
    ObjectReference {
        api_version: Some(resource.api_version),
        kind: Some(resource.kind),
        name: Some(name.to_owned()),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        api::conditions::{STALLED, connection},
        controllers::conditions::{ConditionSetter, ConditionStatus},
    };

    fn status(ready: ConditionStatus, reason: &str, while_true: Option<&str>) -> SyncScopeStatus {
        let mut status = SyncScopeStatus::default();
        let mut setter = ConditionSetter::new(&mut status.conditions, Some(1), Timestamp::UNIX_EPOCH);
        setter.set(READY, ready, reason, "why");
        if let Some(kind) = while_true {
            setter.set(kind, true, reason, "why");
        }
        status
    }

    #[test]
    fn what_is_waited_for_is_told_once_it_is_waited_for_in_vain() {
        use ConditionStatus::{False, True};
        let begun = SyncScopeStatus::default();
        let works = status(True, ready::SUCCEEDED, None);
        let waits = status(False, ready::REFERENCE_NOT_FOUND, Some(RECONCILING));
        let stalled = status(False, ready::REFERENCE_NOT_FOUND, Some(STALLED));
        let unread = status(False, connection::CONNECTION_REFUSED, Some(RECONCILING));
        let told = |before: &SyncScopeStatus, after: &SyncScopeStatus| {
            let mut notices = Notices::default();
            of_status(&mut notices, before, after);
            notices.all().map(|notice| notice.note.clone()).collect::<Vec<_>>()
        };
        for (before, after, notes) in [
            (&begun, &works, vec![]),
            (&begun, &waits, vec![]),
            (&waits, &works, vec![]),
            (&works, &waits, vec![]),
            (&waits, &stalled, vec!["Ready is False: why"]),
            (&stalled, &works, vec!["Ready is True: why"]),
            (&begun, &unread, vec!["Ready is False: why"]),
            (&unread, &works, vec!["Ready is True: why"]),
        ] {
            assert_eq!(told(before, after), notes, "{before:?} {after:?}");
        }
    }
}
