//! Connecting and binding to the real Samba: ways that work, and each way that an administrator gets it wrong.

use std::time::{Duration, Instant};

use adsync::directory::{Account, Directory, DirectoryError, Dn, Encryption, RejectedPasswords};

use super::{closed_port, connect, impatient, server, settings};
use crate::env::{self, Options, PersonSpec};

async fn test_as(username: &str, password: &str) -> Result<adsync::directory::ConnectionReport, DirectoryError> {
    let mut settings = settings(env::directory().await);
    settings.account = Account::new(username, password);
    connect(settings).test().await
}

#[tokio::test]
async fn an_account_binds_by_dn_upn_and_down_level_name() {
    for username in [
        env::Directory::BIND_DN,
        env::Directory::BIND_UPN,
        env::Directory::BIND_DOWN_LEVEL,
    ] {
        let report = test_as(username, env::Directory::BIND_PASSWORD).await.unwrap();
        assert_eq!(report.naming_context.as_str(), env::Directory::BASE_DN, "{username}");
    }
}

#[tokio::test]
async fn a_test_says_which_server_answers_and_how_many_people_the_account_sees() {
    let directory = env::directory().await;
    let base = "OU=Bulk,DC=example,DC=com";
    let mut settings = settings(directory);
    settings.base_dn = Some(Dn::parse(base).unwrap());
    let report = connect(settings).test().await.unwrap();
    assert_eq!(report.server, format!("localhost:{}", directory.ldaps_port()));
    assert_eq!(report.visible_users, 1600);
    let service = directory
        .search(
            "CN=Sites,CN=Configuration,DC=example,DC=com",
            "(objectClass=nTDSDSA)",
            &["invocationId"],
        )
        .await;
    let expected = adsync::directory::Guid::from_ldap_bytes(&service[0].bytes("invocationId")[0]).unwrap();
    assert_eq!(report.invocation_id, expected);
}

#[tokio::test]
async fn start_tls_works_as_ldaps_does() {
    let directory = env::directory().await;
    let mut settings = settings(directory);
    settings.encryption = Encryption::StartTls;
    settings.servers = vec![server(env::Directory::HOST, directory.ldap_port())];
    settings.base_dn = Some(Dn::parse("OU=Sites,DC=example,DC=com").unwrap());
    assert_eq!(connect(settings).test().await.unwrap().visible_users, 12);
}

#[tokio::test]
async fn an_ip_address_is_a_host_as_good_as_a_name() {
    let directory = env::directory().await;
    let mut settings = settings(directory);
    settings.servers = vec![server("127.0.0.1", directory.ldaps_port())];
    connect(settings).test().await.unwrap();
}

#[tokio::test]
async fn samba_takes_no_password_in_clear() {
    let directory = env::directory().await;
    let mut settings = settings(directory);
    settings.encryption = Encryption::Plain;
    settings.servers = vec![server(env::Directory::HOST, directory.ldap_port())];
    let error = connect(settings).test().await.unwrap_err();
    assert_eq!((error.reason(), error.heals_itself()), ("StrongerAuthRequired", false));
    assert!(error.to_string().contains("LDAPS or StartTLS"), "{error}");
}

#[tokio::test]
async fn a_right_password_that_is_refused_has_its_own_reason() {
    for (account, reason) in [
        ("svc-disabled", "AccountDisabled"),
        ("svc-expired", "AccountExpired"),
        ("svc-expired-password", "PasswordExpired"),
        ("svc-outdated-password", "PasswordExpired"),
        ("svc-no-hours", "LogonRestricted"),
        ("svc-elsewhere", "LogonRestricted"),
        ("svc-locked-out", "AccountLocked"),
    ] {
        let error = test_as(&format!("{account}@example.com"), env::Directory::BIND_PASSWORD)
            .await
            .unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert!(
            error.password_retry_after().is_none(),
            "it was not the password's fault: {error}"
        );
        assert!(error.to_string().contains(account) && !error.to_string().contains(env::Directory::BIND_PASSWORD));
    }
}

#[tokio::test]
async fn a_name_that_no_account_has_is_wrong_credentials() {
    for username in ["nobody@example.com", "svc-adsync", "CN=Nobody,DC=example,DC=com"] {
        let error = test_as(username, env::Directory::BIND_PASSWORD).await.unwrap_err();
        assert_eq!(
            (error.reason(), error.heals_itself()),
            ("InvalidCredentials", false),
            "{username}: {error}"
        );
    }
}

#[tokio::test]
async fn an_empty_password_or_name_is_not_even_sent() {
    for (username, password) in [(env::Directory::BIND_UPN, ""), (" ", env::Directory::BIND_PASSWORD)] {
        let error = test_as(username, password).await.unwrap_err();
        assert_eq!((error.reason(), error.heals_itself()), ("InvalidCredentials", false));
        assert!(error.to_string().contains("is empty"), "{error}");
    }
}

/// Promise 11: three servers, two configurations, many syncs, one attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wrong_password_is_tried_once_over_all_servers_and_configurations() {
    let directory = env::directory().await;
    let ou = directory.ou("wrong password").await;
    let person = ou
        .person(PersonSpec::named("Wrong Password").with_password("Right.Passw0rd"))
        .await;
    let mut settings = settings(directory);
    settings.account = Account::new(&person.user_principal_name, "Wrong.Passw0rd");
    settings.servers = ["localhost", "127.0.0.1", "localhost"]
        .map(|host| server(host, directory.ldaps_port()))
        .to_vec();
    let rejected = RejectedPasswords::default();
    let one = Directory::new(settings.clone(), rejected.clone());
    let other = Directory::new(settings.clone(), rejected.clone());

    let (first, second) = tokio::join!(one.test(), other.test());
    for error in [first.unwrap_err(), second.unwrap_err(), one.test().await.unwrap_err()] {
        assert_eq!(
            (error.reason(), error.heals_itself()),
            ("InvalidCredentials", false),
            "{error}"
        );
        assert!(error.to_string().contains("not tried again before"), "{error}");
        assert!(error.password_retry_after().is_some());
        assert!(!error.to_string().contains("Wrong.Passw0rd") && !format!("{error:?}").contains("Wrong.Passw0rd"));
    }
    let counted = directory.entry(&person.dn, &["badPwdCount"]).await;
    assert_eq!(counted.value("badPwdCount"), Some("1"));
    assert!(rejected.rejected_at(&settings.domain, &settings.account).is_some());

    // A new password in the Secret is tried at once, on the same handle.
    settings.account = Account::new(&person.user_principal_name, "Right.Passw0rd");
    one.update(settings);
    one.test().await.unwrap();
}

#[tokio::test]
async fn a_password_that_was_refused_before_a_restart_is_not_tried_again_after_it() {
    let directory = env::directory().await;
    let ou = directory.ou("restart").await;
    let person = ou
        .person(PersonSpec::named("Restarted Once").with_password("Right.Passw0rd"))
        .await;
    let mut settings = settings(directory);
    settings.account = Account::new(&person.user_principal_name, "Wrong.Passw0rd");
    let rejected = RejectedPasswords::default();
    rejected.remember(&settings.domain, &settings.account, jiff::Timestamp::now());
    let error = Directory::new(settings, rejected).test().await.unwrap_err();
    assert_eq!(error.reason(), "InvalidCredentials");
    assert_eq!(
        directory
            .entry(&person.dn, &["badPwdCount"])
            .await
            .value("badPwdCount")
            .unwrap_or("0"),
        "0"
    );
}

#[tokio::test]
async fn a_wrong_address_says_so() {
    let mut settings = settings(env::directory().await);
    settings.servers = vec![server("no-such-host.invalid", 636)];
    let error = connect(settings).test().await.unwrap_err();
    assert_eq!((error.reason(), error.heals_itself()), ("DNSFailed", true));
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_says_so() {
    let mut settings = settings(env::directory().await);
    settings.servers = vec![server("localhost", closed_port().await)];
    let error = connect(settings).test().await.unwrap_err();
    assert_eq!((error.reason(), error.heals_itself()), ("ConnectionRefused", true));
    assert!(error.to_string().contains("check the port"), "{error}");
}

#[tokio::test]
async fn the_wrong_one_of_two_ports_says_which_is_right() {
    let directory = env::directory().await;
    let mut settings = settings(directory);
    settings.timeouts = impatient();
    for (encryption, port, reason, advice) in [
        (
            Encryption::Ldaps,
            directory.ldap_port(),
            "TLSHandshakeFailed",
            "is this the LDAPS port (usually 636)",
        ),
        (
            Encryption::StartTls,
            directory.ldaps_port(),
            "TLSHandshakeFailed",
            "is this the plain LDAP port (usually 389)",
        ),
        (
            Encryption::Plain,
            directory.ldaps_port(),
            "ConnectionLost",
            "is this an LDAP port (usually 389, with LDAPS 636)",
        ),
    ] {
        settings.encryption = encryption;
        settings.servers = vec![server("localhost", port)];
        let error = connect(settings.clone()).test().await.unwrap_err();
        assert_eq!(error.reason(), reason, "{encryption:?}: {error}");
        assert!(error.to_string().contains(advice), "{encryption:?}: {error}");
    }
}

#[tokio::test]
async fn a_global_catalog_port_is_refused() {
    let mut settings = settings(env::directory().await);
    for port in [3268, 3269] {
        settings.servers = vec![server("localhost", 636), server("localhost", port)];
        let error = connect(settings.clone()).test().await.unwrap_err();
        assert_eq!((error.reason(), error.heals_itself()), ("GlobalCatalogRefused", false));
    }
}

#[tokio::test]
async fn a_wrong_base_dn_says_what_does_exist() {
    let mut settings = settings(env::directory().await);
    settings.base_dn = Some(Dn::parse("OU=Stuff,OU=Sites,DC=example,DC=com").unwrap());
    let error = connect(settings.clone()).test().await.unwrap_err();
    assert_eq!((error.reason(), error.heals_itself()), ("BaseDNNotFound", false));
    let shown = error.to_string();
    assert!(
        shown.contains("OU=Stuff,OU=Sites") && shown.contains("what exists is OU=Sites,DC=example,DC=com"),
        "{shown}"
    );
    settings.base_dn = Some(Dn::parse("DC=other,DC=net").unwrap());
    assert_eq!(
        connect(settings).read(&super::request(&[])).await.unwrap_err().reason(),
        "BaseDNNotFound"
    );
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let directory = env::Directory::own(Options::default()).await;
    let mut settings = settings(&directory);
    settings.timeouts = impatient();
    directory.freeze().await;
    let started = Instant::now();
    let error = connect(settings).test().await.unwrap_err();
    assert_eq!(
        (error.reason(), error.heals_itself()),
        ("AnswerTimedOut", true),
        "{error}"
    );
    assert!(started.elapsed() < Duration::from_secs(5));
    directory.thaw().await;
}

#[tokio::test]
async fn an_idle_connection_is_used_again_and_opened_anew_when_the_server_closed_it() {
    let directory = env::Directory::own(Options::default()).await;
    let mut settings = settings(&directory);
    settings.base_dn = Some(Dn::parse("OU=Sites,DC=example,DC=com").unwrap());
    let handle = connect(settings);
    handle.read(&super::request(&[])).await.unwrap();
    directory.kill().await;
    directory.start_again().await;
    let snapshot = handle.read(&super::request(&[])).await.unwrap();
    assert_eq!(snapshot.user_count(), 12);
}
