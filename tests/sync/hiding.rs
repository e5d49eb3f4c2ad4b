//! What a lost permission hides decides nothing: whose number it is, who is let in, and who rings.

use serde_json::{Value, json};

use super::scene::{Scene, everyone, numbers, with};
use crate::{
    env::{Denied, Directory, Person, PersonSpec},
    scenario::await_scope,
};

/// An entry of `extensions` for the members of a group, and one for everybody else.
fn first_for_members(group: &str, rule: &str) -> Value {
    json!({"users": {"everyone": {}}, "extensions": [
        {"name": "members", "ruleRef": {"name": rule}, "when": {"group": {"dn": group}}},
        {"name": "others", "ruleRef": {"name": "hq-numbers"}},
    ]})
}

async fn three_people(scene: &Scene) -> [Person; 3] {
    let people = ["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra"];
    scene.ou.people(people).await.try_into().unwrap()
}

#[tokio::test]
async fn members_who_are_hidden_are_not_renumbered_by_the_next_rule() {
    let scene = Scene::new("hide").await;
    let [ada, grace, edsger] = three_people(&scene).await;
    let group = scene.ou.group("Sales", &[&ada.dn, &grace.dn]).await;
    // Both rules move whom they find with another's number.
    let moving = |from: &str, to: &str| with(numbers(from, to), json!({"renumber": true}));
    scene.rule("sales", moving("3000", "3009")).await;
    scene.rule("hq-numbers", moving("2000", "2009")).await;
    scene.scope("staff", first_for_members(&group, "sales")).await;
    let before = scene.numbers().await;
    let expected = [(&ada, "3000"), (&grace, "3001"), (&edsger, "2000")];
    assert_eq!(
        before,
        expected
            .map(|(person, number)| (person.login.clone(), number.to_owned()))
            .into()
    );

    scene.ou.deny(Denied::Members, &[&group]).await;
    for _ in 0..2 {
        scene.sync("staff").await;
        assert_eq!(scene.numbers().await, before);
    }
    scene.ou.allow(Directory::BIND_DN, Denied::Members, &[&group]).await;
    scene.sync("staff").await;
    assert_eq!(scene.numbers().await, before);

    // Who really leaves the group is moved.
    scene.ou.remove_member(&group, &grace.dn).await;
    scene.sync("staff").await;
    assert_eq!(scene.number(&grace.login).await.as_deref(), Some("2001"));
    scene.finish().await;
}

#[tokio::test]
async fn another_rule_that_reads_another_attribute_takes_no_number_away() {
    let scene = Scene::new("hide").await;
    let typed = PersonSpec::named("Ada Lovelace")
        .with("ipPhone", "3100")
        .with("pager", "4100");
    let ada = scene.ou.person(typed).await;
    let other = scene.ou.person("Grace Hopper").await;
    let group = scene.ou.group("Sales", &[&ada.dn, &other.dn]).await;
    let attribute = |name: &str| json!({"source": "Attribute", "attribute": {"name": name}});
    scene.rule("sales", attribute("ipPhone")).await;
    scene.rule("hq-numbers", attribute("pager")).await;
    scene.scope("staff", first_for_members(&group, "sales")).await;
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("3100"));

    scene.ou.remove_member(&group, &ada.dn).await;
    scene.sync("staff").await;
    assert_eq!(
        scene.number(&ada.login).await.as_deref(),
        Some("3100"),
        "another rule takes no number away from anybody"
    );
    scene.finish().await;
}

#[tokio::test]
async fn whom_a_group_keeps_out_stays_out_while_it_hides_its_members() {
    let scene = Scene::new("hide").await;
    let [ada, grace, edsger] = three_people(&scene).await;
    let group = scene.ou.group("No Phones", &[&grace.dn, &edsger.dn]).await;
    let exclude = json!({"exclude": [{"name": "none", "group": {"dn": group}}]});
    scene.scope("staff", with(everyone(), exclude)).await;
    assert_eq!(scene.logins().await, [&*ada.login]);

    scene.ou.deny(Denied::Members, &[&group]).await;
    for _ in 0..2 {
        scene.sync("staff").await;
        assert_eq!(scene.logins().await, [&*ada.login], "nobody comes in on doubt");
    }
    scene.ou.allow(Directory::BIND_DN, Denied::Members, &[&group]).await;
    scene.ou.remove_member(&group, &grace.dn).await;
    scene.sync("staff").await;
    assert_eq!(
        scene.logins().await,
        [&*ada.login, &*grace.login],
        "who is really let go of the group does"
    );
    scene.finish().await;
}

#[tokio::test]
async fn deleting_all_its_people_empties_no_ring_group_without_approval() {
    let scene = Scene::new("hide").await;
    let people = three_people(&scene).await;
    // A directory without anybody proves nothing of anybody.
    scene.ou.person("Barbara Liskov").await;
    let members = [&*people[0].dn, &people[1].dn, &people[2].dn];
    let group = scene.ou.group("Support", &members).await;
    scene.rule("ring-numbers", numbers("600", "699")).await;
    let spec = json!({
        "departments": [{"name": "support", "group": {"dn": group}, "ringGroup": {"ruleRef": {"name": "ring-numbers"}}}],
        "removal": {"whenDeleted": "Delete", "limit": {"count": 10}},
    });
    scene.scope("staff", with(everyone(), spec)).await;
    let before = scene.ring_group("Support").await.spec.members;
    assert_eq!(before.as_ref().map(Vec::len), Some(3));

    for person in &people {
        scene.ou.delete(&person.dn).await;
    }
    scene.sync("staff").await;
    let scope = await_scope(&scene.namespace, "staff", "holding", |_, status| {
        !status.held.is_empty()
    })
    .await;
    assert_eq!(scene.ring_group("Support").await.spec.members, before);
    let held = scope.status.unwrap().held;
    assert_eq!(held.len(), 1, "{held:?}");
    scene.approve("staff", &held[0].digest).await;
    await_scope(&scene.namespace, "staff", "done with the batch", |_, status| {
        status.held.is_empty()
    })
    .await;
    assert!(
        scene
            .ring_group("Support")
            .await
            .spec
            .members
            .is_none_or(|members| members.is_empty()),
        "approved, it is empty"
    );
    scene.finish().await;
}
