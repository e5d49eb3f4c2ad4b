//! Servers that mean harm: whatever they send, a read ends as an error with a reason, in time, and the process lives. And no
//! log, at any level, ever has the password.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adsync::directory::{Account, DirectoryError, Encryption};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::{connect, request, scripted_settings, settings};
use crate::env::scripted_ldap::{Asked, Say, ber, message, paging_control, user};
use crate::env::{self, ScriptedLdap};

/// What ends ldap3's task, its stack or its memory when it gets that far. The message ids are those of a read: bind 1, then
/// the searches.
fn hostile_bytes() -> Vec<(&'static str, Vec<u8>)> {
    let nested = (0..20_000).fold(Vec::new(), |inner, _| ber(0x30, &inner));
    let everything = |id| [message(id, &ber(0x64, b""), &[]), message(id, &ber(0x65, b""), &[])].concat();
    let done = [ber(0x0a, &[0]), ber(0x04, b""), ber(0x04, b"")].concat();
    vec![
        ("an empty message", b"\x30\x00".to_vec()),
        ("an indefinite length", b"\x30\x80\x02\x01\x01\x00\x00".to_vec()),
        ("a message of 4 GiB", b"\x30\x84\xff\xff\xff\xff\x02\x01\x01".to_vec()),
        ("a length of 127 bytes", [&b"\x30\xff"[..], &[0xff; 127]].concat()),
        ("83 kB of nested sequences", nested.clone()),
        ("nested sequences in an entry", message(2, &ber(0x64, &nested), &[])),
        (
            "a million elements",
            message(2, &ber(0x64, &[0x05, 0x00].repeat(1_000_000)), &[]),
        ),
        ("something that is not LDAP", b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        ("a long tag", message(2, b"\x7f\x81\x01\x00", &[])),
        ("an answer to nobody", message(77, &ber(0x65, &done), &[])),
        ("an operation of clients", message(2, &ber(0x63, b""), &[])),
        ("an intermediate response", message(2, &ber(0x79, b""), &[])),
        ("results without a result", (1..9).flat_map(everything).collect()),
        (
            "text that is none",
            message(
                2,
                &ber(0x65, &[ber(0x0a, &[0]), ber(0x04, b"\xff"), ber(0x04, b"")].concat()),
                &[],
            ),
        ),
        (
            "controls that are none",
            message(2, &ber(0x65, &done), &ber(0xa0, &ber(0x30, b""))),
        ),
        (
            "a control without a name",
            message(2, &ber(0x65, &done), &ber(0xa0, &ber(0x30, &ber(0x01, b"")))),
        ),
    ]
}

#[tokio::test]
async fn whatever_a_server_sends_in_place_of_an_answer_is_a_protocol_error() {
    for (what, bytes) in hostile_bytes() {
        for place in ["bind", "root", "users"] {
            let said = bytes.clone();
            let ldap = ScriptedLdap::start(move |asked| {
                let here = match asked {
                    Asked::Bind { .. } => place == "bind",
                    Asked::Search(search) => {
                        place == "root" && search.is_root() || place == "users" && search.mentions("person")
                    }
                    _ => false,
                };
                here.then(|| vec![Say::Raw(said.clone())])
            })
            .await;
            let started = Instant::now();
            let error = connect(scripted_settings([ldap.port()]))
                .read(&request(&[]))
                .await
                .unwrap_err();
            assert_eq!(
                (error.reason(), error.heals_itself()),
                ("ProtocolError", true),
                "{what} at {place}: {error}"
            );
            assert!(started.elapsed() < Duration::from_secs(2), "{what} at {place}");
        }
    }
}

#[tokio::test]
async fn an_entry_that_is_none_is_a_protocol_error() {
    let name = |name: &[u8]| ber(0x04, name);
    for (what, entry) in [
        ("nothing in it", vec![]),
        ("only a name", name(b"CN=a")),
        ("a name that is no text", [name(b"\xff"), ber(0x30, b"")].concat()),
        ("a third part", [name(b"CN=a"), ber(0x30, b""), name(b"")].concat()),
        ("attributes that are a value", [name(b"CN=a"), name(b"")].concat()),
        (
            "an attribute without values",
            [name(b"CN=a"), ber(0x30, &ber(0x30, &name(b"mail")))].concat(),
        ),
        (
            "an attribute's name that is no text",
            [
                name(b"CN=a"),
                ber(0x30, &ber(0x30, &[name(b"\xff"), ber(0x31, b"")].concat())),
            ]
            .concat(),
        ),
        (
            "a value that is a set",
            [
                name(b"CN=a"),
                ber(0x30, &ber(0x30, &[name(b"mail"), ber(0x31, &ber(0x31, b""))].concat())),
            ]
            .concat(),
        ),
    ] {
        // The fifth message of a read: bind, root, the server's identity, what it has of others, users.
        let bytes = message(5, &ber(0x64, &entry), &[]);
        let ldap = ScriptedLdap::start(move |asked| match asked {
            Asked::Search(search) if search.mentions("person") => Some(vec![Say::Raw(bytes.clone())]),
            _ => None,
        })
        .await;
        let error = connect(scripted_settings([ldap.port()]))
            .read(&request(&[]))
            .await
            .unwrap_err();
        assert_eq!(error.reason(), "ProtocolError", "{what}: {error}");
    }
}

#[tokio::test]
async fn a_paging_control_that_is_none_is_an_error() {
    let good = paging_control(b"");
    for (what, control, reason) in [
        (
            "cut off",
            ber(
                0xa0,
                &ber(
                    0x30,
                    &[ber(0x04, b"1.2.840.113556.1.4.319"), ber(0x04, b"\x30\x05")].concat(),
                ),
            ),
            "ProtocolError",
        ),
        (
            "a bomb",
            ber(
                0xa0,
                &ber(
                    0x30,
                    &[
                        ber(0x04, b"1.2.840.113556.1.4.319"),
                        ber(0x04, &[0x30, 0x80].repeat(40_000)),
                    ]
                    .concat(),
                ),
            ),
            "ProtocolError",
        ),
        (
            "without a value",
            ber(0xa0, &ber(0x30, &ber(0x04, b"1.2.840.113556.1.4.319"))),
            "ReadIncomplete",
        ),
        (
            "of another kind",
            ber(0xa0, &ber(0x30, &ber(0x04, b"1.2.3"))),
            "ReadIncomplete",
        ),
        ("good", good, ""),
    ] {
        let done = ber(0x65, &[ber(0x0a, &[0]), ber(0x04, b""), ber(0x04, b"")].concat());
        let bytes = message(5, &done, &control);
        let ldap = ScriptedLdap::start(move |asked| match asked {
            Asked::Search(search) if search.mentions("person") => Some(vec![user(1), Say::Raw(bytes.clone())]),
            _ => None,
        })
        .await;
        let read = connect(scripted_settings([ldap.port()])).read(&request(&[])).await;
        assert_eq!(
            read.as_ref().map_or_else(DirectoryError::reason, |_| ""),
            reason,
            "{what}: {:?}",
            read.err()
        );
    }
}

#[tokio::test]
async fn what_comes_in_clear_after_the_answer_to_start_tls_is_refused() {
    let granted = ber(0x78, &[ber(0x0a, &[0]), ber(0x04, b""), ber(0x04, b"")].concat());
    let injected = message(
        1,
        &ber(0x61, &[ber(0x0a, &[0]), ber(0x04, b""), ber(0x04, b"")].concat()),
        &[],
    );
    for (said, reason) in [
        ([message(1, &granted, &[]), injected].concat(), "ProtocolError"),
        (message(2, &granted, &[]), "StartTLSRefused"),
        (
            message(
                1,
                &ber(0x65, &[ber(0x0a, &[0]), ber(0x04, b""), ber(0x04, b"")].concat()),
                &[],
            ),
            "ProtocolError",
        ),
        (b"\x30\x00".to_vec(), "ProtocolError"),
        (
            [&b"\x30\x84\x00\xff\xff\xff"[..], &vec![0; 64 * 1024]].concat(),
            "ProtocolError",
        ),
        (b"\x15\x03\x03\x00\x02\x02\x0a".to_vec(), "WrongPort"),
    ] {
        let ldap = ScriptedLdap::start(move |asked| match asked {
            Asked::StartTls => Some(vec![Say::Raw(said.clone())]),
            _ => None,
        })
        .await;
        let mut settings = scripted_settings([ldap.port()]);
        settings.encryption = Encryption::StartTls;
        let error = connect(settings).test().await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert_eq!(ldap.binds(), 0);
    }
    // Refused with reason: a domain controller without a certificate.
    let ldap = ScriptedLdap::start(|_| None).await;
    let mut settings = scripted_settings([ldap.port()]);
    settings.encryption = Encryption::StartTls;
    let error = connect(settings).test().await.unwrap_err();
    assert!(error.to_string().contains("code 52: no certificate"), "{error}");
}

#[tokio::test]
async fn a_server_that_speaks_plainly_where_tls_is_expected_is_told_from_one_that_hangs_up() {
    for (said, reason) in [
        (
            Say::Raw(b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x02\x04\x00\x04\x00".to_vec()),
            "WrongPort",
        ),
        (Say::Close, "TLSHandshakeFailed"),
    ] {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut settings = scripted_settings([listener.local_addr().unwrap().port()]);
        settings.encryption = Encryption::Ldaps;
        settings.certificate_authorities = Some(env::directory().await.ca_pem().into_bytes());
        let serving = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let (mut stream, _) = listener.accept().await.unwrap();
            let _hello = stream.read(&mut [0; 4096]).await;
            if let Say::Raw(bytes) = said {
                stream.write_all(&bytes).await.unwrap();
                let _more = stream.read(&mut [0; 4096]).await;
            }
        });
        let error = connect(settings).test().await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        serving.await.unwrap();
    }
}

/// Everything that is logged while this is the default subscriber, ldap3's and rustls's own lines included.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Promise 10. The runtime has this thread only, so that all of its tasks log here.
#[tokio::test(flavor = "current_thread")]
async fn no_log_at_any_level_has_the_password() {
    const PASSWORD: &str = "S3cret.Passw0rd";
    let directory = env::directory().await;
    let ou = directory.ou("log").await;
    let person = ou
        .person(env::PersonSpec::named("Logged Never").with_password(PASSWORD))
        .await;
    let logged = Logged::default();
    let writer = logged.clone();
    // With a single subscriber, tracing asks whichever thread comes first whether an event is wanted, and believes it for all:
    // that of another test has none, and says no.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _guard = tracing_subscriber::registry()
        .with(tracing_subscriber::filter::LevelFilter::TRACE)
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(move || writer.clone()),
        )
        .set_default();

    // Right, wrong, refused, echoed, hung up on in the middle of a bind, and answered with nonsense.
    let mut shown = Vec::new();
    let mut settings = settings(directory);
    settings.account = Account::new(&person.user_principal_name, PASSWORD);
    let handle = connect(settings.clone());
    handle.read(&request(&["mail"])).await.unwrap();
    shown.push(format!("{handle:?} {settings:?}"));
    settings.account = Account::new("nobody@example.com", PASSWORD);
    shown.push(format!("{:?}", connect(settings).test().await.unwrap_err()));
    for says in [
        vec![Say::Bound {
            code: 53,
            text: format!("unwilling to take {PASSWORD}"),
        }],
        vec![Say::Bound {
            code: 49,
            text: format!("data 52e {PASSWORD}"),
        }],
        vec![Say::Close],
        vec![
            Say::Wait(Duration::from_secs(3)),
            Say::Bound {
                code: 0,
                text: PASSWORD.to_owned(),
            },
        ],
        vec![Say::Raw(b"\x30\x00".to_vec())],
    ] {
        let ldap = ScriptedLdap::start(move |asked| matches!(asked, Asked::Bind { .. }).then(|| says.clone())).await;
        let mut settings = scripted_settings([ldap.port()]);
        settings.account = Account::new("svc@example.com", PASSWORD);
        let error = connect(settings).test().await.unwrap_err();
        shown.push(format!("{error} {error:?}"));
        assert_eq!(ldap.binds(), 1);
    }

    let shown = shown.concat();
    let log = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("bound to a domain controller") && log.contains("DEBUG") && log.contains("TRACE"),
        "{log}"
    );
    assert!(shown.contains("unwilling to take …"));
    let as_numbers = format!("{:?}", PASSWORD.as_bytes());
    for text in [&log, &shown] {
        assert!(!text.contains(PASSWORD), "{text}");
        assert!(!text.contains(as_numbers.trim_matches(['[', ']'])), "{text}");
    }
}
