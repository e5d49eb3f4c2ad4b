//! A read that is cut short, at any page and in any way, is an error with its reason: never a short snapshot, which would look
//! as if everybody behind the cut had left (promise 2).

use adsync::directory::{DirectoryError, Snapshot};

use super::{connect, request, scripted_settings};
use crate::env::ScriptedLdap;
use crate::env::scripted_ldap::{Asked, NAMING_CONTEXT, Say, Search, user};

/// Of users, and of groups.
const PAGES: u8 = 10;
const USERS_OF_A_PAGE: u16 = 3;
/// What the searches of a read have in their filters; the third is that for units.
const SEARCHES: [&str; 3] = ["person", "group", "organizationalUnit"];

/// A way to cut a page, and the reason that people read then.
type Way = (&'static str, fn() -> Say, &'static str);

const WAYS: [Way; 12] = [
    ("a reset", || Say::Reset, "ConnectionLost"),
    ("code 1", || Say::done_with(1, ""), "OperationsError"),
    ("code 3", || Say::done_with(3, ""), "TimeLimitExceeded"),
    ("code 4", || Say::done_with(4, ""), "SizeLimitExceeded"),
    ("code 10", || Say::done_with(10, ""), "BaseDNNotFound"),
    ("code 11", || Say::done_with(11, ""), "AdminLimitExceeded"),
    ("code 32", || Say::done_with(32, ""), "BaseDNNotFound"),
    ("code 50", || Say::done_with(50, ""), "InsufficientAccess"),
    ("code 51", || Say::done_with(51, ""), "Busy"),
    ("code 52", || Say::done_with(52, ""), "Unavailable"),
    ("code 53", || Say::done_with(53, ""), "UnwillingToPerform"),
    ("code 80", || Say::done_with(80, ""), "DirectoryFailed"),
];

/// What a page ends with, when it ends in another way than by naming the next one.
type Ending = dyn Fn() -> Vec<Say> + Send + Sync;

/// A domain of ten pages for each search, one of them ending otherwise.
async fn domain(cut: &'static str, page: u8, ending: Box<Ending>) -> ScriptedLdap {
    ScriptedLdap::start(move |asked| match asked {
        Asked::Search(search) if search.scope == 2 => {
            // The filter for units speaks of no group, that for groups of no unit.
            let what = SEARCHES.into_iter().find(|what| search.mentions(what))?;
            let number = page_of(search);
            let mut says = entries(what, number);
            if what == cut && number == page {
                says.extend(ending());
            } else if number + 1 < PAGES {
                says.push(Say::more(&[number + 1]));
            } else {
                says.push(Say::done());
            }
            Some(says)
        }
        _ => None,
    })
    .await
}

fn page_of(search: &Search) -> u8 {
    let cookie = &search.page.as_ref().expect("every search of a read is paged").1;
    cookie.first().copied().unwrap_or_default()
}

fn entries(what: &str, page: u8) -> Vec<Say> {
    let first = u16::from(page) * USERS_OF_A_PAGE;
    match what {
        "person" => (first..first + USERS_OF_A_PAGE).map(user).collect(),
        "group" => vec![Say::entry(
            &format!("CN=Group {page},{NAMING_CONTEXT}"),
            [
                ("objectGUID", vec![[b'g', page].repeat(8)]),
                ("member", vec![format!("CN=User {first},{NAMING_CONTEXT}").into_bytes()]),
            ],
        )],
        _ => vec![Say::entry(
            &format!("OU=Unit {page},{NAMING_CONTEXT}"),
            [("objectGUID", vec![[b'u', page].repeat(8)])],
        )],
    }
}

async fn read(ldap: &ScriptedLdap) -> Result<Snapshot, DirectoryError> {
    connect(scripted_settings([ldap.port()])).read(&request(&[])).await
}

async fn is_refused(what: &'static str, page: u8, (way, say, reason): Way) {
    let ldap = domain(what, page, Box::new(move || vec![say()])).await;
    let error = read(&ldap).await.expect_err("a short snapshot");
    assert_eq!(error.reason(), reason, "{way} on page {page} of {what}: {error}");
    let pages = ldap
        .searches()
        .iter()
        .filter(|search| search.scope == 2 && search.mentions(what))
        .count();
    assert_eq!(
        pages,
        usize::from(page) + 1,
        "{way} on page {page} of {what}: nothing is asked behind a cut"
    );
}

#[tokio::test]
async fn ten_pages_that_all_come_are_a_snapshot() {
    let ldap = domain("", 0, Box::new(Vec::new)).await;
    let snapshot = read(&ldap).await.unwrap();
    assert_eq!(snapshot.user_count(), usize::from(PAGES) * usize::from(USERS_OF_A_PAGE));
    for page in 0..PAGES {
        let group = format!("CN=Group {page},{NAMING_CONTEXT}").parse().unwrap();
        let group = snapshot.group_by_dn(&group).unwrap();
        assert_eq!(snapshot.members(group.index(), true).users.len(), 1);
        let unit = format!("OU=Unit {page},{NAMING_CONTEXT}").parse().unwrap();
        assert!(snapshot.unit_by_dn(&unit).is_some());
    }
}

#[tokio::test]
async fn each_page_cut_in_each_way_is_an_error_with_its_reason() {
    for what in SEARCHES {
        for page in 0..PAGES {
            for way in WAYS {
                is_refused(what, page, way).await;
            }
        }
    }
}

/// A code other than 0 is the end, whatever else the answer says.
#[tokio::test]
async fn a_cut_page_that_names_the_next_one_is_an_error_as_well() {
    for (code, reason) in [(4, "SizeLimitExceeded"), (53, "UnwillingToPerform")] {
        for cookie in [None, Some(vec![6])] {
            let done = Say::Done {
                code,
                matched: String::new(),
                text: String::new(),
                cookie,
            };
            let ldap = domain("person", 5, Box::new(move || vec![done.clone()])).await;
            assert_eq!(read(&ldap).await.unwrap_err().reason(), reason);
        }
    }
}

/// What the first one said before it failed counts for nothing.
#[tokio::test]
async fn what_one_server_began_another_one_does_from_the_beginning() {
    for what in SEARCHES {
        let cut = domain(what, 7, Box::new(|| vec![Say::Reset])).await;
        let whole = domain("", 0, Box::new(Vec::new)).await;
        let snapshot = connect(scripted_settings([cut.port(), whole.port()]))
            .read(&request(&[]))
            .await
            .unwrap();
        assert_eq!(snapshot.user_count(), usize::from(PAGES) * usize::from(USERS_OF_A_PAGE));
        assert_eq!(snapshot.origin().server, format!("127.0.0.1:{}", whole.port()));
        let of_searches = whole.searches().iter().filter(|search| search.scope == 2).count();
        assert_eq!(of_searches, SEARCHES.len() * usize::from(PAGES));
    }
}

/// A server that was restarted may take a cookie for that of another page. Nobody counts twice then.
#[tokio::test]
async fn a_page_that_comes_twice_is_there_once() {
    let ldap = ScriptedLdap::start(|asked| match asked {
        Asked::Search(search) if search.mentions("person") => {
            let mut says = entries("person", page_of(search) % 2);
            says.push(match page_of(search) {
                3 => Say::done(),
                page => Say::more(&[page + 1]),
            });
            Some(says)
        }
        _ => None,
    })
    .await;
    assert_eq!(
        read(&ldap).await.unwrap().user_count(),
        2 * usize::from(USERS_OF_A_PAGE)
    );
}
