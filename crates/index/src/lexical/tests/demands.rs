//! What queries demand of passages and of their documents.

use super::*;

/// Documents with a title, a path, tags and a body.
fn documents(documents: &[[&str; 4]]) -> (TempDir, LexicalIndex) {
    let dir = TempDir::new().unwrap();
    let writer = LexicalWriter::create(dir.path(), BUDGET, 1).unwrap();
    for (key, [title, path, tags, body]) in (0..).zip(documents) {
        let mut metadata = Metadata::new();
        if !tags.is_empty() {
            let tags: Vec<&str> = tags.split(", ").collect();
            metadata.insert("tags".to_owned(), tags.into());
        }
        let passage = LexicalPassage {
            key,
            document_key: key,
            document: &DocumentWords::of(path, path, title, &metadata),
            headings: "",
            body,
        };
        writer.add(&passage).unwrap();
    }
    writer.commit().unwrap();
    let index = LexicalIndex::open(dir.path()).unwrap();
    (dir, index)
}

#[test]
fn quotes_and_minus_compare_words_as_they_are_written() {
    let bodies = [
        "How to import a file.",
        "An important note on plums at the market.",
        "Marketing of plums and IMPORTANT Cafés.",
        "Written in C, as ever.",
        "Written in C++ and C#.",
    ];
    let (_dir, index) = index_of(&bodies);
    for (query, found) in [
        ("\"important\"", &[1, 2][..]),
        ("\"import\"", &[0]),
        ("\"cafes\"", &[2]),
        ("\"café\"", &[]),
        ("plums -marketing", &[1]),
        ("plums -market", &[2]),
        ("plums -markets", &[1, 2]),
        ("written -C", &[4]),
        ("written -C++", &[3]),
        ("written -c#", &[3]),
        ("\"C++\"", &[4]),
        ("\"C\"", &[3]),
        ("written -\"in C\"", &[4]),
        ("plums -mark*", &[]),
        ("written -vit*", &[3, 4]),
    ] {
        let mut keys = keys(&index, query);
        keys.sort_unstable();
        assert_eq!(keys, found, "{query}");
    }
}

#[test]
fn title_path_and_tags_can_be_demanded_and_excluded() {
    let (_dir, index) = documents(&[
        [
            "Harbour tides",
            "notes/apollo-2024-03-05.md",
            "sea, slow food",
            "Water comes.",
        ],
        [
            "Harbour",
            "notes/old/tides.txt",
            "",
            "Water goes, tides too.",
        ],
        ["", "src/main.rs", "food", "Water runs."],
    ]);
    for (query, found) in [
        ("water title:harbour", &[0, 1][..]),
        ("water title:\"harbour tides\"", &[0]),
        ("water title:tid*", &[0]),
        ("water title:tide", &[]),
        ("water -title:tides", &[1, 2]),
        ("path:old", &[1]),
        ("path:notes", &[0, 1]),
        ("path:2024-03", &[0]),
        ("path:src/main.rs", &[2]),
        ("path:rs", &[2]),
        ("-path:notes water", &[2]),
        ("tag:food", &[0, 2]),
        ("tag:\"slow food\"", &[0]),
        ("tag:\"sea slow\"", &[]),
        ("tag:food -tag:slow", &[2]),
        ("title:harbour tag:food", &[0]),
    ] {
        let mut keys = keys(&index, query);
        keys.sort_unstable();
        assert_eq!(keys, found, "{query}");
    }
    let query = Query::parse("title:harbour tag:none path:nowhere");
    let constraint = index.constraint(&query).unwrap().unwrap();
    let note = "no passage has tag:none or path:nowhere";
    assert_eq!(constraint.notes()[0].to_string(), note);
}

#[test]
fn names_of_files_and_metadata_are_found_and_count_little() {
    let (_dir, index) = documents(&[
        [
            "Log",
            "notes/apollo-2024-03-05.md",
            "harbour",
            "Nothing new.",
        ],
        ["Log", "notes/b.md", "", "The harbour is closed."],
        ["Log", "notes/c.md", "", "All is well."],
    ]);
    assert_eq!(keys(&index, "apollo"), [0]);
    assert_eq!(keys(&index, "2024-03-05"), [0]);
    assert_eq!(keys(&index, "notes").len(), 3);
    assert_eq!(keys(&index, "md"), [0; 0]);
    assert_eq!(keys(&index, "harbours"), [1, 0]);
}

#[test]
fn the_words_of_a_prefix_count_as_one_term() {
    let (_dir, index) = index_of(&[
        "an icosahedron",
        "icosahedra, icosahedral",
        "an icon",
        "none",
    ]);
    let query = Query::parse("icosa*");
    let found = index.search(&query, 10, None).unwrap();
    assert_eq!(found.iter().map(|hit| hit.0).collect::<Vec<_>>(), [1, 0]);
    // Each word is in one passage, so all of them together are as rare as that.
    let one = index.search(&Query::parse("none"), 10, None).unwrap();
    assert!(found[0].1 < 1.5 * one[0].1, "{found:?} {one:?}");
    assert_eq!(keys(&index, "icosa* -icosahedral"), [0]);
}

#[test]
fn a_word_that_nothing_holds_is_answered_with_the_nearest_one() {
    let (_dir, index) = index_of(&[
        "you receive mail",
        "they receive it",
        "the recede",
        "a database",
    ]);
    for (query, notes) in [
        (
            "recieve",
            &["nothing holds “recieve”; did you mean “receive”?"][..],
        ),
        (
            "Recieve databxse",
            &[
                "nothing holds “Recieve”; did you mean “receive”?",
                "nothing holds “databxse”; did you mean “database”?",
            ],
        ),
        (
            "databesa",
            &["nothing holds “databesa”; did you mean “database”?"],
        ),
        ("receive receiving data base", &[]),
        ("mial", &["nothing holds “mial”; did you mean “mail”?"]),
        ("mal zzzzzz 1234 rec1eve", &[]),
    ] {
        let found = index.notes(&Query::parse(query)).unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, notes, "{query}");
    }
    let endless = index.notes(&Query::parse(&"x".repeat(1 << 20)));
    assert_eq!(endless.unwrap(), []);
}
