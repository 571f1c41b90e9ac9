//! The invariants of docs/architecture.md that can be read off the workspace.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const DOCUMENT: &str = include_str!("../../docs/architecture.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

/// The members of the workspace.
fn members() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn is_library(member: &Value) -> bool {
    Path::new(text(member, "manifest_path")).parent().unwrap().parent().unwrap().ends_with("crates")
}

/// What a member depends on at run time, optional dependencies included.
fn dependencies(member: &Value) -> BTreeSet<String> {
    let all = member["dependencies"].as_array().unwrap();
    let normal = all.iter().filter(|dependency| dependency["kind"].is_null());
    normal.map(|dependency| text(dependency, "name").to_owned()).collect()
}

/// The packages in the tree of a library with these features.
fn tree(package: &str, features: &[&str]) -> BTreeSet<String> {
    let arguments =
        ["tree", "-p", package, "-e", "normal", "--prefix", "none", "-f", "{p}", "--offline", "--locked"];
    let listing = cargo(&[&arguments[..], features].concat());
    listing.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The names in backquotes in a text.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The document's table: each crate and what it may know.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let rows = DOCUMENT.lines().skip_while(|line| !line.starts_with("| crate |")).skip(2);
    let mut table = BTreeMap::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        table.insert(cells[0].trim_matches('`').to_owned(), quoted(cells[2]));
    }
    table
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_table_lists_the_library_crates() {
    let crates: BTreeSet<String> = members()
        .iter()
        .filter(|member| is_library(member))
        .map(|member| text(member, "name").to_owned())
        .collect();
    assert_eq!(table().into_keys().collect::<BTreeSet<_>>(), crates);
}

#[test]
fn the_other_members_are_named() {
    let (named, members) = (quoted(DOCUMENT), members());
    for member in members.iter().filter(|member| !is_library(member)) {
        assert!(named.contains(text(member, "name")), "{}", member["name"]);
    }
}

#[test]
fn crates_depend_on_what_the_table_allows() {
    let table = table();
    for member in members().iter().filter(|member| is_library(member)) {
        let name = text(member, "name");
        let inner: BTreeSet<String> =
            dependencies(member).into_iter().filter(|dependency| table.contains_key(dependency)).collect();
        assert_eq!(inner, table[name], "{name}");
    }
}

#[test]
fn only_the_trainer_depends_on_burn() {
    let users = members().into_iter().filter(|member| {
        is_library(member)
            && dependencies(member).iter().any(|name| name == "burn" || name.starts_with("burn-"))
    });
    let users: Vec<_> = users.map(|member| text(&member, "name").to_owned()).collect();
    assert_eq!(users, ["ocelli-train"]);
}

fn has_burn(tree: &BTreeSet<String>) -> bool {
    tree.iter().any(|package| package == "burn" || package.starts_with("burn-"))
}

#[test]
fn without_training_burn_is_absent() {
    assert!(!has_burn(&tree("ocelli", &["--no-default-features"])));
    assert!(!has_burn(&tree("ocelli-infer", &["--all-features"])));
    assert!(has_burn(&tree("ocelli", &[])), "with training it is there");
}

#[test]
fn there_is_no_async_runtime_and_no_network_client() {
    // All that a build can have but `cuda` and `wgpu`, whose packages are only there where they are asked for.
    let tree = tree("ocelli", &["--features", "lite2"]);
    let found: Vec<_> =
        ["tokio", "async-std", "smol", "mio", "hyper", "reqwest", "ureq", "rustls", "native-tls"]
            .into_iter()
            .filter(|name| tree.contains(*name))
            .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_member_but_the_kernels_inherits_the_lint_that_forbids_unsafe() {
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let members = members();
    let others = members.iter().filter(|member| member["name"] != "ocelli-kernels");
    assert_eq!(others.clone().count() + 1, members.len(), "the exception names a member");
    for member in others {
        let manifest = std::fs::read_to_string(text(member, "manifest_path")).unwrap();
        let lints = manifest.split("[lints]").nth(1).unwrap_or_default().trim_start();
        assert!(lints.starts_with("workspace = true"), "{}", member["name"]);
    }
}

#[test]
fn crates_of_weights_can_be_published() {
    fn bytes(folder: &Path) -> u64 {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { bytes(&path) } else { path.metadata().unwrap().len() }).sum()
    }
    for name in ["ocelli-weights-lite0", "ocelli-weights-lite2"] {
        let bytes = bytes(&root().join("crates").join(name));
        assert!((1 << 20..10 << 20).contains(&bytes), "{name} has {bytes} bytes");
    }
}

#[test]
fn no_source_file_is_long() {
    let mut files = Vec::new();
    for part in ["crates", "tests", "examples", "benches", "xtask"] {
        sources(&root().join(part), &mut files);
    }
    assert!(files.len() > 100, "{} files", files.len());
    for file in files {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 700, "{} has {lines} lines", file.display());
    }
}

#[test]
fn libraries_print_nothing_and_reach_neither_environment_nor_network() {
    const BANNED: [&str; 9] = [
        "println!",
        "print!",
        "eprintln!",
        "eprint!",
        "dbg!",
        "env::var",
        "env::set_var",
        "std::net",
        "std::process::Command",
    ];
    for member in members().iter().filter(|member| is_library(member)) {
        let mut files = Vec::new();
        let src = Path::new(text(member, "manifest_path")).parent().unwrap().join("src");
        sources(&src, &mut files);
        let root = std::fs::read_to_string(src.join("lib.rs")).unwrap();
        let tests: Vec<&str> = test_modules(&root).collect();
        let is_test = |file: &Path| {
            let below = file.strip_prefix(&src).unwrap().components().next().unwrap();
            tests.iter().any(|test| Path::new(below.as_os_str()).file_stem() == Some(OsStr::new(test)))
        };
        for file in files.iter().filter(|file| !is_test(file)) {
            let source = std::fs::read_to_string(file).unwrap();
            // Unit tests, which close a file, may; so may documentation.
            let library = match file.ends_with("lib.rs") {
                true => source.as_str(),
                false => source.split("#[cfg(test)]").next().unwrap_or_default(),
            };
            let code = library.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                for banned in BANNED {
                    assert!(!line.contains(banned), "{}: {line}", file.display());
                }
            }
        }
    }
}

/// The modules of a crate that are there for its tests alone.
fn test_modules(root: &str) -> impl Iterator<Item = &str> {
    let gated = root.split("#[cfg(test)]").skip(1);
    gated.filter_map(|rest| rest.trim_start().strip_prefix("mod ")?.split_once(';').map(|(name, _)| name))
}
