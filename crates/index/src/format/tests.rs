//! The bytes of the two structures, spelled out: whatever changes elsewhere, these stay.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use super::catalog::{
    Catalog, DocumentRecord, Origin, Outcome, Source, StoredKind, decode_catalog,
};
use super::codec;
use super::manifest::{FileRef, GraphRef, Manifest, SegmentRef, StoredModel, StoredScope};
use super::metadata::{StoredItem, StoredValue};

fn file(name: &str, digest: u8) -> FileRef {
    FileRef {
        name: name.to_owned(),
        len_bytes: 258,
        digest: [digest; 32],
    }
}

fn manifest() -> Manifest {
    Manifest {
        generation: 5,
        next_key: 9,
        next_segment: 4,
        root: "/d".to_owned(),
        written_ns: 1,
        model: StoredModel {
            name: "m".to_owned(),
            revision: "r".to_owned(),
            digest: "d".to_owned(),
        },
        dim: 3,
        max_tokens: 200,
        overlap_tokens: 30,
        scope: StoredScope {
            extra: 1,
            max_file_bytes: 64,
        },
        catalog: file("c", 0xaa),
        lexical: "l".to_owned(),
        lexical_files: vec![file("l/x", 0xbb)],
        segments: vec![SegmentRef {
            number: 3,
            n_passages: 2,
            passages: file("p", 1),
            vectors: file("v", 2),
            quantised: file("q", 3),
            deleted: vec![(0, 1)],
            graph: Some(GraphRef {
                file: file("g", 4),
                n_lost: 7,
            }),
        }],
    }
}

fn catalog() -> Catalog {
    let (year, month, day) = (2024, 2, 29);
    let items = vec![
        StoredItem::Text("x".to_owned()),
        StoredItem::Date { year, month, day },
    ];
    let source = Source {
        path: "a".to_owned(),
        origin: Origin::Application,
        kind: StoredKind::JsonLines,
        size_bytes: 10,
        modified_ns: -1,
        changed_ns: 2,
        digest: [3; 32],
        outcome: Outcome::Failed("why".to_owned()),
        documents: vec![DocumentRecord {
            key: 1,
            id: "i".to_owned(),
            title: "T".to_owned(),
            segment: 3,
            first: 4,
            n_passages: 5,
            metadata: vec![
                ("m".to_owned(), StoredValue::List(items)),
                ("n".to_owned(), StoredValue::One(StoredItem::Number(1.5))),
            ],
        }],
    };
    vec![source]
}

/// Encodes a structure, in lines of 16 bytes.
fn hex(structure: &impl Serialize) -> String {
    let bytes = codec::encode(Path::new("x"), structure).expect("encoded");
    let mut lines = String::new();
    for line in bytes.chunks(16) {
        for byte in line {
            let _ = write!(lines, "{byte:02x}");
        }
        lines.push('\n');
    }
    lines
}

#[test]
fn the_bytes_of_a_manifest_are_these() {
    assert_eq!(hex(&manifest()), MANIFEST_BYTES);
}

#[test]
fn the_bytes_of_a_catalog_are_these() {
    assert_eq!(hex(&catalog()), CATALOG_BYTES);
}

#[test]
fn a_catalog_of_version_2_is_read_and_has_no_metadata() {
    let digits: Vec<u8> = CATALOG_2_BYTES
        .bytes()
        .filter(|byte| *byte != b'\n')
        .collect();
    let byte = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).expect("ASCII");
        u8::from_str_radix(digits, 16).expect("a byte")
    };
    let bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
    let mut expected = catalog();
    expected[0].documents[0].metadata.clear();
    let read = decode_catalog(Path::new("x"), 2, &bytes).expect("read");
    assert_eq!(read, expected);
    assert!(decode_catalog(Path::new("x"), 3, &bytes).is_err());
}

const MANIFEST_BYTES: &str = "\
05000000000000000900000000000000\n\
0400000002000000000000002f640100\n\
00000000000001000000000000006d01\n\
00000000000000720100000000000000\n\
6403000000c80000001e000000014000\n\
00000000000001000000000000006302\n\
01000000000000aaaaaaaaaaaaaaaaaa\n\
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\
aaaaaaaaaaaaaa01000000000000006c\n\
01000000000000000300000000000000\n\
6c2f780201000000000000bbbbbbbbbb\n\
bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n\
bbbbbbbbbbbbbbbbbbbbbb0100000000\n\
00000003000000020000000100000000\n\
00000070020100000000000001010101\n\
01010101010101010101010101010101\n\
01010101010101010101010101000000\n\
00000000760201000000000000020202\n\
02020202020202020202020202020202\n\
02020202020202020202020202010000\n\
00000000007102010000000000000303\n\
03030303030303030303030303030303\n\
03030303030303030303030303030100\n\
00000000000000000000010000000101\n\
00000000000000670201000000000000\n\
04040404040404040404040404040404\n\
04040404040404040404040404040404\n\
07000000\n\
";

const CATALOG_BYTES: &str = "\
01000000000000000100000000000000\n\
6101000000050000000a000000000000\n\
00ffffffffffffffff02000000000000\n\
00030303030303030303030303030303\n\
03030303030303030303030303030303\n\
03020000000300000000000000776879\n\
01000000000000000100000000000000\n\
01000000000000006901000000000000\n\
00540300000004000000050000000200\n\
00000000000001000000000000006d01\n\
00000002000000000000000000000001\n\
000000000000007802000000e807021d\n\
01000000000000006e00000000010000\n\
00000000000000f83f\n\
";

const CATALOG_2_BYTES: &str = "\
01000000000000000100000000000000\n\
6101000000050000000a000000000000\n\
00ffffffffffffffff02000000000000\n\
00030303030303030303030303030303\n\
03030303030303030303030303030303\n\
03020000000300000000000000776879\n\
01000000000000000100000000000000\n\
01000000000000006901000000000000\n\
0054030000000400000005000000\n\
";
