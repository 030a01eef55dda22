//! The structure of the package: who may use whom, who may print, how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What each module may use directly; `base` is short for `unit`, `stats` and `notes`. The front page of the library
/// (`src/lib.rs`) shows the same table to readers.
const MAY_USE: [(&str, &str); 19] = [
    ("unit", ""),
    ("stats", ""),
    ("notes", "unit, stats"),
    ("runs", "base"),
    ("catalog", "base"),
    ("model", "catalog, runs, base"),
    ("fit", "model, catalog, runs, base"),
    ("predict", "fit, model, catalog, runs, base"),
    ("attribute", "model, base"),
    ("whatif", "predict, attribute, fit, model, catalog, runs, base"),
    ("diagnose", "whatif, predict, attribute, fit, model, catalog, runs, base"),
    ("check", "diagnose, whatif, predict, fit, model, catalog, runs, base"),
    ("plan", "predict, fit, model, catalog, runs, base"),
    ("study", "diagnose, fit, model, catalog, runs, base"),
    ("import", "catalog, runs, base"),
    ("export", "catalog, runs, base"),
    ("measure", "import, catalog, runs, base"),
    (
        "report",
        "measure, export, import, study, plan, check, diagnose, whatif, predict, attribute, fit, model, catalog, runs, base",
    ),
    ("cli", "all"),
];

/// What only some modules may do: the text that does it, and where it may stand.
const RESERVED: [(&str, &[&str]); 11] = [
    ("print!(", &["cli", "main"]),
    ("println!(", &["cli", "main"]),
    ("dbg!(", &[]),
    ("process::exit", &["cli", "main"]),
    ("env::var", &["cli", "main"]),
    ("env::args", &["cli", "main"]),
    ("fs::", &["runs", "catalog", "import", "measure", "cli"]),
    ("std::time::", &["measure", "cli"]),
    ("std::net::", &["measure"]),
    ("std::process::Command", &["measure"]),
    (".unwrap()", &[]),
];

/// Lines of the longest file.
const LONGEST: usize = 500;

/// A source file without its tests and comments.
struct Source {
    path: PathBuf,
    /// `model` for `src/model/frame/mod.rs`; `main` for `src/main.rs`.
    module: String,
    /// How many times `super::` leads from it to the top of the crate.
    depth: usize,
    code: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every `*.rs` below a folder, sorted.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The files of the library and its binary that are more than tests.
fn sources() -> Vec<Source> {
    let folder = root().join("src");
    let texts: BTreeMap<PathBuf, String> = rust_files(&folder)
        .into_iter()
        .map(|path| (path.strip_prefix(&folder).unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    let of_tests: BTreeSet<PathBuf> = texts
        .iter()
        .flat_map(|(path, text)| test_files(text).into_iter().map(|name| path.with_file_name(format!("{name}.rs"))))
        .collect();
    texts
        .into_iter()
        .filter(|(path, _)| !of_tests.contains(path) && path != Path::new("lib.rs"))
        .map(|(path, text)| source(path, &text))
        .collect()
}

fn source(path: PathBuf, text: &str) -> Source {
    let parts = path.components().count();
    let is_front_page = path.ends_with("mod.rs");
    let first = path.components().next().unwrap().as_os_str().to_string_lossy();
    let module = first.trim_end_matches(".rs").to_owned();
    Source { module, depth: parts - usize::from(is_front_page), code: code(text), path }
}

/// Names of files that a front page declares as tests: `#[cfg(test)]`, then `mod laws;`.
fn test_files(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines
        .windows(2)
        .filter(|pair| pair[0] == "#[cfg(test)]")
        .filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned))
        .collect()
}

/// A text without whole-line comments and without the module of tests at its foot.
fn code(text: &str) -> String {
    let foot = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines: Vec<&str> = text[..foot].lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    lines.join("\n")
}

/// The top-level modules that code names by `crate::x`, or by `use crate::{x::…, y::…}`.
fn used(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        if code[..at].ends_with('$') {
            continue;
        }
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            None => found.extend(leading_name(rest)),
            Some(group) => found.extend(members(group).filter_map(leading_name)),
        }
    }
    found
}

/// The members of a `use` group, from behind its opening brace.
fn members(group: &str) -> impl Iterator<Item = &str> {
    let mut nested = 0_i32;
    let end = group
        .find(|letter| {
            nested += i32::from(letter == '{') - i32::from(letter == '}');
            nested < 0
        })
        .unwrap_or(group.len());
    let mut nested = 0_i32;
    group[..end].split(move |letter| {
        nested += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && nested == 0
    })
}

fn leading_name(path: &str) -> Option<String> {
    let name: String = path.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// Whether a chain of `super::` in code leads to the top of the crate, past the names that [`used`] sees.
fn climbs_to_the_top(code: &str, depth: usize) -> bool {
    code.contains(&"super::".repeat(depth))
}

/// The names of a cell of the table.
fn names(cell: &str) -> BTreeSet<String> {
    cell.split(',')
        .map(str::trim)
        .flat_map(|name| match name {
            "base" => vec!["unit", "stats", "notes"],
            "all" => MAY_USE.iter().map(|(module, _)| *module).collect(),
            "" | "–" => Vec::new(),
            name => vec![name],
        })
        .map(str::to_owned)
        .collect()
}

/// What a source uses and may not.
fn forbidden(source: &Source) -> Vec<String> {
    if source.module == "main" {
        return Vec::new();
    }
    let allowed = MAY_USE.iter().find(|(module, _)| *module == source.module).map(|(_, cell)| names(cell));
    let Some(allowed) = allowed else { return vec!["a module that the table lacks".to_owned()] };
    let mut found: Vec<String> =
        used(&source.code).into_iter().filter(|name| *name != source.module && !allowed.contains(name)).collect();
    if climbs_to_the_top(&source.code, source.depth) {
        found.push("`super::` up to the top of the crate".to_owned());
    }
    found
}

/// What a source does and is reserved to others.
fn reserved(source: &Source) -> Vec<&'static str> {
    RESERVED
        .iter()
        .filter(|(text, modules)| source.code.contains(text) && !modules.contains(&source.module.as_str()))
        .map(|(text, _)| *text)
        .collect()
}

#[test]
fn each_module_uses_only_what_the_table_allows() {
    for source in sources() {
        let found = forbidden(&source);
        assert!(found.is_empty(), "src/{} may not use {found:?}", source.path.display());
    }
}

#[test]
fn the_front_page_shows_the_table() {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let shown: Vec<(String, BTreeSet<String>)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`")?.strip_suffix(" |"))
        .map(|row| {
            let (module, rest) = row.split_once("`]").unwrap();
            (module.to_owned(), names(rest.rsplit('|').next().unwrap()))
        })
        .collect();
    let table: Vec<(String, BTreeSet<String>)> =
        MAY_USE.iter().map(|(module, cell)| ((*module).to_owned(), names(cell))).collect();
    assert_eq!(shown, table);
}

#[test]
fn each_module_does_only_what_is_its_to_do() {
    for source in sources() {
        let found = reserved(&source);
        assert!(found.is_empty(), "src/{} may not have {found:?}", source.path.display());
    }
}

#[test]
fn no_file_is_long() {
    for folder in ["src", "tests"] {
        for path in rust_files(&root().join(folder)) {
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= LONGEST, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn every_latent_and_parameter_of_a_shipped_model_says_what_it_means() {
    for shipped in joules::model::shipped() {
        let file: toml::Table = shipped.text.parse().unwrap();
        for role in ["latent", "parameter"] {
            for (name, entry) in file.get(role).and_then(toml::Value::as_table).into_iter().flatten() {
                let meaning = entry.get("meaning").and_then(toml::Value::as_str).unwrap_or_default();
                assert!(!meaning.is_empty(), "{}: [{role}.{name}] has no `meaning`", shipped.file);
            }
        }
    }
}

/// A violation of every rule is seen, and what is none is passed over.
mod scanner {
    use super::*;

    fn case(path: &str, text: &str) -> (Vec<String>, Vec<&'static str>) {
        let source = source(PathBuf::from(path), text);
        (forbidden(&source), reserved(&source))
    }

    #[test]
    fn a_module_that_is_used_against_the_table_is_seen() {
        assert_eq!(case("runs/a.rs", "use crate::catalog::Catalog;\n").0, ["catalog"]);
        assert_eq!(case("runs/a.rs", "fn f() { crate::model::g() }\n").0, ["model"]);
        assert_eq!(
            case("fit/a.rs", "use crate::{\n    model::{A, B},\n    report::C, cli,\n};\n").0,
            ["cli", "report"]
        );
        assert_eq!(case("model/a.rs", "use super::super::fit;\n").0, ["`super::` up to the top of the crate"]);
        assert_eq!(case("model/mod.rs", "use super::fit;\n").0, ["`super::` up to the top of the crate"]);
        assert_eq!(case("novel/mod.rs", "").0, ["a module that the table lacks"]);
    }

    #[test]
    fn what_the_table_allows_passes() {
        let none: [String; 0] = [];
        assert_eq!(case("fit/a.rs", "use crate::model::Model;\nuse crate::fit::x;\n").0, none);
        assert_eq!(case("model/frame/a.rs", "use super::super::tape;\n").0, none);
        assert_eq!(case("runs/a.rs", "/// As [`crate::model::Model`].\n").0, none);
        assert_eq!(case("runs/a.rs", "x();\n#[cfg(test)]\nmod tests {\n    use crate::cli::X;\n}\n").0, none);
    }

    #[test]
    fn printing_reading_the_environment_and_unwrapping_are_seen() {
        assert_eq!(case("report/a.rs", "println!(\"x\");\n").1, ["println!("]);
        assert_eq!(case("report/a.rs", "eprintln!(\"x\");\n").1, ["println!("]);
        assert_eq!(case("fit/a.rs", "std::process::exit(1);\n").1, ["process::exit"]);
        assert_eq!(case("fit/a.rs", "std::env::var(\"X\").unwrap();\n").1, ["env::var", ".unwrap()"]);
        assert_eq!(case("predict/a.rs", "std::fs::read(path);\n").1, ["fs::"]);
        assert!(case("cli/a.rs", "println!(\"x\"); std::env::var_os(\"X\");\n").1.is_empty());
    }

    #[test]
    fn a_file_of_tests_is_known_by_its_declaration() {
        assert_eq!(test_files("mod a;\n#[cfg(test)]\nmod laws;\nmod b;\n#[cfg(test)]\nmod tests {}\n"), ["laws"]);
    }
}
