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

impl Connection {
    /// When the password ends that this connection is bound with; `None`: never, or the directory doesn't tell.
    ///
    /// What the account is called says little: it may be a name of another domain. So the directory is asked who it is.
    pub(super) async fn password_expires(&mut self, naming_context: &Dn) -> Result<Option<Timestamp>, DirectoryError> {
        match self.account(naming_context).await {
            Ok(account) => Ok(account.as_ref().and_then(expiry)),
            // Refused, or no Active Directory: then it is not told.
            Err(DirectoryError::Answer { .. }) => Ok(None),
            Err(error) => Err(error),
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

fn expiry(account: &RawEntry) -> Option<Timestamp> {
    let steps = account.text(&PASSWORD_EXPIRES)?.parse().ok()?;
    file_time::end(steps)
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
    fn a_password_that_never_ends_or_of_which_nothing_is_told_has_no_end() {
        let account = |value: &str| RawEntry::default().with("msDS-UserPasswordExpiryTimeComputed", [value]);
        assert_eq!(expiry(&RawEntry::default()), None);
        assert_eq!(expiry(&account("9223372036854775807")), None);
        assert_eq!(expiry(&account("soon")), None);
        assert_eq!(expiry(&account("116444736000000000")), Some(Timestamp::UNIX_EPOCH));
    }
}
