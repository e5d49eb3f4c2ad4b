//! directory: the memory that keeps the operator from locking its own account out. Knows passwords only as hashes.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use tokio::sync::OwnedMutexGuard;

use super::Dn;
use super::settings::{Account, ServerAddress};

/// How long a refused password is left alone.
const REST: SignedDuration = SignedDuration::from_mins(30);
/// How long a password is left alone whose first bind was sent and not answered: it may have counted, or never have arrived.
const FIRST_REST: SignedDuration = SignedDuration::from_mins(5);
/// How long a verdict says something about the next attempt.
const MEMORY: SignedDuration = SignedDuration::from_hours(1);

/// Passwords that a directory refused, of the whole process: each counts towards the account's lockout on every domain
/// controller, so one is tried once over all configurations and servers, and then at most every 30 minutes.
///
/// One whose bind got no answer may have counted as well. It rests for 5 minutes, and from the second time on for 30, so that no
/// half hour has more than two attempts; unless it was accepted within the last hour, when the server is to blame. The three
/// ways of naming an account (DN, UPN and DOMAIN\user) are three accounts here: only a directory knows that they are one.
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
    verdicts: Mutex<HashMap<Key, Verdict>>,
    /// One attempt at a time: two that run beside each other would both count.
    turns: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>,
}

/// What came of the last attempt at a password.
#[derive(Clone, Debug)]
struct Verdict {
    at: Timestamp,
    outcome: Outcome,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Outcome {
    Accepted,
    /// By this server, if that is known: a status from before a restart does not tell.
    Refused {
        by: Option<ServerAddress>,
    },
    /// Sent, and not answered; whether the attempt before had no good end either.
    Unanswered {
        again: bool,
    },
}

impl Verdict {
    /// How long the password is left alone.
    fn rest(&self) -> SignedDuration {
        match self.outcome {
            Outcome::Accepted => SignedDuration::ZERO,
            Outcome::Unanswered { again: false } => FIRST_REST,
            Outcome::Refused { .. } | Outcome::Unanswered { again: true } => REST,
        }
    }

    fn resting(&self) -> Resting {
        Resting {
            since: self.at,
            until: self.at.checked_add(self.rest()).unwrap_or(Timestamp::MAX),
            outcome: self.outcome.clone(),
        }
    }
}

/// A password that is left alone for a while.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Resting {
    /// When it was tried.
    pub(super) since: Timestamp,
    /// When it may be tried again.
    pub(super) until: Timestamp,
    outcome: Outcome,
}

impl Resting {
    /// Refused; or else not answered.
    pub(super) fn was_refused(&self) -> bool {
        matches!(self.outcome, Outcome::Refused { .. })
    }

    /// The server that refused it, which need not be one of whoever asks.
    pub(super) fn refused_by(&self) -> Option<&ServerAddress> {
        match &self.outcome {
            Outcome::Refused { by } => by.as_ref(),
            Outcome::Accepted | Outcome::Unanswered { .. } => None,
        }
    }
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
        let mut verdicts = self.shared.verdicts();
        if verdicts.get(&key).is_none_or(|known| known.at < at) {
            let outcome = Outcome::Refused { by: None };
            verdicts.insert(key, Verdict { at, outcome });
        }
    }

    /// When this password was last refused, if it was in the last 30 minutes.
    pub fn rejected_at(&self, domain: &str, account: &Account) -> Option<Timestamp> {
        let resting = self.resting(domain, account).filter(Resting::was_refused);
        resting.map(|resting| resting.since)
    }

    /// Whether this password is left alone now.
    pub(super) fn resting(&self, domain: &str, account: &Account) -> Option<Resting> {
        self.resting_at(&self.key(domain, account), Timestamp::now())
    }

    /// Waits for this password's turn; `Err`: it is left alone now.
    pub(super) async fn attempt(&self, domain: &str, account: &Account) -> Result<Attempt, Resting> {
        let key = self.key(domain, account);
        let turn = {
            let mut turns = self.shared.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(key.clone()).or_default())
        };
        let turn = turn.lock_owned().await;
        match self.resting_at(&key, Timestamp::now()) {
            Some(resting) => Err(resting),
            None => Ok(Attempt {
                passwords: self.clone(),
                key,
                is_answered: false,
                _turn: turn,
            }),
        }
    }

    fn resting_at(&self, key: &Key, now: Timestamp) -> Option<Resting> {
        let mut verdicts = self.shared.verdicts();
        verdicts.retain(|_, verdict| {
            // A clock that was set back must not lengthen the rest.
            verdict.at = now.min(verdict.at);
            now.duration_since(verdict.at) < MEMORY
        });
        let verdict = verdicts.get(key)?;
        (now.duration_since(verdict.at) < verdict.rest()).then(|| verdict.resting())
    }

    fn key(&self, domain: &str, account: &Account) -> Key {
        Key {
            domain: domain.trim_end_matches('.').to_lowercase(),
            username: Dn::parse(&account.username)
                .map_or_else(|_| account.username.to_lowercase(), |dn| dn.key().to_owned()),
            password: self.shared.hasher.hash_one(account.password.expose_secret()),
        }
    }
}

impl fmt::Debug for RejectedPasswords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RejectedPasswords").finish_non_exhaustive()
    }
}

impl Shared {
    fn verdicts(&self) -> MutexGuard<'_, HashMap<Key, Verdict>> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one attempt at a password that runs now. Whoever else wants to try it waits until this is dropped. Dropped without an
/// answer, whatever the reason, it counts as unanswered: the directory may have seen it.
#[derive(Debug)]
pub(super) struct Attempt {
    passwords: RejectedPasswords,
    key: Key,
    is_answered: bool,
    _turn: OwnedMutexGuard<()>,
}

impl Attempt {
    /// The directory took the password.
    pub(super) fn accepted(mut self) {
        self.end(Outcome::Accepted);
    }

    /// This server refused the password now.
    pub(super) fn refused(mut self, server: &ServerAddress) -> Resting {
        let by = Some(server.clone());
        self.end(Outcome::Refused { by }).resting()
    }

    /// The directory answered, and said nothing about the password.
    pub(super) fn answered(mut self) {
        self.is_answered = true;
    }

    /// There is no answer and there will be none; `None`: the password is known to be right, and need not rest.
    pub(super) fn unanswered(mut self) -> Option<Resting> {
        let verdict = self.end_without_answer();
        (verdict.outcome != Outcome::Accepted).then(|| verdict.resting())
    }

    fn end(&mut self, outcome: Outcome) -> Verdict {
        self.is_answered = true;
        let at = Timestamp::now();
        let verdict = Verdict { at, outcome };
        let key = self.key.clone();
        self.passwords.shared.verdicts().insert(key, verdict.clone());
        verdict
    }

    fn end_without_answer(&mut self) -> Verdict {
        let known = self.passwords.shared.verdicts().get(&self.key).cloned();
        match known {
            Some(known) if known.outcome == Outcome::Accepted => {
                self.is_answered = true;
                known
            }
            known => self.end(Outcome::Unanswered { again: known.is_some() }),
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.is_answered {
            self.end_without_answer();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::Encryption;
    use super::*;

    fn ago(minutes: i64) -> Timestamp {
        Timestamp::now() - SignedDuration::from_mins(minutes)
    }

    fn server() -> ServerAddress {
        ServerAddress::new("dc1.example.com", Some(636), Encryption::Ldaps)
    }

    #[tokio::test]
    async fn a_refused_password_rests_for_half_an_hour_in_every_clone() {
        let passwords = RejectedPasswords::default();
        let account = Account::new("svc@example.com", "wrong");
        let resting = passwords
            .clone()
            .attempt("example.com", &account)
            .await
            .unwrap()
            .refused(&server());
        let again = Account::new("SVC@example.com", "wrong");
        assert_eq!(passwords.attempt("EXAMPLE.com.", &again).await.unwrap_err(), resting);
        assert_eq!(resting.refused_by(), Some(&server()), "whoever asks for the next time");
        assert_eq!(passwords.rejected_at("example.com", &account), Some(resting.since));

        let key = passwords.key("example.com", &account);
        let almost = resting.since + SignedDuration::from_mins(29);
        assert_eq!(passwords.resting_at(&key, almost), Some(resting.clone()));
        assert_eq!(passwords.resting_at(&key, resting.since + REST), None);
    }

    #[test]
    fn spellings_of_one_name_are_one_account() {
        let passwords = RejectedPasswords::default();
        let key = |domain, username| passwords.key(domain, &Account::new(username, "wrong"));
        assert_eq!(
            key("example.com", "CN=Svc,DC=example,DC=com"),
            key("Example.COM.", "cn=svc, dc=example, dc=com")
        );
        assert_ne!(
            key("example.com", "svc@example.com"),
            key("example.com", r"EXAMPLE\svc")
        );
    }

    #[tokio::test]
    async fn a_bind_without_an_answer_may_have_counted_so_no_half_hour_has_more_than_two() {
        let passwords = RejectedPasswords::default();
        let account = Account::new("svc", "perhaps wrong");
        let attempt = || passwords.attempt("example.com", &account);
        let first = attempt().await.unwrap().unanswered().unwrap();
        assert_eq!(first.until.duration_since(first.since), FIRST_REST);
        assert_eq!(attempt().await.unwrap_err(), first);
        assert_eq!(
            passwords.rejected_at("example.com", &account),
            None,
            "nobody refused it"
        );

        let key = passwords.key("example.com", &account);
        let long_ago = |minutes| {
            if let Some(verdict) = passwords.shared.verdicts().get_mut(&key) {
                verdict.at = ago(minutes);
            }
        };
        long_ago(6);
        // Whoever gives up the whole attempt has sent it all the same.
        drop(attempt().await.unwrap());
        let second = attempt().await.unwrap_err();
        assert_eq!(second.until.duration_since(second.since), REST);

        long_ago(31);
        attempt().await.unwrap().answered();
        attempt().await.unwrap().accepted();
        assert_eq!(attempt().await.unwrap().unanswered(), None, "it is known to be right");
        long_ago(61);
        assert!(attempt().await.unwrap().unanswered().is_some(), "that was long ago");
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
        let resting = first.refused(&server());
        assert_eq!(second.await.unwrap(), Err(resting));
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
