//! Which PhoneUser is whose.

use super::world::{World, guid, name_of};
use crate::{
    api::{phone_user::Origin, sync_scope::ProblemReason},
    directory::{Alive, Dn, RawEntry, Sighting},
    sync::{Outcome, field::Field, value::Value},
};

fn by(properties: &str) -> String {
    format!("match: {{by: [{properties}]}}")
}

fn link_of(world: &World, name: &str) -> Option<String> {
    world.user(name).values.link().map(|link| link.guid.to_string())
}

#[test]
fn a_newcomer_gets_a_user_named_after_the_object_guid() {
    let mut world = World::new("").person("ada", &[]);
    world.sync();
    let link = world.user(&name_of("ada")).values.link().unwrap().clone();
    assert_eq!((link.guid, link.origin), (guid("ada"), Origin::Provisioned));
    assert_eq!((&*link.config, &*link.scope), ("corp", "staff"));
}

#[test]
fn each_property_is_compared_trimmed_composed_and_folded() {
    for (property, attributes, field, value) in [
        ("WindowsLogin", vec![], Field::Login, " ADA "),
        (
            "UserName",
            vec![("userPrincipalName", "ada@example.com")],
            Field::UserPrincipalName,
            "Ada@Example.com",
        ),
        (
            "Email",
            vec![("mail", " Ada.M\u{fc}ller@example.com")],
            Field::Email,
            "ada.mu\u{308}ller@EXAMPLE.com ",
        ),
        ("EmployeeID", vec![("employeeID", "x7")], Field::EmployeeId, "X7"),
    ] {
        let mut world = World::new(&by(property))
            .person("ada", &attributes)
            .hand_made("desk", &[(field, value)]);
        world.sync();
        assert_eq!(link_of(&world, "desk"), Some(guid("ada").to_string()), "{property}");
        assert_eq!(world.observed.users.len(), 1);
        assert_eq!(world.user("desk").values.link().unwrap().origin, Origin::Adopted);
    }
    let names = [("givenName", "Jos\u{e9}"), ("sn", "Strau\u{df}")];
    let mut world = World::new(&by("FirstLastName")).person("jose", &names).hand_made(
        "desk",
        &[(Field::FirstName, "JOSE\u{301}"), (Field::LastName, "STRAUSS")],
    );
    world.sync();
    assert_eq!(link_of(&world, "desk"), Some(guid("jose").to_string()));
}

#[test]
fn match_compares_fixed_attributes_whatever_map_says() {
    let spec = "match: {by: [Email]}, map: {email: {attribute: title}}";
    let mut world = World::new(spec)
        .person("ada", &[("mail", "ada@example.com"), ("title", "Countess")])
        .hand_made("desk", &[(Field::Email, "ada@example.com")]);
    world.sync();
    assert_eq!(world.user("desk").values.text(Field::Email), Some("Countess"));
}

#[test]
fn an_empty_value_is_never_compared() {
    let mut world = World::new(&by("Email, FirstLastName"))
        .person("ada", &[("mail", "  "), ("givenName", "Ada")])
        .hand_made("desk", &[(Field::Email, ""), (Field::FirstName, "Ada")]);
    world.sync();
    assert_eq!(link_of(&world, "desk"), None);
    assert!(world.observed.users.contains_key(&*name_of("ada")));
}

#[test]
fn the_object_guid_comes_before_all_of_them() {
    let mut world = World::new("").person("ada", &[]);
    world.sync();
    // Somebody else got the old login, and the old user follows the account.
    world.set("ada", "sAMAccountName", "lovelace");
    world.users.push(
        RawEntry::new("CN=new,OU=Staff,DC=example,DC=com")
            .with_guid(guid("new"))
            .with("sAMAccountName", ["ada"])
            .with("userAccountControl", ["512"]),
    );
    let outcome = world.sync();
    assert!(outcome.told().is_empty());
    assert_eq!(world.text("ada", Field::Login), Some("lovelace"));
    assert_eq!(world.text("new", Field::Login), Some("ada"));
}

#[test]
fn the_first_property_with_any_candidate_decides() {
    let mut world = World::new(&by("Email, WindowsLogin"))
        .person("ada", &[("mail", "ada@example.com")])
        .hand_made("one", &[(Field::Login, "ada")])
        .hand_made("two", &[(Field::Email, "ada@example.com")]);
    world.sync();
    assert_eq!(link_of(&world, "two"), Some(guid("ada").to_string()));
    assert_eq!(link_of(&world, "one"), None);
}

#[test]
fn several_candidates_are_a_duplicate_without_fall_through_and_without_provisioning() {
    let mut world = World::new(&by("Email, WindowsLogin"))
        .person("ada", &[("mail", "shared@example.com")])
        .hand_made("one", &[(Field::Email, "shared@example.com")])
        .hand_made("two", &[(Field::Email, "shared@example.com")])
        .hand_made("three", &[(Field::Login, "ada")]);
    let outcome = world.sync();
    let problem = outcome.problem("ada", ProblemReason::DuplicateMatch);
    assert_eq!(
        problem.message,
        "several PhoneUsers have their mail address, and one may keep it: one, two"
    );
    assert_eq!(problem.mail.as_deref(), Some("shared@example.com"));
    assert_eq!(world.observed.users.len(), 3);
    assert!(outcome.plan.is_empty());
}

#[test]
fn one_candidate_that_two_people_claim_is_a_duplicate_for_both() {
    let mut world = World::new(&by("Email"))
        .person("ada", &[("mail", "shared@example.com")])
        .person("bob", &[("mail", "SHARED@example.com")])
        .hand_made("desk", &[(Field::Email, "shared@example.com")]);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["ada: DuplicateMatch", "bob: DuplicateMatch"]);
    assert_eq!(
        outcome.problem("ada", ProblemReason::DuplicateMatch).other.as_deref(),
        Some("bob")
    );
    assert_eq!(outcome.report.users.unmatched, 2);
    assert_eq!(world.observed.users.len(), 1);
}

#[test]
fn of_thousands_who_share_a_value_a_message_names_three() {
    let mut world = World::new(&by("EmployeeID"));
    for index in 0..2000 {
        let desk = format!("desk{index:04}");
        world = world.hand_made(&desk, &[(Field::EmployeeId, "0")]);
        world = world.person(&format!("p{index:04}"), &[("employeeID", "0")]);
    }
    let outcome = world.plan();
    assert_eq!(outcome.report.users.unmatched, 2000);
    assert_eq!(
        outcome.problem("p1999", ProblemReason::DuplicateMatch).message,
        "several PhoneUsers have their employee ID, and one may keep it: desk0000, desk0001, desk0002 and 1997 more"
    );
    world.observed.users.retain(|name, _| &**name == "desk0000");
    let outcome = world.plan();
    let problem = outcome.problem("p0001", ProblemReason::DuplicateMatch);
    assert_eq!(
        problem.message,
        "PhoneUser desk0000 has their employee ID, and p0000, p0002, p0003 and 1996 more have it too: it can be one person's only"
    );
    assert_eq!(problem.other.as_deref(), Some("p0000"));
}

#[test]
fn a_user_that_is_somebody_s_by_its_name_is_a_candidate_for_nobody_else() {
    let mut world = World::new("")
        .person("ada", &[])
        .person("bob", &[])
        .hand_made(&name_of("ada"), &[(Field::Login, "bob")]);
    let outcome = world.sync();
    assert!(outcome.told().is_empty());
    assert_eq!(link_of(&world, &name_of("ada")), Some(guid("ada").to_string()));
    assert_eq!(link_of(&world, &name_of("bob")), Some(guid("bob").to_string()));
}

#[test]
fn claimants_by_different_properties_are_duplicates_too() {
    let mut world = World::new(&by("EmployeeID, Email"))
        .person("ada", &[("employeeID", "7")])
        .person("bob", &[("mail", "b@example.com")])
        .hand_made("desk", &[(Field::EmployeeId, "7"), (Field::Email, "b@example.com")]);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["ada: DuplicateMatch", "bob: DuplicateMatch"]);
}

#[test]
fn a_user_with_an_object_guid_is_a_candidate_for_nobody_else() {
    let mut world = World::new("match: {by: [Email]}").person("ada", &[("mail", "team@example.com")]);
    world.sync();
    let mut world = world.person("bob", &[("mail", "team@example.com")]);
    let outcome = world.sync();
    assert_eq!(outcome.report.users.matched, 2);
    assert!(world.observed.users.contains_key(&*name_of("bob")));
}

#[test]
fn a_user_that_people_unlinked_is_nobodys_candidate() {
    let mut world = World::new("")
        .person("ada", &[])
        .hand_made("desk", &[(Field::Login, "ada")]);
    world.user_mut("desk").is_unlinked = true;
    world.sync();
    assert_eq!(link_of(&world, "desk"), None);
    assert_eq!(world.observed.users.len(), 2);
}

#[test]
fn with_adopt_never_people_are_provisioned_beside() {
    let mut world = World::new("match: {adopt: Never}")
        .person("ada", &[])
        .hand_made("desk", &[(Field::Login, "ada")]);
    let outcome = world.sync();
    assert_eq!(outcome.report.users.matched, 1);
    assert_eq!(link_of(&world, "desk"), None);
    assert!(world.observed.users.contains_key(&*name_of("ada")));
}

#[test]
fn on_no_match_report_links_only_to_users_that_exist() {
    let mut world = World::new("match: {onNoMatch: Report}")
        .person("ada", &[])
        .person("bob", &[])
        .hand_made("desk", &[(Field::Login, "ada")]);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["bob: NoTargetUser"]);
    assert_eq!(outcome.report.unmatched.get(&ProblemReason::NoTargetUser), Some(&1));
    assert_eq!(world.observed.users.len(), 1);
}

#[test]
fn without_any_key_people_are_reported_or_created_nevertheless() {
    let world = World::new("match: {by: [Email], onNoMatch: Report}").person("ada", &[]);
    assert_eq!(world.plan().told(), ["ada: KeyMissing"]);
    let mut world = World::new("match: {by: [Email]}").person("ada", &[]);
    assert!(world.sync().told().is_empty());
    assert!(world.observed.users.contains_key(&*name_of("ada")));
}

#[test]
fn nobody_is_provisioned_without_a_required_field() {
    let mut world = World::new("match: {require: [email]}")
        .person("ada", &[])
        .person("bob", &[])
        .hand_made("desk", &[(Field::Login, "bob")]);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["ada: AttributeMissing"], "bob has a user already");
    let mut world = World::new("match: {require: [email]}").person("ada", &[("mail", "ada@example.com")]);
    world.sync();
    world.set("ada", "mail", "");
    assert!(world.sync().told().is_empty(), "whoever is linked stays so");
}

fn reused(attribute: (&'static str, &'static str)) -> (World, Outcome) {
    let mut world = World::new("").person("ada", &[attribute, ("userPrincipalName", "a@example.com")]);
    world.sync();
    world.leave("ada");
    let mut world = world.person("new", &[attribute]);
    let outcome = world.sync();
    (world, outcome)
}

#[test]
fn a_reused_identity_waits_while_nothing_is_known_of_the_old_account() {
    let (world, outcome) = reused(("employeeID", "7"));
    let problem = outcome.problem("new", ProblemReason::IdentityReused);
    assert!(problem.message.contains("has their employeeID"), "{}", problem.message);
    assert_eq!(problem.other.as_deref(), Some(&*name_of("ada")));
    assert_eq!(outcome.ask.len(), 0, "asked for once");
    assert_eq!(world.observed.users.len(), 1);
    assert_eq!(outcome.report.users.gone, 1);
}

#[test]
fn asked_for_and_existing_the_newcomer_is_another_person() {
    let (mut world, _) = reused(("employeeID", "7"));
    let alive = Alive {
        dn: Dn::parse("CN=ada,OU=Other,DC=example,DC=com").unwrap(),
        groups: Vec::new(),
    };
    world.sightings.insert(guid("ada"), Sighting::Alive(Box::new(alive)));
    let outcome = world.sync();
    assert!(outcome.told().is_empty());
    assert!(world.observed.users.contains_key(&*name_of("new")));
}

#[test]
fn asked_for_and_not_found_the_newcomer_waits() {
    let (mut world, _) = reused(("employeeID", "7"));
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["new: IdentityReused"]);
}

#[test]
fn a_shared_mail_address_is_no_identity() {
    let (world, outcome) = reused(("mail", "team@example.com"));
    assert!(outcome.report.unmatched.is_empty());
    assert_eq!(world.observed.users.len(), 2);
}

#[test]
fn an_object_of_ours_that_cannot_be_read_keeps_its_name_and_costs_one_person() {
    let mut world = World::new("").person("ada", &[]).person("bob", &[]);
    world.sync();
    let user = world.user_mut(&name_of("ada"));
    user.is_readable = false;
    user.values = [(Field::Extension, Value::text("200"))].into_iter().collect();
    world.set("bob", "title", "Builder");
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["ada: WriteFailed"]);
    assert_eq!(world.text("bob", Field::Title), Some("Builder"));
}

#[test]
fn a_link_that_somebody_took_out_of_our_user_is_put_back() {
    let mut world = World::new("").person("ada", &[]);
    world.sync();
    super::cluster::write_as(
        world.user_mut(&name_of("ada")),
        "kubectl-edit",
        false,
        Field::Directory,
        None,
    );
    world.user_mut(&name_of("ada")).ownership.updated = [].into();
    world.sync();
    assert_eq!(
        world.user(&name_of("ada")).values.link().unwrap().origin,
        Origin::Provisioned
    );
}

#[test]
fn two_users_with_one_object_guid_are_a_duplicate_unless_one_is_ours() {
    let mut world = World::new("").person("ada", &[]);
    world.sync();
    let link = world.user(&name_of("ada")).values.get(Field::Directory).unwrap();
    for copy in ["one", "two"] {
        world = world.hand_made(copy, &[(Field::Login, "ada")]);
        world.user_mut(copy).values = [(Field::Directory, link.clone())].into_iter().collect();
    }
    let outcome = world.plan();
    assert!(
        outcome.plan.is_empty() && outcome.told().is_empty(),
        "the copies are not touched"
    );
    world.observed.users.remove(&*name_of("ada"));
    assert_eq!(world.plan().told(), ["ada: DuplicateMatch"]);
}

#[test]
fn a_user_that_people_gave_our_name_is_adopted_or_in_the_way() {
    let name = name_of("ada");
    let mut world = World::new("match: {by: [Email]}")
        .person("ada", &[])
        .hand_made(&name, &[(Field::Login, "x")]);
    world.sync();
    assert_eq!(world.user(&name).values.link().unwrap().origin, Origin::Adopted);
    let world = World::new("match: {adopt: Never}")
        .person("ada", &[])
        .hand_made(&name, &[(Field::Login, "x")]);
    let outcome = world.plan();
    assert!(outcome.plan.is_empty());
    assert_eq!(
        outcome.problem("ada", ProblemReason::DuplicateMatch).other.as_deref(),
        Some(&*name)
    );
}

#[test]
fn a_user_that_cannot_be_read_is_not_adopted_and_nobody_is_created_beside_it() {
    let mut world = World::new("")
        .person("ada", &[])
        .hand_made("desk", &[(Field::Login, "ada")]);
    world.user_mut("desk").is_readable = false;
    let outcome = world.plan();
    assert!(outcome.plan.is_empty());
    assert_eq!(
        outcome.problem("ada", ProblemReason::WriteFailed).other.as_deref(),
        Some("desk")
    );
}
