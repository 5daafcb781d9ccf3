//! Columns of text that fit a width: columns that do not fit are listed below the table, grouped by value.

use console::measure_text_width;

use crate::model::one_line;

use super::style::{Detail, Ink, Style};
use super::words::{Wrapped, list};
use crate::cluster::phrases::grouped;

const GAP: usize = 2;
/// How many different values of a column are listed below the table.
const VALUES: usize = 4;

/// One column. The one with the highest `yields` is dropped first; those with 0 never are.
pub(super) struct Column {
    pub head: &'static str,
    pub yields: u8,
    pub cells: Vec<(Ink, String)>,
}

/// The table's lines, then the values of dropped columns by the names in the first column.
pub(super) fn table(mut columns: Vec<Column>, indent: usize, style: Style) -> String {
    for cell in columns.iter_mut().flat_map(|column| &mut column.cells) {
        cell.1 = one_line(&cell.1);
    }
    // A column without any value is left out.
    columns.retain(|column| column.yields == 0 || column.cells.iter().any(|(_, cell)| !is_blank(cell)));
    let mut moved = Vec::new();
    while indent + width(&columns) > style.width {
        let most = columns.iter().map(|column| column.yields).max().unwrap_or(0);
        let Some(at) = columns.iter().position(|column| column.yields == most && most > 0) else { break };
        moved.push(columns.remove(at));
    }
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    let mut text = line(&columns, indent, |column| (Ink::Dimmed, column.head), style);
    for row in 0..rows {
        let cell = |column: &Column| column.cells.get(row).cloned().unwrap_or((Ink::Plain, String::new()));
        text.push_str(&line(&columns, indent, cell, style));
    }
    let names: Vec<&String> =
        columns.first().map(|column| column.cells.iter().map(|(_, c)| c).collect()).unwrap_or_default();
    moved.reverse();
    for column in &moved {
        text.push_str(&below(column, &names, indent, style));
    }
    text
}

fn is_blank(cell: &str) -> bool {
    cell.is_empty() || cell == "-"
}

fn width(columns: &[Column]) -> usize {
    columns.iter().map(column_width).sum::<usize>() + GAP * columns.len().saturating_sub(1)
}

fn column_width(column: &Column) -> usize {
    let cells = column.cells.iter().map(|(_, cell)| measure_text_width(cell));
    cells.chain([measure_text_width(column.head)]).max().unwrap_or(0)
}

fn line<S: AsRef<str>>(
    columns: &[Column],
    indent: usize,
    cell: impl Fn(&Column) -> (Ink, S),
    style: Style,
) -> String {
    let mut text = " ".repeat(indent);
    for (at, column) in columns.iter().enumerate() {
        let (ink, cell) = cell(column);
        let cell = cell.as_ref();
        text.push_str(&style.paint(ink, cell));
        if at + 1 < columns.len() {
            let pad = column_width(column).saturating_sub(measure_text_width(cell)) + GAP;
            text.push_str(&" ".repeat(pad));
        }
    }
    format!("{}\n", text.trim_end())
}

fn below(column: &Column, names: &[&String], indent: usize, style: Style) -> String {
    let values = column.cells.iter().map(|(_, cell)| cell).zip(names.iter().copied());
    let groups = grouped(values.filter(|(cell, _)| !is_blank(cell)));
    let words = match groups.as_slice() {
        [(value, _)] => (*value).clone(),
        groups if groups.len() > VALUES => "differs; use a wider terminal or --json to see it".to_owned(),
        groups => groups
            .iter()
            .map(|(value, names)| format!("{value} ({})", list(names, Detail::Folded)))
            .collect::<Vec<_>>()
            .join(", "),
    };
    Wrapped::new(indent, (Ink::Dimmed, &format!("{}: ", column.head)), (Ink::Plain, &words)).text(style)
}
