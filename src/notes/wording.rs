//! Plurals, lists and nearest names.

/// `1 run`, `3 runs`.
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [head @ .., last] => {
            let front: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", front.join(", "), last.as_ref())
        }
    }
}

/// The first `most` items one a line, indented, and how many more there are.
pub fn lines<T: ToString>(items: &[T], most: usize) -> String {
    let mut lines: Vec<String> = items.iter().take(most).map(|item| format!("  {}", item.to_string())).collect();
    if items.len() > most {
        lines.push(format!("  … and {} more", items.len() - most));
    }
    lines.join("\n")
}

/// The first `most` items in backticks, and how many more there are: `` `a`, `b` … and 3 more ``.
pub fn quoted<T: AsRef<str>>(items: &[T], most: usize) -> String {
    let shown: Vec<String> = items.iter().take(most).map(|item| format!("`{}`", item.as_ref())).collect();
    if items.len() > most { format!("{} … and {} more", shown.join(", "), items.len() - most) } else { list(&shown) }
}

/// `; did you mean `x`?`, or nothing.
pub fn did_you_mean(name: Option<&str>) -> String {
    name.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// The candidate closest to `name` by edit distance, if it is close enough to be a slip of the hand.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(name, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(name.len()) / 3).max(1))
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_finds_its_name() {
        let names = ["batch_size", "precision", "num_gpus"];
        assert_eq!(nearest("bach_size", names), Some("batch_size"));
        assert_eq!(nearest("temperature", names), None);
    }

    #[test]
    fn lists_and_plurals_read_as_english() {
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(plural(1, "run"), "1 run");
        assert_eq!(plural(0, "run"), "0 runs");
    }
}
