//! People who leave a department, and departments that go.

use adsync::api::{RingGroup, extension::ExtensionState};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::scene::{Scene, everyone, numbers, with};
use crate::{
    env::Person,
    scenario::{await_scope, eventually},
};

/// Five people, all in the group `Support`, which is a ring group with the number 600.
async fn support(scene: &Scene) -> (Vec<Person>, String, Value) {
    let people = scene.ou.people(["Ada", "Bob", "Cem", "Dan", "Eve"]).await;
    let members: Vec<&str> = people.iter().map(|person| &*person.dn).collect();
    // Who is in no other group shows no group at all, once they have left this one.
    scene.ou.group("Everybody", &members).await;
    let group = scene.ou.group("Support", &members).await;
    scene.rule("ring-numbers", numbers("600", "699")).await;
    let spec = with(
        everyone(),
        json!({"departments": [{"name": "support", "group": {"dn": group}, "ringGroup": {"ruleRef": {"name": "ring-numbers"}}}]}),
    );
    scene.scope("staff", spec.clone()).await;
    assert_eq!(
        members_of(scene, "Support").await,
        ["2000", "2001", "2002", "2003", "2004"]
    );
    (people, group, spec)
}

async fn members_of(scene: &Scene, name: &str) -> Vec<String> {
    scene.ring_group(name).await.spec.members.unwrap()
}

#[tokio::test]
async fn who_leaves_the_group_is_disabled_or_excluded_rings_no_longer() {
    let scene = Scene::new("leave").await;
    let (people, group, spec) = support(&scene).await;
    scene.ou.remove_member(&group, &people[0].dn).await;
    scene.sync("staff").await;
    assert_eq!(members_of(&scene, "Support").await, ["2001", "2002", "2003", "2004"]);

    // The disabled come back when they are enabled again.
    scene.ou.set(&people[1].dn, "userAccountControl", &["514"]).await;
    scene.sync("staff").await;
    assert_eq!(members_of(&scene, "Support").await, ["2002", "2003", "2004"]);
    assert_eq!(scene.user(&people[1].login).await.spec.enabled, Some(false));
    assert_eq!(scene.number(&people[1].login).await.as_deref(), Some("2001"));
    scene.ou.set(&people[1].dn, "userAccountControl", &["512"]).await;
    scene.sync("staff").await;
    assert_eq!(members_of(&scene, "Support").await, ["2001", "2002", "2003", "2004"]);

    // Whom the scope excludes it lets go of: the phone works on, and rings alone.
    let exclude = json!({"exclude": [{"name": "cem", "login": people[2].login}]});
    scene.scope("staff", with(spec, exclude)).await;
    assert_eq!(members_of(&scene, "Support").await, ["2001", "2003", "2004"]);
    assert_eq!(scene.user(&people[2].login).await.spec.enabled, Some(true));
    scene.finish().await;
}

#[tokio::test]
async fn a_ring_group_that_would_become_empty_waits_for_approval() {
    let scene = Scene::new("leave").await;
    let (people, group, _) = support(&scene).await;
    for person in &people {
        scene.ou.remove_member(&group, &person.dn).await;
    }
    let newcomer = scene.ou.person("Fay").await;
    scene.sync("staff").await;
    assert_eq!(members_of(&scene, "Support").await.len(), 5);
    scene.ou.add_member(&group, &newcomer.dn).await;
    let scope = scene.sync("staff").await;
    assert_eq!(
        members_of(&scene, "Support").await.len(),
        6,
        "who joins comes in meanwhile"
    );
    let held = scope.status.unwrap().held;
    assert_eq!(held.len(), 1, "{held:?}");
    // One of them comes back before somebody approves it.
    scene.ou.add_member(&group, &people[0].dn).await;
    scene.approve("staff", &held[0].digest).await;
    await_scope(&scene.namespace, "staff", "done with the batch", |_, status| {
        status.held.is_empty()
    })
    .await;
    assert_eq!(members_of(&scene, "Support").await, ["2000", "2005"]);
    scene.finish().await;
}

#[tokio::test]
async fn a_department_that_is_removed_takes_its_ring_group_and_only_that() {
    let scene = Scene::new("leave").await;
    let (_, group, spec) = support(&scene).await;
    let other = scene.ou.group("Sales", &[]).await;
    let department = |name: &str, dn: &str| json!({"name": name, "group": {"dn": dn}, "ringGroup": {"ruleRef": {"name": "ring-numbers"}}});
    let both = json!({"departments": [department("support", &group), department("sales", &other)]});
    scene.scope("staff", with(spec.clone(), both.clone())).await;
    let sales = scene.ring_group("Sales").await;
    let users = scene.users().await;

    let scope = scene
        .scope(
            "staff",
            with(spec.clone(), json!({"departments": [department("sales", &other)]})),
        )
        .await;
    assert_eq!(scene.ring_groups().await.into_keys().collect::<Vec<_>>(), ["Sales"]);
    assert_eq!(
        scene.ring_group("Sales").await.resource_version(),
        sales.resource_version()
    );
    assert_eq!(scene.users().await, users);
    assert_eq!(scope.status.unwrap().ring_groups.unwrap().synced, 1);
    let extension = scene.extension("600").await.unwrap();
    assert_eq!(extension.spec.state, ExtensionState::Cooling);

    // Written again while it rests, it is the same ring group with the same number.
    scene.scope("staff", with(spec, both)).await;
    assert_eq!(scene.ring_group("Support").await.spec.number.as_deref(), Some("600"));
    assert_eq!(members_of(&scene, "Support").await.len(), 5);
    scene.finish().await;
}

#[tokio::test]
async fn a_group_that_is_renamed_keeps_its_ring_group_and_one_that_is_deleted_takes_it() {
    let scene = Scene::new("leave").await;
    let (_, group, _) = support(&scene).await;
    let before = scene.ring_group("Support").await;
    let renamed = scene.ou.rename(&group, "Service").await;
    scene.sync("staff").await;
    let after = scene.ring_group("Service").await;
    assert_eq!(
        (after.uid(), &after.spec.number, &after.spec.members),
        (before.uid(), &before.spec.number, &before.spec.members)
    );

    scene.ou.delete(&renamed).await;
    let scope = scene.sync("staff").await;
    assert_eq!(scope.status.unwrap().references.len(), 1, "its objectGUID stays known");
    eventually("the proof that it is deleted", async || {
        scene.ring_groups().await.is_empty().then_some(())
    })
    .await;
    assert_eq!(
        scene.extension("600").await.unwrap().spec.state,
        ExtensionState::Cooling
    );
    assert_eq!(scene.users().await.len(), 5);
    scene.finish().await;
}

#[tokio::test]
async fn a_list_that_leaves_its_unit_or_is_put_on_exclude_takes_its_ring_group() {
    let scene = Scene::new("leave").await;
    let lists = scene.ou.unit("Lists").await;
    let [news, talk, quiet] = [
        lists.group("News", &[]).await,
        lists.group("Talk", &[]).await,
        lists.group("Quiet", &[]).await,
    ];
    let under = |exclude: Value| {
        let departments = json!([{"name": "lists", "under": {"dn": lists.dn()}, "exclude": exclude}]);
        with(everyone(), json!({"departments": departments}))
    };
    scene.scope("staff", under(json!([]))).await;
    assert_eq!(scene.ring_groups().await.len(), 3);
    let protected = scene.ring_group("Quiet").await.name_any();
    scene
        .annotate::<RingGroup>(&protected, "adsync.dev/protect", "true")
        .await;
    scene.ou.move_below(&news, scene.ou.dn()).await;
    scene.sync("staff").await;
    scene.scope("staff", under(json!([{"dn": talk}, {"dn": quiet}]))).await;
    let left: Vec<_> = scene.ring_groups().await.into_keys().collect();
    assert_eq!(left, ["Quiet"], "what is protected stays");
    scene.finish().await;
}
