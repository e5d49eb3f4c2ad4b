//! Which groups a group is in, by whatever shows it: its own `memberOf`, or the other group's `member`. Pure.
//!
//! Each is there to contradict the other: where an account may not read one of them, people seem to have left.

use std::collections::BTreeSet;

use super::{GroupIndex, membership::Membership, names::Member};
use crate::directory::Guid;

/// Whether somebody who is in some groups is in another one by them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Path {
    /// They are.
    Leads,
    /// They are not.
    Elsewhere,
    /// Nothing says so, but of some group on the way nothing is shown at all.
    Unknown,
}

/// A group; one that was not read by its objectGUID.
type Place = Result<GroupIndex, Guid>;

/// What lies above each group.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// By position.
    parents: Box<[Parents]>,
    /// What was not read and is in the `member` of a group, in order.
    listed: Box<[(Guid, GroupIndex)]>,
}

#[derive(Debug, Default)]
struct Parents {
    read: Box<[GroupIndex]>,
    /// In `memberOf`, and not in the snapshot.
    unread: Box<[Guid]>,
}

impl Paths {
    /// `links` are the numbers in each group's `memberOf`, `entries` and `guids` what each number means.
    pub(super) fn new<Links: Iterator<Item = u32>>(
        membership: &Membership,
        links: impl Iterator<Item = Links>,
        entries: &[Option<Member>],
        guids: &[Option<Guid>],
    ) -> Self {
        let guid_of = |link: u32| guids.get(link as usize).copied().flatten();
        let mut parents: Vec<(BTreeSet<GroupIndex>, BTreeSet<Guid>)> = links
            .map(|links| {
                let (mut read, mut unread) = (BTreeSet::new(), BTreeSet::new());
                for link in links {
                    match entries.get(link as usize).copied().flatten() {
                        Some(Member::Group(group)) => drop(read.insert(group)),
                        Some(Member::User(_)) => {}
                        None => unread.extend(guid_of(link)),
                    }
                }
                (read, unread)
            })
            .collect();
        let mut listed = Vec::new();
        for (group, direct) in membership.each() {
            listed.extend(direct.unknown.iter().filter_map(|link| Some((guid_of(*link)?, group))));
            for member in &direct.groups {
                if let Some((read, _)) = parents.get_mut(member.position()) {
                    read.insert(group);
                }
            }
        }
        listed.sort_unstable();
        let parents = parents.into_iter().map(|(read, unread)| Parents {
            read: read.into_iter().collect(),
            unread: unread.into_iter().collect(),
        });
        Self {
            parents: parents.collect(),
            listed: listed.into(),
        }
    }

    /// The groups that have in their `member` what was not read.
    pub(super) fn listing(&self, unread: Guid) -> impl Iterator<Item = GroupIndex> {
        let first = self.listed.partition_point(|(guid, _)| *guid < unread);
        let following = self.listed.iter().skip(first);
        following
            .take_while(move |(guid, _)| *guid == unread)
            .map(|(_, group)| *group)
    }

    /// Without `nested`, only the groups in `from` themselves count.
    pub(super) fn between(&self, from: impl Iterator<Item = Place>, to: GroupIndex, nested: bool) -> Path {
        let mut seen: BTreeSet<Place> = from.collect();
        let mut waiting: Vec<Place> = seen.iter().copied().collect();
        let mut path = Path::Elsewhere;
        while let Some(place) = waiting.pop() {
            match place {
                Ok(group) if group == to => return Path::Leads,
                // Its objectGUID tells it from the other, read or not.
                _ if !nested => {}
                Ok(group) => {
                    let Some(parents) = self.parents.get(group.position()) else {
                        continue;
                    };
                    let unread = parents.unread.iter().map(|guid| Err(*guid));
                    let above = parents.read.iter().map(|group| Ok(*group)).chain(unread);
                    waiting.extend(above.filter(|place| seen.insert(*place)));
                }
                Err(guid) => {
                    path = Path::Unknown;
                    waiting.extend(self.listing(guid).map(Ok).filter(|place| seen.insert(*place)));
                }
            }
        }
        path
    }

    pub(super) fn heap_size(&self) -> usize {
        let lists = |parents: &Parents| size_of_val(&*parents.read) + size_of_val(&*parents.unread);
        size_of_val(&*self.parents) + self.parents.iter().map(lists).sum::<usize>() + size_of_val(&*self.listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{
        RawEntry, Snapshot,
        samples::{dn, group, guid, snapshot, user},
    };

    fn name(number: u8) -> String {
        format!("CN=group{number},DC=example,DC=com")
    }

    fn link(number: u8) -> String {
        format!("<GUID={}>;{}", guid(number), name(number))
    }

    /// A group that shows these members, and that it is in these groups.
    fn shown(number: u8, members: &[u8], parents: &[u8]) -> RawEntry {
        let members: Vec<String> = members.iter().map(|number| link(*number)).collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        group(number, &name(number), 1000 + u32::from(number), &members)
            .with("memberOf", parents.iter().map(|number| link(*number)))
    }

    fn path(snapshot: &Snapshot, from: &[u8], to: u8, nested: bool) -> Path {
        let from: Vec<Guid> = from.iter().map(|number| guid(*number)).collect();
        let to = snapshot.group_by_dn(&dn(&name(to))).unwrap().index();
        snapshot.path(&from, to, nested)
    }

    #[test]
    fn either_side_of_a_membership_shows_it() {
        // 1 is in 2 by its own memberOf, 2 in 3 by the member of 3, and 3 in 1: a circle.
        let snapshot = snapshot("", [], [shown(1, &[], &[2]), shown(2, &[], &[]), shown(3, &[2], &[1])]);
        for (from, to) in [(1, 1), (1, 2), (1, 3), (2, 3), (2, 1), (3, 2)] {
            assert_eq!(path(&snapshot, &[from], to, true), Path::Leads, "{from} {to}");
            let direct = if from == to { Path::Leads } else { Path::Elsewhere };
            assert_eq!(path(&snapshot, &[from], to, false), direct, "{from} {to}");
        }
    }

    #[test]
    fn a_group_that_is_not_shown_leads_on_by_whoever_names_it() {
        // 8 and 9 are hidden. 1 is in 9, and 9 is a member of 2.
        let snapshot = snapshot(
            "",
            [],
            [
                shown(1, &[], &[9]),
                shown(2, &[9], &[]),
                shown(3, &[], &[]),
                shown(4, &[3], &[]),
            ],
        );
        assert_eq!(path(&snapshot, &[1], 2, true), Path::Leads);
        assert_eq!(path(&snapshot, &[9], 2, true), Path::Leads);
        assert_eq!(path(&snapshot, &[9], 2, false), Path::Elsewhere);
        assert_eq!(path(&snapshot, &[8], 2, true), Path::Unknown);
        assert_eq!(path(&snapshot, &[3, 8], 2, true), Path::Unknown);
        assert_eq!(path(&snapshot, &[3, 4], 2, true), Path::Elsewhere);
        assert_eq!(path(&snapshot, &[], 2, true), Path::Elsewhere);
    }

    #[test]
    fn an_account_that_was_not_read_is_listed_where_it_is_a_member() {
        let people = [user(7, &name(7), "read")];
        let snapshot = snapshot(
            "",
            people,
            [shown(1, &[9, 7], &[]), shown(2, &[1], &[]), shown(3, &[], &[])],
        );
        assert!(snapshot.is_listed(guid(9)) && !snapshot.is_listed(guid(7)) && !snapshot.is_listed(guid(8)));
        let listed_in = |number: u8, nested| {
            let group = snapshot.group_by_guid(guid(number)).unwrap();
            snapshot.is_listed_in(guid(9), group.index(), nested)
        };
        assert_eq!([1, 2, 3].map(|number| listed_in(number, true)), [true, true, false]);
        assert_eq!([1, 2, 3].map(|number| listed_in(number, false)), [true, false, false]);
    }
}
