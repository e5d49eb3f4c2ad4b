//! The Test Connection button: what an administrator reads on an ActiveDirectoryConfig when it works, and when it doesn't.

use std::{borrow::Borrow, sync::Arc, time::Duration};

use adsync::{
    api::{
        ActiveDirectoryConfig, ActiveDirectoryConfigStatus,
        conditions::{CONNECTED, READY, RECONCILING, STALLED},
    },
    controllers::{
        changes::{Change, Changes, NamespacedName},
        connections::{Connections, Permissions},
    },
    directory::{AttributeName, RejectedPasswords},
    serve::metrics::Metrics,
};
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::{api::events::v1::Event, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    api::{ListParams, Patch, PatchParams},
    runtime::{reflector, watcher},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::env::{
    self, Certificate, Directory, Flags, Kube, Namespace, Operator, Options, PersonSpec, operator, process,
};
use crate::scenario::{await_rest, eventually};

const PATIENCE: Duration = Duration::from_secs(20);

/// A namespace with an operator that serves it, a Secret `bind` and a ConfigMap `ca`.
struct Site<'a> {
    kube: &'a Kube,
    namespace: Namespace<'a>,
    directory: &'a Directory,
    operator: Operator,
}

impl Site<'static> {
    async fn new(prefix: &str) -> Self {
        Self::with(prefix, env::directory().await, Flags::default()).await
    }
}

impl<'a> Site<'a> {
    async fn with(prefix: &str, directory: &'a Directory, flags: Flags) -> Self {
        let kube = env::kube().await;
        let namespace = kube.namespace(prefix).await;
        let operator = Operator::start_with(kube, &[&namespace], flags).await;
        let site = Site {
            kube,
            namespace,
            directory,
            operator,
        };
        site.secret("bind", Directory::BIND_UPN, Directory::BIND_PASSWORD).await;
        let ca = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"},
            "data": {"ca.crt": directory.ca_pem()}});
        site.namespace.apply(&ca.to_string()).await;
        site
    }

    async fn secret(&self, name: &str, username: &str, password: &str) {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "stringData": {"username": username, "password": password}});
        self.namespace.apply(&secret.to_string()).await;
    }

    /// A spec that works, with some of it replaced.
    fn spec(&self, changes: &Value) -> Value {
        let mut spec = json!({
            "domain": Directory::DOMAIN,
            "servers": [{"host": Directory::HOST, "port": self.directory.ldaps_port()}],
            "tls": {"caRef": {"configMap": {"name": "ca"}}},
            "credentials": {"type": "Secret", "secretRef": {"name": "bind"}},
            "baseDN": Directory::BASE_DN,
        });
        for (field, value) in changes.as_object().unwrap() {
            spec[field] = value.clone();
        }
        spec
    }

    async fn config(&self, name: &str, changes: impl Borrow<Value>) {
        let config = json!({"apiVersion": "adsync.dev/v1alpha1", "kind": "ActiveDirectoryConfig",
            "metadata": {"name": name}, "spec": self.spec(changes.borrow())});
        self.namespace.apply(&config.to_string()).await;
    }

    /// Applies a configuration, and waits for its Connected condition to be False.
    async fn refusal(&self, changes: Value) -> Seen {
        self.config("corp", changes).await;
        self.wait("corp", |seen| seen.status(CONNECTED) == "False").await
    }

    async fn wait(&self, name: &str, until: impl Fn(&Seen) -> bool) -> Seen {
        wait(&self.namespace, name, until).await
    }
}

async fn wait(namespace: &Namespace<'_>, name: &str, until: impl Fn(&Seen) -> bool) -> Seen {
    let api = namespace.api::<ActiveDirectoryConfig>();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = Seen(api.get(name).await.unwrap());
        if until(&seen) {
            return seen;
        }
        assert!(
            Instant::now() < deadline,
            "in vain; the last status was {:#?}",
            seen.0.status
        );
        sleep(Duration::from_millis(50)).await;
    }
}

/// A configuration as the API server had it.
struct Seen(ActiveDirectoryConfig);

impl Seen {
    fn state(&self) -> ActiveDirectoryConfigStatus {
        self.0.status.clone().unwrap_or_default()
    }

    fn condition(&self, kind: &str) -> Option<Condition> {
        self.state()
            .conditions
            .into_iter()
            .find(|condition| condition.type_ == kind)
    }

    fn status(&self, kind: &str) -> String {
        self.condition(kind)
            .map_or("-".to_owned(), |condition| condition.status)
    }

    /// Ready, Connected, Reconciling, Stalled.
    fn statuses(&self) -> [String; 4] {
        [READY, CONNECTED, RECONCILING, STALLED].map(|kind| self.status(kind))
    }

    fn reason(&self) -> String {
        self.condition(CONNECTED)
            .map(|condition| condition.reason)
            .unwrap_or_default()
    }

    fn message(&self) -> String {
        self.condition(CONNECTED)
            .map(|condition| condition.message)
            .unwrap_or_default()
    }

    /// It can't heal itself, and says what to do.
    fn is_refused_for_good(&self, reason: &str, advice: &str) {
        assert_eq!(self.reason(), reason, "{}", self.message());
        assert!(self.message().contains(advice), "{}", self.message());
        assert_eq!(self.statuses(), ["False", "False", "-", "True"]);
        assert_eq!(self.state().observed_generation, self.0.metadata.generation);
    }
}

#[tokio::test]
async fn a_working_connection_says_where_it_leads_and_whom_it_shows() {
    let site = Site::new("connection").await;
    site.config("corp", json!({})).await;
    let seen = site.wait("corp", |seen| seen.status(CONNECTED) == "True").await;
    assert_eq!(seen.statuses(), ["True", "True", "-", "-"]);
    let status = seen.state();
    let server = status.server.unwrap();
    assert_eq!(server.host, format!("localhost:{}", site.directory.ldaps_port()));
    assert_eq!(server.naming_context, Directory::BASE_DN);
    let settings = site
        .directory
        .search(
            "CN=Configuration,DC=example,DC=com",
            "(objectClass=nTDSDSA)",
            &["invocationId"],
        )
        .await;
    assert_eq!(server.invocation_id.len(), 36);
    // The first part of the text form is little-endian in the attribute.
    let [a, b, c, d] = *settings[0].bytes("invocationId")[0].first_chunk().unwrap();
    let expected = format!("{d:02x}{c:02x}{b:02x}{a:02x}-");
    assert!(
        server.invocation_id.starts_with(&expected),
        "{} {expected}",
        server.invocation_id
    );
    assert_eq!(status.rejected, None);
    assert_eq!(status.last_handled_reconcile_at, None);

    assert_eq!(told(&site).await, ["Connected"]);

    let namespace = site.namespace.name();
    let certificate =
        format!(r#"adsync_directory_certificate_expiry_timestamp_seconds{{namespace="{namespace}",name="corp"}}"#);
    let expires = operator::value(site.operator.metrics, &certificate).await.unwrap();
    let arguments = ["x509", "-enddate", "-dateopt", "iso_8601", "-noout"];
    let ends = process::run("openssl", &arguments, &[], &site.directory.certificate_pem()).await;
    let ends = ends.trim().trim_start_matches("notAfter=").replace(' ', "T");
    let ends: Timestamp = ends.parse().unwrap();
    assert_eq!(i64::try_from(expires).unwrap(), ends.as_second(), "as openssl reads it");
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn only_users_below_the_base_dn_are_visible() {
    let site = Site::new("connection").await;
    let ou = site.directory.ou("visible").await;
    ou.people(["Ada Visible", "Bob Visible", "Cyd Visible"]).await;
    ou.unit("Deeper").await.person("Dan Visible").await;
    ou.group("No user", &[]).await;
    site.config("corp", json!({"baseDN": ou.dn()})).await;
    let seen = site.wait("corp", |seen| seen.status(CONNECTED) == "True").await;
    assert_eq!(seen.state().visible_users, Some(4));
    assert!(seen.message().contains("4 users"), "{}", seen.message());

    let empty = site.directory.ou("nobody").await;
    site.config("corp", json!({"baseDN": empty.dn()})).await;
    let seen = site.wait("corp", |seen| seen.state().visible_users == Some(0)).await;
    assert_eq!(seen.status(CONNECTED), "True");
    assert!(seen.message().contains("check spec.baseDN"), "{}", seen.message());
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn start_tls_and_each_form_of_user_name_work() {
    let site = Site::new("connection").await;
    let port = site.directory.ldap_port();
    let start_tls = json!({"servers": [{"host": Directory::HOST, "port": port}],
        "tls": {"mode": "StartTLS", "caRef": {"configMap": {"name": "ca"}}}});
    for (name, username) in [("dn", Directory::BIND_DN), ("down-level", Directory::BIND_DOWN_LEVEL)] {
        site.secret("bind", username, Directory::BIND_PASSWORD).await;
        site.config(name, start_tls.clone()).await;
        site.wait(name, |seen| seen.status(CONNECTED) == "True").await;
    }
    await_rest(&site.namespace).await;
}

/// As Active Directory reckons it: from the moment the password was set, and the domain's maxPwdAge.
#[tokio::test]
async fn when_the_password_of_the_account_ends_is_told_unless_it_never_does() {
    let site = Site::new("connection").await;
    let ou = site.directory.ou("expiry").await;
    let account = ou
        .person(PersonSpec::named("Svc Expiring").with_password("Passw0rd.Ends"))
        .await;
    let number = async |dn: &str, attribute: &str| -> i64 {
        let entry = site.directory.entry(dn, &[attribute]).await;
        entry.value(attribute).unwrap().parse().unwrap()
    };
    let longest = number(Directory::BASE_DN, "maxPwdAge").await;
    let ends = (number(&account.dn, "pwdLastSet").await - longest) / 10_000_000 - 11_644_473_600;
    let told = async |name: &str| {
        let labels = format!(r#"{{namespace="{}",name="{name}"}}"#, site.namespace.name());
        let series = format!("adsync_directory_password_expiry_timestamp_seconds{labels}");
        operator::value(site.operator.metrics, &series).await
    };
    site.config("never", json!({})).await;
    site.wait("never", |seen| seen.status(CONNECTED) == "True").await;
    assert_eq!(told("never").await, None);
    let usernames = [
        ("dn", account.dn.clone()),
        ("upn", account.user_principal_name.clone()),
        ("down-level", format!("EXAMPLE\\{}", account.login)),
    ];
    for (name, username) in usernames {
        site.secret(name, &username, "Passw0rd.Ends").await;
        site.config(
            name,
            json!({"credentials": {"type": "Secret", "secretRef": {"name": name}}}),
        )
        .await;
        site.wait(name, |seen| seen.status(CONNECTED) == "True").await;
        assert_eq!(told(name).await, Some(u64::try_from(ends).unwrap()), "{username}");
    }
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn an_authority_may_come_from_a_secret() {
    let site = Site::new("connection").await;
    let ca = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "authority"},
        "stringData": {"root.pem": site.directory.ca_pem()}});
    site.namespace.apply(&ca.to_string()).await;
    site.config(
        "corp",
        json!({"tls": {"caRef": {"secret": {"name": "authority", "key": "root.pem"}}}}),
    )
    .await;
    site.wait("corp", |seen| seen.status(CONNECTED) == "True").await;
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn a_wrong_address_does_not_resolve() {
    let site = Site::new("connection").await;
    let seen = site
        .refusal(json!({"servers": [{"host": "dc1.example.invalid"}]}))
        .await;
    assert_eq!(seen.reason(), "DNSFailed", "{}", seen.message());
    assert!(seen.message().contains("dc1.example.invalid"), "{}", seen.message());
    // It may heal itself: a name can be added to the DNS.
    assert_eq!(seen.statuses(), ["False", "False", "True", "-"]);
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn a_wrong_port_refuses_or_speaks_another_language() {
    let site = Site::new("connection").await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let seen = site
        .refusal(json!({"servers": [{"host": Directory::HOST, "port": closed}]}))
        .await;
    assert_eq!(seen.reason(), "ConnectionRefused", "{}", seen.message());
    assert!(seen.message().contains("check the port"), "{}", seen.message());
    assert_eq!(seen.statuses(), ["False", "False", "True", "-"]);

    let global_catalog = json!({"servers": [{"host": Directory::HOST, "port": 3269}]});
    let config = json!({"apiVersion": "adsync.dev/v1alpha1", "kind": "ActiveDirectoryConfig",
        "metadata": {"name": "gc"}, "spec": site.spec(&global_catalog)});
    let api = site.namespace.api::<ActiveDirectoryConfig>();
    let refused = api
        .patch("gc", &PatchParams::apply("test"), &Patch::Apply(&config))
        .await;
    assert!(refused.unwrap_err().to_string().contains("Global Catalog"));
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_at_once_and_never_shown() {
    let site = Site::new("connection").await;
    let ou = site.directory.ou("password").await;
    let account = ou
        .person(PersonSpec::named("Svc Wrong").with_password("Passw0rd.Right"))
        .await;
    site.secret("bind", &account.user_principal_name, "Passw0rd.Wr0ng")
        .await;
    let seen = site.refusal(json!({})).await;
    seen.is_refused_for_good("InvalidCredentials", &account.user_principal_name);
    let shown = site.namespace.kubectl(&["get", "adc,events", "--output=yaml"]).await;
    let metrics = operator::get(site.operator.metrics, "/metrics").await.1;
    for text in [shown, metrics] {
        assert!(!text.contains("Wr0ng"), "{text}");
    }
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn each_dead_service_account_has_its_reason() {
    let site = Site::new("connection").await;
    for (account, reason) in [
        ("svc-disabled", "AccountDisabled"),
        ("svc-expired", "AccountExpired"),
        ("svc-expired-password", "PasswordExpired"),
        ("svc-locked-out", "AccountLocked"),
    ] {
        let username = format!("{account}@{}", Directory::DOMAIN);
        site.secret(account, &username, Directory::BIND_PASSWORD).await;
        site.config(account, json!({"credentials": {"secretRef": {"name": account}}}))
            .await;
        let seen = site.wait(account, |seen| seen.status(CONNECTED) == "False").await;
        assert_eq!(seen.reason(), reason, "{}", seen.message());
        assert!(seen.message().contains(&username), "{}", seen.message());
    }
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_not_trusted() {
    let site = Site::new("connection").await;
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"},
        "data": {"ca.crt": site.directory.other_ca_pem()}});
    site.namespace.apply(&other.to_string()).await;
    let seen = site
        .refusal(json!({"tls": {"caRef": {"configMap": {"name": "other"}}}}))
        .await;
    seen.is_refused_for_good("TLSCertificateInvalid", "spec.tls.caRef");

    // Without a caRef the system's authorities count, and they did not sign it either.
    site.config("system", json!({"tls": {}})).await;
    let seen = site.wait("system", |seen| seen.status(CONNECTED) == "False").await;
    seen.is_refused_for_good("TLSCertificateInvalid", "spec.tls.caRef");

    // The right authority, in the same ConfigMap: no restart, no change of the spec.
    let mended = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"},
        "data": {"ca.crt": site.directory.ca_pem()}});
    site.namespace.apply(&mended.to_string()).await;
    let seen = site.wait("corp", |seen| seen.status(CONNECTED) == "True").await;
    assert_eq!(seen.statuses(), ["True", "True", "-", "-"]);
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn what_is_no_certificate_is_refused() {
    let site = Site::new("connection").await;
    let nonsense = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nonsense"},
        "data": {"ca.crt": "hello"}});
    site.namespace.apply(&nonsense.to_string()).await;
    let seen = site
        .refusal(json!({"tls": {"caRef": {"configMap": {"name": "nonsense"}}}}))
        .await;
    seen.is_refused_for_good("CertificateAuthorityInvalid", "certificate");
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_the_names_it_has() {
    let directory = Directory::own(Options {
        certificate: Certificate::Misnamed,
        ..Options::default()
    })
    .await;
    let site = Site::with("connection", &directory, Flags::default()).await;
    let seen = site.refusal(json!({})).await;
    seen.is_refused_for_good("TLSNameMismatch", "localhost");
    assert!(seen.message().contains("spec.servers"), "{}", seen.message());
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn a_wrong_base_dn_is_not_found() {
    let site = Site::new("connection").await;
    let seen = site.refusal(json!({"baseDN": "OU=Staf,DC=example,DC=com"})).await;
    seen.is_refused_for_good("BaseDNNotFound", "OU=Staf,DC=example,DC=com");
    assert!(seen.message().contains("DC=example,DC=com"), "{}", seen.message());
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn a_bad_new_base_dn_does_not_take_ready_from_what_has_worked() {
    let site = Site::new("connection").await;
    site.config("corp", json!({})).await;
    site.wait("corp", |seen| seen.status(CONNECTED) == "True").await;
    let seen = site.refusal(json!({"baseDN": "OU=Staf,DC=example,DC=com"})).await;
    assert_eq!(seen.statuses(), ["True", "False", "-", "-"]);
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn a_missing_secret_and_a_missing_key_are_named_and_may_still_come() {
    let site = Site::new("connection").await;
    let namespace = site.namespace.name().to_owned();
    let seen = site
        .refusal(json!({"credentials": {"secretRef": {"name": "later"}}}))
        .await;
    assert_eq!(seen.reason(), "SecretNotFound");
    assert!(
        seen.message()
            .contains(&format!("Secret {namespace}/later does not exist")),
        "{}",
        seen.message()
    );
    assert_eq!(
        seen.statuses(),
        ["False", "False", "True", "-"],
        "charts create things in any order"
    );

    let half = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "later"},
        "stringData": {"user": Directory::BIND_UPN, "password": Directory::BIND_PASSWORD}});
    site.namespace.apply(&half.to_string()).await;
    let seen = site.wait("corp", |seen| seen.reason() == "SecretKeyNotFound").await;
    let wanted = format!("Secret {namespace}/later has no key `username`, only password, user");
    assert!(seen.message().contains(&wanted), "{}", seen.message());

    site.secret("later", Directory::BIND_UPN, Directory::BIND_PASSWORD)
        .await;
    let seen = site.wait("corp", |seen| seen.status(CONNECTED) == "True").await;
    assert_eq!(seen.statuses(), ["True", "True", "-", "-"]);
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn a_missing_authority_is_named() {
    let site = Site::new("connection").await;
    let namespace = site.namespace.name().to_owned();
    let seen = site
        .refusal(json!({"tls": {"caRef": {"configMap": {"name": "later"}}}}))
        .await;
    assert_eq!(seen.reason(), "ConfigMapNotFound");
    assert!(
        seen.message().contains(&format!("ConfigMap {namespace}/later")),
        "{}",
        seen.message()
    );
    let seen = site.refusal(json!({"tls": {"caRef": {"configMap": {"name": "ca", "key": "root.pem"}}}}));
    seen.await;
    let seen = site.wait("corp", |seen| seen.reason() == "ConfigMapKeyNotFound").await;
    assert!(
        seen.message().contains("no key `root.pem`, only ca.crt"),
        "{}",
        seen.message()
    );
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn clear_text_needs_the_word_of_the_operator_too() {
    let site = Site::new("connection").await;
    let clear = json!({"servers": [{"host": Directory::HOST, "port": site.directory.ldap_port()}],
        "tls": {"mode": "Disabled", "allowPlaintext": true}});
    site.refusal(clear.clone())
        .await
        .is_refused_for_good("PlaintextNotAllowed", "--allow-plaintext");

    let permissive = Site::with(
        "connection",
        site.directory,
        Flags {
            allow_plaintext: true,
            ..Flags::default()
        },
    )
    .await;
    // Now it is sent in clear, and Active Directory itself does not want that.
    let seen = permissive.refusal(clear).await;
    assert_eq!(seen.reason(), "StrongerAuthRequired", "{}", seen.message());
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn a_new_password_in_the_secret_works_without_restart() {
    let site = Site::new("connection").await;
    let ou = site.directory.ou("rotation").await;
    let account = ou
        .person(PersonSpec::named("Svc Rotated").with_password("Passw0rd.0ld"))
        .await;
    site.secret("bind", &account.user_principal_name, "Passw0rd.0ld").await;
    site.config("corp", json!({})).await;
    site.wait("corp", |seen| seen.status(CONNECTED) == "True").await;

    site.secret("bind", &account.user_principal_name, "Passw0rd.N3w").await;
    let seen = site.wait("corp", |seen| seen.status(CONNECTED) == "False").await;
    assert_eq!(seen.reason(), "InvalidCredentials");
    assert_eq!(seen.status(READY), "True", "it has worked");
    let rejected = seen.state().rejected.expect("a refused password is remembered");
    let secret = site
        .namespace
        .api::<k8s_openapi::api::core::v1::Secret>()
        .get("bind")
        .await
        .unwrap();
    assert_eq!(Some(rejected.secret_resource_version), secret.metadata.resource_version);
    let namespace = site.namespace.name();
    let series = format!(r#"adsync_directory_credentials_rejected{{namespace="{namespace}",name="corp"}}"#);
    let told = async |is_rejected: u64| {
        eventually("word of the account", async || {
            let value = operator::value(site.operator.metrics, &series).await;
            (value == Some(is_rejected)).then_some(())
        })
        .await;
    };
    told(1).await;

    site.secret("bind", &account.user_principal_name, "Passw0rd.0ld").await;
    let seen = site.wait("corp", |seen| seen.status(CONNECTED) == "True").await;
    assert_eq!(seen.state().rejected, None);
    told(0).await;
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_over_two_configurations_and_a_restart() {
    let site = Site::new("connection").await;
    let ou = site.directory.ou("lockout").await;
    let account = ou
        .person(PersonSpec::named("Svc Lockout").with_password("Passw0rd.Right"))
        .await;
    site.secret("bind", &account.user_principal_name, "Passw0rd.Wr0ng")
        .await;
    site.secret("copy", &account.user_principal_name, "Passw0rd.Wr0ng")
        .await;
    site.config("one", json!({})).await;
    site.config("two", json!({"credentials": {"secretRef": {"name": "copy"}}}))
        .await;
    for name in ["one", "two"] {
        let seen = site.wait(name, |seen| seen.status(CONNECTED) == "False").await;
        seen.is_refused_for_good("InvalidCredentials", "not tried again before");
        assert!(seen.state().rejected.is_some());
    }
    assert_eq!(refused_binds(&account.dn).await, "1");

    // Asked to try again, it says why it doesn't.
    for name in ["one", "two"] {
        request(&site.namespace, name, "please").await;
        let echoed = |seen: &Seen| seen.state().last_handled_reconcile_at.as_deref() == Some("please");
        assert_eq!(site.wait(name, echoed).await.reason(), "InvalidCredentials");
    }
    assert_eq!(refused_binds(&account.dn).await, "1");

    let Site {
        kube,
        namespace,
        operator,
        ..
    } = site;
    operator.stop().await;
    let operator = Operator::start(kube, &[&namespace]).await;
    for name in ["one", "two"] {
        request(&namespace, name, "after the restart").await;
        let echoed = |seen: &Seen| seen.state().last_handled_reconcile_at.as_deref() == Some("after the restart");
        assert_eq!(wait(&namespace, name, echoed).await.reason(), "InvalidCredentials");
    }
    assert_eq!(refused_binds(&account.dn).await, "1");
    operator.stop().await;
}

#[tokio::test]
async fn who_was_never_asked_is_not_said_to_have_refused_a_password() {
    let site = Site::new("connection").await;
    let person = PersonSpec::named("Svc Elsewhere").with_password("Passw0rd.Right");
    let account = site.directory.ou("refused elsewhere").await.person(person).await;
    site.secret("bind", &account.user_principal_name, "Passw0rd.Wr0ng")
        .await;
    site.refusal(json!({})).await;
    site.config("other", json!({"servers": [{"host": "dc9.example.com"}]}))
        .await;
    let seen = site.wait("other", |seen| seen.status(CONNECTED) == "False").await;
    let refused_by = format!(
        "the password of {} was refused by {}:{} at ",
        account.user_principal_name,
        Directory::HOST,
        site.directory.ldaps_port()
    );
    seen.is_refused_for_good("InvalidCredentials", &refused_by);
    await_rest(&site.namespace).await;
}

/// The reasons of the events; waits for the first.
async fn told(site: &Site<'_>) -> Vec<String> {
    eventually("an event", async || {
        let events = site
            .namespace
            .api::<Event>()
            .list(&ListParams::default())
            .await
            .unwrap();
        let reasons: Vec<String> = events.items.into_iter().filter_map(|event| event.reason).collect();
        (!reasons.is_empty()).then_some(reasons)
    })
    .await
}

async fn refused_binds(dn: &str) -> String {
    let entry = env::directory().await.entry(dn, &["badPwdCount"]).await;
    entry.value("badPwdCount").unwrap_or("0").to_owned()
}

async fn request(namespace: &Namespace<'_>, name: &str, value: &str) {
    let annotation = format!("reconcile.fluxcd.io/requestedAt={value}");
    namespace
        .kubectl(&["annotate", "--overwrite", "adc", name, &annotation])
        .await;
}

#[tokio::test]
async fn a_converged_configuration_is_silent_but_for_the_echo_of_a_request() {
    let site = Site::new("connection").await;
    // The interval is short, so that many tests happen.
    // Elsewhere other tests hire and fire.
    let ou = site.directory.ou("quiet").await;
    site.config("corp", json!({"interval": "10s", "baseDN": ou.dn()})).await;
    site.wait("corp", |seen| seen.status(CONNECTED) == "True").await;
    // The status is written before the word of it goes out.
    told(&site).await;
    let position = site.kube.audit_position();
    let mut tests = test_count(&site).await;
    for number in 0..3 {
        let value = format!("request-{number}");
        request(&site.namespace, "corp", &value).await;
        site.wait("corp", |seen| {
            seen.state().last_handled_reconcile_at.as_ref() == Some(&value)
        })
        .await;
    }
    assert_eq!(test_count(&site).await, tests + 3, "each request is a test");
    tests += 3;
    let deadline = Instant::now() + PATIENCE;
    while test_count(&site).await <= tests {
        assert!(Instant::now() < deadline, "the interval brings no test");
        sleep(Duration::from_millis(200)).await;
    }
    let mut writes = site.namespace.writes(position);
    writes.retain(|write| write.user.username == site.operator.user());
    let seen: Vec<_> = writes
        .iter()
        .map(|write| (&*write.object.resource, &*write.object.subresource))
        .collect();
    assert_eq!(
        seen,
        [("activedirectoryconfigs", "status"); 3],
        "the echoes, and nothing else"
    );
    await_rest(&site.namespace).await;
}

async fn test_count(site: &Site<'_>) -> u64 {
    let series = format!(
        r#"adsync_directory_operation_duration_seconds_count{{namespace="{}",name="corp",operation="Test"}}"#,
        site.namespace.name()
    );
    operator::value(site.operator.metrics, &series)
        .await
        .unwrap_or_default()
}

#[tokio::test]
async fn an_outage_takes_connected_after_three_attempts_and_never_ready() {
    let directory = Directory::own(Options::default()).await;
    let site = Site::with("connection", &directory, Flags::default()).await;
    site.config("corp", json!({"interval": "10s"})).await;
    let before = site.wait("corp", |seen| seen.status(CONNECTED) == "True").await.state();
    directory.stop().await;
    request(&site.namespace, "corp", "first").await;
    let echoed = |seen: &Seen| seen.state().last_handled_reconcile_at.as_deref() == Some("first");
    let seen = site.wait("corp", echoed).await;
    assert_eq!(seen.statuses(), ["True", "True", "-", "-"], "one failure is a hiccup");
    let seen = site.wait("corp", |seen| seen.status(CONNECTED) == "False").await;
    assert_eq!(seen.statuses(), ["True", "False", "-", "-"]);
    assert_eq!(seen.reason(), "ConnectionRefused", "{}", seen.message());
    assert_eq!(seen.state().server, before.server, "what was seen stays");
    directory.start_again().await;
    site.wait("corp", |seen| seen.status(CONNECTED) == "True").await;
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn a_deleted_configuration_leaves_no_series_behind() {
    let site = Site::new("connection").await;
    site.config("corp", json!({})).await;
    site.wait("corp", |seen| seen.status(CONNECTED) == "True").await;
    let series = format!(
        r#"adsync_directory_connected{{namespace="{}",name="corp"}}"#,
        site.namespace.name()
    );
    assert_eq!(operator::value(site.operator.metrics, &series).await, Some(1));
    site.namespace.kubectl(&["delete", "adc", "corp"]).await;
    let deadline = Instant::now() + PATIENCE;
    while operator::value(site.operator.metrics, &series).await.is_some() {
        assert!(Instant::now() < deadline, "the series stays");
        sleep(Duration::from_millis(50)).await;
    }
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn whoever_asks_while_a_read_runs_shares_the_next() {
    let site = Site::new("connection").await;
    let ou = site.directory.ou("shared").await;
    ou.people(["Ada Shared", "Bob Shared"]).await;
    site.config("corp", json!({"baseDN": ou.dn()})).await;
    let config = site.wait("corp", |seen| seen.status(CONNECTED) == "True").await.0;
    let name = NamespacedName::of(&config);
    let (store, mut writer) = reflector::store();
    writer.apply_watcher_event(&watcher::Event::Apply(config));
    let metrics = Metrics::new();
    let connections = Connections::new(
        site.namespace.client(),
        store,
        RejectedPasswords::default(),
        Permissions::default(),
        Changes::default(),
        metrics.clone(),
        CancellationToken::new(),
    );
    let reads = || {
        let text = metrics.encode().unwrap();
        let count = |line: &str| {
            line.starts_with("adsync_directory_operation_duration_seconds_count")
                .then(|| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
        };
        text.lines().find_map(count).unwrap_or_default()
    };
    let read = async |scope: &str, attribute: &str| {
        let attributes = [AttributeName::parse(attribute).unwrap()].into();
        connections
            .read(&name, scope, attributes, Timestamp::now())
            .await
            .unwrap()
    };
    // The first reads at once; the others ask while it does, and share a second read.
    let snapshots = tokio::join!(
        read("a", "mail"),
        read("b", "mail"),
        read("c", "title"),
        read("d", "office"),
        read("e", "mail"),
    );
    assert_eq!(snapshots.0.user_count(), 2);
    assert!(reads() <= 2, "{} reads", reads());
    assert!(Arc::ptr_eq(&snapshots.2, &snapshots.3) && Arc::ptr_eq(&snapshots.3, &snapshots.4));
    // What was read has what all of them need, so nobody reads for another's attribute.
    let all = ["mail", "title", "office"]
        .map(|name| AttributeName::parse(name).unwrap())
        .into();
    assert!(connections.latest(&name, &all).is_some());
    // Whoever asks later does not get what was before.
    let before = reads();
    read("a", "mail").await;
    assert_eq!(reads(), before + 1);
    await_rest(&site.namespace).await;
}

/// Only the configuration's status carries the refusal over a restart, so its controller must hear of it at once.
#[tokio::test]
async fn a_password_that_is_refused_at_a_read_is_told() {
    let site = Site::new("connection").await;
    let person = PersonSpec::named("Svc Refused").with_password("Passw0rd.Right");
    let account = site.directory.ou("refused at a read").await.person(person).await;
    let username = account.user_principal_name;
    site.secret("refused", &username, "Passw0rd.Wr0ng").await;
    let config: ActiveDirectoryConfig = serde_json::from_value(json!({
        "apiVersion": "adsync.dev/v1alpha1", "kind": "ActiveDirectoryConfig",
        "metadata": {"name": "unseen", "namespace": site.namespace.name()},
        "spec": site.spec(&json!({"credentials": {"type": "Secret", "secretRef": {"name": "refused"}}})),
    }))
    .unwrap();
    let name = NamespacedName::of(&config);
    let (store, mut writer) = reflector::store();
    writer.apply_watcher_event(&watcher::Event::Apply(config));
    let changes = Changes::default();
    let mut heard = Box::pin(changes.subscribe());
    let connections = Connections::new(
        site.namespace.client(),
        store,
        RejectedPasswords::default(),
        Permissions::default(),
        changes.clone(),
        Metrics::new(),
        CancellationToken::new(),
    );
    let read = connections.read(&name, "staff", [].into(), Timestamp::now()).await;
    assert_eq!(read.unwrap_err().reason(), "InvalidCredentials");
    assert_eq!(heard.next().await, Some(Change::Refused(name)));
    await_rest(&site.namespace).await;
}

#[tokio::test]
async fn an_operator_of_two_namespaces_tries_a_wrong_password_once_for_both() {
    let kube = env::kube().await;
    let directory = env::directory().await;
    let ou = directory.ou("two namespaces").await;
    let account = ou
        .person(PersonSpec::named("Svc Both").with_password("Passw0rd.Right"))
        .await;
    let namespaces = [kube.namespace("connection").await, kube.namespace("connection").await];
    let _operator = Operator::start(kube, &[&namespaces[0], &namespaces[1]]).await;
    for namespace in &namespaces {
        for object in [
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bind"},
                "stringData": {"username": account.user_principal_name, "password": "Passw0rd.Wr0ng"}}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"},
                "data": {"ca.crt": directory.ca_pem()}}),
            json!({"apiVersion": "adsync.dev/v1alpha1", "kind": "ActiveDirectoryConfig", "metadata": {"name": "corp"},
                "spec": {"domain": Directory::DOMAIN,
                    "servers": [{"host": Directory::HOST, "port": directory.ldaps_port()}],
                    "tls": {"caRef": {"configMap": {"name": "ca"}}}, "credentials": {"secretRef": {"name": "bind"}}}}),
        ] {
            namespace.apply(&object.to_string()).await;
        }
    }
    for namespace in &namespaces {
        let seen = wait(namespace, "corp", |seen| seen.status(CONNECTED) == "False").await;
        seen.is_refused_for_good("InvalidCredentials", "not tried again before");
    }
    assert_eq!(refused_binds(&account.dn).await, "1");
}
