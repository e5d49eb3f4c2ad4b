//! Who gets which number.

use std::collections::BTreeMap;

use adsync::api::{
    Extension, PhoneUser,
    sync_scope::ProblemReason::{NumberInvalid, NumberMissing, NumberTaken, RangeExhausted},
};
use kube::{ResourceExt, api::DeleteParams};
use serde_json::{Value, json};

use super::scene::{Scene, counts, everyone, numbered_by, numbers, problem_of, problems};
use crate::{
    env::{Directory, PersonSpec},
    scenario::{await_scope, eventually},
};

/// A rule that takes the last four digits of telephone numbers that begin with 1555.
fn from_telephone_number(further: &Value) -> Value {
    let attribute = json!({"name": "telephoneNumber", "normalize": "Digits", "pattern": r"^1555(\d{4})$", "number": "$1"});
    json!({"source": "Attribute", "attribute": super::scene::with(attribute, further.clone())})
}

fn with_telephone(name: &str, number: &str) -> PersonSpec {
    PersonSpec::named(name).with("telephoneNumber", number)
}

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

    // Nobody has to ask for a sync: the rule changed.
    scene.rule("hq-numbers", numbers("2000", "2002")).await;
    await_scope(&scene.namespace, "staff", "complete", |_, status| {
        status.users.is_some_and(|users| users.matched == 4)
    })
    .await;
    assert_eq!(scene.number(&late.login).await.as_deref(), Some("2002"));
    assert_eq!(
        scene.number(&ada.login).await.as_deref(),
        Some("2000"),
        "nobody was renumbered"
    );
    scene.finish().await;
}

#[tokio::test]
async fn numbers_of_finance_come_from_what_people_typed() {
    let finance = format!("OU=Finance,OU=Staff,{}", Directory::BASE_DN);
    let scene = Scene::reading("number", &finance).await;
    scene.rule("hq-numbers", from_telephone_number(&json!({}))).await;
    let scope = scene.scope("staff", everyone()).await;

    let alive = "(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2))(!(accountExpires=132223104000000000)))";
    let people = scene
        .ou
        .search(&finance, alive, &["sAMAccountName", "telephoneNumber"])
        .await;
    let (mut expected, mut missing, mut invalid) = (BTreeMap::new(), 0, 0);
    for person in &people {
        let login = person.value("sAMAccountName").unwrap();
        let digits: Option<String> = person
            .value("telephoneNumber")
            .map(|value| value.chars().filter(char::is_ascii_digit).collect());
        match digits.as_deref().map(|digits| digits.strip_prefix("1555")) {
            None => missing += 1,
            Some(Some(number)) if number.len() == 4 => {
                expected.insert(login.to_owned(), number.to_owned());
            }
            Some(_) => invalid += 1,
        }
    }
    let doppels = ["udo.doppel", "ute.doppel"];
    for doppel in doppels {
        assert_eq!(expected.remove(doppel).as_deref(), Some("2008"));
    }
    assert!(expected.len() > 10 && missing > 0 && invalid > 0, "{expected:?}");
    assert_eq!(scene.numbers().await, expected);
    assert_eq!(
        scene.logins().await,
        expected.into_keys().collect::<Vec<_>>(),
        "nobody is created without"
    );
    let count = |reason| {
        problems(&scope)
            .iter()
            .filter(|(_, theirs)| *theirs == reason)
            .count()
    };
    assert_eq!(
        (count(NumberMissing), count(NumberInvalid), count(NumberTaken)),
        (missing, invalid, 2)
    );
    for (doppel, other) in doppels.into_iter().zip(["ute.doppel", "udo.doppel"]) {
        let problem = problem_of(&scope, doppel);
        assert_eq!(
            (problem.reason, problem.other.as_deref()),
            (NumberTaken, Some(other))
        );
    }
    assert_eq!(
        problem_of(&scope, "lothar.gesperrt").reason,
        NumberMissing,
        "a lockout takes nothing away"
    );
    scene.finish().await;
}

#[tokio::test]
async fn without_the_attribute_a_number_may_be_counted_but_never_instead_of_a_wrong_value() {
    let scene = Scene::new("number").await;
    let rule = super::scene::with(
        from_telephone_number(&json!({"whenMissing": "Sequential"})),
        json!({"ranges": [{"from": "2000", "to": "2001"}]}),
    );
    scene.rule("hq-numbers", rule).await;
    let [from, none, wrong, blank, emergency] = scene
        .ou
        .people([
            with_telephone("Ada From", "+1 (555) 2000"),
            PersonSpec::named("Nick None"),
            with_telephone("Walt Wrong", "n/a"),
            with_telephone("Bo Blank", "  \u{a0}"),
            with_telephone("Emil Emergency", "1555 0112"),
        ])
        .await
        .try_into()
        .unwrap();
    scene.system(json!({"emergency": ["0112"]})).await;
    let scope = scene.scope("staff", everyone()).await;
    assert_eq!(
        scene.number(&from.login).await.as_deref(),
        Some("2000"),
        "what is named comes first"
    );
    let counted: BTreeMap<_, _> = scene.numbers().await;
    assert_eq!(
        counted.get(&blank.login).map(String::as_str),
        Some("2001"),
        "blank is missing"
    );
    let mut expected = [
        (&*wrong.login, NumberInvalid),
        (&emergency.login, NumberInvalid),
        (&none.login, RangeExhausted),
    ];
    expected.sort_unstable();
    assert_eq!(problems(&scope), expected);
    assert!(
        problem_of(&scope, &wrong.login).message.contains("\"n/a\""),
        "the value is shown"
    );
    assert!(
        problem_of(&scope, &emergency.login)
            .message
            .contains("emergency number")
    );
    scene.finish().await;
}

#[tokio::test]
async fn nobody_is_renumbered_when_the_attribute_changes() {
    let scene = Scene::new("number").await;
    scene.rule("hq-numbers", from_telephone_number(&json!({}))).await;
    let [ada, grace, late] = scene
        .ou
        .people([
            with_telephone("Ada Lovelace", "1555-2001"),
            with_telephone("Grace Hopper", "1555.2002"),
            with_telephone("Late Comer", ""),
        ]
        .map(|spec| match spec {
            // AD takes no empty values.
            spec if format!("{spec:?}").contains("Late") => spec.without("telephoneNumber"),
            spec => spec,
        }))
        .await
        .try_into()
        .unwrap();
    let scope = scene.scope("staff", everyone()).await;
    assert_eq!(problems(&scope), [(&*late.login, NumberMissing)]);

    scene.ou.set(&ada.dn, "telephoneNumber", &["1555-2003"]).await;
    scene.ou.set(&grace.dn, "telephoneNumber", &[]).await;
    scene.ou.set(&late.dn, "telephoneNumber", &["1555 2001"]).await;
    let scope = scene.sync("staff").await;
    assert_eq!(counts(&scope), [3, 0, 0, 3, 2, 1]);
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("2001"));
    assert_eq!(
        scene.number(&grace.login).await.as_deref(),
        Some("2002"),
        "a user keeps theirs"
    );
    let spec = scene.user(&ada.login).await.spec;
    assert_eq!(
        spec.phone.as_deref(),
        Some("1555-2003"),
        "the field follows the directory all the same"
    );
    let problem = problem_of(&scope, &late.login);
    assert_eq!(
        (problem.reason, problem.other.as_deref()),
        (NumberTaken, Some(&*ada.login))
    );
    assert_eq!(problem_of(&scope, &grace.login).reason, NumberMissing);
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
        .user_when(&before.name_any(), "is made again", |user| {
            user.uid() != before.uid()
        })
        .await;
    assert_eq!(again.spec, before.spec);

    let held = scene.extension("2000").await.unwrap();
    extensions
        .delete("hq-2000", &DeleteParams::default())
        .await
        .unwrap();
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

    let rules = scene.namespace.api::<adsync::api::ExtensionRule>();
    rules.delete("spare", &DeleteParams::default()).await.unwrap();
    await_scope(&scene.namespace, "staff", "not ready", |_, status| {
        crate::scenario::has(status, "Ready", "False")
    })
    .await;
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("3000"));
    scene.rule("spare", numbers("3000", "3009")).await;
    crate::scenario::await_synced(&scene.namespace, "staff").await;
    scene.finish().await;
}
