//! Who may know whom (docs/architecture.md), read from the sources.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What the core may use of `directory`: the values that a read gives, and not how they are read.
const DIRECTORY_VALUES: [&str; 10] = [
    "answer", "dn", "entry", "filter", "guid", "sighting", "snapshot", "text", "user_set", "samples",
];

/// The files below a folder of `src`.
fn files(folder: &str) -> Vec<PathBuf> {
    fn collect(path: &Path, files: &mut Vec<PathBuf>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                collect(&entry.unwrap().path(), files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path.to_owned());
        }
    }
    let mut files = Vec::new();
    collect(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder),
        &mut files,
    );
    assert!(!files.is_empty(), "src/{folder} has no sources");
    files.sort();
    files
}

/// A source without its comments.
fn code(file: &Path) -> String {
    let source = fs::read_to_string(file).unwrap();
    let lines = source
        .lines()
        .map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    lines.collect::<Vec<_>>().join("\n")
}

/// Every path that begins with `crate::`, use trees taken apart: `use crate::{a::{b, c}, d}` gives `a::b`, `a::c` and `d`.
fn paths_in_crate(code: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (position, start) in code.match_indices("crate::") {
        let is_whole = !code[..position].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        if is_whole {
            expand("", &code[position + start.len()..], &mut paths);
        }
    }
    paths
}

/// Reads one use tree, and gives what stands behind it.
fn expand<'a>(prefix: &str, tree: &'a str, paths: &mut BTreeSet<String>) -> &'a str {
    let tree = tree.trim_start();
    let Some(mut rest) = tree.strip_prefix('{') else {
        let end = tree
            .find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '*')
            .unwrap_or(tree.len());
        let (name, rest) = tree.split_at(end);
        return match rest.strip_prefix("::") {
            Some(rest) if !rest.starts_with('<') => expand(&format!("{prefix}{name}::"), rest, paths),
            _ => {
                paths.insert(format!("{prefix}{name}"));
                rest
            }
        };
    };
    loop {
        rest = expand(prefix, rest, paths).trim_start();
        if let Some(behind) = rest.strip_prefix('}') {
            return behind;
        }
        // A comma, or an `as name`, which is not looked at.
        let Some(comma) = rest.find([',', '}']) else {
            return rest;
        };
        rest = rest[comma..].trim_start_matches(',').trim_start();
        if let Some(behind) = rest.strip_prefix('}') {
            return behind;
        }
    }
}

/// Whether a crate is named, as in `tokio::` or `use tokio;`.
fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(position, _)| {
        let before = code[..position].chars().next_back();
        let behind = &code[position + name.len()..];
        let is_whole = !before.is_some_and(|letter| letter.is_alphanumeric() || "_:\"".contains(letter));
        is_whole && (behind.starts_with("::") || behind.starts_with(';'))
    })
}

/// Holds that the sources of a folder use nothing of the crate but what `may_use` allows.
fn assert_knows_only(folder: &str, may_use: impl Fn(&str) -> bool) {
    for file in files(folder) {
        let strangers: Vec<_> = paths_in_crate(&code(&file))
            .into_iter()
            .filter(|path| !may_use(path))
            .collect();
        assert!(strangers.is_empty(), "{} must not know {strangers:?}", file.display());
    }
}

fn is_in(path: &str, room: &str) -> bool {
    path == room || path.strip_prefix(room).is_some_and(|rest| rest.starts_with("::"))
}

#[test]
fn api_knows_nobody() {
    assert_knows_only("api", |path| is_in(path, "api"));
}

#[test]
fn directory_knows_only_the_connection_types_of_api() {
    assert_knows_only("directory", |path| {
        is_in(path, "directory") || is_in(path, "api::active_directory_config")
    });
    for file in files("directory") {
        assert!(
            !names_crate(&code(&file), "kube"),
            "{} must not name kube",
            file.display()
        );
    }
}

#[test]
fn sync_knows_only_api_and_the_values_of_directory() {
    assert_knows_only("sync", |path| {
        let value = path.strip_prefix("directory::").is_some_and(|value| {
            let first = value.split("::").next().unwrap_or_default();
            // The types that directory/mod.rs passes on from its value modules begin with a capital; its I/O types have modules.
            DIRECTORY_VALUES.contains(&first) || passed_on_values().contains(first)
        });
        is_in(path, "api") || is_in(path, "sync") || value
    });
}

/// The types that directory/mod.rs passes on from its value modules.
fn passed_on_values() -> BTreeSet<String> {
    let code = code(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/directory/mod.rs"));
    let mut paths = BTreeSet::new();
    for statement in code
        .split(';')
        .filter_map(|statement| statement.trim().strip_prefix("pub use "))
    {
        expand("", statement, &mut paths);
    }
    let types = paths.iter().filter_map(|path| path.split_once("::"));
    types
        .filter(|(module, _)| DIRECTORY_VALUES.contains(module))
        .map(|(_, name)| name.to_owned())
        .collect()
}

#[test]
fn sync_never_names_a_client_or_a_runtime() {
    for file in files("sync") {
        let code = code(&file);
        for name in ["kube", "ldap3", "tokio", "hickory_resolver", "axum", "futures"] {
            assert!(!names_crate(&code, name), "{} must not name {name}", file.display());
        }
        // No clock of its own either; a test may measure what it likes.
        if file.components().any(|folder| folder.as_os_str() == "sentences") {
            continue;
        }
        let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for name in ["Timestamp::now", "SystemTime", "Instant::now", "Zoned::now"] {
            assert!(
                !code.contains(name),
                "{} must not use {name}: `now` is an argument",
                file.display()
            );
        }
    }
}

#[test]
fn reference_knows_only_api_and_the_table_of_fields() {
    assert_knows_only("reference", |path| {
        is_in(path, "reference") || is_in(path, "api") || is_in(path, "sync::field")
    });
}

#[test]
fn nothing_knows_cli() {
    for room in ["api", "directory", "sync", "controllers", "serve", "reference"] {
        assert_knows_only(room, |path| !is_in(path, "cli"));
    }
}

#[test]
fn a_stranger_would_be_seen() {
    let code =
        "use crate::{api::{shared::{LocalReference as L}, labels}, directory::Dn,};\nlet x = crate::cli::run::<T>();";
    let paths: Vec<_> = paths_in_crate(code).into_iter().collect();
    assert_eq!(
        paths,
        [
            "api::labels",
            "api::shared::LocalReference",
            "cli::run",
            "directory::Dn"
        ]
    );
    assert!(names_crate("use kube::Api;", "kube") && names_crate("fn a() { tokio::spawn(x) }", "tokio"));
    assert!(!names_crate("mykube::Api, crate::kube::X, \"kube::\"", "kube"));
    assert!(passed_on_values().contains("Dn") && !passed_on_values().contains("Directory"));
}
