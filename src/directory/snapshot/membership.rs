//! Who is in which group: `member`, the primary group, and groups in groups. Pure.

use std::collections::BTreeSet;

use super::GroupIndex;
use crate::directory::{UserIndex, UserSet};

/// Who is in a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Members {
    /// The users.
    pub users: UserSet,
    /// How many other members are neither a user nor a group of the snapshot: people of other domains, contacts, computers.
    pub unresolved: usize,
}

/// The members of every group, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Membership {
    groups: Box<[Direct]>,
}

/// Who is in a group directly.
#[derive(Debug, Default)]
pub(super) struct Direct {
    /// In `member`.
    pub(super) users: Box<[UserIndex]>,
    /// By primaryGroupID; these are not in `member`.
    pub(super) primary: Box<[UserIndex]>,
    /// In `member`.
    pub(super) groups: Box<[GroupIndex]>,
    /// In `member`, and not in the snapshot: a number for each.
    pub(super) unknown: Box<[u32]>,
}

impl Membership {
    /// Of each group, by position.
    pub(super) fn new(groups: Vec<Direct>) -> Self {
        Self {
            groups: groups.into_boxed_slice(),
        }
    }

    pub(super) fn members(&self, group: GroupIndex, nested: bool, mut users: UserSet) -> Members {
        let mut unknown = BTreeSet::<u32>::new();
        for direct in self.reached(group, nested) {
            users.extend(direct.users.iter().chain(&direct.primary).copied());
            unknown.extend(&direct.unknown);
        }
        Members {
            users,
            unresolved: unknown.len(),
        }
    }

    pub(super) fn linked(&self, group: GroupIndex, nested: bool) -> impl Iterator<Item = UserIndex> {
        self.reached(group, nested)
            .into_iter()
            .flat_map(|direct| direct.users.iter().copied())
    }

    pub(super) fn is_silent(&self, group: GroupIndex, nested: bool) -> bool {
        let is_silent = |direct: &&Direct| {
            direct.users.is_empty()
                && direct.primary.is_empty()
                && direct.groups.is_empty()
                && direct.unknown.is_empty()
        };
        self.reached(group, nested).iter().any(is_silent)
    }

    /// The group itself and, with `nested`, all in it at any depth, each once: groups may contain each other.
    fn reached(&self, group: GroupIndex, nested: bool) -> Vec<&Direct> {
        let mut seen = BTreeSet::from([group]);
        let mut reached: Vec<&Direct> = self.groups.get(group.position()).into_iter().collect();
        let mut next = 0;
        while let Some(direct) = reached.get(next).copied().filter(|_| nested) {
            let groups = direct.groups.iter().filter(|group| seen.insert(**group));
            reached.extend(groups.filter_map(|group| self.groups.get(group.position())));
            next += 1;
        }
        reached
    }

    /// The members of each group, by position.
    pub(super) fn each(&self) -> impl Iterator<Item = (GroupIndex, &Direct)> {
        let each = self.groups.iter().enumerate();
        each.map(|(position, direct)| (GroupIndex::at(position), direct))
    }

    pub(super) fn heap_size(&self) -> usize {
        let lists = |direct: &Direct| {
            size_of_val(&*direct.users)
                + size_of_val(&*direct.primary)
                + size_of_val(&*direct.groups)
                + size_of_val(&*direct.unknown)
        };
        size_of_val(&*self.groups) + self.groups.iter().map(lists).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::directory::{
        Snapshot,
        samples::{dn, group, guid, snapshot, user},
    };

    fn user_dn(number: u8) -> String {
        format!("CN=user{number},OU=Staff,DC=example,DC=com")
    }

    fn group_dn(number: u8) -> String {
        format!("CN=group{number},OU=Groups,DC=example,DC=com")
    }

    /// Logins and number of unresolved members.
    fn members(snapshot: &Snapshot, number: u8, nested: bool) -> (Vec<String>, usize) {
        let group = snapshot.group_by_dn(&dn(&group_dn(number))).unwrap();
        let members = snapshot.members(group.index(), nested);
        let logins = members
            .users
            .iter()
            .map(|index| snapshot.user(index).login().unwrap().to_owned());
        (logins.collect(), members.unresolved)
    }

    #[test]
    fn groups_in_groups_count_when_nested_and_cycles_end() {
        let users = (1..=4).map(|number| user(number, &user_dn(number), &format!("user{number}")));
        let primary = user(5, &user_dn(5), "user5");
        let primary = crate::directory::RawEntry {
            attributes: primary
                .attributes
                .into_iter()
                .filter(|(name, _)| name != "primaryGroupID")
                .collect(),
            ..primary
        };
        let primary = primary.with("primaryGroupID", ["1103"]);
        let foreign = "CN=S-1-5-21-9-9-9-1000,CN=ForeignSecurityPrincipals,DC=example,DC=com";
        let groups = [
            group(11, &group_dn(1), 1101, &[&user_dn(1), &group_dn(2), foreign]),
            group(
                12,
                &group_dn(2),
                1102,
                &[
                    &user_dn(2),
                    &group_dn(3),
                    foreign,
                    "CN=pc1,CN=Computers,DC=example,DC=com",
                ],
            ),
            group(
                13,
                &group_dn(3),
                1103,
                &[&user_dn(3).to_uppercase(), &group_dn(1), &group_dn(3)],
            ),
            group(14, "CN=Domain Users,CN=Users,DC=example,DC=com", 513, &[]),
        ];
        let snapshot = snapshot("", users.chain([primary]), groups);
        let direct = |number| members(&snapshot, number, false);
        assert_eq!(direct(1), (vec!["user1".to_owned()], 1));
        assert_eq!(direct(2), (vec!["user2".to_owned()], 2));
        assert_eq!(direct(3), (vec!["user3".to_owned(), "user5".to_owned()], 0));
        for number in 1..=3 {
            let all = ["user1", "user2", "user3", "user5"].map(str::to_owned).to_vec();
            assert_eq!(members(&snapshot, number, true), (all, 2));
        }
        let domain_users = snapshot
            .group_by_dn(&dn("cn=domain users,cn=users,dc=example,dc=com"))
            .unwrap();
        assert_eq!(snapshot.members(domain_users.index(), false).users.len(), 4);
    }

    /// People are read before groups, and who is renamed in between has another name there.
    #[test]
    fn who_was_renamed_while_the_directory_was_read_is_still_a_member() {
        let linked = |number: u8, dn: &str| format!("<GUID={}>;<SID=S-1-5-21-1-2-3-1>;{dn}", guid(number));
        let users = [
            user(1, &user_dn(1), "user1"),
            // Has come to a name that somebody else had when the groups were read.
            user(2, &user_dn(9), "user2"),
        ];
        let nameless = crate::directory::RawEntry::new(user_dn(3)).with("sAMAccountName", ["user3"]);
        let groups = [
            group(
                11,
                &group_dn(1),
                1101,
                &[
                    &linked(1, &user_dn(5)),
                    &linked(9, &user_dn(9)),
                    &linked(12, "CN=Old,DC=example,DC=com"),
                ],
            ),
            group(12, &group_dn(2), 1102, &[&linked(3, &user_dn(3))]),
        ];
        let snapshot = snapshot("", users.into_iter().chain([nameless]), groups);
        assert_eq!(members(&snapshot, 1, false), (vec!["user1".to_owned()], 1));
        assert_eq!(
            members(&snapshot, 1, true),
            (vec!["user3".to_owned(), "user1".to_owned()], 1),
            "who has no objectGUID is known by name"
        );
    }

    #[test]
    fn a_builtin_group_is_nobody_s_primary_group() {
        let builtin = crate::directory::RawEntry::new(group_dn(1))
            .with("objectSid", [[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 1, 2, 0, 0]]);
        let snapshot = snapshot("", [user(1, &user_dn(1), "user1")], [builtin]);
        assert_eq!(members(&snapshot, 1, true), (vec![], 0));
    }

    proptest! {
        #[test]
        fn the_order_of_input_means_nothing(
            edges in prop::collection::vec((1..6_u8, any::<bool>(), 1..9_u8), 0..30),
            seed in any::<prop::sample::Index>(),
        ) {
            // Users 7 and 8 are not read; groups 6 to 8 neither.
            let member = |is_group: bool, number| if is_group { group_dn(number) } else { user_dn(number) };
            let make = |edges: &[(u8, bool, u8)], reversed: bool| {
                let mut users: Vec<_> = (1..7).map(|number| user(number, &user_dn(number), &format!("user{number}"))).collect();
                let mut groups: Vec<_> = (1..6).map(|number| {
                    let members: Vec<String> = edges.iter().filter(|edge| edge.0 == number)
                        .map(|(_, is_group, number)| member(*is_group, *number)).collect();
                    group(10 + number, &group_dn(number), 1100, &members.iter().map(String::as_str).collect::<Vec<_>>())
                }).collect();
                if reversed {
                    users.reverse();
                    groups.reverse();
                }
                snapshot("", users, groups)
            };
            let mut other_edges = edges.clone();
            if !edges.is_empty() {
                other_edges.rotate_left(seed.index(edges.len()));
                other_edges.reverse();
            }
            let (one, other) = (make(&edges, false), make(&other_edges, true));
            for number in 1..6 {
                prop_assert_eq!(members(&one, number, false), members(&other, number, false));
                let (nested, unresolved) = members(&one, number, true);
                prop_assert_eq!((nested.clone(), unresolved), members(&other, number, true));
                // Whoever is in a group is in all that it is in.
                for (_, _, inner) in edges.iter().filter(|edge| edge.0 == number && edge.1 && edge.2 < 6) {
                    let inner = members(&one, *inner, true).0;
                    prop_assert!(inner.iter().all(|login| nested.contains(login)));
                }
            }
        }
    }
}
