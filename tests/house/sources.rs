//! The source files of a package, without what only its tests compile.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::tokens::{Token, after_group, tokens};

/// A file of a package, read.
pub(crate) struct Source {
    /// Where it is, from the root of the project.
    pub(crate) path: String,
    /// The module that it is: empty for `lib.rs` and `main.rs`.
    pub(crate) module: Vec<String>,
    /// What it holds, tests left out.
    pub(crate) tokens: Vec<Token>,
}

/// The root of the project.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folders of all packages: the crates, and the command line.
pub(crate) fn packages() -> Vec<PathBuf> {
    let crates = fs::read_dir(project().join("crates")).unwrap();
    let mut packages: Vec<PathBuf> = crates.map(|entry| entry.unwrap().path()).collect();
    packages.sort();
    packages.push(project().to_owned());
    packages
}

/// The sources of a package, in the order of their paths.
pub(crate) fn sources(package: &Path) -> Vec<Source> {
    let folder = package.join("src");
    let mut paths = Vec::new();
    collect(&folder, &mut paths);
    paths.sort();
    let mut sources = Vec::new();
    let mut test_modules = BTreeSet::new();
    for path in paths {
        let module = module_of(path.strip_prefix(&folder).unwrap());
        let (tokens, names) = without_tests(&tokens(&fs::read_to_string(&path).unwrap()));
        test_modules.extend(
            names
                .into_iter()
                .map(|name| [&module[..], &[name]].concat()),
        );
        let path = path.strip_prefix(project()).unwrap();
        sources.push(Source {
            path: path.to_string_lossy().replace('\\', "/"),
            module,
            tokens,
        });
    }
    let is_test =
        |module: &[String]| (1..=module.len()).any(|n| test_modules.contains(&module[..n]));
    sources.retain(|source| !is_test(&source.module));
    sources
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module_of(path: &Path) -> Vec<String> {
    let parts = path.with_extension("");
    let mut module: Vec<String> = parts
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if module.last().is_some_and(|last| last == "mod")
        || ["lib", "main"]
            .map(|root| vec![root.to_owned()])
            .contains(&module)
    {
        module.pop();
    }
    module
}

/// The tokens without items that are compiled for tests alone, and the names of the modules among these
/// that are files of their own.
fn without_tests(all: &[Token]) -> (Vec<Token>, Vec<String>) {
    let (mut kept, mut modules) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < all.len() {
        if !is_attribute(all, at) || !is_for_tests(&all[at + 2..after_group(all, at + 1)]) {
            kept.push(all[at].clone());
            at += 1;
            continue;
        }
        while is_attribute(all, at) {
            at = after_group(all, at + 1);
        }
        let end = after_item(all, at);
        let item = &all[at..end];
        let named = item.iter().position(|token| token.is_word("mod"));
        if let (Some(mod_at), true) = (named, item.last().is_some_and(|last| last.is_sign(';'))) {
            modules.extend(item[mod_at + 1].word().map(str::to_owned));
        }
        at = end;
    }
    (kept, modules)
}

fn is_attribute(all: &[Token], at: usize) -> bool {
    let is = |pos: usize, sign| all.get(pos).is_some_and(|token| token.is_sign(sign));
    is(at, '#') && is(at + 1, '[')
}

/// Whether an attribute is `cfg(test)`, or that and more.
fn is_for_tests(attribute: &[Token]) -> bool {
    let has = |word| attribute.iter().any(|token| token.is_word(word));
    attribute[0].is_word("cfg") && has("test") && !has("not") && !has("any")
}

/// The position after the item that begins at `at`: after its `;`, or after its braces.
fn after_item(all: &[Token], mut at: usize) -> usize {
    while at < all.len() {
        let next = after_group(all, at);
        if all[at].is_sign(';') || all[at].is_sign('{') {
            return next;
        }
        if all[at].is_sign('}') {
            return at;
        }
        at = next;
    }
    at
}
