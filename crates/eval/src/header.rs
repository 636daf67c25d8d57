//! Header lines of tables: which column holds what.

/// Names of a column, without regard to case, blanks, `-`, `_` and `#`.
pub(super) type Names = &'static [&'static str];

/// What the column of queries' ids is called.
pub(super) const QUERY_ID: Names = &["queryid", "qid", "questionid", "topicid", "topic", "query"];

/// What the column of documents' ids is called.
pub(super) const DOCUMENT_ID: Names = &[
    "corpusid",
    "docid",
    "documentid",
    "did",
    "docno",
    "passageid",
    "pid",
    "document",
    "doc",
    "path",
];

/// What the column of judgements or scores is called.
pub(super) const GRADE: Names = &[
    "score",
    "grade",
    "relevance",
    "rel",
    "relevancegrade",
    "label",
    "judgement",
    "judgment",
];

/// What the column is called that holds words of a judged passage.
pub(super) const QUOTE: Names = &["quote"];

/// Whether a column of this title is one of these.
pub(super) fn is_called(title: &str, names: Names) -> bool {
    let plain: String = title
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '#' | ' ' | '"'))
        .flat_map(char::to_lowercase)
        .collect();
    names.contains(&plain.as_str())
}

/// The column of one of these names.
pub(super) fn column(titles: &[&str], names: Names) -> Option<usize> {
    titles.iter().position(|title| is_called(title, names))
}

/// The fields of a line of a table: between tabs, where it has any, else between blanks.
pub(super) fn fields(text: &str) -> Vec<&str> {
    if text.contains('\t') {
        text.split('\t').map(str::trim).collect()
    } else {
        text.split_whitespace().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_known_by_many_names() {
        for title in [
            "query-id", "query_id", "Query ID", "qid", "#qid", "QUERY-ID", "queryId",
        ] {
            assert!(is_called(title, QUERY_ID), "{title}");
        }
        for title in ["corpus-id", "doc_id", "docno", "DocID", "document-id"] {
            assert!(is_called(title, DOCUMENT_ID), "{title}");
        }
        assert!(!is_called("q1", QUERY_ID) && !is_called("", DOCUMENT_ID));
        assert_eq!(column(&["a", "doc_id"], DOCUMENT_ID), Some(1));
    }

    #[test]
    fn tabs_part_a_line_that_has_any() {
        assert_eq!(fields("a b\tc "), ["a b", "c"]);
        assert_eq!(fields(" a b  c"), ["a", "b", "c"]);
    }
}
