//! Logins that were somebody else's before.

use kube::ResourceExt;

use super::scene::{Scene, counts, everyone, problem_of};
use crate::{
    env::{self, PersonSpec},
    scenario::{eventually, phone_users},
};

#[tokio::test]
async fn a_reused_login_waits_until_the_old_account_is_gone_for_certain() {
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
    scene.sync("staff").await;
    // Until it is proven that the old one is gone, the new one waits; then the leaver is disabled, and the successor created.
    let users = eventually("the leaver is gone for certain", async || {
        let users = phone_users(&scene.namespace).await;
        (users.len() == 2).then_some(users)
    })
    .await;
    let (left, came): (Vec<_>, Vec<_>) = users.iter().partition(|user| user.name_any() == old.name_any());
    assert_eq!(
        (left[0].spec.enabled, &left[0].spec.extension),
        (Some(false), &old.spec.extension)
    );
    assert_eq!(came[0].spec.login.as_deref(), Some(&*newcomer.login));
    assert_eq!(came[0].spec.extension.as_deref(), Some("2001"), "a number of their own");
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
