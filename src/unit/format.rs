//! Values as a person reads them.

/// `value` (SI base unit `unit`) with three to four significant digits and a fitting prefix: `0.151 J`, `26.7 ms`,
/// `3.35 TB/s`, `7035 tokens`.
pub fn show(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return if value > 0.0 { "unlimited".to_owned() } else { "undefined".to_owned() };
    }
    let (scaled, label) = prefixed(value, unit);
    let number = show_plain(scaled);
    match label.as_str() {
        "" | "1" => number,
        plural if number == "1" && is_count(plural) => format!("1 {}", plural.trim_end_matches('s')),
        label => format!("{number} {}", without_one(label)),
    }
}

/// `value`, a multiple of `step`, as the tick of an axis: with the prefix that fits `like`, a value of the same axis,
/// and with as many digits as tell a step. So the ticks of an axis look alike: `0 J`, `0.5 J`, `1.0 J`.
pub fn show_tick(value: f64, step: f64, like: f64, unit: &str) -> String {
    let (scaled_like, label) = prefixed(like, unit);
    let scale = if like == 0.0 || scaled_like == 0.0 { 1.0 } else { scaled_like / like };
    let (value, step) = (value * scale, (step * scale).abs());
    let exponent = |size: f64| (size.log10() + 1e-9).floor();
    let number = if value == 0.0 || value.abs() < step / 2.0 {
        "0".to_owned()
    } else if (1e-3..1e7).contains(&value.abs()) {
        let decimals = if step > 0.0 { (-exponent(step)).clamp(0.0, 12.0) as usize } else { 3 };
        format!("{value:.decimals$}")
    } else {
        let decimals = if step > 0.0 { (exponent(value.abs()) - exponent(step)).clamp(0.0, 12.0) as usize } else { 3 };
        format!("{value:.decimals$e}")
    };
    match label.as_str() {
        "" | "1" => number,
        label => format!("{number} {}", without_one(label)),
    }
}

/// `/s` for `1/s`: 12 1/s is read as a fraction.
fn without_one(label: &str) -> &str {
    label.strip_prefix('1').filter(|rest| rest.starts_with('/')).unwrap_or(label)
}

/// Whether a label counts things, so that one of them is singular.
fn is_count(label: &str) -> bool {
    label.len() > 2 && label.ends_with('s') && !label.contains('/')
}

/// `value` with three significant digits below 100 and no decimals from 100 on; very large and very small values
/// in scientific notation.
pub fn show_plain(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-3..1e7).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
    let text = format!("{value:.decimals$}");
    let is_whole = value == value.round();
    if is_whole && text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A share such as 0.123 as `12.3 %`.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value.abs() < 10.0 && value != 0.0 { format!("{value:.1} %") } else { format!("{value:.0} %") }
}

/// Scales a value of the SI units that have prefixes in daily use.
fn prefixed(value: f64, unit: &str) -> (f64, String) {
    let steps: &[(f64, &str)] = match unit {
        "s" => &[(1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")],
        "J" => &[(1e6, "MJ"), (1e3, "kJ"), (1.0, "J"), (1e-3, "mJ")],
        "W" => &[(1e6, "MW"), (1e4, "kW"), (1.0, "W")],
        "B" => &[(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")],
        "B/s" => &[(1e12, "TB/s"), (1e9, "GB/s"), (1e6, "MB/s")],
        "FLOP" => &[(1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1.0, "FLOP")],
        "FLOP/s" => &[(1e15, "PFLOP/s"), (1e12, "TFLOP/s"), (1e9, "GFLOP/s")],
        "Hz" => &[(1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz"), (1.0, "Hz")],
        _ => return (value, unit.to_owned()),
    };
    let size = value.abs();
    let &(factor, label) = steps
        .iter()
        .find(|(factor, _)| size >= *factor)
        .or_else(|| if size == 0.0 { steps.iter().find(|(factor, _)| *factor == 1.0) } else { steps.last() })
        .unwrap_or(&steps[0]);
    // 1 kW = 1000 W, although kilowatts only start at ten of them.
    let factor = if label == "kW" { 1e3 } else { factor };
    (value / factor, label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_with_the_digits_a_person_wants() {
        let case = |value: f64, unit: &str, text: &str| assert_eq!(show(value, unit), text);
        case(0.150_786, "J", "151 mJ");
        case(2192.28, "J", "2.19 kJ");
        case(0.026_657_7, "s", "26.7 ms");
        case(3.35e12, "B/s", "3.35 TB/s");
        case(7035.2, "tokens", "7035 tokens");
        case(8.0, "requests", "8 requests");
        case(5_000.0, "W", "5000 W");
        case(13_000.0, "W", "13 kW");
        case(0.0, "J", "0 J");
        case(f64::INFINITY, "requests", "unlimited");
        case(1.0, "GPUs", "1 GPU");
        case(1.0, "s", "1 s");
        case(1.493_63, "1", "1.49");
        case(12.0, "1/s", "12 /s");
    }

    #[test]
    fn ticks_of_an_axis_look_alike() {
        let ticks = |values: &[f64], step: f64, like: f64, unit: &str| -> Vec<String> {
            values.iter().map(|value| show_tick(*value, step, like, unit)).collect()
        };
        assert_eq!(ticks(&[0.0, 0.5, 1.0], 0.5, 1.2, "J"), ["0 J", "0.5 J", "1.0 J"]);
        assert_eq!(ticks(&[0.02, 0.04], 0.02, 0.05, "s"), ["20 ms", "40 ms"]);
        assert_eq!(ticks(&[0.1, 0.15], 0.05, 0.3, "J"), ["100 mJ", "150 mJ"]);
        assert_eq!(ticks(&[-1.0, 1e-17, 64.0], 1.0, 64.0, "1"), ["-1", "0", "64"]);
        assert_eq!(ticks(&[1.2e9, 2e-7], 1e8, 1.2e9, ""), ["1.2e9", "0"]);
        assert_eq!(ticks(&[5.0], 0.0, 0.0, "W"), ["5.000 W"]);
    }
}
