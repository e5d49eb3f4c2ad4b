//! What a sync would do, in words: for `mode: Plan`. Pure; nothing is written here, nor decided.

use std::fmt::Write;

use crate::{
    controllers::{
        apply::{Differences, holder_in_words},
        observed::Kind,
    },
    sync::{
        field::WrittenField,
        guard::Ledger,
        plan::{Change, Deletion, Expected, Free, Plan, UserChange},
        report::shortened,
    },
};

/// So many changes are told one by one: whoever wants them all reads the log of a sync.
const MOST_TOLD: usize = 10;
/// The longest of them, in characters. All of them stay far below what a condition takes.
const LONGEST: usize = 400;

/// How much would be written and what would wait, and the first changes: what takes something away before what adds.
pub(super) fn in_words(plan: &Plan, ledger: &Ledger) -> String {
    let mut words = counts(plan);
    for held in &ledger.held {
        let _ = write!(words, "; {:?} that would wait for approval: {}", held.kind, held.count);
    }
    let all = changes(plan);
    for change in all.iter().take(MOST_TOLD) {
        let _ = write!(words, "\n- {}", shortened(change, LONGEST));
    }
    if let more @ 1.. = all.len().saturating_sub(MOST_TOLD) {
        let _ = write!(words, "\n- and {more} more");
    }
    words
}

fn counts(plan: &Plan) -> String {
    let Plan {
        claims,
        users,
        ring_groups,
        deletions,
        frees,
    } = plan;
    let mut words = format!(
        "{}, {} and {}",
        counted(claims.len() + frees.len(), "number"),
        counted(users.len(), "user"),
        counted(ring_groups.len(), "ring group")
    );
    if !deletions.is_empty() {
        let _ = write!(words, ", and delete {}", counted(deletions.len(), "object"));
    }
    words
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// All changes. A number that is claimed is told with whoever gets it.
fn changes(plan: &Plan) -> Vec<String> {
    let Plan {
        claims: _,
        users,
        ring_groups,
        deletions,
        frees,
    } = plan;
    let deletions = deletions.iter().map(deletion);
    let users = users.iter().map(user);
    let ring_groups = ring_groups.iter().map(|change| of_change(Kind::RingGroup, change));
    let frees = frees.iter().map(|free| (Weight::Frees, freed(free)));
    let mut all: Vec<(Weight, String)> = deletions.chain(users).chain(ring_groups).chain(frees).collect();
    // Stable: those of one weight stay in the plan's order.
    all.sort_by_key(|(weight, _)| *weight);
    all.into_iter().map(|(_, words)| words).collect()
}

/// What is told first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Weight {
    Deletes,
    SwitchesOff,
    LetsGo,
    Changes,
    Frees,
    Creates,
}

fn deletion(deletion: &Deletion) -> (Weight, String) {
    let kind = Kind::of_holder(deletion.kind).name();
    let words = format!("delete {kind} {}: {}", deletion.subject.login, deletion.why);
    (Weight::Deletes, words)
}

fn user(change: &UserChange) -> (Weight, String) {
    let login = &change.subject.login;
    if change.disables() {
        let changes = Differences(&change.changes);
        (Weight::SwitchesOff, format!("switch off PhoneUser {login}: {changes}"))
    } else if change.lets_go() {
        let mut words = format!("let go of PhoneUser {} of {login}: it stays as it is", change.name);
        if let Some(why) = &change.why {
            let _ = write!(words, " ({why})");
        }
        (Weight::LetsGo, words)
    } else {
        of_change(Kind::User, change)
    }
}

fn of_change<F: WrittenField>(kind: Kind, change: &Change<F>) -> (Weight, String) {
    let (kind, subject) = (kind.name(), &change.subject.login);
    match (&change.expected, change.needs) {
        (Expected::Absent, Some(number)) => (Weight::Creates, format!("create {kind} {subject} with number {number}")),
        (Expected::Absent, None) => (Weight::Creates, format!("create {kind} {subject}")),
        (Expected::Present(_), _) if change.changes.is_empty() => {
            let words = format!("change {kind} {subject}: no value, only who owns its fields");
            (Weight::Changes, words)
        }
        (Expected::Present(_), _) => {
            let verb = if change.links { "link" } else { "change" };
            let changes = Differences(&change.changes);
            (Weight::Changes, format!("{verb} {kind} {subject}: {changes}"))
        }
    }
}

fn freed(free: &Free) -> String {
    format!("let number {} of {} rest", free.number, holder_in_words(&free.holder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::extension::{Holder, HolderKind},
        sync::{
            field::{Field, FieldSet},
            observed::Version,
            plan::{FieldChange, Subject},
            value::Value,
        },
    };

    fn subject(login: &str) -> Subject {
        Subject {
            login: login.into(),
            mail: None,
        }
    }

    fn version() -> Version {
        Version {
            uid: "uid".into(),
            resource_version: "7".into(),
        }
    }

    fn change(login: &str, field: Field, before: Option<Value>, after: Option<Value>) -> UserChange {
        Change {
            name: format!("hq-{login}").into(),
            subject: subject(login),
            expected: Expected::Present(version()),
            release: FieldSet::EMPTY,
            apply: None,
            changes: vec![FieldChange { field, before, after }],
            needs: None,
            links: false,
            why: None,
        }
    }

    fn title(login: &str, title: &str) -> UserChange {
        let (before, after) = (Some(Value::text("CTO")), Some(Value::text(title)));
        change(login, Field::Title, before, after)
    }

    #[test]
    fn what_takes_away_is_told_first() {
        let created = UserChange {
            expected: Expected::Absent,
            needs: Some("2003".parse().unwrap()),
            ..title("carla", "CFO")
        };
        let switched_off = change(
            "berta",
            Field::Enabled,
            Some(Value::Flag(true)),
            Some(Value::Flag(false)),
        );
        let plan = Plan {
            users: vec![created, title("ada", "CEO"), switched_off],
            deletions: vec![Deletion {
                kind: HolderKind::PhoneUser,
                name: "hq-dora".into(),
                subject: subject("dora"),
                version: version(),
                why: "Deleted since Monday".to_owned(),
            }],
            frees: vec![Free {
                number: "2004".parse().unwrap(),
                holder: Holder {
                    kind: HolderKind::PhoneUser,
                    name: "hq-dora".to_owned(),
                },
                version: version(),
                release_after: jiff::Timestamp::UNIX_EPOCH,
                awaited_by: None,
            }],
            ..Plan::default()
        };
        assert_eq!(
            in_words(&plan, &Ledger::default()),
            "1 number, 3 users and 0 ring groups, and delete 1 object
- delete PhoneUser dora: Deleted since Monday
- switch off PhoneUser berta: spec.enabled: true → false
- change PhoneUser ada: spec.title: \"CTO\" → \"CEO\"
- let number 2004 of PhoneUser hq-dora rest
- create PhoneUser carla with number 2003"
        );
    }

    #[test]
    fn a_long_plan_is_cut() {
        let users = (0..5_000).map(|number| title(&format!("u{number}"), &"x".repeat(5_000)));
        let plan = Plan {
            users: users.collect(),
            ..Plan::default()
        };
        let words = in_words(&plan, &Ledger::default());
        let lines: Vec<_> = words.lines().collect();
        assert_eq!(lines.len(), 1 + MOST_TOLD + 1);
        assert_eq!(lines.last(), Some(&"- and 4990 more"));
        assert!(lines.iter().all(|line| line.chars().count() <= LONGEST + 2), "{words}");
    }

    #[test]
    fn nothing_to_do_is_said_in_one_line() {
        let words = in_words(&Plan::default(), &Ledger::default());
        assert_eq!(words, "0 numbers, 0 users and 0 ring groups");
    }
}
