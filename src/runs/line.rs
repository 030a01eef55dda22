//! On which line of a CSV text a record begins.

/// Lines of a text, counted once as its records come by. The reader's own count is behind by the line breaks that it
/// skips before a record: one where lines end in CR LF, more after empty lines.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    /// Of a text of which no record was asked for yet.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The line of a record, from 1; records are asked for in their order.
    pub fn of(&mut self, record: &csv::StringRecord) -> u64 {
        let bytes = self.text.as_bytes();
        let mut start = record.position().map_or(0, |position| position.byte() as usize);
        while matches!(bytes.get(start), Some(b'\r' | b'\n')) {
            start += 1;
        }
        let passed = self.text.get(self.at..start).unwrap_or_default();
        self.line += passed.matches('\n').count() as u64;
        self.at = self.at.max(start);
        self.line
    }
}
