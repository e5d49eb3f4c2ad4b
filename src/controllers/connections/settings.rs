//! From an ActiveDirectoryConfig, its Secret and its certificate authority to settings of a connection. Fetches, and sees to
//! it that what is missing is named.

use std::{collections::BTreeMap, fmt::Debug, path::Path, sync::Arc};

use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Secret},
};
use kube::{Api, Client, Resource, ResourceExt, core::NamespaceResourceScope};
use serde::de::DeserializeOwned;

use crate::{
    api::{
        ActiveDirectoryConfig, ActiveDirectoryConfigSpec,
        active_directory_config::{CaReference, KeyReference, Server, TlsMode},
    },
    controllers::client::call,
    directory::{
        Dn,
        settings::{Account, ConnectionSettings, Encryption, ServerAddress},
    },
};

use super::{
    error::{ReferencedKind, SettingsError},
    files,
};

pub(super) const USERNAME: &str = "username";
pub(super) const PASSWORD: &str = "password";

/// What the person who runs the operator allows.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    /// Passwords may cross the network in clear where the YAML says so (`--allow-plaintext`).
    pub plaintext: bool,
    /// Where the accounts are of configurations with `credentials.type: Agent` (`--credentials-directory`).
    pub credentials: Option<Arc<Path>>,
}

/// Settings, and which version of the account they are with.
pub(super) struct Fetched {
    /// What to connect with.
    pub settings: ConnectionSettings,
    /// `metadata.resourceVersion` of the Secret with the account; of files, when they were written.
    pub secret_version: String,
}

/// Fetches what the configuration refers to, and makes settings of it.
pub(super) async fn fetch(
    client: &Client,
    config: &ActiveDirectoryConfig,
    permissions: &Permissions,
) -> Result<Fetched, SettingsError> {
    let spec = &config.spec;
    let namespace = config.namespace().unwrap_or_default();
    let encryption = encryption(spec, permissions)?;
    let servers = servers(spec, encryption)?;
    let base_dn = base_dn(spec)?;
    let (account, secret_version) = match &spec.credentials.secret_ref {
        Some(reference) => {
            let hint = " with the keys username and password";
            let secret = get_secret(client, &namespace, &reference.name, hint).await?;
            (
                account(&namespace, &secret)?,
                secret.resource_version().unwrap_or_default(),
            )
        }
        None => files::account(permissions.credentials.as_deref(), &namespace, &config.name_any()).await?,
    };
    let certificate_authorities = match &spec.tls.ca_ref {
        Some(reference) => Some(authorities(client, &namespace, reference).await?),
        None => None,
    };
    let settings = ConnectionSettings {
        servers,
        encryption,
        certificate_authorities,
        base_dn,
        ..ConnectionSettings::new(spec.domain.clone(), account)
    };
    Ok(Fetched {
        settings,
        secret_version,
    })
}

fn encryption(spec: &ActiveDirectoryConfigSpec, permissions: &Permissions) -> Result<Encryption, SettingsError> {
    match spec.tls.mode {
        TlsMode::Ldaps => Ok(Encryption::Ldaps),
        TlsMode::StartTls => Ok(Encryption::StartTls),
        TlsMode::Disabled if !spec.tls.allow_plaintext => Err(SettingsError::AllowPlaintext {
            lacking: "say tls.allowPlaintext: true",
        }),
        TlsMode::Disabled if !permissions.plaintext => Err(SettingsError::AllowPlaintext {
            lacking: "start the operator with --allow-plaintext",
        }),
        TlsMode::Disabled => Ok(Encryption::Plain),
    }
}

fn servers(spec: &ActiveDirectoryConfigSpec, encryption: Encryption) -> Result<Vec<ServerAddress>, SettingsError> {
    let address = |server: &Server| {
        let port = server.port.map(|port| match u16::try_from(port) {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(SettingsError::ParsePort { port }),
        });
        Ok(ServerAddress::new(&server.host, port.transpose()?, encryption))
    };
    spec.servers.iter().map(address).collect()
}

fn base_dn(spec: &ActiveDirectoryConfigSpec) -> Result<Option<Dn>, SettingsError> {
    let parse = |base_dn: &String| {
        Dn::parse(base_dn).map_err(|source| SettingsError::ParseBaseDn {
            base_dn: base_dn.clone(),
            source,
        })
    };
    spec.base_dn.as_ref().map(parse).transpose()
}

fn account(namespace: &str, secret: &Secret) -> Result<Account, SettingsError> {
    let data = secret.data.clone().unwrap_or_default();
    let text = |key: &str| {
        let ByteString(value) = find_key(ReferencedKind::Secret, namespace, &secret.name_any(), &data, key)?;
        let text = String::from_utf8(value.clone()).map_err(|_| SettingsError::ReadKey {
            namespace: namespace.to_owned(),
            name: secret.name_any(),
            key: key.to_owned(),
        })?;
        Ok::<String, SettingsError>(without_line_break(text))
    };
    Ok(Account::new(text(USERNAME)?, text(PASSWORD)?))
}

/// An editor or `echo` put it at the end of the file that the Secret was made from. No account has one in its password.
pub(super) fn without_line_break(text: String) -> String {
    let end = text.trim_end_matches(['\r', '\n']).len();
    let mut text = text;
    text.truncate(end);
    text
}

async fn authorities(client: &Client, namespace: &str, reference: &CaReference) -> Result<Vec<u8>, SettingsError> {
    let hint = |key: &str| format!(" with the PEM certificates under `{key}`");
    match (&reference.config_map, &reference.secret) {
        (Some(KeyReference { name, key }), None) => {
            let map: ConfigMap = get(client, ReferencedKind::ConfigMap, namespace, name, &hint(key)).await?;
            let binary = map
                .binary_data
                .unwrap_or_default()
                .into_iter()
                .map(|(key, ByteString(value))| (key, value));
            let text = map
                .data
                .unwrap_or_default()
                .into_iter()
                .map(|(key, value)| (key, value.into_bytes()));
            let data: BTreeMap<String, Vec<u8>> = binary.chain(text).collect();
            find_key(ReferencedKind::ConfigMap, namespace, name, &data, key).cloned()
        }
        (None, Some(KeyReference { name, key })) => {
            let secret = get_secret(client, namespace, name, &hint(key)).await?;
            let data = secret.data.unwrap_or_default();
            find_key(ReferencedKind::Secret, namespace, name, &data, key).map(|ByteString(value)| value.clone())
        }
        (None, None) => Err(SettingsError::ChooseAuthority { count: 0 }),
        (Some(_), Some(_)) => Err(SettingsError::ChooseAuthority { count: 2 }),
    }
}

async fn get_secret(client: &Client, namespace: &str, name: &str, hint: &str) -> Result<Secret, SettingsError> {
    get(client, ReferencedKind::Secret, namespace, name, hint).await
}

async fn get<K>(
    client: &Client,
    kind: ReferencedKind,
    namespace: &str,
    name: &str,
    hint: &str,
) -> Result<K, SettingsError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let (namespace, name) = (namespace.to_owned(), name.to_owned());
    match call(api.get_opt(&name)).await {
        Ok(Some(object)) => Ok(object),
        Ok(None) => Err(SettingsError::FindObject {
            kind,
            namespace,
            name,
            hint: hint.to_owned(),
        }),
        Err(source) => Err(SettingsError::GetObject {
            kind,
            namespace,
            name,
            source,
        }),
    }
}

fn find_key<'a, V>(
    kind: ReferencedKind,
    namespace: &str,
    name: &str,
    data: &'a BTreeMap<String, V>,
    key: &str,
) -> Result<&'a V, SettingsError> {
    data.get(key).ok_or_else(|| SettingsError::FindKey {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        key: key.to_owned(),
        present: data.keys().cloned().collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::error::Trouble, *};

    fn spec(changes: &serde_json::Value) -> ActiveDirectoryConfigSpec {
        let mut spec = json!({"domain": "example.com", "credentials": {"secretRef": {"name": "corp-bind"}}});
        for (key, value) in changes.as_object().unwrap() {
            spec[key] = value.clone();
        }
        serde_json::from_value(spec).unwrap()
    }

    fn secret(data: &serde_json::Value) -> Secret {
        serde_json::from_value(json!({"metadata": {"name": "corp-bind"}, "stringData": {}, "data": data})).unwrap()
    }

    #[test]
    fn clear_text_needs_the_word_of_both() {
        let asked = |allowed: bool| spec(&json!({"tls": {"mode": "Disabled", "allowPlaintext": allowed}}));
        let permissions = |plaintext| Permissions {
            plaintext,
            ..Permissions::default()
        };
        let message = |allowed, plaintext| {
            encryption(&asked(allowed), &permissions(plaintext)).map_err(|error| error.to_string())
        };
        assert_eq!(message(true, true), Ok(Encryption::Plain));
        assert!(message(false, true).unwrap_err().contains("tls.allowPlaintext: true"));
        assert!(message(true, false).unwrap_err().contains("--allow-plaintext"));
        assert!(message(false, false).unwrap_err().contains("tls.allowPlaintext: true"));
    }

    #[test]
    fn servers_have_the_usual_port_unless_they_say() {
        let spec = spec(&json!({"servers": [{"host": "dc1.example.com"}, {"host": "dc2.example.com", "port": 6360}]}));
        let servers = servers(&spec, Encryption::StartTls).unwrap();
        assert_eq!(
            servers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["dc1.example.com:389", "dc2.example.com:6360"]
        );
    }

    #[test]
    fn what_is_wrong_with_the_spec_is_named() {
        let port = spec(&json!({"servers": [{"host": "dc1", "port": 70_000}]}));
        let error = servers(&port, Encryption::Ldaps).unwrap_err();
        assert_eq!((error.reason(), error.trouble()), ("InvalidSpec", Trouble::Invalid));
        assert!(error.to_string().contains("70000"), "{error}");
        let error = base_dn(&spec(&json!({"baseDN": "example.com"}))).unwrap_err();
        assert!(error.to_string().contains("spec.baseDN `example.com`"), "{error}");
    }

    #[test]
    fn the_account_comes_without_the_line_break_of_an_editor() {
        use secrecy::ExposeSecret;
        // "svc@example.com\n" and "Passw0rd \r\n"
        let secret = secret(&json!({"username": "c3ZjQGV4YW1wbGUuY29tCg==", "password": "UGFzc3cwcmQgDQo="}));
        let account = account("telephony", &secret).unwrap();
        assert_eq!(account.username, "svc@example.com");
        assert_eq!(
            account.password.expose_secret(),
            "Passw0rd ",
            "a blank may belong to it"
        );
    }

    #[test]
    fn a_missing_key_is_named_with_what_is_there() {
        let error = account("telephony", &secret(&json!({"user": "YQ==", "password": "YQ=="}))).unwrap_err();
        assert_eq!(
            (error.reason(), error.trouble()),
            ("SecretKeyNotFound", Trouble::Missing)
        );
        let wanted = "Secret telephony/corp-bind has no key `username`, only password, user: add it";
        assert_eq!(error.to_string(), wanted);
        let error = account("telephony", &secret(&json!({}))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Secret telephony/corp-bind has no key `username`, and is empty: add it"
        );
    }

    #[test]
    fn a_password_that_is_no_text_is_refused_without_showing_it() {
        let error = account("telephony", &secret(&json!({"username": "YQ==", "password": "/w=="}))).unwrap_err();
        assert_eq!(error.reason(), "SecretInvalid");
        assert_eq!(
            error.to_string(),
            "key `password` of Secret telephony/corp-bind is not UTF-8 text: write it again"
        );
    }
}
