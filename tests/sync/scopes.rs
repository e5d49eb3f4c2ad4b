//! Several scopes of one phone system, and one of two.

use adsync::api::{
    ActiveDirectoryConfig, PhoneSystem, SyncScope, phone_user::Origin, sync_scope::ProblemReason::ClaimedByOtherScope,
};
use kube::{Resource, ResourceExt, api::DeleteParams};
use serde_json::{Value, json};

use super::scene::{Scene, counts, everyone, left, numbered_by, numbers, problem_of, problems, with};
use crate::{
    env::TestOu,
    scenario::{await_scope, eventually, has, message, phone_users},
};

fn people_of(unit: &TestOu<'_>) -> Value {
    json!({"users": {"organizationalUnits": [{"dn": unit.dn()}]}, "extensions": numbered_by("hq-numbers")})
}

/// Waits until scopes made from now on are younger: the API server's clock shows seconds.
async fn let_a_second_pass_since(scope: &SyncScope) {
    let created = scope.meta().creation_timestamp.clone().unwrap().0;
    eventually("the next second", async || {
        (jiff::Timestamp::now().as_second() > created.as_second()).then_some(())
    })
    .await;
}

/// The scope that a person belongs to.
async fn provider(scene: &Scene, login: &str) -> String {
    scene.user(login).await.spec.directory.unwrap().scope_ref.name
}

#[tokio::test]
async fn of_two_scopes_that_select_somebody_the_older_one_provides_them() {
    let scene = Scene::new("scopes").await;
    let [ada, grace] = scene
        .ou
        .people(["Ada Lovelace", "Grace Hopper"])
        .await
        .try_into()
        .unwrap();
    let group = scene.ou.group("Phones", &[&ada.dn]).await;
    let of_group = json!({"users": {"groups": [{"dn": group}]}, "extensions": numbered_by("hq-numbers")});
    // By name it would come last.
    let older = scene.scope("zeta", of_group).await;
    let_a_second_pass_since(&older).await;
    let before = scene.user(&ada.login).await;
    let younger = scene.scope("alpha", everyone()).await;
    assert_eq!(counts(&younger), [2, 0, 0, 2, 1, 1]);
    let problem = problem_of(&younger, &ada.login);
    assert_eq!(
        (problem.reason, problem.other.as_deref()),
        (ClaimedByOtherScope, Some("zeta"))
    );
    assert_eq!(scene.users().await.len(), 2);
    assert_eq!(provider(&scene, &grace.login).await, "alpha");

    // Also of newcomers, whichever sync comes first.
    let nina = scene.ou.person("Nina New").await;
    scene.ou.add_member(&group, &nina.dn).await;
    let younger = scene.sync("alpha").await;
    let older = scene.sync("zeta").await;
    assert_eq!(provider(&scene, &nina.login).await, "zeta", "{:?}", problems(&younger));
    assert_eq!(counts(&older), [2, 0, 0, 2, 2, 0]);
    scene.finish().await;

    // The other one takes over when it is deleted, with user object and number.
    let api = scene.namespace.api::<SyncScope>();
    api.delete("zeta", &DeleteParams::default()).await.unwrap();
    await_scope(&scene.namespace, "alpha", "in charge", |_, status| {
        status.users.is_some_and(|users| users.matched == 3)
    })
    .await;
    let after = scene.user(&ada.login).await;
    assert_eq!(
        (after.uid(), &after.spec.extension),
        (before.uid(), &before.spec.extension)
    );
    assert_eq!(provider(&scene, &ada.login).await, "alpha");
    assert_eq!(after.labels()["adsync.dev/scope"], "alpha");
    scene.finish().await;
}

#[tokio::test]
async fn who_moves_from_one_scopes_unit_to_anothers_goes_with_user_and_number() {
    let scene = Scene::new("scopes").await;
    let (north, south) = (scene.ou.unit("North").await, scene.ou.unit("South").await);
    let ada = north.person("Ada Lovelace").await;
    let grace = south.person("Grace Hopper").await;
    scene.scope("north", people_of(&north)).await;
    scene.scope("south", people_of(&south)).await;
    let before = scene.user(&ada.login).await;

    scene.ou.move_below(&ada.dn, south.dn()).await;
    // The one that loses them first: until the other has read, they stay as they are.
    let lost = scene.sync("north").await;
    assert_eq!(counts(&lost), [0; 6]);
    let won = eventually("the hand-over", async || {
        let won = scene.sync("south").await;
        (counts(&won) == [2, 0, 0, 2, 2, 0]).then_some(won)
    })
    .await;
    assert_eq!(problems(&won), []);
    let after = scene.user(&ada.login).await;
    assert_eq!(
        (after.uid(), &after.spec.extension),
        (before.uid(), &before.spec.extension)
    );
    assert_eq!(provider(&scene, &ada.login).await, "south");
    assert_eq!(after.spec.organizational_unit.as_deref(), Some(south.dn()));
    assert_eq!(scene.users().await.len(), 2);

    // And back, with the other one looking first.
    let moved = format!("CN=Ada Lovelace,{}", south.dn());
    scene.ou.move_below(&moved, north.dn()).await;
    scene.ou.move_below(&grace.dn, north.dn()).await;
    eventually("the way back", async || {
        let won = scene.sync("north").await;
        let lost = scene.sync("south").await;
        (counts(&won)[4] == 2 && counts(&lost) == [0; 6] && left(&lost) == [0; 3]).then_some(())
    })
    .await;
    let numbers = scene.numbers().await;
    assert_eq!(
        (numbers[&ada.login].as_str(), numbers[&grace.login].as_str()),
        ("2000", "2001")
    );
    scene.finish().await;
}

#[tokio::test]
async fn who_changes_scopes_in_a_department_rings_there_with_their_number() {
    let scene = Scene::new("scopes").await;
    let (north, south) = (scene.ou.unit("North").await, scene.ou.unit("South").await);
    let ada = north.person("Ada Lovelace").await;
    let grace = south.person("Grace Hopper").await;
    let group = scene.ou.group("Support", &[&ada.dn, &grace.dn]).await;
    scene.scope("north", people_of(&north)).await;
    let departments = json!({"departments": [{"name": "support", "group": {"dn": group}}]});
    scene.scope("south", with(people_of(&south), departments.clone())).await;
    let members = scene.ring_group("Support").await.spec.members.unwrap();
    assert_eq!(members, ["2000", "2001"], "whoever provides them");

    // A ring group has one scope, too.
    let scope = scene.scope("north", with(people_of(&north), departments)).await;
    let problem = problem_of(&scope, "Support");
    assert_eq!(
        (problem.reason, problem.other.as_deref()),
        (ClaimedByOtherScope, Some("south"))
    );
    assert_eq!(counts(&scope), [1, 0, 0, 1, 1, 0], "nobody is unmatched for that");
    scene.finish().await;
}

#[tokio::test]
async fn a_person_is_one_user_in_each_phone_system_with_numbers_of_its_own() {
    let scene = Scene::new("scopes").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene
        .apply(
            json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneSystem", "metadata": {"name": "lab"},
            "spec": {"numberPlan": {}}}),
        )
        .await;
    let lab = json!({"phoneSystemRef": {"name": "lab"}});
    scene
        .rule("lab-numbers", with(numbers("2000", "2009"), lab.clone()))
        .await;
    scene.scope("staff", everyone()).await;
    let in_lab = json!({"users": {"everyone": {}}, "extensions": numbered_by("lab-numbers")});
    let scope = scene.scope("staff-lab", with(in_lab, lab)).await;
    assert_eq!((counts(&scope), problems(&scope)), ([1, 0, 0, 1, 1, 0], vec![]));
    let users = phone_users(&scene.namespace).await;
    let found: Vec<_> = users
        .iter()
        .map(|user| {
            let spec = &user.spec;
            (
                spec.phone_system_ref.name.as_str(),
                spec.login.as_deref().unwrap(),
                spec.extension.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(found, [("hq", &*ada.login, "2000"), ("lab", &*ada.login, "2000")]);
    assert!(scene.extension("2000").await.is_some());

    // A rule of the other phone system is refused.
    scene
        .apply_scope(
            "staff-lab",
            json!({"phoneSystemRef": {"name": "lab"}, "users": {"everyone": {}}, "extensions": numbered_by("hq-numbers")}),
        )
        .await;
    let scope = await_scope(&scene.namespace, "staff-lab", "refused", |_, status| {
        has(status, "Stalled", "True")
    })
    .await;
    let message = message(&scope, "Ready");
    assert_eq!(
        message,
        "ExtensionRule hq-numbers is of PhoneSystem hq: name a rule of lab"
    );
    scene.sync("staff").await;
}

#[tokio::test]
async fn what_a_deleted_scope_leaves_is_found_by_object_guid_whatever_its_login() {
    let scene = Scene::new("scopes").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    let group = scene.ou.group("Support", &[&ada.dn]).await;
    let spec = with(
        everyone(),
        json!({"departments": [{"name": "support", "group": {"dn": group}, "ringGroup": {"number": "600"}}]}),
    );
    scene.scope("first", spec.clone()).await;
    let (before, ring) = (scene.user(&ada.login).await, scene.ring_group("Support").await);
    let api = scene.namespace.api::<SyncScope>();
    api.delete("first", &DeleteParams::default()).await.unwrap();
    eventually("the phone system tells of what nobody provides", async || {
        let system = scene.namespace.api::<PhoneSystem>().get("hq").await.unwrap();
        let unmanaged = system.status?.unmanaged?;
        ((unmanaged.users, unmanaged.extensions, unmanaged.ring_groups) == (1, 2, 1)).then_some(())
    })
    .await;
    let left = scene.user(&ada.login).await;
    assert_eq!(
        left.resource_version(),
        before.resource_version(),
        "Retain writes nothing"
    );

    // Through another configuration of the same directory.
    scene.edit_user(&before.name_any(), json!({"login": "countess"})).await;
    let config = scene
        .namespace
        .api::<ActiveDirectoryConfig>()
        .get("corp")
        .await
        .unwrap();
    scene
        .apply(
            json!({"apiVersion": "adsync.dev/v1alpha1", "kind": "ActiveDirectoryConfig", "metadata": {"name": "again"},
            "spec": config.spec}),
        )
        .await;
    let spec = with(spec, json!({"directoryRef": {"name": "again"}}));
    let scope = scene.scope("second", spec).await;
    assert_eq!((counts(&scope), problems(&scope)), ([1, 0, 0, 1, 1, 0], vec![]));
    let after = scene.user(&ada.login).await;
    assert_eq!(
        (after.uid(), &after.spec.extension),
        (before.uid(), &before.spec.extension)
    );
    let link = after.spec.directory.unwrap();
    assert_eq!(
        (link.config_ref.name.as_str(), link.scope_ref.name.as_str(), link.origin),
        ("again", "second", Origin::Provisioned)
    );
    let taken = scene.ring_group("Support").await;
    assert_eq!((taken.uid(), &taken.spec.number), (ring.uid(), &ring.spec.number));
    assert_eq!(taken.spec.source.unwrap().scope_ref.name, "second");
    scene.finish().await;
}
