//! Complete reads of the real directory, and what a snapshot then knows.

use std::collections::BTreeSet;

use adsync::directory::{AttributeName, Dn, Guid, Sighting, Snapshot, User};

use super::{connect, request, settings};
use crate::env::{self, Entry, Model, Options, PersonSpec};

fn attribute(name: &str) -> AttributeName {
    AttributeName::parse(name).unwrap()
}

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

fn logins<'a>(people: impl Iterator<Item = User<'a>>) -> BTreeSet<String> {
    people.map(|user| user.login().unwrap().to_owned()).collect()
}

fn members(snapshot: &Snapshot, group: &str, nested: bool) -> BTreeSet<String> {
    let group = snapshot.group_by_dn(&dn(group)).unwrap();
    let members = snapshot.members(group.index(), nested);
    logins(members.users.iter().map(|index| snapshot.user(index)))
}

fn guid(entry: &Entry) -> Guid {
    Guid::from_ldap_bytes(&entry.bytes("objectGUID")[0]).unwrap()
}

#[tokio::test]
async fn a_read_brings_everybody_below_the_base_with_what_was_asked_for() {
    let directory = env::directory().await;
    let ou = directory.ou("read").await;
    ou.people([
        PersonSpec::named("Jürgen Müller").with("telephoneNumber", "+49 30 555-1"),
        PersonSpec::named("O'Brien, \"Pat\" #1").without("mail"),
        PersonSpec::named("Иван Петров").disabled(),
    ])
    .await;
    let mut settings = settings(directory);
    settings.base_dn = Some(dn(ou.dn()));
    let snapshot = connect(settings)
        .read(&request(&["displayName", "mail", "telephoneNumber"]))
        .await
        .unwrap();

    let expected = directory
        .search(
            ou.dn(),
            "(objectClass=user)",
            &["objectGUID", "displayName", "mail", "sAMAccountName"],
        )
        .await;
    assert_eq!((snapshot.user_count(), expected.len()), (3, 3));
    for entry in &expected {
        let user = snapshot.user_by_guid(guid(entry)).unwrap();
        assert_eq!(user.login(), entry.value("sAMAccountName"));
        assert_eq!(user.text(&attribute("displayName")), entry.value("displayName"));
        assert_eq!(user.text(&attribute("mail")), entry.value("mail"));
        assert_eq!(dn(&user.dn()), dn(&entry.dn));
        assert_eq!(
            user.is_inactive(jiff::Timestamp::now()),
            Some(entry.value("displayName") == Some("Иван Петров"))
        );
    }
    assert!(snapshot.has(&attribute("telephoneNumber")) && !snapshot.has(&attribute("title")));
    let origin = snapshot.origin();
    assert_eq!(origin.server, format!("localhost:{}", directory.ldaps_port()));
    assert_eq!(
        (origin.naming_context.as_str(), origin.base_dn.as_str()),
        (env::Directory::BASE_DN, ou.dn())
    );
    assert!(origin.highest_usn > 0);
}

#[tokio::test]
async fn a_read_pages_through_1600_people_and_leaves_out_contacts_and_computers() {
    let directory = env::directory().await;
    let snapshot = connect(settings(directory)).read(&request(&[])).await.unwrap();
    assert_eq!(snapshot.users_below(&dn("OU=Bulk,DC=example,DC=com")).len(), 1600);
    assert_eq!(
        members(&snapshot, "CN=Bulk Everyone,OU=Bulk,DC=example,DC=com", true).len(),
        1600
    );
    assert!(
        snapshot
            .user_by_dn(&dn("CN=Partner One,OU=External,OU=Staff,DC=example,DC=com"))
            .is_none(),
        "a contact"
    );
    assert!(snapshot.users_with_login("PC-0$").is_empty(), "a computer");
    // A search from the domain's root ends with a referral to the configuration partition.
    assert!(snapshot.referrals() > 0);
}

#[tokio::test]
async fn groups_are_resolved_with_nesting_cycles_and_primary_groups() {
    let directory = env::directory().await;
    let mut settings = settings(directory);
    settings.base_dn = Some(dn("OU=Staff,DC=example,DC=com"));
    let snapshot = connect(settings).read(&request(&[])).await.unwrap();

    let direct = members(&snapshot, "CN=Hotline,OU=Groups,DC=example,DC=com", false);
    let nested = members(&snapshot, "CN=Hotline,OU=Groups,DC=example,DC=com", true);
    assert_eq!((direct.len(), nested.len()), (8, 16));
    assert!(nested.is_superset(&direct));

    let red = members(&snapshot, "CN=Project Red,OU=Groups,DC=example,DC=com", true);
    let blue = members(&snapshot, "CN=Project Blue,OU=Groups,DC=example,DC=com", true);
    assert_eq!((red.len(), &red), (6, &blue), "each contains the other");

    // Twenty have it as their primary group, which `member` does not say; one is an ordinary member.
    let contractors = "CN=Contractors,OU=Groups,DC=example,DC=com";
    assert_eq!(
        directory.entry(contractors, &["member"]).await.values("member").len(),
        1
    );
    assert_eq!(members(&snapshot, contractors, false).len(), 21);

    let partners = snapshot
        .group_by_dn(&dn("CN=Partners,OU=Departments,DC=example,DC=com"))
        .unwrap();
    let partners = snapshot.members(partners.index(), true);
    assert_eq!(
        (partners.users.len(), partners.unresolved),
        (2, 2),
        "the contacts count as unresolved"
    );
}

#[tokio::test]
async fn units_are_read_wherever_they_are() {
    let directory = env::directory().await;
    let mut settings = settings(directory);
    settings.base_dn = Some(dn("OU=Sites,DC=example,DC=com"));
    let snapshot = connect(settings).read(&request(&[])).await.unwrap();
    for unit in [
        "DC=example,DC=com",
        "OU=Sales,OU=Staff,DC=example,DC=com",
        "OU=München,OU=Sites,DC=example,DC=com",
        "CN=Users,DC=example,DC=com",
        "CN=Builtin,DC=example,DC=com",
    ] {
        let found = snapshot.unit_by_dn(&dn(unit)).unwrap_or_else(|| panic!("{unit}"));
        assert!(found.guid().is_some(), "{unit}");
    }
}

#[tokio::test]
async fn entries_are_found_by_objectguid_through_renames_and_moves() {
    let directory = env::directory().await;
    let ou = directory.ou("find").await;
    let names: Vec<String> = (0..60).map(|number| format!("Find {number}")).collect();
    let people = ou.people(names.iter().map(String::as_str)).await;
    let entries = ou
        .search(ou.dn(), "(objectClass=user)", &["objectGUID", "sAMAccountName"])
        .await;
    let archive = ou.unit("Archive").await;
    let renamed = ou.rename(&people[7].dn, "Gefunden, Äußerst").await;
    let moved = ou.move_below(&renamed, archive.dn()).await;
    ou.delete(&people[8].dn).await;

    let guid_of = |login: &str| {
        guid(
            entries
                .iter()
                .find(|entry| entry.value("sAMAccountName") == Some(login))
                .unwrap(),
        )
    };
    let absent: Guid = "00000000-1111-2222-3333-444444444444".parse().unwrap();
    let mut guids: Vec<Guid> = people.iter().map(|person| guid_of(&person.login)).collect();
    guids.push(absent);
    // Below another base: whoever left it must be found.
    let mut settings = settings(directory);
    settings.base_dn = Some(dn("OU=Sites,DC=example,DC=com"));
    let found = connect(settings).find(&guids).await.unwrap();

    assert_eq!(found.len(), 61);
    let dn_of = |guid: &Guid| match &found[guid] {
        Sighting::Alive(alive) => Some(alive.dn.clone()),
        _ => None,
    };
    assert_eq!(dn_of(&absent), None);
    assert_eq!(dn_of(&guid_of(&people[8].login)), None, "deleted");
    assert_eq!(dn_of(&guid_of(&people[7].login)), Some(dn(&moved)));
    assert_eq!(dn_of(&guid_of(&people[6].login)), Some(dn(&people[6].dn)));
    assert_eq!(guids.iter().filter_map(dn_of).count(), 59);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_beside_each_other_all_come_complete() {
    let directory = env::directory().await;
    let mut settings = settings(directory);
    settings.base_dn = Some(dn("OU=Bulk,DC=example,DC=com"));
    let handle = connect(settings);
    let one = request(&["mail"]);
    let (first, second, third, fourth) =
        tokio::join!(handle.read(&one), handle.read(&one), handle.test(), handle.find(&[]));
    assert_eq!(
        (first.unwrap().user_count(), second.unwrap().user_count()),
        (1600, 1600)
    );
    assert_eq!(third.unwrap().visible_users, 1600);
    assert!(fourth.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_controller_that_dies_in_the_middle_of_a_read_is_an_error_and_never_a_short_result() {
    let directory = env::Directory::own(Options {
        model: Model::Standard,
        ..Options::default()
    })
    .await;
    let handle = connect(settings(&directory));
    let whole = handle.read(&request(&["mail"])).await.unwrap().user_count();
    let mut failed = 0;
    for millis in [5, 20, 60, 120, 200] {
        let reading = tokio::spawn({
            let handle = handle.clone();
            async move { handle.read(&request(&["mail"])).await }
        });
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
        directory.kill().await;
        match reading.await.unwrap() {
            Ok(snapshot) => assert_eq!(snapshot.user_count(), whole),
            Err(error) => {
                failed += 1;
                assert!(error.heals_itself(), "{error}");
            }
        }
        directory.start_again().await;
    }
    assert!(failed > 0, "at least the first kill comes in the middle");
    assert_eq!(handle.read(&request(&["mail"])).await.unwrap().user_count(), whole);
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_nothing_half_read_behind() {
    let mut settings = settings(env::directory().await);
    settings.base_dn = Some(dn("OU=Bulk,DC=example,DC=com"));
    let handle = connect(settings);
    // Whoever gives up in the middle of a first bind leaves a password that must rest.
    handle.test().await.unwrap();
    for millis in [1, 30, 100, 300] {
        let wanted = request(&["mail"]);
        let late = tokio::time::timeout(std::time::Duration::from_millis(millis), handle.read(&wanted)).await;
        assert!(late.is_err() || late.unwrap().unwrap().user_count() == 1600);
    }
    assert_eq!(handle.read(&request(&["mail"])).await.unwrap().user_count(), 1600);
}
