//! Results as a table: aligned for a terminal, and Markdown for docs/performance.md.

use comfy_table::{CellAlignment, Table, presets};

use super::rounds::{Figure, Rounds};

/// A table of the rows, the first one being its head. All columns but the first are numbers.
pub(crate) fn table<Row, Cell>(rows: impl IntoIterator<Item = Row>) -> Table
where
    Row: IntoIterator<Item = Cell>,
    Cell: ToString,
{
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let mut rows = rows
        .into_iter()
        .map(|row| row.into_iter().map(|cell| cell.to_string()).collect::<Vec<_>>());
    table.set_header(rows.next().unwrap_or_default());
    table.add_rows(rows);
    let numbers = table.column_iter_mut().skip(1);
    numbers.for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

impl Rounds {
    /// Some contestants beside the first of them: minimum and median of the time, and the smallest of the rest.
    pub(crate) fn table(&self, names: &[impl AsRef<str>]) -> Table {
        let results: Vec<_> = names.iter().map(|name| self.of(name.as_ref())).collect();
        let smallest = [Figure::Cpu, Figure::PeakMemory, Figure::HeldMemory];
        let seen: Vec<_> = smallest
            .into_iter()
            .filter(|figure| results.iter().any(|results| results.minimum(*figure).is_some()))
            .collect();
        let mut head = vec![String::new(), "time (min)".into(), "median".into(), "ratio".into()];
        head.extend(seen.iter().map(|figure| figure.title().to_owned()));
        let rows = results.iter().map(|results| {
            let shown =
                |figure: Figure, value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| figure.show(value));
            let ratio = self.ratio(&results.name, names[0].as_ref(), Figure::Wall);
            let mut row = vec![
                results.name.clone(),
                shown(Figure::Wall, results.minimum(Figure::Wall)),
                shown(Figure::Wall, results.median(Figure::Wall)),
                ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2} ×")),
            ];
            row.extend(seen.iter().map(|figure| shown(*figure, results.minimum(*figure))));
            row
        });
        table(std::iter::once(head).chain(rows))
    }
}

impl Figure {
    fn title(self) -> &'static str {
        match self {
            Self::Wall => "time",
            Self::Cpu => "CPU",
            Self::PeakMemory => "peak memory",
            Self::HeldMemory => "held",
        }
    }
}
