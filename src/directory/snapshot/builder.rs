//! Making a snapshot of what a read sees, in any order. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    Origin, Snapshot,
    group::{GroupIndex, GroupRecord, relative_identifier},
    index::HashIndex,
    membership::{Direct, Membership},
    table::TableBuilder,
    unit::{UnitIndex, UnitRecord},
    user::{NAME_COLUMN, UserRecord},
};
use crate::directory::{AttributeName, Dn, Guid, RawEntry, UserIndex, text};

/// Gathers what a read sees, in any order.
///
/// A read takes many pages and an entry may move meanwhile, so the same objectGUID can come twice: the later one counts.
#[derive(Debug)]
pub struct SnapshotBuilder {
    origin: Origin,
    referrals: usize,
    attributes: Vec<AttributeName>,
    texts: TableBuilder,
    parents: Parents,
    names: Names,
    users: Vec<Seen<UserRecord>>,
    groups: Vec<Seen<NewGroup>>,
    units: Vec<Seen<UnitRecord>>,
}

/// An entry, and what it is known by while others are still to come.
#[derive(Debug)]
struct Seen<Record> {
    guid: Option<Guid>,
    /// The number of its distinguished name; none where that is none.
    name: Option<u32>,
    record: Record,
}

#[derive(Debug)]
struct NewGroup {
    record: GroupRecord,
    relative_identifier: Option<u32>,
    members: BTreeSet<u32>,
}

/// What a name in `member` turned out to be.
#[derive(Clone, Copy, Debug)]
enum Member {
    User(UserIndex),
    Group(GroupIndex),
}

// An entry is handed over: whoever kept it would hold the directory twice.
#[expect(clippy::needless_pass_by_value, reason = "entries are handed over")]
impl SnapshotBuilder {
    /// A snapshot that keeps `attributes` of each user, and [`AttributeName::OF_EVERY_USER`].
    pub fn new(origin: Origin, attributes: &BTreeSet<AttributeName>) -> Self {
        let attributes: BTreeSet<AttributeName> =
            attributes.iter().cloned().chain(AttributeName::OF_EVERY_USER).collect();
        Self {
            origin,
            referrals: 0,
            texts: TableBuilder::new(NAME_COLUMN + 1 + attributes.len()),
            attributes: attributes.into_iter().collect(),
            parents: Parents::default(),
            names: Names::default(),
            users: Vec::new(),
            groups: Vec::new(),
            units: Vec::new(),
        }
    }

    /// Adds a user: objectCategory person and objectClass user. One whose name is no distinguished name lies nowhere.
    pub fn add_user(&mut self, entry: RawEntry) {
        let dn = Dn::parse(&entry.dn).ok();
        let parent = dn
            .as_ref()
            .and_then(Dn::parent_str)
            .and_then(|parent| self.parents.position(parent));
        let parent_length = parent.map_or(0, |(_, length)| length);
        let name = entry.dn.get(..entry.dn.len() - parent_length).unwrap_or_default();
        let attributes = self
            .attributes
            .iter()
            .map(|attribute| entry.texts(attribute).collect::<Vec<_>>());
        let row = self.texts.push(std::iter::once(vec![name]).chain(attributes));
        let guid = entry.guid();
        self.users.push(Seen {
            guid,
            name: dn.map(|dn| self.names.number(dn.key())),
            record: UserRecord {
                guid,
                parent: parent.map(|(position, _)| position),
                row,
            },
        });
    }

    /// Adds a group: objectClass group, with `member` whole. Nobody can name one whose name is no distinguished name: it is left
    /// out.
    pub fn add_group(&mut self, entry: RawEntry) {
        let Ok(dn) = Dn::parse(&entry.dn) else { return };
        let name = Some(self.names.number(dn.key()));
        let members = entry
            .texts(&AttributeName::MEMBER)
            .map(|member| self.names.number_of_text(member))
            .collect();
        let relative_identifier = relative_identifier(&entry);
        let record = NewGroup {
            record: GroupRecord::new(&entry, dn),
            relative_identifier,
            members,
        };
        self.groups.push(Seen {
            guid: entry.guid(),
            name,
            record,
        });
    }

    /// Adds an organizational unit, a container or the domain's root, unless its name is no distinguished name.
    pub fn add_unit(&mut self, entry: RawEntry) {
        let Ok(dn) = Dn::parse(&entry.dn) else { return };
        let guid = entry.guid();
        self.units.push(Seen {
            guid,
            name: None,
            record: UnitRecord { guid, dn },
        });
    }

    /// Says how many referrals the directory sent.
    pub fn referrals(&mut self, count: usize) {
        self.referrals = count;
    }

    /// The snapshot of everything added. Only for a read that ended completely.
    pub fn build(mut self) -> Snapshot {
        let texts = self.texts.finish();
        let parents = self.parents.dns;
        settle(&mut self.users, |user| user.dn(&texts, &parents).into_owned());
        settle(&mut self.groups, |group| group.record.dn.key().to_owned());
        settle(&mut self.units, |unit| unit.dn.key().to_owned());
        let members = self.names.resolve(&self.users, &self.groups);
        let users_by_dn = self.names.index(&self.users);
        let mut snapshot = Snapshot {
            origin: self.origin,
            referrals: self.referrals,
            attributes: self.attributes,
            texts,
            parents,
            users: self.users.into_iter().map(|user| user.record).collect(),
            users_by_dn,
            users_by_login: HashIndex::default(),
            groups: Vec::new(),
            groups_by_dn: Vec::new(),
            membership: Membership::default(),
            units: self.units.into_iter().map(|unit| unit.record).collect(),
            units_by_dn: Vec::new(),
        };
        let logins = snapshot
            .users()
            .filter_map(|user| Some((text::fold(user.login()?), user.index())));
        snapshot.users_by_login = HashIndex::new(logins);
        let primary = primary_members(&snapshot);
        let direct = self.groups.iter().map(|group| group.record.direct(&members, &primary));
        snapshot.membership = Membership::new(direct.collect());
        snapshot.groups = self.groups.into_iter().map(|group| group.record.record).collect();
        snapshot.groups_by_dn = (0..snapshot.groups.len()).map(GroupIndex::at).collect();
        snapshot
            .groups_by_dn
            .sort_by_key(|index| snapshot.groups.get(index.position()).map(|group| &group.dn));
        snapshot.units_by_dn = (0..snapshot.units.len()).map(UnitIndex::at).collect();
        snapshot
            .units_by_dn
            .sort_by_key(|index| snapshot.units.get(index.position()).map(|unit| &unit.dn));
        snapshot
    }
}

impl NewGroup {
    fn direct(&self, members: &[Option<Member>], primary: &BTreeMap<u32, Vec<UserIndex>>) -> Direct {
        let (mut users, mut groups, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for name in &self.members {
            match members.get(*name as usize).copied().flatten() {
                Some(Member::User(user)) => users.push(user),
                Some(Member::Group(group)) => groups.push(group),
                None => unknown.push(*name),
            }
        }
        let primary = self.relative_identifier.and_then(|identifier| primary.get(&identifier));
        Direct {
            users: users.into(),
            primary: primary.cloned().unwrap_or_default().into(),
            groups: groups.into(),
            unknown: unknown.into(),
        }
    }
}

/// Everybody by the group that is their primary one.
fn primary_members(snapshot: &Snapshot) -> BTreeMap<u32, Vec<UserIndex>> {
    let mut groups: BTreeMap<u32, Vec<UserIndex>> = BTreeMap::new();
    for user in snapshot.users() {
        let group = user
            .text(&AttributeName::PRIMARY_GROUP_ID)
            .and_then(|group| group.trim().parse().ok());
        groups.entry(group.unwrap_or_default()).or_default().push(user.index());
    }
    groups
}

/// Puts entries in their order, each objectGUID once. Those without one are ordered by name.
fn settle<Record>(entries: &mut Vec<Seen<Record>>, name: impl Fn(&Record) -> String) {
    entries.sort_by(|left, right| match (left.guid, right.guid) {
        (None, None) => name(&left.record).cmp(&name(&right.record)),
        (left, right) => left.cmp(&right),
    });
    // The sort is stable, so of two with one objectGUID the later one comes second.
    entries.dedup_by(|later, earlier| {
        let same = later.guid.is_some() && later.guid == earlier.guid;
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    entries.shrink_to_fit();
}

/// Numbers for distinguished names, so that each is held once however many groups it is in. Only while a snapshot is made.
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<Box<str>, u32>,
}

impl Names {
    fn number(&mut self, key: &str) -> u32 {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(key.into(), number);
        number
    }

    /// The number of a name that may not even be a distinguished one.
    fn number_of_text(&mut self, text: &str) -> u32 {
        match Dn::parse(text) {
            Ok(dn) => self.number(dn.key()),
            Err(_) => self.number(text),
        }
    }

    /// Who has which number. Active Directory has each name once; were there two, the first in order would be meant.
    fn resolve(&self, users: &[Seen<UserRecord>], groups: &[Seen<NewGroup>]) -> Vec<Option<Member>> {
        let users = users
            .iter()
            .enumerate()
            .map(|(at, user)| (user.name, Member::User(UserIndex::at(at))));
        let groups = groups
            .iter()
            .enumerate()
            .map(|(at, group)| (group.name, Member::Group(GroupIndex::at(at))));
        let mut members = vec![None; self.numbers.len()];
        for (name, member) in users.chain(groups) {
            if let Some(slot) = name.and_then(|name| members.get_mut(name as usize)) {
                slot.get_or_insert(member);
            }
        }
        members
    }

    fn index(&self, users: &[Seen<UserRecord>]) -> HashIndex {
        let mut keys = vec![""; self.numbers.len()];
        for (key, number) in &self.numbers {
            if let Some(slot) = keys.get_mut(*number as usize) {
                *slot = key;
            }
        }
        let key_of = |user: &Seen<UserRecord>| keys.get(user.name? as usize).copied();
        let positions = users.iter().enumerate().map(|(at, user)| (user, UserIndex::at(at)));
        HashIndex::new(positions.filter_map(|(user, index)| Some((key_of(user)?, index))))
    }
}

/// The entries that users lie in. As the directory writes them, since that is what is shown.
#[derive(Debug, Default)]
struct Parents {
    positions: HashMap<Box<str>, u32>,
    dns: Vec<Dn>,
}

impl Parents {
    /// Where the parent is, and how long its text.
    fn position(&mut self, text: &str) -> Option<(u32, usize)> {
        if let Some(position) = self.positions.get(text) {
            return Some((*position, text.len()));
        }
        let position = u32::try_from(self.dns.len()).ok()?;
        self.dns.push(Dn::parse(text).ok()?);
        self.positions.insert(text.into(), position);
        Some((position, text.len()))
    }
}
