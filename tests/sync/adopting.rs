//! What people made before: taken over with its number, or left alone and told of.

use adsync::{
    api::{
        extension::{Holder, HolderKind},
        phone_user::Origin,
        sync_scope::ProblemReason::{DuplicateMatch, OutOfRange},
    },
    directory::Guid,
};
use kube::ResourceExt;
use serde_json::json;

use super::scene::{Scene, counts, everyone, extension, problem_of, with};
use crate::scenario::phone_users;

#[tokio::test]
async fn with_adopt_never_people_are_provisioned_beside() {
    let scene = Scene::new("match").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.make_user("countess", json!({"email": ada.mail})).await;
    let scope = scene
        .scope(
            "staff",
            with(everyone(), json!({"match": {"by": ["Email"], "adopt": "Never"}})),
        )
        .await;
    assert_eq!(counts(&scope), [1, 0, 0, 1, 1, 0]);
    let user = scene.user(&ada.login).await;
    let link = user.spec.directory.clone().unwrap();
    assert_eq!(user.name_any(), format!("hq-{}", link.object_guid));
    assert_eq!(link.origin, Origin::Provisioned);
    assert_eq!(scene.user("countess").await.spec.directory, None);
    scene.finish().await;
}

#[tokio::test]
async fn an_adopted_users_own_number_is_claimed_before_anybody_is_numbered() {
    let scene = Scene::new("match").await;
    let [ada, zora] = scene.ou.people(["Ada Lovelace", "Zora Last"]).await.try_into().unwrap();
    scene
        .make_user(
            "boss",
            json!({"login": zora.login, "extension": "2000", "displayName": "The boss"}),
        )
        .await;
    scene.scope("staff", everyone()).await;
    assert_eq!(scene.number(&zora.login).await.as_deref(), Some("2000"));
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("2001"));
    let boss = scene.user(&zora.login).await;
    assert_eq!(boss.name_any(), "boss");
    assert_eq!(
        boss.spec.display_name.as_deref(),
        Some("Zora Last"),
        "people's updates are overruled once"
    );
    assert_eq!(boss.spec.directory.unwrap().origin, Origin::Adopted);
    let holder = scene.extension("2000").await.unwrap().spec.holder.unwrap();
    assert_eq!(
        holder,
        Holder {
            kind: HolderKind::PhoneUser,
            name: "boss".to_owned()
        }
    );
    scene.finish().await;
}

#[tokio::test]
async fn a_hand_made_extension_of_an_adopted_user_stays_theirs() {
    let scene = Scene::new("match").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene
        .make_user("countess", json!({"login": ada.login, "extension": "7001"}))
        .await;
    let held = json!({"state": "Assigned", "holder": {"kind": "PhoneUser", "name": "countess"}});
    scene.create(extension("7001", held)).await;
    let scope = scene.scope("staff", everyone()).await;
    assert_eq!(counts(&scope), [1, 0, 0, 1, 1, 0]);
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("7001"));
    let problem = problem_of(&scope, &ada.login);
    assert_eq!(problem.reason, OutOfRange);
    scene.finish().await;
}

#[tokio::test]
async fn a_user_in_the_way_is_told_of_and_left_alone() {
    let scene = Scene::new("match").await;
    let [ada, grace, copied] = scene
        .ou
        .people(["Ada Lovelace", "Grace Hopper", "Cora Copied"])
        .await
        .try_into()
        .unwrap();
    let guid_of = async |dn: &str| {
        let entry = scene.ou.entry(dn, &["objectGUID"]).await;
        Guid::from_ldap_bytes(&entry.bytes("objectGUID")[0])
            .unwrap()
            .to_string()
    };
    // One with Ada's name, linked to somebody else; Grace's user, unlinked; two of Cora.
    let in_the_way = format!("hq-{}", guid_of(&ada.dn).await);
    let link = |guid: &str| json!({"configRef": {"name": "corp"}, "scopeRef": {"name": "staff"}, "origin": "Adopted", "objectGUID": guid});
    let of_somebody_else = json!({"login": "somebody.else", "directory": link("12345678-1234-1234-1234-123456789abc")});
    scene.make_user(&in_the_way, of_somebody_else).await;
    scene
        .make_user("graces", json!({"login": grace.login, "link": "Unlinked"}))
        .await;
    let link = link(&guid_of(&copied.dn).await);
    for name in ["one", "two"] {
        scene.make_user(name, json!({"login": name, "directory": link})).await;
    }
    let scope = scene.scope("staff", everyone()).await;
    // Her name is somebody else's, so Ada gets the next one.
    assert_eq!(counts(&scope), [3, 0, 0, 3, 2, 1]);
    let problem = problem_of(&scope, &copied.login);
    assert_eq!(
        (problem.reason, problem.other.as_deref()),
        (DuplicateMatch, Some("one"))
    );
    let users = phone_users(&scene.namespace).await;
    let of_grace: Vec<_> = users
        .iter()
        .filter(|user| user.spec.login.as_deref() == Some(&*grace.login))
        .map(|user| (user.name_any() == "graces", user.spec.directory.is_some()))
        .collect();
    assert!(
        of_grace.contains(&(true, false)) && of_grace.contains(&(false, true)),
        "an unlinked user is nobody's candidate: {of_grace:?}"
    );
    let named = |name: &str| users.iter().find(|user| user.name_any() == name).unwrap();
    assert_eq!(
        named(&format!("{in_the_way}-2")).spec.login.as_deref(),
        Some(&*ada.login)
    );
    let other = named(&in_the_way);
    assert_eq!(other.spec.display_name, None);
    scene.finish().await;
}
