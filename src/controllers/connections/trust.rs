//! Which domain controller's word counts: one that was restored, or waits for replication, knows less than another one did
//! (promise 2). No I/O.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::directory::{Guid, Origin};

/// A controller that has not caught up until then never will: the one before it is gone.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// The domain controller whose word counts: the last one that was read and knew all that others had known before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Trusted {
    invocation_id: Guid,
    /// Its highest update sequence number. None: the operator was restarted since it was read.
    highest_usn: Option<i64>,
    /// When it was last read; after a restart, when that was.
    read_at: Timestamp,
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
    /// Which one it was before a restart.
    pub(super) fn before_restart(invocation_id: Guid, now: Timestamp) -> Self {
        Self {
            invocation_id,
            highest_usn: None,
            read_at: now,
        }
    }

    fn reading(origin: &Origin) -> Self {
        Self {
            invocation_id: origin.invocation_id,
            highest_usn: Some(origin.highest_usn),
            read_at: origin.read_at,
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
        if origin.read_at.duration_since(self.read_at) >= LONGEST_WAIT {
            None
        } else if origin.invocation_id == self.invocation_id {
            let is_lower = self.highest_usn.is_some_and(|highest| origin.highest_usn < highest);
            is_lower.then_some(Behind::RolledBack)
        } else {
            (!self.is_known_to(origin)).then_some(Behind::NotCaughtUp)
        }
    }

    /// Whether another controller has all that this one had. Without its number: whether they have replicated since the restart,
    /// and so after it was read.
    fn is_known_to(&self, origin: &Origin) -> bool {
        let mut replicas = origin.replicas.iter();
        replicas
            .find(|replica| replica.invocation_id == self.invocation_id)
            .is_some_and(|replica| match self.highest_usn {
                Some(highest) => replica.highest_usn >= highest,
                None => replica.synced_at.is_some_and(|synced| synced >= self.read_at),
            })
    }
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

    #[test]
    fn after_a_restart_another_one_counts_when_it_has_replicated_since_or_a_day_has_passed() {
        let trusted = Trusted::before_restart(guid(1), time(0));
        for (read, expected) in [
            (origin(1, 5, 10, None), None),
            (origin(2, 5, 10, None), Some(Behind::NotCaughtUp)),
            (origin(2, 5, 10, Some((9000, None))), Some(Behind::NotCaughtUp)),
            (origin(2, 5, 10, Some((9000, Some(-1)))), Some(Behind::NotCaughtUp)),
            (origin(2, 5, 10, Some((9000, Some(1)))), None),
            (origin(2, 5, 24 * 60, None), None),
        ] {
            assert_eq!(Trusted::after(Some(trusted), &read).1, expected, "{read:?}");
        }
    }
}
