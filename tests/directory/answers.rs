//! Answers that Samba cannot give: cut attributes, limits, busy servers, cut connections, and cookies that are left.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use adsync::directory::{DirectoryError, Dn, Guid, Snapshot};

use super::{connect, request, scripted_settings};
use crate::env::ScriptedLdap;
use crate::env::scripted_ldap::{Asked, INVOCATION_ID, NAMING_CONTEXT, Say, Search, root_dse, user};

/// A server that answers the search for users so, and anything else as usual.
async fn with_users(answer: impl Fn(&Search) -> Vec<Say> + Send + Sync + 'static) -> ScriptedLdap {
    ScriptedLdap::start(move |asked| match asked {
        Asked::Search(search) if search.mentions("person") => Some(answer(search)),
        _ => None,
    })
    .await
}

async fn read(ldap: &ScriptedLdap) -> Result<Snapshot, DirectoryError> {
    connect(scripted_settings([ldap.port()]))
        .read(&request(&["mail"]))
        .await
}

/// What a read says when its search for users is answered so.
async fn refused(answer: Vec<Say>) -> DirectoryError {
    let ldap = with_users(move |_| answer.clone()).await;
    read(&ldap).await.unwrap_err()
}

fn cookie(search: &Search) -> &[u8] {
    &search.page.as_ref().expect("every search of a read is paged").1
}

#[tokio::test]
async fn pages_are_asked_for_until_there_are_no_more_and_the_last_may_be_empty() {
    let ldap = with_users(|search| match cookie(search) {
        b"" => vec![user(1), user(2), Say::more(b"second")],
        b"second" => vec![user(3), Say::more(b"third")],
        b"third" => vec![Say::done()],
        other => panic!("no such page: {other:?}"),
    })
    .await;
    let snapshot = read(&ldap).await.unwrap();
    assert_eq!(snapshot.user_count(), 3);
    assert_eq!(snapshot.origin().highest_usn, 12345);
    assert_eq!(
        Some(snapshot.origin().invocation_id),
        Guid::from_ldap_bytes(&INVOCATION_ID)
    );
    let searches = ldap.searches();
    let users: Vec<_> = searches.iter().filter(|search| search.mentions("person")).collect();
    assert_eq!(users.len(), 3);
    assert!(users.iter().all(|search| search.page.as_ref().unwrap().0 == 1000));
    assert!(
        users
            .iter()
            .all(|search| search.asks_for("mail") && !search.asks_for("*") && !search.asks_for("title"))
    );
}

#[tokio::test]
async fn a_search_that_does_not_end_with_success_is_an_error_with_its_reason() {
    for (code, reason, heals) in [
        (1, "OperationsError", true),
        (3, "TimeLimitExceeded", true),
        (4, "SizeLimitExceeded", false),
        (11, "AdminLimitExceeded", true),
        (12, "UnavailableCriticalExtension", false),
        (50, "InsufficientAccess", false),
        (51, "Busy", true),
        (52, "Unavailable", true),
        (53, "UnwillingToPerform", true),
        (80, "DirectoryFailed", true),
    ] {
        let error = refused(vec![user(1), user(2), Say::done_with(code, "what the server says")]).await;
        assert_eq!((error.reason(), error.heals_itself()), (reason, heals), "{error}");
        assert!(error.to_string().contains("what the server says"), "{error}");
    }
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_page_is_an_error() {
    for cut in [Say::Reset, Say::Close] {
        let error = refused(vec![user(1), user(2), cut]).await;
        assert_eq!(
            (error.reason(), error.heals_itself()),
            ("ConnectionLost", true),
            "{error}"
        );
    }
    // And so is one that is cut between two pages.
    let ldap = with_users(|search| match cookie(search) {
        b"" => vec![user(1), Say::more(b"second")],
        _ => vec![Say::Close],
    })
    .await;
    assert_eq!(read(&ldap).await.unwrap_err().reason(), "ConnectionLost");
}

#[tokio::test]
async fn a_server_that_stops_answering_in_the_middle_of_a_page_is_given_up() {
    let started = Instant::now();
    let error = refused(vec![user(1), Say::Wait(Duration::from_secs(20)), Say::done()]).await;
    assert_eq!(
        (error.reason(), error.heals_itself()),
        ("AnswerTimedOut", true),
        "{error}"
    );
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_server_that_always_has_another_page_is_given_up() {
    let ldap = with_users(|_| vec![Say::Wait(Duration::from_millis(50)), Say::more(b"again")]).await;
    let started = Instant::now();
    assert_eq!(read(&ldap).await.unwrap_err().reason(), "AnswerTimedOut");
    assert!(started.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn a_server_that_does_not_say_whether_there_are_more_pages_has_not_said_everything() {
    let mut done = Say::done();
    if let Say::Done { cookie, .. } = &mut done {
        *cookie = None;
    }
    let error = refused(vec![user(1), done]).await;
    assert_eq!(
        (error.reason(), error.heals_itself()),
        ("ReadIncomplete", true),
        "{error}"
    );
}

#[tokio::test]
async fn referrals_are_counted_and_not_followed() {
    let elsewhere = ScriptedLdap::start(|_| None).await;
    let url = format!("ldap://127.0.0.1:{}/DC=other", elsewhere.port());
    let ldap = with_users(move |_| {
        vec![
            user(1),
            Say::Reference(url.clone()),
            Say::Reference(url.clone()),
            Say::done(),
        ]
    })
    .await;
    let snapshot = read(&ldap).await.unwrap();
    assert_eq!((snapshot.user_count(), snapshot.referrals()), (1, 2));
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_base_in_another_domain_is_a_base_that_was_not_found() {
    let error = refused(vec![Say::Done {
        code: 10,
        matched: String::new(),
        text: "0000202B: RefErr: DSID-03100781".to_owned(),
        cookie: None,
    }])
    .await;
    assert_eq!(
        (error.reason(), error.heals_itself()),
        ("BaseDNNotFound", false),
        "{error}"
    );
    let error = refused(vec![Say::Done {
        code: 32,
        matched: "OU=Deepest".to_owned(),
        text: String::new(),
        cookie: None,
    }])
    .await;
    assert!(error.to_string().contains("what exists is OU=Deepest"), "{error}");
}

fn member(number: usize) -> String {
    format!("CN=User {number},{NAMING_CONTEXT}")
}

fn piece(name: &str, numbers: std::ops::Range<usize>) -> (String, Vec<Vec<u8>>) {
    (
        name.to_owned(),
        numbers.map(|number| member(number).into_bytes()).collect(),
    )
}

const GROUP: &str = "CN=Large,DC=example,DC=com";

/// A group whose members come in pieces; the later ones are answered by the function.
async fn with_large_group(rest: impl Fn(&Search) -> Vec<Say> + Send + Sync + 'static) -> ScriptedLdap {
    ScriptedLdap::start(move |asked| match asked {
        Asked::Search(search) if search.mentions("person") => Some((0..4000).map(user).chain([Say::done()]).collect()),
        Asked::Search(search) if search.scope == 2 && search.mentions("group") => {
            let attributes = vec![
                ("objectGUID".to_owned(), vec![b"the large group.".to_vec()]),
                ("objectClass".to_owned(), vec![b"group".to_vec()]),
                ("cn".to_owned(), vec![b"Large".to_vec()]),
                ("member".to_owned(), vec![]),
                piece("member;range=0-1499", 0..1500),
            ];
            Some(vec![Say::Entry(GROUP.to_owned(), attributes), Say::done()])
        }
        Asked::Search(search) if search.attributes.iter().any(|name| name.contains(";range=")) => Some(rest(search)),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn an_attribute_that_comes_in_pieces_is_put_together() {
    let ldap = with_large_group(|search| {
        assert_eq!(search.base, "<GUID=20656874-616c-6772-6520-67726f75702e>");
        let values = match search.attributes[0].as_str() {
            // Each with the last value of the one before.
            "member;range=1499-*" => piece("member;range=1499-2998", 1499..2999),
            "member;range=2998-*" => piece("member;range=2998-*", 2998..4000),
            other => panic!("no such piece: {other}"),
        };
        vec![Say::Entry(GROUP.to_owned(), vec![values]), Say::done()]
    })
    .await;
    let snapshot = read(&ldap).await.unwrap();
    let group = snapshot.group_by_dn(&Dn::parse(GROUP).unwrap()).unwrap();
    let members = snapshot.members(group.index(), true);
    assert_eq!((members.users.len(), members.unresolved), (4000, 0));
}

#[tokio::test]
async fn a_piece_that_is_missing_or_does_not_fit_is_an_error_and_never_a_short_list() {
    let pieces: [fn() -> Vec<Say>; 6] = [
        // The group is gone.
        || vec![Say::done_with(32, "")],
        // Its members are gone.
        || vec![Say::Entry(GROUP.to_owned(), vec![]), Say::done()],
        // A gap.
        || {
            vec![
                Say::Entry(GROUP.to_owned(), vec![piece("member;range=1600-*", 1600..1700)]),
                Say::done(),
            ]
        },
        // Fewer values than it says.
        || {
            vec![
                Say::Entry(GROUP.to_owned(), vec![piece("member;range=1499-2998", 1499..1600)]),
                Say::done(),
            ]
        },
        // No end.
        || {
            vec![
                Say::Entry(GROUP.to_owned(), vec![piece("member;range=1499-1498", 0..0)]),
                Say::done(),
            ]
        },
        // Nothing new, and no end either.
        || {
            vec![
                Say::Entry(GROUP.to_owned(), vec![piece("member;range=1499-1499", 1499..1500)]),
                Say::done(),
            ]
        },
    ];
    for answer in pieces {
        let ldap = with_large_group(move |_| answer()).await;
        let error = read(&ldap).await.unwrap_err();
        assert_eq!(
            (error.reason(), error.heals_itself()),
            ("ReadIncomplete", true),
            "{error}"
        );
    }
}

/// The piece that was asked for, of these members.
fn asked_piece(search: &Search, members: &[usize]) -> Vec<Say> {
    let from: usize = search.attributes[0]
        .strip_prefix("member;range=")
        .and_then(|range| range.strip_suffix("-*"))
        .and_then(|from| from.parse().ok())
        .expect("a piece is asked for from where it begins");
    let to = members.len().min(from + 1500);
    let name = if to == members.len() {
        format!("member;range={from}-*")
    } else {
        format!("member;range={from}-{}", to - 1)
    };
    let values = members[from..to].iter().map(|number| member(*number).into_bytes());
    vec![
        Say::Entry(GROUP.to_owned(), vec![(name, values.collect())]),
        Say::done(),
    ]
}

/// All behind somebody who leaves move up, and one of them into the piece that was read already.
#[tokio::test]
async fn a_group_that_loses_a_member_between_two_pieces_is_read_from_its_beginning() {
    let ldap = with_large_group(|search| {
        let members: Vec<usize> = (0..4000).filter(|number| *number != 7).collect();
        asked_piece(search, &members)
    })
    .await;
    let snapshot = read(&ldap).await.unwrap();
    let group = snapshot.group_by_dn(&Dn::parse(GROUP).unwrap()).unwrap();
    let members = snapshot.members(group.index(), false).users;
    let logins: Vec<_> = members
        .iter()
        .filter_map(|index| snapshot.user(index).login())
        .collect();
    assert_eq!(logins.len(), 3999);
    assert!(logins.contains(&"user1500") && !logins.contains(&"user7"));
}

#[tokio::test]
async fn a_group_that_loses_members_all_the_time_is_an_error_and_never_a_short_list() {
    let gone = AtomicUsize::new(0);
    let ldap = with_large_group(move |search| {
        let members: Vec<usize> = (gone.fetch_add(1, Ordering::SeqCst) + 1..4000).collect();
        asked_piece(search, &members)
    })
    .await;
    let error = read(&ldap).await.unwrap_err();
    assert_eq!(
        (error.reason(), error.heals_itself()),
        ("ReadIncomplete", true),
        "{error}"
    );
}

/// Users are read before groups: with an exclude group, missing there would mean being created.
#[tokio::test]
async fn somebody_who_is_renamed_while_the_directory_is_read_stays_in_their_groups() {
    let ldap = ScriptedLdap::start(|asked| match asked {
        Asked::Search(search) if search.mentions("person") => Some(vec![user(1), user(2), Say::done()]),
        Asked::Search(search) if search.scope == 2 && search.mentions("group") => {
            let asks_for_guids = search
                .controls
                .iter()
                .any(|control| control == "1.2.840.113556.1.4.529");
            assert!(asks_for_guids && search.page.is_some(), "{search:?}");
            let identity = "<GUID=00000001-0000-0000-0000-000000000000>;<SID=S-1-5-21-1-2-3-1104>;";
            let named = |prefix: &str, dn: &str| format!("{prefix}{dn},{NAMING_CONTEXT}");
            let entry = Say::entry(
                &named("<GUID=20656874-616c-6772-6520-67726f75702e>;", "CN=External"),
                [
                    ("objectGUID", vec![b"the large group.".to_vec()]),
                    (
                        "member",
                        vec![
                            named(identity, "CN=Renamed,OU=Elsewhere").into_bytes(),
                            named("", "CN=User 2").into_bytes(),
                        ],
                    ),
                ],
            );
            Some(vec![entry, Say::done()])
        }
        _ => None,
    })
    .await;
    let snapshot = read(&ldap).await.unwrap();
    let group = snapshot
        .group_by_dn(&Dn::parse("CN=External,DC=example,DC=com").unwrap())
        .unwrap();
    let members = snapshot.members(group.index(), false);
    assert_eq!((members.users.len(), members.unresolved), (2, 0));
}

#[tokio::test]
async fn another_database_at_the_end_than_at_the_beginning_is_an_error() {
    let asked_before = AtomicUsize::new(0);
    let ldap = ScriptedLdap::start(move |asked| match asked {
        Asked::Search(search) if search.asks_for("invocationId") => {
            let identity = if asked_before.fetch_add(1, Ordering::SeqCst) == 0 {
                INVOCATION_ID
            } else {
                *b"a restored one.."
            };
            Some(vec![
                Say::entry(&search.base, [("invocationId", vec![identity])]),
                Say::done(),
            ])
        }
        _ => None,
    })
    .await;
    let error = read(&ldap).await.unwrap_err();
    assert_eq!(error.reason(), "ReadIncomplete");
    assert!(error.to_string().contains("another database"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_no_domain_controller_says_so() {
    let ldap = ScriptedLdap::start(|asked| match asked {
        Asked::Search(search) if search.is_root() => Some(vec![
            Say::entry("", [("namingContexts", vec!["dc=example,dc=com"])]),
            Say::done(),
        ]),
        _ => None,
    })
    .await;
    let error = read(&ldap).await.unwrap_err();
    assert_eq!(
        (error.reason(), error.heals_itself()),
        ("NotActiveDirectory", false),
        "{error}"
    );

    let ldap = ScriptedLdap::start(|asked| match asked {
        Asked::Search(search) if search.is_root() => Some(vec![root_dse(), Say::done()]),
        Asked::Search(search) if search.asks_for("invocationId") => Some(vec![Say::done_with(32, "")]),
        _ => None,
    })
    .await;
    assert_eq!(read(&ldap).await.unwrap_err().reason(), "NotActiveDirectory");
}

#[tokio::test]
async fn a_server_that_says_goodbye_is_quoted() {
    // Notice of Disconnection, as RFC 4511 has it and as AD does: with the name outside of the response.
    for name_inside in [true, false] {
        use crate::env::scripted_ldap::{ber, message};
        let name = ber(0x8a, b"1.3.6.1.4.1.1466.20036");
        let result = [ber(0x0a, &[52]), ber(0x04, b""), ber(0x04, b"shutting down")].concat();
        let bytes = if name_inside {
            message(0, &ber(0x78, &[result, name].concat()), &[])
        } else {
            message(0, &ber(0x78, &result), &name)
        };
        let error = refused(vec![user(1), Say::Raw(bytes), Say::Close]).await;
        assert_eq!(
            (error.reason(), error.heals_itself()),
            ("ConnectionLost", true),
            "{error}"
        );
        assert!(error.to_string().contains("shutting down"), "{error}");
    }
}

#[tokio::test]
async fn a_connection_is_used_again_for_what_comes_soon_after() {
    let ldap = with_users(|_| vec![user(1), Say::done()]).await;
    let handle = connect(scripted_settings([ldap.port()]));
    handle.test().await.unwrap();
    handle.read(&request(&[])).await.unwrap();
    handle.read(&request(&[])).await.unwrap();
    handle
        .find(&["00000000-1111-2222-3333-444444444444".parse().unwrap()])
        .await
        .unwrap();
    assert_eq!((ldap.connections(), ldap.binds()), (1, 1));

    // New settings want a new one; the same ones do not.
    let mut settings = scripted_settings([ldap.port()]);
    handle.update(settings.clone());
    handle.read(&request(&[])).await.unwrap();
    assert_eq!(ldap.connections(), 1);
    settings.account = adsync::directory::Account::new("svc@example.com", "another");
    handle.update(settings);
    handle.read(&request(&[])).await.unwrap();
    assert_eq!((ldap.connections(), ldap.binds()), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_never_more_than_two_connections() {
    // What the server counts must not depend on whether it hears a farewell before the next greeting. So nothing ends at first:
    // of six that ask at once, two are let in, and while these wait for their answers nobody else is.
    let answers = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let gate = std::sync::Arc::clone(&answers);
    let ldap = ScriptedLdap::start(move |asked| match asked {
        Asked::Search(search) if search.mentions("person") => {
            Some(vec![user(1), Say::Until(std::sync::Arc::clone(&gate)), Say::done()])
        }
        _ => None,
    })
    .await;
    let handle = connect(scripted_settings([ldap.port()]));
    let reads = (0..6).map(|_| {
        let handle = handle.clone();
        tokio::spawn(async move { handle.test().await.unwrap() })
    });
    let reads = reads.collect::<Vec<_>>();
    let waiting = || {
        ldap.searches()
            .iter()
            .filter(|search| search.mentions("person"))
            .count()
    };
    while waiting() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((ldap.connections(), ldap.binds()), (2, 2));
    answers.add_permits(6);
    for read in reads {
        assert_eq!(read.await.unwrap().visible_users, 1);
    }
    assert_eq!(ldap.binds(), 6);
}
