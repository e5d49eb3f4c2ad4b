//! Which domain controller's word counts: one that was restored, or waits for replication, knows less than another one did
//! (promise 2). No I/O.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    api::active_directory_config::TrustedRead,
    controllers::conditions::whole_seconds,
    directory::{Guid, Origin},
};

/// A controller that has not caught up until then never will: the one before it is gone.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);
/// What the status remembers may be so much older than the last read that counted: its moving number alone is no reason to write.
pub const REMEMBERED_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// The domain controller whose word counts: the last one that was read and knew all that others had known before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Trusted {
    invocation_id: Guid,
    /// Its highest update sequence number.
    highest_usn: i64,
    /// When it was last read, as far as that is known.
    read_at: Timestamp,
    /// From then on, another one counts whatever it has.
    waited_for_until: Timestamp,
}

/// Why a read does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Behind {
    /// The same controller had a higher number before: it was restored.
    RolledBack,
    /// Another controller, that does not have all of what the one before it had.
    NotCaughtUp,
}

impl fmt::Display for Behind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::RolledBack => "it was restored: it had a higher update sequence number before",
            Self::NotCaughtUp => "it has not replicated all that the domain controller before it had",
        })
    }
}

impl Trusted {
    /// Which one it was before a restart, as the status remembers it. It may have been read until now, and later than remembered.
    pub(super) fn before_restart(remembered: &TrustedRead, now: Timestamp) -> Option<Self> {
        let read_at = remembered.time.0;
        let last_read = now.min(after(read_at, REMEMBERED_EVERY));
        Some(Self {
            invocation_id: remembered.invocation_id.parse().ok()?,
            highest_usn: remembered.highest_usn,
            read_at,
            waited_for_until: after(last_read, LONGEST_WAIT),
        })
    }

    /// What the status is to remember of it.
    pub(super) fn to_remember(self) -> TrustedRead {
        TrustedRead {
            invocation_id: self.invocation_id.to_string(),
            highest_usn: self.highest_usn,
            time: Time(whole_seconds(self.read_at)),
        }
    }

    /// Whether another one's word counted at that time.
    pub(super) fn is_another_than(&self, before: Option<Self>) -> bool {
        before.is_none_or(|before| before.invocation_id != self.invocation_id)
    }

    fn reading(origin: &Origin) -> Self {
        Self {
            invocation_id: origin.invocation_id,
            highest_usn: origin.highest_usn,
            read_at: origin.read_at,
            waited_for_until: after(origin.read_at, LONGEST_WAIT),
        }
    }

    /// Which one counts after a read, and why this one does not.
    pub(super) fn after(before: Option<Self>, origin: &Origin) -> (Self, Option<Behind>) {
        let behind = before.and_then(|before| Some((before, before.why_behind(origin)?)));
        match behind {
            Some((before, behind)) => (before, Some(behind)),
            None => (Self::reading(origin), None),
        }
    }

    fn why_behind(&self, origin: &Origin) -> Option<Behind> {
        if origin.read_at >= self.waited_for_until {
            None
        } else if origin.invocation_id == self.invocation_id {
            (origin.highest_usn < self.highest_usn).then_some(Behind::RolledBack)
        } else {
            (!self.is_known_to(origin)).then_some(Behind::NotCaughtUp)
        }
    }

    /// Whether another controller has all that this one had.
    fn is_known_to(&self, origin: &Origin) -> bool {
        let mut replicas = origin.replicas.iter();
        replicas
            .find(|replica| replica.invocation_id == self.invocation_id)
            .is_some_and(|replica| replica.highest_usn >= self.highest_usn)
    }
}

fn after(time: Timestamp, wait: SignedDuration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Dn, Replica};

    fn time(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
    }

    fn guid(number: u8) -> Guid {
        Guid::from_ldap_bytes(&[number; 16]).unwrap()
    }

    /// What another controller has of the one with number 1: up to a number, and since a minute.
    type Has = Option<(i64, Option<i64>)>;

    fn origin(number: u8, highest_usn: i64, minute: i64, has: Has) -> Origin {
        let root = Dn::parse("DC=example,DC=com").unwrap();
        Origin {
            server: format!("dc{number}.example.com:636"),
            invocation_id: guid(number),
            naming_context: root.clone(),
            base_dn: root,
            highest_usn,
            read_at: time(minute),
            replicas: has
                .map(|(highest_usn, synced)| Replica {
                    invocation_id: guid(1),
                    highest_usn,
                    synced_at: synced.map(time),
                })
                .into_iter()
                .collect(),
            is_behind: false,
        }
    }

    #[test]
    fn who_knows_less_than_another_did_does_not_count_until_it_has_caught_up_or_a_day_has_passed() {
        let day = 24 * 60;
        for (read, expected) in [
            (origin(1, 100, 10, None), None),
            (origin(1, 99, 10, None), Some(Behind::RolledBack)),
            (origin(1, 99, day - 1, None), Some(Behind::RolledBack)),
            (origin(1, 99, day, None), None),
            // Numbers of two controllers can't be compared.
            (origin(2, 9000, 10, None), Some(Behind::NotCaughtUp)),
            (origin(2, 9000, 10, Some((99, Some(10)))), Some(Behind::NotCaughtUp)),
            (origin(2, 5, 10, Some((100, None))), None),
            (origin(2, 9000, day, None), None),
        ] {
            let (trusted, none) = Trusted::after(None, &origin(1, 100, 0, None));
            assert_eq!(none, None, "the first one counts");
            let (after, behind) = Trusted::after(Some(trusted), &read);
            assert_eq!(behind, expected, "{read:?}");
            let counts = if behind.is_some() {
                trusted
            } else {
                Trusted::reading(&read)
            };
            assert_eq!(after, counts);
        }
    }

    #[test]
    fn one_that_is_behind_stays_so_however_often_it_is_read() {
        let (mut trusted, _) = Trusted::after(None, &origin(1, 100, 0, None));
        for minute in 1..60 {
            let (after, behind) = Trusted::after(Some(trusted), &origin(2, 5, minute, Some((99, None))));
            assert_eq!(behind, Some(Behind::NotCaughtUp));
            trusted = after;
        }
        assert_eq!(Trusted::after(Some(trusted), &origin(1, 100, 61, None)).1, None);
    }

    /// After a restart at minute 0: what was remembered, so many minutes old.
    fn remembered(minute: i64) -> Trusted {
        let (trusted, _) = Trusted::after(None, &origin(1, 100, minute, None));
        let remembered = trusted.to_remember();
        let restarted = Trusted::before_restart(&remembered, time(0)).unwrap();
        assert_eq!(restarted.to_remember(), remembered, "a restart is no reason to write");
        restarted
    }

    #[test]
    fn after_a_restart_who_knows_less_than_is_remembered_does_not_count_either() {
        let day = 24 * 60;
        for (since, read, expected) in [
            (-5, origin(1, 100, 10, None), None),
            (-5, origin(1, 99, 10, None), Some(Behind::RolledBack)),
            (-5, origin(2, 9000, 10, None), Some(Behind::NotCaughtUp)),
            // That they have replicated since says nothing: an older backlog may still be on its way.
            (-5, origin(2, 9000, 10, Some((99, Some(10)))), Some(Behind::NotCaughtUp)),
            (-5, origin(2, 5, 10, Some((100, None))), None),
            // It may have been read until the restart.
            (-5, origin(2, 5, day - 1, None), Some(Behind::NotCaughtUp)),
            (-5, origin(2, 5, day, None), None),
            // However often the operator is restarted, the wait has an end.
            (-2 * day, origin(2, 5, -1, None), Some(Behind::NotCaughtUp)),
            (-2 * day, origin(2, 5, 0, None), None),
        ] {
            assert_eq!(
                Trusted::after(Some(remembered(since)), &read).1,
                expected,
                "{since} {read:?}"
            );
        }
    }

    #[test]
    fn another_controller_s_word_is_news_and_a_moving_number_is_none() {
        let at = |origin| Trusted::after(None, &origin).0;
        let first = at(origin(1, 100, 0, None));
        assert!(first.is_another_than(None));
        assert!(!at(origin(1, 200, 5, None)).is_another_than(Some(first)));
        assert!(at(origin(2, 100, 0, None)).is_another_than(Some(first)));
    }
}
