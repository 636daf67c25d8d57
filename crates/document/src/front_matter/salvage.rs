//! Reads a block of YAML: as a whole, or entry by entry where it is damaged, so that one bad line does not
//! cost the others.

use super::bad_line::BadLine;
use super::yaml::{NoMap, map};
use crate::node::{Entries, Node};

/// An entry of the outermost map: its first line, and those that belong to it.
struct Block<'s> {
    /// Counts from 1.
    line: u32,
    text: &'s str,
    /// Whether it begins as an entry does.
    has_name: bool,
}

/// The entries of a block, and the lines that cannot be read. `None` if it is no front matter but
/// prose between two lines that divide.
pub(super) fn read(source: &str) -> Option<(Entries, Vec<BadLine>)> {
    match map(source) {
        Ok(entries) => Some((entries, Vec::new())),
        Err(NoMap::Other) => None,
        Err(NoMap::Damaged(_)) => salvage(source),
    }
}

/// The entries that can be read by themselves, and the lines of the others. `None` where too little
/// looks like an entry: then it is prose.
fn salvage(source: &str) -> Option<(Entries, Vec<BadLine>)> {
    let blocks = blocks(source);
    let n_named = blocks.iter().filter(|block| block.has_name).count();
    if n_named <= blocks.len() - n_named {
        return None;
    }
    let mut entries = Vec::new();
    let mut bad = Vec::new();
    for block in &blocks {
        // Named by its first line: an error inside is noticed anywhere behind.
        let mut what = match map(block.text) {
            Ok(read) if block.has_name => {
                entries.extend(read);
                continue;
            }
            Err(NoMap::Damaged(what)) if block.has_name => what,
            _ => "it has no name with a colon behind it".to_owned(),
        };
        if let Some(entry) = as_written(block) {
            entries.push(entry);
            what.push_str("; what follows the colon was taken as text");
        }
        bad.push(BadLine {
            line: block.line,
            what,
        });
    }
    Some((entries, bad))
}

fn blocks(source: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut at = 0;
    for (line, number) in source.split_inclusive('\n').zip(1_u32..) {
        let end = at + line.len();
        match blocks.last_mut() {
            Some(block) if belongs_to_last(line) => {
                let start = end - line.len() - block.text.len();
                block.text = &source[start..end];
            }
            None if line.trim().is_empty() || line.starts_with('#') => {}
            _ => blocks.push(Block {
                line: number,
                text: line,
                has_name: name_len(line).is_some(),
            }),
        }
        at = end;
    }
    blocks
}

/// Whether a line continues the entry above it: it is indented, an item of a list, the end of a
/// bracket, blank or a comment.
fn belongs_to_last(line: &str) -> bool {
    line.trim().is_empty()
        || line.starts_with([' ', '\t', ']', '}', '#'])
        || line.starts_with("- ")
        || line.trim_end() == "-"
}

/// How long the name is that a line begins with, if it is one: a few words before a colon, which a
/// blank follows.
fn name_len(line: &str) -> Option<usize> {
    let (name, rest) = line.split_once(':')?;
    let is_of_name =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '"' | '\'');
    let is_name = !name.is_empty()
        && name.len() <= 64
        && name.split_whitespace().count() <= 3
        && name.chars().all(is_of_name);
    let ends = rest.is_empty() || rest.starts_with(char::is_whitespace);
    (is_name && ends).then_some(name.len())
}

/// The words behind the name, as they stand there, where YAML takes signs in them for its own:
/// `title: Rust: a guide`. Brackets, blocks and the like are no words, except in a title.
fn as_written(block: &Block) -> Option<(String, Node)> {
    let len = name_len(block.text)?;
    let name = block.text[..len].trim_matches(['"', '\'', ' ']);
    let mut lines = block.text[len + 1..].lines();
    let first = lines.next()?;
    let is_one_line = lines.all(|line| line.trim().is_empty() || line.starts_with('#'));
    let words = first.split(" #").next().unwrap_or(first).trim();
    let is_title = name.eq_ignore_ascii_case("title");
    let are_words = words.contains(char::is_alphanumeric)
        && (is_title || !words.starts_with(['[', '{', '|', '>', '&', '*', '!']));
    (is_one_line && are_words).then(|| (name.to_owned(), Node::Text(without_open_quote(words))))
}

/// Without the quote at the beginning that nothing closes.
fn without_open_quote(words: &str) -> String {
    let is_open = |quote: &char| words.starts_with(*quote) && words.matches(*quote).count() == 1;
    let open = ['"', '\''].into_iter().find(is_open);
    words[open.map_or(0, char::len_utf8)..].to_owned()
}
