//! Tables that stay within the terminal: the last column gives way, nothing wraps.

use console::{Alignment, measure_text_width, pad_str, style, truncate_str};

/// Between two columns.
const GAP: &str = "  ";

/// A table that is printed when it is complete.
pub struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(head: impl Into<Vec<&'static str>>) -> Self {
        Self { head: head.into(), rows: Vec::new() }
    }

    /// Adds a row, a text per column. Colours in it cost no width.
    pub fn row(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// The lines, cut to `width` if there is one.
    pub fn lines(&self, width: Option<usize>) -> Vec<String> {
        let columns = self.head.len();
        let widest = |c: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(c)).map(|text| measure_text_width(text));
            cells.max().unwrap_or(0).max(self.head[c].len())
        };
        let widths: Vec<usize> = (0..columns).map(widest).collect();
        let line = |cells: &[String]| {
            let mut text = String::new();
            for (cell, width) in cells.iter().zip(&widths) {
                if !text.is_empty() {
                    text.push_str(GAP);
                }
                text.push_str(&pad_str(cell, *width, Alignment::Left, None));
            }
            let text = text.trim_end().to_owned();
            match width {
                Some(width) => truncate_str(&text, width, "…").into_owned(),
                None => text,
            }
        };
        let head: Vec<String> = self.head.iter().map(|h| (*h).to_owned()).collect();
        let mut lines = vec![style(line(&head)).dim().to_string()];
        lines.extend(self.rows.iter().map(|row| line(row)));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_aligned_and_a_long_last_one_is_cut() {
        let mut table = Table::new(["TYPE", "MESSAGE"]);
        table.row(vec!["demo".into(), "short".into()]);
        table.row(vec!["scan_library".into(), "a message that is longer than the terminal".into()]);
        let lines = table.lines(Some(30));
        assert_eq!(lines[0], "TYPE          MESSAGE");
        assert_eq!(lines[1], "demo          short");
        assert_eq!(lines[2].chars().count(), 30);
        assert!(lines[2].ends_with('…'));
        assert!(table.lines(None)[2].ends_with("terminal"));
    }
}
