//! directory: the two tables that turn a server's codes into reasons and advice.

/// What a sub-code of a refused bind means. AD puts it into the text: `… AcceptSecurityContext error, data 52e, v4563`.
#[derive(Debug, Eq, PartialEq)]
pub struct BindRefusal {
    /// The sub-code, a Windows error number ([MS-ERREF] section 2.2).
    pub code: u32,
    /// The reason of conditions and events.
    pub reason: &'static str,
    /// What an administrator should do.
    pub advice: &'static str,
    /// Whether the attempt may have counted as a wrong password, so that it must not be repeated soon.
    pub counts: bool,
    /// Whether trying again later can help without anybody changing anything.
    pub heals_itself: bool,
}

const fn refusal(code: u32, reason: &'static str, advice: &'static str) -> BindRefusal {
    BindRefusal {
        code,
        reason,
        advice,
        counts: false,
        heals_itself: false,
    }
}

/// Without a sub-code that we know, it may have been a wrong password.
static UNKNOWN_REFUSAL: BindRefusal = BindRefusal {
    counts: true,
    ..refusal(0, "InvalidCredentials", "username or password is wrong")
};

/// Every sub-code of a refused bind that has a meaning of its own.
pub static BIND_REFUSALS: [BindRefusal; 12] = [
    BindRefusal {
        counts: true,
        ..refusal(
            0x525,
            "InvalidCredentials",
            "there is no such account; give its DN, user@domain or DOMAIN\\user",
        )
    },
    BindRefusal {
        counts: true,
        ..refusal(
            0x52e,
            "InvalidCredentials",
            "username or password is wrong; username is a DN, user@domain or DOMAIN\\user",
        )
    },
    refusal(0x52f, "LogonRestricted", "a policy keeps the account from signing in"),
    BindRefusal {
        heals_itself: true,
        ..refusal(
            0x530,
            "LogonRestricted",
            "the account may not sign in at this hour; change its logon hours",
        )
    },
    refusal(
        0x531,
        "LogonRestricted",
        "the account may not sign in from here; change its list of workstations",
    ),
    refusal(
        0x532,
        "PasswordExpired",
        "the password has expired; set a new one, best one that never expires",
    ),
    refusal(0x533, "AccountDisabled", "the account is disabled; enable it"),
    refusal(
        0x534,
        "LogonRestricted",
        "the account lacks the right to sign in this way",
    ),
    refusal(
        0x569,
        "LogonRestricted",
        "the account lacks the right to sign in this way",
    ),
    refusal(0x701, "AccountExpired", "the account has expired; extend it"),
    refusal(
        0x773,
        "PasswordExpired",
        "the password must be changed before it is used; set one that need not be",
    ),
    BindRefusal {
        heals_itself: true,
        ..refusal(
            0x775,
            "AccountLocked",
            "the account is locked out; unlock it, and find out who used wrong passwords",
        )
    },
];

/// Whether a reason says that the directory does not let the account in.
pub fn refuses_account(reason: &str) -> bool {
    BIND_REFUSALS.iter().any(|refusal| refusal.reason == reason)
}

/// Finds the sub-code in the text of a refused bind.
pub(super) fn bind_refusal(text: &str) -> &'static BindRefusal {
    let code = text
        .split_once("data ")
        .map(|(_, rest)| {
            rest.split(|character: char| !character.is_ascii_hexdigit())
                .next()
                .unwrap_or_default()
        })
        .and_then(|code| u32::from_str_radix(code, 16).ok());
    BIND_REFUSALS
        .iter()
        .find(|refusal| Some(refusal.code) == code)
        .unwrap_or(&UNKNOWN_REFUSAL)
}

/// What a result code other than success means (RFC 4511 appendix A).
#[derive(Debug, Eq, PartialEq)]
pub struct ResultAdvice {
    /// The result code.
    pub code: u32,
    /// The reason of conditions and events.
    pub reason: &'static str,
    /// What happened, and what an administrator should do.
    pub advice: &'static str,
    /// Whether trying again later can help without anybody changing anything.
    pub heals_itself: bool,
    /// Whether another domain controller could do better.
    pub another_server_may_help: bool,
}

/// Something that passes, and that another domain controller may not have.
const fn passing(code: u32, reason: &'static str, advice: &'static str) -> ResultAdvice {
    ResultAdvice {
        code,
        reason,
        advice,
        heals_itself: true,
        another_server_may_help: true,
    }
}

/// Something that every domain controller will say until somebody changes it.
const fn lasting(code: u32, reason: &'static str, advice: &'static str) -> ResultAdvice {
    ResultAdvice {
        code,
        reason,
        advice,
        heals_itself: false,
        another_server_may_help: false,
    }
}

static UNKNOWN_RESULT: ResultAdvice = passing(0, "DirectoryFailed", "the directory could not answer");

/// Every result code that has a reason of its own.
pub static RESULT_ADVICE: [ResultAdvice; 14] = [
    passing(1, "OperationsError", "the directory failed at the request"),
    passing(2, "ProtocolError", "the directory did not understand the request"),
    passing(
        3,
        "TimeLimitExceeded",
        "the directory took longer than it allows itself; narrow spec.baseDN, or relieve it",
    ),
    lasting(
        4,
        "SizeLimitExceeded",
        "the directory returns fewer entries than there are; raise its size limit for this account",
    ),
    lasting(7, "AuthMethodNotSupported", "the directory takes no simple bind"),
    lasting(
        8,
        "StrongerAuthRequired",
        "the directory takes no password over an unencrypted connection; use LDAPS or StartTLS",
    ),
    lasting(
        10,
        "ReferralReturned",
        "the directory refers to another one, which is not followed; is spec.baseDN in its domain?",
    ),
    passing(11, "AdminLimitExceeded", "the request is beyond the directory's limits"),
    lasting(
        12,
        "UnavailableCriticalExtension",
        "the directory cannot page its results",
    ),
    lasting(
        13,
        "StrongerAuthRequired",
        "the directory demands encryption; use LDAPS or StartTLS",
    ),
    lasting(
        50,
        "InsufficientAccess",
        "the account may not read this; give it read access",
    ),
    passing(51, "Busy", "the directory is busy"),
    passing(
        52,
        "Unavailable",
        "the directory is not available now; it may be starting or shutting down",
    ),
    passing(53, "UnwillingToPerform", "the directory is unwilling to answer"),
];

/// What a result code other than success means.
pub(super) fn result_advice(code: u32) -> &'static ResultAdvice {
    RESULT_ADVICE
        .iter()
        .find(|advice| advice.code == code)
        .unwrap_or(&UNKNOWN_RESULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_let_in_is_told_from_who_may_not_look() {
        for (reason, is_refused) in [
            ("InvalidCredentials", true),
            ("AccountLocked", true),
            ("PasswordExpired", true),
            ("InsufficientAccess", false),
            ("ConnectionRefused", false),
        ] {
            assert_eq!(refuses_account(reason), is_refused, "{reason}");
        }
    }

    #[test]
    fn the_sub_code_of_a_refused_bind_becomes_a_reason() {
        let text = |code: &str| {
            format!("80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data {code}, v4563")
        };
        for (code, reason) in [
            ("52e", "InvalidCredentials"),
            ("525", "InvalidCredentials"),
            ("530", "LogonRestricted"),
            ("531", "LogonRestricted"),
            ("532", "PasswordExpired"),
            ("533", "AccountDisabled"),
            ("701", "AccountExpired"),
            ("773", "PasswordExpired"),
            ("775", "AccountLocked"),
            ("0", "InvalidCredentials"),
            ("ffffffffffff", "InvalidCredentials"),
        ] {
            assert_eq!(bind_refusal(&text(code)).reason, reason, "{code}");
        }
        assert_eq!(
            bind_refusal("Simple Bind Failed: NT_STATUS_LOGON_FAILURE"),
            &UNKNOWN_REFUSAL
        );
    }

    #[test]
    fn only_what_may_be_a_wrong_password_counts() {
        let counting = BIND_REFUSALS
            .iter()
            .filter(|refusal| refusal.counts)
            .map(|refusal| refusal.code);
        assert_eq!(counting.collect::<Vec<_>>(), [0x525, 0x52e]);
        assert!(UNKNOWN_REFUSAL.counts);
    }

    #[test]
    fn each_code_is_in_its_table_once() {
        assert!(BIND_REFUSALS.is_sorted_by(|one, other| one.code < other.code));
        assert!(RESULT_ADVICE.is_sorted_by(|one, other| one.code < other.code));
    }
}
