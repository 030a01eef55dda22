//! Reads the tables of a sweep's file, noting every fault and going on.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::curve::Added;
use super::error::Fault;
use crate::notes::{did_you_mean, nearest, quoted};
use crate::unit::{Dimension, parse_quantity};

/// A text and the bytes where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) at: Range<usize>,
}

/// Faults found so far, and the file they are found in.
pub(super) struct Reader<'t> {
    pub(super) file: &'t str,
    pub(super) text: &'t str,
    pub(super) faults: Vec<Fault>,
    /// Values that were chosen for adaptive knobs.
    pub(super) added: Vec<Added>,
}

/// One table of the file.
#[derive(Clone, Debug)]
pub(super) struct Section<'a, 't> {
    /// As a reader would call it: `[server]`.
    pub(super) name: String,
    pub(super) at: Range<usize>,
    pub(super) table: &'a DeTable<'t>,
}

impl<'a, 't> Section<'a, 't> {
    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'t>>> {
        self.table.iter().find(|(own, _)| own.get_ref() == key).map(|(_, value)| value)
    }

    /// Names and values in the order of the file.
    pub(super) fn entries(&self) -> Vec<(Said, &'a Spanned<DeValue<'t>>)> {
        let named = |(name, value): (&'a Spanned<_>, _)| {
            let name: &Spanned<std::borrow::Cow<'t, str>> = name;
            (Said { text: name.get_ref().to_string(), at: name.span() }, value)
        };
        let mut entries: Vec<_> = self.table.iter().map(named).collect();
        entries.sort_by_key(|(name, _)| name.at.start);
        entries
    }
}

impl<'t> Reader<'t> {
    pub(super) fn fault(&mut self, at: &Range<usize>, message: impl Into<String>) {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = 1 + before.matches('\n').count();
        let column = 1 + before.rsplit('\n').next().unwrap_or("").chars().count();
        let place = format!("{}:{line}:{column}", self.file);
        self.faults.push(Fault { place, message: message.into(), span: at.clone() });
    }

    /// The table `[name]`.
    pub(super) fn section<'a>(&mut self, root: &Section<'a, 't>, name: &str) -> Option<Section<'a, 't>> {
        let value = root.get(name)?;
        self.as_section(format!("`[{name}]`"), value)
    }

    pub(super) fn as_section<'a>(&mut self, name: String, value: &'a Spanned<DeValue<'t>>) -> Option<Section<'a, 't>> {
        let Some(table) = value.get_ref().as_table() else {
            self.fault(&value.span(), format!("{name} must be a table"));
            return None;
        };
        Some(Section { name, at: value.span(), table })
    }

    /// The tables `[[name]]`.
    pub(super) fn sections<'a>(&mut self, root: &Section<'a, 't>, name: &str) -> Vec<Section<'a, 't>> {
        let Some(value) = root.get(name) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.fault(&value.span(), format!("write each below `[[{name}]]`, in double brackets"));
            return Vec::new();
        };
        list.iter().filter_map(|item| self.as_section(format!("`[[{name}]]`"), item)).collect()
    }

    /// Faults every key that is not in `allowed`.
    pub(super) fn only(&mut self, section: &Section<'_, 't>, allowed: &[&str]) {
        for (name, _) in section.entries() {
            if !allowed.contains(&name.text.as_str()) {
                let nearest = nearest(&name.text, allowed.iter().copied());
                let meant = nearest.map_or_else(|| ".".to_owned(), |own| did_you_mean(Some(own)));
                let message =
                    format!("{} has no key `{}`{meant} It takes {}", section.name, name.text, quoted(allowed, 30));
                self.fault(&name.at, message);
            }
        }
    }

    /// A text, or the literal of a number or a flag.
    pub(super) fn scalar(&mut self, key: &str, value: &Spanned<DeValue<'t>>) -> Option<Said> {
        let at = value.span();
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {
                self.text.get(at.clone()).unwrap_or_default().to_owned()
            }
            other => {
                self.fault(&at, format!("`{key}` must be a text or a number, not of type {}", other.type_str()));
                return None;
            }
        };
        Some(Said { text, at })
    }

    pub(super) fn said(&mut self, section: &Section<'_, 't>, key: &str) -> Option<Said> {
        let value = section.get(key)?;
        self.scalar(key, value)
    }

    /// A list of texts and literals.
    pub(super) fn list(&mut self, section: &Section<'_, 't>, key: &str) -> Vec<Said> {
        let Some(value) = section.get(key) else { return Vec::new() };
        self.as_list(key, value)
    }

    pub(super) fn as_list(&mut self, key: &str, value: &Spanned<DeValue<'t>>) -> Vec<Said> {
        let Some(list) = value.get_ref().as_array() else {
            self.fault(&value.span(), format!("`{key}` must be a list, such as `[\"a\", \"b\"]`"));
            return Vec::new();
        };
        list.iter().filter_map(|item| self.scalar(key, item)).collect()
    }

    /// What is said under `key`, read by `parse`; faults carry the key.
    pub(super) fn parsed<T>(
        &mut self,
        section: &Section<'_, 't>,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let said = self.said(section, key)?;
        parse(&said.text).map_err(|message| self.fault(&said.at, format!("`{key}`: {message}"))).ok()
    }

    /// A duration in seconds.
    pub(super) fn seconds(&mut self, section: &Section<'_, 't>, key: &str) -> Option<f64> {
        self.parsed(section, key, seconds)
    }

    /// A duration above zero, in seconds.
    pub(super) fn some_seconds(&mut self, section: &Section<'_, 't>, key: &str) -> Option<f64> {
        self.parsed(section, key, some_seconds)
    }

    /// A whole number.
    pub(super) fn count(&mut self, section: &Section<'_, 't>, key: &str, least: usize) -> Option<usize> {
        self.parsed(section, key, |text| match text.parse::<usize>() {
            Ok(count) if count >= least => Ok(count),
            _ => Err(format!("`{text}` is no whole number of at least {least}")),
        })
    }
}

/// The longest duration, s: four months.
const LONGEST: f64 = 1e7;

/// A duration of at least zero, in seconds.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    match parse_quantity(text) {
        Ok((value, unit)) if unit.dimension == Dimension::TIME && (0.0..=LONGEST).contains(&value) => Ok(value),
        Ok((value, unit)) if unit.dimension == Dimension::TIME && value > LONGEST => {
            Err(format!("`{text}` is longer than anybody waits, {LONGEST:.0} s"))
        }
        Ok(_) => Err(format!("`{text}` is no duration; write `30 s` or `5 min`")),
        Err(error) => Err(format!("{error}; write `30 s` or `5 min`")),
    }
}

/// A duration above zero, in seconds.
pub(super) fn some_seconds(text: &str) -> Result<f64, String> {
    match seconds(text)? {
        0.0 => Err(format!("`{text}` leaves no time; write `30 s` or `5 min`")),
        value => Ok(value),
    }
}

/// A share: `0.01` or `1%`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = match text.trim().strip_suffix('%') {
        Some(number) => (number.trim(), 0.01),
        None => (text.trim(), 1.0),
    };
    match number.parse::<f64>() {
        Ok(value) if value > 0.0 && value * scale <= 1.0 => Ok(value * scale),
        _ => Err(format!("`{text}` is no share; write `1 %` or `0.01`")),
    }
}

/// A temperature in kelvin, out of `45 °C` or `318 K`.
pub(super) fn kelvin(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    let celsius = trimmed.strip_suffix("°C").or_else(|| trimmed.strip_suffix(" C"));
    let value = match (celsius, trimmed.strip_suffix('K')) {
        (Some(number), _) => number.trim().parse::<f64>().ok().map(|value| value + 273.15),
        (None, Some(number)) => number.trim().parse().ok(),
        (None, None) => None,
    };
    let possible = value.filter(|value| (200.0..450.0).contains(value));
    possible.ok_or_else(|| format!("`{text}` is no temperature of a GPU; write `45 °C`"))
}

#[cfg(test)]
mod tests {
    use super::{kelvin, seconds, share};

    #[test]
    fn quantities_of_a_sweep_are_read() {
        assert_eq!(seconds("5 min"), Ok(300.0));
        assert!(seconds("30").unwrap_err().contains("has no unit"));
        assert!(seconds("3 W").unwrap_err().contains("no duration"));
        assert_eq!(share("1 %"), Ok(0.01));
        assert!(share("120%").is_err());
        assert_eq!(kelvin("45 °C"), Ok(318.15));
        assert!(kelvin("45").is_err());
    }
}
