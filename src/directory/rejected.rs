//! directory: the memory that keeps the operator from locking its own account out. Knows passwords only as hashes.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use tokio::sync::OwnedMutexGuard;

use super::settings::Account;

/// How long a refused password is left alone.
const REST: SignedDuration = SignedDuration::from_mins(30);

/// Passwords that a directory refused, of the whole process: each counts towards the account's lockout on every domain
/// controller, so one is tried once over all configurations and servers, and then at most every 30 minutes.
///
/// A clone shares the memory.
#[derive(Clone, Default)]
pub struct RejectedPasswords {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Keyed afresh in each process, so that what is kept here says nothing about a password.
    hasher: RandomState,
    rejected: Mutex<HashMap<Key, Timestamp>>,
    /// One attempt at a time: two that run beside each other would both count.
    turns: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Key {
    domain: String,
    username: String,
    password: u64,
}

impl RejectedPasswords {
    /// Remembers a refusal from before a restart.
    pub fn remember(&self, domain: &str, account: &Account, at: Timestamp) {
        let key = self.key(domain, account);
        let mut rejected = self.shared.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = rejected.entry(key).or_insert(at);
        *latest = at.max(*latest);
    }

    /// When this password was last refused, if it was in the last 30 minutes.
    pub fn rejected_at(&self, domain: &str, account: &Account) -> Option<Timestamp> {
        self.rejection(&self.key(domain, account), Timestamp::now())
    }

    /// Waits for this password's turn; `Err` has when it was refused, if that is not long enough ago.
    pub(super) async fn attempt(&self, domain: &str, account: &Account) -> Result<Attempt, Timestamp> {
        let key = self.key(domain, account);
        let turn = {
            let mut turns = self.shared.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(key.clone()).or_default())
        };
        let turn = turn.lock_owned().await;
        match self.rejection(&key, Timestamp::now()) {
            Some(at) => Err(at),
            None => Ok(Attempt {
                passwords: self.clone(),
                key,
                _turn: turn,
            }),
        }
    }

    fn rejection(&self, key: &Key, now: Timestamp) -> Option<Timestamp> {
        let mut rejected = self.shared.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        rejected.retain(|_, at| {
            // A clock that was set back must not lengthen the rest.
            *at = now.min(*at);
            now.duration_since(*at) < REST
        });
        rejected.get(key).copied()
    }

    fn key(&self, domain: &str, account: &Account) -> Key {
        Key {
            domain: domain.to_lowercase(),
            username: account.username.to_lowercase(),
            password: self.shared.hasher.hash_one(account.password.expose_secret()),
        }
    }
}

impl fmt::Debug for RejectedPasswords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RejectedPasswords").finish_non_exhaustive()
    }
}

/// When a password that was refused may be tried again.
pub(super) fn retry_after(rejected_at: Timestamp) -> Timestamp {
    rejected_at.checked_add(REST).unwrap_or(Timestamp::MAX)
}

/// The one attempt at a password that runs now. Whoever else wants to try it waits until this is dropped.
#[derive(Debug)]
pub(super) struct Attempt {
    passwords: RejectedPasswords,
    key: Key,
    _turn: OwnedMutexGuard<()>,
}

impl Attempt {
    /// The directory refused the password now; says when.
    pub(super) fn refused(self) -> Timestamp {
        let now = Timestamp::now();
        self.passwords
            .shared
            .rejected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(self.key, now);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ago(minutes: i64) -> Timestamp {
        Timestamp::now() - SignedDuration::from_mins(minutes)
    }

    #[tokio::test]
    async fn a_refused_password_rests_for_half_an_hour_in_every_clone() {
        let passwords = RejectedPasswords::default();
        let account = Account::new("svc@example.com", "wrong");
        let at = passwords
            .clone()
            .attempt("example.com", &account)
            .await
            .unwrap()
            .refused();
        let again = Account::new("SVC@example.com", "wrong");
        assert_eq!(passwords.attempt("EXAMPLE.com", &again).await.unwrap_err(), at);
        assert_eq!(passwords.rejected_at("example.com", &account), Some(at));

        let key = passwords.key("example.com", &account);
        assert_eq!(passwords.rejection(&key, at + SignedDuration::from_mins(29)), Some(at));
        assert_eq!(passwords.rejection(&key, at + REST), None);
    }

    #[tokio::test]
    async fn another_password_account_or_domain_is_tried_at_once() {
        let passwords = RejectedPasswords::default();
        passwords.remember("example.com", &Account::new("svc", "wrong"), ago(5));
        assert!(
            passwords
                .attempt("example.com", &Account::new("svc", "wrong"))
                .await
                .is_err()
        );
        assert!(
            passwords
                .attempt("example.com", &Account::new("svc", "right"))
                .await
                .is_ok()
        );
        assert!(
            passwords
                .attempt("example.com", &Account::new("other", "wrong"))
                .await
                .is_ok()
        );
        assert!(
            passwords
                .attempt("example.net", &Account::new("svc", "wrong"))
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn whoever_waits_for_a_turn_learns_of_the_refusal() {
        let passwords = RejectedPasswords::default();
        let account = Account::new("svc", "wrong");
        let first = passwords.attempt("example.com", &account).await.unwrap();
        let second = tokio::spawn({
            let (passwords, account) = (passwords.clone(), account.clone());
            async move { passwords.attempt("example.com", &account).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        let at = first.refused();
        assert_eq!(second.await.unwrap(), Err(at));
    }

    #[test]
    fn an_old_refusal_from_before_a_restart_is_forgotten_and_a_future_one_does_not_lengthen_the_rest() {
        let passwords = RejectedPasswords::default();
        let account = Account::new("svc", "wrong");
        passwords.remember("example.com", &account, ago(31));
        assert_eq!(passwords.rejected_at("example.com", &account), None);
        passwords.remember("example.com", &account, ago(-600));
        let at = passwords.rejected_at("example.com", &account).unwrap();
        assert!(at <= Timestamp::now());
        assert_eq!(passwords.rejected_at("example.com", &account), Some(at));
    }

    #[test]
    fn debug_shows_no_secret() {
        let account = Account::new("svc", "Passw0rd.Svc");
        let passwords = RejectedPasswords::default();
        passwords.remember("example.com", &account, ago(1));
        assert!(!format!("{account:?} {passwords:?}").contains("Passw0rd"));
    }
}
