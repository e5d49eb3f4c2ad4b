//! The whole company, against what `ldapsearch` says of it.

use std::collections::{BTreeMap, BTreeSet};

use adsync::api::{Extension, SyncScope, extension::HolderKind, sync_scope::ProblemReason};
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::scene::{Scene, counts, everyone, problems, with};
use crate::{
    env::Directory,
    scenario::{await_synced, message},
};

const DEAD: &str = "(|(userAccountControl:1.2.840.113556.1.4.803:=2)(accountExpires=132223104000000000))";
const PERSON: &str = "(objectCategory=person)(objectClass=user)";

/// The logins that `ldapsearch` finds.
async fn logins(scene: &Scene, base: &str, filter: &str) -> BTreeSet<String> {
    let found = scene.ou.search(base, filter, &["sAMAccountName"]).await;
    found
        .iter()
        .map(|entry| entry.value("sAMAccountName").unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_quickstart_example_serves_the_company() {
    let scene = Scene::reading("company", Directory::BASE_DN).await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart");
    // All of it but how to reach the directory: this one is on another port.
    for file in ["phone-system.yaml", "sync-scope.yaml"] {
        let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
        scene.namespace.apply(&text).await;
    }
    scene.operator().await;
    let scope = await_synced(&scene.namespace, "staff").await;

    let staff = format!("OU=Staff,{}", Directory::BASE_DN);
    let found = logins(&scene, &staff, &format!("(&{PERSON})")).await;
    let external = logins(&scene, &format!("OU=External,{staff}"), &format!("(&{PERSON})")).await;
    let dead = logins(&scene, &staff, &format!("(&{PERSON}{DEAD})")).await;
    let served: BTreeSet<_> = &(&found - &external) - &dead;
    let count = |set: &BTreeSet<String>| i64::try_from(set.len()).unwrap();
    let inactive = count(&(&dead - &external));
    assert_eq!(
        counts(&scope),
        [
            count(&found),
            count(&external),
            inactive,
            count(&served),
            count(&served),
            0
        ]
    );
    assert_eq!(message(&scope, "Matched"), "265 matched, 0 unmatched");
    assert_eq!(scene.users().await.into_keys().collect::<BTreeSet<_>>(), served);

    let numbers = scene.numbers().await;
    let given: BTreeSet<_> = numbers.values().cloned().collect();
    let expected: BTreeSet<_> = (2000..2265).map(|number: i32| number.to_string()).collect();
    assert_eq!(given, expected, "lowest first, without gaps, each once");
    let extensions = scene
        .namespace
        .api::<Extension>()
        .list(&ListParams::default())
        .await
        .unwrap();
    let held_by = |kind| {
        let holders = extensions.iter().filter_map(|extension| extension.spec.holder.as_ref());
        holders.filter(|holder| holder.kind == kind).count()
    };
    assert_eq!(
        (held_by(HolderKind::PhoneUser), held_by(HolderKind::RingGroup)),
        (265, 11)
    );
    check_ring_groups(&scene, &numbers).await;
    check_what_it_tells(&scene, &scope).await;
    scene.finish().await;
}

async fn check_ring_groups(scene: &Scene, numbers: &BTreeMap<String, String>) {
    let groups = scene.ring_groups().await;
    assert_eq!(groups.len(), 11);
    for (name, ring_group) in groups {
        // None of them has groups in it.
        let direct = format!("(&{PERSON}(memberOf=CN={name},OU=Departments,{}))", Directory::BASE_DN);
        let members = logins(scene, Directory::BASE_DN, &direct).await;
        let expected: BTreeSet<_> = members.iter().filter_map(|login| numbers.get(login)).cloned().collect();
        let ringing = ring_group.spec.members.unwrap();
        assert_eq!(ringing, expected.into_iter().collect::<Vec<_>>(), "{name}");
        assert!(!ringing.is_empty(), "{name}");
    }
}

async fn check_what_it_tells(scene: &Scene, scope: &SyncScope) {
    let status = scope.status.as_ref().unwrap();
    assert!(
        problems(scope).contains(&("tim.berger", ProblemReason::DuplicateMatch)),
        "he shares a mail address with Ina"
    );
    let created: i64 = status.history.iter().map(|record| record.created).sum();
    assert_eq!(created, 265 + 265 + 11 + 11);
    let events = scene
        .namespace
        .api::<Event>()
        .list(&ListParams::default())
        .await
        .unwrap();
    let told = events
        .iter()
        .filter(|event| event.reason.as_deref() == Some("Created"))
        .count();
    assert!(told <= 10, "at most ten a sync, then one summary: {told}");
}

#[tokio::test]
async fn every_selection_finds_whom_ldapsearch_finds() {
    let scene = Scene::reading("company", Directory::BASE_DN).await;
    let staff = &format!("OU=Staff,{}", Directory::BASE_DN);
    let group = |name: &str| format!("CN={name},OU=Groups,{}", Directory::BASE_DN);
    let in_chain = |name: &str| format!("(memberOf:1.2.840.113556.1.4.1941:={})", group(name));
    let direct = |name: &str| format!("(memberOf={})", group(name));
    let bulk = &format!("OU=Bulk,{}", Directory::BASE_DN);
    // Everybody in these groups is of Staff; below the whole domain, the rule in chain would take the server seconds.
    let selections: Vec<(Value, &str, String)> = vec![
        (json!({"organizationalUnits": [{"dn": staff}]}), staff, String::new()),
        (
            json!({"organizationalUnits": [{"dn": staff}], "filter": "(!(employeeType=staff))"}),
            staff,
            "(!(employeeType=staff))".to_owned(),
        ),
        (
            json!({"groups": [{"dn": group("Phone Users")}]}),
            staff,
            in_chain("Phone Users"),
        ),
        (
            json!({"groups": [{"dn": group("Phone Users"), "nested": false}]}),
            staff,
            direct("Phone Users"),
        ),
        (
            json!({"groups": [{"dn": group("Hotline")}]}),
            staff,
            in_chain("Hotline"),
        ),
        (
            json!({"groups": [{"dn": group("Project Red")}]}),
            staff,
            in_chain("Project Red"),
        ),
        (json!({"groups": [{"dn": group("Nobody")}]}), staff, direct("Nobody")),
        (
            json!({"groups": [{"dn": group("Contractors")}]}),
            staff,
            format!("(|{}(!(primaryGroupID=513)))", direct("Contractors")),
        ),
        (
            json!({"organizationalUnits": [{"dn": format!("OU=Sales,{staff}")}], "groups": [{"dn": group("Hotline")}],
                "filter": "(&(mail=*)(|(l=*)(physicalDeliveryOfficeName=*))(!(sn=müller)))"}),
            staff,
            format!(
                "(|{}(memberOf=CN=Sales,OU=Departments,{}))(mail=*)(!(sn=müller))",
                in_chain("Hotline"),
                Directory::BASE_DN
            ),
        ),
        (
            json!({"groups": [{"dn": format!("CN=Bulk Everyone,{bulk}")}]}),
            bulk,
            format!("(memberOf=CN=Bulk Everyone,{bulk})"),
        ),
    ];
    let dead = logins(&scene, staff, &format!("(&{PERSON}{DEAD})")).await;
    // All at once, so that few reads serve them. Plan counts everybody as they would be served, and takes nobody from others.
    for (index, (users, ..)) in selections.iter().enumerate() {
        let planned = json!({"users": users, "mode": "Plan"});
        scene.apply_scope(&format!("selection-{index}"), planned).await;
    }
    for (index, (users, base, filter)) in selections.into_iter().enumerate() {
        let scope = await_synced(&scene.namespace, &format!("selection-{index}")).await;
        let found = logins(&scene, base, &format!("(&{PERSON}{filter})")).await;
        let [found, dead] = [found.len(), (&found & &dead).len()].map(|count| i64::try_from(count).unwrap());
        let [all, excluded, inactive, in_scope, matched, unmatched] = counts(&scope);
        assert_eq!(
            (all, excluded, inactive, in_scope, matched, unmatched),
            (found, 0, dead, found - dead, found - dead, 0),
            "{users}"
        );
    }
    scene.await_kstatus().await;
}

#[tokio::test]
async fn neither_computers_nor_contacts_are_people() {
    let workstations = format!("OU=Workstations,{}", Directory::BASE_DN);
    let scene = Scene::reading("company", &workstations).await;
    let planned = with(everyone(), json!({"mode": "Plan"}));
    let scope = scene.scope("staff", planned.clone()).await;
    assert_eq!(counts(&scope), [0; 6]);

    let staff = format!("OU=Staff,{}", Directory::BASE_DN);
    let other = Scene::reading("company", &staff).await;
    let scope = other.scope("staff", planned).await;
    assert_eq!(counts(&scope)[0], 300, "two contacts are no users");
    scene.finish().await;
    other.finish().await;
}
