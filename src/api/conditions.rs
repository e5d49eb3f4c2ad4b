//! Every condition type and reason that adsync writes, each documented once. Words only: who sets them, and when, is the
//! controllers' business.
//!
//! Polarity: Ready, Synced, Connected, Matched, ReferencesResolved, NumbersAvailable and RangesDisjoint are good when True;
//! Reconciling and Stalled exist only while True (kstatus).

/// The spec is valid, its references exist, and some generation of it has worked. On all four configuration kinds.
pub const READY: &str = "Ready";
/// Only while True: the operator is working towards this generation.
pub const RECONCILING: &str = "Reconciling";
/// Only while True: it won't get better by itself.
pub const STALLED: &str = "Stalled";
/// ActiveDirectoryConfig: the directory answers now.
pub const CONNECTED: &str = "Connected";
/// SyncScope: the last sync worked, and the data is not old.
pub const SYNCED: &str = "Synced";
/// SyncScope: nobody is unmatched but the Unlinked. The message carries the counts.
pub const MATCHED: &str = "Matched";
/// SyncScope: every distinguished name of the spec was found.
pub const REFERENCES_RESOLVED: &str = "ReferencesResolved";
/// ExtensionRule: there are free numbers.
pub const NUMBERS_AVAILABLE: &str = "NumbersAvailable";
/// ExtensionRule: no other rule of the phone system has the same numbers.
pub const RANGES_DISJOINT: &str = "RangesDisjoint";

/// At most so many conditions an object.
pub const MOST: i64 = 16;
/// Longer messages are refused by the API server; whoever writes one cuts it there.
pub const LONGEST_MESSAGE: i64 = 32_768;

/// A reason that a condition can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reason {
    /// The word in the condition.
    pub name: &'static str,
    /// The conditions it is a reason of, each with the status it goes with.
    pub goes_with: &'static [(&'static str, &'static str)],
    /// What it means.
    pub meaning: &'static str,
    /// What a person should do; empty: nothing.
    pub remedy: &'static str,
}

/// A group of reasons: a constant for the word of each, and a table of all.
macro_rules! reasons {
    ($($(#[doc = $meaning:literal])+ $constant:ident = $name:literal, $goes_with:expr, $remedy:literal;)+) => {
        $(
            $(#[doc = $meaning])+
            pub const $constant: &str = $name;
        )+

        /// All of this group.
        pub const TABLE: &[Reason] = &[$(Reason {
            name: $name,
            goes_with: $goes_with,
            meaning: concat!($($meaning),+).trim_ascii(),
            remedy: $remedy,
        }),+];
    };
}

/// Reasons of Ready, and of what stands beside it while it is not True. On all four configuration kinds.
pub mod ready {
    use super::{CONNECTED, READY, RECONCILING, Reason, STALLED, SYNCED};

    /// The spec can't be acted upon until somebody changes something.
    const REFUSED: &[(&str, &str)] = &[
        (READY, "False"),
        (STALLED, "True"),
        (SYNCED, "False"),
        (CONNECTED, "False"),
    ];

    reasons! {
        /// It works, or has worked and nothing says that it won't again.
        SUCCEEDED = "Succeeded", &[(READY, "True"), (CONNECTED, "True"), (SYNCED, "True")], "";
        /// The spec is valid and has worked; another condition tells about now.
        VALID = "Valid", &[(READY, "True")], "";
        /// Syncs are stopped by `spec.suspend`.
        SUSPENDED = "Suspended", &[(READY, "True"), (SYNCED, "Unknown")], "Remove suspend to go on.";
        /// The operator is looking at this generation for the first time.
        PROGRESSING = "Progressing",
            &[(READY, "Unknown"), (CONNECTED, "Unknown"), (SYNCED, "Unknown"), (RECONCILING, "True")],
            "Wait.";
        /// The last attempt failed, and the next will come by itself.
        RETRYING = "Retrying", &[(READY, "Unknown"), (SYNCED, "Unknown"), (RECONCILING, "True")], "Wait; the message says what failed.";
        /// The spec contradicts itself or can't be understood.
        INVALID_SPEC = "InvalidSpec", REFUSED, "Correct the field that the message names.";
        /// An object that the spec names does not exist in this namespace. Stalled only after a minute, since charts create things in any order.
        REFERENCE_NOT_FOUND = "ReferenceNotFound",
            &[(READY, "False"), (STALLED, "True"), (SYNCED, "False"), (CONNECTED, "False")],
            "Create the object that the message names, or correct the reference.";
        /// An object that the spec names exists, but can't be used itself.
        REFERENCE_NOT_READY = "ReferenceNotReady",
            &[(READY, "False"), (SYNCED, "False")],
            "Look at the status of the object that the message names.";
        /// The operator stumbled over itself. It tries again, later and later.
        INTERNAL_ERROR = "InternalError",
            &[(READY, "Unknown"), (SYNCED, "False"), (RECONCILING, "True")],
            "Report the message, with the operator's log.";
    }
}

/// Why a directory can't be read. On ActiveDirectoryConfigs, and on the SyncScopes that use them.
pub mod connection {
    use super::{CONNECTED, READY, RECONCILING, Reason, STALLED, SYNCED};

    /// Ready and Stalled only when nothing worked before.
    const BROKEN: &[(&str, &str)] = &[
        (CONNECTED, "False"),
        (SYNCED, "False"),
        (READY, "False"),
        (STALLED, "True"),
    ];
    /// Stalled only after a minute, since charts create things in any order.
    const MISSING: &[(&str, &str)] = &[
        (CONNECTED, "False"),
        (SYNCED, "False"),
        (READY, "False"),
        (RECONCILING, "True"),
        (STALLED, "True"),
    ];
    /// What can pass by itself makes nothing Stalled, and Connected False only when it repeats.
    const PASSING: &[(&str, &str)] = &[
        (CONNECTED, "False"),
        (CONNECTED, "Unknown"),
        (SYNCED, "False"),
        (READY, "False"),
        (RECONCILING, "True"),
    ];

    reasons! {
        /// The directory answers.
        ANSWERS = "Connected", &[(CONNECTED, "True")], "";
        /// The connection is being tested for the first time.
        CONNECTING = "Connecting", &[(READY, "Unknown"), (CONNECTED, "Unknown"), (RECONCILING, "True")], "Wait.";
        /// The ActiveDirectoryConfig does not exist.
        CONFIG_NOT_FOUND = "ActiveDirectoryConfigNotFound", MISSING, "Create the ActiveDirectoryConfig that directoryRef names.";
        /// The Secret does not exist.
        SECRET_NOT_FOUND = "SecretNotFound", MISSING, "Create the Secret that credentials.secretRef or tls.caRef names.";
        /// The Secret lacks a key that is needed.
        SECRET_KEY_NOT_FOUND = "SecretKeyNotFound", MISSING, "Put the key that the message names into the Secret.";
        /// A value in the Secret can't be used.
        SECRET_INVALID = "SecretInvalid", BROKEN, "Correct the key that the message names.";
        /// The ConfigMap with the certificate authority does not exist.
        CONFIG_MAP_NOT_FOUND = "ConfigMapNotFound", MISSING, "Create the ConfigMap that tls.caRef names.";
        /// The ConfigMap lacks the key.
        CONFIG_MAP_KEY_NOT_FOUND = "ConfigMapKeyNotFound", MISSING, "Put the certificates under the key that tls.caRef names.";
        /// What `tls.caRef` names holds no PEM certificate.
        CERTIFICATE_AUTHORITY_INVALID = "CertificateAuthorityInvalid", BROKEN, "Put the CA's certificate there, as PEM.";
        /// The operator may not read a Secret or ConfigMap.
        FORBIDDEN = "Forbidden", PASSING, "Give the operator's service account the right that the message names.";
        /// The API server could not be asked for a Secret or ConfigMap.
        API_SERVER_UNAVAILABLE = "APIServerUnavailable", PASSING, "Wait, or look after the API server.";
        /// The operator is stopping.
        STOPPING = "Stopping", PASSING, "Wait for the next one.";
        /// The spec asks for no encryption, and the operator does not allow that.
        PLAINTEXT_NOT_ALLOWED = "PlaintextNotAllowed", BROKEN, "Use LDAPS or StartTLS, or start the operator with --allow-plaintext.";
        /// A Global Catalog port: it holds only part of each entry.
        GLOBAL_CATALOG_REFUSED = "GlobalCatalogRefused", BROKEN, "Use port 636 (LDAPS) or 389 (StartTLS).";
        /// A name can't be resolved, or DNS knows no domain controller of the domain.
        DNS_FAILED = "DNSFailed", PASSING, "Check the server's name and the cluster's DNS.";
        /// Nothing listens at that address and port.
        CONNECTION_REFUSED = "ConnectionRefused", PASSING, "Check address and port, and that the domain controller runs.";
        /// No answer to an attempt to connect: usually a firewall.
        CONNECTION_TIMED_OUT = "ConnectionTimedOut", PASSING, "Allow the connection in the firewall, or correct the address.";
        /// No connection came about for another reason.
        CONNECTION_FAILED = "ConnectionFailed", PASSING, "Check the network between the operator and the domain controller.";
        /// An established connection ended.
        CONNECTION_LOST = "ConnectionLost", PASSING, "Wait; it is opened again.";
        /// A connected server did not answer in time.
        ANSWER_TIMED_OUT = "AnswerTimedOut", PASSING, "Check the domain controller's load.";
        /// The certificate is not trusted, not valid now, or not for servers.
        TLS_CERTIFICATE_INVALID = "TLSCertificateInvalid", BROKEN, "Name the CA in tls.caRef, or renew the certificate.";
        /// The certificate is for other names.
        TLS_NAME_MISMATCH = "TLSNameMismatch", BROKEN, "Write one of the certificate's names into servers.";
        /// TLS did not come about for another reason.
        TLS_HANDSHAKE_FAILED = "TLSHandshakeFailed", PASSING, "Check mode and port, and that the server speaks TLS 1.2 or newer.";
        /// The port does not fit the mode: 636 is for LDAPS, 389 for StartTLS.
        WRONG_PORT = "WrongPort", BROKEN, "Correct servers[].port or tls.mode.";
        /// The server does not start TLS.
        START_TLS_REFUSED = "StartTLSRefused", PASSING, "Give the domain controller a certificate, or use LDAPS.";
        /// The server demands encryption.
        STRONGER_AUTH_REQUIRED = "StrongerAuthRequired", BROKEN, "Use LDAPS or StartTLS.";
        /// The server takes no simple bind.
        AUTH_METHOD_NOT_SUPPORTED = "AuthMethodNotSupported", BROKEN, "Allow simple bind, or use another domain controller.";
        /// Username or password is wrong. It is not tried again for half an hour, so that the account is not locked out.
        INVALID_CREDENTIALS = "InvalidCredentials", BROKEN, "Correct the Secret; new contents are tried at once.";
        /// The operator's account is disabled.
        ACCOUNT_DISABLED = "AccountDisabled", BROKEN, "Enable the account.";
        /// The operator's account is locked out.
        ACCOUNT_LOCKED = "AccountLocked", PASSING, "Unlock the account, and find out who used wrong passwords.";
        /// The operator's account has expired.
        ACCOUNT_EXPIRED = "AccountExpired", BROKEN, "Extend the account.";
        /// The account's password has expired or must be changed.
        PASSWORD_EXPIRED = "PasswordExpired", BROKEN, "Set a new password, best one that never expires.";
        /// A policy keeps the account from signing in, here or now.
        LOGON_RESTRICTED = "LogonRestricted", BROKEN, "Change the account's logon hours, workstations or rights.";
        /// The server is no domain controller of Active Directory.
        NOT_ACTIVE_DIRECTORY = "NotActiveDirectory", BROKEN, "Correct servers.";
        /// The base DN does not exist, or the account can't see it.
        BASE_DN_NOT_FOUND = "BaseDNNotFound", BROKEN, "Correct baseDN.";
        /// The account may not read what is needed.
        INSUFFICIENT_ACCESS = "InsufficientAccess", BROKEN, "Give the account read access.";
        /// The directory refers to another one; referrals are never followed.
        REFERRAL_RETURNED = "ReferralReturned", BROKEN, "Use a domain controller of the domain that holds baseDN.";
        /// The directory returns fewer entries than there are.
        SIZE_LIMIT_EXCEEDED = "SizeLimitExceeded", BROKEN, "Raise the directory's size limit for the account.";
        /// The directory took longer than it allows itself.
        TIME_LIMIT_EXCEEDED = "TimeLimitExceeded", PASSING, "Narrow baseDN, or relieve the domain controller.";
        /// The request is beyond the directory's limits.
        ADMIN_LIMIT_EXCEEDED = "AdminLimitExceeded", PASSING, "Narrow baseDN, or raise the directory's limits.";
        /// The directory can't page its results.
        UNAVAILABLE_CRITICAL_EXTENSION = "UnavailableCriticalExtension", BROKEN, "Use a domain controller.";
        /// The directory is busy.
        BUSY = "Busy", PASSING, "Wait, or relieve the domain controller.";
        /// The directory is starting or shutting down.
        UNAVAILABLE = "Unavailable", PASSING, "Wait.";
        /// The directory is unwilling to answer.
        UNWILLING_TO_PERFORM = "UnwillingToPerform", PASSING, "Look into the domain controller's event log.";
        /// The directory failed at the request.
        OPERATIONS_ERROR = "OperationsError", PASSING, "Look into the domain controller's event log.";
        /// The directory could not answer, with a code that has no reason of its own.
        DIRECTORY_FAILED = "DirectoryFailed", PASSING, "Look into the domain controller's event log.";
        /// Something that is no LDAP, or not what was asked for.
        PROTOCOL_ERROR = "ProtocolError", PASSING, "Check what stands between the operator and the domain controller.";
        /// A read ended before everything was read. Nothing is concluded from what is missing.
        READ_INCOMPLETE = "ReadIncomplete", PASSING, "Wait; it is repeated.";
        /// The operator ended while reading.
        INTERRUPTED = "Interrupted", PASSING, "Wait; it is repeated.";
    }
}

/// How a SyncScope is served.
pub mod sync {
    use super::{MATCHED, REFERENCES_RESOLVED, Reason, SYNCED};

    reasons! {
        /// The last sync computed and reported, and wrote nothing: `mode: Plan`.
        PLANNED = "Planned", &[(SYNCED, "True")], "Write mode: Apply when the plan is right.";
        /// Some objects could not be written. The others were; the failed ones are tried again.
        WRITE_FAILED = "WriteFailed", &[(SYNCED, "False")], "Look at status.problems.";
        /// Everybody in scope is matched, but for those that people unlinked.
        ALL_MATCHED = "AllMatched", &[(MATCHED, "True")], "";
        /// Somebody in scope is not matched.
        SOME_UNMATCHED = "SomeUnmatched", &[(MATCHED, "False")], "Look at status.problems.";
        /// No sync has ended yet.
        NOT_SYNCED = "NotSynced", &[(MATCHED, "Unknown"), (REFERENCES_RESOLVED, "Unknown")], "Wait, or look at Synced.";
        /// Every distinguished name of the spec was found.
        ALL_FOUND = "AllFound", &[(REFERENCES_RESOLVED, "True")], "";
        /// A distinguished name of the spec was found neither by name nor by its stored objectGUID. What depends on it stays as it is.
        ENTRY_NOT_FOUND = "EntryNotFound", &[(REFERENCES_RESOLVED, "False")], "Correct the distinguished name that the message names.";
    }
}

/// What an ExtensionRule can give.
pub mod numbers {
    use super::{NUMBERS_AVAILABLE, RANGES_DISJOINT, Reason};

    reasons! {
        /// There are free numbers.
        NUMBERS_FREE = "NumbersFree", &[(NUMBERS_AVAILABLE, "True")], "";
        /// Numbers come from the directory alone, so none can run out.
        NUMBERS_FROM_ATTRIBUTE = "NumbersFromAttribute", &[(NUMBERS_AVAILABLE, "True")], "";
        /// Every number of the ranges is held, resting or reserved.
        RANGE_EXHAUSTED = "RangeExhausted", &[(NUMBERS_AVAILABLE, "False")], "Add a range, or free numbers.";
        /// No other rule of the phone system has the same numbers.
        NO_OVERLAP = "NoOverlap", &[(RANGES_DISJOINT, "True")], "";
        /// Another rule of the phone system has the same numbers; both say so. No number is given twice for that.
        RANGE_OVERLAP = "RangeOverlap", &[(RANGES_DISJOINT, "False")], "Change the ranges of one of the rules.";
    }
}

/// Every reason, by group: what documentation and tests read.
pub const ALL: &[&[Reason]] = &[ready::TABLE, connection::TABLE, sync::TABLE, numbers::TABLE];

/// What is known of a reason.
pub fn reason(name: &str) -> Option<&'static Reason> {
    ALL.iter().copied().flatten().find(|reason| reason.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_is_one_word_with_a_meaning_and_stands_once() {
        let mut names = BTreeSet::new();
        for reason in ALL.iter().copied().flatten() {
            assert!(names.insert(reason.name), "{} stands twice", reason.name);
            assert!(
                reason.name.chars().all(|character| character.is_ascii_alphanumeric()),
                "{}",
                reason.name
            );
            assert!(reason.meaning.ends_with('.'), "{}: {:?}", reason.name, reason.meaning);
            assert!(!reason.goes_with.is_empty(), "{}", reason.name);
        }
    }

    /// All of the source but this file.
    fn source(directory: &std::path::Path) -> String {
        let mut all = String::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                all += &source(&path);
            } else if !path.ends_with("api/conditions.rs") {
                all += &std::fs::read_to_string(&path).unwrap();
            }
        }
        all
    }

    #[test]
    fn every_reason_is_given_somewhere() {
        let source = source(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let table = include_str!("conditions.rs");
        for reason in ALL.iter().copied().flatten() {
            let definition = format!(" = \"{}\",", reason.name);
            let (before, _) = table.split_once(&definition).unwrap();
            let constant = before.rsplit(' ').next().unwrap();
            let is_used = source
                .split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                .any(|word| word == constant || word == reason.name);
            assert!(is_used, "{}", reason.name);
        }
    }

    #[test]
    fn every_bad_status_says_what_to_do() {
        for reason in ALL.iter().copied().flatten() {
            let bad = reason
                .goes_with
                .iter()
                .any(|(kind, status)| (*status == "False") != (*kind == STALLED));
            assert!(!bad || !reason.remedy.is_empty(), "{}", reason.name);
        }
    }

    #[test]
    fn every_condition_has_a_reason_for_good_and_for_bad() {
        let has = |kind, status| {
            ALL.iter()
                .copied()
                .flatten()
                .any(|reason| reason.goes_with.contains(&(kind, status)))
        };
        for kind in [
            READY,
            CONNECTED,
            SYNCED,
            MATCHED,
            REFERENCES_RESOLVED,
            NUMBERS_AVAILABLE,
            RANGES_DISJOINT,
        ] {
            assert!(has(kind, "True") && has(kind, "False"), "{kind}");
        }
        assert!(has(RECONCILING, "True") && has(STALLED, "True"));
    }
}
