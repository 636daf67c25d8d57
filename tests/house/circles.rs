//! Which files of a package refer to which, and where that goes in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::Source;
use crate::tokens::{Piece, Token, after_group};

/// A path as it is written, and the module it is written in.
struct Written {
    module: Vec<String>,
    path: Vec<String>,
}

/// A name that a module has from elsewhere.
struct Import {
    written: Written,
    name: String,
    is_public: bool,
}

/// What a file refers to.
#[derive(Default)]
struct References {
    imports: Vec<Import>,
    paths: Vec<Written>,
    /// Every word outside of imports.
    words: BTreeSet<String>,
}

/// The files of a package and what they refer to.
struct Graph<'s> {
    sources: &'s [Source],
    files: BTreeMap<&'s [String], usize>,
    /// Where the names come from that a module has from elsewhere.
    origins: BTreeMap<(Vec<String>, String), Vec<String>>,
}

/// The circles among the files of a package: each is a list of lines that name a file and the files of the
/// circle that it refers to.
pub(crate) fn circles(sources: &[Source]) -> Vec<Vec<String>> {
    let references: Vec<References> = sources.iter().map(references).collect();
    let graph = Graph::new(sources, &references);
    let edges: Vec<BTreeSet<usize>> = references
        .iter()
        .enumerate()
        .map(|(file, references)| graph.edges(file, references))
        .collect();
    let reached: Vec<BTreeSet<usize>> =
        (0..edges.len()).map(|file| reached(&edges, file)).collect();
    let mut circles = BTreeSet::new();
    for file in 0..edges.len() {
        let others = reached[file].iter().copied();
        let circle: Vec<usize> = others
            .filter(|other| reached[*other].contains(&file))
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    let name = |file: usize| sources[file].path.as_str();
    let line = |file: usize, circle: &[usize]| {
        let to = edges[file].iter().copied().filter(|to| circle.contains(to));
        let to: Vec<&str> = to.map(name).collect();
        format!("{} -> {}", name(file), to.join(", "))
    };
    circles
        .iter()
        .map(|circle| circle.iter().map(|&file| line(file, circle)).collect())
        .collect()
}

/// Every file that can be reached from one.
fn reached(edges: &[BTreeSet<usize>], from: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        for &to in &edges[file] {
            if reached.insert(to) {
                next.push(to);
            }
        }
    }
    reached
}

impl<'s> Graph<'s> {
    fn new(sources: &'s [Source], references: &[References]) -> Self {
        let files = sources.iter().enumerate();
        let mut graph = Self {
            sources,
            files: files.map(|(file, it)| (&it.module[..], file)).collect(),
            origins: BTreeMap::new(),
        };
        for import in references.iter().flat_map(|it| &it.imports) {
            if let Some(origin) = graph.absolute(&import.written) {
                let key = (import.written.module.clone(), import.name.clone());
                graph.origins.insert(key, origin);
            }
        }
        graph
    }

    /// The files that a file refers to. What it only hands on is no reference, and neither is the crate's
    /// root, which holds nothing but names of other files.
    fn edges(&self, file: usize, references: &References) -> BTreeSet<usize> {
        let imports = references.imports.iter();
        let imports = imports
            .filter(|import| !import.is_public || references.words.contains(&import.name))
            .map(|import| &import.written);
        let written = imports.chain(&references.paths);
        let files = written.filter_map(|written| self.file(self.absolute(written)?));
        let is_root = |file: usize| self.sources[file].module.is_empty();
        files
            .filter(|&to| to != file && !is_root(to) && !is_root(file))
            .collect()
    }

    /// A path from the root of the package; `None` where it leads to another package.
    fn absolute(&self, written: &Written) -> Option<Vec<String>> {
        let mut base = written.module.clone();
        let mut rest = &written.path[..];
        match rest.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            first => {
                let child = [&base[..], &[first.to_owned()]].concat();
                self.files.get(&child[..])?;
            }
        }
        Some([&base[..], rest].concat())
    }

    /// The file that defines what a path from the root names.
    fn file(&self, mut path: Vec<String>) -> Option<usize> {
        // Names are handed on a few times at most; a name may stand for itself in another namespace.
        for _ in 0..8 {
            let lens = (0..=path.len()).rev();
            let len = lens
                .into_iter()
                .find(|&len| self.files.contains_key(&path[..len]))?;
            let (module, rest) = path.split_at(len);
            let origin = rest.first().and_then(|name| {
                let key = (module.to_vec(), name.clone());
                self.origins
                    .get(&key)
                    .filter(|origin| origin[..] != path[..=len])
            });
            match origin {
                Some(origin) => path = [&origin[..], &rest[1..]].concat(),
                None => return self.files.get(module).copied(),
            }
        }
        None
    }
}

/// Reads what a file refers to.
fn references(source: &Source) -> References {
    let tokens = &source.tokens;
    let mut references = References::default();
    let mut module = source.module.clone();
    let mut depth = 0;
    // At which depth the inline modules around the current token began.
    let mut inline = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_sign = |pos: usize, sign| tokens.get(pos).is_some_and(|token| token.is_sign(sign));
        match &tokens[at].piece {
            Piece::Sign('{') => depth += 1,
            Piece::Sign('}') => {
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                    module.pop();
                }
            }
            Piece::Word(word) if word == "mod" && is_sign(at + 2, '{') => {
                module.extend(tokens[at + 1].word().map(str::to_owned));
                inline.push(depth);
                at += 1;
            }
            // The path of a visibility refers to nothing.
            Piece::Word(word) if word == "pub" && is_sign(at + 1, '(') => {
                at = after_group(tokens, at + 1) - 1;
            }
            // `use<'a>` in a type captures lifetimes.
            Piece::Word(word) if word == "use" && !is_sign(at + 1, '<') => {
                let is_public = at > 0 && (tokens[at - 1].is_word("pub") || is_sign(at - 1, ')'));
                let mut tree = Tree {
                    tokens,
                    at: at + 1,
                    found: Vec::new(),
                };
                tree.read(&[]);
                at = tree.at;
                let imports = tree.found.into_iter().map(|(path, name)| Import {
                    written: Written {
                        module: module.clone(),
                        path,
                    },
                    name,
                    is_public,
                });
                references.imports.extend(imports);
                continue;
            }
            Piece::Word(word) => {
                references.words.insert(word.clone());
                let path = path(&tokens[at..]);
                let continues = at > 0 && (is_sign(at - 1, ':') || is_sign(at - 1, '.'));
                if path.len() > 1 && !(continues && is_sign(at.saturating_sub(2), ':')) {
                    let module = module.clone();
                    references.paths.push(Written { module, path });
                }
            }
            _ => {}
        }
        at += 1;
    }
    references
}

/// The words at the beginning that two colons join.
fn path(tokens: &[Token]) -> Vec<String> {
    let mut path = Vec::new();
    for step in tokens.chunks(3) {
        let Some(word) = step[0].word() else { break };
        path.push(word.to_owned());
        if !(step.len() == 3 && step[1].is_sign(':') && step[2].is_sign(':')) {
            break;
        }
    }
    path
}

/// The tree of a `use`, read from its first word.
struct Tree<'t> {
    tokens: &'t [Token],
    at: usize,
    /// Each path with the name that it has here.
    found: Vec<(Vec<String>, String)>,
}

impl Tree<'_> {
    /// Reads a branch, and the sign after it unless that closes the branches around it.
    fn read(&mut self, before: &[String]) {
        let mut path = before.to_vec();
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match &token.piece {
                Piece::Word(word) if word == "as" => {
                    let name = self.tokens[self.at].word().unwrap_or("_").to_owned();
                    self.at += 1;
                    self.found.push((path, name));
                    return;
                }
                // `{self}` is the path itself.
                Piece::Word(word) if word == "self" && !path.is_empty() => {}
                Piece::Word(word) => path.push(word.clone()),
                Piece::Sign('*') => path.push("*".to_owned()),
                Piece::Sign('{') => {
                    while !self.tokens[self.at].is_sign('}') {
                        self.read(&path);
                        self.at += usize::from(self.tokens[self.at].is_sign(','));
                    }
                    self.at += 1;
                    return;
                }
                Piece::Sign(',' | '}' | ';') => {
                    self.at -= 1;
                    break;
                }
                _ => {}
            }
        }
        let name = path.last().cloned().unwrap_or_default();
        self.found.push((path, name));
    }
}
