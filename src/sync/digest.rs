//! A few digits that stand for a batch: whoever approves them has seen just these objects and what would happen to them.

use std::fmt::Write as _;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::api::sync_scope::{DIGEST_LENGTH, HeldType, MEMBER_LENGTH, MOST_HELD_MEMBERS};

/// The digest of a batch: of this scope, closed at this time, with these items in whatever order.
pub fn digest(scope_uid: &str, kind: HeldType, since: Timestamp, mut items: Vec<String>) -> String {
    items.sort_unstable();
    let mut hash = Sha256::new();
    // Kubernetes' names and uids have no line breaks, so that no two lists read the same.
    hash.update(format!("{scope_uid}\n{kind:?}\n{}\n", since.as_second()));
    for item in items {
        hash.update(item);
        hash.update("\n");
    }
    digits(hash, DIGEST_LENGTH)
}

/// The digits that stand for one item of a batch.
pub fn member(item: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(item);
    digits(hash, MEMBER_LENGTH)
}

/// The items of a batch as it keeps them. Empty: there are too many.
pub fn members<'i>(items: impl ExactSizeIterator<Item = &'i str>) -> String {
    if items.len() > MOST_HELD_MEMBERS {
        return String::new();
    }
    let mut members: Vec<_> = items.map(member).collect();
    members.sort_unstable();
    members.dedup();
    members.concat()
}

/// Whether an item is one of those that a batch keeps.
pub fn has_member(members: &str, item: &str) -> bool {
    let (wanted, (all, _)) = (member(item), members.as_bytes().as_chunks::<MEMBER_LENGTH>());
    all.binary_search_by(|digits| digits.as_slice().cmp(wanted.as_bytes()))
        .is_ok()
}

fn digits(hash: Sha256, length: usize) -> String {
    let mut digits = String::with_capacity(length);
    for byte in hash.finalize().iter().take(length / 2) {
        // Writing into a text does not fail.
        let _written = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::fixture::{FUTURE, NOW, time};

    #[test]
    fn a_digest_is_of_one_scope_one_time_and_one_set() {
        let items = |items: &[&str]| items.iter().map(ToString::to_string).collect::<Vec<_>>();
        let of = |scope, kind, at, all: &[&str]| digest(scope, kind, time(at), items(all));
        let first = of("a", HeldType::Removals, NOW, &["x Disable", "y Delete"]);
        assert_eq!(first.len(), DIGEST_LENGTH);
        assert_eq!(first, of("a", HeldType::Removals, NOW, &["y Delete", "x Disable"]));
        for other in [
            of("b", HeldType::Removals, NOW, &["x Disable", "y Delete"]),
            of("a", HeldType::Creations, NOW, &["x Disable", "y Delete"]),
            of("a", HeldType::Removals, FUTURE, &["x Disable", "y Delete"]),
            of("a", HeldType::Removals, NOW, &["x Disable", "y Disable"]),
            of("a", HeldType::Removals, NOW, &["x Disable"]),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_batch_knows_its_members_one_by_one_unless_they_are_too_many() {
        let three = members(["x Disable", "y Delete", "x Delete"].into_iter());
        assert_eq!(three.len(), 3 * MEMBER_LENGTH);
        assert!(
            ["x Disable", "y Delete", "x Delete"]
                .iter()
                .all(|item| has_member(&three, item))
        );
        assert!(!has_member(&three, "y Disable") && !has_member("", "x Disable"));
        let items: Vec<_> = (0..=MOST_HELD_MEMBERS).map(|index| index.to_string()).collect();
        assert_eq!(members(items.iter().map(String::as_str)), "");
    }

    #[test]
    fn the_digits_are_those_of_sha_256() {
        // printf 'a\nRemovals\n0\nx Disable\n' | sha256sum
        let digits = digest(
            "a",
            HeldType::Removals,
            Timestamp::UNIX_EPOCH,
            vec!["x Disable".to_owned()],
        );
        assert_eq!(digits, "4e648e1375bf565b");
    }
}
