//! Logins that were somebody else's before.

use adsync::api::sync_scope::ProblemReason::IdentityReused;
use kube::ResourceExt;

use super::scene::{Scene, counts, everyone, problem_of};
use crate::{
    env::{self, PersonSpec},
    scenario::phone_users,
};

#[tokio::test]
async fn a_reused_login_waits_until_the_old_account_is_known_to_exist() {
    let scene = Scene::new("match").await;
    let attic = env::directory().await.ou("attic").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.scope("staff", everyone()).await;
    let old = scene.user(&ada.login).await;

    // The old account leaves what the directory reads, and somebody new gets its login.
    let gone = scene.ou.move_below(&ada.dn, attic.dn()).await;
    scene.ou.set(&gone, "sAMAccountName", &["ada.old"]).await;
    scene.ou.set(&gone, "userPrincipalName", &["ada.old@example.com"]).await;
    scene.ou.delete(&gone).await;
    let newcomer = PersonSpec::named("Ada Byron").with_login(&ada.login);
    let newcomer = scene.ou.person(newcomer).await;
    let scope = scene.sync("staff").await;
    assert_eq!(counts(&scope), [1, 0, 0, 1, 0, 1]);
    let problem = problem_of(&scope, &newcomer.login);
    assert_eq!(problem.reason, IdentityReused);
    assert_eq!(problem.other.as_deref(), Some(&*old.name_any()));
    assert_eq!(
        scene.user(&ada.login).await.spec,
        old.spec,
        "what the old account has is left alone"
    );
    scene.finish().await;
}

#[tokio::test]
async fn a_login_reused_from_an_account_that_still_exists_elsewhere_makes_a_new_person() {
    let scene = Scene::new("match").await;
    let attic = env::directory().await.ou("attic").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.scope("staff", everyone()).await;
    let old = scene.user(&ada.login).await;

    let moved = scene.ou.move_below(&ada.dn, attic.dn()).await;
    let other_login = format!("x{}", &ada.login[1..]);
    scene.ou.set(&moved, "sAMAccountName", &[&other_login]).await;
    scene
        .ou
        .set(&moved, "userPrincipalName", &[&format!("{other_login}@example.com")])
        .await;
    let newcomer = PersonSpec::named("Ada Byron").with_login(&ada.login);
    scene.ou.person(newcomer).await;
    let scope = scene.sync("staff").await;
    assert_eq!(counts(&scope), [1, 0, 0, 1, 1, 0], "{:?}", scope.status);
    let problem = problem_of(&scope, &ada.login);
    assert!(
        problem.message.contains("the same name to sign in with"),
        "the old user still has the names: {problem:?}"
    );
    let users = phone_users(&scene.namespace).await;
    assert_eq!(users.len(), 2);
    let new = users.iter().find(|user| user.name_any() != old.name_any()).unwrap();
    assert_eq!(new.spec.login.as_deref(), Some(&*ada.login));
    assert_eq!(
        new.spec.extension.as_deref(),
        Some("2001"),
        "the old one keeps its number"
    );
    scene.finish().await;
}
