//! What one complete read of a directory saw: people, groups and organizational units. Pure.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use jiff::Timestamp;

use super::{AttributeName, Dn, Guid, RawEntry, UserIndex, UserSet, text};
use crate::api::sync_scope::GroupType;

/// Where a snapshot comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// Host and port of the domain controller.
    pub server: String,
    /// Identity of the controller's database.
    pub invocation_id: Guid,
    /// Root of the domain.
    pub naming_context: Dn,
    /// What was read lies below this.
    pub base_dn: Dn,
    /// The controller's highest update sequence number, from before the read.
    pub highest_usn: i64,
    /// When the read began.
    pub read_at: Timestamp,
}

/// What one complete read saw. Never changes; held in an `Arc`.
#[derive(Debug)]
pub struct Snapshot {
    origin: Origin,
    referrals: usize,
    attributes: BTreeSet<AttributeName>,
    users: Vec<UserRecord>,
    groups: Vec<GroupRecord>,
    units: Vec<UnitRecord>,
    users_by_dn: HashMap<Dn, UserIndex>,
    groups_by_dn: HashMap<Dn, GroupIndex>,
    units_by_dn: HashMap<Dn, UnitIndex>,
}

#[derive(Debug)]
struct UserRecord {
    guid: Option<Guid>,
    text: String,
    dn: Option<Dn>,
    attributes: BTreeMap<AttributeName, Vec<String>>,
}

#[derive(Debug)]
struct GroupRecord {
    guid: Option<Guid>,
    dn: Dn,
    name: String,
    display_name: Option<String>,
    kind: GroupType,
    relative_id: Option<u32>,
    members: Vec<String>,
}

#[derive(Debug)]
struct UnitRecord {
    guid: Option<Guid>,
    dn: Dn,
}

/// A group of one snapshot, by position.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GroupIndex(u32);

/// An organizational unit or container of one snapshot, by position.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnitIndex(u32);

/// Who is in a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Members {
    /// The users.
    pub users: UserSet,
    /// How many other members are neither a user nor a group of the snapshot.
    pub unresolved: usize,
}

impl Snapshot {
    /// Where it comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many referrals the directory sent; none is followed.
    pub fn referrals(&self) -> usize {
        self.referrals
    }

    /// Whether the attribute was asked for.
    pub fn has(&self, attribute: &AttributeName) -> bool {
        self.attributes.contains(attribute)
            || [AttributeName::OBJECT_GUID, AttributeName::DISTINGUISHED_NAME].contains(attribute)
    }

    /// How many users there are.
    pub fn user_count(&self) -> usize {
        self.users.len()
    }

    /// The users, by objectGUID and then by distinguished name.
    pub fn users(&self) -> impl Iterator<Item = User<'_>> {
        (0..self.users.len()).map(|position| self.user(UserIndex::at(position)))
    }

    /// One user.
    pub fn user(&self, index: UserIndex) -> User<'_> {
        User { snapshot: self, index }
    }

    /// The user with this objectGUID.
    pub fn user_by_guid(&self, guid: Guid) -> Option<User<'_>> {
        let position = self.users.binary_search_by_key(&Some(guid), |user| user.guid).ok()?;
        Some(self.user(UserIndex::at(position)))
    }

    /// The user with this distinguished name.
    pub fn user_by_dn(&self, dn: &Dn) -> Option<User<'_>> {
        self.users_by_dn.get(dn).map(|index| self.user(*index))
    }

    /// Nobody, as a start for a set of this snapshot's users.
    pub fn empty_set(&self) -> UserSet {
        UserSet::empty(self.users.len())
    }

    /// Everybody.
    pub fn all(&self) -> UserSet {
        UserSet::full(self.users.len())
    }

    /// The users at or anywhere below an entry.
    pub fn users_below(&self, base: &Dn) -> UserSet {
        self.select(|user| user.dn.as_ref().is_some_and(|dn| dn.is_at_or_below(base)))
    }

    /// The users with this sAMAccountName, compared as Active Directory does.
    pub fn users_with_login(&self, login: &str) -> UserSet {
        let login = text::fold(login);
        self.select(|user| {
            let logins = user.attributes.get(&AttributeName::LOGIN);
            logins.is_some_and(|logins| logins.iter().any(|value| text::folds_to(value, &login)))
        })
    }

    /// The groups, by objectGUID and then by distinguished name.
    pub fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        (0..).zip(&self.groups).map(|(position, record)| Group {
            record,
            index: GroupIndex(position),
        })
    }

    /// One group.
    pub fn group(&self, index: GroupIndex) -> Option<Group<'_>> {
        self.groups.get(index.0 as usize).map(|record| Group { record, index })
    }

    /// The group with this distinguished name.
    pub fn group_by_dn(&self, dn: &Dn) -> Option<Group<'_>> {
        self.group(*self.groups_by_dn.get(dn)?)
    }

    /// The group with this objectGUID.
    pub fn group_by_guid(&self, guid: Guid) -> Option<Group<'_>> {
        self.groups().find(|group| group.guid() == Some(guid))
    }

    /// Who is in a group: its members, whose primary group it is, and with `nested` the same of the groups in it.
    pub fn members(&self, group: GroupIndex, nested: bool) -> Members {
        let mut members = Members {
            users: self.empty_set(),
            unresolved: 0,
        };
        let mut unresolved = BTreeSet::new();
        let mut seen = BTreeSet::from([group]);
        let mut waiting = vec![group];
        while let Some(record) = waiting.pop().and_then(|index| self.groups.get(index.0 as usize)) {
            if let Some(relative_id) = record.relative_id.map(|relative_id| relative_id.to_string()) {
                members.users.union_with(&self.select(|user| {
                    user.attributes
                        .get(&AttributeName::PRIMARY_GROUP_ID)
                        .is_some_and(|ids| ids.contains(&relative_id))
                }));
            }
            for text in &record.members {
                let dn = Dn::parse(text).ok();
                if let Some(user) = dn.as_ref().and_then(|dn| self.users_by_dn.get(dn)) {
                    members.users.insert(*user);
                } else if let Some(group) = dn.as_ref().and_then(|dn| self.groups_by_dn.get(dn)) {
                    if nested && seen.insert(*group) {
                        waiting.push(*group);
                    }
                } else {
                    unresolved.insert(dn.map_or(text.clone(), |dn| dn.key().to_owned()));
                }
            }
        }
        members.unresolved = unresolved.len();
        members
    }

    /// Who is in a group by its `member` alone, as `memberOf` and its in-chain rule have it: the primary group is not in it.
    pub(super) fn linked_members(&self, group: GroupIndex, nested: bool) -> UserSet {
        let mut users = self.empty_set();
        let mut seen = BTreeSet::from([group]);
        let mut waiting = vec![group];
        while let Some(record) = waiting.pop().and_then(|index| self.groups.get(index.0 as usize)) {
            for dn in record.members.iter().filter_map(|text| Dn::parse(text).ok()) {
                users.extend(self.users_by_dn.get(&dn).copied());
                if let Some(group) = self
                    .groups_by_dn
                    .get(&dn)
                    .filter(|group| nested && seen.insert(**group))
                {
                    waiting.push(*group);
                }
            }
        }
        users
    }

    /// Who is in the `member` of any group.
    pub(super) fn in_any_group(&self) -> UserSet {
        let mut users = self.empty_set();
        for group in self.groups() {
            users.union_with(&self.linked_members(group.index(), false));
        }
        users
    }

    /// The organizational units and containers, by objectGUID and then by distinguished name.
    pub fn units(&self) -> impl Iterator<Item = Unit<'_>> {
        (0..).zip(&self.units).map(|(position, record)| Unit {
            record,
            index: UnitIndex(position),
        })
    }

    /// One organizational unit or container.
    pub fn unit(&self, index: UnitIndex) -> Option<Unit<'_>> {
        self.units.get(index.0 as usize).map(|record| Unit { record, index })
    }

    /// The organizational unit or container with this distinguished name.
    pub fn unit_by_dn(&self, dn: &Dn) -> Option<Unit<'_>> {
        self.unit(*self.units_by_dn.get(dn)?)
    }

    /// The organizational unit or container with this objectGUID.
    pub fn unit_by_guid(&self, guid: Guid) -> Option<Unit<'_>> {
        self.units().find(|unit| unit.guid() == Some(guid))
    }

    fn select(&self, holds: impl Fn(&UserRecord) -> bool) -> UserSet {
        let mut set = self.empty_set();
        set.extend(
            self.users
                .iter()
                .enumerate()
                .filter(|(_, user)| holds(user))
                .map(|(at, _)| UserIndex::at(at)),
        );
        set
    }
}

/// Gathers what a read sees, in any order.
#[derive(Debug)]
pub struct SnapshotBuilder {
    snapshot: Snapshot,
}

impl SnapshotBuilder {
    /// A snapshot that keeps `attributes` of each user, and [`AttributeName::OF_EVERY_USER`].
    pub fn new(origin: Origin, attributes: &BTreeSet<AttributeName>) -> Self {
        Self {
            snapshot: Snapshot {
                origin,
                referrals: 0,
                attributes: attributes.iter().cloned().chain(AttributeName::OF_EVERY_USER).collect(),
                users: Vec::new(),
                groups: Vec::new(),
                units: Vec::new(),
                users_by_dn: HashMap::new(),
                groups_by_dn: HashMap::new(),
                units_by_dn: HashMap::new(),
            },
        }
    }

    /// Adds a user: objectCategory person and objectClass user.
    pub fn add_user(&mut self, entry: RawEntry) {
        let attributes = entry
            .attributes
            .iter()
            .filter_map(|(name, values)| Some((AttributeName::parse(name).ok()?, values)))
            .filter(|(name, _)| self.snapshot.attributes.contains(name))
            .map(|(name, values)| {
                (
                    name,
                    values
                        .iter()
                        .filter_map(|value| String::from_utf8(value.clone()).ok())
                        .collect(),
                )
            })
            .collect();
        self.snapshot.users.push(UserRecord {
            guid: entry.guid(),
            dn: Dn::parse(&entry.dn).ok(),
            text: entry.dn,
            attributes,
        });
    }

    /// Adds a group: objectClass group, with `member` whole.
    pub fn add_group(&mut self, entry: RawEntry) {
        let Ok(dn) = Dn::parse(&entry.dn) else { return };
        let value = |name| entry.text(&AttributeName::from_lower_case(name));
        let flags = value("grouptype")
            .and_then(|text| text.trim().parse::<i64>().ok())
            .unwrap_or_default();
        let members = entry.values(&AttributeName::from_lower_case("member"));
        let security_identifier = entry.values(&AttributeName::from_lower_case("objectsid")).first();
        self.snapshot.groups.push(GroupRecord {
            guid: entry.guid(),
            name: value("cn").unwrap_or(dn.name()).to_owned(),
            display_name: value("displayname").map(str::to_owned),
            kind: if flags & 0x8000_0000 == 0 {
                GroupType::DistributionList
            } else {
                GroupType::SecurityGroup
            },
            relative_id: security_identifier.and_then(|bytes| relative_id(bytes)),
            members: members
                .iter()
                .map(|value| String::from_utf8_lossy(value).into_owned())
                .collect(),
            dn,
        });
    }

    /// Adds an organizational unit, a container or the domain's root.
    pub fn add_unit(&mut self, entry: RawEntry) {
        let Ok(dn) = Dn::parse(&entry.dn) else { return };
        self.snapshot.units.push(UnitRecord { guid: entry.guid(), dn });
    }

    /// Says how many referrals the directory sent.
    pub fn referrals(&mut self, count: usize) {
        self.snapshot.referrals = count;
    }

    /// The snapshot of everything added. Only for a read that ended completely.
    pub fn build(self) -> Snapshot {
        let mut snapshot = self.snapshot;
        snapshot
            .users
            .sort_by(|left, right| (left.guid, &left.text).cmp(&(right.guid, &right.text)));
        snapshot
            .groups
            .sort_by(|left, right| (left.guid, &left.dn).cmp(&(right.guid, &right.dn)));
        snapshot
            .units
            .sort_by(|left, right| (left.guid, &left.dn).cmp(&(right.guid, &right.dn)));
        let dns = snapshot
            .users
            .iter()
            .enumerate()
            .filter_map(|(at, user)| Some((user.dn.clone()?, UserIndex::at(at))));
        snapshot.users_by_dn = dns.collect();
        let groups = (0..).zip(&snapshot.groups);
        snapshot.groups_by_dn = groups.map(|(at, group)| (group.dn.clone(), GroupIndex(at))).collect();
        let units = (0..).zip(&snapshot.units);
        snapshot.units_by_dn = units.map(|(at, unit)| (unit.dn.clone(), UnitIndex(at))).collect();
        snapshot
    }
}

/// Last part of a domain group's security identifier (S-1-5-21-a-b-c-RID, MS-DTYP 2.4.2.2): what primaryGroupID names.
fn relative_id(bytes: &[u8]) -> Option<u32> {
    let is_of_a_domain = bytes.len() == 28 && bytes.starts_with(&[1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0]);
    let last = bytes.last_chunk()?;
    is_of_a_domain.then(|| u32::from_le_bytes(*last))
}

/// A user of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct User<'a> {
    snapshot: &'a Snapshot,
    index: UserIndex,
}

impl<'a> User<'a> {
    /// The position in the snapshot.
    pub fn index(self) -> UserIndex {
        self.index
    }

    /// The objectGUID; none where the account may not see it.
    pub fn guid(self) -> Option<Guid> {
        self.record()?.guid
    }

    /// The sAMAccountName.
    pub fn login(self) -> Option<&'a str> {
        self.text(&AttributeName::LOGIN)
    }

    /// The distinguished name, as the directory writes it.
    pub fn dn(self) -> Cow<'a, str> {
        Cow::Borrowed(self.record().map_or("", |record| &record.text))
    }

    /// Distinguished name of the entry that the user lies in, as the directory writes it.
    pub fn parent_dn(self) -> &'a str {
        self.record()
            .and_then(|record| record.dn.as_ref()?.parent_str())
            .unwrap_or_default()
    }

    /// The first value of an attribute that is text and not blank, as the directory holds it.
    pub fn text(self, attribute: &AttributeName) -> Option<&'a str> {
        self.values(attribute).find(|value| !value.trim().is_empty())
    }

    /// All values of an attribute that are text.
    pub fn values(self, attribute: &AttributeName) -> impl Iterator<Item = &'a str> + use<'a> {
        let values = self.record().and_then(|record| record.attributes.get(attribute));
        values.into_iter().flatten().map(String::as_str)
    }

    /// Whether the account is disabled or has expired. A lockout does not count: it never takes a phone away.
    pub fn is_inactive(self, now: Timestamp) -> bool {
        self.is_disabled() || self.has_expired(now)
    }

    fn is_disabled(self) -> bool {
        const ACCOUNTDISABLE: i64 = 0x2;
        self.number(&AttributeName::USER_ACCOUNT_CONTROL)
            .is_some_and(|flags| flags & ACCOUNTDISABLE != 0)
    }

    fn has_expired(self, now: Timestamp) -> bool {
        // In steps of 100 ns since 1601 (MS-ADTS 2.2.?); both 0 and the highest number mean never.
        const UNIX_EPOCH: i128 = 116_444_736_000_000_000;
        let expires = self
            .number(&AttributeName::ACCOUNT_EXPIRES)
            .filter(|expires| ![0, i64::MAX].contains(expires));
        expires.is_some_and(|expires| i128::from(expires) <= now.as_nanosecond() / 100 + UNIX_EPOCH)
    }

    fn number(self, attribute: &AttributeName) -> Option<i64> {
        self.text(attribute)?.trim().parse().ok()
    }

    fn record(self) -> Option<&'a UserRecord> {
        self.snapshot.users.get(self.index.position())
    }
}

/// A group of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    record: &'a GroupRecord,
    index: GroupIndex,
}

impl<'a> Group<'a> {
    /// The position in the snapshot.
    pub fn index(self) -> GroupIndex {
        self.index
    }

    /// The objectGUID; none where the account may not see it.
    pub fn guid(self) -> Option<Guid> {
        self.record.guid
    }

    /// The distinguished name.
    pub fn dn(self) -> &'a Dn {
        &self.record.dn
    }

    /// Its common name.
    pub fn name(self) -> &'a str {
        &self.record.name
    }

    /// Its displayName, where it has one.
    pub fn display_name(self) -> Option<&'a str> {
        self.record.display_name.as_deref()
    }

    /// Whether it can be given rights, or is for mail only.
    pub fn kind(self) -> GroupType {
        self.record.kind
    }
}

/// An organizational unit, a container or the domain's root.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    record: &'a UnitRecord,
    index: UnitIndex,
}

impl<'a> Unit<'a> {
    /// The position in the snapshot.
    pub fn index(self) -> UnitIndex {
        self.index
    }

    /// The objectGUID; none where the account may not see it.
    pub fn guid(self) -> Option<Guid> {
        self.record.guid
    }

    /// The distinguished name.
    pub fn dn(self) -> &'a Dn {
        &self.record.dn
    }

    /// Its own name.
    pub fn name(self) -> &'a str {
        self.record.dn.name()
    }
}
