//! directory: ranged retrieval ([MS-ADTS] section 3.1.1.3.1.3.3). AD cuts an attribute with many values and names the piece
//! `member;range=0-1499`; the rest must be asked for.

use super::connection::Connection;
use super::error::DirectoryError;
use super::{AttributeName, RawEntry};

/// One piece of an attribute's values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Range<'a> {
    attribute: &'a str,
    from: usize,
    /// `None`: the last piece.
    to: Option<usize>,
}

/// Whether an attribute of the entry has more values than the directory sent.
pub(super) fn is_cut(entry: &RawEntry) -> bool {
    entry.attributes.iter().any(|(name, _)| range(name).is_some())
}

impl Connection {
    /// Asks for the values that an entry lacks, until it has all of them under their plain names.
    pub(super) async fn rejoin(&mut self, mut entry: RawEntry) -> Result<RawEntry, DirectoryError> {
        let (cut, whole) = std::mem::take(&mut entry.attributes)
            .into_iter()
            .partition(|(name, _)| range(name).is_some());
        entry.attributes = whole;
        // By objectGUID, where it is known: the entry may be renamed in the meantime.
        let base = entry
            .guid()
            .map_or_else(|| entry.dn.clone(), |guid| format!("<GUID={guid}>"));
        let cut: Vec<(String, Vec<Vec<u8>>)> = cut;
        for (name, values) in cut {
            let Some(first) = range(&name) else { continue };
            let values = self.all_values(&base, first, values).await?;
            // Beside the first piece, AD sends the attribute itself without values.
            entry
                .attributes
                .retain(|(other, _)| !other.eq_ignore_ascii_case(first.attribute));
            entry.attributes.push((first.attribute.to_owned(), values));
        }
        Ok(entry)
    }

    async fn all_values(
        &mut self,
        base: &str,
        first: Range<'_>,
        mut values: Vec<Vec<u8>>,
    ) -> Result<Vec<Vec<u8>>, DirectoryError> {
        let attribute = first.attribute;
        if !first.covers(0, values.len()) {
            return Err(self.incomplete(format!(
                "the first piece of {attribute} does not begin at its beginning"
            )));
        }
        let mut ended = first.to.is_none();
        while !ended {
            let wanted = format!("{attribute};range={}-*", values.len());
            let Some(entry) = self.search_base(base, &[wanted.as_str()]).await? else {
                return Err(self.incomplete(format!("an entry vanished while its {attribute} was read")));
            };
            let piece = entry.attributes.into_iter().find_map(|(name, piece)| {
                let range = range(&name)?;
                let fits = range.attribute.eq_ignore_ascii_case(attribute) && range.covers(values.len(), piece.len());
                fits.then_some((range.to, piece))
            });
            // Also when values were taken away in the meantime: a later read gets a consistent picture.
            let Some((to, piece)) = piece else {
                return Err(self.incomplete(format!(
                    "the values of {attribute} did not go on where they had stopped"
                )));
            };
            ended = to.is_none();
            if piece.is_empty() && !ended {
                return Err(self.incomplete(format!("a piece of {attribute} is empty, and not the last")));
            }
            values.extend(piece);
        }
        Ok(values)
    }
}

impl Range<'_> {
    /// Whether it begins there and has as many values as it says.
    fn covers(&self, from: usize, count: usize) -> bool {
        self.from == from && self.to.is_none_or(|to| to.checked_add(1) == from.checked_add(count))
    }
}

fn range(name: &str) -> Option<Range<'_>> {
    let (attribute, option) = name.split_once(';')?;
    let bounds = option
        .get(..6)
        .filter(|word| word.eq_ignore_ascii_case("range="))
        .and(option.get(6..))?;
    let (from, to) = bounds.split_once('-')?;
    let to = if to == "*" { None } else { Some(to.parse().ok()?) };
    AttributeName::parse(attribute).ok()?;
    Some(Range {
        attribute,
        from: from.parse().ok()?,
        to,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_says_which_values_it_has() {
        assert_eq!(
            range("member;range=0-1499"),
            Some(Range {
                attribute: "member",
                from: 0,
                to: Some(1499)
            })
        );
        assert_eq!(
            range("proxyAddresses;Range=1500-*"),
            Some(Range {
                attribute: "proxyAddresses",
                from: 1500,
                to: None
            })
        );
        for name in [
            "member",
            "member;binary",
            "member;range=",
            "member;range=a-b",
            "member;range=1",
            ";range=0-1",
        ] {
            assert_eq!(range(name), None, "{name}");
        }
    }

    #[test]
    fn a_piece_covers_what_it_says() {
        let piece = |from, to| Range {
            attribute: "member",
            from,
            to,
        };
        assert!(piece(0, Some(1499)).covers(0, 1500));
        assert!(!piece(0, Some(1499)).covers(0, 1499));
        assert!(!piece(1, Some(1499)).covers(0, 1499));
        assert!(piece(1500, None).covers(1500, 0));
        assert!(!piece(0, Some(usize::MAX)).covers(0, 1));
    }
}
