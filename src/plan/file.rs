//! A plan file, taken apart: texts with their places, nothing read yet.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::written::{At, Pair, SERVICE_KEYS, SITE_KEYS, SITE_TABLES, Said, Written, WrittenService};
use crate::notes::{did_you_mean, nearest, quoted};

impl Written {
    /// Takes apart the text of a plan file; `file` is its name in messages. Faults are kept, to be told with those of the
    /// values.
    pub fn parse(file: &str, text: &str) -> Self {
        let mut written = Self { file: Some((file.to_owned(), text.to_owned())), ..Self::default() };
        match DeTable::parse(text) {
            Ok(table) => written.take_site(table.get_ref()),
            Err(error) => written.refuse(error.span().unwrap_or_default(), error.message().to_owned()),
        }
        written
    }

    fn refuse(&mut self, span: Range<usize>, message: impl Into<String>) {
        let fault = self.fault_in_file(span, message);
        self.faults.push(fault);
    }

    fn take_site(&mut self, table: &DeTable) {
        let tables = SITE_TABLES.iter().chain(&["service"]);
        self.deny_unknown(table, "a plan", &SITE_KEYS.iter().chain(tables).copied().collect::<Vec<_>>());
        for key in SITE_KEYS {
            if let Some(said) = get(table, key).and_then(|value| self.scalar(key, value)) {
                self.said.insert(key.to_owned(), said);
            }
        }
        self.gpu = self.pairs(table, "gpu");
        self.gpu_price = self.pairs(table, "gpu_price");
        let Some(services) = get(table, "service") else { return };
        let Some(list) = services.get_ref().as_array() else {
            self.refuse(services.span(), "write each service below `[[service]]`, in double brackets");
            return;
        };
        for item in list {
            match item.get_ref().as_table() {
                Some(own) => {
                    let service = self.service(own, item.span());
                    self.services.push(service);
                }
                None => self.refuse(item.span(), "a service is a table: write it below `[[service]]`"),
            }
        }
    }

    fn service(&mut self, table: &DeTable, at: Range<usize>) -> WrittenService {
        let more = ["model", "limit", "set"];
        self.deny_unknown(table, "a service", &SERVICE_KEYS.iter().chain(&more).copied().collect::<Vec<_>>());
        let mut service = WrittenService { at: Some(at), ..WrittenService::default() };
        for key in SERVICE_KEYS {
            if let Some(said) = get(table, key).and_then(|value| self.scalar(key, value)) {
                service.said.insert(key.to_owned(), said);
            }
        }
        service.model = match get(table, "model").map(|value| (value, value.get_ref().as_array())) {
            Some((_, Some(list))) => list.iter().filter_map(|item| self.scalar("model", item)).collect(),
            Some((value, None)) => self.scalar("model", value).into_iter().collect(),
            None => Vec::new(),
        };
        service.limit = self.pairs(table, "limit");
        service.set = self.pairs(table, "set");
        service
    }

    fn deny_unknown(&mut self, table: &DeTable, what: &str, allowed: &[&str]) {
        for key in table.keys().filter(|key| !allowed.contains(&key.get_ref().as_ref())) {
            let meant = did_you_mean(nearest(key.get_ref(), allowed.iter().copied()));
            self.refuse(
                key.span(),
                format!("{what} has no `{}`{meant}; it takes {}", key.get_ref(), quoted(allowed, 20)),
            );
        }
    }

    /// The entries of a table of names.
    fn pairs(&mut self, table: &DeTable, key: &str) -> Vec<Pair> {
        let Some(value) = get(table, key) else { return Vec::new() };
        let Some(entries) = value.get_ref().as_table() else {
            self.refuse(value.span(), format!("`{key}` must be a table: `{key} = {{ name = value }}`"));
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (name, value) in entries {
            let found = match value.get_ref().as_array() {
                Some(list) => self.joined(name.get_ref(), list.iter(), value.span()),
                None => self.scalar(name.get_ref(), value),
            };
            if let Some(value) = found {
                pairs.push(Pair { name: Said { text: name.get_ref().to_string(), at: At::File(name.span()) }, value });
            }
        }
        // Tables are sorted by name; people read in the order of the file.
        pairs.sort_by_key(|pair| if let At::File(span) = &pair.name.at { span.start } else { 0 });
        pairs
    }

    fn joined<'a, 'i: 'a>(
        &mut self,
        name: &str,
        list: impl Iterator<Item = &'a Spanned<DeValue<'i>>>,
        span: Range<usize>,
    ) -> Option<Said> {
        let items: Vec<Option<Said>> = list.map(|item| self.scalar(name, item)).collect();
        if items.is_empty() {
            self.refuse(span, format!("the list of `{name}` is empty: nothing is left to search"));
            return None;
        }
        let texts: Vec<String> = items.into_iter().flatten().map(|item| item.text).collect();
        (!texts.is_empty()).then(|| Said { text: texts.join(","), at: At::File(span) })
    }

    /// A text, or the literal of a number or a flag.
    fn scalar(&mut self, key: &str, value: &Spanned<DeValue>) -> Option<Said> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {
                let source = self.file.as_ref().map_or("", |(_, text)| text.as_str());
                source[value.span()].to_owned()
            }
            other => {
                let message = format!("`{key}` must be a text or a number, not of type {}", other.type_str());
                self.refuse(value.span(), message);
                return None;
            }
        };
        Some(Said { text, at: At::File(value.span()) })
    }
}

/// The value under `key`.
fn get<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
    table.iter().find(|(own, _)| own.get_ref() == key).map(|(_, value)| value)
}
