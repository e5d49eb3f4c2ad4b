//! When a connection is tested, and what is remembered of the last test. Pure: the clock is an argument.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    causes::with_causes,
    controllers::{
        backoff::Backoff,
        connections::{ConnectionError, SettingsError, Trouble},
        patience::PATIENCE,
    },
    directory::{ConnectionReport, codes::refuses_account},
};

/// Waits after tests that failed for something that may pass.
const RETRIES: Backoff = Backoff {
    first: Duration::from_secs(5),
    longest: Duration::from_mins(5),
};

/// What a look at a configuration came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// The directory answers.
    Connected(ConnectionReport),
    /// It does not, or could not be asked.
    Failed(Failure),
}

/// Why there is no connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Failure {
    /// What kind of trouble it is.
    pub trouble: Trouble,
    /// In one word.
    pub reason: &'static str,
    /// What it is and what to do.
    pub message: String,
    /// The password is not tried again before.
    pub retry_after: Option<Timestamp>,
}

impl Outcome {
    /// Whether the directory does not let the account in.
    pub(super) fn refuses_account(&self) -> bool {
        matches!(self, Self::Failed(failure) if refuses_account(failure.reason))
    }
}

impl From<&SettingsError> for Failure {
    fn from(error: &SettingsError) -> Self {
        let message = with_causes(error);
        Self {
            trouble: error.trouble(),
            reason: error.reason(),
            message,
            retry_after: None,
        }
    }
}

impl From<&ConnectionError> for Failure {
    fn from(error: &ConnectionError) -> Self {
        Self {
            trouble: error.trouble(),
            reason: error.reason(),
            message: error.to_string(),
            retry_after: error.password_retry_after(),
        }
    }
}

/// What a test would be made with, and for. While it stays the same, only time makes another test due.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Cause {
    /// `metadata.uid` and `metadata.generation`.
    pub generation: (Option<String>, Option<i64>),
    /// The revision of the settings; `None`: there are none.
    pub revision: Option<u64>,
    /// The value of the annotation that asks for a test.
    pub requested: Option<String>,
}

/// What an attempt tells that was not known before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum News {
    /// Something is connected that was not, or not like this.
    Connected,
    /// It is not, for another reason than before.
    Unconnected(&'static str),
}

/// What is remembered of a configuration. It starts empty with the process.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempts {
    last: Option<Attempt>,
    /// Failed ones in a row.
    pub failures: u32,
}

#[derive(Clone, Debug)]
struct Attempt {
    cause: Cause,
    ended: Timestamp,
    outcome: Outcome,
}

impl Attempts {
    /// Whether another attempt now would only repeat the last one.
    pub(super) fn still_hold(&self, cause: &Cause, interval: SignedDuration, now: Timestamp) -> bool {
        self.last
            .as_ref()
            .is_some_and(|last| last.cause == *cause && now < self.due(last, interval))
    }

    /// Whether the last attempt says that the directory answers, and somebody who read it was refused since.
    pub(super) fn contradicted_by(&self, rejected_at: Option<Timestamp>) -> bool {
        rejected_at.is_some() && matches!(self.outcome(), Some(Outcome::Connected(_)))
    }

    /// What the last attempt came to.
    pub(super) fn outcome(&self) -> Option<&Outcome> {
        self.last.as_ref().map(|last| &last.outcome)
    }

    /// Takes in what an attempt came to, and says what is new about it.
    pub(super) fn ended(&mut self, cause: Cause, outcome: Outcome, now: Timestamp) -> Option<News> {
        let before = self.last.take();
        let news = match &outcome {
            Outcome::Connected(report) => {
                let is_known = before.is_some_and(|before| {
                    before.cause.revision == cause.revision
                        && matches!(&before.outcome, Outcome::Connected(known) if known.invocation_id == report.invocation_id)
                });
                (!is_known).then_some(News::Connected)
            }
            Outcome::Failed(failure) => {
                let is_known = before.is_some_and(
                    |before| matches!(&before.outcome, Outcome::Failed(known) if known.reason == failure.reason),
                );
                (!is_known).then_some(News::Unconnected(failure.reason))
            }
        };
        self.failures = if matches!(outcome, Outcome::Connected(_)) {
            0
        } else {
            self.failures.saturating_add(1)
        };
        self.last = Some(Attempt {
            cause,
            ended: now,
            outcome,
        });
        news
    }

    /// How long until the next attempt, if nothing happens before.
    pub(super) fn wait(&self, interval: SignedDuration, now: Timestamp) -> Duration {
        let due = self.last.as_ref().map_or(now, |last| self.due(last, interval));
        Duration::try_from(due.duration_since(now)).unwrap_or_default()
    }

    fn due(&self, last: &Attempt, interval: SignedDuration) -> Timestamp {
        let after = |wait: SignedDuration| last.ended.checked_add(wait).unwrap_or(Timestamp::MAX);
        match &last.outcome {
            Outcome::Connected(_) => after(interval),
            Outcome::Failed(failure) => match (failure.trouble, failure.retry_after) {
                (Trouble::Refused, Some(retry_after)) => retry_after,
                (Trouble::Passing, _) => {
                    let wait = SignedDuration::try_from(RETRIES.after(self.failures)).unwrap_or(interval);
                    after(wait.min(interval))
                }
                (Trouble::Missing, _) => after(PATIENCE.min(interval)),
                (Trouble::Invalid | Trouble::Refused, _) => after(interval),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Dn, Guid, PasswordExpiry};

    const INTERVAL: SignedDuration = SignedDuration::from_mins(10);

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn cause() -> Cause {
        Cause {
            generation: (Some("u".to_owned()), Some(1)),
            revision: Some(1),
            requested: None,
        }
    }

    fn connected(invocation: u8) -> Outcome {
        Outcome::Connected(ConnectionReport {
            server: "dc1.example.com:636".to_owned(),
            invocation_id: Guid::from_ldap_bytes(&[invocation; 16]).unwrap(),
            naming_context: Dn::parse("DC=example,DC=com").unwrap(),
            visible_users: 7,
            password_expires: PasswordExpiry::Untold,
        })
    }

    fn failed(trouble: Trouble, retry_after: Option<Timestamp>) -> Outcome {
        Outcome::Failed(Failure {
            trouble,
            reason: "Any",
            message: "any".to_owned(),
            retry_after,
        })
    }

    fn after(outcomes: &[Outcome]) -> Attempts {
        let mut attempts = Attempts::default();
        for outcome in outcomes {
            attempts.ended(cause(), outcome.clone(), time(0));
        }
        attempts
    }

    #[test]
    fn a_test_holds_for_the_interval_while_nothing_else_changes() {
        let attempts = after(&[connected(1)]);
        assert!(attempts.still_hold(&cause(), INTERVAL, time(599)));
        assert!(!attempts.still_hold(&cause(), INTERVAL, time(600)));
        assert_eq!(attempts.wait(INTERVAL, time(590)), Duration::from_secs(10));
        for other in [
            Cause {
                generation: (Some("u".to_owned()), Some(2)),
                ..cause()
            },
            Cause {
                generation: (Some("v".to_owned()), Some(1)),
                ..cause()
            },
            Cause {
                revision: Some(2),
                ..cause()
            },
            Cause {
                requested: Some("now".to_owned()),
                ..cause()
            },
        ] {
            assert!(!attempts.still_hold(&other, INTERVAL, time(1)), "{other:?}");
        }
    }

    #[test]
    fn what_may_pass_is_tried_again_soon_then_later_but_within_the_interval() {
        let passing = || failed(Trouble::Passing, None);
        let waits = |count: usize| after(&vec![passing(); count]).wait(INTERVAL, time(0)).as_secs();
        assert_eq!([waits(1), waits(2), waits(3), waits(9)], [5, 10, 20, 300]);
        assert_eq!(
            after(&[passing()])
                .wait(SignedDuration::from_secs(2), time(0))
                .as_secs(),
            2
        );
        assert_eq!(after(&[passing(), passing(), connected(1)]).failures, 0);
    }

    #[test]
    fn a_refused_password_is_not_even_looked_at_before_its_time() {
        let attempts = after(&[failed(Trouble::Refused, Some(time(1800)))]);
        assert_eq!(attempts.wait(INTERVAL, time(0)).as_secs(), 1800);
        assert!(attempts.still_hold(&cause(), INTERVAL, time(1799)));
        assert!(!attempts.still_hold(
            &Cause {
                revision: Some(2),
                ..cause()
            },
            INTERVAL,
            time(1)
        ));
    }

    #[test]
    fn a_password_that_a_read_was_refused_with_makes_a_test_due_once() {
        assert!(after(&[connected(1)]).contradicted_by(Some(time(5))));
        assert!(!after(&[connected(1)]).contradicted_by(None));
        let told = after(&[connected(1), failed(Trouble::Refused, Some(time(1800)))]);
        assert!(!told.contradicted_by(Some(time(5))));
    }

    #[test]
    fn what_is_missing_is_looked_for_when_patience_ends() {
        assert_eq!(
            after(&[failed(Trouble::Missing, None)])
                .wait(INTERVAL, time(0))
                .as_secs(),
            60
        );
        assert_eq!(
            after(&[failed(Trouble::Invalid, None)])
                .wait(INTERVAL, time(0))
                .as_secs(),
            600
        );
    }

    #[test]
    fn a_connection_is_news_when_it_was_not_there_or_leads_elsewhere() {
        let news = |before: &[Outcome], cause: Cause, outcome| after(before).ended(cause, outcome, time(9));
        let is_news = Some(News::Connected);
        assert_eq!(news(&[], cause(), connected(1)), is_news);
        assert_eq!(news(&[failed(Trouble::Passing, None)], cause(), connected(1)), is_news);
        assert_eq!(news(&[connected(1)], cause(), connected(2)), is_news);
        let moved = Cause {
            revision: Some(2),
            ..cause()
        };
        assert_eq!(news(&[connected(1)], moved, connected(1)), is_news);
        assert_eq!(news(&[connected(1)], cause(), connected(1)), None);
    }

    #[test]
    fn a_failure_is_news_when_its_reason_is_another() {
        let missing = || failed(Trouble::Missing, None);
        let refused = || {
            Outcome::Failed(Failure {
                trouble: Trouble::Refused,
                reason: "InvalidCredentials",
                message: "any".to_owned(),
                retry_after: None,
            })
        };
        let news = |before: &[Outcome], outcome| after(before).ended(cause(), outcome, time(9));
        assert_eq!(news(&[], missing()), Some(News::Unconnected("Any")));
        assert_eq!(news(&[connected(1)], missing()), Some(News::Unconnected("Any")));
        assert_eq!(news(&[missing()], missing()), None);
        assert_eq!(
            news(&[missing()], refused()),
            Some(News::Unconnected("InvalidCredentials"))
        );
    }
}
