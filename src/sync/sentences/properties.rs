//! What must hold of every company.

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use super::world::{World, name_of};
use crate::{
    api::extension::HolderKind,
    sync::{field::Field, fixture::sequential, plan::Expected},
};

/// Somebody, in small ranges so that people share what they should not.
#[derive(Clone, Debug)]
struct Account {
    mail: Option<u8>,
    employee_id: Option<u8>,
    in_sales: bool,
    flags: Flags,
    /// In the group that the scope may exclude.
    is_out: bool,
    in_team: bool,
}

/// What an account shows of its flags.
#[derive(Clone, Copy, Debug)]
enum Flags {
    Active,
    Disabled,
    Hidden,
}

/// A PhoneUser that people made.
#[derive(Clone, Debug)]
struct Desk {
    /// It has the name of the one that would be made for this person.
    named_for: Option<u8>,
    is_unlinked: bool,
    login: Option<u8>,
    mail: Option<u8>,
    number: Option<u8>,
}

/// What the scope says, and what else is there.
#[derive(Clone, Debug, Default)]
struct Company {
    matching: usize,
    excludes: bool,
    has_team: bool,
    /// Another scope of everyone.
    has_second: bool,
    /// Of the groups, this one can't be seen.
    lost: Option<&'static str>,
}

fn account() -> impl Strategy<Value = Account> {
    let flags = prop_oneof![
        4 => Just(Flags::Active),
        1 => Just(Flags::Disabled),
        1 => Just(Flags::Hidden),
    ];
    let parts = (
        proptest::option::of(0..4_u8),
        proptest::option::of(0..4_u8),
        any::<bool>(),
        flags,
        proptest::bool::weighted(0.2),
        any::<bool>(),
    );
    parts.prop_map(|(mail, employee_id, in_sales, flags, is_out, in_team)| Account {
        mail,
        employee_id,
        in_sales,
        flags,
        is_out,
        in_team,
    })
}

fn desk() -> impl Strategy<Value = Desk> {
    let parts = (
        proptest::option::weighted(0.3, 0..6_u8),
        proptest::bool::weighted(0.2),
        proptest::option::of(0..6_u8),
        proptest::option::of(0..4_u8),
        proptest::option::of(0..6_u8),
    );
    parts.prop_map(|(named_for, is_unlinked, login, mail, number)| Desk {
        named_for,
        is_unlinked,
        login,
        mail,
        number,
    })
}

fn company() -> impl Strategy<Value = World> {
    let lost = prop_oneof![4 => Just(None), 1 => Just(Some("out")), 1 => Just(Some("team"))];
    let company = (0..4_usize, any::<bool>(), any::<bool>(), any::<bool>(), lost);
    let company = company.prop_map(|(matching, excludes, has_team, has_second, lost)| Company {
        matching,
        excludes,
        has_team,
        has_second,
        lost,
    });
    (vec(account(), 0..8), vec(desk(), 0..4), company)
        .prop_map(|(accounts, desks, company)| build(&accounts, &desks, &company))
}

/// What the first scope's spec has beside `users`.
fn spec(company: &Company) -> String {
    let matching = [
        "{}",
        "{by: [Email, WindowsLogin]}",
        "{adopt: Never}",
        "{by: [EmployeeID], onNoMatch: Report}",
    ][company.matching];
    let exclude = if company.excludes { EXCLUDE } else { "" };
    let team = if company.has_team { TEAM } else { "" };
    let sales = "when: {filter: (department=sales)}";
    format!(
        "match: {matching}, {exclude} {team}
         extensions: [{{name: a, ruleRef: {{name: low}}, {sales}}}, {{name: b, ruleRef: {{name: high}}}}]"
    )
}

const EXCLUDE: &str = "exclude: [{name: out, group: {dn: 'CN=out,DC=example,DC=com'}}],";
const TEAM: &str = "departments: [
    {name: team, group: {dn: 'CN=team,DC=example,DC=com'}, ringGroup: {number: '600'}},
    {name: rest, under: {dn: 'DC=example,DC=com'}, ringGroup: {ruleRef: {name: rings}}}],";

fn build(accounts: &[Account], desks: &[Desk], company: &Company) -> World {
    let mut world = World::new(&spec(company))
        .rule(sequential("low", "200", "202"))
        .rule(sequential("high", "202", "209"))
        .rule(sequential("rings", "610", "619"));
    if company.has_second {
        world = world.scope("second", "{everyone: {}}", &spec(&Company::default()));
    }
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
        match account.flags {
            Flags::Active => {}
            Flags::Disabled => world.disable(&login),
            Flags::Hidden => world.set(&login, "userAccountControl", ""),
        }
    }
    let members = |is_in: fn(&Account) -> bool| -> Vec<String> {
        let accounts = accounts.iter().enumerate().filter(|(_, account)| is_in(account));
        accounts.map(|(index, _)| format!("p{index}")).collect()
    };
    let groups = [
        ("out", members(|account| account.is_out)),
        ("team", members(|account| account.in_team)),
    ];
    for (name, members) in groups.iter().filter(|(name, _)| company.lost != Some(*name)) {
        world = world.group(name, &members.iter().map(String::as_str).collect::<Vec<_>>());
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
        let named_for = desk.named_for.map(|person| name_of(&format!("p{person}")));
        let name = named_for.unwrap_or_else(|| format!("desk{index}"));
        world = world.hand_made(&name, &fields);
        world.user_mut(&name).is_unlinked = desk.is_unlinked;
    }
    world
}

/// No number has two holders, and nobody two numbers.
fn assert_numbers_are_unique(world: &World) {
    let mut holders = BTreeSet::new();
    for (name, extension) in &world.observed.extensions {
        let holder = extension.holder.clone().unwrap();
        assert!(holders.insert(holder.clone()), "two of {holder:?}");
        if holder.kind == HolderKind::PhoneUser {
            let user = world.user(&holder.name);
            assert_eq!(user.values.text(Field::Extension), name.strip_prefix("hq-"), "{name}");
        }
    }
}

/// Nobody has two PhoneUsers.
fn assert_links_are_unique(world: &World) {
    let mut accounts = BTreeSet::new();
    for (name, user) in &world.observed.users {
        let account = user.values.link().map(|link| link.guid);
        assert!(
            account.is_none_or(|account| accounts.insert(account)),
            "{name} is another one of {account:?}"
        );
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
        assert_links_are_unique(&world);
    }

    #[test]
    fn scopes_of_one_phone_system_come_to_rest(mut world in company()) {
        for _ in 0..2 {
            for scope in 0..world.scopes.len() {
                world.sync_scope(scope);
                assert_numbers_are_unique(&world);
                assert_links_are_unique(&world);
            }
        }
        for scope in 0..world.scopes.len() {
            prop_assert!(world.plan_of(scope).plan.is_empty());
        }
    }

    #[test]
    fn while_an_exclusion_is_in_doubt_nothing_is_begun(mut world in company(), matching in 0..4_usize) {
        world.sync();
        let excluding = Company { matching, excludes: true, ..Company::default() };
        world.respec("{everyone: {}}", &spec(&excluding));
        world.sync();
        world.groups.clear();
        let world = world.person("newcomer", &[]);
        for change in world.plan().plan.users {
            let takes_in_hand = change.changes.iter().any(|change| change.field == Field::Directory);
            prop_assert!(!change.links && !takes_in_hand && change.expected != Expected::Absent, "{:?}", change);
            let before = &world.user(&change.name).ownership;
            prop_assert!(before.ours.contains(Field::Directory), "it was let go of: {:?}", change);
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(world in company(), seed in any::<u64>()) {
        let mut shuffled = world.clone();
        let count = shuffled.users.len().max(1) as u64;
        shuffled.users.rotate_left(usize::try_from(seed % count).unwrap());
        if seed % 2 == 0 {
            shuffled.users.reverse();
            shuffled.groups.reverse();
            shuffled.units.reverse();
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
        plan.ring_groups.truncate(writes.saturating_sub(plan.claims.len() + plan.users.len()));
        plan.ring_groups.retain(|change| change.needs.is_none_or(|number| claimed.contains(&number)));
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
        flags: Flags::Active,
        is_out: false,
        in_team: true,
    };
    let desk = Desk {
        named_for: None,
        is_unlinked: false,
        login: Some(0),
        mail: None,
        number: Some(3),
    };
    let company = Company {
        has_team: true,
        ..Company::default()
    };
    let mut world = build(&[account(0), account(1), account(1)], &[desk], &company);
    let outcome = world.sync();
    assert_eq!(world.user("desk0").values.text(Field::Extension), Some("203"));
    assert_eq!(world.text("p1", Field::Extension), Some("202"));
    assert_eq!(outcome.report.users.matched, 3);
    assert_eq!(outcome.report.ring_groups.synced, 2);
    assert!(!world.observed.users.contains_key(&*name_of("p0")));
}
