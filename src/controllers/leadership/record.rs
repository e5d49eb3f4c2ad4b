//! What a Lease says, and what a candidate does about it. Pure: the clock is an argument, and only this machine's.
//!
//! The times that others write into a Lease are never compared with the own clock: a candidate waits until it has itself seen the
//! same record for as long as the record is valid (as client-go does). Whoever writes names the version that they saw, so that of
//! two who want it at the same time one is refused.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{ResourceExt, api::ObjectMeta};

/// How long a Lease is valid after it was last renewed.
pub(super) const VALID: Duration = Duration::from_secs(15);
/// How long its holder counts on it: less, so that the old leader has stopped before a new one starts.
pub(super) const COUNTED_ON: Duration = Duration::from_secs(10);

/// A Lease as a candidate last saw it, and since when it has seen just this version.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    lease: Lease,
    since: Instant,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    /// There is none: create this one.
    Create(Lease),
    /// It is ours, or nobody's any more: write this one, in the version that was seen.
    Write(Lease),
    /// Somebody else has it.
    Wait,
}

impl Seen {
    /// What is seen now, after what was seen before.
    pub(super) fn now(before: Option<Self>, lease: Lease, now: Instant) -> Self {
        let since = before.filter(|before| before.lease.resource_version() == lease.resource_version());
        Self {
            since: since.map_or(now, |before| before.since),
            lease,
        }
    }

    fn holder(&self) -> Option<&str> {
        let holder = self.lease.spec.as_ref()?.holder_identity.as_deref();
        holder.filter(|holder| !holder.is_empty())
    }

    fn is_over(&self, now: Instant) -> bool {
        let seconds = self.lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let valid = seconds.map_or(VALID, |seconds| {
            Duration::from_secs(seconds.try_into().unwrap_or_default())
        });
        now.duration_since(self.since) >= valid
    }
}

/// What a candidate does who has seen this.
pub(super) fn next(seen: Option<&Seen>, name: &str, identity: &str, now: Instant) -> Next {
    let Some(seen) = seen else {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        };
        let spec = Some(held(None, identity));
        return Next::Create(Lease { metadata, spec });
    };
    match seen.holder() {
        Some(holder) if holder != identity && !seen.is_over(now) => Next::Wait,
        _ => Next::Write(Lease {
            metadata: seen.lease.metadata.clone(),
            spec: Some(held(seen.lease.spec.as_ref(), identity)),
        }),
    }
}

/// The same Lease for anybody to take at once; `None`: it is not ours to give.
pub(super) fn given_back(lease: &Lease, identity: &str) -> Option<Lease> {
    let spec = lease.spec.clone()?;
    (spec.holder_identity.as_deref() == Some(identity)).then(|| Lease {
        metadata: lease.metadata.clone(),
        spec: Some(LeaseSpec {
            holder_identity: None,
            lease_duration_seconds: Some(1),
            renew_time: Some(MicroTime(Timestamp::now())),
            ..spec
        }),
    })
}

/// Renewed, or taken over from somebody.
fn held(before: Option<&LeaseSpec>, identity: &str) -> LeaseSpec {
    let now = MicroTime(Timestamp::now());
    let before = before.cloned().unwrap_or_default();
    let is_renewed = before.holder_identity.as_deref() == Some(identity);
    let transitions = before.lease_transitions.unwrap_or_default();
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: VALID.as_secs().try_into().ok(),
        acquire_time: before
            .acquire_time
            .clone()
            .filter(|_| is_renewed)
            .or_else(|| Some(now.clone())),
        renew_time: Some(now),
        lease_transitions: Some(if is_renewed {
            transitions
        } else {
            transitions.saturating_add(1)
        }),
        ..before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: Option<&str>, version: &str) -> Lease {
        let mut lease = Lease {
            spec: holder.map(|holder| held(None, holder)),
            ..Lease::default()
        };
        lease.metadata.resource_version = Some(version.to_owned());
        lease
    }

    fn holder_of(next: &Next) -> Option<&str> {
        match next {
            Next::Create(lease) | Next::Write(lease) => lease.spec.as_ref()?.holder_identity.as_deref(),
            Next::Wait => None,
        }
    }

    #[test]
    fn what_is_nobodys_is_taken_in_the_version_that_was_seen() {
        let now = Instant::now();
        let made = next(None, "adsync", "a", now);
        assert!(matches!(made, Next::Create(_)) && holder_of(&made) == Some("a"));
        for free in [lease(None, "7"), lease(Some(""), "7")] {
            let seen = Seen::now(None, free, now);
            let Next::Write(taken) = next(Some(&seen), "adsync", "a", now) else {
                panic!("it waits")
            };
            assert_eq!(taken.resource_version().as_deref(), Some("7"));
            assert_eq!(
                taken.spec.unwrap().lease_transitions,
                Some(2).filter(|_| seen.lease.spec.is_some()).or(Some(1))
            );
        }
    }

    #[test]
    fn who_holds_it_renews_it_and_keeps_the_time_of_taking_it() {
        let now = Instant::now();
        let held = lease(Some("a"), "7");
        let seen = Seen::now(None, held.clone(), now);
        let Next::Write(renewed) = next(Some(&seen), "adsync", "a", now) else {
            panic!("it waits")
        };
        let (before, after) = (held.spec.unwrap(), renewed.spec.unwrap());
        assert_eq!(
            (before.acquire_time, before.lease_transitions),
            (after.acquire_time, after.lease_transitions)
        );
    }

    #[test]
    fn somebody_elses_is_taken_only_when_it_was_seen_unchanged_for_as_long_as_it_is_valid() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let seen = Seen::now(None, lease(Some("b"), "7"), start);
        assert_eq!(next(Some(&seen), "adsync", "a", after(14)), Next::Wait);
        assert_eq!(holder_of(&next(Some(&seen), "adsync", "a", after(15))), Some("a"));
        // Renewed in between, it counts anew, whatever times stand in it.
        let seen = Seen::now(Some(seen), lease(Some("b"), "7"), after(10));
        let renewed = Seen::now(Some(seen), lease(Some("b"), "8"), after(14));
        assert_eq!(next(Some(&renewed), "adsync", "a", after(28)), Next::Wait);
        assert_eq!(holder_of(&next(Some(&renewed), "adsync", "a", after(29))), Some("a"));
    }

    #[test]
    fn only_its_holder_gives_it_back() {
        let held = lease(Some("a"), "7");
        assert_eq!(given_back(&held, "b"), None);
        let free = given_back(&held, "a").unwrap();
        assert_eq!(free.resource_version().as_deref(), Some("7"));
        let seen = Seen::now(None, free, Instant::now());
        assert_eq!(holder_of(&next(Some(&seen), "adsync", "b", Instant::now())), Some("b"));
    }
}
