//! A terminal to draw on, which breaks its lines anew when it is resized, as most do.

use std::sync::{Arc, Mutex};

use rabbitup::report::{Size, Terminal};

#[derive(Clone)]
pub struct Screen(Arc<Mutex<avt::Terminal>>);

impl Screen {
    pub fn new(columns: usize, rows: usize) -> Self {
        let terminal = avt::Terminal::with_scrollback(columns, rows, None).expect("it has a size");
        Self(Arc::new(Mutex::new(terminal)))
    }

    pub fn resize(&self, columns: usize, rows: usize) {
        self.0.lock().expect("screen").resize(columns, rows);
    }

    /// What somebody else writes there: the shell before, the terminal itself that echoes keys.
    pub fn others_write(&self, text: &str) {
        self.0.lock().expect("screen").feed(text);
    }

    /// All rows, with what has scrolled away above the first one.
    pub fn text(&self) -> String {
        let terminal = self.0.lock().expect("screen");
        let rows = terminal.screen().all_lines().map(|line| line.text().trim_end().to_owned());
        rows.collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

impl Terminal for Screen {
    fn size(&self) -> Size {
        let (columns, rows) = self.0.lock().expect("screen").size();
        Size { rows: rows.try_into().expect("few rows"), columns: columns.try_into().expect("few columns") }
    }

    fn write(&mut self, text: &str) {
        self.others_write(text);
    }
}
