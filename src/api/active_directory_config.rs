//! ActiveDirectoryConfig: how to reach one AD domain.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{rules, schema::describe_choices, shared::LocalReference, sync_scope::a_day};

/// How to reach one Active Directory domain. Its status is the Test Connection button.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "adsync.dev",
    version = "v1alpha1",
    kind = "ActiveDirectoryConfig",
    plural = "activedirectoryconfigs",
    shortname = "adc",
    category = "adsync",
    namespaced,
    status = "ActiveDirectoryConfigStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = describe_choices)]
pub struct ActiveDirectoryConfigSpec {
    /// DNS name of the domain: suffix of user principal names, and where servers are discovered (DNS SRV) when `servers` is empty.
    #[schemars(length(max = 253))]
    #[x_kube(validation = rules::domain())]
    pub domain: String,
    /// Domain controllers in order of preference; one stays in use while it works. Empty: discovered by DNS SRV.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub servers: Vec<Server>,
    /// How the connection is encrypted.
    #[serde(default)]
    pub tls: Tls,
    /// Whom the operator binds as. It only ever reads.
    pub credentials: Credentials,
    /// Only people below this entry are read. Default: the whole domain (`defaultNamingContext`).
    #[serde(default, rename = "baseDN", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    #[x_kube(validation = rules::distinguished_name())]
    pub base_dn: Option<String>,
    /// What users may sign in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// How many people may leave within a window, over all scopes together that read this directory.
    #[serde(default)]
    pub removal_limit: DirectoryRemovalLimit,
    /// How often the connection is tested again, such as `10m` (`10s` to `168h`).
    #[serde(default = "default_interval")]
    #[schemars(length(max = rules::DURATION_LENGTH), regex(pattern = rules::DURATION))]
    #[x_kube(validation = rules::interval())]
    pub interval: String,
    /// Which operator serves this directory, and its scopes: the one that was started with `--agent` and this name. Default: the one without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    #[x_kube(validation = rules::entry_name())]
    pub agent: Option<String>,
}

fn default_interval() -> String {
    "10m".to_owned()
}

/// How many people may leave within a window, over all scopes of a directory together. The smaller of the two holds.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryRemovalLimit {
    /// Percent of those who were linked when the window began. Three may always leave, unless `count` is less.
    #[serde(default = "twenty")]
    #[schemars(range(min = 0, max = 100))]
    pub percent: i32,
    /// How many people, and how many ring groups. 0: everything waits for approval.
    #[serde(default = "two_hundred")]
    #[schemars(range(min = 0, max = 100_000))]
    pub count: i32,
    /// How long the window is, such as `24h` (`1h` to `87600h`).
    #[serde(default = "a_day")]
    #[schemars(length(max = rules::DURATION_LENGTH), regex(pattern = rules::DURATION))]
    #[x_kube(validation = rules::long_duration())]
    pub window: String,
}

impl Default for DirectoryRemovalLimit {
    fn default() -> Self {
        Self {
            percent: twenty(),
            count: two_hundred(),
            window: a_day(),
        }
    }
}

const fn twenty() -> i32 {
    20
}

const fn two_hundred() -> i32 {
    200
}

/// A domain controller.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct Server {
    /// Host name (checked against the server's certificate) or IP address.
    #[schemars(length(max = 253))]
    #[x_kube(validation = rules::host())]
    pub host: String,
    /// TCP port. Default: 636 with LDAPS, else 389. Global Catalog ports (3268, 3269) are refused: they hold partial entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    #[x_kube(validation = Rule::new("!(self in [3268, 3269])")
        .message("ports 3268 and 3269 are the Global Catalog, which holds only part of each entry: use 636 (LDAPS) or 389 (StartTLS)"))]
    pub port: Option<i32>,
}

/// Encryption of the connection.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = Rule::new("self.mode != 'Disabled' || self.?allowPlaintext.orValue(false)")
    .message("mode Disabled sends passwords in clear: write allowPlaintext: true if you mean it, else mode LDAPS or StartTLS"))]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// How the connection is encrypted. `Disabled` sends passwords in clear and needs `allowPlaintext: true`.
    #[serde(default)]
    pub mode: TlsMode,
    /// Says that passwords and people's data may cross the network unencrypted. The operator must allow it too (`--allow-plaintext`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_plaintext: bool,
    /// The certificate authority that signed the servers' certificates. Default: the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<CaReference>,
}

/// Encryption of the connection.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum TlsMode {
    /// TLS from the first byte.
    #[default]
    #[serde(rename = "LDAPS")]
    Ldaps,
    /// A plain connection that becomes TLS before anything is sent (RFC 4513 section 3).
    #[serde(rename = "StartTLS")]
    StartTls,
    /// No encryption.
    Disabled,
}

/// Where the certificate authority is: one of `configMap` and `secret`.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = Rule::new("has(self.configMap) != has(self.secret)").message("write exactly one of configMap and secret"))]
#[serde(rename_all = "camelCase")]
pub struct CaReference {
    /// A key of a ConfigMap with PEM certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<KeyReference>,
    /// A key of a Secret with PEM certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<KeyReference>,
}

/// A key of a ConfigMap or Secret in the same namespace.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct KeyReference {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253), regex(pattern = rules::OBJECT_NAME))]
    pub name: String,
    /// Key in its data.
    #[serde(default = "default_ca_key")]
    #[schemars(length(min = 1, max = 253), regex(pattern = rules::DATA_KEY))]
    pub key: String,
}

fn default_ca_key() -> String {
    "ca.crt".to_owned()
}

/// Whom the operator binds as.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = Rule::new("(self.type == 'Secret') == has(self.secretRef)")
    .message("with type: Secret name the Secret in secretRef; with type: Agent leave secretRef out, the agent has the password in a file"))]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Where the account and its password come from.
    #[serde(rename = "type", default)]
    pub kind: CredentialsType,
    /// A Secret with the keys `username` (DN, `user@domain` or `DOMAIN\user`) and `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalReference>,
}

/// Where the account and its password come from.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum CredentialsType {
    /// From a Secret in the same namespace.
    #[default]
    Secret,
    /// From files where the operator runs (`--credentials-directory`): they never enter the cluster.
    Agent,
}

/// What users may sign in with.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// Adds sAMAccountName and the local parts of userPrincipalName and mail to everybody's login names.
    #[serde(default)]
    pub bare_username: bool,
}

/// What was seen when the connection was last tested.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveDirectoryConfigStatus {
    /// The `metadata.generation` that the conditions speak of; −1 before the operator has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Connected; only while True: Reconciling, Stalled.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The domain controller in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerStatus>,
    /// The domain controller whose word counts: another one must have replicated all that this one had, also after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<TrustedRead>,
    /// How many users the account can see below the base DN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_users: Option<i64>,
    /// A password that the directory refused: it is not tried again before half an hour has passed, also after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<RejectedCredentials>,
    /// The last value of the annotation `reconcile.fluxcd.io/requestedAt` that was acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = rules::ANNOTATION_LENGTH))]
    pub last_handled_reconcile_at: Option<String>,
}

/// The domain controller in use.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerStatus {
    /// Host name and port.
    #[schemars(length(max = 512))]
    pub host: String,
    /// Identity of the controller's database (MS-ADTS 3.1.1.1.9).
    #[serde(rename = "invocationID")]
    #[schemars(length(max = 64))]
    pub invocation_id: String,
    /// The domain's root entry.
    #[schemars(length(max = 1024))]
    pub naming_context: String,
}

/// A read of the directory that counted. A moving update sequence number alone is written at most once a day: else it is written
/// when another controller's word counts, or together with another change of the status.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustedRead {
    /// Identity of the controller's database (MS-ADTS 3.1.1.1.9).
    #[serde(rename = "invocationID")]
    #[schemars(length(max = 64))]
    pub invocation_id: String,
    /// Its highest update sequence number then.
    #[serde(rename = "highestUSN")]
    pub highest_usn: i64,
    /// When it was read.
    pub time: Time,
}

/// A password that the directory refused.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectedCredentials {
    /// `metadata.resourceVersion` of the Secret that held it.
    #[schemars(length(max = 64))]
    pub secret_resource_version: String,
    /// When it was refused.
    pub time: Time,
}
