//! The company of the histories: what its directory says of somebody, whatever anybody may see of it.

use super::steps::{GROUPS, PEOPLE};
use crate::{
    directory::{AttributeName, Guid, RawEntry},
    sync::{
        fixture::{rule, sequential},
        sentences::{
            company::add_group,
            veil,
            world::{STAFF, World, guid},
        },
    },
};

pub(super) const BRANCH: &str = "OU=Branch,DC=example,DC=com";
const ELSEWHERE: &str = "OU=Elsewhere,DC=example,DC=com";
pub(super) const UNITS: [&str; 3] = [STAFF, BRANCH, ELSEWHERE];
/// How many people may leave within a day: no percentage is below it.
pub(super) const MOST: usize = 3;

const POLICIES: [&str; 3] = [
    "",
    "whenDisabled: Delete, whenOutOfScope: Delete, whenDeleted: Delete, ",
    "whenDisabled: Keep, whenOutOfScope: Keep, deleteAfter: 48h, ",
];

/// `users` and the rest of the first scope's spec.
pub(super) fn staff_spec(policy: usize, by_group: bool) -> (String, String) {
    let groups = if by_group {
        ", groups: [{dn: 'CN=Phones,DC=example,DC=com'}]"
    } else {
        ""
    };
    let users = format!("{{organizationalUnits: [{{dn: '{STAFF}'}}]{groups}}}");
    let spec = format!(
        "exclude: [{{name: quiet, group: {{dn: 'CN=Quiet,DC=example,DC=com'}}}}],
         departments: [{{name: team, group: {{dn: 'CN=Team,DC=example,DC=com'}}, ringGroup: {{number: '600'}}}}], {}",
        both(POLICIES[policy])
    );
    (users, spec)
}

/// What both scopes have.
fn both(policy: &str) -> String {
    format!(
        "extensions: [{{name: desk, ruleRef: {{name: desk}}, when: {{filter: (departmentNumber=7)}}}}, {{name: rest, ruleRef: {{name: rest}}}}],
         removal: {{{policy}limit: {{percent: 100, count: {MOST}}}}}"
    )
}

pub(super) fn company() -> World {
    let desk = "source: Attribute, attribute: {name: telephoneNumber, normalize: Digits, pattern: '^1555(\\d{4})$', number: '$1'}";
    let (users, spec) = staff_spec(0, true);
    let mut world = World::with_users(&users, &spec)
        .unit(BRANCH)
        .unit(ELSEWHERE)
        .rule(sequential("rest", "2000", "2029"))
        .rule(rule("desk", desk))
        .scope(
            "branch",
            &format!("{{organizationalUnits: [{{dn: '{BRANCH}'}}]}}"),
            &both(""),
        );
    for group in GROUPS {
        add_group(&mut world, &format!("CN={group},DC=example,DC=com"), std::iter::empty());
    }
    for person in 0..9 {
        join(&mut world, person, 0);
    }
    world
}

pub(super) fn login(person: usize) -> String {
    format!("a{person:02}")
}

/// What the objectGUID of somebody's account is made of: of those who come after one another with one login, each has another.
pub(super) fn word(person: usize, generation: usize) -> String {
    format!("{}g{generation}", login(person))
}

/// Where somebody begins, and in which groups: some only selected by one, some at desks.
pub(super) fn join(world: &mut World, person: usize, generation: usize) {
    let unit = match person % 6 {
        0..3 => STAFF,
        3 => ELSEWHERE,
        _ => BRANCH,
    };
    let word = word(person, generation);
    let mut account = RawEntry::new(format!("CN={word},{unit}"))
        .with_guid(guid(&word))
        .with("sAMAccountName", [login(person)])
        .with("userAccountControl", ["512"]);
    if person % 4 == 1 {
        account = account
            .with("departmentNumber", ["7"])
            .with("telephoneNumber", [telephone(person % 6)]);
    }
    world.users.push(account);
    enter(world, &word, "All");
    if unit == ELSEWHERE {
        enter(world, &word, "Phones");
    }
    if person < PEOPLE / 2 {
        enter(world, &word, "Team");
    }
}

pub(super) fn telephone(number: usize) -> String {
    format!("+1 555 400{number}")
}

fn members<'w>(world: &'w mut World, group: &str) -> &'w mut Vec<Vec<u8>> {
    let entry = world
        .groups
        .iter_mut()
        .find(|entry| entry.guid() == Some(guid(group)))
        .unwrap();
    let mut attributes = entry.attributes.iter_mut();
    &mut attributes.find(|(name, _)| name == "member").unwrap().1
}

pub(super) fn enter(world: &mut World, word: &str, group: &str) {
    let member = veil::member(word).into_bytes();
    let members = members(world, group);
    if !members.contains(&member) {
        members.push(member);
    }
}

pub(super) fn exit(world: &mut World, word: &str, group: &str) {
    let member = veil::member(word).into_bytes();
    members(world, group).retain(|other| *other != member);
}

/// The truth about an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Truth<'w> {
    pub world: &'w World,
    pub by_group: bool,
}

impl<'w> Truth<'w> {
    pub(super) fn account(self, account: Guid) -> Option<&'w RawEntry> {
        self.world.users.iter().find(|entry| entry.guid() == Some(account))
    }

    pub(super) fn is_in(self, account: &RawEntry, group: &str) -> bool {
        self.members(group).iter().any(|member| veil::names(member, account))
    }

    fn members(self, group: &str) -> &'w [Vec<u8>] {
        let mut groups = self.world.groups.iter();
        let entry = groups.find(|entry| entry.guid() == Some(guid(group))).unwrap();
        entry.values(&AttributeName::MEMBER)
    }

    /// Whether nobody can know whether the first scope selects somebody: a group that has no members looks like one that hides them, and who is in
    /// no group like somebody who hides theirs.
    pub(super) fn is_in_doubt(self, account: Guid) -> bool {
        let may_be_selected = self.by_group && self.members("Phones").is_empty();
        let is_in_none = |account| !GROUPS.into_iter().any(|group| self.is_in(account, group));
        may_be_selected && self.account(account).is_some_and(is_in_none)
    }

    /// Whether a group that can be read says so of somebody who can't.
    pub(super) fn is_listed(self, account: &RawEntry) -> bool {
        let veil = &self.world.veil;
        let mut shown = GROUPS.into_iter().filter(|group| {
            let group = guid(group);
            !veil.groups.contains(&group) && !veil.members.contains(&group)
        });
        shown.any(|group| self.is_in(account, group))
    }

    pub(super) fn is_excluded(self, scope: usize, account: &RawEntry) -> bool {
        scope == 0 && self.is_in(account, "Quiet")
    }

    pub(super) fn is_selected(self, scope: usize, account: &RawEntry) -> bool {
        let lies_below = |unit: &str| account.dn.ends_with(&format!(",{unit}"));
        match scope {
            0 => lies_below(STAFF) || (self.by_group && self.is_in(account, "Phones")),
            _ => lies_below(BRANCH),
        }
    }

    pub(super) fn is_active(account: &RawEntry) -> bool {
        account.text(&AttributeName::USER_ACCOUNT_CONTROL) == Some("512")
    }

    /// Whether a scope should serve somebody.
    pub(super) fn is_served(self, scope: usize, account: Guid) -> bool {
        self.account(account).is_some_and(|account| {
            Self::is_active(account) && self.is_selected(scope, account) && !self.is_excluded(scope, account)
        })
    }

    /// Whether the directory gives a number to somebody else.
    pub(super) fn is_telephone_of_another(self, number: &str, account: Option<Guid>) -> bool {
        let others = self.world.users.iter().filter_map(RawEntry::guid);
        let mut others = others.filter(|other| Some(*other) != account);
        others.any(|other| self.telephone(other).as_deref() == Some(number))
    }

    /// The number that somebody's attribute asks for.
    pub(super) fn telephone(self, account: Guid) -> Option<String> {
        let account = self.account(account)?;
        let text = account.text(&AttributeName::from_lower_case("telephonenumber"))?;
        Some(text.strip_prefix("+1 555 ")?.to_owned())
    }
}
