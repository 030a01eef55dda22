//! What people write with a unit: rates of demand, power, money, carbon, shares.

use crate::unit::{Dimension, Unit, UnitError, parse_quantity};

/// What a service makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// Output tokens.
    Token,
    /// Whole answers.
    Request,
    /// Images.
    Image,
    /// Videos.
    Video,
}

impl Item {
    /// All of them, by their names.
    const NAMES: [(Self, &'static str); 4] =
        [(Self::Token, "token"), (Self::Request, "request"), (Self::Image, "image"), (Self::Video, "video")];

    /// The item of a metric such as `energy_per_image`.
    pub fn of_energy(metric: &str) -> Option<Self> {
        let name = metric.strip_prefix("energy_per_")?;
        Self::NAMES.iter().find(|(_, own)| *own == name).map(|(item, _)| *item)
    }

    /// `token`.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(own, _)| *own == self).map_or("item", |(_, name)| name)
    }

    /// `tokens/s`.
    pub fn rate_unit(self) -> String {
        format!("{}s/s", self.name())
    }
}

/// How much is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Per second.
    pub value: f64,
    /// Of what.
    pub item: Item,
}

/// What is wrong with a unit, in words, and how it is written.
fn told(error: &UnitError, example: &str) -> String {
    format!("{error}; write it as `{example}`")
}

/// A unit of demand: SI factor and item. `tokens/s`, `requests/min`, `million*tokens/h`.
pub(super) fn rate_unit(text: &str) -> Result<(f64, Item), String> {
    let example = "tokens/s";
    let unit = Unit::parse(text).map_err(|error| told(&error, example))?;
    let above = text.split('/').next().unwrap_or("");
    let item = above.split(['*', '·']).find_map(|part| {
        let part = part.trim().trim_end_matches('s');
        Item::NAMES.iter().find(|(_, name)| *name == part).map(|(item, _)| *item)
    });
    match item {
        Some(item) if unit.dimension == Dimension::FREQUENCY => Ok((unit.factor, item)),
        _ => Err(format!(
            "`{}` is no unit of demand; write tokens/s, requests/s, images/s or videos/s (or per min, h)",
            text.trim()
        )),
    }
}

/// `20000 tokens/s`.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let example = "20000 tokens/s";
    let (value, unit) = parse_quantity(text).map_err(|error| told(&error, example))?;
    let (_, item) = rate_unit(&unit.label)?;
    positive(text, value)?;
    Ok(Rate { value, item })
}

/// A quantity above zero of one dimension, SI.
pub(super) fn quantity(text: &str, dimension: Dimension, example: &str) -> Result<f64, String> {
    let (value, unit) = parse_quantity(text).map_err(|error| told(&error, example))?;
    if unit.dimension != dimension {
        return Err(format!("`{text}` is not measured in a unit of `{example}`; found `{}`", unit.label));
    }
    positive(text, value)
}

/// `0.12 USD/kWh` or `2.5 USD/h`: money per SI unit of `per`, and the currency.
pub(super) fn price(text: &str, per: Dimension, example: &str) -> Result<(f64, String), String> {
    let refuse = || format!("`{text}` is no price; write a number, a currency and a unit, such as `{example}`");
    let (number, rest) = split_number(text).ok_or_else(refuse)?;
    let (currency, below) = rest.split_once('/').ok_or_else(refuse)?;
    let currency = currency.trim();
    if currency.is_empty() || currency.chars().any(|letter| !is_of_currency(letter)) {
        return Err(refuse());
    }
    let (factor, dimension) = below_line(below).map_err(|error| told(&error, example))?;
    if dimension != per {
        return Err(format!("`{text}` is a price per `{}`; expected one such as `{example}`", below.trim()));
    }
    Ok((not_negative(text, number * factor)?, currency.to_owned()))
}

/// `350 g/kWh`: kilograms of CO2 equivalent per joule.
pub(super) fn carbon(text: &str) -> Result<f64, String> {
    let refuse = || format!("`{text}` is no carbon intensity; write it as `350 g/kWh`");
    let (number, rest) = split_number(text).ok_or_else(refuse)?;
    let factor = carbon_unit(rest).ok_or_else(refuse)?;
    not_negative(text, number * factor)
}

/// `g/kWh`, in kilograms per joule.
pub(super) fn carbon_unit(text: &str) -> Option<f64> {
    let (mass, energy) = text.split_once('/')?;
    let kilograms = match mass.trim() {
        "g" | "gCO2" | "gCO2e" | "gCO2eq" => 1e-3,
        "kg" => 1.0,
        "t" => 1e3,
        _ => return None,
    };
    let (factor, dimension) = below_line(energy).ok()?;
    (dimension == Dimension::ONE / Dimension::ENERGY).then_some(kilograms * factor)
}

/// `USD/kWh`, in money per joule, and the currency.
pub(super) fn price_unit(text: &str) -> Option<(f64, String)> {
    price(&format!("1 {text}"), Dimension::ONE / Dimension::ENERGY, "USD/kWh").ok()
}

/// Factor and dimension of one over a unit; a GPU is a count.
fn below_line(unit: &str) -> Result<(f64, Dimension), UnitError> {
    // A GPU-hour is written in many ways.
    let unit = unit.trim().replace("GPU-hour", "h").replace("GPUh", "h").replace("GPU-h", "h").replace("hour", "h");
    Unit::parse(&format!("1/{unit}")).map(|unit| (unit.factor, unit.dimension))
}

fn is_of_currency(letter: char) -> bool {
    letter.is_alphabetic() || "$€£¥₹".contains(letter)
}

/// A number and what follows it.
fn split_number(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '_'))).unwrap_or(text.len());
    let number = text[..end].replace('_', "").parse().ok()?;
    Some((number, text[end..].trim()))
}

/// `90 %` or `0.9`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    let value = match trimmed.strip_suffix('%') {
        Some(percent) => number(percent).map(|value| value / 100.0),
        None => number(trimmed),
    };
    value.ok_or_else(|| format!("`{text}` is no share; write it as `90 %` or `0.9`"))
}

pub(super) fn positive(text: &str, value: f64) -> Result<f64, String> {
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err(format!("`{}` must be above zero", text.trim())) }
}

pub(super) fn not_negative(text: &str, value: f64) -> Result<f64, String> {
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(format!("`{}` must not be negative", text.trim())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demands_are_read_with_what_they_count() {
        let case = |text: &str, value: f64, item: Item| {
            let found = rate(text).unwrap();
            assert!((found.value / value - 1.0).abs() < 1e-12 && found.item == item, "{text}: {found:?}");
        };
        case("20000 tokens/s", 20000.0, Item::Token);
        case("20_000 token/s", 20000.0, Item::Token);
        case("1.5 million*tokens/min", 25000.0, Item::Token);
        case("36 requests/h", 0.01, Item::Request);
        case("2 images/s", 2.0, Item::Image);
        let refused = |text: &str, message: &str| assert_eq!(rate(text).unwrap_err(), message);
        refused("20000", "`20000` has no unit; write it as `20000 tokens/s`");
        refused("-3 tokens/s", "`-3 tokens/s` must be above zero");
        refused("0 tokens/s", "`0 tokens/s` must be above zero");
        refused("3 kW", "`kW` is no unit of demand; write tokens/s, requests/s, images/s or videos/s (or per min, h)");
        assert!(rate("3 tokens").unwrap_err().contains("no unit of demand"));
    }

    #[test]
    fn prices_and_intensities_are_read_in_si() {
        let per_energy = Dimension::ONE / Dimension::ENERGY;
        let (value, currency) = price("0.12 USD/kWh", per_energy, "0.12 USD/kWh").unwrap();
        assert!((value * 3.6e6 - 0.12).abs() < 1e-15 && currency == "USD");
        for text in ["2.5 €/h", "2.5 €/GPU/h", "2.5€/GPU-hour"] {
            let (value, currency) = price(text, Dimension::FREQUENCY, "2.5 USD/h").unwrap();
            assert!((value * 3600.0 - 2.5).abs() < 1e-12 && currency == "€", "{text}");
        }
        assert!((carbon("350 g/kWh").unwrap() * 3.6e6 - 0.35).abs() < 1e-15);
        assert!(price("0.12/kWh", per_energy, "0.12 USD/kWh").is_err());
        assert!(price("0.12 USD/h", per_energy, "0.12 USD/kWh").is_err());
        assert!(carbon("350").is_err() && carbon("350 W").is_err());
    }
}
