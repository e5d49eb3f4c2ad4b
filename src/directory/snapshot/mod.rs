//! What one complete read of a directory saw: people, groups and organizational units. Pure.
//!
//! It is made once, by a [`SnapshotBuilder`], and never changes. 100,000 people with twenty attributes each take less than 64 MiB:
//! their texts stand in a packed table, their distinguished names in two parts of which the second is shared, and the
//! indexes hold hashes instead of keys.

mod builder;
mod group;
mod index;
mod membership;
mod names;
mod paths;
mod table;
mod unit;
mod user;

use jiff::Timestamp;

pub use builder::SnapshotBuilder;
pub use group::{Group, GroupIndex, GroupKind};
pub use membership::Members;
pub use paths::Path;
pub use unit::{Unit, UnitIndex};
pub use user::User;

use self::{
    group::GroupRecord, index::HashIndex, membership::Membership, paths::Paths, table::Table, unit::UnitRecord,
    user::UserRecord,
};
use super::{AttributeName, Dn, Guid, Replica, UserIndex, UserSet, text};

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
    /// What the controller has of others' changes, as far as it says.
    pub replicas: Vec<Replica>,
    /// It knows less than another controller knew before: it was restored, or waits for replication. It takes nobody away, and
    /// moves no number.
    pub is_behind: bool,
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
    paths: Paths,
    units: Vec<UnitRecord>,
    units_by_dn: Vec<UnitIndex>,
}

impl Snapshot {
    /// Where it comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The same, known to be behind.
    #[must_use]
    pub fn behind(mut self) -> Self {
        self.origin.is_behind = true;
        self
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
        let indexes = self.users_by_dn.heap_size() + self.users_by_login.heap_size();
        let indexes = indexes + self.membership.heap_size() + self.paths.heap_size();
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

    /// The group that is somebody's primary one.
    pub fn primary_group(&self, user: UserIndex) -> Option<Group<'_>> {
        let mut groups = self.membership.each();
        let (index, _) = groups.find(|(_, direct)| direct.primary.binary_search(&user).is_ok())?;
        self.group(index)
    }

    /// Whether a group, or with `nested` one in it, shows no member at all.
    pub fn is_silent(&self, group: GroupIndex, nested: bool) -> bool {
        self.membership.is_silent(group, nested)
    }

    /// Whether somebody who is in these groups directly is in another one, as far as groups show their members or what they are in.
    pub fn path(&self, from: &[Guid], to: GroupIndex, nested: bool) -> Path {
        let from = from
            .iter()
            .map(|guid| self.group_by_guid(*guid).map(Group::index).ok_or(*guid));
        self.paths.between(from, to, nested)
    }

    /// Whether some group has an account among its members that was not read.
    pub fn is_listed(&self, account: Guid) -> bool {
        self.paths.listing(account).next().is_some()
    }

    /// Whether a group, or with `nested` one in it, has an account among its members that was not read.
    pub fn is_listed_in(&self, account: Guid, group: GroupIndex, nested: bool) -> bool {
        let listing: Vec<_> = self.paths.listing(account).collect();
        self.paths.between(listing.into_iter().map(Ok), group, nested) == Path::Leads
    }

    /// Who is in a group as `memberOf` and its in-chain rule have it: by `member` alone, without the primary group.
    pub(crate) fn linked_members(&self, group: GroupIndex, nested: bool) -> UserSet {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{
        RawEntry,
        samples::{attributes, dn, group, guid, origin, snapshot, user},
    };

    const STAFF: &str = "OU=Staff,DC=example,DC=com";

    #[test]
    fn of_several_values_it_is_always_the_same_one_whatever_their_order() {
        for values in [[" ", "+1 555 2", "+1 555 10"], ["+1 555 10", "+1 555 2", " "]] {
            let users = [user(1, "CN=a,DC=com", "a").with("otherTelephone", values)];
            let snapshot = snapshot("otherTelephone", users, []);
            let phone = AttributeName::parse("otherTelephone").unwrap();
            assert_eq!(snapshot.users().next().unwrap().text(&phone), Some("+1 555 10"));
        }
    }

    #[test]
    fn users_come_in_the_order_of_their_identity() {
        let users = [
            user(3, "CN=c,DC=com", "c"),
            RawEntry::new("CN=z,DC=com").with("sAMAccountName", ["z"]),
            user(1, "CN=b,DC=com", "b"),
            RawEntry::new("CN=y,DC=com").with("sAMAccountName", ["y"]),
        ];
        let read = snapshot("", users.clone(), []);
        let logins = |snapshot: &Snapshot| snapshot.users().filter_map(User::login).collect::<Vec<_>>().join(" ");
        assert_eq!(logins(&read), "y z b c");
        assert_eq!(logins(&snapshot("", users.into_iter().rev(), [])), "y z b c");
    }

    #[test]
    fn users_are_found_by_every_name_they_have() {
        let users = [
            user(1, "CN=Jane Doe, OU=Staff,DC=example,DC=com", "JaneD").with("mail", [" ", " jane@example.com"]),
            user(2, "CN=J\u{fc}rgen,OU=Inner,OU=Staff,DC=example,DC=com", "j\u{fc}rgen"),
            user(3, "CN=Guest,CN=Users,DC=example,DC=com", "janed"),
        ];
        let snapshot = snapshot("mail", users, []);
        let jane = snapshot.user_by_guid(guid(1)).unwrap();
        assert_eq!(jane.dn(), "CN=Jane Doe, OU=Staff,DC=example,DC=com");
        assert_eq!(jane.parent_dn(), STAFF);
        assert_eq!(jane.parent(), Some(&dn(STAFF)));
        assert_eq!(
            jane.text(&AttributeName::from_lower_case("mail")),
            Some(" jane@example.com")
        );
        assert_eq!(jane.text(&AttributeName::from_lower_case("title")), None);
        assert_eq!(snapshot.user_by_guid(guid(9)).map(User::index), None);
        let by_dn = |text| snapshot.user_by_dn(&dn(text)).and_then(User::guid);
        assert_eq!(by_dn("cn=JANE doe,ou=staff,dc=example,dc=com"), Some(guid(1)));
        assert_eq!(
            by_dn("CN=Ju\u{308}rgen,OU=Inner,OU=Staff,DC=example,DC=com"),
            Some(guid(2))
        );
        assert_eq!(by_dn(STAFF), None);
        assert_eq!(snapshot.users_with_login(" JANED ").len(), 2);
        assert_eq!(snapshot.users_with_login("Ju\u{308}RGEN").len(), 1);
        assert_eq!(snapshot.users_with_login("jane").len(), 0);
        assert_eq!(snapshot.users_below(&dn("ou=staff,dc=example,dc=com")).len(), 2);
        assert_eq!(snapshot.users_below(&dn("DC=example,DC=com")), snapshot.all());
        assert_eq!(
            snapshot.users_below(&dn("OU=Elsewhere,DC=example,DC=com")),
            snapshot.empty_set()
        );
        assert_eq!(
            snapshot.users_below(&dn("CN=Guest,CN=Users,DC=example,DC=com")).len(),
            1
        );
    }

    #[test]
    fn an_unusable_record_is_kept_and_costs_only_itself() {
        let users = [
            RawEntry::new("no name at all")
                .with("sAMAccountName", ["odd"])
                .with("objectGUID", ["short"]),
            RawEntry::new("CN=x,DC=com")
                .with("sAMAccountName", [vec![0xff, 0xfe]])
                .with("mail", [vec![0xff], b"x@y".to_vec()]),
            user(1, "CN=b,DC=com", "b"),
        ];
        let snapshot = snapshot("mail", users, []);
        let [nameless, odd, usual] = [1, 0, 2].map(|position| snapshot.user(UserIndex::at(position)));
        assert_eq!(
            (
                nameless.dn().as_ref(),
                nameless.guid(),
                nameless.login(),
                nameless.parent_dn()
            ),
            ("no name at all", None, Some("odd"), "")
        );
        assert_eq!(
            (odd.login(), odd.text(&AttributeName::from_lower_case("mail"))),
            (None, Some("x@y"))
        );
        assert_eq!(usual.login(), Some("b"));
        assert_eq!(snapshot.users_below(&dn("DC=com")).len(), 2);
    }

    #[test]
    fn an_entry_that_moved_during_the_read_is_one_entry() {
        let users = [
            user(2, "CN=x,DC=com", "x"),
            user(1, "CN=a,OU=Old,DC=com", "a"),
            user(1, "CN=a,OU=New,DC=com", "a"),
        ];
        let groups = [group(
            9,
            "CN=g,DC=com",
            1100,
            &["CN=a,OU=New,DC=com", "CN=x,DC=com", "CN=a,OU=Old,DC=com"],
        )];
        let snapshot = snapshot("", users, groups);
        assert_eq!(snapshot.user_count(), 2);
        assert_eq!(snapshot.user_by_guid(guid(1)).unwrap().dn(), "CN=a,OU=New,DC=com");
        assert_eq!(snapshot.user_by_dn(&dn("CN=a,OU=Old,DC=com")).map(User::index), None);
        let members = snapshot.members(snapshot.group_by_guid(guid(9)).unwrap().index(), true);
        assert_eq!((members.users, members.unresolved), (snapshot.all(), 1));
    }

    #[test]
    fn accounts_end_by_the_bit_or_by_the_date_and_without_the_bits_it_is_not_known() {
        let expires = |unix_second: i64| ((unix_second + 11_644_473_600) * 10_000_000).to_string();
        let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        for (flags, expires, is_inactive) in [
            ("512", "0", Some(false)),
            ("512", "9223372036854775807", Some(false)),
            ("514", "0", Some(true)),
            ("66050", "9223372036854775807", Some(true)),
            ("512", &expires(now.as_second()), Some(true)),
            ("512", &expires(now.as_second() + 1), Some(false)),
            ("528", "0", Some(false)),
            ("512", "", Some(false)),
            ("", &expires(now.as_second()), Some(true)),
            ("", "", None),
        ] {
            let account = user(1, "CN=a,DC=com", "a")
                .without("userAccountControl")
                .with("userAccountControl", [flags])
                .with("accountExpires", [expires]);
            let snapshot = snapshot("", [account], []);
            assert_eq!(
                snapshot.user(UserIndex::at(0)).is_inactive(now),
                is_inactive,
                "{flags} {expires}"
            );
        }
    }

    #[test]
    fn groups_and_units_are_found_by_name_and_identity() {
        let mut builder = SnapshotBuilder::new(origin(), &attributes("mail objectGUID"));
        builder.add_group(
            group(5, r"CN=Sales\, all,DC=example,DC=com", 1100, &[])
                .with("displayName", ["Sales team"])
                .with("cn", ["Sales, all"]),
        );
        builder.add_group(RawEntry::new("CN=List,DC=example,DC=com").with("groupType", ["2"]));
        builder.add_group(RawEntry::new("no name"));
        builder.add_unit(RawEntry::new("DC=example,DC=com").with_guid(guid(7)));
        builder.add_unit(RawEntry::new(STAFF).with_guid(guid(6)));
        builder.referrals(3);
        let snapshot = builder.build();
        let sales = snapshot.group_by_dn(&dn(r"cn=sales\2c ALL,dc=example,dc=com")).unwrap();
        assert_eq!(
            (sales.guid(), sales.name(), sales.display_name()),
            (Some(guid(5)), "Sales, all", Some("Sales team"))
        );
        assert_eq!(sales.kind(), GroupKind::Security);
        assert_eq!(snapshot.group_by_guid(guid(5)).map(Group::index), Some(sales.index()));
        let list = snapshot.group_by_dn(&dn("CN=List,DC=example,DC=com")).unwrap();
        assert_eq!((list.name(), list.kind()), ("List", GroupKind::Distribution));
        assert_eq!(snapshot.groups().count(), 2);
        let units: Vec<&str> = snapshot.units().map(Unit::name).collect();
        assert_eq!(units, ["Staff", "example"]);
        assert_eq!(
            snapshot.unit_by_dn(&dn("ou=staff,dc=example,dc=com")).unwrap().guid(),
            Some(guid(6))
        );
        assert_eq!(snapshot.unit_by_guid(guid(7)).unwrap().dn(), &dn("DC=example,DC=com"));
        assert_eq!(snapshot.referrals(), 3);
        for (name, was_read) in [
            ("mail", true),
            ("sAMAccountName", true),
            ("objectGUID", true),
            ("title", false),
        ] {
            assert_eq!(snapshot.has(&AttributeName::parse(name).unwrap()), was_read, "{name}");
        }
    }

    /// The promise is 64 MiB for 100,000 people with some twenty attributes; a tenth of the people is measured.
    #[test]
    fn a_large_company_fits_into_little_memory() {
        const PEOPLE: usize = 10_000;
        let names =
            "accountExpires company department displayName employeeID employeeType givenName ipPhone l mail mobile
            objectCategory objectClass physicalDeliveryOfficeName primaryGroupID sAMAccountName sn telephoneNumber title
            userAccountControl userPrincipalName";
        let mut builder = SnapshotBuilder::new(origin(), &attributes(names));
        for number in 0..PEOPLE {
            builder.add_user(person_of_a_large_company(number));
        }
        for number in 0..PEOPLE / 20 {
            let members: Vec<String> = (0..100)
                .map(|member| distinguished_name((number * 20 + member) % PEOPLE))
                .collect();
            builder.add_group(
                RawEntry::new(format!("CN=Group {number},OU=Groups,DC=example,DC=com")).with("member", members),
            );
        }
        let snapshot = builder.build();
        assert_eq!(
            snapshot
                .users_below(&dn("OU=Department 7,OU=People,DC=example,DC=com"))
                .len(),
            PEOPLE / 100
        );
        assert_eq!(
            snapshot
                .members(
                    snapshot
                        .group_by_dn(&dn("CN=Group 3,OU=Groups,DC=example,DC=com"))
                        .unwrap()
                        .index(),
                    false
                )
                .users
                .len(),
            100
        );
        let limit = (64 << 20) / (100_000 / PEOPLE);
        let size = snapshot.heap_size();
        assert!(size < limit, "{size} bytes for {PEOPLE} people, {limit} allowed");
        assert!(size > 100 * PEOPLE, "{size} bytes can't be all of it");
    }

    fn distinguished_name(number: usize) -> String {
        format!(
            "CN=Maximiliane Musterfrau {number:06},OU=Department {},OU=People,DC=example,DC=com",
            number % 100
        )
    }

    fn person_of_a_large_company(number: usize) -> RawEntry {
        let login = format!("maximiliane.musterfrau{number:06}");
        let identity = u128::try_from(number)
            .unwrap()
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            .to_le_bytes();
        RawEntry::new(distinguished_name(number))
            .with("objectGUID", [identity])
            .with("sAMAccountName", [login.as_str()])
            .with("userPrincipalName", [format!("{login}@example.com")])
            .with("mail", [format!("{login}@mail.example.com")])
            .with("displayName", [format!("Musterfrau, Maximiliane {number}")])
            .with("givenName", ["Maximiliane"])
            .with("sn", [format!("Musterfrau {number}")])
            .with("employeeID", [format!("{number:08}")])
            .with("employeeType", ["staff"])
            .with("telephoneNumber", [format!("+49 30 5550-{number:06}")])
            .with("mobile", [format!("+49 170 5550{number:06}")])
            .with("ipPhone", [format!("7{number:06}")])
            .with("department", [format!("Department {}", number % 100)])
            .with(
                "physicalDeliveryOfficeName",
                [format!("Building {}, room {}", number % 20, number % 700)],
            )
            .with("title", [format!("Engineer, level {}", number % 30)])
            .with("company", ["Example Aktiengesellschaft"])
            .with("l", ["Berlin"])
            .with("objectClass", ["top", "person", "organizationalPerson", "user"])
            .with(
                "objectCategory",
                ["CN=Person,CN=Schema,CN=Configuration,DC=example,DC=com"],
            )
            .with("userAccountControl", ["512"])
            .with("accountExpires", ["9223372036854775807"])
            .with("primaryGroupID", ["513"])
    }
}
