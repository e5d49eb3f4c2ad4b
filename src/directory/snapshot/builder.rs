//! Making a snapshot of what a read sees, in any order. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Origin, Snapshot,
    group::{GroupIndex, GroupRecord, relative_identifier},
    index::HashIndex,
    membership::{Direct, Membership},
    names::{Member, Names, Owner, Parents},
    paths::Paths,
    table::TableBuilder,
    unit::{UnitIndex, UnitRecord},
    user::{NAME_COLUMN, UserRecord},
};
use crate::directory::{AttributeName, Dn, Guid, RawEntry, UserIndex, extended_name, text};

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
    /// Numbers of links.
    members: BTreeSet<u32>,
    /// Numbers of links: the groups that it is in.
    parents: BTreeSet<u32>,
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
        let parent_text = dn.as_ref().and_then(Dn::parent_str);
        let parent = parent_text.and_then(|parent| self.parents.position(parent));
        let name_length = entry.dn.len() - parent.and(parent_text).map_or(0, str::len);
        let name = entry.dn.get(..name_length).unwrap_or_default();
        let row = self.texts.begin_row();
        self.texts.push([name]);
        for attribute in &self.attributes {
            self.texts.push(entry.texts(attribute));
        }
        let guid = entry.guid();
        self.users.push(Seen {
            guid,
            name: dn.map(|dn| self.names.number(dn.key())),
            record: UserRecord { guid, parent, row },
        });
    }

    /// Adds a group: objectClass group, with `member` whole, by plain names or by such that say objectGUIDs. Nobody can name one whose name is no distinguished name: it is left
    /// out.
    pub fn add_group(&mut self, entry: RawEntry) {
        let Ok(dn) = Dn::parse(&entry.dn) else { return };
        let name = Some(self.names.number(dn.key()));
        let mut links = |attribute| -> BTreeSet<u32> {
            let names = entry.texts(attribute).map(extended_name::parse);
            names.map(|(guid, name)| self.names.link(guid, name)).collect()
        };
        let (members, parents) = (links(&AttributeName::MEMBER), links(&AttributeName::MEMBER_OF));
        let relative_identifier = relative_identifier(&entry);
        let record = NewGroup {
            record: GroupRecord::new(&entry, dn),
            relative_identifier,
            members,
            parents,
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
        let users = owners(&self.users, |at| Member::User(UserIndex::at(at)));
        let groups = owners(&self.groups, |at| Member::Group(GroupIndex::at(at)));
        let members = self.names.resolve(users.chain(groups));
        let guids = self.names.guids();
        let users_by_dn = by_key(&self.names.keys(), &self.users);
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
            paths: Paths::default(),
            units: self.units.into_iter().map(|unit| unit.record).collect(),
            units_by_dn: Vec::new(),
        };
        snapshot.users_by_login = by_login(&snapshot);
        let primary = primary_members(&snapshot);
        let direct = self.groups.iter().map(|group| group.record.direct(&members, &primary));
        snapshot.membership = Membership::new(direct.collect());
        let parents = self.groups.iter().map(|group| group.record.parents.iter().copied());
        snapshot.paths = Paths::new(&snapshot.membership, parents, &members, &guids);
        snapshot.groups = self.groups.into_iter().map(|group| group.record.record).collect();
        snapshot.groups_by_dn = by_dn(snapshot.groups.iter().map(|group| &group.dn), GroupIndex::at);
        snapshot.units_by_dn = by_dn(snapshot.units.iter().map(|unit| &unit.dn), UnitIndex::at);
        snapshot
    }
}

impl NewGroup {
    fn direct(&self, members: &[Option<Member>], primary: &BTreeMap<u32, Vec<UserIndex>>) -> Direct {
        let (mut users, mut groups, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for link in &self.members {
            match members.get(*link as usize).copied().flatten() {
                Some(Member::User(user)) => users.push(user),
                Some(Member::Group(group)) => groups.push(group),
                None => unknown.push(*link),
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

fn owners<Record>(entries: &[Seen<Record>], member: impl Fn(usize) -> Member) -> impl Iterator<Item = Owner> {
    entries.iter().enumerate().map(move |(at, entry)| Owner {
        guid: entry.guid,
        name: entry.name,
        member: member(at),
    })
}

/// The number of each entry's name, by position.
fn names<Record>(entries: &[Seen<Record>]) -> impl Iterator<Item = (usize, Option<u32>)> {
    entries.iter().map(|entry| entry.name).enumerate()
}

fn by_key(keys: &[&str], users: &[Seen<UserRecord>]) -> HashIndex {
    HashIndex::new(names(users).filter_map(|(at, name)| Some((keys.get(name? as usize)?, UserIndex::at(at)))))
}

fn by_login(snapshot: &Snapshot) -> HashIndex {
    let logins = snapshot
        .users()
        .filter_map(|user| Some((text::fold(user.login()?), user.index())));
    HashIndex::new(logins)
}

fn by_dn<'a, Index>(dns: impl Iterator<Item = &'a Dn>, index: fn(usize) -> Index) -> Vec<Index> {
    let mut positions: Vec<(&Dn, usize)> = dns.zip(0..).collect();
    positions.sort_unstable();
    positions.into_iter().map(|(_, position)| index(position)).collect()
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
