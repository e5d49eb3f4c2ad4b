//! Numbers that the directory holds.

use std::collections::BTreeMap;

use adsync::api::sync_scope::ProblemReason::{NumberInvalid, NumberMissing, NumberTaken, RangeExhausted};
use serde_json::{Value, json};

use super::scene::{Scene, counts, everyone, problem_of, problems, with};
use crate::{
    env::{Directory, PersonSpec},
    scenario::await_scope,
};

/// A rule that takes the last four digits of telephone numbers that begin with 1555.
fn from_telephone_number(further: &Value) -> Value {
    let attribute =
        json!({"name": "telephoneNumber", "normalize": "Digits", "pattern": r"^1555(\d{4})$", "number": "$1"});
    json!({"source": "Attribute", "attribute": with(attribute, further.clone())})
}

fn with_telephone(name: &str, number: &str) -> PersonSpec {
    PersonSpec::named(name).with("telephoneNumber", number)
}

#[tokio::test]
async fn numbers_of_finance_come_from_what_people_typed() {
    let finance = format!("OU=Finance,OU=Staff,{}", Directory::BASE_DN);
    let scene = Scene::reading("number", &finance).await;
    scene.rule("hq-numbers", from_telephone_number(&json!({}))).await;
    let scope = scene.scope("staff", everyone()).await;

    let alive =
        "(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2))(!(accountExpires=132223104000000000)))";
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
    let count = |reason| problems(&scope).iter().filter(|(_, theirs)| *theirs == reason).count();
    assert_eq!(
        (count(NumberMissing), count(NumberInvalid), count(NumberTaken)),
        (missing, invalid, 2)
    );
    for (doppel, other) in doppels.into_iter().zip(["ute.doppel", "udo.doppel"]) {
        let problem = problem_of(&scope, doppel);
        assert_eq!((problem.reason, problem.other.as_deref()), (NumberTaken, Some(other)));
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
    let rule = with(
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
async fn a_number_follows_its_attribute_and_a_missing_one_takes_none_away() {
    let scene = Scene::new("number").await;
    scene.rule("hq-numbers", from_telephone_number(&json!({}))).await;
    let [ada, grace, late] = scene
        .ou
        .people([
            with_telephone("Ada Lovelace", "1555-2001"),
            with_telephone("Grace Hopper", "1555.2002"),
            PersonSpec::named("Late Comer"),
        ])
        .await
        .try_into()
        .unwrap();
    let scope = scene.scope("staff", everyone()).await;
    assert_eq!(problems(&scope), [(&*late.login, NumberMissing)]);

    scene.ou.set(&ada.dn, "telephoneNumber", &["1555-2003"]).await;
    scene.ou.set(&grace.dn, "telephoneNumber", &[]).await;
    scene.ou.set(&late.dn, "telephoneNumber", &["1555 2001"]).await;
    let scope = scene.sync("staff").await;
    assert_eq!(counts(&scope), [3, 0, 0, 3, 3, 0]);
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("2003"));
    assert_eq!(
        scene.number(&late.login).await.as_deref(),
        Some("2001"),
        "what ada left"
    );
    assert_eq!(
        scene.number(&grace.login).await.as_deref(),
        Some("2002"),
        "a user keeps theirs"
    );
    let spec = scene.user(&ada.login).await.spec;
    assert_eq!(
        spec.phone.as_deref(),
        Some("1555-2003"),
        "the field follows the directory, too"
    );
    assert_eq!(problem_of(&scope, &grace.login).reason, NumberMissing);
    scene.finish().await;
}

#[tokio::test]
async fn a_rule_that_changes_its_source_reads_the_new_attribute() {
    let scene = Scene::new("number").await;
    let ada = scene
        .ou
        .person(PersonSpec::named("Ada Lovelace").with("ipPhone", "2004"))
        .await;
    scene.scope("staff", everyone()).await;
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("2000"));
    let grace = scene
        .ou
        .person(PersonSpec::named("Grace Hopper").with("ipPhone", "2005"))
        .await;
    scene
        .rule(
            "hq-numbers",
            json!({"source": "Attribute", "attribute": {"name": "ipPhone"}}),
        )
        .await;
    await_scope(&scene.namespace, "staff", "complete", |_, status| {
        status.users.is_some_and(|users| users.matched == 2)
    })
    .await;
    assert_eq!(scene.number(&grace.login).await.as_deref(), Some("2005"));
    assert_eq!(
        scene.number(&ada.login).await.as_deref(),
        Some("2004"),
        "what the directory has is hers"
    );
    scene.finish().await;
}
