//! Prompts and lengths from files.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::error::LoadError;

/// Characters of a token of ordinary text: the usual rule of thumb, used where a data set has an answer but no count.
const CHARACTERS_PER_TOKEN: usize = 4;

/// No request has more tokens.
const MOST_TOKENS: f64 = 1e8;

const PROMPT: [&str; 5] = ["prompt", "text", "question", "instruction", "input"];
const PROMPT_TOKENS: [&str; 8] = [
    "prompt_tokens",
    "prompt_len",
    "input_len",
    "input_tokens",
    "input_length",
    "ContextTokens",
    "num_prefill_tokens",
    "isl",
];
const OUTPUT_TOKENS: [&str; 8] = [
    "output_tokens",
    "output_len",
    "completion_tokens",
    "output_length",
    "GeneratedTokens",
    "num_decode_tokens",
    "osl",
    "max_tokens",
];

/// What a prompt is given as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// A text.
    Text(String),
    /// Ids of its tokens; at least one.
    Ids(Vec<u32>),
}

/// One prompt of a data set; what is absent is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What it says.
    pub prompt: Option<Prompt>,
    /// Its length, for data sets without prompts.
    pub prompt_tokens: Option<u32>,
    /// Tokens to ask for.
    pub output_tokens: Option<u32>,
}

/// The prompts of a file: JSON lines or a JSON array of objects, or CSV.
///
/// Prompts, texts or lists of token ids, are looked for under `prompt`, `text`, `question` …, or in the first turn of
/// `conversations` (`ShareGPT`); lengths under `prompt_tokens`, `input_len`, `ContextTokens` … and `output_tokens`, `output_len`, `GeneratedTokens` …. An answer of a
/// conversation counts as a quarter of its characters.
pub fn dataset(path: &Path) -> Result<Vec<Entry>, LoadError> {
    let text = fs::read_to_string(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let read: Vec<(String, Result<Entry, String>)> = if is_csv { from_csv(&text) } else { from_json(&text) };
    let mut entries = Vec::new();
    let mut faults = Vec::new();
    for (place, entry) in read {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(fault) => faults.push(format!("{place}: {fault}")),
        }
    }
    if faults.is_empty() && entries.is_empty() {
        faults.push("it is empty".to_owned());
    }
    if faults.is_empty() { Ok(entries) } else { Err(LoadError::Dataset { path: path.to_owned(), faults }) }
}

fn from_json(text: &str) -> Vec<(String, Result<Entry, String>)> {
    if text.trim_start().starts_with('[') {
        return match serde_json::from_str::<Vec<Value>>(text) {
            Err(error) => vec![(format!("line {}", error.line()), Err(error.to_string()))],
            Ok(values) => values
                .iter()
                .enumerate()
                .map(|(number, value)| (format!("entry {}", number + 1), entry(value)))
                .collect(),
        };
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read =
        |line: &str| serde_json::from_str(line).map_err(|error| error.to_string()).and_then(|value| entry(&value));
    lines.map(|(number, line)| (format!("line {}", number + 1), read(line))).collect()
}

fn from_csv(text: &str) -> Vec<(String, Result<Entry, String>)> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return vec![("line 1".to_owned(), Err(error.to_string()))],
    };
    let rows = reader.records().enumerate().map(|(number, record)| {
        let read = record.map_err(|error| error.to_string()).and_then(|record| {
            let cells = header.iter().zip(record.iter()).filter(|(_, cell)| !cell.trim().is_empty());
            let object = cells.map(|(name, cell)| (name.trim().to_owned(), Value::String(cell.to_owned()))).collect();
            entry(&Value::Object(object))
        });
        (format!("line {}", number + 2), read)
    });
    rows.collect()
}

fn entry(value: &Value) -> Result<Entry, String> {
    if let Value::String(text) = value {
        return Ok(Entry { prompt: Some(Prompt::Text(text.clone())), ..Entry::default() });
    }
    let Some(object) = value.as_object() else { return Err("neither an object nor a text".to_owned()) };
    if let Some(turns) = object.get("conversations").or(object.get("conversation")).and_then(Value::as_array) {
        return conversation(turns);
    }
    let given = |name: &str| object.get(name).filter(|value| !value.is_null());
    let first = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, given(name)?)));
    let mut faults = Vec::new();
    let prompt = first(&PROMPT).and_then(|(name, value)| noted(prompt(name, value), &mut faults));
    let prompt_tokens = first(&PROMPT_TOKENS).and_then(|(name, value)| noted(count(name, value), &mut faults));
    let output_tokens = first(&OUTPUT_TOKENS).and_then(|(name, value)| noted(count(name, value), &mut faults));
    if !faults.is_empty() {
        return Err(faults.join("; "));
    }
    if prompt.is_none() && prompt_tokens.is_none() && output_tokens.is_none() {
        let names: Vec<&str> = object.keys().map(String::as_str).collect();
        return Err(format!(
            "no `prompt`, `prompt_tokens` or `output_tokens` among {}",
            crate::notes::quoted(&names, 8)
        ));
    }
    Ok(Entry { prompt, prompt_tokens, output_tokens })
}

/// What was found, or else a fault more.
fn noted<T>(found: Result<T, String>, faults: &mut Vec<String>) -> Option<T> {
    found.map_err(|fault| faults.push(fault)).ok()
}

/// A text, or a list of token ids.
fn prompt(name: &str, value: &Value) -> Result<Prompt, String> {
    let ids = |list: &Vec<Value>| list.iter().map(|id| u32::try_from(id.as_u64()?).ok()).collect::<Option<Vec<u32>>>();
    let found = match value {
        Value::String(text) => Some(Prompt::Text(text.clone())),
        Value::Array(list) => ids(list).filter(|ids| !ids.is_empty()).map(Prompt::Ids),
        _ => None,
    };
    found.ok_or_else(|| {
        let found = match value {
            Value::Array(list) if list.is_empty() => "an empty list".to_owned(),
            Value::Array(_) => "a list of other things than token ids".to_owned(),
            Value::Object(_) => "an object".to_owned(),
            other => other.to_string(),
        };
        format!("`{name}` is {found}, but a text or a list of token ids was expected")
    })
}

/// A count of tokens, at least 1.
fn count(name: &str, value: &Value) -> Result<u32, String> {
    let number = match value {
        Value::String(text) => text.trim().parse::<f64>().ok(),
        other => other.as_f64(),
    };
    number
        .filter(|number| *number >= 1.0 && *number <= MOST_TOKENS)
        .map(|number| number.round() as u32)
        .ok_or_else(|| format!("`{name}` is {value}, but a count of tokens of 1 to {MOST_TOKENS:.0} was expected"))
}

fn conversation(turns: &[Value]) -> Result<Entry, String> {
    let text = |turn: &Value| turn.get("value").or(turn.get("content")).and_then(Value::as_str).map(str::to_owned);
    let prompt = turns.first().and_then(text).filter(|text| !text.trim().is_empty());
    let Some(prompt) = prompt else { return Err("a conversation without a first turn".to_owned()) };
    let answer = turns.get(1).and_then(text).map(|answer| answer.chars().count().div_ceil(CHARACTERS_PER_TOKEN));
    Ok(Entry {
        prompt: Some(Prompt::Text(prompt)),
        prompt_tokens: None,
        output_tokens: answer.filter(|&tokens| tokens > 0).map(|tokens| tokens as u32),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(read: Vec<(String, Result<Entry, String>)>) -> Result<Vec<Entry>, Vec<String>> {
        let faults: Vec<String> =
            read.iter().filter_map(|(place, entry)| Some(format!("{place}: {}", entry.as_ref().err()?))).collect();
        if faults.is_empty() { Ok(read.into_iter().map(|(_, entry)| entry.unwrap()).collect()) } else { Err(faults) }
    }

    #[test]
    fn the_usual_shapes_are_read() {
        let full = Entry { prompt: Some(Prompt::Text("a b".to_owned())), prompt_tokens: None, output_tokens: Some(3) };
        for text in [
            "{\"prompt\":\"a b\",\"output_len\":3}\n\n",
            "[{\"text\":\"a b\",\"max_tokens\":3}]",
            "[{\"id\":\"x\",\"conversations\":[{\"from\":\"human\",\"value\":\"a b\"},{\"from\":\"gpt\",\"value\":\"twelve chars\"}]}]",
        ] {
            assert_eq!(entries(from_json(text)), Ok(vec![full.clone()]), "{text}");
        }
        assert_eq!(entries(from_csv("prompt,output_tokens\n\"a b\",3\n")), Ok(vec![full]));
        let ids = Entry { prompt: Some(Prompt::Ids(vec![1, 2, 3])), prompt_tokens: None, output_tokens: Some(50) };
        let text = "{\"prompt\":[1,2,3],\"output_tokens\":50}\n";
        assert_eq!(entries(from_json(text)), Ok(vec![ids]));
        let lengths = Entry { prompt: None, prompt_tokens: Some(374), output_tokens: Some(44) };
        assert_eq!(entries(from_csv("TIMESTAMP,ContextTokens,GeneratedTokens\n2023,374,44\n")), Ok(vec![lengths]));
    }

    #[test]
    fn all_faults_are_told_with_their_lines() {
        let faults = entries(from_json("{\"prompt\":\"a\"}\n{\"foo\":1}\n{\"output_len\":0}\nnope\n")).unwrap_err();
        assert_eq!(faults.len(), 3);
        let case = |prompt: &str, said: &str| {
            let line = format!("{{\"prompt\":{prompt}, \"output_len\":0}}");
            let faults = entries(from_json(&line)).unwrap_err();
            let told = format!(
                "line 1: `prompt` is {said}, but a text or a list of token ids was expected; `output_len` is 0"
            );
            assert!(faults[0].starts_with(&told), "{faults:?}");
        };
        case("7", "7");
        case("[]", "an empty list");
        case("[1,-2]", "a list of other things than token ids");
        case("[\"a\"]", "a list of other things than token ids");
        case("{\"text\":\"a\"}", "an object");
        assert_eq!(faults[0], "line 2: no `prompt`, `prompt_tokens` or `output_tokens` among `foo`");
        assert!(faults[1].starts_with("line 3: `output_len` is 0, but"), "{}", faults[1]);
        assert!(faults[2].starts_with("line 4: "));
    }
}
