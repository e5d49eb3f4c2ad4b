//! Who gets which number from a range, and keeps it.

use std::collections::BTreeMap;

use adsync::api::{
    Extension, ExtensionRule, PhoneUser,
    sync_scope::ProblemReason::{NumberTaken, OutOfRange, RangeExhausted},
};
use kube::{ResourceExt, api::DeleteParams};
use serde_json::json;

use super::scene::{Scene, counts, everyone, numbered_by, numbers, problem_of, problems, with};
use crate::{
    env::PersonSpec,
    scenario::{await_scope, await_synced, eventually, has},
};

#[tokio::test]
async fn the_lowest_number_that_plan_and_rule_allow_comes_first() {
    let scene = Scene::new("number").await;
    scene
        .system(json!({
            "digits": {"min": 3, "max": 4},
            "reserved": [{"from": "2001", "to": "2001", "why": "door"}],
            "emergency": ["2003"],
        }))
        .await;
    let rule = json!({"source": "Sequential", "ranges": [
        {"from": "98", "to": "99"}, {"from": "2000", "to": "2004"}, {"from": "3000", "to": "3999"}, {"from": "10000", "to": "10009"},
    ], "reserved": [{"from": "2002", "to": "2002"}, {"from": "3000", "to": "3998"}]});
    scene.rule("hq-numbers", rule).await;
    let people = scene
        .ou
        .people(["Ada Lovelace", "Berta Benz", "Carla Cook", "Dora Full"])
        .await;
    let scope = scene.scope("staff", everyone()).await;
    let logins: Vec<_> = people.iter().map(|person| person.login.clone()).collect();
    let expected = ["2000", "2004", "3999"].map(str::to_owned);
    let numbers: BTreeMap<_, _> = logins.iter().cloned().zip(expected).collect();
    assert_eq!(scene.numbers().await, numbers);
    assert_eq!(problems(&scope), [(&*logins[3], RangeExhausted)]);
    scene.finish().await;
}

#[tokio::test]
async fn the_first_entry_that_holds_decides_and_without_one_there_is_no_number() {
    let scene = Scene::new("number").await;
    let unit = scene.ou.unit("Sales").await;
    let [ada, boss, guest] = scene
        .ou
        .people([
            PersonSpec::named("Ada Lovelace").with("title", "Agent"),
            PersonSpec::named("Bea Boss").with("title", "Agent"),
            PersonSpec::named("Gus Guest"),
        ])
        .await
        .try_into()
        .unwrap();
    let seller = unit.person("Sally Seller").await;
    let bosses = scene.ou.group("Bosses", &[&boss.dn, &seller.dn]).await;
    for (rule, from, to) in [
        ("sales", "3000", "3009"),
        ("boss", "4000", "4009"),
        ("agent", "5000", "5009"),
    ] {
        scene.rule(rule, numbers(from, to)).await;
    }
    let spec = json!({"users": {"everyone": {}}, "extensions": [
        {"name": "sales", "ruleRef": {"name": "sales"}, "when": {"organizationalUnit": {"dn": unit.dn()}}},
        {"name": "bosses", "ruleRef": {"name": "boss"}, "when": {"group": {"dn": bosses}}},
        {"name": "agents", "ruleRef": {"name": "agent"}, "when": {"filter": "(title=agent)"}},
    ]});
    let scope = scene.scope("staff", spec).await;
    let expected = [(ada.login, "5000"), (boss.login, "4000"), (seller.login, "3000")];
    assert_eq!(
        scene.numbers().await,
        expected.map(|(login, number)| (login, number.to_owned())).into()
    );
    assert_eq!(
        scene.number(&guest.login).await,
        None,
        "no entry, no number, and no problem"
    );
    assert_eq!((counts(&scope), problems(&scope)), ([4, 0, 0, 4, 4, 0], vec![]));
    assert_eq!(scope.status.unwrap().extensions.unwrap().assigned, 3);
    scene.finish().await;
}

#[tokio::test]
async fn a_full_range_costs_only_those_who_come_too_late() {
    let scene = Scene::new("number").await;
    let unit = scene.ou.unit("Sales").await;
    let [ada, berta, late] = scene
        .ou
        .people(["Ada Lovelace", "Berta Benz", "Zoe Late"])
        .await
        .try_into()
        .unwrap();
    let seller = unit.person("Sally Seller").await;
    scene.rule("hq-numbers", numbers("2000", "2001")).await;
    scene.rule("sales", numbers("3000", "3009")).await;
    let spec = json!({"users": {"everyone": {}}, "extensions": [
        {"name": "sales", "ruleRef": {"name": "sales"}, "when": {"organizationalUnit": {"dn": unit.dn()}}},
        {"name": "everybody", "ruleRef": {"name": "hq-numbers"}},
    ]});
    let scope = scene.scope("staff", spec).await;
    assert_eq!(problems(&scope), [(&*late.login, RangeExhausted)]);
    assert_eq!(counts(&scope), [4, 0, 0, 4, 3, 1]);
    let given = [(&ada, "2000"), (&berta, "2001"), (&seller, "3000")];
    let given: BTreeMap<_, _> = given
        .map(|(person, number)| (person.login.clone(), number.to_owned()))
        .into();
    assert_eq!(scene.numbers().await, given);

    let is_full = async |full: bool| {
        let wanted = if full {
            ("False", "RangeExhausted")
        } else {
            ("True", "NumbersFree")
        };
        eventually("the rule says whether it is full", async || {
            let rule = scene.namespace.api::<ExtensionRule>().get("hq-numbers").await.unwrap();
            let status = rule.status.unwrap_or_default();
            let says = status.conditions.iter().any(|condition| {
                condition.type_ == "NumbersAvailable" && (&*condition.status, &*condition.reason) == wanted
            });
            says.then_some(())
        })
        .await;
    };
    is_full(true).await;
    // Nobody has to ask for a sync: the rule changed.
    scene.rule("hq-numbers", numbers("2000", "2002")).await;
    await_scope(&scene.namespace, "staff", "complete", |_, status| {
        status.users.is_some_and(|users| users.matched == 4)
    })
    .await;
    is_full(true).await;
    scene.rule("hq-numbers", numbers("2000", "2003")).await;
    is_full(false).await;
    assert_eq!(scene.number(&late.login).await.as_deref(), Some("2002"));
    assert_eq!(
        scene.number(&ada.login).await.as_deref(),
        Some("2000"),
        "nobody was renumbered"
    );
    scene.finish().await;
}

#[tokio::test]
async fn what_people_delete_comes_back_with_the_same_number() {
    let scene = Scene::new("number").await;
    let [ada, grace] = scene
        .ou
        .people(["Ada Lovelace", "Grace Hopper"])
        .await
        .try_into()
        .unwrap();
    scene.scope("staff", everyone()).await;
    let before = scene.user(&grace.login).await;
    assert_eq!(before.spec.extension.as_deref(), Some("2001"));
    let users = scene.namespace.api::<PhoneUser>();
    let extensions = scene.namespace.api::<Extension>();

    users
        .delete(&before.name_any(), &DeleteParams::default())
        .await
        .unwrap();
    let again = scene
        .user_when(&before.name_any(), "is made again", |user| user.uid() != before.uid())
        .await;
    assert_eq!(again.spec, before.spec);

    let held = scene.extension("2000").await.unwrap();
    extensions.delete("hq-2000", &DeleteParams::default()).await.unwrap();
    let rebuilt = eventually("the Extension is rebuilt", async || {
        scene
            .extension("2000")
            .await
            .filter(|extension| extension.uid() != held.uid())
    })
    .await;
    assert_eq!(rebuilt.spec, held.spec);
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("2000"));
    scene.finish().await;
}

#[tokio::test]
async fn a_rule_that_is_deleted_stops_nothing_but_new_numbers() {
    let scene = Scene::new("number").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.rule("spare", numbers("3000", "3009")).await;
    let spec = json!({"users": {"everyone": {}}, "extensions": numbered_by("spare")});
    scene.scope("staff", spec).await;
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("3000"));

    let rules = scene.namespace.api::<ExtensionRule>();
    rules.delete("spare", &DeleteParams::default()).await.unwrap();
    await_scope(&scene.namespace, "staff", "not ready", |_, status| {
        has(status, "Ready", "False")
    })
    .await;
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("3000"));
    scene.rule("spare", numbers("3000", "3009")).await;
    await_synced(&scene.namespace, "staff").await;
    scene.finish().await;
}

#[tokio::test]
async fn a_number_that_a_hand_made_user_names_is_nobody_elses() {
    let scene = Scene::new("number").await;
    let [ada, grace] = scene
        .ou
        .people([
            PersonSpec::named("Ada Lovelace"),
            PersonSpec::named("Grace Hopper").with("ipPhone", "2001"),
        ])
        .await
        .try_into()
        .unwrap();
    // Without an Extension, and without anybody in the directory.
    scene
        .make_user("door", json!({"login": "door", "extension": "2000"}))
        .await;
    scene
        .make_user("fax", json!({"login": "fax", "extension": "2001"}))
        .await;
    scene
        .rule(
            "by-phone",
            json!({"source": "Attribute", "attribute": {"name": "ipPhone"}}),
        )
        .await;
    let spec = json!({"users": {"everyone": {}}, "extensions": [
        {"name": "phones", "ruleRef": {"name": "by-phone"}, "when": {"filter": "(ipPhone=*)"}},
        {"name": "others", "ruleRef": {"name": "hq-numbers"}},
    ]});
    let scope = scene.scope("staff", spec).await;
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("2002"));
    let problem = problem_of(&scope, &grace.login);
    assert_eq!((problem.reason, problem.other.as_deref()), (NumberTaken, Some("fax")));
    assert_eq!(scene.number("door").await.as_deref(), Some("2000"));
    assert!(
        scene.extension("2000").await.is_none(),
        "what is not ours is not touched"
    );
    scene.finish().await;
}

#[tokio::test]
async fn people_and_ring_groups_share_a_rule_and_a_number_outside_of_a_new_plan_stays() {
    let scene = Scene::new("number").await;
    let [ada, berta] = scene
        .ou
        .people(["Ada Lovelace", "Berta Benz"])
        .await
        .try_into()
        .unwrap();
    let group = scene.ou.group("Support", &[&ada.dn]).await;
    let spec = with(
        everyone(),
        json!({"departments": [{"name": "support", "group": {"dn": group}, "ringGroup": {"ruleRef": {"name": "hq-numbers"}}}]}),
    );
    scene.scope("staff", spec).await;
    let ring = scene.ring_group("Support").await.spec.number.unwrap();
    let mut given: Vec<_> = scene.numbers().await.into_values().chain([ring.clone()]).collect();
    given.sort_unstable();
    assert_eq!(given, ["2000", "2001", "2002"]);

    let before = scene.numbers().await;
    scene.system(json!({"digits": {"min": 5, "max": 6}})).await;
    scene.rule("hq-numbers", numbers("30000", "30009")).await;
    let newcomer = scene.ou.person("Nina New").await;
    let scope = eventually("everybody is looked at by the new rule", async || {
        let scope = scene.sync("staff").await;
        (problems(&scope).len() == 3).then_some(scope)
    })
    .await;
    for login in [&*ada.login, &berta.login, "Support"] {
        assert_eq!(problem_of(&scope, login).reason, OutOfRange);
    }
    assert_eq!(counts(&scope), [3, 0, 0, 3, 3, 0], "they stay matched");
    assert_eq!(scene.number(&ada.login).await, before.get(&ada.login).cloned());
    assert_eq!(scene.number(&newcomer.login).await.as_deref(), Some("30000"));
    assert_eq!(scene.ring_group("Support").await.spec.number, Some(ring));
    scene.finish().await;
}
