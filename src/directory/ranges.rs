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

/// An attribute of which a directory sent a piece.
#[derive(Clone, Copy)]
struct CutAttribute<'a> {
    /// The entry that has it.
    base: &'a str,
    name: &'a str,
    names_say_guids: bool,
}

struct Piece {
    values: Vec<Vec<u8>>,
    is_last: bool,
}

/// How often the values of one attribute are read from their beginning. A group that loses members all the time is read another
/// time.
const BEGINNINGS: usize = 5;

/// Whether an attribute of the entry has more values than the directory sent.
pub(super) fn is_cut(entry: &RawEntry) -> bool {
    entry.attributes.iter().any(|(name, _)| range(name).is_some())
}

impl Connection {
    /// Asks for the values that an entry lacks, until it has all of them under their plain names.
    pub(super) async fn rejoin(
        &mut self,
        mut entry: RawEntry,
        names_say_guids: bool,
    ) -> Result<RawEntry, DirectoryError> {
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
            let attribute = CutAttribute {
                base: &base,
                name: first.attribute,
                names_say_guids,
            };
            let values = self.all_values(attribute, first, values).await?;
            // Beside the first piece, AD sends the attribute itself without values.
            entry
                .attributes
                .retain(|(other, _)| !other.eq_ignore_ascii_case(first.attribute));
            entry.attributes.push((first.attribute.to_owned(), values));
        }
        Ok(entry)
    }

    /// Begins again when values were taken away from the part that was read: those behind it have moved up.
    async fn all_values(
        &mut self,
        attribute: CutAttribute<'_>,
        first: Range<'_>,
        values: Vec<Vec<u8>>,
    ) -> Result<Vec<Vec<u8>>, DirectoryError> {
        let name = attribute.name;
        if !first.covers(0, values.len()) {
            return Err(self.incomplete(format!("the first piece of {name} does not begin at its beginning")));
        }
        let mut begun = Piece {
            values,
            is_last: first.to.is_none(),
        };
        for _ in 0..BEGINNINGS {
            if let Some(values) = self.continued(attribute, begun).await? {
                return Ok(values);
            }
            tracing::debug!(base = attribute.base, name, "values were removed while they were read");
            begun = self.piece(attribute, 0).await?;
        }
        Err(self.incomplete(format!("values of {name} were removed each time while they were read")))
    }

    /// All values after those of the first piece; `None`: what was read before has changed.
    ///
    /// Each piece begins with the last value of the one before: if anything before it was taken away, another stands there.
    async fn continued(
        &mut self,
        attribute: CutAttribute<'_>,
        first: Piece,
    ) -> Result<Option<Vec<Vec<u8>>>, DirectoryError> {
        let Piece {
            mut values,
            mut is_last,
        } = first;
        while !is_last {
            let Some(seam) = values.pop() else {
                return Err(self.incomplete(format!("a piece of {} is empty, and not the last", attribute.name)));
            };
            let next = self.piece(attribute, values.len()).await?;
            if next.values.first() != Some(&seam) {
                return Ok(None);
            }
            if next.values.len() == 1 && !next.is_last {
                return Err(self.incomplete(format!(
                    "a piece of {} has nothing new, and is not the last",
                    attribute.name
                )));
            }
            values.extend(next.values);
            is_last = next.is_last;
        }
        Ok(Some(values))
    }

    async fn piece(&mut self, attribute: CutAttribute<'_>, from: usize) -> Result<Piece, DirectoryError> {
        let CutAttribute {
            base,
            name,
            names_say_guids,
        } = attribute;
        let wanted = format!("{name};range={from}-*");
        let Some(entry) = self.search_base(base, &[wanted.as_str()], names_say_guids).await? else {
            return Err(self.incomplete(format!("an entry vanished while its {name} was read")));
        };
        let piece = entry.attributes.into_iter().find_map(|(sent, values)| {
            let range = range(&sent)?;
            let fits = range.attribute.eq_ignore_ascii_case(name) && range.covers(from, values.len());
            fits.then_some(Piece {
                is_last: range.to.is_none(),
                values,
            })
        });
        piece.ok_or_else(|| self.incomplete(format!("the values of {name} did not go on where they had stopped")))
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
