//! Who gets whose phone: new accounts of the same person, successors, and matches that were wrong.

use adsync::api::{phone_user::AbsenceReason, sync_scope::ProblemReason::Unlinked};
use kube::ResourceExt;
use serde_json::json;

use super::scene::{Scene, everyone, problem_of, problems, with};
use crate::{
    env::PersonSpec,
    scenario::{await_scope, eventually, phone_users},
};

#[tokio::test]
async fn a_new_account_with_the_same_employee_id_gets_the_phone_of_the_deleted_one() {
    let scene = Scene::new("relink").await;
    let ada = scene
        .ou
        .person(PersonSpec::named("Ada Lovelace").with("employeeID", "7"))
        .await;
    let bob = scene.ou.person("Bob Babbage").await;
    let spec = with(everyone(), json!({"match": {"relinkBy": "EmployeeID"}}));
    scene.scope("staff", spec).await;
    let before = scene.user(&ada.login).await;

    scene.ou.delete(&ada.dn).await;
    let again = scene
        .ou
        .person(PersonSpec::named("Ada King").with("employeeID", "7"))
        .await;
    scene.sync("staff").await;
    let name = before.name_any();
    let after = scene
        .user_when(&name, "has the new account", |user| {
            user.spec.login.as_ref() == Some(&again.login)
        })
        .await;
    assert_eq!(
        (after.uid(), &after.spec.extension),
        (before.uid(), &before.spec.extension)
    );
    assert_eq!(after.spec.enabled, Some(true));
    assert_eq!(after.spec.display_name.as_deref(), Some("Ada King"));
    let [was, is] = [&before, &after].map(|user| user.spec.directory.clone().unwrap());
    assert_ne!(was.object_guid, is.object_guid);
    assert_eq!((is.origin, is.absence), (was.origin, None));
    assert_eq!(scene.users().await.len(), 2);
    assert_eq!(scene.number(&bob.login).await.as_deref(), Some("2001"));
    scene.finish().await;
}

#[tokio::test]
async fn a_successor_with_the_same_login_gets_a_phone_of_his_own_once_the_leaver_is_removed() {
    let scene = Scene::new("relink").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.ou.person("Bob Babbage").await;
    let held = with(everyone(), json!({"removal": {"limit": {"count": 0}}}));
    scene.scope("staff", held).await;
    let leaver = scene.user(&ada.login).await;
    scene.ou.delete(&ada.dn).await;
    scene
        .ou
        .person(PersonSpec::named("Ada Byron").with_login(&ada.login))
        .await;
    scene.sync("staff").await;
    let waiting = await_scope(&scene.namespace, "staff", "sure that she is gone", |_, status| {
        !status.held.is_empty()
    })
    .await;
    let problem = problem_of(&waiting, &ada.login);
    assert!(problem.message.contains("not removed yet"), "{problem:?}");
    assert_eq!(phone_users(&scene.namespace).await.len(), 2);
    let still = scene.user(&ada.login).await;
    assert_eq!(
        (still.spec.enabled, &still.spec.extension),
        (Some(true), &leaver.spec.extension)
    );
    let absence = still.spec.directory.unwrap().absence.unwrap();
    assert_eq!(absence.reason, AbsenceReason::Deleted);

    scene.approve("staff", &waiting.status.unwrap().held[0].digest).await;
    let users = eventually("the successor's phone", async || {
        let users = phone_users(&scene.namespace).await;
        (users.len() == 3).then_some(users)
    })
    .await;
    let (old, new): (Vec<_>, Vec<_>) = users
        .iter()
        .filter(|user| user.spec.login.as_ref() == Some(&ada.login))
        .partition(|user| user.name_any() == leaver.name_any());
    assert_eq!(
        (old[0].spec.enabled, &old[0].spec.extension),
        (Some(false), &leaver.spec.extension)
    );
    assert_eq!(
        (new[0].spec.enabled, new[0].spec.extension.as_deref()),
        (Some(true), Some("2002"))
    );
    assert_eq!(new[0].spec.display_name.as_deref(), Some("Ada Byron"));
    scene.finish().await;
}

#[tokio::test]
async fn a_wrong_match_is_given_to_the_right_person_by_hand_and_bars_nobody() {
    let scene = Scene::new("relink").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene
        .make_user("reception", json!({"login": ada.login, "displayName": "Reception"}))
        .await;
    scene.scope("staff", everyone()).await;
    scene.edit_user("reception", json!({"link": "Unlinked"})).await;
    let scope = scene.sync("staff").await;
    assert_eq!(problems(&scope), [(&*ada.login, Unlinked)]);

    // It is Bob's desk, whose account is made only now.
    let bob = scene.ou.person("Bob Babbage").await;
    let guid = scene.guid_of(&bob.dn).await;
    scene
        .edit_user(
            "reception",
            json!({"link": "Linked", "directory": {"objectGUID": guid.to_string()}}),
        )
        .await;
    let scope = eventually("everybody in their place", async || {
        let scope = scene.sync("staff").await;
        (problems(&scope).is_empty()).then_some(scope)
    })
    .await;
    assert_eq!(scope.status.unwrap().users.unwrap().matched, 2);
    let reception = scene.user(&bob.login).await;
    assert_eq!(
        (reception.name_any(), reception.spec.extension.as_deref()),
        ("reception".to_owned(), Some("2000"))
    );
    assert_eq!(reception.spec.display_name.as_deref(), Some("Bob Babbage"));
    let first = scene.user(&ada.login).await;
    assert_eq!(first.spec.extension.as_deref(), Some("2001"));
    assert_eq!(scene.users().await.len(), 2);
    scene.finish().await;

    // The same with one that the operator made: its name has another objectGUID than its link.
    let name = first.name_any();
    let cleo = scene.ou.person("Cleo Carter").await;
    let guid = scene.guid_of(&cleo.dn).await;
    scene
        .edit_user(&name, json!({"directory": {"objectGUID": guid.to_string()}}))
        .await;
    eventually("room for the first", async || {
        let scope = scene.sync("staff").await;
        (problems(&scope).is_empty() && scene.users().await.len() == 3).then_some(())
    })
    .await;
    assert_eq!(scene.user(&cleo.login).await.name_any(), name);
    assert_eq!(scene.user(&ada.login).await.name_any(), format!("{name}-2"));
    scene.finish().await;
}
