//! Departments and ring groups.

use std::collections::BTreeSet;

use super::world::{STAFF, World, guid, name_of};
use crate::{
    api::sync_scope::ProblemReason,
    directory::RawEntry,
    sync::{
        field::{Field, RingField},
        fixture::{State, rule, sequential},
        observed::ObservedRingGroup,
        value::Value,
    },
};

pub(super) const NUMBERED: &str = "extensions: [{name: all, ruleRef: {name: hq-numbers}}]";

/// A scope of everyone, all of whom are numbered from 2000, with these departments.
pub(super) fn world(departments: &str) -> World {
    let spec = format!("{NUMBERED}, departments: [{departments}]");
    World::new(&spec).rule(sequential("hq-numbers", "2000", "2099"))
}

pub(super) fn group_dn(name: &str) -> String {
    format!("CN={name},DC=example,DC=com")
}

impl World {
    /// A group somewhere, with members by distinguished name.
    pub(super) fn group_in(mut self, unit: &str, name: &str, group_type: &str, members: &[String]) -> Self {
        let entry = RawEntry::new(format!("CN={name},{unit}"))
            .with_guid(guid(name))
            .with("cn", [name])
            .with("groupType", [group_type])
            .with("member", members.iter().map(String::as_str));
        self.groups.push(entry);
        self
    }

    pub(super) fn ring_group(&self, name: &str) -> &ObservedRingGroup {
        let ring_groups = &self.observed.ring_groups;
        let ring_group = ring_groups.get(name_of(name).as_str());
        ring_group.unwrap_or_else(|| panic!("no {name} in {:?}", ring_groups.keys()))
    }

    pub(super) fn ring_text(&self, name: &str, field: RingField) -> Option<&str> {
        self.ring_group(name).values.get(&field)?.as_text()
    }

    pub(super) fn members(&self, name: &str) -> Vec<&str> {
        match self.ring_group(name).values.get(&RingField::Members) {
            Some(Value::List(members)) => members.iter().map(|member| &**member).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn department(&self, name: &str) -> &str {
        match self.ring_group(name).values.get(&RingField::Source) {
            Some(Value::Source(source)) => &source.department,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn set_ring(&mut self, name: &str, field: RingField, value: Value) {
        let ring_group = self.observed.ring_groups.get_mut(name_of(name).as_str()).unwrap();
        ring_group.values.insert(field, value);
    }

    pub(super) fn members_of_group(&mut self, name: &str, members: &[&str]) {
        let group = self
            .groups
            .iter_mut()
            .find(|group| group.guid() == Some(guid(name)))
            .unwrap();
        group.attributes.retain(|(attribute, _)| attribute != "member");
        let members = members.iter().map(|login| format!("CN={login},{STAFF}").into_bytes());
        group.attributes.push(("member".to_owned(), members.collect()));
    }
}

#[test]
fn a_group_becomes_a_ring_group_of_its_people_s_numbers() {
    let support = format!(
        r#"{{name: support, group: {{dn: "{}"}}, ringGroup: {{number: "600", strategy: Hunt}}}}"#,
        group_dn("support")
    );
    let mut world = world(&support)
        .person("ada", &[])
        .person("bob", &[])
        .person("cem", &[])
        .group("inner", &["cem"])
        .group("support", &["bob"]);
    let inner = group_dn("inner");
    let group = world.groups.last_mut().unwrap();
    group
        .attributes
        .last_mut()
        .unwrap()
        .1
        .extend([inner.into_bytes(), b"CN=contact,DC=elsewhere".to_vec()]);
    let outcome = world.sync();
    assert_eq!(world.members("support"), ["2001", "2002"]);
    assert_eq!(world.ring_text("support", RingField::Number), Some("600"));
    assert_eq!(world.ring_text("support", RingField::Strategy), Some("Hunt"));
    assert_eq!(world.ring_text("support", RingField::DisplayName), Some("support"));
    let holder = world.observed.extensions["hq-600"].holder.as_ref().unwrap();
    assert_eq!(holder.name, name_of("support"));
    assert_eq!(outcome.report.ring_groups.synced, 1);
    assert_eq!(outcome.report.unresolved_members, 1);
    assert!(outcome.report.problems.is_empty());
}

#[test]
fn a_ring_group_s_name_is_written_as_a_person_s_is() {
    let mut world = world(&format!(r#"{{name: all, group: {{dn: "{}"}}}}"#, group_dn("all"))).group("all", &[]);
    // As the directory names one of two that were made at the same time on two servers.
    world.groups[0] = world.groups[0].clone().with("displayName", [" Bu\u{308}ro\nCNF:4711 "]);
    world.sync();
    assert_eq!(
        world.ring_text("all", RingField::DisplayName),
        Some("B\u{fc}ro CNF:4711")
    );
}

#[test]
fn without_nested_only_direct_members_ring() {
    let flat = format!(
        r#"{{name: flat, group: {{dn: "{}", nested: false}}}}"#,
        group_dn("outer")
    );
    let mut world = world(&flat)
        .person("ada", &[])
        .person("bob", &[])
        .group("inner", &["bob"])
        .group("outer", &["ada"]);
    let inner = group_dn("inner");
    world
        .groups
        .last_mut()
        .unwrap()
        .attributes
        .last_mut()
        .unwrap()
        .1
        .push(inner.into_bytes());
    world.sync();
    assert_eq!(world.members("outer"), ["2000"]);
    assert_eq!(world.ring_text("outer", RingField::Number), None);
    assert!(
        !world
            .observed
            .extensions
            .values()
            .any(|extension| extension.holder.as_ref().unwrap().name == name_of("outer"))
    );
}

#[test]
fn a_unit_becomes_a_ring_group_of_the_people_anywhere_below_it() {
    let lab = "OU=Lab,OU=Staff,DC=example,DC=com";
    let mut world = world(&format!(r#"{{name: lab, organizationalUnit: {{dn: "{lab}"}}}}"#))
        .unit(lab)
        .person("ada", &[])
        .person_in(lab, "bob", &[])
        .person_in(&format!("OU=Deep,{lab}"), "cem", &[]);
    world.sync();
    assert_eq!(world.members(lab), ["2001", "2002"]);
    assert_eq!(world.ring_text(lab, RingField::DisplayName), Some("Lab"));
}

pub(super) const DEPARTMENTS: &str = "OU=Departments,DC=example,DC=com";
pub(super) const SECURITY: &str = "-2147483646";
pub(super) const DISTRIBUTION: &str = "2";

#[test]
fn under_makes_a_ring_group_of_each_group_of_the_right_type_that_is_not_excluded() {
    let excluded = format!("CN=secret,{DEPARTMENTS}");
    let under = format!(
        r#"{{name: all, under: {{dn: "{DEPARTMENTS}"}}, groupTypes: [SecurityGroup], exclude: [{{dn: "{excluded}"}}],
             ringGroup: {{ruleRef: {{name: ring-numbers}}}}}}"#
    );
    let mut world = world(&under)
        .rule(sequential("ring-numbers", "600", "609"))
        .unit(DEPARTMENTS)
        .group_in(DEPARTMENTS, "sales", SECURITY, &[])
        .group_in(&format!("OU=Deep,{DEPARTMENTS}"), "deep", SECURITY, &[])
        .group_in(DEPARTMENTS, "mail", DISTRIBUTION, &[])
        .group_in(DEPARTMENTS, "secret", SECURITY, &[])
        .group("elsewhere", &[]);
    let outcome = world.sync();
    let names: BTreeSet<_> = world.observed.ring_groups.keys().map(|name| &**name).collect();
    assert_eq!(
        names,
        BTreeSet::from([name_of("deep").as_str(), name_of("sales").as_str()])
    );
    assert_eq!(world.ring_text("deep", RingField::Number), Some("600"));
    assert_eq!(world.ring_text("sales", RingField::Number), Some("601"));
    // A group without anybody in it is one all the same.
    assert_eq!(world.members("sales"), Vec::<&str>::new());
    assert_eq!(outcome.report.ring_groups.synced, 2);
}

#[test]
fn the_first_entry_that_covers_a_group_wins() {
    let departments = format!(
        r#"{{name: sales, group: {{dn: "CN=sales,{DEPARTMENTS}"}}, ringGroup: {{number: "700"}}}},
           {{name: rest, under: {{dn: "{DEPARTMENTS}"}}, ringGroup: {{strategy: LeastRecent}}}}"#
    );
    let mut world = world(&departments)
        .unit(DEPARTMENTS)
        .group_in(DEPARTMENTS, "sales", SECURITY, &[])
        .group_in(DEPARTMENTS, "mail", DISTRIBUTION, &[]);
    world.sync();
    assert_eq!(world.department("sales"), "sales");
    assert_eq!(world.ring_text("sales", RingField::Number), Some("700"));
    assert_eq!(world.department("mail"), "rest");
    assert_eq!(world.ring_text("mail", RingField::Strategy), Some("LeastRecent"));
}

#[test]
fn a_department_in_doubt_is_left_as_it_is_and_the_rest_goes_on() {
    let departments = format!(
        r#"{{name: sales, group: {{dn: "CN=sales,{DEPARTMENTS}"}}, ringGroup: {{number: "700"}}}},
           {{name: rest, under: {{dn: "{DEPARTMENTS}"}}}}"#
    );
    let mut world = world(&departments)
        .person("ada", &[])
        .person("bob", &[])
        .unit(DEPARTMENTS)
        .group_in(DEPARTMENTS, "sales", SECURITY, &[format!("CN=ada,{STAFF}")])
        .group_in(DEPARTMENTS, "mail", DISTRIBUTION, &[]);
    world.sync();
    // Somebody deleted it and made it anew: another entry of that name.
    let sales = world
        .groups
        .iter_mut()
        .find(|group| group.guid() == Some(guid("sales")))
        .unwrap();
    *sales = sales.clone().with("objectGUID", [guid("other").to_ldap_bytes()]);
    sales.attributes.remove(0);
    world.members_of_group("mail", &["bob"]);
    world.sync();
    assert_eq!(world.members("sales"), ["2000"]);
    assert_eq!(world.department("sales"), "sales");
    assert_eq!(world.members("mail"), ["2001"]);
    assert_eq!(
        world.observed.ring_groups.len(),
        2,
        "the next entry does not take the new one while the first is in doubt"
    );
}

#[test]
fn while_a_group_that_stays_out_is_not_found_no_ring_group_is_created() {
    let under =
        format!(r#"{{name: all, under: {{dn: "{DEPARTMENTS}"}}, exclude: [{{dn: "CN=secret,{DEPARTMENTS}"}}]}}"#);
    let mut world = world(&under)
        .person("ada", &[])
        .unit(DEPARTMENTS)
        .group_in(DEPARTMENTS, "sales", SECURITY, &[]);
    assert_eq!(world.sync().report.unresolved.len(), 1);
    assert!(world.observed.ring_groups.is_empty());
}

#[test]
fn who_is_excluded_disabled_unlinked_or_without_a_number_does_not_ring() {
    let spec = format!(
        r#"{NUMBERED}, exclude: [{{name: bob, login: bob}}], departments: [{{name: all, group: {{dn: "{}"}}}}]"#,
        group_dn("all")
    );
    let mut world = World::new(&spec)
        .rule(sequential("hq-numbers", "2000", "2099"))
        .person("ada", &[])
        .person("bob", &[])
        .person("cem", &[])
        .person("dan", &[])
        .person("eve", &[])
        .group("all", &[]);
    // Once they had a number each.
    let without_exclusion = format!(
        r#"{NUMBERED}, departments: [{{name: all, group: {{dn: "{}"}}}}]"#,
        group_dn("all")
    );
    world.respec("{everyone: {}}", &without_exclusion);
    world.sync();
    assert_eq!(world.text("bob", Field::Extension), Some("2001"));
    world.respec("{everyone: {}}", &spec);
    world.disable("cem");
    world.user_mut(&name_of("dan")).is_unlinked = true;
    world.members_of_group("all", &["ada", "bob", "cem", "dan", "eve"]);
    world.sync();
    assert_eq!(world.members("all"), ["2000", "2004"]);
}

#[test]
fn what_people_typed_into_the_members_goes() {
    let mut world = world(&format!(r#"{{name: all, group: {{dn: "{}"}}}}"#, group_dn("all")))
        .person("ada", &[])
        .person("bob", &[])
        .group("all", &["ada"]);
    world.sync();
    world.members_of_group("all", &["ada", "bob"]);
    world.sync();
    world.set_ring(
        "all",
        RingField::Members,
        Value::List(vec!["2000".into(), "9999".into()]),
    );
    world.sync();
    assert_eq!(world.members("all"), ["2000", "2001"]);
}

#[test]
fn people_of_another_scope_ring_too() {
    let lab = "OU=Lab,DC=example,DC=com";
    let mut world = World::with_users(
        &format!(r#"{{organizationalUnits: [{{dn: "{STAFF}"}}]}}"#),
        &format!(
            r#"{NUMBERED}, departments: [{{name: all, group: {{dn: "{}"}}}}]"#,
            group_dn("all")
        ),
    )
    .rule(sequential("hq-numbers", "2000", "2099"))
    .unit(lab)
    .scope(
        "lab",
        &format!(r#"{{organizationalUnits: [{{dn: "{lab}"}}]}}"#),
        NUMBERED,
    )
    .person("ada", &[])
    .person_in(lab, "bob", &[])
    .group_in(
        "DC=example,DC=com",
        "all",
        SECURITY,
        &[format!("CN=ada,{STAFF}"), format!("CN=bob,{lab}")],
    );
    world.sync();
    assert_eq!(world.members("all"), ["2000"]);
    world.sync_scope(1);
    world.sync();
    assert_eq!(world.members("all"), ["2000", "2001"]);
}

#[test]
fn a_group_that_another_live_scope_provides_is_left_to_it() {
    let department = format!(r#"departments: [{{name: all, group: {{dn: "{}"}}}}]"#, group_dn("all"));
    let mut world = World::new("")
        .scope("lab", "{everyone: {}}", &department)
        .group("all", &[]);
    world.sync_scope(1);
    world.respec("{everyone: {}}", &department);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["all: ClaimedByOtherScope"]);
    assert_eq!(
        outcome
            .problem("all", ProblemReason::ClaimedByOtherScope)
            .other
            .as_deref(),
        Some("lab")
    );
    assert_eq!(outcome.report.ring_groups.synced, 0);
    // That scope was deleted.
    world.scopes.pop();
    assert_eq!(world.sync().told(), Vec::<String>::new());
    assert_eq!(world.ring_text("all", RingField::ScopeLabel), Some("staff"));
}

#[test]
fn a_ring_group_that_people_made_under_the_name_is_not_touched() {
    let mut world = world(&format!(r#"{{name: all, group: {{dn: "{}"}}}}"#, group_dn("all"))).group("all", &[]);
    let name = name_of("all");
    world.observed = world
        .observed
        .with_ring_group(&name, &[(RingField::DisplayName, Value::text("Mine"))]);
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["all: DuplicateMatch"]);
    assert_eq!(world.ring_text("all", RingField::DisplayName), Some("Mine"));
}

#[test]
fn a_ring_group_that_cannot_be_read_is_left_as_it_is() {
    let mut world = world(&format!(r#"{{name: all, group: {{dn: "{}"}}}}"#, group_dn("all"))).group("all", &[]);
    let name = name_of("all");
    world.observed = world.observed.with_ring_group(&name, &[]);
    world.observed.ring_groups.get_mut(name.as_str()).unwrap().is_readable = false;
    assert_eq!(world.sync().told(), ["all: WriteFailed"]);
}

#[test]
fn a_ring_group_whose_source_somebody_took_out_stays_the_operator_s() {
    let mut world = world(&format!(r#"{{name: all, group: {{dn: "{}"}}}}"#, group_dn("all"))).group("all", &[]);
    world.sync();
    world
        .observed
        .ring_groups
        .get_mut(name_of("all").as_str())
        .unwrap()
        .values
        .remove(&RingField::Source);
    world.sync();
    assert_eq!(world.department("all"), "all");
}

#[test]
fn without_a_number_that_can_be_given_no_ring_group_is_created() {
    let department = |name: &str, ring_group: &str| {
        format!(
            r#"{{name: {name}, group: {{dn: "{}"}}, ringGroup: {ring_group}}}"#,
            group_dn(name)
        )
    };
    let departments = [
        department("taken", r#"{number: "2000"}"#),
        department("twin-a", r#"{number: "701"}"#),
        department("twin-b", r#"{number: "701"}"#),
        department("attribute", "{ruleRef: {name: phone}}"),
        department("missing", "{ruleRef: {name: nowhere}}"),
        department("full", "{ruleRef: {name: full}}"),
        department("good", r#"{number: "702"}"#),
    ];
    let mut world = world(&departments.join(", "))
        .rule(rule("phone", "source: Attribute, attribute: {name: ipPhone}"))
        .rule(sequential("full", "110", "112"));
    for name in ["taken", "twin-a", "twin-b", "attribute", "missing", "full", "good"] {
        world = world.group(name, &[]);
    }
    world.observed = world
        .observed
        .with_extension("2000", State::Assigned, Some("user:somebody"));
    let outcome = world.sync();
    assert_eq!(
        outcome.told(),
        [
            "attribute: NumberInvalid",
            "full: RangeExhausted",
            "missing: NumberMissing",
            "taken: NumberTaken",
            "twin-a: NumberTaken",
            "twin-b: NumberTaken",
        ]
    );
    assert_eq!(
        world
            .observed
            .ring_groups
            .keys()
            .map(|name| &**name)
            .collect::<Vec<_>>(),
        [name_of("good")]
    );
    assert_eq!(outcome.report.ring_groups.synced, 1);
}

#[test]
fn a_lost_claim_leaves_its_number_out_of_the_members() {
    let world = world(&format!(r#"{{name: all, group: {{dn: "{}"}}}}"#, group_dn("all")))
        .person("ada", &[])
        .person("bob", &[])
        .group("all", &["ada", "bob"]);
    let mut change = world.plan().plan.ring_groups.remove(0);
    change.leave_out(&BTreeSet::from(["2000".parse().unwrap()]));
    let members = change
        .apply
        .unwrap()
        .values
        .into_iter()
        .find(|(field, _)| *field == RingField::Members);
    assert_eq!(members.unwrap().1, Value::List(vec!["2001".into()]));
    let told = change
        .changes
        .into_iter()
        .find(|change| change.field == RingField::Members);
    assert_eq!(told.unwrap().after, Some(Value::List(vec!["2001".into()])));
}

#[test]
fn a_member_whose_number_is_made_again_in_vain_keeps_ringing() {
    let world = world(&format!(r#"{{name: all, group: {{dn: "{}"}}}}"#, group_dn("all")))
        .person("ada", &[])
        .person("bob", &[])
        .group("all", &["ada", "bob"]);
    let mut change = world.plan().plan.ring_groups.remove(0);
    let members = change
        .changes
        .iter_mut()
        .find(|change| change.field == RingField::Members);
    members.unwrap().before = Some(Value::List(vec!["2000".into()]));
    change.leave_out(&BTreeSet::from(["2000".parse().unwrap(), "2001".parse().unwrap()]));
    let members = change.changes.iter().find(|change| change.field == RingField::Members);
    assert_eq!(members.unwrap().after, Some(Value::List(vec!["2000".into()])));
}

fn held_by(world: &mut World, name: &str, manager: &str, applies: bool, field: RingField, value: &str) {
    world.set_ring(name, field, Value::text(value));
    let ring_group = world.observed.ring_groups.get_mut(name_of(name).as_str()).unwrap();
    let ownership = &mut ring_group.ownership;
    ownership.ours.remove(field);
    let list = if applies {
        &mut ownership.applied
    } else {
        &mut ownership.updated
    };
    *list = [(manager.into(), [field].into_iter().collect())].into();
}

#[test]
fn what_a_person_changed_is_repaired_and_what_a_tool_applies_is_left_to_it() {
    let mut world = world(&format!(r#"{{name: all, group: {{dn: "{}"}}}}"#, group_dn("all"))).group("all", &[]);
    world.sync();
    held_by(&mut world, "all", "kubectl-edit", false, RingField::Strategy, "Hunt");
    assert!(world.sync().report.problems.is_empty());
    assert_eq!(world.ring_text("all", RingField::Strategy), Some("RingAll"));
    held_by(&mut world, "all", "argocd", true, RingField::DisplayName, "Everybody");
    let outcome = world.sync();
    assert_eq!(outcome.told(), ["all: FieldManagedElsewhere"]);
    assert_eq!(world.ring_text("all", RingField::DisplayName), Some("Everybody"));
    assert_eq!(outcome.report.ring_groups.synced, 0);
}

#[test]
fn while_an_exclusion_is_in_doubt_nobody_comes_in_and_no_ring_group_is_created() {
    let department = |name: &str| format!(r#"{{name: {name}, group: {{dn: "{}"}}}}"#, group_dn(name));
    let (all, new) = (department("all"), department("new"));
    let mut world = world(&all)
        .person("ada", &[])
        .person("bob", &[])
        .group("all", &["ada"])
        .group("new", &["ada"]);
    world.sync();
    let lost = r#"exclude: [{name: lost, group: {dn: "CN=lost,DC=example,DC=com"}}]"#;
    world.respec(
        "{everyone: {}}",
        &format!("{NUMBERED}, {lost}, departments: [{all}, {new}]"),
    );
    world.members_of_group("all", &["ada", "bob"]);
    world.sync();
    assert_eq!(world.members("all"), ["2000"]);
    assert_eq!(world.observed.ring_groups.len(), 1);
}
