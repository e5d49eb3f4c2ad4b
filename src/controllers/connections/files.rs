//! Accounts in files where the operator runs, so that they never enter the cluster: `<folder>/<namespace>/<name>/username` and `password`.

use std::{io, path::Path, time::UNIX_EPOCH};

use tokio::fs;

use super::{
    error::SettingsError,
    settings::{PASSWORD, USERNAME, without_line_break},
};
use crate::directory::settings::Account;

/// The account of a configuration, and which version of the files it is from.
pub(super) async fn account(
    folder: Option<&Path>,
    namespace: &str,
    name: &str,
) -> Result<(Account, String), SettingsError> {
    // Names of objects have neither `/` nor `..` in them.
    let folder = folder.ok_or(SettingsError::FindCredentials)?.join(namespace).join(name);
    let (username, first) = read(&folder.join(USERNAME)).await?;
    let (password, second) = read(&folder.join(PASSWORD)).await?;
    // The times, since a hash of a password would help whoever guesses.
    Ok((Account::new(username, password), format!("{first}-{second}")))
}

/// The text of a file, and when it was written.
async fn read(path: &Path) -> Result<(String, u128), SettingsError> {
    let unread = |source| SettingsError::ReadFile {
        path: path.display().to_string(),
        source,
    };
    let text = fs::read_to_string(path).await.map_err(unread)?;
    let written = fs::metadata(path).await.and_then(|metadata| metadata.modified());
    let since = written.map_err(unread)?.duration_since(UNIX_EPOCH);
    let since = since.map_err(|error| unread(io::Error::other(error)))?;
    Ok((without_line_break(text), since.as_nanos()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[tokio::test]
    async fn an_account_is_read_from_its_folder_and_known_by_when_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("phones/corp");
        fs::create_dir_all(&own).await.unwrap();
        let missing = account(Some(folder.path()), "phones", "corp").await.unwrap_err();
        assert_eq!(missing.reason(), "CredentialsFileUnreadable");
        assert!(missing.to_string().contains("phones/corp/username"), "{missing}");
        for (name, text) in [(USERNAME, "svc@example.com\n"), (PASSWORD, "Passw0rd\n")] {
            fs::write(own.join(name), text).await.unwrap();
        }
        let (found, version) = account(Some(folder.path()), "phones", "corp").await.unwrap();
        assert_eq!(
            (&*found.username, found.password.expose_secret()),
            ("svc@example.com", "Passw0rd")
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        fs::write(own.join(PASSWORD), "Passw0rd").await.unwrap();
        assert_ne!(account(Some(folder.path()), "phones", "corp").await.unwrap().1, version);
        let unset = account(None, "phones", "corp").await.unwrap_err();
        assert!(unset.to_string().contains("--credentials-directory"), "{unset}");
    }
}
