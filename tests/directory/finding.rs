//! Asking the real directory for accounts that are missing: what shows that they are gone, and what that they are hidden.

use std::collections::{BTreeMap, BTreeSet};

use adsync::directory::{Account, Alive, ConnectionSettings, Dn, Guid, Path, Replica, Sighting, User};

use super::{connect, request, scripted_settings, settings};
use crate::env::scripted_ldap::{Asked, Say};
use crate::env::{self, Denied, Options, ScriptedLdap, TestOu};

const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";

fn as_administrator(directory: &env::Directory) -> ConnectionSettings {
    ConnectionSettings {
        account: Account::new(env::Directory::ADMIN_UPN, env::Directory::ADMIN_PASSWORD),
        ..settings(directory)
    }
}

async fn guid(directory: &env::Directory, dn: &str) -> Guid {
    let entry = directory.entry(dn, &["objectGUID"]).await;
    Guid::from_ldap_bytes(&entry.bytes("objectGUID")[0]).unwrap()
}

fn alive(dn: &str, groups: impl IntoIterator<Item = Guid>) -> Sighting {
    Sighting::Alive(Box::new(Alive {
        dn: Dn::parse(dn).unwrap(),
        groups: groups.into_iter().collect(),
    }))
}

/// The logins that a read of the OU brings.
async fn read(directory: &env::Directory, ou: &TestOu<'_>) -> BTreeSet<String> {
    let mut settings = settings(directory);
    settings.base_dn = Some(Dn::parse(ou.dn()).unwrap());
    let snapshot = connect(settings).read(&request(&[])).await.unwrap();
    snapshot.users().filter_map(User::login).map(str::to_owned).collect()
}

#[tokio::test]
async fn who_may_see_tombstones_finds_them_and_others_are_told_nothing() {
    let directory = env::directory().await;
    let ou = directory.ou("tombstones").await;
    let people = ou.people(["Gone One", "Gone Two", "Here Still"]).await;
    let mut guids = Vec::new();
    for person in &people {
        guids.push(guid(directory, &person.dn).await);
    }
    let never: Guid = "00000000-1111-2222-3333-444444444444".parse().unwrap();
    guids.push(never);
    for person in &people[..2] {
        ou.delete(&person.dn).await;
    }
    let here = alive(&people[2].dn, []);
    let unseen = |sees_tombstones| Sighting::Unseen { sees_tombstones };

    let by_administrator = connect(as_administrator(directory)).find(&guids).await.unwrap();
    let sightings = |said: [Sighting; 4]| guids.iter().copied().zip(said).collect::<BTreeMap<_, _>>();
    let deleted = || Sighting::Deleted;
    assert_eq!(
        by_administrator,
        sightings([deleted(), deleted(), here.clone(), unseen(true)])
    );
    let by_service = connect(settings(directory)).find(&guids).await.unwrap();
    assert_eq!(
        by_service,
        sightings([unseen(false), unseen(false), here, unseen(false)])
    );
}

#[tokio::test]
async fn an_account_that_may_not_be_read_exists_and_says_nothing_but_its_name() {
    let directory = env::directory().await;
    let ou = directory.ou("hidden").await;
    let closed = ou.unit("Closed").await;
    let people = ou.people(["Seen Person", "Hidden Person"]).await;
    let inside = closed.person("Inside Person").await;
    let group = ou.group("Hidden Ones", &[&people[1].dn]).await;
    let mut guids = Vec::new();
    for dn in [&people[0].dn, &people[1].dn, &inside.dn] {
        guids.push(guid(directory, dn).await);
    }
    assert_eq!(read(directory, &ou).await.len(), 3);
    directory.deny(Denied::Everything, &[&people[1].dn]).await;
    directory.deny(Denied::Contents, &[closed.dn()]).await;

    assert_eq!(read(directory, &ou).await, BTreeSet::from([people[0].login.clone()]));
    let found = connect(settings(directory)).find(&guids).await.unwrap();
    let group_guid = guid(directory, &group).await;
    assert_eq!(
        found[&guids[1]],
        alive(&people[1].dn, []),
        "no group, though it is in one"
    );
    let unseen = Sighting::Unseen { sees_tombstones: false };
    assert_eq!(
        found[&guids[2]], unseen,
        "what a hidden OU holds isn't even known to exist"
    );
    let by_administrator = connect(as_administrator(directory)).find(&guids).await.unwrap();
    assert_eq!(by_administrator[&guids[1]], alive(&people[1].dn, [group_guid]));

    // The group still lists who is hidden.
    let snapshot = connect(settings(directory)).read(&request(&[])).await.unwrap();
    assert!(snapshot.is_listed(guids[1]) && !snapshot.is_listed(guids[2]));
}

#[tokio::test]
async fn an_answer_without_anybody_is_complete_and_says_of_nobody_that_they_are_deleted() {
    let directory = env::directory().await;
    let ou = directory.ou("emptied").await;
    let unit = ou.unit("Unit").await;
    let mut guids = Vec::new();
    for person in unit.people(["First Person", "Second Person"]).await {
        guids.push(guid(directory, &person.dn).await);
    }
    let settings = ConnectionSettings {
        base_dn: Some(Dn::parse(ou.dn()).unwrap()),
        ..settings(directory)
    };
    let handle = connect(settings);
    let counts = async || {
        let snapshot = handle.read(&request(&[])).await.unwrap();
        let unit_dn = Dn::parse(unit.dn()).unwrap();
        (snapshot.user_count(), snapshot.users_below(&unit_dn).len())
    };
    assert_eq!(counts().await, (2, 2));
    let unseen = Sighting::Unseen { sees_tombstones: false };
    // The unit stays visible, or is hidden with its people.
    for hidden in [&[unit.dn()][..], &[unit.dn(), ou.dn()]] {
        directory.deny(Denied::Contents, hidden).await;
        assert_eq!(counts().await, (0, 0));
        let found = handle.find(&guids).await.unwrap();
        assert!(found.values().all(|sighting| *sighting == unseen), "{found:?}");
        directory.allow(env::Directory::BIND_DN, Denied::Contents, hidden).await;
        assert_eq!(counts().await, (2, 2), "they were there all the time");
    }
}

#[tokio::test]
async fn a_nested_group_that_hides_its_members_is_contradicted_by_theirs() {
    let directory = env::directory().await;
    let ou = directory.ou("nested").await;
    let person = ou.person("Nested Person").await;
    let inner = ou.group("Inner", &[&person.dn]).await;
    let outer = ou.group("Outer", &[&inner]).await;
    let other = ou.group("Other", &[]).await;
    let account = guid(directory, &person.dn).await;
    directory.deny(Denied::Members, &[&inner]).await;

    let handle = connect(settings(directory));
    let snapshot = handle.read(&request(&[])).await.unwrap();
    let group = |dn: &str| snapshot.group_by_dn(&Dn::parse(dn).unwrap()).unwrap().index();
    assert_eq!(
        snapshot.members(group(&outer), true).users.len(),
        0,
        "they seem to have left"
    );
    assert!(snapshot.is_silent(group(&outer), true) && !snapshot.is_silent(group(&outer), false));
    let found = handle.find(&[account]).await.unwrap();
    let Sighting::Alive(alive) = &found[&account] else {
        panic!("{found:?}")
    };
    assert_eq!(alive.groups, [guid(directory, &inner).await]);
    assert_eq!(snapshot.path(&alive.groups, group(&outer), true), Path::Leads);
    assert_eq!(snapshot.path(&alive.groups, group(&other), true), Path::Elsewhere);

    // The outer one's members hidden with it: the inner one says what it is in.
    directory.deny(Denied::Members, &[&outer]).await;
    let snapshot = handle.read(&request(&[])).await.unwrap();
    let outer = snapshot.group_by_dn(&Dn::parse(&outer).unwrap()).unwrap().index();
    assert_eq!(snapshot.path(&alive.groups, outer, true), Path::Leads);
}

#[tokio::test]
async fn an_account_that_was_moved_out_of_the_base_says_where_it_is() {
    let directory = env::directory().await;
    let ou = directory.ou("moved").await;
    let (inside, outside) = (ou.unit("Inside").await, ou.unit("Outside").await);
    let person = inside.person("Moving Person").await;
    let account = guid(directory, &person.dn).await;
    let moved = ou.move_below(&person.dn, outside.dn()).await;
    let mut settings = settings(directory);
    settings.base_dn = Some(Dn::parse(inside.dn()).unwrap());
    let handle = connect(settings);
    assert_eq!(handle.read(&request(&[])).await.unwrap().user_count(), 0);
    assert_eq!(handle.find(&[account]).await.unwrap()[&account], alive(&moved, []));
}

#[tokio::test]
async fn fifty_accounts_are_asked_for_in_one_search_and_only_the_silent_ones_again() {
    let guid_of = |number: u8| {
        let mut bytes = [0; 16];
        bytes[0] = number;
        Guid::from_ldap_bytes(&bytes).unwrap()
    };
    let guids: Vec<Guid> = (1..=51).map(guid_of).collect();
    for silent in [0, 2] {
        let answering: Vec<Guid> = guids.iter().copied().skip(silent).collect();
        let ldap = ScriptedLdap::start(move |asked| match asked {
            Asked::Search(search) if search.asks_for("memberOf") => {
                let asked_for = |guid: &&Guid| {
                    let bytes = guid.to_ldap_bytes();
                    search.filter.windows(16).any(|window| window == bytes)
                };
                let found = answering.iter().filter(asked_for).enumerate().map(|(number, guid)| {
                    let dn = format!("CN=User {number},DC=example,DC=com");
                    Say::entry(&dn, [("objectGUID", vec![guid.to_ldap_bytes()])])
                });
                Some(found.chain([Say::done()]).collect())
            }
            _ => None,
        })
        .await;
        let handle = connect(scripted_settings([ldap.port()]));
        for (count, expected) in [(50, 1), (51, 2)] {
            let before = ldap.searches().len();
            let found = handle.find(&guids[..count]).await.unwrap();
            assert_eq!(found.len(), count);
            let missing = found
                .values()
                .filter(|sighting| matches!(sighting, Sighting::Unseen { .. }));
            assert_eq!(missing.count(), silent);
            let asked = ldap.searches().split_off(before);
            let searches: Vec<_> = asked.iter().filter(|search| search.asks_for("memberOf")).collect();
            assert_eq!(searches.len(), expected);
            assert!(
                searches
                    .iter()
                    .all(|search| search.controls.iter().any(|control| control == SHOW_DELETED))
            );
            // What the server is, in two questions; of the silent ones, each itself, and once whether tombstones are shown.
            let more = if silent == 0 { 0 } else { silent + 1 };
            assert_eq!(asked.len(), 2 + expected + more, "{asked:#?}");
        }
    }
}

#[tokio::test]
async fn what_a_domain_controller_has_of_others_is_read_by_a_plain_account() {
    let directory = env::Directory::own(Options::default()).await;
    let handle = connect(settings(&directory));
    assert_eq!(handle.read(&request(&[])).await.unwrap().origin().replicas, []);
    let other: Guid = "01020304-0506-0708-090a-0b0c0d0e0f10".parse().unwrap();
    // Version 2, one cursor.
    let mut vector: Vec<u8> = [2_u32, 0, 1, 0].into_iter().flat_map(u32::to_le_bytes).collect();
    vector.extend(other.to_ldap_bytes());
    vector.extend(4711_u64.to_le_bytes());
    vector.extend(134_080_128_000_000_000_u64.to_le_bytes());
    directory
        .set_within(env::Directory::BASE_DN, "replUpToDateVector", &vector)
        .await;
    let replica = Replica {
        invocation_id: other,
        highest_usn: 4711,
        synced_at: Some("2025-11-19T08:00:00Z".parse().unwrap()),
    };
    assert_eq!(handle.read(&request(&[])).await.unwrap().origin().replicas, [replica]);
}
