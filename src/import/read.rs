//! JSON of other programs, read as a stream: what nobody asks for is passed over and takes no memory.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::error::{Fault, FaultKind, ImportError, Place};
use crate::runs::RunsError;

/// Values that one file may have beside what is passed over; a result has thousands.
pub(super) const MOST_VALUES: usize = 1_000_000;

/// What is said of a file that stops in the middle.
const CUT_OFF: &str = "the file ends too early";

/// Bytes of the longest text that is kept.
const LONGEST_TEXT: usize = 1 << 16;

/// The documents of a file, one after the other as some tools append them, without the fields in `skip`.
pub(super) fn documents(path: &Path, file: &str, skip: &'static [&'static str]) -> Result<Vec<Json>, Fault> {
    let mut reader = opened(path, file)?;
    let budget = Cell::new(MOST_VALUES);
    let mut found = Vec::new();
    while reader.end().is_err() {
        match (Pruned { skip, budget: &budget }).deserialize(&mut reader) {
            Ok(document) => found.push(document),
            Err(error) => return Err(not_json(file, &error)),
        }
    }
    if found.is_empty() {
        return Err(Fault { place: Place::new(file, ""), kind: FaultKind::Empty });
    }
    Ok(found)
}

/// Reads one document of a file with a seed of its own.
pub(super) fn document<'de, S: DeserializeSeed<'de>>(path: &Path, file: &str, seed: S) -> Result<S::Value, Fault> {
    let mut reader = opened(path, file)?;
    let value = seed.deserialize(&mut reader).map_err(|error| not_json(file, &error))?;
    reader.end().map_err(|error| not_json(file, &error))?;
    Ok(value)
}

/// What some editors write before a text of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

type Reader = serde_json::Deserializer<serde_json::de::IoRead<Lenient<BufReader<File>>>>;

/// A file to be read as JSON, from behind the mark that may stand before it.
fn opened(path: &Path, file: &str) -> Result<Reader, Fault> {
    let failed = |error: std::io::Error| unreadable(file, &error);
    let mut text = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
    if text.fill_buf().map_err(failed)?.starts_with(MARK) {
        text.consume(MARK.len());
    }
    Ok(serde_json::Deserializer::from_reader(Lenient::new(text)))
}

fn unreadable(file: &str, error: &std::io::Error) -> Fault {
    Fault { place: Place::new(file, ""), kind: FaultKind::Unreadable { message: error.to_string() } }
}

/// What the parser says, with its place.
pub(super) fn not_json(file: &str, error: &serde_json::Error) -> Fault {
    let place = Place { file: file.to_owned(), line: error.line(), column: error.column(), path: String::new() };
    let whole = error.to_string();
    let message = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
    let kind = match error.classify() {
        serde_json::error::Category::Data => FaultKind::Unreadable { message },
        serde_json::error::Category::Eof => FaultKind::NotJson { message: format!("{CUT_OFF} ({message})") },
        // The parser's words for bytes of another encoding.
        _ if message == "invalid unicode code point" => FaultKind::NotUtf8,
        _ => FaultKind::NotJson { message },
    };
    Fault { place, kind }
}

/// Whether the file of this fault ends too early.
pub(super) fn is_cut_off(fault: &Fault) -> bool {
    matches!(&fault.kind, FaultKind::NotJson { message } if message.starts_with(CUT_OFF))
}

/// A text file, whole and without the mark before it, if it is not larger than `most` bytes.
pub(super) fn small_text(path: &Path, most: u64) -> Result<String, ImportError> {
    let failed = |source| ImportError::Runs(RunsError::Read { path: path.to_owned(), source });
    if std::fs::metadata(path).map_err(failed)?.len() > most {
        return Err(ImportError::TooLarge { path: path.to_owned(), most });
    }
    let text = crate::runs::read_text(path)?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Builds a value without the fields in `skip`, and within a budget of values.
pub(super) struct Pruned<'a> {
    skip: &'static [&'static str],
    budget: &'a Cell<usize>,
}

impl<'a> Pruned<'a> {
    /// A value of a file whose values `budget` counts down.
    pub(super) fn new(skip: &'static [&'static str], budget: &'a Cell<usize>) -> Self {
        Self { skip, budget }
    }
}

impl<'de> DeserializeSeed<'de> for Pruned<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pruned<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, on: bool) -> Result<Json, E> {
        Ok(Json::Bool(on))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        let end = (0..=LONGEST_TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        Ok(Json::String(text[..end].to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element_seed(Pruned { skip: self.skip, budget: self.budget })? {
            self.spend::<A::Error>()?;
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(serde::de::Error::custom(format!("the name `{key}` stands twice in one object")));
            }
            if self.skip.contains(&key.as_str()) {
                map.next_value::<IgnoredAny>()?;
                // The name stays, so that it can be told that the field was there.
                object.insert(key, Json::Null);
            } else {
                let value = map.next_value_seed(Pruned { skip: self.skip, budget: self.budget })?;
                object.insert(key, value);
            }
            self.spend::<A::Error>()?;
        }
        Ok(Json::Object(object))
    }
}

impl Pruned<'_> {
    fn spend<E: serde::de::Error>(&self) -> Result<(), E> {
        match self.budget.get().checked_sub(1) {
            Some(left) => {
                self.budget.set(left);
                Ok(())
            }
            None => Err(E::custom(format!("more than {MOST_VALUES} values, far more than a result has"))),
        }
    }
}

/// Python writes `NaN` and `Infinity` into what it calls JSON: outside of texts they become `null`.
struct Lenient<R> {
    inner: R,
    in_text: bool,
    escaped: bool,
    /// What a word outside of texts has so far.
    word: Vec<u8>,
    /// What goes out before anything else is read.
    out: Vec<u8>,
    at: usize,
}

impl<R: Read> Lenient<R> {
    fn new(inner: R) -> Self {
        Self { inner, in_text: false, escaped: false, word: Vec::new(), out: Vec::new(), at: 0 }
    }

    /// Sends the word, or what is meant by it.
    fn send_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        let meant: &[u8] = match word.as_slice() {
            b"NaN" | b"Infinity" | b"-Infinity" => b"null",
            other => other,
        };
        self.out.extend_from_slice(meant);
    }

    fn pass(&mut self, byte: u8) {
        if self.in_text {
            self.out.push(byte);
            (self.in_text, self.escaped) = match byte {
                _ if self.escaped => (true, false),
                b'\\' => (true, true),
                b'"' => (false, false),
                _ => (true, false),
            };
        } else if byte == b'"' {
            self.send_word();
            self.out.push(byte);
            self.in_text = true;
        } else if (byte.is_ascii_alphabetic() || byte == b'-') && self.word.len() < 16 {
            self.word.push(byte);
        } else {
            self.send_word();
            self.out.push(byte);
        }
    }
}

impl<R: Read> Read for Lenient<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.out.len() {
            self.out.clear();
            self.at = 0;
            let mut block = [0; 8192];
            let got = self.inner.read(&mut block)?;
            if got == 0 {
                if self.word.is_empty() {
                    return Ok(0);
                }
                self.send_word();
            }
            for byte in &block[..got] {
                self.pass(*byte);
            }
        }
        let count = buffer.len().min(self.out.len() - self.at);
        buffer[..count].copy_from_slice(&self.out[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lenient(text: &str) -> String {
        let mut out = String::new();
        Lenient::new(text.as_bytes()).read_to_string(&mut out).unwrap();
        out
    }

    #[test]
    fn what_python_writes_for_no_number_is_null_outside_of_texts_only() {
        assert_eq!(
            lenient(r#"{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN \" NaN"}"#),
            r#"{"a":null,"b":[null,null],"c":"NaN \" NaN"}"#
        );
        assert_eq!(lenient("-1.5e-3"), "-1.5e-3");
        assert_eq!(lenient("NaN"), "null");
        assert_eq!(lenient("true"), "true");
    }
}
