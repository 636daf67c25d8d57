//! One test a reader.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::{Target, run};
use crate::format::catalog::{
    Catalog, DocumentRecord, Origin, Outcome, Source, StoredKind, decode_catalog,
};
use crate::format::codec;
use crate::format::header::{self, FORMAT_VERSION, FileKind, MIN_VERSION};
use crate::format::manifest::{FileRef, Manifest, SegmentRef, StoredModel};
use crate::format::metadata::{self as stored_metadata, StoredItem, StoredMetadata, StoredValue};
use crate::options::Scope;
use crate::segment::{GraphBuild, Segment, SegmentWriter, text_digest};
use crate::{Error, HnswOptions};
use reread_document::{ChunkOptions, Cut, chunk};
use reread_document::{
    Document, DocumentKind, ExtractOptions, Extraction, Heading, Locator, extract,
};
use reread_models::CancelToken;
use reread_retrieval::{Query, highlight};

const DIM: usize = 4;

fn file(name: &str) -> FileRef {
    FileRef {
        name: name.to_owned(),
        len_bytes: 100,
        digest: [7; 32],
    }
}

fn segment() -> SegmentRef {
    SegmentRef {
        number: 3,
        n_passages: 2,
        passages: file("segment-3/passages"),
        vectors: file("segment-3/vectors"),
        quantised: file("segment-3/quantised"),
        deleted: vec![(0, 1)],
        graph: None,
    }
}

fn manifest() -> Manifest {
    Manifest {
        generation: 5,
        next_key: 9,
        next_segment: 4,
        root: String::new(),
        written_ns: 1,
        model: StoredModel {
            name: "m".to_owned(),
            revision: String::new(),
            digest: "d".to_owned(),
        },
        dim: DIM as u32,
        max_tokens: 200,
        overlap_tokens: 30,
        scope: Scope::default().into(),
        catalog: file("catalog-5"),
        lexical: "lexical-5".to_owned(),
        lexical_files: vec![file("lexical-5/meta.json")],
        segments: vec![segment()],
    }
}

fn catalog() -> Catalog {
    let source = |path: &str, outcome| Source {
        path: path.to_owned(),
        origin: Origin::Folder,
        kind: StoredKind::Markdown,
        size_bytes: 10,
        modified_ns: 1,
        changed_ns: 2,
        digest: [3; 32],
        outcome,
        documents: vec![DocumentRecord {
            key: 1,
            id: path.to_owned(),
            title: "T".to_owned(),
            segment: 3,
            first: 0,
            n_passages: 2,
            metadata: metadata(),
        }],
    };
    vec![
        source("a.md", Outcome::Indexed),
        source("b.md", Outcome::Failed("why".to_owned())),
    ]
}

fn metadata() -> StoredMetadata {
    let (year, month, day) = (2024, 2, 29);
    let date = StoredItem::Date { year, month, day };
    let text = StoredItem::Text("x".to_owned());
    let items = vec![text, StoredItem::Number(1.5), date];
    let one = StoredValue::One(StoredItem::Number(2.0));
    vec![
        ("a".to_owned(), StoredValue::List(items)),
        ("b".to_owned(), one),
    ]
}

fn encoded<T: serde::Serialize>(value: &T) -> Vec<u8> {
    codec::encode(Path::new("x"), value).expect("encoded")
}

#[test]
fn headers() {
    let mut sound = header::encode(FileKind::Manifest, 3, [9; 32]).to_vec();
    sound.extend(b"abc");
    let target = Target {
        name: "header",
        n_inputs: 50_000,
        seeds: vec![sound],
        words: &["\u{89}RRD\r\n\u{1a}\n"],
    };
    run(target, |bytes| {
        for kind in [FileKind::Manifest, FileKind::Passages] {
            if let Ok(header) = header::decode(Path::new("x"), bytes, kind) {
                assert_eq!(
                    header.payload_len as usize + header::HEADER_BYTES,
                    bytes.len()
                );
            }
        }
    });
}

#[test]
fn manifests() {
    let target = Target {
        name: "manifest",
        n_inputs: 30_000,
        seeds: vec![encoded(&manifest())],
        words: &["../", "/etc/passwd", "catalog-1"],
    };
    // As after a digest that is right, so that every mutation reaches the decoder.
    run(target, |bytes| {
        let Ok(manifest) = Manifest::decode(Path::new("x"), bytes) else {
            return;
        };
        let leaves = |name: &String| {
            Path::new(name)
                .components()
                .any(|part| part.as_os_str() == "..")
        };
        assert!(!manifest.entries().iter().any(leaves));
    });
}

#[test]
fn catalogs() {
    let target = Target {
        name: "catalog",
        n_inputs: 30_000,
        seeds: vec![encoded(&catalog())],
        words: &[],
    };
    run(target, |bytes| {
        for version in [MIN_VERSION, FORMAT_VERSION] {
            let catalog = decode_catalog(Path::new("x"), version, bytes);
            let documents = catalog
                .iter()
                .flatten()
                .flat_map(|source| &source.documents);
            for document in documents {
                stored_metadata::metadata(&document.metadata);
            }
        }
    });
}

/// A segment of two passages. Returns the payload of its passages and how it is described.
fn small_segment(folder: &Path) -> (Vec<u8>, SegmentRef) {
    let mut writer = SegmentWriter::create(folder, 3, DIM).expect("a segment");
    for key in [1, 2] {
        let cut = Cut {
            range: 0..5,
            heading_path: vec!["Head".to_owned(), "Line".to_owned()],
            locator: Locator::new(1..=2, Some(1)),
        };
        let vector = [0.5; DIM];
        writer
            .push(key, &cut, "words", text_digest("words"), &vector)
            .expect("pushed");
    }
    let described = writer
        .finish(Some(&GraphBuild::unwatched(
            HnswOptions::default(),
            &CancelToken::default(),
        )))
        .expect("a segment");
    let file = fs::read(folder.join(&described.passages.name)).expect("a file");
    (file[header::HEADER_BYTES..].to_vec(), described)
}

#[test]
fn passage_stores() {
    let folder = tempfile::tempdir().expect("a folder");
    let (payload, mut described) = small_segment(folder.path());
    let path = folder.path().join(&described.passages.name);
    let target = Target {
        name: "passages",
        n_inputs: 3_000,
        seeds: vec![payload],
        words: &["\u{1f}"],
    };
    run(target, |payload| {
        let digest = *blake3::hash(payload).as_bytes();
        let mut file = header::encode(FileKind::Passages, payload.len() as u64, digest).to_vec();
        file.extend(payload);
        // Under a new inode, as no file of an index changes in place.
        fs::remove_file(&path).expect("removed");
        fs::write(&path, file).expect("written");
        described.passages.len_bytes = payload.len() as u64;
        described.passages.digest = digest;
        let Ok(segment) = Segment::open(folder.path(), &described, "m", DIM) else {
            return;
        };
        for position in 0..4 {
            if let Ok(record) = segment.record(position)
                && let Ok((headings, text)) = segment.strings(&record)
            {
                crate::segment::split_headings(headings);
                text_digest(text);
            }
        }
    });
}

#[test]
fn chunkers() {
    let target = Target {
        name: "chunker",
        n_inputs: 5_000,
        seeds: vec![
            "One sentence. Another!\n\nA paragraph\nof two lines.\n# H\n"
                .repeat(9)
                .into_bytes(),
            "語".repeat(300).into_bytes(),
        ],
        words: &[
            "\n",
            "\n\n",
            ". ",
            "\r\n",
            "語",
            "\u{2028}",
            "a",
            " ",
            "|",
            "\n|-|-|\n",
            "---",
        ],
    };
    run(target, |bytes| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        // Numbers of the input itself make tokens, headings and pages that need not be sound.
        let number = |at: usize| {
            let byte =
                |at: usize| usize::from(bytes.get(at % bytes.len().max(1)).copied().unwrap_or(0));
            byte(at) * 5 + byte(at + 1)
        };
        let range = |at: usize| number(at)..number(at) + number(at + 2) % 9;
        let mut tokens: Vec<Range<usize>> = (0..bytes.len() / 4).map(|i| range(3 * i)).collect();
        if number(0).is_multiple_of(2) {
            tokens.sort_by_key(|token| token.start);
        }
        let heading = |i: usize| Heading {
            range: range(7 * i),
            level: (number(i) % 9) as u8,
            text: "H".to_owned(),
        };
        let kind = if number(1) % 2 == 0 {
            DocumentKind::Code
        } else {
            DocumentKind::Pdf
        };
        let document = Document::new("a", text)
            .with_title("A")
            .with_kind(kind)
            .with_headings((0..number(2) % 5).map(heading).collect())
            .with_pages((0..number(3) % 5).map(|i| number(11 * i)).collect());
        let options = ChunkOptions::default()
            .with_max_tokens(16 + number(5) % 40)
            .with_overlap_tokens(number(6) % 8);
        check_cuts(&document, &chunk(&document, &tokens, &options));
    });
}

fn check_cuts(document: &Document, cuts: &[Cut]) {
    for cut in cuts {
        // The title is all that is left of some; a range that is none of the text panics.
        let text = cut.text(document);
        assert!(!text.is_empty() && !cut.locator.lines().is_empty());
    }
}

/// Reads files of one name, and cuts what comes out.
fn read_files(name: &'static str, path: &str, n_inputs: usize, words: &'static [&'static str]) {
    let target = Target {
        name,
        n_inputs,
        seeds: if name == "pdf" { pdfs() } else { Vec::new() },
        words,
    };
    let options = ExtractOptions::default().with_time_limit(Duration::from_secs(10));
    run(target, |bytes| {
        if let Extraction::Read { documents, .. } = extract(path, bytes.to_vec(), &options) {
            for document in documents {
                let tokens: Vec<_> = document
                    .text
                    .split_inclusive(' ')
                    .map(|word| word.as_ptr() as usize - document.text.as_ptr() as usize)
                    .map(|at| at..at + 1)
                    .collect();
                check_cuts(
                    &document,
                    &chunk(&document, &tokens, &ChunkOptions::default()),
                );
            }
        }
    });
}

#[test]
fn markdown_files() {
    let words = &[
        "# ",
        "```\n",
        "> ",
        "- ",
        "| a |\n|-|\n",
        "[",
        "](",
        "![",
        "*",
        "_",
        "<b>",
        "&amp;",
        "---\n",
        "    ",
        "\n\n",
        "[^1]: ",
        "\\",
        "+++\n",
        "~~~",
        "$",
        "1. ",
    ];
    read_files("markdown", "a.md", 5_000, words);
}

#[test]
fn html_files() {
    let words = &[
        "<div>",
        "</div>",
        "<table>",
        "<tr><td>",
        "<script>",
        "</script>",
        "<!--",
        "-->",
        "<pre>",
        "<h1>",
        "<svg>",
        "<math>",
        "<template>",
        "<b><i>",
        "&#x1F600;",
        "&#0;",
        "<![CDATA[",
        "<!doctype",
        "<li>",
        "<select>",
        "<plaintext>",
        "<frameset>",
        "<a href=",
        "\u{0}",
        "<noscript>",
        "<form>",
    ];
    read_files("html", "a.html", 3_000, words);
}

#[test]
fn json_lines_files() {
    let words = &[
        "{\"_id\":\"",
        "\"text\":\"",
        "\\u0000",
        "\\ud800",
        "[[[[",
        "{{{{",
        "null",
        "1e999",
        "\n",
        "\"title\":",
        "}\n{",
        "\\\\",
        "\u{feff}",
    ];
    read_files("json_lines", "a.jsonl", 8_000, words);
}

#[test]
fn pdf_files() {
    let words = &[
        "obj\n",
        "endobj\n",
        "stream\n",
        "endstream\n",
        "<< /Length 99999999999 >>",
        " 0 R",
        "[ ",
        "<< ",
        "/Kids",
        "/Filter /FlateDecode",
        "/Parent 1 0 R",
        "xref\n",
        "trailer\n",
        "startxref\n",
        "(((",
        "<41",
        "/ObjStm",
        "/Prev 0",
        "-1",
        "/Count 2147483647",
    ];
    read_files("pdf", "a.pdf", 400, words);
}

#[test]
fn queries() {
    let words = &[
        "\"", "-", "\"\"", " -\"", "\u{3000}", "AND", "語", "\u{0}", "\\", "*", ":", "(", "^", "~",
        "é",
    ];
    let target = Target {
        name: "query",
        n_inputs: 30_000,
        seeds: Vec::new(),
        words,
    };
    let text = "A text with \"quoted\" words, 語 and é.";
    run(target, |bytes| {
        let query = Query::parse(&String::from_utf8_lossy(bytes));
        for range in highlight(&query, text) {
            assert!(text.get(range).is_some());
        }
        let _ = (
            query.phrases().len(),
            query.exclusions().len(),
            query.is_empty(),
        );
    });
}

/// Two small PDFs, one with a compressed stream and one that holds its objects in the plain.
fn pdfs() -> Vec<Vec<u8>> {
    let content = b"BT /F1 12 Tf 72 700 Td (Some words) Tj ET";
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(content).expect("packed");
    let packed = packed.finish().expect("packed");
    vec![pdf(content, ""), pdf(&packed, "/Filter /FlateDecode")]
}

fn pdf(content: &[u8], filter: &str) -> Vec<u8> {
    let mut stream = format!("<< /Length {} {filter} >>\nstream\n", content.len()).into_bytes();
    stream.extend(content);
    stream.extend(b"\nendstream");
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R \
          /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_vec(),
        stream,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_vec(),
    ];
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut xref = "xref\n0 6\n0000000000 65535 f \n".to_owned();
    for (at, object) in objects.iter().enumerate() {
        xref.extend(format!("{:010} 00000 n \n", out.len()).chars());
        out.extend(format!("{} 0 obj\n", at + 1).bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let start = out.len();
    out.extend(xref.bytes());
    out.extend(format!("trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n").bytes());
    out
}

/// A manifest that is sound in all but one name.
#[test]
fn a_manifest_that_names_a_file_outside_the_index_is_refused() {
    for name in [
        "../x",
        "../../x",
        "/etc/passwd",
        "segment-3/../../x",
        "a/./../../b",
        ".",
        "",
    ] {
        let spoiled: [fn(&mut Manifest, FileRef); 6] = [
            |manifest, file| manifest.catalog = file,
            |manifest, file| manifest.lexical = file.name,
            |manifest, file| manifest.lexical_files[0] = file,
            |manifest, file| manifest.segments[0].passages = file,
            |manifest, file| manifest.segments[0].vectors = file,
            |manifest, file| manifest.segments[0].quantised = file,
        ];
        for spoil in spoiled {
            let folder = tempfile::tempdir().expect("a folder");
            let mut forged = manifest();
            spoil(&mut forged, file(name));
            // With the right digest, as one who forges it would write it.
            forged.publish(folder.path()).expect("written");
            let error = crate::Snapshot::open(folder.path()).err();
            let Some(Error::Damaged { path, problem, .. }) = error else {
                panic!("{name:?}: {error:?}");
            };
            assert!(
                path.ends_with("MANIFEST") && problem.contains("outside"),
                "{problem}"
            );
        }
    }
}
