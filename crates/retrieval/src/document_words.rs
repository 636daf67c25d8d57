//! What the passages of a document are found by that stands in none of them.

use reread_document::{Metadata, Value, searchable_text};

/// Names of metadata under which tags stand.
const TAGS: [&str; 8] = [
    "tag",
    "tags",
    "keyword",
    "keywords",
    "category",
    "categories",
    "topic",
    "topics",
];

/// The longest ending of a file's name that tells its format.
const MAX_EXTENSION_CHARS: usize = 5;

/// The words of a document that each of its passages is found by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DocumentWords {
    /// Its title.
    pub title: String,
    /// The path of its file.
    pub path: String,
    /// The names of its file and of the folders around it, without what tells the format. Empty for one of
    /// many documents in a file, which the file's name tells nothing of.
    pub names: String,
    /// Those of its metadata that people search by.
    pub facts: String,
    /// Its tags, keywords and categories, each on a line.
    pub tags: String,
}

impl DocumentWords {
    /// Collects what is known of a document.
    pub fn of(doc_id: &str, path: &str, title: &str, metadata: &Metadata) -> Self {
        let names = if doc_id == path { named(path) } else { "" };
        let mut tags = String::new();
        for (name, value) in metadata {
            if TAGS.iter().any(|tag| name.eq_ignore_ascii_case(tag)) {
                add_tags(value, &mut tags);
            }
        }
        Self {
            title: title.to_owned(),
            path: path.to_owned(),
            names: names.to_owned(),
            facts: searchable_text(metadata),
            tags,
        }
    }
}

/// A path without the ending of the file's name.
fn named(path: &str) -> &str {
    let name_at = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[name_at..].rsplit_once('.') {
        // A name that begins with a full stop is one, and `v1.2` is no format.
        Some((stem, extension))
            if !stem.is_empty()
                && extension.len() <= MAX_EXTENSION_CHARS
                && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && !extension.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            &path[..name_at + stem.len()]
        }
        _ => path,
    }
}

fn add_tags(value: &Value, tags: &mut String) {
    match value {
        Value::List(values) => values.iter().for_each(|value| add_tags(value, tags)),
        Value::Text(text) => tags.extend([text.as_str(), "\n"]),
        Value::Number(number) => tags.extend([number.to_string().as_str(), "\n"]),
        Value::Date(date) => tags.extend([date.to_string().as_str(), "\n"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_file_and_folders_without_the_format() {
        for (path, names) in [
            ("notes/apollo-2024-03-05.md", "notes/apollo-2024-03-05"),
            ("a.b/c", "a.b/c"),
            (".bashrc", ".bashrc"),
            ("v1.2", "v1.2"),
            ("x.tar.gz", "x.tar"),
            ("mail.archive2019", "mail.archive2019"),
        ] {
            let words = DocumentWords::of(path, path, "", &Metadata::new());
            assert_eq!(words.names, names);
        }
        let record = DocumentWords::of("12", "all.jsonl", "", &Metadata::new());
        assert_eq!(
            (record.names.as_str(), record.path.as_str()),
            ("", "all.jsonl")
        );
    }

    #[test]
    fn tags_keywords_and_categories_are_tags() {
        let mut metadata = Metadata::new();
        metadata.insert("Tags".to_owned(), vec!["old harbour", "tides"].into());
        metadata.insert("category".to_owned(), 2024.into());
        metadata.insert("author".to_owned(), "Ann".into());
        let words = DocumentWords::of("a", "a", "", &metadata);
        assert_eq!(words.tags, "old harbour\ntides\n2024\n");
    }
}
