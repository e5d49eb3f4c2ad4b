//! What a look at a configuration means for its status. Pure.

use jiff::Timestamp;

use super::attempts::{Failure, Outcome};
use crate::{
    api::{
        ActiveDirectoryConfigStatus,
        active_directory_config::{RejectedCredentials, ServerStatus, TrustedRead},
        conditions::{CONNECTED, READY, RECONCILING, STALLED, connection, ready},
    },
    controllers::{
        conditions::{ConditionSetter, ConditionStatus, find},
        connections::{REMEMBERED_EVERY, Trouble},
        events::Notice,
        patience,
    },
    directory::ConnectionReport,
};

/// So many failures in a row, and it is no hiccup.
pub(super) const NO_HICCUP: u32 = 3;

/// What was seen when the operator looked at a configuration.
pub(super) struct Look<'a> {
    /// `metadata.generation`
    pub generation: Option<i64>,
    /// What it came to.
    pub outcome: &'a Outcome,
    /// Failed attempts in a row, this one included.
    pub failures: u32,
    /// The request that this answers.
    pub requested: Option<String>,
    /// The password that is refused at present.
    pub rejected: Option<RejectedCredentials>,
    /// The last read that counted.
    pub trusted: Option<TrustedRead>,
}

/// What each condition says. `connected: None` leaves it as it was.
struct Verdict<'a> {
    ready: (ConditionStatus, &'a str, &'a str),
    connected: Option<(ConditionStatus, &'a str, &'a str)>,
    reconciling: Option<(&'a str, &'a str)>,
    stalled: Option<(&'a str, &'a str)>,
}

/// The status of a configuration that has none yet, while it is tested for the first time.
pub(super) fn first_status(generation: Option<i64>, now: Timestamp) -> ActiveDirectoryConfigStatus {
    let mut status = ActiveDirectoryConfigStatus {
        observed_generation: generation,
        ..Default::default()
    };
    let (reason, message) = (
        connection::CONNECTING,
        "the connection is being tested for the first time",
    );
    let mut setter = ConditionSetter::new(&mut status.conditions, generation, now);
    setter.set(READY, ConditionStatus::Unknown, reason, message);
    setter.set(CONNECTED, ConditionStatus::Unknown, reason, message);
    setter.only_while(RECONCILING, Some((reason, message)));
    status
}

/// The status after a look.
pub(super) fn status(
    before: &ActiveDirectoryConfigStatus,
    look: Look<'_>,
    now: Timestamp,
) -> ActiveDirectoryConfigStatus {
    let mut status = before.clone();
    status.observed_generation = look.generation;
    status.rejected = look.rejected;
    if look.requested.is_some() {
        status.last_handled_reconcile_at = look.requested;
    }
    let sight;
    let verdict = match look.outcome {
        Outcome::Connected(report) => {
            sight = what_it_sees(report);
            status.server = Some(ServerStatus {
                host: report.server.clone(),
                invocation_id: report.invocation_id.to_string(),
                naming_context: report.naming_context.as_str().to_owned(),
            });
            status.visible_users = Some(i64::try_from(report.visible_users).unwrap_or(i64::MAX));
            connected(&sight)
        }
        Outcome::Failed(failure) => failed(failure, look.failures, before, now),
    };
    let mut setter = ConditionSetter::new(&mut status.conditions, look.generation, now);
    let (ready, reason, message) = verdict.ready;
    setter.set(READY, ready, reason, message);
    if let Some((connected, reason, message)) = verdict.connected {
        setter.set(CONNECTED, connected, reason, message);
    }
    setter.only_while(RECONCILING, verdict.reconciling);
    setter.only_while(STALLED, verdict.stalled);
    if let Some(trusted) = look.trusted
        && (status != *before || is_worth_writing(before.trusted.as_ref(), &trusted))
    {
        status.trusted = Some(trusted);
    }
    status
}

/// Whether to write the status for this alone: with every read, the directory's number is another one.
fn is_worth_writing(known: Option<&TrustedRead>, trusted: &TrustedRead) -> bool {
    known.is_none_or(|known| {
        known.invocation_id != trusted.invocation_id || trusted.time.0.duration_since(known.time.0) >= REMEMBERED_EVERY
    })
}

fn what_it_sees(report: &ConnectionReport) -> String {
    match report.visible_users {
        0 => format!(
            "{} answers, but shows the account no user below the base DN: check spec.baseDN and its rights",
            report.server
        ),
        1 => format!("{} answers, and shows the account one user", report.server),
        users => format!("{} answers, and shows the account {users} users", report.server),
    }
}

const HAS_WORKED: (ConditionStatus, &str, &str) = (
    ConditionStatus::True,
    ready::VALID,
    "the spec is valid, and a connection has worked; Connected tells about now",
);

fn connected(sight: &str) -> Verdict<'_> {
    let connected = Some((ConditionStatus::True, connection::ANSWERS, sight));
    Verdict {
        ready: HAS_WORKED,
        connected,
        reconciling: None,
        stalled: None,
    }
}

fn failed<'a>(
    failure: &'a Failure,
    failures: u32,
    before: &ActiveDirectoryConfigStatus,
    now: Timestamp,
) -> Verdict<'a> {
    let (reason, message) = (failure.reason, failure.message.as_str());
    let no = (ConditionStatus::False, reason, message);
    let unknown = (ConditionStatus::Unknown, reason, message);
    let because = Some((reason, message));
    // Somebody must do something; it may yet come by itself; it has worked, so that Connected alone tells about now.
    let stalled = Verdict {
        ready: no,
        connected: Some(no),
        reconciling: None,
        stalled: because,
    };
    let waiting = |connected| Verdict {
        ready: no,
        connected: Some(connected),
        reconciling: because,
        stalled: None,
    };
    let still_ready = |connected| Verdict {
        ready: HAS_WORKED,
        connected,
        reconciling: None,
        stalled: None,
    };
    let has_worked = before.server.is_some();
    let is_hiccup = failures < NO_HICCUP;
    match failure.trouble {
        Trouble::Missing if !patience::has_ended(&before.conditions, now) => waiting(no),
        Trouble::Refused if has_worked => still_ready(Some(no)),
        Trouble::Missing | Trouble::Invalid | Trouble::Refused => stalled,
        Trouble::Passing if has_worked && is_hiccup => {
            // A hiccup is nobody's business: what Connected said before still holds.
            let is_known = find(&before.conditions, CONNECTED).is_some();
            still_ready((!is_known).then_some(unknown))
        }
        Trouble::Passing if has_worked => still_ready(Some(no)),
        Trouble::Passing => waiting(if is_hiccup { unknown } else { no }),
    }
}

/// What people should be told: that it connects now, or why not (any more).
pub(super) fn news(before: &ActiveDirectoryConfigStatus, after: &ActiveDirectoryConfigStatus) -> Option<Notice> {
    let known = find(&before.conditions, CONNECTED);
    let now = find(&after.conditions, CONNECTED)?;
    let is_the_same = known.is_some_and(|known| known.status == now.status && known.reason == now.reason);
    let is_known = now.status != ConditionStatus::Unknown.as_str();
    (is_known && !is_the_same).then(|| Notice {
        warning: now.status == ConditionStatus::False.as_str(),
        reason: now.reason.clone(),
        note: now.message.clone(),
        about: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Dn, Guid, PasswordExpiry};

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn report() -> Outcome {
        Outcome::Connected(ConnectionReport {
            server: "dc1.example.com:636".to_owned(),
            invocation_id: Guid::from_ldap_bytes(&[7; 16]).unwrap(),
            naming_context: Dn::parse("DC=example,DC=com").unwrap(),
            visible_users: 415,
            password_expires: PasswordExpiry::Untold,
        })
    }

    fn failure(trouble: Trouble) -> Outcome {
        Outcome::Failed(Failure {
            trouble,
            reason: "Any",
            message: "do that".to_owned(),
            retry_after: None,
        })
    }

    fn look(outcome: &Outcome, failures: u32) -> Look<'_> {
        Look {
            generation: Some(1),
            outcome,
            failures,
            requested: None,
            rejected: None,
            trusted: None,
        }
    }

    /// Ready, Connected, and what exists only while True.
    fn shown(status: &ActiveDirectoryConfigStatus) -> [&str; 4] {
        [READY, CONNECTED, RECONCILING, STALLED]
            .map(|kind| find(&status.conditions, kind).map_or("-", |condition| condition.status.as_str()))
    }

    fn new() -> ActiveDirectoryConfigStatus {
        first_status(Some(1), time(0))
    }

    fn worked() -> ActiveDirectoryConfigStatus {
        status(&new(), look(&report(), 0), time(1))
    }

    #[test]
    fn each_trouble_has_its_conditions() {
        use Trouble::{Invalid, Missing, Passing, Refused};
        let rows = [
            // trouble, failures, has worked before, Ready Connected Reconciling Stalled
            (Missing, 1, false, ["False", "False", "True", "-"]),
            (Missing, 1, true, ["False", "False", "True", "-"]),
            (Invalid, 1, false, ["False", "False", "-", "True"]),
            (Invalid, 1, true, ["False", "False", "-", "True"]),
            (Refused, 1, false, ["False", "False", "-", "True"]),
            (Refused, 1, true, ["True", "False", "-", "-"]),
            (Passing, 1, false, ["False", "Unknown", "True", "-"]),
            (Passing, 2, false, ["False", "Unknown", "True", "-"]),
            (Passing, 3, false, ["False", "False", "True", "-"]),
            (Passing, 1, true, ["True", "True", "-", "-"]),
            (Passing, 2, true, ["True", "True", "-", "-"]),
            (Passing, 3, true, ["True", "False", "-", "-"]),
        ];
        for (trouble, failures, has_worked, expected) in rows {
            let before = if has_worked { worked() } else { new() };
            let after = status(&before, look(&failure(trouble), failures), time(2));
            assert_eq!(shown(&after), expected, "{trouble:?} {failures} {has_worked}");
            assert_eq!(after.server, before.server, "what was seen stays");
        }
        assert_eq!(shown(&new()), ["Unknown", "Unknown", "True", "-"]);
        assert_eq!(shown(&worked()), ["True", "True", "-", "-"]);
    }

    #[test]
    fn patience_with_what_is_missing_ends_after_a_minute() {
        let missing = failure(Trouble::Missing);
        let at_first = status(&new(), look(&missing, 1), time(10));
        let later = status(&at_first, look(&missing, 2), time(69));
        assert_eq!(later, at_first, "nothing to write");
        let too_late = status(&later, look(&missing, 3), time(70));
        assert_eq!(shown(&too_late), ["False", "False", "-", "True"]);
        assert_eq!(
            shown(&status(&too_late, look(&report(), 0), time(80))),
            ["True", "True", "-", "-"]
        );
    }

    #[test]
    fn tells_which_server_answers_and_whom_it_shows() {
        let status = worked();
        let server = status.server.clone().unwrap();
        assert_eq!(
            (server.host.as_str(), server.naming_context.as_str()),
            ("dc1.example.com:636", "DC=example,DC=com")
        );
        assert_eq!(status.visible_users, Some(415));
        let message = &find(&status.conditions, CONNECTED).unwrap().message;
        assert_eq!(message, "dc1.example.com:636 answers, and shows the account 415 users");
    }

    #[test]
    fn a_look_that_finds_the_same_changes_nothing() {
        assert_eq!(status(&worked(), look(&report(), 0), time(999)), worked());
    }

    #[test]
    fn the_read_that_counts_is_written_when_another_controller_s_does_once_a_day_or_with_something_else() {
        let trusted = |number: u8, highest_usn: i64, second: i64| TrustedRead {
            invocation_id: Guid::from_ldap_bytes(&[number; 16]).unwrap().to_string(),
            highest_usn,
            time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(time(second)),
        };
        let after = |before: &ActiveDirectoryConfigStatus, outcome: &Outcome, read: &TrustedRead| {
            let look = Look {
                trusted: Some(read.clone()),
                ..look(outcome, 0)
            };
            status(before, look, time(2)).trusted
        };
        let (first, day) = (trusted(7, 100, 10), 24 * 60 * 60);
        assert_eq!(after(&worked(), &report(), &first), Some(first.clone()));
        let known = ActiveDirectoryConfigStatus {
            trusted: Some(first.clone()),
            ..worked()
        };
        assert_eq!(status(&known, look(&report(), 0), time(2)), known, "it stays");
        for (read, is_written) in [
            (trusted(7, 200, 10 + day - 1), false),
            (trusted(7, 200, 10 + day), true),
            (trusted(8, 5, 11), true),
        ] {
            let expected = if is_written { &read } else { &first };
            assert_eq!(after(&known, &report(), &read).as_ref(), Some(expected));
        }
        // Another controller answers the test, which says nothing of whose word counts.
        let Outcome::Connected(elsewhere) = report() else {
            unreachable!()
        };
        let elsewhere = Outcome::Connected(ConnectionReport {
            server: "dc2.example.com:636".to_owned(),
            invocation_id: Guid::from_ldap_bytes(&[8; 16]).unwrap(),
            ..elsewhere
        });
        let last = trusted(7, 200, 60);
        assert_eq!(after(&known, &elsewhere, &last), Some(last));
    }

    #[test]
    fn people_are_told_when_connected_changes_and_only_then() {
        let told = |before: &ActiveDirectoryConfigStatus, outcome, failures| {
            let after = status(before, look(&outcome, failures), time(2));
            news(before, &after).map(|notice| (notice.warning, notice.reason))
        };
        assert_eq!(told(&new(), report(), 0), Some((false, "Connected".to_owned())));
        assert_eq!(told(&worked(), report(), 0), None);
        assert_eq!(told(&worked(), failure(Trouble::Passing), 1), None);
        assert_eq!(
            told(&worked(), failure(Trouble::Passing), 3),
            Some((true, "Any".to_owned()))
        );
        assert_eq!(told(&new(), failure(Trouble::Passing), 1), None);
    }

    #[test]
    fn a_request_is_echoed_and_the_echo_stays() {
        let hiccup = failure(Trouble::Passing);
        let asked = Look {
            requested: Some("yesterday".to_owned()),
            ..look(&hiccup, 1)
        };
        let after = status(&worked(), asked, time(2));
        assert_eq!(after.last_handled_reconcile_at.as_deref(), Some("yesterday"));
        assert_eq!(
            status(&after, look(&report(), 0), time(3))
                .last_handled_reconcile_at
                .as_deref(),
            Some("yesterday")
        );
    }
}
