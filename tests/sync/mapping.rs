//! What the fields of a PhoneUser hold.

use adsync::api::{
    FIELD_MANAGER, PhoneUser, labels,
    phone_user::{Origin, PhoneUserSpec},
    sync_scope::ProblemReason::{DuplicateMatch, InvalidRecord},
};
use kube::ResourceExt;
use serde_json::json;

use super::scene::{Scene, everyone, problem_of, problems, with};
use crate::{env::PersonSpec, scenario::await_scope};

/// Whether the operator applies a field.
fn is_ours(user: &PhoneUser, field: &str) -> bool {
    user.managed_fields().iter().any(|entry| {
        entry.manager.as_deref() == Some(FIELD_MANAGER)
            && entry
                .fields_v1
                .as_ref()
                .is_some_and(|fields| fields.0["f:spec"].get(format!("f:{field}")).is_some())
    })
}

#[tokio::test]
async fn every_field_has_its_attribute_as_default() {
    let scene = Scene::new("map").await;
    let spec = PersonSpec::named("Ada Lovelace")
        .with("displayName", "  Ada, Countess of Lovelace ")
        .with("givenName", "Ada")
        .with("employeeID", "0815")
        .with("department", "Engines")
        .with("title", "Mathematician")
        .with("telephoneNumber", "+44 20 7946-0000")
        .with("mobile", "+44 7700 900000")
        .with("physicalDeliveryOfficeName", "St James's Square")
        .with("company", "Analytical & Sons");
    let ada = scene.ou.person(spec).await;
    scene.scope("staff", everyone()).await;
    let user = scene.user(&ada.login).await;
    let link = user.spec.directory.clone().unwrap();
    assert_eq!(user.name_any(), format!("hq-{}", link.object_guid));
    assert_eq!(
        (link.config_ref.name.as_str(), link.scope_ref.name.as_str(), link.origin),
        ("corp", "staff", Origin::Provisioned)
    );
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        user.spec,
        PhoneUserSpec {
            phone_system_ref: user.spec.phone_system_ref.clone(),
            link: user.spec.link,
            login: text(&ada.login),
            user_principal_name: text(&ada.user_principal_name),
            login_names: Some(vec![ada.user_principal_name.clone()]),
            display_name: text("Ada, Countess of Lovelace"),
            first_name: text("Ada"),
            last_name: text("Lovelace"),
            email: text(&ada.mail),
            employee_id: text("0815"),
            enabled: Some(true),
            department: text("Engines"),
            title: text("Mathematician"),
            phone: text("+44 20 7946-0000"),
            mobile: text("+44 7700 900000"),
            office: text("St James's Square"),
            company: text("Analytical & Sons"),
            organizational_unit: text(scene.ou.dn()),
            extension: text("2000"),
            directory: Some(link),
        }
    );
    let labels = [
        (labels::MANAGED_BY, "adsync"),
        (labels::SCOPE, "staff"),
        (labels::PHONE_SYSTEM, "hq"),
    ];
    for (label, value) in labels {
        assert_eq!(user.labels()[label], value);
    }

    // What goes away in the directory goes away here.
    scene.ou.set(&ada.dn, "title", &[]).await;
    scene.sync("staff").await;
    assert_eq!(scene.user(&ada.login).await.spec.title, None);
    scene.finish().await;
}

#[tokio::test]
async fn a_field_can_come_from_another_attribute() {
    let scene = Scene::new("map").await;
    let spec = PersonSpec::named("Ada Lovelace")
        .with("title", "Mathematician")
        .with("info", "Countess")
        .with("initials", "AL");
    let ada = scene.ou.person(spec).await;
    let map = json!({"map": {
        "title": {"attribute": "INFO"},
        "login": {"attribute": "userPrincipalName"},
        "company": {"attribute": "initials"},
        // Nobody has it; it may not even exist in the schema.
        "office": {"attribute": "extensionAttribute15"},
    }});
    scene.scope("staff", with(everyone(), map)).await;
    let spec = scene.user(&ada.user_principal_name).await.spec;
    assert_eq!(spec.title.as_deref(), Some("Countess"));
    assert_eq!(spec.company.as_deref(), Some("AL"));
    assert_eq!(spec.office, None);
    scene.finish().await;
}

#[tokio::test]
async fn an_ignored_field_keeps_its_value_and_is_let_go_of_until_it_is_mapped_again() {
    let scene = Scene::new("map").await;
    let ada = scene
        .ou
        .person(PersonSpec::named("Ada Lovelace").with("title", "Mathematician"))
        .await;
    scene.scope("staff", everyone()).await;
    let before = scene.user(&ada.login).await;
    assert!(is_ours(&before, "title"));

    let ignored = with(
        everyone(),
        json!({"map": {"title": {"policy": "Ignore"}, "phone": {"policy": "Ignore"}}}),
    );
    scene.scope("staff", ignored).await;
    let user = scene.user(&ada.login).await;
    assert_eq!(user.spec.title.as_deref(), Some("Mathematician"));
    assert!(!is_ours(&user, "title") && is_ours(&user, "login"));
    assert_eq!(
        user.metadata.generation, before.metadata.generation,
        "letting go changes nothing"
    );
    scene.ou.set(&ada.dn, "title", &["Analyst"]).await;
    scene
        .edit_user(&user.name_any(), json!({"title": "Countess", "phone": "7"}))
        .await;
    scene.sync("staff").await;
    let spec = scene.user(&ada.login).await.spec;
    assert_eq!(
        (spec.title.as_deref(), spec.phone.as_deref()),
        (Some("Countess"), Some("7"))
    );

    scene.scope("staff", everyone()).await;
    let user = scene.user(&ada.login).await;
    assert_eq!(user.spec.title.as_deref(), Some("Analyst"));
    assert!(is_ours(&user, "title"));
    assert_eq!(
        user.spec.phone.as_deref(),
        Some("7"),
        "the directory has no value to put there, and the other is not the operator's"
    );
    scene.finish().await;
}

#[tokio::test]
async fn with_bare_usernames_people_sign_in_with_short_forms_that_are_theirs_alone() {
    let scene = Scene::new("map").await;
    let [ada, other] = scene
        .ou
        .people([
            PersonSpec::named("Ada Lovelace").with("mail", "countess@example.com"),
            // The same before the @.
            PersonSpec::named("Ada Byron").with("mail", "Countess@example.org"),
        ])
        .await
        .try_into()
        .unwrap();
    let both = [(&ada, "countess@example.com"), (&other, "Countess@example.org")];
    scene.scope("staff", everyone()).await;
    let names = async |login: &str| scene.user(login).await.spec.login_names.unwrap();
    for (person, mail) in both {
        assert_eq!(names(&person.login).await, [&person.user_principal_name, mail]);
    }

    // Nobody has to ask for a sync: the directory's configuration changed.
    scene
        .directory(json!({"baseDN": scene.ou.dn(), "login": {"bareUsername": true}}))
        .await;
    let scope = await_scope(&scene.namespace, "staff", "told of the new names", |_, status| {
        status.problems.len() == 2
    })
    .await;
    for (person, mail) in both {
        assert_eq!(
            names(&person.login).await,
            [&person.user_principal_name, mail, &*person.login]
        );
    }
    let mut expected = [(&*ada.login, DuplicateMatch), (&other.login, DuplicateMatch)];
    expected.sort_unstable();
    assert_eq!(problems(&scope), expected);
    assert_eq!(problem_of(&scope, &ada.login).other.as_deref(), Some(&*other.login));
    scene.finish().await;
}

#[tokio::test]
async fn what_a_person_edits_on_the_phone_side_is_repaired_at_once() {
    let scene = Scene::new("map").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    scene.scope("staff", everyone()).await;
    let name = scene.user(&ada.login).await.name_any();
    let edit = r#"{"spec": {"login": "countess", "displayName": "The Countess", "enabled": false}}"#;
    scene
        .namespace
        .kubectl(&["patch", "phoneuser", &name, "--type=merge", "--patch", edit])
        .await;
    let user = scene
        .user_when(&name, "is repaired", |user| {
            user.spec.login.as_deref() == Some(&*ada.login) && user.spec.enabled == Some(true)
        })
        .await;
    assert_eq!(user.spec.display_name.as_deref(), Some("Ada Lovelace"));
    scene.finish().await;
}

#[tokio::test]
async fn a_value_that_does_not_fit_costs_its_field_and_line_breaks_become_blanks() {
    let scene = Scene::new("map").await;
    let spec = PersonSpec::named("Ada Lovelace").with("info", "Countess\r\n\tof  Lovelace\n");
    let ada = scene.ou.person(spec).await;
    let spec = with(everyone(), json!({"map": {"title": {"attribute": "info"}}}));
    let scope = scene.scope("staff", spec).await;
    assert_eq!(problems(&scope), []);
    let title = async || scene.user(&ada.login).await.spec.title;
    assert_eq!(title().await.as_deref(), Some("Countess of  Lovelace"));

    scene.ou.set(&ada.dn, "info", &[&"ü".repeat(257)]).await;
    scene.ou.set(&ada.dn, "department", &["Engines"]).await;
    let scope = scene.sync("staff").await;
    assert_eq!(
        title().await.as_deref(),
        Some("Countess of  Lovelace"),
        "it is left as it is"
    );
    let spec = scene.user(&ada.login).await.spec;
    assert_eq!(spec.department.as_deref(), Some("Engines"), "and costs nothing else");
    let problem = problem_of(&scope, &ada.login);
    assert_eq!(problem.reason, InvalidRecord);
    assert!(
        problem.message.contains("spec.title would have 257 characters"),
        "{}",
        problem.message
    );

    scene.ou.set(&ada.dn, "info", &[&"ü".repeat(256)]).await;
    let scope = scene.sync("staff").await;
    assert_eq!(problems(&scope), []);
    assert_eq!(
        title().await,
        Some("ü".repeat(256)),
        "characters are counted, not bytes"
    );
    scene.finish().await;
}

#[tokio::test]
async fn who_gets_another_name_keeps_user_and_number() {
    let scene = Scene::new("map").await;
    let ada = scene.ou.person("Ada Byron").await;
    scene.scope("staff", everyone()).await;
    let before = scene.user(&ada.login).await;
    let renamed = scene.ou.rename(&ada.dn, "Ada Lovelace").await;
    let login = format!("a.l{}", &ada.login[ada.login.len() - 3..]);
    for (attribute, value) in [
        ("sAMAccountName", &*login),
        ("userPrincipalName", &format!("{login}@example.com")),
        ("sn", "Lovelace"),
        ("displayName", "Ada Lovelace"),
        ("mail", "lovelace@example.com"),
    ] {
        scene.ou.set(&renamed, attribute, &[value]).await;
    }
    let scope = scene.sync("staff").await;
    assert_eq!(problems(&scope), []);
    let after = scene.user(&login).await;
    assert_eq!(
        (after.uid(), &after.spec.extension, &after.spec.directory),
        (before.uid(), &before.spec.extension, &before.spec.directory)
    );
    assert_eq!(after.spec.last_name.as_deref(), Some("Lovelace"));
    assert_eq!(scene.users().await.len(), 1);
    scene.finish().await;
}

#[tokio::test]
async fn two_people_who_swap_their_mail_addresses_swap_their_login_names() {
    let scene = Scene::new("map").await;
    let mail = |name, mail| PersonSpec::named(name).with("mail", mail);
    let [ada, grace] = scene
        .ou
        .people([
            mail("Ada Lovelace", "desk@example.com"),
            mail("Grace Hopper", "door@example.com"),
        ])
        .await
        .try_into()
        .unwrap();
    scene.scope("staff", everyone()).await;
    scene.ou.set(&ada.dn, "mail", &["door@example.com"]).await;
    scene.ou.set(&grace.dn, "mail", &["Desk@example.com"]).await;
    let scope = scene.sync("staff").await;
    assert_eq!(problems(&scope), []);
    for (person, mail) in [(&ada, "door@example.com"), (&grace, "Desk@example.com")] {
        let spec = scene.user(&person.login).await.spec;
        assert_eq!(spec.email.as_deref(), Some(mail));
        assert_eq!(spec.login_names.unwrap(), [&*person.user_principal_name, mail]);
    }
    scene.finish().await;
}
