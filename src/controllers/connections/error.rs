//! What can be wrong with an ActiveDirectoryConfig before its directory is asked, and what to do about it. Never holds a
//! secret.

use std::{fmt, io, sync::Arc};

use jiff::Timestamp;

use crate::{
    api::conditions::{connection, ready},
    controllers::client::CallError,
    directory::{DirectoryError, DnError},
};

/// Why there is nothing to connect with.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// An object is missing.
    #[error("{kind} {namespace}/{name} does not exist: create it{hint}")]
    FindObject {
        /// Its kind.
        kind: ReferencedKind,
        /// Where it should be.
        namespace: String,
        /// Its name.
        name: String,
        /// What should be in it.
        hint: String,
    },
    /// An object has not what it should have.
    #[error("{kind} {namespace}/{name} has no key `{key}`{}: add it", beside(present))]
    FindKey {
        /// Its kind.
        kind: ReferencedKind,
        /// Where it is.
        namespace: String,
        /// Its name.
        name: String,
        /// What is missing.
        key: String,
        /// The keys that it has.
        present: Vec<String>,
    },
    /// A value is no text.
    #[error("key `{key}` of Secret {namespace}/{name} is not UTF-8 text: write it again")]
    ReadKey {
        /// Where the Secret is.
        namespace: String,
        /// Its name.
        name: String,
        /// The key.
        key: String,
    },
    /// The operator has no files with accounts.
    #[error("credentials.type: Agent: start the operator with --credentials-directory, or name a Secret")]
    FindCredentials,
    /// A file with the account can't be read.
    #[error("cannot read {path}")]
    ReadFile {
        /// Where it should be.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The API server did not give an object.
    #[error("cannot read {kind} {namespace}/{name}")]
    GetObject {
        /// Its kind.
        kind: ReferencedKind,
        /// Where it is.
        namespace: String,
        /// Its name.
        name: String,
        /// Why.
        source: CallError,
    },
    /// Somebody asked for a connection in clear, and somebody else does not allow it.
    #[error("tls.mode: Disabled sends the password in clear: {lacking}, or use LDAPS or StartTLS")]
    AllowPlaintext {
        /// Whose word is missing.
        lacking: &'static str,
    },
    /// The base DN is none.
    #[error("spec.baseDN `{base_dn}` is no distinguished name: {source}")]
    ParseBaseDn {
        /// As written.
        base_dn: String,
        /// What is wrong.
        source: DnError,
    },
    /// A port is none.
    #[error("spec.servers: {port} is no port: write one from 1 to 65535")]
    ParsePort {
        /// As written.
        port: i32,
    },
    /// It says neither where the certificate authority is, or says it twice.
    #[error("spec.tls.caRef names {count} places: write either configMap or secret")]
    ChooseAuthority {
        /// How many.
        count: u8,
    },
}

/// What an ActiveDirectoryConfig can refer to.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ReferencedKind {
    /// The account, or a certificate authority.
    Secret,
    /// A certificate authority.
    ConfigMap,
}

impl fmt::Display for ReferencedKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        })
    }
}

/// What kind of trouble it is: this decides what a status says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// Something that the spec refers to is missing; it may come, in whatever order things are created.
    Missing,
    /// The spec, or what it refers to, can't be right.
    Invalid,
    /// The directory was asked, and somebody must change something before it will answer.
    Refused,
    /// It may pass.
    Passing,
}

impl SettingsError {
    /// One word for conditions, events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::FindObject {
                kind: ReferencedKind::Secret,
                ..
            } => connection::SECRET_NOT_FOUND,
            Self::FindObject {
                kind: ReferencedKind::ConfigMap,
                ..
            } => connection::CONFIG_MAP_NOT_FOUND,
            Self::FindKey {
                kind: ReferencedKind::Secret,
                ..
            } => connection::SECRET_KEY_NOT_FOUND,
            Self::FindKey {
                kind: ReferencedKind::ConfigMap,
                ..
            } => connection::CONFIG_MAP_KEY_NOT_FOUND,
            Self::ReadKey { .. } => connection::SECRET_INVALID,
            Self::FindCredentials | Self::ReadFile { .. } => connection::CREDENTIALS_FILE_UNREADABLE,
            Self::GetObject { source, .. } => match source.code() {
                Some(401 | 403) => connection::FORBIDDEN,
                _ => connection::API_SERVER_UNAVAILABLE,
            },
            Self::AllowPlaintext { .. } => connection::PLAINTEXT_NOT_ALLOWED,
            Self::ParseBaseDn { .. } | Self::ParsePort { .. } | Self::ChooseAuthority { .. } => ready::INVALID_SPEC,
        }
    }

    /// What kind of trouble it is.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::FindObject { .. } | Self::FindKey { .. } | Self::ReadFile { .. } => Trouble::Missing,
            Self::GetObject { .. } => Trouble::Passing,
            Self::ReadKey { .. }
            | Self::FindCredentials
            | Self::AllowPlaintext { .. }
            | Self::ParseBaseDn { .. }
            | Self::ParsePort { .. }
            | Self::ChooseAuthority { .. } => Trouble::Invalid,
        }
    }
}

fn beside(present: &[String]) -> String {
    if present.is_empty() {
        ", and is empty".to_owned()
    } else {
        format!(", only {}", present.join(", "))
    }
}

/// Why a directory gave no answer. Cheap to clone, since all who waited for an answer get the same.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectionError {
    /// There is no such configuration.
    #[error("ActiveDirectoryConfig {name} does not exist: create it")]
    FindConfig {
        /// Its name.
        name: String,
    },
    /// It can't be connected with.
    #[error(transparent)]
    Prepare(Arc<SettingsError>),
    /// The directory can't be reached, or doesn't answer as it should.
    #[error(transparent)]
    Ask(Arc<DirectoryError>),
    /// The operator stops.
    #[error("the operator stops")]
    Stop,
}

impl ConnectionError {
    /// One word for conditions, events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::FindConfig { .. } => connection::CONFIG_NOT_FOUND,
            Self::Prepare(error) => error.reason(),
            Self::Ask(error) => error.reason(),
            Self::Stop => connection::STOPPING,
        }
    }

    /// What kind of trouble it is.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::FindConfig { .. } => Trouble::Missing,
            Self::Prepare(error) => error.trouble(),
            Self::Ask(error) if !error.heals_itself() => Trouble::Refused,
            Self::Ask(_) | Self::Stop => Trouble::Passing,
        }
    }

    /// When a password that was refused may be tried again; `None`: this is about something else.
    pub fn password_retry_after(&self) -> Option<Timestamp> {
        match self {
            Self::Ask(error) => error.password_retry_after(),
            Self::FindConfig { .. } | Self::Prepare(_) | Self::Stop => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::{
        api::conditions,
        directory::codes::{BIND_REFUSALS, RESULT_ADVICE},
    };

    #[test]
    fn every_reason_of_a_directory_and_of_its_connection_is_documented() {
        let sources = [include_str!("../../directory/error.rs"), include_str!("error.rs")];
        let in_code = sources.iter().flat_map(|source| {
            let (source, _) = source.split_once("mod tests").unwrap_or((source, ""));
            let functions = source.split("fn reason(").skip(1);
            let bodies = functions.filter_map(|rest| rest.split("\n    }").next());
            bodies.flat_map(|body| body.split('"').skip(1).step_by(2))
        });
        let in_tables = BIND_REFUSALS.iter().map(|refusal| refusal.reason);
        let in_tables = in_tables.chain(RESULT_ADVICE.iter().map(|advice| advice.reason));
        let reasons: BTreeSet<&str> = in_code.chain(in_tables).collect();
        assert!(reasons.len() > 20, "{reasons:?}");
        for reason in reasons {
            assert!(conditions::reason(reason).is_some(), "{reason}");
        }
    }
}
