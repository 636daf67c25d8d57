use std::collections::HashMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use reread_document::Metadata;
use reread_retrieval::{DocumentWords, Note};
use tempfile::TempDir;

use super::*;

mod demands;
mod spelling;

/// Inputs that a query parser with a grammar fails on or reads as something else.
const HOSTILE: &[&str] = &[
    "what is \"foo",
    "C++: how to",
    "error: cannot open file",
    "foo(bar)",
    "a AND",
    "NOT x",
    "[1 TO",
    "path/to/file.rs:10",
    "don't",
    "[a b]",
    "{a}",
    "IN [",
    "hello\\",
    "a:b:c",
    "id:abc",
    "x^2",
    "src:foo",
    "title:\"x",
    "\"a\"b\"c",
    "a \"\" b",
    "-- x",
    "a -- b",
    "+x",
    "x~2",
    "/x/",
    "\"-x\"",
    "-\"x",
    "“a",
    "a” b",
    "\u{0}x",
    "x OR",
    "(((x",
    "x)))",
    "!x && y",
];

const BUDGET: usize = 60_000_000;

/// Adds bodies under the keys from `first` on; every passage is a document of its own.
fn add(writer: &LexicalWriter, first: u64, bodies: &[&str]) {
    for (key, &body) in (first..).zip(bodies) {
        let passage = LexicalPassage {
            key,
            document_key: key,
            document: &DocumentWords::default(),
            headings: "",
            body,
        };
        writer.add(&passage).unwrap();
    }
}

fn index_of(bodies: &[&str]) -> (TempDir, LexicalIndex) {
    let dir = TempDir::new().unwrap();
    let writer = LexicalWriter::create(dir.path(), BUDGET, 1).unwrap();
    add(&writer, 0, bodies);
    writer.commit().unwrap();
    let index = LexicalIndex::open(dir.path()).unwrap();
    (dir, index)
}

fn keys(index: &LexicalIndex, query: &str) -> Vec<u64> {
    let query = Query::parse(query);
    let constraint = index.constraint(&query).unwrap();
    let allowed = |key| {
        constraint
            .as_ref()
            .is_none_or(|constraint| constraint.allows(key))
    };
    let hits = index.search(&query, 100, Some(&allowed)).unwrap();
    hits.into_iter().map(|(key, _)| key).collect()
}

/// BM25 over words that the analyzer leaves alone.
fn plain_bm25(bodies: &[String], query: &[&str]) -> Vec<(u64, f32)> {
    let bodies: Vec<Vec<&str>> = bodies
        .iter()
        .map(|body| body.split(' ').collect())
        .collect();
    let n = bodies.len() as f32;
    let average = bodies.iter().map(Vec::len).sum::<usize>() as f32 / n;
    let count =
        |body: &[&str], term: &str| body.iter().filter(|&&word| word == term).count() as f32;
    let mut scores: HashMap<usize, f32> = HashMap::new();
    for term in query {
        let n_containing = bodies.iter().filter(|body| body.contains(term)).count() as f32;
        let idf = (1.0 + (n + 0.5) / (n_containing + 0.5)).ln().powf(0.75);
        for (pos, body) in bodies
            .iter()
            .enumerate()
            .filter(|(_, body)| body.contains(term))
        {
            let norm = segment::K1 * (1.0 - segment::B + segment::B * body.len() as f32 / average);
            let count = count(body, term);
            *scores.entry(pos).or_default() += idf * count * (segment::K1 + 1.0) / (count + norm);
        }
    }
    let mut scores: Vec<_> = scores
        .into_iter()
        .map(|(pos, score)| (pos as u64, score))
        .collect();
    scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scores
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn scores_are_those_of_plain_bm25(
        bodies in prop::collection::vec(prop::collection::vec("[kxz][0-3]", 1..20), 1..12),
        query in prop::collection::vec("[kxz][0-4]", 1..5),
    ) {
        let bodies: Vec<String> = bodies.iter().map(|words| words.join(" ")).collect();
        let query: Vec<&str> = query.iter().map(String::as_str).collect();
        let (_dir, index) = index_of(&bodies.iter().map(String::as_str).collect::<Vec<_>>());
        let found = index.search(&Query::parse(&query.join(" ")), 100, None).unwrap();
        let mut expected = plain_bm25(&bodies, &query);
        prop_assert_eq!(found.len(), expected.len());
        for (key, score) in &found {
            let pos = expected.iter().position(|(other, _)| other == key).unwrap();
            prop_assert!((expected.swap_remove(pos).1 - score).abs() < 1e-4);
        }
        prop_assert!(found.is_sorted_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)).is_lt()));
    }
}

#[test]
fn scores_do_not_depend_on_threads_or_segments() {
    let words = |doc: u32| (0..30).map(move |pos| format!("w{}", (doc * 31 + pos * pos * 7) % 97));
    let bodies: Vec<String> = (0..400)
        .map(|doc| words(doc).collect::<Vec<_>>().join(" "))
        .collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let query = Query::parse("w1 w2 w3 w5 w8 w13 w21 w34 w55 w89");
    let (_dir, one) = index_of(&bodies);
    let expected = one.search(&query, 37, None).unwrap();

    let dir = TempDir::new().unwrap();
    LexicalWriter::create(dir.path(), BUDGET, 4)
        .unwrap()
        .commit()
        .unwrap();
    for (part, bodies) in bodies.chunks(150).enumerate() {
        let writer = LexicalWriter::open(dir.path(), BUDGET, 4).unwrap();
        add(&writer, part as u64 * 150, bodies);
        writer.commit().unwrap();
    }
    let many = LexicalIndex::open(dir.path()).unwrap();
    assert!(many.segments.len() > 1);
    assert_eq!(many.search(&query, 37, None).unwrap(), expected);
}

#[test]
fn equal_scores_come_by_key_at_the_cut_too() {
    let (_dir, index) = index_of(&["same words"; 50]);
    let hits = index.search(&Query::parse("words"), 5, None).unwrap();
    assert_eq!(
        hits.iter().map(|hit| hit.0).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
    assert!(
        index
            .search(&Query::parse("words"), 0, None)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn filter_acts_before_the_cut() {
    let mut bodies = vec!["oak oak oak"; 30];
    bodies.push("a single oak among many other words that make it score low");
    let (_dir, index) = index_of(&bodies);
    let hits = index
        .search(&Query::parse("oak"), 3, Some(&|key| key >= 29))
        .unwrap();
    assert_eq!(hits.iter().map(|hit| hit.0).collect::<Vec<_>>(), [29, 30]);
}

#[test]
fn hostile_queries_are_answered() {
    let (_dir, index) = index_of(HOSTILE);
    for (key, query) in (0..).zip(HOSTILE) {
        assert!(keys(&index, query).contains(&key), "{query}");
    }
    for query in ["", "*", "-", "\"", "zzz", "-zzz \"", &"x".repeat(1 << 20)] {
        assert_eq!(keys(&index, query), [0; 0]);
    }
}

#[test]
fn phrases_are_required() {
    let bodies = [
        "the lock manager waits",
        "manager of the lock",
        "lock the manager",
        "nothing",
    ];
    let (_dir, index) = index_of(&bodies);
    assert_eq!(keys(&index, "\"lock manager\""), [0]);
    assert_eq!(keys(&index, "nothing \"the lock\" \"manager\""), [0, 1]);
    assert_eq!(keys(&index, "\"lock the manager\""), [2]);
    let query = Query::parse("\"manager lock\" \"lock\" -waits");
    let constraint = index.constraint(&query).unwrap().unwrap();
    let phrases = vec!["\"manager lock\"".to_owned()];
    assert_eq!(constraint.notes(), [Note::PhrasesNotFound { phrases }]);
    assert_eq!(constraint.only(), Some(&[][..]));
    assert_eq!(keys(&index, "\"manager lock\" -waits"), [0; 0]);
    let query = Query::parse("\"the lock\" \"lock the\" waits");
    let constraint = index.constraint(&query).unwrap().unwrap();
    assert_eq!(
        constraint.notes()[0].to_string(),
        "no passage has \"the lock\" and \"lock the\" together"
    );
    assert_eq!(
        index.constraint(&Query::parse("lock manager")).unwrap(),
        None
    );
}

#[test]
fn exclusions_exclude() {
    let (_dir, index) = index_of(&["red fox", "red fox jumps", "red dog"]);
    assert_eq!(keys(&index, "red -jumps"), [0, 2]);
    assert_eq!(keys(&index, "red -jump*"), [0, 2]);
    // The word as it is written, and no other form of it.
    assert_eq!(keys(&index, "red -jumping").len(), 3);
    assert_eq!(keys(&index, "red -\"red fox\""), [2]);
    assert_eq!(keys(&index, "\"red fox\" -jumps"), [0]);
    assert_eq!(keys(&index, "-dog"), [2]);
}

#[test]
fn titles_and_headings_are_found_but_not_across_their_ends() {
    let dir = TempDir::new().unwrap();
    let writer = LexicalWriter::create(dir.path(), BUDGET, 1).unwrap();
    let passage = LexicalPassage {
        key: 9,
        document_key: 1,
        document: &DocumentWords::of("a", "a", "Routine vacuuming", &Metadata::new()),
        headings: "Maintenance",
        body: "Dead rows stay.",
    };
    writer.add(&passage).unwrap();
    writer.commit().unwrap();
    let index = LexicalIndex::open(dir.path()).unwrap();
    for query in [
        "vacuum",
        "maintenance",
        "row",
        "\"routine vacuuming\"",
        "\"dead rows\"",
    ] {
        assert_eq!(keys(&index, query), [9], "{query}");
    }
    let query = Query::parse("\"vacuuming maintenance\"");
    assert_eq!(index.constraint(&query).unwrap().unwrap().notes().len(), 1);
}

#[test]
fn identifiers_are_found_whole_and_in_parts() {
    let bodies = [
        "select from pg_stat_activity now",
        "set max_connections",
        "call fooBar twice",
        "std::vec::Vec grows",
        "written in C++",
        "release v1.2.3",
        "use --depth to limit",
        "plain stat and plain activity",
    ];
    let (_dir, index) = index_of(&bodies);
    assert_eq!(keys(&index, "pg_stat_activity"), [0, 7]);
    assert_eq!(keys(&index, "\"pg_stat_activity\""), [0]);
    assert_eq!(keys(&index, "\"from pg stat activity now\""), [0]);
    assert!(keys(&index, "stat activity").contains(&0));
    for (key, queries) in [
        (
            1,
            &[
                "max connection",
                "max_connections",
                "\"set max connections\"",
            ][..],
        ),
        (2, &["fooBar", "foobar", "foo bar", "\"call fooBar twice\""]),
        (3, &["Vec", "std::vec::Vec", "\"vec::Vec\""]),
        (4, &["C++", "c", "\"in C++\""]),
        (5, &["v1.2.3", "\"release v1.2\""]),
        (6, &["--depth", "depth", "\"use depth\""]),
    ] {
        for query in queries {
            assert_eq!(keys(&index, query), [key], "{query}");
        }
    }
}

#[test]
fn scripts_without_spaces_are_segmented() {
    let (_dir, index) = index_of(&[
        "機械学習の基礎",
        "学習機械",
        "黒猫が寝る",
        "데이터베이스를 연다",
    ]);
    assert_eq!(keys(&index, "機械学習"), [0, 1]);
    assert_eq!(keys(&index, "\"機械学習\""), [0]);
    assert_eq!(keys(&index, "猫"), [2]);
    assert_eq!(keys(&index, "데이터베이스"), [3]);
}

#[test]
fn deleted_documents_are_gone() {
    let (dir, before) = index_of(&["first fox", "second fox", "third fox"]);
    let writer = LexicalWriter::open(dir.path(), BUDGET, 1).unwrap();
    writer.delete_document(1);
    add(&writer, 7, &["a new fox that came later"]);
    writer.commit().unwrap();
    let after = LexicalIndex::open(dir.path()).unwrap();
    assert_eq!(after.n_passages(), 3);
    assert_eq!(keys(&after, "fox"), [0, 2, 7]);
    assert_eq!(keys(&after, "second"), [0; 0]);
    assert_eq!(
        after
            .constraint(&Query::parse("\"second fox\""))
            .unwrap()
            .unwrap()
            .notes()
            .len(),
        1
    );
    assert_eq!(before.n_passages(), 3);
    assert_eq!(keys(&before, "fox"), [0, 1, 2]);
}

#[test]
fn dropped_writer_changes_nothing() {
    let (dir, _) = index_of(&["first fox"]);
    let writer = LexicalWriter::open(dir.path(), BUDGET, 2).unwrap();
    add(&writer, 1, &["second fox"]);
    assert!(matches!(
        LexicalWriter::open(dir.path(), BUDGET, 1),
        Err(Error::Locked { .. })
    ));
    drop(writer);
    assert_eq!(keys(&LexicalIndex::open(dir.path()).unwrap(), "fox"), [0]);
}

/// Every file of a folder with its content.
fn contents(dir: &Path) -> HashMap<String, Vec<u8>> {
    let files = fs::read_dir(dir).unwrap().map(Result::unwrap);
    files
        .map(|file| {
            (
                file.file_name().into_string().unwrap(),
                fs::read(file.path()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn hard_linked_generation_leaves_the_original_alone() {
    let (old, _) = index_of(&["first fox", "second fox"]);
    let before = contents(old.path());
    let new = TempDir::new().unwrap();
    for name in before.keys().filter(|name| !name.contains(".lock")) {
        fs::hard_link(old.path().join(name), new.path().join(name)).unwrap();
    }
    for key in 0..6 {
        let writer = LexicalWriter::open(new.path(), BUDGET, 1).unwrap();
        writer.delete_document(key);
        add(&writer, key + 10, &["later fox"]);
        writer.commit().unwrap();
    }
    assert_eq!(contents(old.path()), before);
    assert_eq!(
        keys(&LexicalIndex::open(new.path()).unwrap(), "fox").len(),
        6
    );
    assert_eq!(
        keys(&LexicalIndex::open(old.path()).unwrap(), "fox"),
        [0, 1]
    );
}

#[test]
fn small_updates_leave_few_segments() {
    let (dir, _) = index_of(&["fox"]);
    for key in 1..30 {
        let writer = LexicalWriter::open(dir.path(), BUDGET, 1).unwrap();
        add(&writer, key, &["fox"]);
        writer.commit().unwrap();
    }
    let index = LexicalIndex::open(dir.path()).unwrap();
    assert_eq!(index.n_passages(), 30);
    assert!(
        index.segments.len() <= 4,
        "{} segments",
        index.segments.len()
    );
}

#[test]
fn damage_is_an_error() {
    assert!(matches!(
        LexicalIndex::open(Path::new("missing")),
        Err(Error::Lexical { .. })
    ));
    let (dir, index) = index_of(&["first fox", "second fox"]);
    index.verify().unwrap();
    drop(index);
    for (name, content) in contents(dir.path()) {
        let path = dir.path().join(&name);
        if name.starts_with('.') || content.is_empty() {
            continue;
        }
        fs::write(&path, &content[..content.len() / 2]).unwrap();
        let found = LexicalIndex::open(dir.path()).and_then(|index| index.verify());
        assert!(found.is_err(), "half of {name} was accepted");
        let mut flipped = content.clone();
        flipped[0] ^= 0x55;
        fs::write(&path, &flipped).unwrap();
        let found = LexicalIndex::open(dir.path()).and_then(|index| index.verify());
        assert!(found.is_err(), "a changed byte in {name} was accepted");
        fs::write(&path, &content).unwrap();
    }
    LexicalIndex::open(dir.path()).unwrap().verify().unwrap();
}
