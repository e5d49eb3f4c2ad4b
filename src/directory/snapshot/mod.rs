//! What one complete read of a directory saw: people, groups and organizational units. Pure.
//!
//! It is made once, by a [`SnapshotBuilder`], and never changes. 100,000 people with twenty attributes each take less than 64 MiB:
//! their texts stand in a packed table, their distinguished names in two parts of which the second is shared, and the
//! indexes hold hashes instead of keys.

mod builder;
mod group;
mod index;
mod membership;
mod table;
mod unit;
mod user;

use jiff::Timestamp;

pub use builder::SnapshotBuilder;
pub use group::{Group, GroupIndex};
pub use membership::Members;
pub use unit::{Unit, UnitIndex};
pub use user::User;

use self::{
    group::GroupRecord, index::HashIndex, membership::Membership, table::Table, unit::UnitRecord, user::UserRecord,
};
use super::{AttributeName, Dn, Guid, UserIndex, UserSet, text};

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
    /// What was read of each user, in order: the table's columns, after the one that holds the first part of the name.
    attributes: Vec<AttributeName>,
    texts: Table,
    /// The entries that users lie in, each once.
    parents: Vec<Dn>,
    users: Vec<UserRecord>,
    users_by_dn: HashIndex,
    users_by_login: HashIndex,
    groups: Vec<GroupRecord>,
    groups_by_dn: Vec<GroupIndex>,
    membership: Membership,
    units: Vec<UnitRecord>,
    units_by_dn: Vec<UnitIndex>,
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

    /// Whether the attribute was asked for, so that its absence means something.
    pub fn has(&self, attribute: &AttributeName) -> bool {
        let always = [AttributeName::OBJECT_GUID, AttributeName::DISTINGUISHED_NAME];
        always.contains(attribute) || self.attributes.binary_search(attribute).is_ok()
    }

    /// Bytes of the heap that it holds, but for the few of its origin.
    pub fn heap_size(&self) -> usize {
        let texts = self.texts.heap_size() + self.parents.iter().map(Dn::heap_size).sum::<usize>();
        let tables = self.parents.capacity() * size_of::<Dn>()
            + self.users.capacity() * size_of::<UserRecord>()
            + self.groups.capacity() * size_of::<GroupRecord>()
            + self.groups_by_dn.capacity() * size_of::<GroupIndex>()
            + self.units.capacity() * size_of::<UnitRecord>()
            + self.units_by_dn.capacity() * size_of::<UnitIndex>();
        let records = self.groups.iter().map(GroupRecord::heap_size).sum::<usize>()
            + self.units.iter().map(|unit| unit.dn.heap_size()).sum::<usize>();
        let indexes = self.users_by_dn.heap_size() + self.users_by_login.heap_size() + self.membership.heap_size();
        texts + tables + records + indexes
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
        User::new(self, index)
    }

    /// The user with this objectGUID.
    pub fn user_by_guid(&self, guid: Guid) -> Option<User<'_>> {
        let position = self.users.binary_search_by_key(&Some(guid), |user| user.guid).ok()?;
        Some(self.user(UserIndex::at(position)))
    }

    /// The user with this distinguished name.
    pub fn user_by_dn(&self, dn: &Dn) -> Option<User<'_>> {
        let candidates = self.users_by_dn.candidates(dn.key()).map(|index| self.user(index));
        candidates
            .into_iter()
            .find(|user| Dn::parse(&user.dn()).is_ok_and(|found| found == *dn))
    }

    /// The users with this sAMAccountName, whatever its case.
    pub fn users_with_login(&self, login: &str) -> UserSet {
        let login = text::fold(login);
        let candidates = self.users_by_login.candidates(&login);
        let holds = |index: &UserIndex| {
            self.user(*index)
                .login()
                .is_some_and(|value| text::folds_to(value, &login))
        };
        self.set_of(candidates.filter(holds))
    }

    /// The users at or anywhere below an entry.
    pub fn users_below(&self, base: &Dn) -> UserSet {
        let is_below: Vec<bool> = self.parents.iter().map(|parent| parent.is_at_or_below(base)).collect();
        let lies_below = |user: &User<'_>| {
            user.parent_position()
                .and_then(|position| is_below.get(position))
                .copied()
                .unwrap_or_default()
        };
        let below = self.users().filter(lies_below).map(User::index);
        self.set_of(below.chain(self.user_by_dn(base).map(User::index)))
    }

    /// Nobody, as a start for a set of this snapshot's users.
    pub fn empty_set(&self) -> UserSet {
        UserSet::empty(self.users.len())
    }

    /// Everybody.
    pub fn all(&self) -> UserSet {
        UserSet::full(self.users.len())
    }

    /// The groups, by objectGUID and then by distinguished name.
    pub fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        self.groups
            .iter()
            .enumerate()
            .map(|(position, record)| Group::new(record, GroupIndex::at(position)))
    }

    /// One group.
    pub fn group(&self, index: GroupIndex) -> Option<Group<'_>> {
        self.groups
            .get(index.position())
            .map(|record| Group::new(record, index))
    }

    /// The group with this distinguished name.
    pub fn group_by_dn(&self, dn: &Dn) -> Option<Group<'_>> {
        let dn_at = |index: &GroupIndex| self.groups.get(index.position()).map(|record| &record.dn);
        let found = self
            .groups_by_dn
            .binary_search_by(|index| dn_at(index).cmp(&Some(dn)))
            .ok()?;
        self.group(*self.groups_by_dn.get(found)?)
    }

    /// The group with this objectGUID.
    pub fn group_by_guid(&self, guid: Guid) -> Option<Group<'_>> {
        let position = self.groups.binary_search_by_key(&Some(guid), |group| group.guid).ok()?;
        self.group(GroupIndex::at(position))
    }

    /// Who is in a group: those in its `member`, those whose primary group it is and, with `nested`, the same of the groups in it.
    pub fn members(&self, group: GroupIndex, nested: bool) -> Members {
        self.membership.members(group, nested, self.empty_set())
    }

    /// Who is in a group as `memberOf` and its in-chain rule have it: by `member` alone, without the primary group.
    pub(super) fn linked_members(&self, group: GroupIndex, nested: bool) -> UserSet {
        self.set_of(self.membership.linked(group, nested))
    }

    /// Who is in the `member` of any group.
    pub(super) fn in_any_group(&self) -> UserSet {
        self.set_of(
            self.groups()
                .flat_map(|group| self.membership.linked(group.index(), false)),
        )
    }

    /// The organizational units and containers, by objectGUID and then by distinguished name.
    pub fn units(&self) -> impl Iterator<Item = Unit<'_>> {
        self.units
            .iter()
            .enumerate()
            .map(|(position, record)| Unit::new(record, UnitIndex::at(position)))
    }

    /// One organizational unit or container.
    pub fn unit(&self, index: UnitIndex) -> Option<Unit<'_>> {
        self.units.get(index.position()).map(|record| Unit::new(record, index))
    }

    /// The organizational unit or container with this distinguished name.
    pub fn unit_by_dn(&self, dn: &Dn) -> Option<Unit<'_>> {
        let dn_at = |index: &UnitIndex| self.units.get(index.position()).map(|record| &record.dn);
        let found = self
            .units_by_dn
            .binary_search_by(|index| dn_at(index).cmp(&Some(dn)))
            .ok()?;
        self.unit(*self.units_by_dn.get(found)?)
    }

    /// The organizational unit or container with this objectGUID.
    pub fn unit_by_guid(&self, guid: Guid) -> Option<Unit<'_>> {
        let position = self.units.binary_search_by_key(&Some(guid), |unit| unit.guid).ok()?;
        self.unit(UnitIndex::at(position))
    }

    fn set_of(&self, users: impl IntoIterator<Item = UserIndex>) -> UserSet {
        let mut set = self.empty_set();
        set.extend(users);
        set
    }
}
