//! Further fields of each request, as a table of the sweep's file says them.

use serde_json::{Map, Value as Json};
use toml::Spanned;
use toml::de::DeValue;

/// Fields that the sweep sets itself: another value would make another load than the one that is told.
const OWN: [&str; 7] = ["model", "prompt", "messages", "max_tokens", "stream", "ignore_eos", "temperature"];

/// The table as JSON, braces doubled: as a template it stands for itself.
pub(super) fn template(value: &Spanned<DeValue<'_>>) -> Result<String, String> {
    let json = json(value.get_ref())?;
    let Json::Object(fields) = &json else {
        return Err("`body` must be a table of fields of a request, such as `{ top_p = 0.9 }`".to_owned());
    };
    if let Some(own) = fields.keys().find(|key| OWN.contains(&key.as_str())) {
        return Err(format!("`body` cannot set `{own}`: the sweep does, by the other keys of `[load]`"));
    }
    Ok(json.to_string().replace('{', "{{").replace('}', "}}"))
}

/// The fields of such a text.
pub(super) fn fields(text: &str) -> Result<Map<String, Json>, String> {
    serde_json::from_str(text).map_err(|error| format!("no table of fields: {error}"))
}

fn json(value: &DeValue<'_>) -> Result<Json, String> {
    let number = |text: &str| {
        let plain = text.replace('_', "");
        serde_json::from_str(plain.trim_start_matches('+'))
            .ok()
            .filter(Json::is_number)
            .ok_or_else(|| format!("`body` cannot hold `{text}`: JSON has no such number"))
    };
    match value {
        DeValue::String(text) => Ok(Json::String(text.to_string())),
        DeValue::Boolean(on) => Ok(Json::Bool(*on)),
        DeValue::Integer(own) if own.radix() == 10 => number(own.as_str()),
        DeValue::Float(own) => number(own.as_str()),
        DeValue::Array(list) => list.iter().map(|own| json(own.get_ref())).collect(),
        DeValue::Table(table) => {
            table.iter().map(|(key, own)| Ok((key.get_ref().to_string(), json(own.get_ref())?))).collect()
        }
        other => Err(format!("`body` cannot hold a value of type {}", other.type_str())),
    }
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;
    use crate::measure::sweep::template::{Values, fill};

    fn read(body: &str) -> Result<Map<String, Json>, String> {
        let text = format!("body = {body}");
        let table = DeTable::parse(&text).unwrap();
        let (_, value) = table.get_ref().iter().next().unwrap();
        fields(&fill(&template(value)?, &Values::new())?)
    }

    #[test]
    fn a_table_becomes_fields_of_requests() {
        let found =
            read("{ top_k = 5, top_p = 0.9, stop = [\"}\"], chat_template_kwargs = { enable_thinking = false } }");
        let expected = serde_json::json!({
            "top_k": 5, "top_p": 0.9, "stop": ["}"], "chat_template_kwargs": { "enable_thinking": false }
        });
        assert_eq!(found.map(Json::Object), Ok(expected));
        assert!(read("7").unwrap_err().contains("must be a table"));
        assert!(read("{ stream = false }").unwrap_err().contains("cannot set `stream`"));
        assert!(read("{ a = inf }").unwrap_err().contains("no such number"));
        assert!(read("{ a = 1979-05-27 }").unwrap_err().contains("of type"));
    }
}
