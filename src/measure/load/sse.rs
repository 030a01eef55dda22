//! Server-sent events, read as they arrive.
//!
//! The event stream format of the HTML standard (section 9.2.6), of which only the data of events is kept: lines end in
//! LF, CRLF or CR, several `data` lines of an event are joined by LF, comments and other fields are passed over.

/// Longest line and event that is kept, bytes.
pub(super) const LONGEST: usize = 16 << 20;

/// A reader of one stream. Pieces may be cut anywhere, inside a character too: the events are the same.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the state between two bytes; each is of its own")]
pub struct Events {
    /// The line under way.
    line: Vec<u8>,
    /// Data of the event under way, and whether it has any.
    data: Vec<u8>,
    has_data: bool,
    /// The last byte was CR: an LF that follows belongs to it.
    after_return: bool,
    /// Past the first line, before which a byte order mark may stand.
    begun: bool,
    /// A line or an event was longer than [`LONGEST`]: nothing more is read.
    too_long: bool,
}

impl Events {
    /// A reader before its first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a piece and calls `event` with the data of each event that is complete now.
    pub fn feed(&mut self, piece: &[u8], mut event: impl FnMut(&[u8])) {
        if self.too_long {
            return;
        }
        let mut rest = piece;
        if self.after_return && !rest.is_empty() {
            self.after_return = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n' || byte == b'\r') {
            let (line, behind) = rest.split_at(end);
            if self.line.is_empty() {
                self.take(line, &mut event);
            } else {
                self.line.extend_from_slice(line);
                let whole = std::mem::take(&mut self.line);
                self.take(&whole, &mut event);
            }
            self.after_return = behind == b"\r";
            rest = behind.strip_prefix(b"\r\n").unwrap_or(&behind[1..]);
        }
        self.line.extend_from_slice(rest);
        if self.line.len().max(self.data.len()) > LONGEST {
            self.too_long = true;
            (self.line, self.data) = (Vec::new(), Vec::new());
        }
    }

    /// Whether a line or an event was longer than 16 MB, so that nothing is known of what follows.
    pub fn is_too_long(&self) -> bool {
        self.too_long
    }

    /// The end of the stream: an event without its empty line is given too, since servers are known to forget it.
    pub fn finish(mut self, mut event: impl FnMut(&[u8])) {
        let last = std::mem::take(&mut self.line);
        if !last.is_empty() {
            self.take(&last, &mut event);
        }
        self.take(b"", &mut event);
    }

    /// One line without its end.
    fn take(&mut self, line: &[u8], event: &mut impl FnMut(&[u8])) {
        let mut line = line;
        if !self.begun {
            self.begun = true;
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            if self.has_data {
                event(&self.data);
                self.data.clear();
                self.has_data = false;
            }
            return;
        }
        let Some(rest) = line.strip_prefix(b"data") else { return };
        let value = match rest.strip_prefix(b":") {
            Some(value) => value.strip_prefix(b" ").unwrap_or(value),
            None if rest.is_empty() => rest,
            None => return,
        };
        if self.has_data {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
        self.has_data = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let mut found = Vec::new();
        let mut reader = Events::new();
        for piece in pieces {
            reader.feed(piece, |data| found.push(String::from_utf8_lossy(data).into_owned()));
        }
        reader.finish(|data| found.push(String::from_utf8_lossy(data).into_owned()));
        found
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        for (text, expected) in [
            ("data: a\n\n", vec!["a"]),
            ("data:a\r\n\r\ndata: [DONE]\r\n\r\n", vec!["a", "[DONE]"]),
            ("data: a\rdata:b\r\rdata:c\r\r", vec!["a\nb", "c"]),
            (": ping\n\nevent: x\nid: 1\ndata:  two\ndata\ndata:\n\n", vec![" two\n\n"]),
            ("\u{feff}data:[DONE]\n\n", vec!["[DONE]"]),
            ("datum: a\n\ndata: no end", vec!["no end"]),
            ("\n\n\n", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(events(&[text.as_bytes()]), expected, "{text:?}");
        }
    }

    #[test]
    fn what_never_ends_is_not_kept() {
        let piece = vec![b'x'; 1 << 20];
        for start in ["data: ", ": ", "data: x\n", ""] {
            let mut reader = Events::new();
            reader.feed(start.as_bytes(), |_| {});
            for _ in 0..40 {
                reader.feed(&piece, |_| panic!("no event has ended"));
                assert!(reader.line.capacity() <= 2 * LONGEST + piece.len());
            }
            assert!(reader.is_too_long());
            reader.feed(b"\n\ndata: [DONE]\n\n", |_| panic!("nothing is known of what follows"));
        }
        // Lines of an event are joined.
        let mut reader = Events::new();
        let line = [b"data: ".as_slice(), &piece, b"\n"].concat();
        (0..20).for_each(|_| reader.feed(&line, |_| {}));
        assert!(reader.is_too_long());
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        #[test]
        fn pieces_may_be_cut_anywhere(
            lines in prop::collection::vec(("(data|data:|data: |:|event: )?", "[a-zé😀 :]{0,6}", "(\n|\r|\r\n)"), 0..20),
            cuts in prop::collection::vec(0_usize..200, 0..40),
        ) {
            let text = lines.iter().map(|(field, value, end)| [field.as_str(), value, end].concat()).collect::<String>();
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            let whole = events(&[bytes]);
            prop_assert_eq!(events(&pieces), whole.clone());
            prop_assert_eq!(events(&single), whole);
        }
    }
}
