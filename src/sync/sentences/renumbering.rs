//! Numbers over time, as far as they come from the directory: who gets another one, who keeps theirs, and who lets go.

use super::world::{World, name_of};
use crate::{
    api::{extension::ExtensionState, sync_scope::ProblemReason},
    sync::{
        field::Field,
        fixture::{rule, sequential},
        plan::Plan,
    },
};

pub(super) const ALL: &str = "extensions: [{name: all, ruleRef: {name: phone}}]";

/// People with these numbers in the directory, synced.
pub(super) fn company(numbers: &[(&str, &str)]) -> World {
    let world = World::new(ALL).rule(rule("phone", "source: Attribute, attribute: {name: ipPhone}"));
    let mut world = numbers.iter().fold(world, |world, (login, number)| {
        world.person(login, &[("ipPhone", number)])
    });
    world.sync();
    world
}

fn numbers_of(plan: &Plan) -> (Vec<String>, Vec<String>) {
    let claimed = plan.claims.iter().map(|claim| claim.number.to_string());
    let freed = plan.frees.iter().map(|free| free.number.to_string());
    (claimed.collect(), freed.collect())
}

fn state(world: &World, number: &str) -> Option<ExtensionState> {
    world.observed.extensions[&*format!("hq-{number}")].state
}

#[test]
fn who_has_another_number_in_the_directory_moves_in_one_plan_and_is_never_without() {
    let mut world = company(&[("ada", "2001")]);
    world.set("ada", "ipPhone", "2002");
    let outcome = world.step(0);
    assert_eq!(
        numbers_of(&outcome.plan),
        (vec!["2002".to_owned()], vec!["2001".to_owned()])
    );
    assert!(!outcome.continues);
    assert_eq!(world.text("ada", Field::Extension), Some("2002"));
    assert_eq!(state(&world, "2001"), Some(ExtensionState::Cooling));
    assert!(world.sync().plan.is_empty());
}

#[test]
fn a_number_from_an_attribute_does_not_rest() {
    let mut world = company(&[("ada", "2001")]);
    world.set("ada", "ipPhone", "2002");
    world.sync();
    let mut world = world.person("bob", &[("ipPhone", "2001")]);
    assert_eq!(world.sync().told(), Vec::<String>::new());
    assert_eq!(world.text("bob", Field::Extension), Some("2001"));
}

#[test]
fn two_swap_their_numbers_in_one_sync() {
    let mut world = company(&[("ada", "2001"), ("bob", "2002")]);
    world.set("ada", "ipPhone", "2002");
    world.set("bob", "ipPhone", "2001");
    let first = world.step(0);
    assert!(first.continues && first.plan.claims.is_empty());
    assert_eq!(
        world.text("ada", Field::Extension),
        None,
        "first the field, then Cooling"
    );
    assert_eq!(state(&world, "2001"), Some(ExtensionState::Cooling));
    assert_eq!(world.sync().told(), Vec::<String>::new());
    assert_eq!(world.text("ada", Field::Extension), Some("2002"));
    assert_eq!(world.text("bob", Field::Extension), Some("2001"));
}

#[test]
fn a_chain_of_thirty_moves_in_two_plans_and_only_who_stands_in_the_way_lets_go() {
    let logins: Vec<String> = (0..30).map(|at| format!("p{at:02}")).collect();
    let numbers: Vec<String> = (0..31).map(|at| format!("20{at:02}")).collect();
    let people: Vec<_> = logins
        .iter()
        .zip(&numbers)
        .map(|(login, number)| (&**login, &**number))
        .collect();
    let mut world = company(&people);
    for (login, next) in logins.iter().zip(&numbers[1..]) {
        world.set(login, "ipPhone", next);
    }
    let first = world.step(0);
    assert_eq!(
        world.text("p29", Field::Extension),
        Some("2030"),
        "the last one moves at once"
    );
    assert_eq!(
        world.text("p00", Field::Extension),
        Some("2000"),
        "nobody wants the first one's"
    );
    assert_eq!(first.plan.frees.len(), 29);
    assert!(!world.sync().continues);
    for (login, next) in logins.iter().zip(&numbers[1..]) {
        assert_eq!(world.text(login, Field::Extension), Some(&**next));
    }
}

#[test]
fn whoever_still_claims_a_number_keeps_it() {
    let mut world = company(&[("ada", "2001"), ("bob", "2002")]);
    world.set("bob", "ipPhone", "2001");
    let outcome = world.sync();
    let problem = outcome.problem("bob", ProblemReason::NumberTaken);
    assert_eq!(problem.other.as_deref(), Some("ada"));
    assert_eq!(world.text("bob", Field::Extension), Some("2002"));
    assert_eq!(world.text("ada", Field::Extension), Some("2001"));
}

#[test]
fn a_chain_that_ends_at_somebody_who_stays_does_not_begin() {
    let mut world = company(&[("ada", "2001"), ("bob", "2002"), ("cem", "2003")]);
    world.set("ada", "ipPhone", "2002");
    world.set("bob", "ipPhone", "2003");
    let outcome = world.sync();
    assert!(outcome.plan.is_empty() && !outcome.continues);
    assert_eq!(outcome.told(), ["ada: NumberTaken", "bob: NumberTaken"]);
}

#[test]
fn missing_invalid_and_duplicate_values_take_no_number_away() {
    let mut world = company(&[("ada", "2001"), ("bob", "2002"), ("cem", "2003"), ("dan", "2004")]);
    world.set("ada", "ipPhone", "");
    world.set("bob", "ipPhone", "n/a");
    world.set("cem", "ipPhone", "2009");
    world.set("dan", "ipPhone", "2009");
    let outcome = world.sync();
    assert!(outcome.plan.is_empty());
    assert_eq!(
        outcome.told(),
        [
            "ada: NumberMissing",
            "bob: NumberInvalid",
            "cem: NumberTaken",
            "dan: NumberTaken"
        ]
    );
}

#[test]
fn a_number_is_not_taken_from_whom_the_directory_says_nothing_new_of() {
    for value in ["", "n/a", "112"] {
        let mut world = company(&[("ada", "2001"), ("bob", "2002")]);
        world.set("ada", "ipPhone", value);
        world.set("bob", "ipPhone", "2001");
        let outcome = world.sync();
        assert!(outcome.plan.is_empty(), "{value}");
        outcome.problem("bob", ProblemReason::NumberTaken);
    }
}

#[test]
fn a_disabled_holder_yields_to_the_sole_claimant() {
    let mut world = company(&[("ada", "2001"), ("bob", "2002")]);
    world.disable("ada");
    world.set("bob", "ipPhone", "2001");
    assert_eq!(world.sync().told(), Vec::<String>::new());
    assert_eq!(world.text("bob", Field::Extension), Some("2001"));
    assert_eq!(world.text("ada", Field::Extension), None);
    // Who comes back finds it taken, and says so.
    world.set("ada", "userAccountControl", "512");
    assert_eq!(world.sync().told(), ["ada: NumberTaken"]);
}

#[test]
fn who_waits_to_be_switched_off_keeps_the_number_meanwhile() {
    let ways: [fn(&mut World, &str); 2] = [World::disable, World::delete];
    for leave in ways {
        let logins: Vec<String> = (0..8).map(|at| format!("p{at}")).collect();
        let numbers: Vec<String> = (0..8).map(|at| format!("200{at}")).collect();
        let people: Vec<_> = logins
            .iter()
            .zip(&numbers)
            .map(|(login, number)| (&**login, &**number))
            .collect();
        let mut world = company(&people);
        world.sees_tombstones = true;
        for (login, number) in &people {
            world = world.person(&format!("second-{login}"), &[("ipPhone", number)]);
        }
        world.sync();
        for login in &logins {
            leave(&mut world, login);
        }
        let outcome = world.sync();
        let waiting = outcome.ledger.held[0].clone();
        assert_eq!(waiting.count, 8);
        for (login, number) in &people {
            assert_eq!(world.text(login, Field::Extension), Some(*number));
        }
        // Approved, they leave; and what they had goes to whom the directory gives it.
        world.scopes[0].approval = Some(waiting.digest);
        world.sync();
        for (login, number) in &people {
            assert_eq!(world.text(login, Field::Extension), None);
            assert_eq!(world.text(&format!("second-{login}"), Field::Extension), Some(*number));
        }
    }
}

#[test]
fn a_disabled_holder_yields_to_a_newcomer_too_and_to_nobody_without_need() {
    let mut world = company(&[("ada", "2001")]);
    world.disable("ada");
    world.sync();
    assert_eq!(world.text("ada", Field::Extension), Some("2001"));
    let mut world = world
        .person("bob", &[("ipPhone", "2001")])
        .person("cem", &[("ipPhone", "2001")]);
    world.sync();
    assert_eq!(world.text("ada", Field::Extension), Some("2001"), "two ask for it");
    world.leave("cem");
    world.sync();
    assert_eq!(world.text("bob", Field::Extension), Some("2001"));
}

#[test]
fn a_holder_who_is_proven_gone_yields() {
    let mut world = company(&[("ada", "2001"), ("bob", "2002")]);
    world.sees_tombstones = true;
    world.delete("ada");
    world.set("bob", "ipPhone", "2001");
    assert_eq!(world.sync().told(), Vec::<String>::new());
    assert_eq!(world.text("bob", Field::Extension), Some("2001"));
    assert_eq!(world.text("ada", Field::Extension), None);
}

#[test]
fn a_holder_who_merely_gives_no_answer_keeps_it() {
    let mut world = company(&[("ada", "2001"), ("bob", "2002")]);
    world.leave("ada");
    world.set("bob", "ipPhone", "2001");
    assert_eq!(world.sync().told(), ["bob: NumberTaken"]);
    assert_eq!(world.text("ada", Field::Extension), Some("2001"));
}

#[test]
fn the_number_of_a_deleted_object_goes_to_the_claimant() {
    let mut world = company(&[("ada", "2001"), ("bob", "2002")]);
    world.leave("ada");
    world.observed.users.remove(&*name_of("ada"));
    world.set("bob", "ipPhone", "2001");
    assert_eq!(world.sync().told(), Vec::<String>::new());
    assert_eq!(world.text("bob", Field::Extension), Some("2001"));
}

#[test]
fn a_protected_or_foreign_number_is_never_taken_nor_freed() {
    let change: [fn(&mut crate::sync::observed::ObservedExtension); 3] = [
        |extension| extension.is_protected = true,
        |extension| extension.is_ours = false,
        |extension| extension.applied_by = Some("flux".into()),
    ];
    for change in change {
        let mut world = company(&[("ada", "2001"), ("bob", "2002")]);
        change(world.observed.extensions.get_mut("hq-2001").unwrap());
        world.disable("ada");
        world.set("bob", "ipPhone", "2001");
        assert_eq!(world.sync().told(), ["bob: NumberTaken"]);
        assert_eq!(world.text("ada", Field::Extension), Some("2001"));
    }
}

#[test]
fn whose_number_is_protected_or_whose_field_another_tool_applies_stays() {
    let mut world = company(&[("ada", "2001"), ("bob", "2002")]);
    world.observed.extensions.get_mut("hq-2001").unwrap().is_protected = true;
    let user = world.user_mut(&name_of("bob"));
    let value = Some(crate::sync::value::Value::text("2002"));
    super::cluster::write_as(user, "flux", true, Field::Extension, value);
    world.set("ada", "ipPhone", "2003");
    world.set("bob", "ipPhone", "2004");
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["ada: OutOfRange", "bob: FieldManagedElsewhere"]);
    assert_eq!(world.text("ada", Field::Extension), Some("2001"));
}

#[test]
fn what_another_tool_applies_is_not_taken_by_force_though_its_rest_is_over() {
    let mut world = company(&[("ada", "2001")]);
    world.set("ada", "ipPhone", "2002");
    world.sync();
    world.observed.extensions.get_mut("hq-2001").unwrap().applied_by = Some("flux".into());
    let mut world = world.person("bob", &[("ipPhone", "2001")]);
    assert_eq!(world.sync().told(), ["bob: NumberTaken"]);
}

#[test]
fn while_the_directory_is_behind_nobody_moves() {
    let mut world = company(&[("ada", "2001"), ("bob", "2002"), ("cem", "2003")]);
    world.set("ada", "ipPhone", "2002");
    world.set("bob", "ipPhone", "2001");
    world.set("cem", "ipPhone", "2004");
    world.is_behind = true;
    assert!(world.sync().plan.is_empty());
    world.is_behind = false;
    world.sync();
    assert_eq!(world.text("cem", Field::Extension), Some("2004"));
}

#[test]
fn the_same_number_in_another_scope_makes_it_a_duplicate() {
    let staff = "{organizationalUnits: [{dn: 'OU=Staff,DC=example,DC=com'}]}";
    let guests = "{organizationalUnits: [{dn: 'OU=Guests,DC=example,DC=com'}]}";
    let mut world = World::with_users(staff, ALL)
        .rule(rule("phone", "source: Attribute, attribute: {name: ipPhone}"))
        .unit("OU=Guests,DC=example,DC=com")
        .scope("guests", guests, ALL)
        .person("ada", &[("ipPhone", "2001")])
        .person_in("OU=Guests,DC=example,DC=com", "guy", &[("ipPhone", "2005")]);
    world.sync_scope(0);
    world.sync_scope(1);
    world.set("ada", "ipPhone", "2009");
    world.set("guy", "ipPhone", "2009");
    for scope in [0, 1] {
        let outcome = world.sync_scope(scope);
        assert!(outcome.plan.is_empty());
        assert_eq!(outcome.report.problems[0].reason, ProblemReason::NumberTaken);
    }
    world.set("guy", "ipPhone", "2005");
    world.sync_scope(0);
    assert_eq!(world.text("ada", Field::Extension), Some("2009"));
}

#[test]
fn another_rule_that_reads_an_attribute_takes_no_number_away_unless_it_says_so() {
    let phone = "source: Attribute, attribute: {name: ipPhone}";
    let mut world = World::new("extensions: [{name: all, ruleRef: {name: low}}]")
        .rule(sequential("low", "3000", "3099"))
        .rule(rule("phone", phone))
        .person("ada", &[("ipPhone", "2001")])
        .person("bob", &[("ipPhone", "2002")]);
    world.sync();
    world.respec("{everyone: {}}", ALL);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["ada: OutOfRange", "bob: OutOfRange"]);
    assert_eq!(world.text("ada", Field::Extension), Some("3000"));
    // Who comes now gets what the directory says.
    let mut world = world.person("cem", &[("ipPhone", "2003")]);
    world.sync();
    assert_eq!(world.text("cem", Field::Extension), Some("2003"));
    let mut world = world.rule(rule("phone", &format!("{phone}, renumber: true")));
    assert_eq!(world.sync().told(), Vec::<String>::new());
    assert_eq!(world.text("ada", Field::Extension), Some("2001"));
    assert_eq!(world.text("bob", Field::Extension), Some("2002"));
    let mut world = world.person("dan", &[("ipPhone", "3000")]);
    assert_eq!(world.sync().told(), ["dan: NumberTaken"], "it rests after ada");
}

#[test]
fn another_attribute_takes_no_number_away_unless_its_rule_says_so() {
    let phone = "source: Attribute, attribute: {name: ipPhone}";
    let desk = "source: Attribute, attribute: {name: telephoneNumber}";
    let by = |rules: [&str; 2]| {
        let [first, second] = rules;
        let first = format!("{{name: first, ruleRef: {{name: {first}}}, when: {{filter: (sAMAccountName=*)}}}}");
        format!("extensions: [{first}, {{name: second, ruleRef: {{name: {second}}}}}]")
    };
    let mut world = World::new(&by(["phone", "desk"]))
        .rule(rule("phone", phone))
        .rule(rule("desk", desk))
        .person("ada", &[("ipPhone", "2001"), ("telephoneNumber", "2101")]);
    world.sync();
    world.respec("{everyone: {}}", &by(["desk", "phone"]));
    assert_eq!(world.sync().told(), ["ada: OutOfRange"]);
    assert_eq!(world.text("ada", Field::Extension), Some("2001"));
    // What its own rule reads is not there any more: it is the other one's to give.
    world.set("ada", "ipPhone", "2002");
    world.sync();
    assert_eq!(world.text("ada", Field::Extension), Some("2101"));
    let mut world = world.rule(rule("phone", &format!("{phone}, renumber: true")));
    world.respec("{everyone: {}}", &by(["phone", "desk"]));
    assert_eq!(world.sync().told(), Vec::<String>::new());
    assert_eq!(world.text("ada", Field::Extension), Some("2002"));
}

#[test]
fn a_number_of_no_range_rests_as_the_rule_says_that_moves_its_holder() {
    let phone = rule("phone", "source: Attribute, attribute: {name: ipPhone}");
    let mut world = company(&[("ada", "2001")]);
    let low = r#"source: Sequential, ranges: [{from: "3000", to: "3009"}], coolFor: 48h, renumber: true"#;
    world = world.rule(rule("low", low)).rule(phone);
    world.respec("{everyone: {}}", "extensions: [{name: all, ruleRef: {name: low}}]");
    let outcome = world.step(0);
    assert_eq!(world.text("ada", Field::Extension), Some("3000"));
    let rest = outcome.plan.frees[0].release_after.duration_since(world.now);
    assert_eq!(rest.as_hours(), 48);
}
