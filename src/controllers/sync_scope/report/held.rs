//! What the status, its conditions and Events say of what is held. Pure.

use crate::{
    api::{
        annotations,
        conditions::{BLANKS_HELD, CREATIONS_HELD, REMOVALS_HELD, held},
        event_reasons,
        sync_scope::{Held, HeldType},
    },
    controllers::{changes::NamespacedName, conditions::ConditionSetter, events::Notice},
    sync::report::shortened,
};

/// How much is shown of an approval that is none.
const LONGEST_SHOWN: usize = 64;

/// What is held before a sync, what somebody approved meanwhile, and what is held after it.
#[derive(Debug, Default)]
pub(in super::super) struct Course<'a> {
    pub before: &'a [Held],
    pub approved: &'a [Held],
    pub after: &'a [Held],
    /// The annotation `adsync.dev/approve`, when it was not acted upon before.
    pub approval: Option<&'a str>,
}

/// How many wait for somebody's approval.
pub(in super::super) fn waiting(held: &[Held]) -> i64 {
    let waiting = held.iter().filter(|held| held.approved.is_none());
    waiting.map(|held| held.count).sum()
}

/// Whether it is the same batch.
pub(super) fn is_same_batch(one: &Held, other: &Held) -> bool {
    one.kind == other.kind && one.digest == other.digest
}

/// A condition for each type, while there is something of it.
pub(super) fn set(setter: &mut ConditionSetter<'_>, scope: &NamespacedName, all: &[Held]) {
    for (kind, condition) in [
        (HeldType::Removals, REMOVALS_HELD),
        (HeldType::Creations, CREATIONS_HELD),
        (HeldType::Blanks, BLANKS_HELD),
    ] {
        let held = all.iter().find(|held| held.kind == kind);
        let said = held.map(|held| (reason(held), message(scope, held)));
        setter.only_while(
            condition,
            said.as_ref().map(|(reason, message)| (*reason, message.as_str())),
        );
    }
}

fn reason(held: &Held) -> &'static str {
    if held.digest.is_empty() {
        held::BEING_WEIGHED
    } else if held.approved.is_some() {
        held::BEING_FINISHED
    } else {
        held::AWAITING_APPROVAL
    }
}

fn message(scope: &NamespacedName, held: &Held) -> String {
    let what = what(held);
    if held.digest.is_empty() {
        return format!("{what}: the spec has changed since, and the next sync weighs it again");
    }
    if let Some(approved) = &held.approved {
        return format!("{what}: approved at {}, and not finished yet", approved.time.0);
    }
    waits(scope, held)
}

fn waits(scope: &NamespacedName, held: &Held) -> String {
    let limit = held.limit.as_ref().map(|limit| format!(" The limit is {limit}."));
    format!(
        "{} wait for approval: {}.{} {}",
        what(held),
        sample(held),
        limit.unwrap_or_default(),
        how(scope, held)
    )
}

fn what(held: &Held) -> String {
    let (one, many) = match held.kind {
        HeldType::Removals => ("removal", "removals"),
        HeldType::Creations => ("creation", "creations"),
        HeldType::Blanks => ("blank value", "blank values"),
    };
    format!("{} {}", held.count, if held.count == 1 { one } else { many })
}

fn sample(held: &Held) -> String {
    let listed = held.sample.join(", ");
    let more = usize::try_from(held.count)
        .unwrap_or_default()
        .saturating_sub(held.sample.len());
    if more == 0 {
        listed
    } else {
        format!("{listed} and {more} more")
    }
}

fn how(scope: &NamespacedName, held: &Held) -> String {
    format!(
        "Review status.held; if that is right, let it through: kubectl -n {} annotate syncscope {} {}={} --overwrite",
        scope.namespace,
        scope.name,
        annotations::APPROVE,
        held.digest
    )
}

/// Batches that were closed, approved, finished, or came to nothing, and approvals of what is not held.
pub(in super::super) fn notices(scope: &NamespacedName, course: &Course<'_>) -> Vec<Notice> {
    let Course {
        before,
        approved,
        after,
        approval,
    } = course;
    let mut notices = Vec::new();
    let is_in = |all: &[Held], held: &Held| all.iter().any(|other| is_same_batch(other, held));
    let mut push = |warning, reason: &str, note| {
        notices.push(Notice {
            warning,
            reason: reason.to_owned(),
            note,
            about: None,
        });
    };
    for held in after
        .iter()
        .filter(|held| held.approved.is_none() && !is_in(before, held))
    {
        push(true, event_reasons::HELD, waits(scope, held));
    }
    let was_approved = |held: &Held| {
        before
            .iter()
            .any(|known| is_same_batch(known, held) && known.approved.is_some())
    };
    let newly = approved.iter().filter(|held| !was_approved(held));
    for held in newly {
        push(
            false,
            event_reasons::APPROVED,
            format!("{}: batch {} is approved", what(held), held.digest),
        );
    }
    for held in before.iter().filter(|held| !is_in(after, held)) {
        if held.approved.is_some() || is_in(approved, held) {
            push(
                false,
                event_reasons::FINISHED,
                format!("batch {} of {} is done", held.digest, what(held)),
            );
        } else if !after.iter().any(|other| other.kind == held.kind) {
            push(
                false,
                event_reasons::NO_LONGER_HELD,
                format!("{} are not due any more", what(held)),
            );
        }
    }
    let known = |value: &str| {
        before
            .iter()
            .chain(*approved)
            .chain(*after)
            .any(|held| held.digest == value)
    };
    if let Some(value) = approval.filter(|value| !known(value)) {
        for held in after.iter().filter(|held| held.approved.is_none()) {
            let note = format!(
                "{} is {}, which is none of what is held: {} wait for approval. {}",
                annotations::APPROVE,
                shortened(value, LONGEST_SHOWN),
                what(held),
                how(scope, held)
            );
            push(true, event_reasons::NOT_APPROVED, note);
        }
    }
    notices
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

    use super::*;
    use crate::api::sync_scope::Approval;

    fn held(digest: &str) -> Held {
        Held {
            kind: HeldType::Removals,
            count: 12,
            digest: digest.to_owned(),
            since: Time(Timestamp::UNIX_EPOCH),
            sample: vec![
                "ada: Disable (Disabled)".to_owned(),
                "bob: Disable (Deleted)".to_owned(),
            ],
            limit: Some("10 percent or 50 in 24h, by spec.removal.limit".to_owned()),
            members: String::new(),
            approved: None,
        }
    }

    fn approved(digest: &str) -> Held {
        Held {
            approved: Some(Approval {
                digest: digest.to_owned(),
                time: Time(Timestamp::UNIX_EPOCH),
            }),
            ..held(digest)
        }
    }

    fn scope() -> NamespacedName {
        NamespacedName::new("phones", "staff")
    }

    fn condition(held: &[Held]) -> Option<Condition> {
        let mut conditions = Vec::new();
        set(
            &mut ConditionSetter::new(&mut conditions, Some(1), Timestamp::UNIX_EPOCH),
            &scope(),
            held,
        );
        conditions.pop()
    }

    #[test]
    fn the_condition_says_what_to_do_and_goes_away_with_what_is_held() {
        let said = condition(&[held("0123456789abcdef")]).unwrap();
        assert_eq!(
            (&*said.type_, &*said.status, &*said.reason),
            ("RemovalsHeld", "True", "AwaitingApproval")
        );
        assert_eq!(
            said.message,
            "12 removals wait for approval: ada: Disable (Disabled), bob: Disable (Deleted) and 10 more. The limit is 10 percent or 50 in \
             24h, by spec.removal.limit. Review status.held; if that is right, let it through: kubectl -n phones \
             annotate syncscope staff adsync.dev/approve=0123456789abcdef --overwrite"
        );
        assert_eq!(
            condition(&[approved("0123456789abcdef")]).unwrap().reason,
            "BeingFinished"
        );
        assert_eq!(condition(&[held("")]).unwrap().reason, "BeingWeighed");
        assert_eq!(condition(&[]), None);
    }

    #[test]
    fn each_step_of_a_batch_is_told_once() {
        let said = |course: Course<'_>| {
            let told = notices(&scope(), &course);
            told.into_iter().map(|notice| notice.reason).collect::<Vec<_>>()
        };
        let (one, two) = ([held("1")], [held("2")]);
        let done = [approved("1")];
        let course = |before, approved, after| Course {
            before,
            approved,
            after,
            approval: None,
        };
        assert_eq!(said(course(&[], &[], &one)), ["Held"]);
        assert_eq!(said(course(&one, &[], &one)), [""; 0]);
        assert_eq!(said(course(&one, &done, &done)), ["Approved"]);
        assert_eq!(said(course(&done, &done, &done)), [""; 0], "after a restart");
        assert_eq!(said(course(&done, &done, &[])), ["Finished"]);
        assert_eq!(said(course(&one, &done, &[])), ["Approved", "Finished"]);
        assert_eq!(
            said(course(&one, &done, &two)),
            ["Held", "Approved", "Finished"],
            "the next batch"
        );
        let wrongly = |value, after| Course {
            approval: Some(value),
            ..course(&one, &[], after)
        };
        assert_eq!(said(wrongly("3", &one)), ["NotApproved"]);
        assert_eq!(said(wrongly("1", &one)), [""; 0]);
        assert_eq!(said(wrongly("3", &done)), [""; 0], "nothing waits");
        assert_eq!(said(course(&one, &[], &[])), ["NoLongerHeld"]);
    }
}
