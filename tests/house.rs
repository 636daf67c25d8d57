//! How the house is built: which way its parts refer to each other, and that its libraries do not speak the
//! command line. Reads the sources; nothing is compiled or run.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[path = "house/circles.rs"]
mod circles;
#[path = "house/sources.rs"]
mod sources;
#[path = "house/tokens.rs"]
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use circles::circles;
use sources::{packages, project, sources};
use tokens::{Piece, Token, after_group, tokens};

/// Texts of libraries that name a command and must: where, the constant's name, and why.
const EXEMPT: &[(&str, &str, &str)] = &[(
    "crates/index/src/index_folder.rs",
    "MARKER",
    "the content of a file by which backups are known, also those made earlier",
)];

/// The floor of each package. Each may use those on lower floors.
const FLOORS: &[(&str, u8)] = &[
    ("reread-encoder", 0),
    ("reread-document", 0),
    ("reread-models", 1),
    ("reread-retrieval", 2),
    ("reread-index", 3),
    ("reread-rerank", 3),
    ("reread-engine", 4),
    ("reread-eval", 5),
    ("reread-wire", 6),
    ("reread", 7),
];

#[test]
fn libraries_do_not_name_flags_commands_or_environment_variables() {
    let commands = commands();
    assert!(
        commands.contains("index") && commands.contains("worth-it"),
        "{commands:?}"
    );
    let mut exempted = BTreeSet::new();
    let mut found = Vec::new();
    for package in packages().iter().filter(|package| *package != project()) {
        for source in sources(package) {
            for (pos, token) in source.tokens.iter().enumerate() {
                let Piece::Text(text) = &token.piece else {
                    continue;
                };
                if !speaks_the_command_line(text, &commands) {
                    continue;
                }
                let constant = constant(&source.tokens[..pos]).unwrap_or_default();
                if EXEMPT
                    .iter()
                    .any(|(path, name, _)| (*path, *name) == (&source.path[..], constant))
                {
                    exempted.insert(constant.to_owned());
                } else {
                    found.push(format!("{}:{}: {text:?}", source.path, token.line));
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "an application has no flags and no commands; state the fact, and let src/output say what helps:\n{}",
        found.join("\n")
    );
    assert_eq!(
        exempted.len(),
        EXEMPT.len(),
        "an exemption that nothing needs any more"
    );
}

#[test]
fn no_files_refer_to_each_other_in_a_circle() {
    let mut found = Vec::new();
    for package in packages() {
        for circle in circles(&sources(&package)) {
            found.push(circle.join("\n  "));
        }
    }
    assert!(
        found.is_empty(),
        "{} circles:\n  {}",
        found.len(),
        found.join("\n\n  ")
    );
}

#[test]
fn packages_use_only_those_below_them() {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    for package in packages() {
        let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap();
        let floor = |name: &str| {
            let floor = floors.get(name);
            *floor.unwrap_or_else(|| panic!("{name} has no floor; give it one in FLOORS"))
        };
        let used = manifest["dependencies"].as_table().unwrap().keys();
        for used in used.filter(|used| used.starts_with("reread-")) {
            assert!(
                floor(used) < floor(name),
                "{name} uses {used}, which is not below it"
            );
        }
    }
}

#[test]
fn what_the_command_line_would_say_is_told_from_what_it_would_not() {
    let commands = commands();
    for text in [
        "use --force",
        "run `reread doctor`",
        "run reread worth-it.",
        "REREAD_MODELS",
    ] {
        assert!(speaks_the_command_line(text, &commands), "{text}");
    }
    for text in [
        "a -- b",
        "----",
        "reread score cache 1",
        "reread indexes",
        "Reread",
    ] {
        assert!(!speaks_the_command_line(text, &commands), "{text}");
    }
}

#[test]
fn texts_are_told_from_comments_characters_and_tests() {
    let source = r##"
        // "no" /* "no" */
        /* "no" /* "no" */ "no" */
        const A: &str = "a \
            b\"";
        fn f<'a>(c: char) -> bool { c == '"' || c == '\'' || c == b'"' }
        const B: &[u8] = br#"c"d"#;
    "##;
    let texts: Vec<(usize, String)> = tokens(source)
        .into_iter()
        .filter_map(|token| match token.piece {
            Piece::Text(text) => Some((token.line, text)),
            _ => None,
        })
        .collect();
    assert_eq!(texts, [(4, "a b\"".to_owned()), (7, "c\"d".to_owned())]);
}

/// Whether a text names a flag, a command or an environment variable of the command line.
fn speaks_the_command_line(text: &str, commands: &BTreeSet<String>) -> bool {
    let has_flag = text
        .split("--")
        .skip(1)
        .any(|after| after.starts_with(|c: char| c.is_ascii_alphabetic()));
    let has_command = text.split("reread ").skip(1).any(|after| {
        let end = after.find(|c: char| !c.is_ascii_lowercase() && c != '-');
        commands.contains(&after[..end.unwrap_or(after.len())])
    });
    has_flag || has_command || text.contains("REREAD_") || text.contains("ORT_DYLIB_PATH")
}

/// The commands by the names that users type, from the enum that lists them.
fn commands() -> BTreeSet<String> {
    let args = tokens(&fs::read_to_string(project().join("src/args.rs")).unwrap());
    let named = |pair: &[Token]| pair[0].is_word("enum") && pair[1].is_word("Command");
    let body = args.windows(2).position(named).unwrap() + 2;
    let mut commands = BTreeSet::new();
    let mut at = body + 1;
    while at + 1 < after_group(&args, body) {
        match args[at].word() {
            Some(name) => _ = commands.insert(kebab_case(name)),
            None if args[at].is_sign('#') => at += 1,
            None => {}
        }
        // Past what a variant holds, or an attribute says.
        at = if args[at].word().is_some() {
            at + 1
        } else {
            after_group(&args, at)
        };
    }
    commands
}

fn kebab_case(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(c.to_lowercase());
    }
    kebab
}

/// The name of the constant whose value begins after these tokens.
fn constant(before: &[Token]) -> Option<&str> {
    let begin = before.iter().rposition(|token| token.is_sign(';'));
    let declaration = &before[begin.map_or(0, |at| at + 1)..];
    let at = declaration
        .iter()
        .position(|token| token.is_word("const"))?;
    let is_value = declaration.last()?.is_sign('=');
    declaration.get(at + 1)?.word().filter(|_| is_value)
}
