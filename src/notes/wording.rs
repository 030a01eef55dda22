//! Plurals, lists and nearest names.

/// `1 run`, `3 runs`.
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A name as words: `kv_cache_use` is `KV cache use`.
pub fn words(name: &str) -> String {
    name.replace('_', " ").replace("gpus", "GPUs").replace("gpu", "GPU").replace("kv ", "KV ")
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<T: AsRef<str>>(items: &[T]) -> String {
    joined(items, "and")
}

/// `a`, `a or b`, `a, b or c`.
pub fn either<T: AsRef<str>>(items: &[T]) -> String {
    joined(items, "or")
}

fn joined<T: AsRef<str>>(items: &[T], word: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [head @ .., last] => {
            let front: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} {word} {}", front.join(", "), last.as_ref())
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

/// Edit distance in characters; two neighbors that changed places are one slip.
pub fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut two_above = above.clone();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let substitute = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = substitute.min(row[j - 1] + 1).min(above[j] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(two_above[j - 2] + 1);
            }
        }
        two_above = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_finds_its_name() {
        let names = ["batch_size", "precision", "num_gpus"];
        assert_eq!(nearest("bach_size", names), Some("batch_size"));
        assert_eq!(nearest("temperature", names), None);
        assert_eq!(nearest("form", ["from", "unit"]), Some("from"));
    }

    #[test]
    fn lists_and_plurals_read_as_english() {
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(words("kv_cache_use"), "KV cache use");
        assert_eq!(words("gpus"), "GPUs");
        assert_eq!(plural(1, "run"), "1 run");
        assert_eq!(plural(0, "run"), "0 runs");
        assert_eq!(quoted(&["a", "b", "c"], 2), "`a`, `b` … and 1 more");
        assert_eq!(lines(&["a", "b", "c"], 2), "  a\n  b\n  … and 1 more");
    }
}
