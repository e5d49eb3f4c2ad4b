//! directory: when the password of the account ends, as far as the directory tells. Nothing depends on the answer but a warning.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::connection::Connection;
use super::error::DirectoryError;
use super::search::Search;
use super::{AttributeName, Dn, RawEntry, file_time};

/// Who the connection is bound as, the account's own objectSid among its groups' (rootDSE attributes, MS-ADTS 3.1.1.3.2).
const TOKEN_GROUPS: AttributeName = AttributeName::from_lower_case("tokengroups");
/// Computed for whoever asks for it, from maxPwdAge or the password settings that apply to the account (constructed attributes, MS-ADTS 3.1.1.4.5).
const PASSWORD_EXPIRES: AttributeName = AttributeName::from_lower_case("msds-userpasswordexpirytimecomputed");

/// When the password of the account ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PasswordExpiry {
    /// At this time.
    At(Timestamp),
    /// It does not.
    Never,
    /// The directory doesn't tell, or not this time.
    Untold,
}

impl Connection {
    /// When the password ends that this connection is bound with. To be asked last: nothing fails for it, whatever becomes of the connection.
    ///
    /// What the account is called says little: it may be a name of another domain. So the directory is asked who it is.
    pub(super) async fn password_expires(&mut self, naming_context: &Dn) -> PasswordExpiry {
        match self.account(naming_context).await {
            Ok(Some(account)) => expiry(&account),
            Ok(None) => PasswordExpiry::Untold,
            Err(error) => {
                tracing::debug!(%error, "the directory does not tell when the password of the account ends");
                PasswordExpiry::Untold
            }
        }
    }

    /// The entry of the account, if it is in this domain and may be seen.
    async fn account(&mut self, naming_context: &Dn) -> Result<Option<RawEntry>, DirectoryError> {
        let root = self.entry("", &[TOKEN_GROUPS.as_str()]).await?.unwrap_or_default();
        let sids = root.values(&TOKEN_GROUPS);
        if sids.is_empty() {
            return Ok(None);
        }
        let (filter, expires) = (user_with_sid(sids), PASSWORD_EXPIRES);
        let search = Search {
            base: naming_context.as_str(),
            filter: &filter,
            attributes: &[expires.as_str()],
            names_say_guids: false,
            finds_deleted: false,
        };
        let mut found = Vec::new();
        self.search(search, &mut |entry| found.push(entry)).await?;
        // Of two nobody knows which one it is.
        Ok(found.pop().filter(|_| found.is_empty()))
    }
}

fn expiry(account: &RawEntry) -> PasswordExpiry {
    let steps = account.text(&PASSWORD_EXPIRES).and_then(|steps| steps.parse().ok());
    steps.map_or(PasswordExpiry::Untold, |steps| {
        file_time::end(steps).map_or(PasswordExpiry::Never, PasswordExpiry::At)
    })
}

/// Of whom a token speaks, only the account itself is a user.
fn user_with_sid(sids: &[Vec<u8>]) -> String {
    let mut filter = String::from("(&(objectClass=user)(|");
    for sid in sids {
        filter.push_str("(objectSid=");
        for byte in sid {
            // Writing to a String cannot fail.
            let _written = write!(filter, "\\{byte:02x}");
        }
        filter.push(')');
    }
    filter.push_str("))");
    filter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_the_user_of_its_token() {
        assert_eq!(
            user_with_sid(&[vec![1, 0x2a], vec![0xff]]),
            r"(&(objectClass=user)(|(objectSid=\01\2a)(objectSid=\ff)))"
        );
    }

    #[test]
    fn a_password_that_never_ends_is_not_one_of_which_nothing_is_told() {
        let account = |value: &str| RawEntry::default().with("msDS-UserPasswordExpiryTimeComputed", [value]);
        assert_eq!(expiry(&RawEntry::default()), PasswordExpiry::Untold);
        assert_eq!(expiry(&account("soon")), PasswordExpiry::Untold);
        assert_eq!(expiry(&account("9223372036854775807")), PasswordExpiry::Never);
        let at = PasswordExpiry::At(Timestamp::UNIX_EPOCH);
        assert_eq!(expiry(&account("116444736000000000")), at);
    }
}
