//! Newcomers, and the PhoneUsers that people made for them before.

use adsync::api::{
    phone_user::Origin,
    sync_scope::ProblemReason::{AttributeMissing, DuplicateMatch, KeyMissing, NoTargetUser},
};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::scene::{Scene, counts, everyone, problem_of, problems, with};
use crate::env::PersonSpec;

/// Everybody, matched by these properties.
fn matched_by(matching: &Value) -> Value {
    with(everyone(), json!({"match": matching}))
}

#[tokio::test]
async fn each_property_finds_the_user_that_people_made() {
    let scene = Scene::new("match").await;
    let people: [_; 5] = scene
        .ou
        .people([
            PersonSpec::named("Wanda Login"),
            PersonSpec::named("Uma Principal"),
            PersonSpec::named("Max Mail"),
            PersonSpec::named("Paul Personnel").with("employeeID", "0042"),
            PersonSpec::named("Nora Name"),
        ])
        .await
        .try_into()
        .unwrap();
    let [wanda, uma, max, _, _] = &people;
    for (name, spec) in [
        ("by-login", json!({"login": wanda.login.to_uppercase()})),
        ("by-principal", json!({"userPrincipalName": uma.user_principal_name})),
        ("by-mail", json!({"email": format!(" {} ", max.mail)})),
        ("by-id", json!({"employeeID": "0042"})),
        ("by-name", json!({"firstName": "nora", "lastName": "NAME"})),
        // An ID is text: leading zeros count.
        ("stranger", json!({"employeeID": "42"})),
    ] {
        scene.make_user(name, spec).await;
    }
    let by = ["WindowsLogin", "UserName", "Email", "EmployeeID", "FirstLastName"];
    let scope = scene.scope("staff", matched_by(&json!({"by": by}))).await;
    assert_eq!(counts(&scope), [5, 0, 0, 5, 5, 0]);
    for (person, name) in people
        .iter()
        .zip(["by-login", "by-principal", "by-mail", "by-id", "by-name"])
    {
        let user = scene.user(&person.login).await;
        assert_eq!(user.name_any(), name);
        assert_eq!(user.spec.directory.unwrap().origin, Origin::Adopted);
        assert_eq!(
            user.spec.email.as_deref(),
            Some(&*person.mail),
            "what people had written is overruled once"
        );
    }
    assert_eq!(scene.users().await.len(), 6, "nobody was created");
    scene.finish().await;
}

#[tokio::test]
async fn a_composed_and_a_decomposed_mueller_are_the_same() {
    let scene = Scene::new("match").await;
    let [composed, decomposed] = scene
        .ou
        .people([
            PersonSpec::named("One Person")
                .with("givenName", "Jürgen")
                .with("sn", "M\u{fc}ller")
                .with("mail", "j\u{fc}rgen@example.com"),
            PersonSpec::named("Another Person")
                .with("givenName", "Karla")
                .with("sn", "Mu\u{308}ller")
                .with("mail", "ka\u{308}rla@example.com"),
        ])
        .await
        .try_into()
        .unwrap();
    scene
        .make_user(
            "by-name",
            json!({"firstName": "Ju\u{308}rgen", "lastName": "MU\u{308}LLER"}),
        )
        .await;
    scene
        .make_user("by-mail", json!({"email": "K\u{e4}rla@example.com"}))
        .await;
    let scope = scene
        .scope("staff", matched_by(&json!({"by": ["Email", "FirstLastName"]})))
        .await;
    assert_eq!(counts(&scope), [2, 0, 0, 2, 2, 0]);
    assert_eq!(scene.user(&composed.login).await.name_any(), "by-name");
    let user = scene.user(&decomposed.login).await;
    assert_eq!(user.name_any(), "by-mail");
    assert_eq!(
        user.spec.last_name.as_deref(),
        Some("M\u{fc}ller"),
        "it is written composed"
    );
    scene.finish().await;
}

#[tokio::test]
async fn several_users_or_several_people_are_duplicates_and_nobody_is_linked_or_created() {
    let scene = Scene::new("match").await;
    let mail = |name, mail| PersonSpec::named(name).with("mail", mail);
    let [tim, ina, grace, ada] = scene
        .ou
        .people([
            mail("Tim Berger", "support@example.com"),
            mail("Ina Lorenz", "Support@example.com"),
            mail("Grace Hopper", "grace@example.com"),
            mail("Ada Lovelace", "ada@example.com"),
        ])
        .await
        .try_into()
        .unwrap();
    scene.make_user("desk", json!({"email": "support@example.com"})).await;
    scene.make_user("navy", json!({"email": "grace@example.com"})).await;
    // The second property would tell them apart, and is not asked.
    scene
        .make_user("yale", json!({"email": "grace@example.com", "login": grace.login}))
        .await;
    let scope = scene
        .scope("staff", matched_by(&json!({"by": ["Email", "WindowsLogin"]})))
        .await;
    assert_eq!(counts(&scope), [4, 0, 0, 4, 1, 3]);
    let mut expected = [
        (&*tim.login, DuplicateMatch),
        (&ina.login, DuplicateMatch),
        (&grace.login, DuplicateMatch),
    ];
    expected.sort_unstable();
    assert_eq!(problems(&scope), expected);
    let problem = problem_of(&scope, &tim.login);
    assert_eq!(problem.mail.as_deref(), Some("support@example.com"));
    assert_eq!(problem.other.as_deref(), Some(&*ina.login), "{problem:?}");
    assert_eq!(problem_of(&scope, &grace.login).other.as_deref(), Some("navy"));
    let mut expected = [&*ada.login, "desk", &grace.login, "navy"];
    expected.sort_unstable();
    assert_eq!(scene.logins().await, expected, "the three that people made, and Ada's");
    scene.finish().await;
}

#[tokio::test]
async fn two_users_with_one_mail_address_are_created_and_neither_signs_in_with_it() {
    let scene = Scene::new("match").await;
    let mail = |name| PersonSpec::named(name).with("mail", "support@example.com");
    let [tim, ina] = scene
        .ou
        .people([mail("Tim Berger"), mail("Ina Lorenz")])
        .await
        .try_into()
        .unwrap();
    let scope = scene.scope("staff", everyone()).await;
    assert_eq!(counts(&scope), [2, 0, 0, 2, 2, 0]);
    for (person, other) in [(&tim, &ina), (&ina, &tim)] {
        let spec = scene.user(&person.login).await.spec;
        assert_eq!(spec.email.as_deref(), Some("support@example.com"));
        assert_eq!(spec.login_names.unwrap(), [&*person.user_principal_name]);
        let problem = problem_of(&scope, &person.login);
        assert_eq!(
            (problem.reason, problem.other.as_deref()),
            (DuplicateMatch, Some(&*other.login))
        );
        assert!(problem.message.contains("support@example.com"), "{}", problem.message);
    }
    scene.finish().await;
}

#[tokio::test]
async fn with_on_no_match_report_only_users_that_exist_are_linked() {
    let scene = Scene::new("match").await;
    let [ada, grace, nobody] = scene
        .ou
        .people([
            PersonSpec::named("Ada Lovelace"),
            PersonSpec::named("Grace Hopper"),
            PersonSpec::named("Nick Nomail").without("mail"),
        ])
        .await
        .try_into()
        .unwrap();
    scene.make_user("countess", json!({"email": ada.mail})).await;
    let scope = scene
        .scope("staff", matched_by(&json!({"by": ["Email"], "onNoMatch": "Report"})))
        .await;
    assert_eq!(counts(&scope), [3, 0, 0, 3, 1, 2]);
    assert_eq!(scene.logins().await, [&*ada.login]);
    assert_eq!(problem_of(&scope, &grace.login).reason, NoTargetUser);
    assert_eq!(problem_of(&scope, &nobody.login).reason, KeyMissing);

    // A user that people make later is found at once.
    scene.make_user("admiral", json!({"email": grace.mail})).await;
    let user = scene
        .user_when("admiral", "is linked", |user| user.spec.directory.is_some())
        .await;
    assert_eq!(user.spec.login.as_deref(), Some(&*grace.login));
    scene.finish().await;
}

#[tokio::test]
async fn without_any_key_people_are_created_nevertheless() {
    let scene = Scene::new("match").await;
    let nick = scene.ou.person(PersonSpec::named("Nick Nomail").without("mail")).await;
    // An empty value matches nobody.
    scene.make_user("blank", json!({"email": " "})).await;
    let scope = scene.scope("staff", matched_by(&json!({"by": ["Email"]}))).await;
    assert_eq!(counts(&scope), [1, 0, 0, 1, 1, 0]);
    let user = scene.user(&nick.login).await;
    assert_eq!(user.spec.email, None);
    assert_eq!(user.spec.login_names.unwrap(), [nick.user_principal_name]);
    scene.finish().await;
}

#[tokio::test]
async fn nobody_is_provisioned_without_a_required_field() {
    let scene = Scene::new("match").await;
    let [ada, nick] = scene
        .ou
        .people([
            PersonSpec::named("Ada Lovelace"),
            PersonSpec::named("Nick Nomail").without("mail"),
        ])
        .await
        .try_into()
        .unwrap();
    let scope = scene.scope("staff", matched_by(&json!({"require": ["email"]}))).await;
    assert_eq!(counts(&scope), [2, 0, 0, 2, 1, 1]);
    let problem = problem_of(&scope, &nick.login);
    assert_eq!((problem.reason, problem.mail.clone()), (AttributeMissing, None));
    assert!(problem.message.contains("email"), "{}", problem.message);
    assert_eq!(scene.logins().await, [&*ada.login]);

    scene.ou.set(&nick.dn, "mail", &["nick@example.com"]).await;
    let scope = scene.sync("staff").await;
    assert_eq!(counts(&scope), [2, 0, 0, 2, 2, 0]);
    // Who is linked stays so, whatever is required.
    scene.ou.set(&nick.dn, "mail", &[]).await;
    let scope = scene.sync("staff").await;
    assert_eq!(counts(&scope), [2, 0, 0, 2, 2, 0]);
    assert_eq!(scene.user(&nick.login).await.spec.email, None);
    scene.finish().await;
}
