//! Several servers: in order, sticky, and the next one only for what it could do better.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adsync::directory::{Account, Directory, RejectedPasswords};

use super::{closed_port, connect, request, scripted_settings, server, settings};
use crate::env::scripted_ldap::{Asked, Say, user};
use crate::env::{self, Options, ScriptedLdap};

async fn working() -> ScriptedLdap {
    ScriptedLdap::start(|asked| match asked {
        Asked::Search(search) if search.mentions("person") => Some(vec![user(1), Say::done()]),
        _ => None,
    })
    .await
}

/// A server that answers every search for users with this code.
async fn refusing(code: u8) -> ScriptedLdap {
    ScriptedLdap::start(move |asked| match asked {
        Asked::Search(search) if search.mentions("person") => Some(vec![user(7), Say::done_with(code, "")]),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn the_first_server_that_works_is_used_and_stays_in_use() {
    let (first, second) = (env::Directory::own(Options::default()).await, env::directory().await);
    let mut settings = settings(second);
    settings.servers = vec![
        server("localhost", closed_port().await),
        server("localhost", first.ldaps_port()),
        server("localhost", second.ldaps_port()),
    ];
    settings.base_dn = Some(adsync::directory::Dn::parse("OU=Sites,DC=example,DC=com").unwrap());
    let handle = connect(settings);
    let used = |report: &adsync::directory::ConnectionReport| report.server.clone();
    assert_eq!(
        used(&handle.test().await.unwrap()),
        format!("localhost:{}", first.ldaps_port())
    );
    first.stop().await;
    assert_eq!(
        used(&handle.test().await.unwrap()),
        format!("localhost:{}", second.ldaps_port())
    );
    first.start_again().await;
    assert_eq!(
        used(&handle.test().await.unwrap()),
        format!("localhost:{}", second.ldaps_port()),
        "sticky"
    );
    let snapshot = handle.read(&request(&[])).await.unwrap();
    assert_eq!(snapshot.origin().server, format!("localhost:{}", second.ldaps_port()));
}

#[tokio::test]
async fn the_next_server_is_tried_for_what_it_could_do_better() {
    for code in [1, 51, 52] {
        let (bad, good) = (refusing(code).await, working().await);
        let snapshot = connect(scripted_settings([bad.port(), good.port()]))
            .read(&request(&[]))
            .await
            .unwrap();
        // All of it from one server: what the first had said is forgotten.
        assert_eq!(snapshot.user_count(), 1);
        assert_eq!(snapshot.origin().server, format!("127.0.0.1:{}", good.port()));
    }
}

#[tokio::test]
async fn the_next_server_is_not_bothered_with_what_it_cannot_change() {
    for code in [4, 32, 50] {
        let (bad, good) = (refusing(code).await, working().await);
        connect(scripted_settings([bad.port(), good.port()]))
            .read(&request(&[]))
            .await
            .unwrap_err();
        assert_eq!(good.connections(), 0, "{code}");
    }
}

#[tokio::test]
async fn a_refused_password_goes_to_no_other_server() {
    let refusing = |data: &'static str| {
        ScriptedLdap::start(move |asked| match asked {
            Asked::Bind { .. } => {
                let text = format!(
                    "80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data {data}, v4563"
                );
                Some(vec![Say::Bound { code: 49, text }])
            }
            _ => None,
        })
    };
    for (data, reason, tries) in [
        ("52e", "InvalidCredentials", 1),
        ("533", "AccountDisabled", 3),
        ("775", "AccountLocked", 3),
    ] {
        let (bad, good) = (refusing(data).await, working().await);
        let handle = connect(scripted_settings([bad.port(), good.port()]));
        for _ in 0..3 {
            assert_eq!(handle.test().await.unwrap_err().reason(), reason);
        }
        assert_eq!((bad.binds(), good.connections()), (tries, 0), "{data}");
    }
}

/// A server that takes a bind and never says what came of it.
async fn silent_about_binds(says: Say) -> ScriptedLdap {
    ScriptedLdap::start(move |asked| match asked {
        Asked::Bind { .. } => Some(vec![says.clone()]),
        _ => None,
    })
    .await
}

/// Promise 11: whether it was wrong is not known, so it counts as if it were.
#[tokio::test]
async fn a_bind_without_an_answer_goes_to_no_other_server_and_rests() {
    for (says, reason) in [
        (Say::Wait(Duration::from_secs(20)), "AnswerTimedOut"),
        (Say::Close, "ConnectionLost"),
        (Say::Reset, "ConnectionLost"),
    ] {
        let (bad, good) = (silent_about_binds(says).await, working().await);
        let handle = connect(scripted_settings([bad.port(), good.port()]));
        let error = handle.test().await.unwrap_err();
        assert_eq!((error.reason(), error.heals_itself()), (reason, true), "{error}");
        assert!(error.password_retry_after().is_some(), "{error}");
        assert!(
            error.to_string().contains("no server is tried with it before"),
            "{error}"
        );

        let error = handle.read(&request(&[])).await.unwrap_err();
        assert_eq!(
            (error.reason(), error.heals_itself()),
            ("AnswerTimedOut", true),
            "{error}"
        );
        assert!(error.to_string().contains("got no answer"), "{error}");
        assert_eq!((bad.binds(), good.connections()), (1, 0));

        // A new password is tried at once, and elsewhere.
        let mut settings = scripted_settings([bad.port(), good.port()]);
        settings.servers.reverse();
        settings.account = Account::new("svc@example.com", "another");
        handle.update(settings);
        handle.test().await.unwrap();
    }
}

#[tokio::test]
async fn a_password_that_was_just_accepted_is_not_suspected_when_a_server_hangs() {
    let hangs = Arc::new(AtomicBool::new(false));
    let first = {
        let hangs = Arc::clone(&hangs);
        ScriptedLdap::start(move |asked| match asked {
            Asked::Bind { .. } if hangs.load(Ordering::SeqCst) => Some(vec![Say::Close]),
            Asked::Search(search) if search.mentions("person") => Some(vec![user(1), Say::done()]),
            _ => None,
        })
        .await
    };
    let second = working().await;
    let handle = connect(scripted_settings([first.port(), second.port()]));
    handle.test().await.unwrap();
    hangs.store(true, Ordering::SeqCst);
    let report = handle.test().await.unwrap();
    assert_eq!(report.server, format!("127.0.0.1:{}", second.port()));
    assert_eq!((first.binds(), second.binds()), (2, 1));
}

/// What keeps an open connection working keeps a new one from coming about.
#[tokio::test]
async fn a_test_opens_its_own_connection_so_a_password_changed_in_the_directory_shows() {
    let is_changed = Arc::new(AtomicBool::new(false));
    let ldap = {
        let is_changed = Arc::clone(&is_changed);
        ScriptedLdap::start(move |asked| match asked {
            Asked::Bind { .. } if is_changed.load(Ordering::SeqCst) => Some(vec![Say::Bound {
                code: 49,
                text: "data 52e, v1db1".to_owned(),
            }]),
            _ => None,
        })
        .await
    };
    let handle = connect(scripted_settings([ldap.port()]));
    handle.test().await.unwrap();
    is_changed.store(true, Ordering::SeqCst);
    assert_eq!(handle.test().await.unwrap_err().reason(), "InvalidCredentials");
}

#[tokio::test]
async fn when_no_server_can_be_used_all_of_them_are_named() {
    let (one, other) = (closed_port().await, refusing(51).await);
    let error = connect(scripted_settings([one, other.port()]))
        .test()
        .await
        .unwrap_err();
    assert_eq!((error.reason(), error.heals_itself()), ("ConnectionRefused", true));
    let shown = error.to_string();
    assert!(
        shown.contains(&format!("127.0.0.1:{one}")) && shown.contains(&format!("127.0.0.1:{}", other.port())),
        "{shown}"
    );
    assert!(shown.contains("busy"), "{shown}");
}

#[tokio::test]
async fn a_password_is_remembered_as_refused_whoever_tried_it() {
    let bad = ScriptedLdap::start(|asked| match asked {
        Asked::Bind { .. } => Some(vec![Say::Bound {
            code: 49,
            text: "data 52e, v1db1".to_owned(),
        }]),
        _ => None,
    })
    .await;
    let rejected = RejectedPasswords::default();
    let settings = scripted_settings([bad.port()]);
    Directory::new(settings.clone(), rejected.clone())
        .test()
        .await
        .unwrap_err();
    let other = Directory::new(settings.clone(), rejected.clone());
    assert_eq!(
        other.read(&request(&[])).await.unwrap_err().reason(),
        "InvalidCredentials"
    );
    assert_eq!((bad.connections(), bad.binds()), (1, 1), "not even connected to");
    let mut settings = settings;
    settings.account = Account::new("svc@example.com", "another");
    other.update(settings);
    other.test().await.unwrap_err();
    assert_eq!(bad.binds(), 2);
}
