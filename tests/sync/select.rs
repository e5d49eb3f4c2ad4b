//! Who is in a scope.

use kube::ResourceExt;
use serde_json::json;

use super::scene::{Scene, counts, everyone, left, numbered_by, phone_user, with};
use crate::env::PersonSpec;

#[tokio::test]
async fn everyone_is_whoever_the_directory_reads() {
    let scene = Scene::new("select").await;
    let unit = scene.ou.unit("Attic").await;
    let ada = scene.ou.person("Ada Lovelace").await;
    let grace = unit.person("Grace Hopper").await;
    let scope = scene.scope("staff", everyone()).await;
    assert_eq!(scene.logins().await, [ada.login, grace.login]);
    assert_eq!(counts(&scope), [2, 0, 0, 2, 2, 0]);
    scene.finish().await;
}

#[tokio::test]
async fn units_or_groups_and_the_filter_select_and_a_person_in_several_is_one() {
    let scene = Scene::new("select").await;
    let (north, south, outside) = (
        scene.ou.unit("North").await,
        scene.ou.unit("South").await,
        scene.ou.unit("Outside").await,
    );
    let staff = |name| PersonSpec::named(name).with("employeeType", "staff");
    let [ada, guest] = north
        .people([
            staff("Ada Lovelace"),
            PersonSpec::named("Gus Guest").with("employeeType", "guest"),
        ])
        .await
        .try_into()
        .unwrap();
    let grace = south.person(staff("Grace Hopper")).await;
    let [radia, _stranger] = outside
        .people([staff("Radia Perlman"), staff("Otto Outside")])
        .await
        .try_into()
        .unwrap();
    let phones = scene.ou.group("Phones", &[&ada.dn, &radia.dn, &guest.dn]).await;
    let pilots = scene.ou.group("Pilots", &[&ada.dn]).await;
    let scope = scene
        .scope(
            "staff",
            json!({"users": {
                "organizationalUnits": [{"dn": north.dn()}, {"dn": south.dn()}],
                "groups": [{"dn": phones}, {"dn": pilots}],
                "filter": "(employeeType=Staff)",
            }}),
        )
        .await;
    assert_eq!(scene.logins().await, [ada.login, grace.login, radia.login]);
    assert_eq!(counts(&scope), [3, 0, 0, 3, 3, 0]);
    scene.finish().await;
}

#[tokio::test]
async fn members_of_groups_in_a_group_count_unless_nested_is_false() {
    let scene = Scene::new("select").await;
    let [direct, indirect, third] = scene
        .ou
        .people(["Dora Direct", "Ian Indirect", "Theo Third"])
        .await
        .try_into()
        .unwrap();
    let inmost = scene.ou.group("Inmost", &[&third.dn]).await;
    let inner = scene.ou.group("Inner", &[&indirect.dn, &inmost]).await;
    let outer = scene.ou.group("Outer", &[&direct.dn, &inner]).await;
    // A circle.
    scene.ou.add_member(&inmost, &outer).await;
    let scope = scene
        .scope("staff", json!({"users": {"groups": [{"dn": outer, "nested": false}]}}))
        .await;
    assert_eq!(scene.logins().await, [&*direct.login]);
    assert_eq!(counts(&scope), [1, 0, 0, 1, 1, 0]);

    let scope = scene
        .scope("staff", json!({"users": {"groups": [{"dn": outer}]}}))
        .await;
    assert_eq!(scene.logins().await, [direct.login, indirect.login, third.login]);
    assert_eq!(counts(&scope), [3, 0, 0, 3, 3, 0]);
    scene.finish().await;
}

#[tokio::test]
async fn a_primary_group_has_those_whose_primary_group_it_is() {
    let scene = Scene::new("select").await;
    let [ada, grace] = scene
        .ou
        .people(["Ada Lovelace", "Grace Hopper"])
        .await
        .try_into()
        .unwrap();
    let group = scene.ou.group("Contractors", &[&ada.dn, &grace.dn]).await;
    scene.ou.make_primary_group(&ada.dn, &group).await;
    let members = scene.ou.entry(&group, &["member"]).await;
    assert_eq!(members.values("member"), [&*grace.dn], "AD shows only the others");
    scene
        .scope("staff", json!({"users": {"groups": [{"dn": group, "nested": false}]}}))
        .await;
    assert_eq!(scene.logins().await, [ada.login, grace.login]);
    scene.finish().await;
}

#[tokio::test]
async fn exclusions_by_unit_group_filter_and_login_win() {
    let scene = Scene::new("select").await;
    let external = scene.ou.unit("External").await;
    let [ada, in_group, _by_filter, by_login] = scene
        .ou
        .people([
            PersonSpec::named("Ada Lovelace"),
            PersonSpec::named("Gus Group"),
            PersonSpec::named("Fay Filter").with("title", "Visitor of the day"),
            PersonSpec::named("Lou Login"),
        ])
        .await
        .try_into()
        .unwrap();
    let contractor = external.person("Carl Contractor").await;
    let inner = scene.ou.group("Inner", &[&in_group.dn]).await;
    let outer = scene.ou.group("Outer", &[&inner, &contractor.dn]).await;
    let spec = with(
        everyone(),
        json!({"exclude": [
            {"name": "external", "organizationalUnit": {"dn": external.dn()}},
            {"name": "outer", "group": {"dn": outer}},
            {"name": "visitors", "filter": "(title=visitor*)"},
            {"name": "one", "login": by_login.login.to_uppercase()},
        ]}),
    );
    let scope = scene.scope("staff", spec.clone()).await;
    assert_eq!(scene.logins().await, [&*ada.login]);
    assert_eq!(
        counts(&scope),
        [5, 4, 0, 1, 1, 0],
        "one who is excluded twice counts once"
    );

    // Who comes under an exclusion later is let go of: the user stays, free to edit.
    scene.ou.set(&ada.dn, "title", &["Visitor for ever"]).await;
    let scope = scene.sync("staff").await;
    assert_eq!(counts(&scope), [5, 5, 0, 0, 0, 0]);
    let user = scene.user(&ada.login).await;
    assert_eq!(user.spec.enabled, Some(true));
    let title = phone_user(&user.name_any(), json!({"title": "Countess"}));
    scene.apply_as("hr", title).await.expect("nobody holds the title");
    scene.sync("staff").await;
    assert_eq!(scene.user(&ada.login).await.spec.title.as_deref(), Some("Countess"));
    scene.finish().await;
}

#[tokio::test]
async fn people_outside_of_the_unit_are_not_included_and_who_leaves_it_is_switched_off() {
    let scene = Scene::new("select").await;
    let (inside, outside) = (scene.ou.unit("Inside").await, scene.ou.unit("Outside").await);
    let ada = inside.person("Ada Lovelace").await;
    let grace = outside.person("Grace Hopper").await;
    let users =
        json!({"users": {"organizationalUnits": [{"dn": inside.dn()}]}, "extensions": numbered_by("hq-numbers")});
    let scope = scene.scope("staff", users).await;
    assert_eq!(scene.logins().await, [&*ada.login]);
    assert_eq!(counts(&scope), [1, 0, 0, 1, 1, 0]);

    scene.ou.move_below(&ada.dn, outside.dn()).await;
    let moved = scene.ou.move_below(&grace.dn, inside.dn()).await;
    let scope = scene.sync("staff").await;
    assert_eq!(counts(&scope), [1, 0, 0, 1, 1, 0]);
    assert_eq!(left(&scope), [0, 1, 0], "out of scope, and not gone");
    assert_eq!(scene.user(&ada.login).await.spec.enabled, Some(false));
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("2000"));
    assert_eq!(scene.number(&grace.login).await.as_deref(), Some("2001"));

    scene.ou.delete(&moved).await;
    let scope = scene.sync("staff").await;
    assert_eq!((counts(&scope), left(&scope)), ([0; 6], [0, 1, 1]));
    assert_eq!(scene.number(&grace.login).await.as_deref(), Some("2001"));
    scene.finish().await;
}

#[tokio::test]
async fn dead_accounts_are_never_provisioned_and_the_disabled_only_counted() {
    let scene = Scene::new("select").await;
    let [ada, disabled, expired, leaving, never] = scene
        .ou
        .people([
            PersonSpec::named("Ada Lovelace"),
            PersonSpec::named("Dan Disabled").disabled(),
            PersonSpec::named("Eva Expired").with("accountExpires", "132223104000000000"),
            PersonSpec::named("Lea Leaving").with("accountExpires", "155000000000000000"),
            PersonSpec::named("Nell Never").with("accountExpires", "9223372036854775807"),
        ])
        .await
        .try_into()
        .unwrap();
    let scope = scene.scope("staff", everyone()).await;
    assert_eq!(
        scene.logins().await,
        [ada.login.clone(), leaving.login.clone(), never.login.clone()]
    );
    assert_eq!(counts(&scope), [5, 0, 2, 3, 3, 0]);

    // Back to life, they are newcomers.
    scene.ou.enable(&disabled.dn).await;
    scene.ou.set(&expired.dn, "accountExpires", &["0"]).await;
    // And who dies after having been linked is switched off, and keeps all they have.
    scene.ou.disable(&ada.dn).await;
    scene.ou.set(&never.dn, "accountExpires", &["132223104000000000"]).await;
    let before = scene.user(&ada.login).await;
    let scope = scene.sync("staff").await;
    assert_eq!(
        (counts(&scope), left(&scope)),
        ([5, 0, 0, 5, 5, 0], [2, 0, 0]),
        "the disabled are matched"
    );
    assert_eq!(scene.logins().await.len(), 5);
    let after = scene.user(&ada.login).await;
    assert_eq!((before.spec.enabled, after.spec.enabled), (Some(true), Some(false)));
    assert_eq!(after.spec.extension, before.spec.extension);
    assert_eq!(after.spec.login, before.spec.login);
    assert_eq!(
        scene.number(&disabled.login).await.as_deref(),
        Some("2003"),
        "numbers are not reused"
    );
    scene.finish().await;
}

#[tokio::test]
async fn awkward_names_are_found_however_they_are_written() {
    let scene = Scene::new("select").await;
    let unit = scene.ou.unit("Sales, EMEA + \"Größe\" #1").await;
    let ada = unit.person("Lovelace, Ada").await;
    let grace = scene.ou.person("Grace \\ Hopper").await;
    let group = scene.ou.group("R&D (Köln) #2", &[&grace.dn]).await;
    // As another tool would write it: hexadecimal escapes, other case, blanks, decomposed.
    let written_otherwise = scene
        .ou
        .dn()
        .replace("OU=", "ou = ")
        .replace("DC=", "dc= ")
        .replace(',', " , ");
    let unit_dn = format!(r"ou=sales\2c emea \2b \22gro\cc\88ße\22 #1,{written_otherwise}");
    assert_ne!(unit_dn, unit.dn());
    let scope = scene
        .scope(
            "staff",
            json!({"users": {"organizationalUnits": [{"dn": unit_dn}], "groups": [{"dn": group}]}}),
        )
        .await;
    assert_eq!(counts(&scope), [2, 0, 0, 2, 2, 0], "{:?}", scope.status);
    let users = scene.users().await;
    assert_eq!(users[&ada.login].spec.display_name.as_deref(), Some("Lovelace, Ada"));
    assert_eq!(
        users[&ada.login].spec.organizational_unit.as_deref(),
        Some(&*scene.ou.entry(unit.dn(), &["name"]).await.dn),
        "as the directory writes it"
    );
    assert!(users.contains_key(&grace.login));
    scene.finish().await;
}
