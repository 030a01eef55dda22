//! Where answers go: the terminal as it is, or a file.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use super::Failure;
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::notes::plural;
use crate::report::{Document, Span, Text, TextStyle, Tone};
use crate::runs::{RunsError, write_whole};

/// Lines and columns of a message at most: a file of one endless line is not told whole.
const MESSAGE_LINES: usize = 200;
const MESSAGE_WIDTH: usize = 240;
/// Columns of a message, and of an answer where the terminal does not say.
const WIDTH: usize = 80;
/// Lines of an answer on a terminal are as long as it is wide, within these.
const NARROWEST: usize = 40;
const WIDEST: usize = 120;

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// What is known of GPUs and models before anything is measured.
    pub catalog: Catalog,
    /// What standard output can show.
    style: TextStyle,
    /// The command as it was typed.
    command: String,
}

impl Context {
    /// Looks at the terminal, its environment and the command, and reads the catalog inside the binary.
    pub fn new() -> Self {
        Self { catalog: Catalog::embedded(), style: terminal(), command: command() }
    }

    /// The command as it was typed.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// How text is laid out: as the terminal can show it, or plain for a file.
    pub fn style(&self, out: Option<&Path>) -> TextStyle {
        if out.is_some() { TextStyle { width: WIDTH, ..TextStyle::default() } } else { self.style }
    }

    /// Writes an answer to standard output, or to `out`, which is then there whole or not at all.
    pub fn write(&self, text: &str, out: Option<&Path>) -> Result<(), Failure> {
        match out {
            None => written(std::io::stdout().lock().write_all(text.as_bytes())),
            Some(path) if path.exists() && !path.is_file() && !path.is_dir() => {
                // A device or a pipe is written to; a file moved into its place would take it away.
                std::fs::write(path, text).map_err(|source| RunsError::Write { path: path.to_owned(), source }.into())
            }
            Some(path) => Ok(write_whole(&[(path.to_owned(), text.to_owned())])?),
        }
    }

    /// The document with how it was made, for pages that are kept: the command, the version, the models it rests on.
    pub fn signed(&self, mut document: Document, models: &[&Fitted]) -> Document {
        let model = |fitted: &&Fitted| {
            let (name, digest) = (&fitted.model.name, fitted.model.digest());
            format!(", model {name} ({digest}), fitted to {}", plural(fitted.record.runs(), "run"))
        };
        let models: String = models.iter().map(model).collect();
        let version = env!("CARGO_PKG_VERSION");
        document.sign(Text::new().dim(format!("{} — joules {version}{models}", self.command)));
        document
    }

    /// A word about the work itself, on standard error: never part of an answer.
    pub fn remark(&self, text: &str) {
        // Where nobody reads it, nothing is lost.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Tells what went wrong, and gives the exit code of it.
    pub fn complain(&self, failure: &Failure) -> ExitCode {
        self.remark(drawn(failure).trim_end());
        ExitCode::from(failure.code())
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

/// The command as it was typed, without the form and the place of the answer, which are no part of the question.
fn command() -> String {
    let mut words = vec!["joules".to_owned()];
    let mut arguments = std::env::args_os().skip(1).map(|own| own.to_string_lossy().into_owned());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--format" | "--out" => drop(arguments.next()),
            own if own.starts_with("--format=") || own.starts_with("--out=") => {}
            own => words.push(quoted(own)),
        }
    }
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,./:@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Standard output: its width from `COLUMNS`, else the terminal's as far as lines can be read well; colors only on a
/// terminal and without `NO_COLOR`, and ASCII where the locale of the terminal says that it shows nothing else.
fn terminal() -> TextStyle {
    if !std::io::stdout().is_terminal() {
        return TextStyle { width: WIDTH, ..TextStyle::default() };
    }
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set);
    let is_unicode = |locale: String| locale.to_ascii_lowercase().replace('-', "").contains("utf8");
    let shown = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0).clamp(NARROWEST, WIDEST));
    TextStyle {
        width: columns.or_else(shown).unwrap_or(WIDTH),
        colour: !no_color(),
        unicode: locale.is_none_or(is_unicode),
    }
}

fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var("TERM").is_ok_and(|term| term == "dumb")
}

/// A reader that has seen enough and closed the pipe is no failure.
fn written(result: std::io::Result<()>) -> Result<(), Failure> {
    let flushed = result.and_then(|()| std::io::stdout().flush());
    match flushed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(source) => Err(Failure::Output { source }),
        Ok(()) => Ok(()),
    }
}

/// A failure as a drawing: what, where in its file, and what to do. Names and files of strangers stand in it, so it has no
/// color, no control characters, and lines of a bearable length.
fn drawn(failure: &dyn Diagnostic) -> String {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    let handler = handler.with_width(WIDTH).with_links(false);
    handler.render_report(&mut text, failure).expect("a string takes every text");
    let lines = text.lines().take(MESSAGE_LINES).map(|line| {
        let plain = Span::new(line, Tone::Plain);
        let plain = plain.text();
        match plain.char_indices().nth(MESSAGE_WIDTH) {
            Some((end, _)) => format!("{} …", &plain[..end]),
            None => plain.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
