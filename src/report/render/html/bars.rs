//! A diverging bar chart of a page: names and words are text, only the bars are drawn.

use super::super::super::markup::escaped;
use super::super::super::{Axis, Bar, Bars};
use super::super::bars::{length, reach, whisker};
use super::super::scale::Scale;
use super::{caption, inline, percent};

/// Ticks at most.
const TICKS: usize = 5;
/// Reaches of log factors that have ticks beside that of factor 1.
const TICKED: std::ops::Range<f64> = 1e-6..300.0;

/// Names, bars and words in three columns; on a narrow page names stand above the bars. Nothing without bars.
pub(super) fn bars(bars: &Bars) -> String {
    if bars.rows.is_empty() {
        return if bars.label.is_empty() { String::new() } else { format!("<p>{}</p>\n", inline(&bars.label)) };
    }
    let (low, high) = reach(&bars.rows);
    // With nothing to show, factor 1 stands at the left as in a terminal.
    let (low, high) = if high - low > 0.0 && (high - low).is_finite() { (low, high) } else { (0.0, 1.0) };
    let share = |log_factor: f64| (log_factor - low) / (high - low);
    let axis = Axis::log("", "");
    let ticks: Vec<(f64, String)> = if TICKED.contains(&(high - low)) {
        let ticks = Scale::between(&axis, low, high).ticks(TICKS);
        ticks.into_iter().map(|tick| (tick.share, format!("×{}", tick.label))).collect()
    } else {
        vec![(share(0.0), "×1".to_owned())]
    };
    let rows: String = bars.rows.iter().map(|bar| row(bar, &share, &ticks)).collect();
    let labels: String = ticks.iter().map(|(at, label)| tick(*at, label)).collect();
    format!(
        "<figure class=\"bars\">\n{}<table>\n<tbody>\n{rows}</tbody>\n<tfoot><tr aria-hidden=\"true\"><td></td>\
         <td class=\"bar\"><svg height=\"16\">{labels}</svg></td><td></td></tr></tfoot>\n</table>\n</figure>\n",
        caption(&bars.label)
    )
}

/// A tick's words; those at the ends lean inwards.
fn tick(share: f64, label: &str) -> String {
    let anchor = match share {
        share if share < 0.04 => "start",
        share if share > 0.96 => "end",
        _ => "middle",
    };
    format!("<text x=\"{}\" y=\"12\" text-anchor=\"{anchor}\">{label}</text>", percent(share))
}

fn row(bar: &Bar, share: &impl Fn(f64) -> f64, ticks: &[(f64, String)]) -> String {
    let words = format!("{} {}", bar.label.words(), bar.text.words());
    let mut drawing: String = ticks
        .iter()
        .map(|(at, _)| format!("<line class=\"grid\" x1=\"{0}\" x2=\"{0}\" y1=\"0\" y2=\"100%\"/>", percent(*at)))
        .collect();
    let length = length(bar);
    let [from, to] = [length.min(0.0), length.max(0.0)].map(|end| share(end).clamp(0.0, 1.0));
    if length != 0.0 {
        let class = if length > 0.0 { "more" } else { "less" };
        let (x, width) = (percent(from), percent(to - from));
        drawing += &format!("<rect class=\"{class}\" x=\"{x}\" y=\"20%\" width=\"{width}\" height=\"60%\"/>");
    }
    drawing += &format!("<line class=\"axis\" x1=\"{0}\" x2=\"{0}\" y1=\"0\" y2=\"100%\"/>", percent(share(0.0)));
    let (low, high) = whisker(bar);
    if low < high {
        let line = |x1: f64, x2: f64, y1: &str, y2: &str| {
            let (x1, x2) = (percent(x1), percent(x2));
            format!("<line class=\"whisker\" x1=\"{x1}\" x2=\"{x2}\" y1=\"{y1}\" y2=\"{y2}\"/>")
        };
        let (low, high) = (share(low), share(high));
        drawing += &line(low, high, "50%", "50%");
        // An end mark beyond the chart is cut with its whisker.
        for end in [low, high].into_iter().filter(|end| (-1e-9..=1.0 + 1e-9).contains(end)) {
            drawing += &line(end, end, "34%", "66%");
        }
    }
    format!(
        "<tr><th scope=\"row\">{}</th><td class=\"bar\"><svg role=\"img\" aria-label=\"{}\">{drawing}</svg></td>\
         <td class=\"words\">{}</td></tr>\n",
        inline(&bar.label),
        escaped(&words),
        inline(&bar.text),
    )
}
