//! What must hold of every company.

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use super::world::{World, name_of};
use crate::{
    api::extension::HolderKind,
    sync::{field::Field, fixture::sequential},
};

/// Somebody, in small ranges so that people share what they should not.
#[derive(Clone, Debug)]
struct Account {
    mail: Option<u8>,
    employee_id: Option<u8>,
    in_sales: bool,
    disabled: bool,
}

/// A PhoneUser that people made.
#[derive(Clone, Debug)]
struct Desk {
    login: Option<u8>,
    mail: Option<u8>,
    number: Option<u8>,
}

fn account() -> impl Strategy<Value = Account> {
    let parts = (
        proptest::option::of(0..4_u8),
        proptest::option::of(0..4_u8),
        any::<bool>(),
        any::<bool>(),
    );
    parts.prop_map(|(mail, employee_id, in_sales, disabled)| Account {
        mail,
        employee_id,
        in_sales,
        disabled,
    })
}

fn desk() -> impl Strategy<Value = Desk> {
    let parts = (
        proptest::option::of(0..6_u8),
        proptest::option::of(0..4_u8),
        proptest::option::of(0..6_u8),
    );
    parts.prop_map(|(login, mail, number)| Desk { login, mail, number })
}

fn company() -> impl Strategy<Value = World> {
    (vec(account(), 0..8), vec(desk(), 0..4), 0..4_usize)
        .prop_map(|(accounts, desks, matching)| build(&accounts, &desks, matching))
}

fn build(accounts: &[Account], desks: &[Desk], matching: usize) -> World {
    let matching = [
        "{}",
        "{by: [Email, WindowsLogin]}",
        "{adopt: Never}",
        "{by: [EmployeeID], onNoMatch: Report}",
    ][matching];
    let sales = "when: {filter: (department=sales)}";
    let spec = format!(
        "match: {matching}, extensions: [{{name: a, ruleRef: {{name: low}}, {sales}}}, {{name: b, ruleRef: {{name: high}}}}]"
    );
    let mut world = World::new(&spec)
        .rule(sequential("low", "200", "202"))
        .rule(sequential("high", "202", "209"));
    world.bare_username = true;
    for (index, account) in accounts.iter().enumerate() {
        let login = format!("p{index}");
        world = world.person(&login, &[]);
        world.set(
            &login,
            "mail",
            &account
                .mail
                .map(|mail| format!("m{mail}@example.com"))
                .unwrap_or_default(),
        );
        world.set(
            &login,
            "employeeID",
            &account.employee_id.map(|id| id.to_string()).unwrap_or_default(),
        );
        world.set(&login, "department", if account.in_sales { "sales" } else { "" });
        if account.disabled {
            world.disable(&login);
        }
    }
    for (index, desk) in desks.iter().enumerate() {
        let login = desk.login.map(|login| format!("p{login}"));
        let mail = desk.mail.map(|mail| format!("m{mail}@example.com"));
        let number = desk.number.map(|number| format!("20{number}"));
        let fields = [
            (Field::Login, &login),
            (Field::Email, &mail),
            (Field::Extension, &number),
        ];
        let fields: Vec<_> = fields
            .iter()
            .filter_map(|(field, value)| Some((*field, value.as_deref()?)))
            .collect();
        world = world.hand_made(&format!("desk{index}"), &fields);
    }
    world
}

/// No number has two holders, and nobody two numbers.
fn assert_numbers_are_unique(world: &World) {
    let mut holders = BTreeSet::new();
    for (name, extension) in &world.observed.extensions {
        let holder = extension.holder.clone().unwrap();
        assert!(
            holder.kind == HolderKind::PhoneUser && holders.insert(holder.name.clone()),
            "two of {holder:?}"
        );
        let user = world.user(&holder.name);
        assert_eq!(user.values.text(Field::Extension), name.strip_prefix("hq-"), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_applied_and_made_again_is_empty(mut world in company()) {
        // `sync` holds it, and that the report speaks of the time after.
        let outcome = world.sync();
        let counts = outcome.report.users;
        prop_assert_eq!(counts.found, counts.excluded + counts.inactive + counts.in_scope);
        prop_assert_eq!(counts.in_scope, counts.matched + counts.unmatched);
        prop_assert!(counts.disabled <= counts.matched);
        assert_numbers_are_unique(&world);
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(world in company(), seed in any::<u64>()) {
        let mut shuffled = world.clone();
        let count = shuffled.users.len().max(1) as u64;
        shuffled.users.rotate_left(usize::try_from(seed % count).unwrap());
        if seed % 2 == 0 {
            shuffled.users.reverse();
        }
        prop_assert_eq!(world.plan(), shuffled.plan());
    }

    #[test]
    fn nobody_loses_a_number_whatever_happens_to_the_others(
        mut world in company(),
        later in vec((0..8_usize, 0..4_usize), 0..12),
    ) {
        world.sync();
        let numbers = |world: &World| -> Vec<(String, String)> {
            let users = world.observed.users.iter();
            users.filter_map(|(name, user)| Some((name.to_string(), user.values.text(Field::Extension)?.to_owned()))).collect()
        };
        for (who, what) in later {
            let login = format!("p{who}");
            let before = numbers(&world);
            match what {
                0 => world = if world.users.iter().any(|user| user.dn.contains(&login)) { world } else { world.person(&login, &[]) },
                1 => world.leave(&login),
                2 if world.users.iter().any(|user| user.dn.contains(&login)) => world.disable(&login),
                _ => drop(world.observed.extensions.remove(&*format!("hq-20{who}"))),
            }
            world.sync();
            assert_numbers_are_unique(&world);
            let after = numbers(&world);
            prop_assert!(before.iter().all(|number| after.contains(number)), "{:?} {:?}", before, after);
        }
    }

    #[test]
    fn a_crash_after_any_write_converges_to_the_same(world in company(), writes in 0..30_usize) {
        let (mut whole, mut crashed) = (world.clone(), world);
        whole.sync();
        let mut plan = crashed.plan().plan;
        plan.claims.truncate(writes);
        let claimed: Vec<_> = plan.claims.iter().map(|claim| claim.number).collect();
        plan.users.truncate(writes.saturating_sub(plan.claims.len()));
        plan.users.retain(|change| change.needs.is_none_or(|number| claimed.contains(&number)));
        super::cluster::apply(&mut crashed.observed, &plan);
        crashed.sync();
        let numbers = |world: &World| -> Vec<_> {
            world.observed.users.iter().map(|(name, user)| (name.clone(), user.values.clone())).collect()
        };
        prop_assert_eq!(numbers(&whole), numbers(&crashed));
    }
}

#[test]
fn the_world_of_the_properties_is_one_where_something_happens() {
    let account = |mail| Account {
        mail: Some(mail),
        employee_id: None,
        in_sales: mail == 0,
        disabled: false,
    };
    let desk = Desk {
        login: Some(0),
        mail: None,
        number: Some(3),
    };
    let mut world = build(&[account(0), account(1), account(1)], &[desk], 0);
    let outcome = world.sync();
    assert_eq!(world.user("desk0").values.text(Field::Extension), Some("203"));
    assert_eq!(world.text("p1", Field::Extension), Some("202"));
    assert_eq!(outcome.report.users.matched, 3);
    assert!(!world.observed.users.contains_key(&*name_of("p0")));
}
