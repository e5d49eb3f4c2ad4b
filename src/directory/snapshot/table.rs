//! Lists of texts in rows and columns, packed. Pure; it knows nothing of directories.
//!
//! A snapshot of a large company is millions of short texts, most of them seldom looked at and many the same (departments, offices,
//! flags). So a cell is four bytes, an offset into a chunk of bytes where the list stands once: how many texts, then each with its
//! length before it. Chunks keep offsets small however much there is, and spare the copying that one growing buffer would need.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::BuildHasher as _,
};

use foldhash::fast::RandomState;

/// Rows of lists of texts.
#[derive(Debug)]
pub(super) struct Table {
    columns: usize,
    cells: Vec<u32>,
    chunks: Vec<Chunk>,
}

#[derive(Debug)]
struct Chunk {
    first_row: usize,
    bytes: Vec<u8>,
}

/// Fills a table, row by row.
#[derive(Debug)]
pub(super) struct TableBuilder {
    table: Table,
    rows: usize,
    /// Where a list with this hash stands in the last chunk.
    known: HashMap<u64, u32, RandomState>,
    /// The list that is being added, and the part of it behind its count; kept for their memory.
    list: Vec<u8>,
    texts: Vec<u8>,
}

/// A chunk takes no further row once it is this long.
const CHUNK_LENGTH: usize = 8 << 20;
/// So many different lists are remembered to be shared. What repeats does so early; names and numbers of people never do.
const KNOWN_LISTS: usize = 1 << 16;
/// Each chunk begins with an empty list, which all empty cells share.
const EMPTY: u32 = 0;

impl TableBuilder {
    pub(super) fn new(columns: usize) -> Self {
        let table = Table {
            columns,
            cells: Vec::new(),
            chunks: Vec::new(),
        };
        Self {
            table,
            rows: 0,
            known: HashMap::default(),
            list: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// Begins a row, and returns its number: they count up from 0. Lists that are not pushed before the next one are empty.
    pub(super) fn begin_row(&mut self) -> usize {
        let number = self.rows;
        let is_full = |chunk: &Chunk| chunk.bytes.len() >= CHUNK_LENGTH;
        if self.table.chunks.last().is_none_or(is_full) {
            self.table
                .chunks
                .iter_mut()
                .for_each(|chunk| chunk.bytes.shrink_to_fit());
            self.table.chunks.push(Chunk {
                first_row: number,
                bytes: vec![0],
            });
            self.known.clear();
        }
        self.table.cells.resize(number * self.table.columns, EMPTY);
        self.rows += 1;
        number
    }

    /// Adds the next column's list to the row that was begun.
    pub(super) fn push<'a>(&mut self, list: impl IntoIterator<Item = &'a str>) {
        if self.table.cells.len() < self.rows * self.table.columns {
            let cell = self.cell(list);
            self.table.cells.push(cell);
        }
    }

    pub(super) fn finish(mut self) -> Table {
        self.table.cells.resize(self.rows * self.table.columns, EMPTY);
        self.table.cells.shrink_to_fit();
        self.table
            .chunks
            .iter_mut()
            .for_each(|chunk| chunk.bytes.shrink_to_fit());
        self.table
    }

    fn cell<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) -> u32 {
        let mut count = 0;
        self.texts.clear();
        for text in texts {
            push_length(&mut self.texts, text.len());
            self.texts.extend_from_slice(text.as_bytes());
            count += 1;
        }
        if count == 0 {
            return EMPTY;
        }
        self.list.clear();
        push_length(&mut self.list, count);
        self.list.extend_from_slice(&self.texts);
        self.position_of_list()
    }

    fn position_of_list(&mut self) -> u32 {
        let Some(chunk) = self.table.chunks.last_mut() else {
            return EMPTY;
        };
        // A row begins below CHUNK_LENGTH and comes from one LDAP message, so four bytes always suffice.
        let position = u32::try_from(chunk.bytes.len()).unwrap_or(EMPTY);
        let hash = self.known.hasher().hash_one(&self.list);
        let is_full = self.known.len() >= KNOWN_LISTS;
        match self.known.entry(hash) {
            Entry::Occupied(known) => {
                let stands = chunk
                    .bytes
                    .get(*known.get() as usize..)
                    .is_some_and(|at| at.starts_with(&self.list));
                if stands {
                    return *known.get();
                }
            }
            Entry::Vacant(unknown) if !is_full => {
                unknown.insert(position);
            }
            Entry::Vacant(_) => {}
        }
        chunk.bytes.extend_from_slice(&self.list);
        position
    }
}

impl Table {
    /// The texts of a cell; none where there is no such cell.
    pub(super) fn texts(&self, row: usize, column: usize) -> Texts<'_> {
        self.list(row, column).unwrap_or_default()
    }

    /// Bytes of the heap that it holds.
    pub(super) fn heap_size(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(|chunk| chunk.bytes.capacity()).sum();
        chunks + self.chunks.capacity() * size_of::<Chunk>() + self.cells.capacity() * size_of::<u32>()
    }

    fn list(&self, row: usize, column: usize) -> Option<Texts<'_>> {
        if column >= self.columns {
            return None;
        }
        let cell = *self.cells.get(row * self.columns + column)? as usize;
        let chunk = self
            .chunks
            .partition_point(|chunk| chunk.first_row <= row)
            .checked_sub(1)?;
        let mut bytes = self.chunks.get(chunk)?.bytes.get(cell..)?;
        let left = take_length(&mut bytes)?;
        Some(Texts { bytes, left })
    }
}

/// The texts of one cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.left = self.left.checked_sub(1)?;
        let length = take_length(&mut self.bytes)?;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        std::str::from_utf8(text).ok()
    }
}

/// Seven bits a byte, lowest first; the highest bit says that more follow.
fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = u8::try_from(length & 0x7f).unwrap_or_default();
        length >>= 7;
        if length == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(columns: usize, rows: &[Vec<Vec<String>>]) -> Table {
        let mut builder = TableBuilder::new(columns);
        for (number, row) in rows.iter().enumerate() {
            assert_eq!(builder.begin_row(), number);
            for list in row {
                builder.push(list.iter().map(String::as_str));
            }
        }
        builder.finish()
    }

    proptest! {
        #[test]
        fn it_gives_back_what_was_put_in(rows in prop::collection::vec(
            prop::collection::vec(prop::collection::vec("|[ab]|.{0,20}", 0..4), 0..=3), 0..20
        )) {
            let table = table(3, &rows);
            for (number, row) in rows.iter().enumerate() {
                for column in 0..3 {
                    let texts: Vec<&str> = table.texts(number, column).collect();
                    prop_assert_eq!(texts, row.get(column).cloned().unwrap_or_default());
                }
            }
            prop_assert_eq!(table.texts(rows.len(), 0).count(), 0);
            prop_assert_eq!(table.texts(0, 3).count(), 0);
        }
    }

    #[test]
    fn long_texts_and_many_chunks_are_no_limit() {
        let long = "x".repeat(CHUNK_LENGTH / 2 + 1);
        let rows: Vec<Vec<Vec<String>>> = (0..6)
            .map(|number| {
                vec![
                    vec![format!("{number}{long}"), number.to_string()],
                    vec!["same".to_owned()],
                ]
            })
            .collect();
        let table = table(2, &rows);
        assert_eq!(table.chunks.len(), 3);
        for (number, row) in rows.iter().enumerate() {
            assert!(table.texts(number, 0).eq(row[0].iter().map(String::as_str)));
            assert!(table.texts(number, 1).eq(["same"]));
        }
    }

    #[test]
    fn what_repeats_is_held_once() {
        let rows = vec![vec![vec!["top".to_owned(), "person".to_owned(), "user".to_owned()]]; 1000];
        assert!(table(1, &rows).heap_size() < 4 * 1000 + 200);
    }
}
