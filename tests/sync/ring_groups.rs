//! Departments that become ring groups.

use adsync::{
    api::{
        RingGroup,
        extension::{Holder, HolderKind},
        ring_group::Strategy,
        sync_scope::ProblemReason::{DuplicateMatch, NumberTaken},
    },
    directory::Guid,
};
use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::scene::{Scene, everyone, numbers, problem_of, problems, with};
use crate::{env::PersonSpec, scenario::eventually};

#[tokio::test]
async fn groups_and_units_become_ring_groups_of_their_peoples_numbers() {
    let scene = Scene::new("ring").await;
    let (unit, lists) = (scene.ou.unit("Workshop").await, scene.ou.unit("Lists").await);
    let [ada, berta, gone] = scene
        .ou
        .people([
            PersonSpec::named("Ada Lovelace"),
            PersonSpec::named("Berta Benz"),
            PersonSpec::named("Dan Disabled").disabled(),
        ])
        .await
        .try_into()
        .unwrap();
    let carla = unit.person("Carla Cook").await;
    let inner = scene.ou.group("Inner", &[&carla.dn]).await;
    // Carla by being in a group in it; Dan is disabled.
    let support = scene.ou.group("Support", &[&berta.dn, &inner, &ada.dn, &gone.dn]).await;
    let shallow = scene.ou.group("Shallow", &[&berta.dn, &inner]).await;
    let news = lists.distribution_list("News", &[&ada.dn]).await;
    lists.distribution_list("Quiet", &[&ada.dn]).await;
    lists.group("Secure", &[&ada.dn]).await;
    let quiet = format!("CN=Quiet,{}", lists.dn());
    scene.rule("ring-numbers", numbers("600", "699")).await;
    let departments = json!({"departments": [
        {"name": "support", "group": {"dn": support}, "ringGroup": {"number": "650", "strategy": "Hunt"}},
        {"name": "shallow", "group": {"dn": shallow, "nested": false}},
        {"name": "workshop", "organizationalUnit": {"dn": unit.dn()}, "ringGroup": {"ruleRef": {"name": "ring-numbers"}, "strategy": "RoundRobin"}},
        {"name": "lists", "under": {"dn": lists.dn()}, "groupTypes": ["DistributionList"], "exclude": [{"dn": quiet}],
            "ringGroup": {"ruleRef": {"name": "ring-numbers"}}},
        // Covered already: the first entry wins.
        {"name": "again", "group": {"dn": news}, "ringGroup": {"number": "699"}},
    ]});
    let scope = scene.scope("staff", with(everyone(), departments)).await;
    assert_eq!(problems(&scope), []);
    assert_eq!(scope.status.unwrap().ring_groups.unwrap().synced, 4);
    assert_eq!(scene.number(&carla.login).await.as_deref(), Some("2002"), "by login");
    let groups = scene.ring_groups().await;
    let found: Vec<_> = groups
        .values()
        .map(|group| {
            let spec = group.spec.clone();
            let department = spec.source.clone().unwrap().department;
            (
                spec.display_name.unwrap(),
                department,
                spec.number.unwrap_or_default(),
                spec.strategy.unwrap(),
                spec.members.unwrap().join(" "),
            )
        })
        .collect();
    let expected = [
        ("News", "lists", "600", Strategy::RingAll, "2000"),
        ("Shallow", "shallow", "", Strategy::RingAll, "2001"),
        ("Support", "support", "650", Strategy::Hunt, "2000 2001 2002"),
        ("Workshop", "workshop", "601", Strategy::RoundRobin, "2002"),
    ]
    .map(|(name, department, number, strategy, members)| {
        (
            name.to_owned(),
            department.to_owned(),
            number.to_owned(),
            strategy,
            members.to_owned(),
        )
    });
    assert_eq!(found, expected);
    let support = &groups["Support"];
    let source = support.spec.source.clone().unwrap();
    assert_eq!(
        support.name_any(),
        format!("hq-{}", source.object_guid),
        "named by objectGUID"
    );
    assert_eq!(
        (
            source.scope_ref.name.as_str(),
            support.spec.enabled,
            support.spec.in_phonebook
        ),
        ("staff", Some(true), Some(true))
    );
    assert_eq!(
        scene.extension("650").await.unwrap().spec.holder.unwrap(),
        Holder {
            kind: HolderKind::RingGroup,
            name: support.name_any()
        }
    );
    scene.finish().await;
}

#[tokio::test]
async fn people_add_whom_they_like_to_a_ring_group_and_change_nobody_elses_place() {
    let scene = Scene::new("ring").await;
    let [ada, berta, carla] = scene
        .ou
        .people(["Ada Lovelace", "Berta Benz", "Carla Cook"])
        .await
        .try_into()
        .unwrap();
    let group = scene.ou.group("Support", &[&ada.dn, &berta.dn]).await;
    let spec = with(
        everyone(),
        json!({"departments": [{"name": "support", "group": {"dn": group}}]}),
    );
    scene.scope("staff", spec).await;
    let ring = scene.ring_group("Support").await;
    let more = json!({"spec": {"additionalMembers": ["7001"]}});
    let api = scene.namespace.api::<RingGroup>();
    api.patch(&ring.name_any(), &PatchParams::default(), &Patch::Merge(&more))
        .await
        .unwrap();

    scene.ou.remove_member(&group, &ada.dn).await;
    scene.ou.add_member(&group, &carla.dn).await;
    scene.ou.disable(&berta.dn).await;
    scene.sync("staff").await;
    // Ada is in no other group: of her, it takes a second read to see that she has left.
    let spec = eventually("who is still there rings", async || {
        let spec = scene.ring_group("Support").await.spec;
        (spec.members.as_deref()? == ["2002"]).then_some(spec)
    })
    .await;
    assert_eq!(spec.additional_members.unwrap(), ["7001"]);

    // What a person does to the operator's list is repaired.
    let edit = json!({"spec": {"members": ["2000"]}});
    let parameters = PatchParams {
        field_manager: Some("kubectl-edit".to_owned()),
        ..PatchParams::default()
    };
    api.patch(&ring.name_any(), &parameters, &Patch::Merge(&edit))
        .await
        .unwrap();
    eventually("who is in the group rings again", async || {
        let members = scene.ring_group("Support").await.spec.members.unwrap();
        (members == ["2002"]).then_some(())
    })
    .await;
    scene.finish().await;
}

#[tokio::test]
async fn a_renamed_group_keeps_its_ring_group_and_number() {
    let scene = Scene::new("ring").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    let group = scene.ou.group("Support", &[&ada.dn]).await;
    let other = scene.ou.unit("Elsewhere").await;
    scene.rule("ring-numbers", numbers("600", "699")).await;
    let spec = with(
        everyone(),
        json!({"departments": [{"name": "support", "group": {"dn": group}, "ringGroup": {"ruleRef": {"name": "ring-numbers"}}}]}),
    );
    scene.scope("staff", spec).await;
    let before = scene.ring_group("Support").await;

    let renamed = scene.ou.rename(&group, "Büro München").await;
    scene.ou.move_below(&renamed, other.dn()).await;
    let scope = scene.sync("staff").await;
    assert_eq!(scope.status.unwrap().ring_groups.unwrap().synced, 1);
    let after = scene.ring_group("Büro München").await;
    assert_eq!(
        (after.uid(), &after.spec.number),
        (before.uid(), &Some("600".to_owned()))
    );
    assert_eq!(after.spec.members, before.spec.members);

    // What is shown on phones is the display name, where there is one.
    let moved = format!("CN=Büro München,{}", other.dn());
    scene.ou.set(&moved, "displayName", &["Office of Munich"]).await;
    scene.sync("staff").await;
    assert_eq!(scene.ring_group("Office of Munich").await.uid(), before.uid());
    scene.finish().await;
}

#[tokio::test]
async fn a_fixed_number_that_somebody_has_is_reported_and_the_ring_group_waits() {
    let scene = Scene::new("ring").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.scope("staff", everyone()).await;
    let group = scene.ou.group("Support", &[&ada.dn]).await;
    let with_number = |number| {
        with(
            everyone(),
            json!({"departments": [{"name": "support", "group": {"dn": group}, "ringGroup": {"number": number}}]}),
        )
    };
    let scope = scene.scope("staff", with_number("2000")).await;
    let problem = problem_of(&scope, "Support");
    assert_eq!(
        (problem.reason, problem.other.as_deref()),
        (NumberTaken, Some(&*ada.login))
    );
    assert!(scene.ring_groups().await.is_empty());
    assert_eq!(
        scene.number(&ada.login).await.as_deref(),
        Some("2000"),
        "promise 4: never overwritten"
    );
    assert_eq!(scope.status.as_ref().unwrap().ring_groups.unwrap().synced, 0);

    let scope = scene.scope("staff", with_number("2001")).await;
    assert_eq!(problems(&scope), []);
    assert_eq!(scene.ring_group("Support").await.spec.number.as_deref(), Some("2001"));
    scene.finish().await;
}

#[tokio::test]
async fn a_ring_group_that_somebody_else_made_is_told_of_and_left_alone() {
    let scene = Scene::new("ring").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    let group = scene.ou.group("Support", &[&ada.dn]).await;
    let entry = scene.ou.entry(&group, &["objectGUID"]).await;
    let guid = Guid::from_ldap_bytes(&entry.bytes("objectGUID")[0]).unwrap();
    let name = format!("hq-{guid}");
    scene
        .create(
            json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "RingGroup", "metadata": {"name": name},
            "spec": {"phoneSystemRef": {"name": "hq"}, "displayName": "Hands off", "number": "600"}}),
        )
        .await;
    let spec = with(
        everyone(),
        json!({"departments": [{"name": "support", "group": {"dn": group}, "ringGroup": {"number": "600"}}]}),
    );
    let scope = scene.scope("staff", spec).await;
    let problem = problem_of(&scope, "Support");
    assert_eq!(
        (problem.reason, problem.other.as_deref()),
        (DuplicateMatch, Some(&*name))
    );
    let spec = scene.ring_group("Hands off").await.spec;
    assert_eq!((spec.members, spec.source), (None, None));
    assert!(scene.extension("600").await.is_none());
    scene.finish().await;
}
