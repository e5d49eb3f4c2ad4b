//! PhoneUsers that people unlink, and link again.

use adsync::api::{FIELD_MANAGER, sync_scope::ProblemReason::Unlinked};
use kube::ResourceExt;
use serde_json::json;

use super::scene::{Scene, counts, everyone, phone_user, problem_of};
use crate::scenario::{eventually, has};

#[tokio::test]
async fn an_unlinked_user_keeps_its_values_and_is_free_to_edit_until_it_is_linked_again() {
    let scene = Scene::new("link").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.scope("staff", everyone()).await;
    let before = scene.user(&ada.login).await;
    let name = before.name_any();

    scene.edit_user(&name, json!({"link": "Unlinked"})).await;
    // The operator lets go of every field by itself.
    scene
        .user_when(&name, "nobody holds its fields", |user| {
            let ours = user
                .managed_fields()
                .iter()
                .find(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER));
            let spec = ours.and_then(|entry| Some(entry.fields_v1.as_ref()?.0["f:spec"].as_object()?.clone()));
            spec.is_some_and(|spec| spec.keys().all(|field| field == "f:phoneSystemRef"))
        })
        .await;
    let unlinked = scene.user(&ada.login).await;
    assert_eq!(unlinked.spec.display_name, before.spec.display_name);
    assert_eq!(unlinked.spec.directory, before.spec.directory);
    assert_eq!(unlinked.spec.extension, before.spec.extension);

    // Anybody may apply the fields now, without force.
    let spec = json!({"displayName": "Countess of Lovelace", "title": "Countess"});
    scene.apply_as("kubectl", phone_user(&name, spec)).await.unwrap();
    scene.ou.set(&ada.dn, "title", &["Mathematician"]).await;
    let scope = scene.sync("staff").await;
    assert_eq!(counts(&scope), [1, 0, 0, 1, 0, 1]);
    let problem = problem_of(&scope, &ada.login);
    assert_eq!((problem.reason, problem.other.as_deref()), (Unlinked, Some(&*name)));
    assert!(
        has(scope.status.as_ref().unwrap(), "Matched", "True"),
        "nobody is unmatched but the Unlinked"
    );
    let user = scene.user(&ada.login).await;
    assert_eq!(user.spec.display_name.as_deref(), Some("Countess of Lovelace"));
    assert_eq!(user.spec.title.as_deref(), Some("Countess"));
    assert_eq!(
        scene.users().await.len(),
        1,
        "by objectGUID: nobody is provisioned beside"
    );

    // Linked again, they follow the directory again; what another applier holds stays its own.
    scene.edit_user(&name, json!({"link": "Linked"})).await;
    scene
        .user_when(&name, "follows again", |user| {
            user.managed_fields().iter().any(|entry| {
                entry.manager.as_deref() == Some(FIELD_MANAGER)
                    && entry
                        .fields_v1
                        .as_ref()
                        .is_some_and(|fields| fields.0["f:spec"].get("f:login").is_some())
            })
        })
        .await;
    let scope = scene.sync("staff").await;
    assert_eq!(counts(&scope), [1, 0, 0, 1, 1, 0]);
    let user = scene.user(&ada.login).await;
    assert_eq!(user.spec.extension, before.spec.extension);
    scene.finish().await;
}

#[tokio::test]
async fn a_user_unlinked_and_edited_by_hand_is_repaired_when_linked_again() {
    let scene = Scene::new("link").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.scope("staff", everyone()).await;
    let name = scene.user(&ada.login).await.name_any();
    let edits = json!({"link": "Unlinked", "displayName": "Countess", "enabled": false});
    scene.edit_user(&name, edits).await;
    scene.sync("staff").await;
    // By a tool that updates: it is overruled once, since the user becomes linked.
    scene
        .edit_user_as("phone-portal", &name, json!({"title": "Countess"}))
        .await;
    scene.sync("staff").await;
    let user = scene.user(&ada.login).await;
    assert_eq!(user.spec.display_name.as_deref(), Some("Countess"));
    assert_eq!(user.spec.enabled, Some(false), "unlinked stays unlinked");

    scene.ou.set(&ada.dn, "title", &["Mathematician"]).await;
    scene.edit_user(&name, json!({"link": "Linked"})).await;
    eventually("the user follows the directory", async || {
        scene.sync("staff").await;
        let spec = scene.user(&ada.login).await.spec;
        let follows = spec.display_name.as_deref() == Some("Ada Lovelace")
            && spec.enabled == Some(true)
            && spec.title.as_deref() == Some("Mathematician");
        follows.then_some(())
    })
    .await;
    scene.finish().await;
}
