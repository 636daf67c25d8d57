//! Indexes whose digests are right and whose content is not, as a bug or a wrong restore makes them.

use std::fs;
use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::dense::DenseSearch;
use crate::dense::tests::clustered;
use crate::format::atomic::{self, FileWriter};
use crate::format::catalog::{read_catalog, write_catalog};
use crate::format::foreign;
use crate::format::header::{FileKind, HEADER_BYTES};
use crate::format::manifest::{FileRef, MANIFEST};
use crate::format::mmap::{MappedFile, f32_bytes};
use crate::lexical::LexicalWriter;
use crate::next_lexical::is_lock;
use crate::{HnswOptions, IndexOptions, IndexRun, IndexWriter, Snapshot};
use reread_document::Document;
use reread_models::{BoxError, Embedder, ModelIdentity};

const DIM: usize = 16;

/// Gives the text `n` the `n`-th of a fixed list of vectors.
struct Numbered(ModelIdentity);

impl Embedder for Numbered {
    fn model(&self) -> &ModelIdentity {
        &self.0
    }

    fn dim(&self) -> usize {
        DIM
    }

    fn embed_query(&self, query: &str) -> Result<Vec<f32>, BoxError> {
        Ok(clustered(1, DIM, query.len() as u64))
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
        let number = |text: &str| text.rsplit(' ').next().and_then(|n| n.parse().ok());
        let row = |text: &&str| clustered(1, DIM, number(text).unwrap_or(0));
        Ok(passages.iter().flat_map(row).collect())
    }
}

pub(crate) fn embedder() -> Arc<dyn Embedder> {
    let name = || "numbered".to_owned();
    Arc::new(Numbered(ModelIdentity {
        name: name(),
        revision: String::new(),
        digest: name(),
    }))
}

/// A document of one passage.
pub(crate) fn document(i: usize) -> Document {
    Document::new(format!("d{i:04}"), format!("document {i}"))
}

fn mend_with(folder: &TempDir, loss: Loss) -> crate::Result<Mended> {
    mend(
        folder.path(),
        &|| Ok(embedder()),
        loss,
        &IndexRun::default(),
    )
}

/// An index of documents `document 0`, `document 1`, … of one passage each.
pub(crate) fn index(n_documents: usize, from_passages: usize) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let hnsw = HnswOptions::default().with_from_passages(from_passages);
    let options = IndexOptions::default().with_hnsw(hnsw);
    let mut writer = IndexWriter::open(folder.path(), None, embedder(), options).expect("a writer");
    for i in 0..n_documents {
        writer.put_document(&document(i)).expect("put");
    }
    writer.commit().expect("committed");
    folder
}

fn check(diagnosis: &Diagnosis, subject: Subject) -> &Check {
    let mut checks = diagnosis.checks.iter();
    checks.find(|check| check.subject == subject).expect("made")
}

/// The subjects with problems.
fn wrong(folder: &TempDir) -> Vec<Subject> {
    let diagnosis = diagnose(folder.path()).expect("a diagnosis");
    let checks = diagnosis.checks.iter();
    let wrong = checks.filter(|check| check.verdict() != Verdict::Sound);
    wrong.map(|check| check.subject).collect()
}

/// Writes other vectors or copies, with a right digest, and publishes that.
fn rewrite(folder: &TempDir, kind: FileKind, change: impl Fn(&mut Vec<u8>)) {
    let mut manifest = Manifest::read(folder.path()).expect("a manifest");
    let segment = &mut manifest.segments[0];
    let file = match kind {
        FileKind::Vectors => &mut segment.vectors,
        FileKind::Passages => &mut segment.passages,
        _ => &mut segment.quantised,
    };
    let path = folder.path().join(&file.name);
    let mapped = MappedFile::open(&path, kind).expect("mapped");
    let mut payload = mapped.payload().to_vec();
    change(&mut payload);
    fs::remove_file(&path).expect("removed");
    let mut writer = FileWriter::create(&path, kind).expect("created");
    writer.write(&payload).expect("written");
    let (len_bytes, digest) = writer.finish().expect("finished");
    *file = FileRef {
        name: file.name.clone(),
        len_bytes,
        digest,
    };
    manifest.publish(folder.path()).expect("published");
}

#[test]
fn a_passage_that_only_one_arm_has_is_found_and_mended() {
    let folder = index(12, usize::MAX);
    assert_eq!(wrong(&folder), []);
    let mut manifest = Manifest::read(folder.path()).expect("a manifest");
    let name = manifest.lexical.clone();
    let lexical = folder.path().join(&name);
    let writer = LexicalWriter::open(&lexical, 15_000_000, 1).expect("a writer");
    let key = read_catalog(folder.path(), &manifest).expect("a catalog")[3].documents[0].key;
    writer.delete_document(key);
    writer.commit().expect("committed");
    manifest.lexical_files =
        foreign::describe(folder.path(), &name, &[], |_| true, is_lock).expect("described");
    manifest.publish(folder.path()).expect("published");

    let diagnosis = diagnose(folder.path()).expect("a diagnosis");
    assert_eq!(wrong(&folder), [Subject::Lexical]);
    let problem = &check(&diagnosis, Subject::Lexical).findings[0].problem;
    assert!(
        problem.contains("d0003") && problem.contains("not in it"),
        "{problem}"
    );
    let mended = mend_with(&folder, Loss::Refuse).expect("mended");
    assert_eq!((mended.n_segments, mended.lexical), (0, true));
    assert_eq!(wrong(&folder), []);
}

#[test]
fn a_passage_that_the_catalog_lacks_is_found_in_both_arms() {
    let folder = index(12, usize::MAX);
    let mut manifest = Manifest::read(folder.path()).expect("a manifest");
    let mut catalog = read_catalog(folder.path(), &manifest).expect("a catalog");
    catalog.remove(5);
    manifest.generation += 1;
    manifest.catalog =
        write_catalog(folder.path(), manifest.generation, &catalog).expect("written");
    manifest.publish(folder.path()).expect("published");
    let found = wrong(&folder);
    assert!(
        found.contains(&Subject::Catalog) && found.contains(&Subject::Lexical),
        "{found:?}"
    );
    assert!(
        mend_with(&folder, Loss::Refuse).is_err(),
        "nothing can tell what the catalog held"
    );
}

#[test]
fn vectors_that_are_not_finite_or_not_of_length_one_are_named_and_embedded_again() {
    for value in [f32::NAN, f32::INFINITY, 3.0] {
        let folder = index(12, usize::MAX);
        let before = stored_vectors(&folder);
        rewrite(&folder, FileKind::Vectors, |payload| {
            payload[7 * DIM * 4..][..4].copy_from_slice(&f32_bytes(&[value]));
        });
        let diagnosis = diagnose(folder.path()).expect("a diagnosis");
        let found = check(&diagnosis, Subject::Vectors);
        assert_eq!(found.findings[0].offset, Some((64 + 7 * DIM * 4) as u64));
        let mended = mend_with(&folder, Loss::Refuse).expect("mended");
        assert_eq!((mended.n_embedded, mended.lexical), (12, false));
        assert_eq!(wrong(&folder), []);
        assert_eq!(stored_vectors(&folder), before);
    }
}

#[test]
fn a_search_that_looks_at_a_vector_that_is_not_finite_says_where_it_is() {
    let values = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for (from_passages, value) in [usize::MAX, 10]
        .into_iter()
        .zip([values; 2])
        .flat_map(|(from_passages, values)| values.map(|value| (from_passages, value)))
    {
        let folder = index(12, from_passages);
        // The question is what the vector was, so that its 8-bit copy is among the best.
        let query = clustered(1, DIM, 7);
        rewrite(&folder, FileKind::Vectors, |payload| {
            payload[7 * DIM * 4..][..4].copy_from_slice(&f32_bytes(&[value]));
        });
        let snapshot = Snapshot::open(folder.path()).expect("opens");
        let segment = &snapshot.segments()[0].segment;
        for k in [1, 5, 12] {
            let found = segment.search_dense(&query, k, &DenseSearch::default());
            let expected = (64 + 7 * DIM * 4) as u64;
            let named = matches!(&found, Err(Error::Damaged { path, offset, .. })
                if path.ends_with("vectors") && *offset == expected);
            assert!(
                named,
                "{value}, graph from {from_passages}, {k} hits: {found:?}"
            );
        }
    }
}

#[test]
fn vectors_are_not_embedded_again_by_another_model() {
    let folder = index(12, usize::MAX);
    rewrite(&folder, FileKind::Vectors, |payload| payload[3] = 0x7f);
    let other = || {
        let mut identity = embedder().model().clone();
        identity.digest = "another".to_owned();
        Ok(Arc::new(Numbered(identity)) as Arc<dyn Embedder>)
    };
    let refused = mend(folder.path(), &other, Loss::Refuse, &IndexRun::default());
    assert!(
        matches!(refused, Err(Error::WrongModel { .. })),
        "{refused:?}"
    );
    let after = diagnose(folder.path()).expect("as it was");
    assert_eq!(after.generation, Some(1));
}

#[test]
fn deleted_passages_are_left_behind_when_a_segment_is_embedded_again() {
    let folder = index(12, usize::MAX);
    let mut writer = IndexWriter::open(folder.path(), None, embedder(), IndexOptions::default())
        .expect("a writer");
    assert!(writer.remove_document("d0004").expect("removed"));
    writer.commit().expect("committed");
    rewrite(&folder, FileKind::Vectors, |payload| payload[3] = 0x7f);
    let mended = mend_with(&folder, Loss::Refuse).expect("mended");
    assert_eq!(mended.n_embedded, 11);
    assert_eq!(wrong(&folder), []);
    let status = Snapshot::open(folder.path()).expect("opens").status();
    assert_eq!((status.n_passages, status.n_deleted), (11, 0));
}

#[test]
fn documents_with_damaged_passages_are_lost_only_where_that_is_allowed() {
    let folder = index(12, usize::MAX);
    let mut writer = IndexWriter::open(folder.path(), None, embedder(), IndexOptions::default())
        .expect("a writer");
    for i in 100..103 {
        writer.put_document(&document(i)).expect("put");
    }
    writer.commit().expect("committed");
    let n_segments = Manifest::read(folder.path()).expect("read").segments.len();
    assert_eq!(n_segments, 2, "small segments stay apart from a large one");
    rewrite(&folder, FileKind::Passages, |payload| payload[4] ^= 1);
    assert!(wrong(&folder).contains(&Subject::Passages));
    match mend_with(&folder, Loss::Refuse) {
        Err(Error::WouldLose { documents, .. }) => assert_eq!(documents.len(), 12),
        other => panic!("{other:?}"),
    }
    let mended = mend_with(&folder, Loss::Accept).expect("mended");
    assert_eq!((mended.lost.len(), mended.dropped.len()), (12, 0));
    assert_eq!(wrong(&folder), []);
    let status = Snapshot::open(folder.path()).expect("opens").status();
    assert_eq!((status.n_documents, status.n_passages), (3, 3));
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_not_dropped_as_damaged() {
    let folder = index(12, usize::MAX);
    let manifest = Manifest::read(folder.path()).expect("a manifest");
    let path = folder.path().join(&manifest.segments[0].passages.name);
    let sound = fs::read(&path).expect("read");
    fs::remove_file(&path).expect("removed");
    std::os::unix::fs::symlink(&path, &path).expect("a link that leads nowhere");
    let diagnosis = diagnose(folder.path()).expect("a diagnosis");
    assert_eq!(diagnosis.verdict(), Verdict::NotChecked);
    let refused = mend_with(&folder, Loss::Accept);
    assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
    fs::remove_file(&path).expect("removed");
    fs::write(&path, sound).expect("back");
    assert_eq!(wrong(&folder), []);
}

#[test]
fn a_manifest_that_counts_otherwise_than_a_segment_is_found() {
    let folder = index(12, usize::MAX);
    let mut manifest = Manifest::read(folder.path()).expect("a manifest");
    manifest.segments[0].n_passages = 11;
    manifest.publish(folder.path()).expect("published");
    let found = wrong(&folder);
    for subject in [Subject::Catalog, Subject::Passages, Subject::Vectors] {
        assert!(found.contains(&subject), "{found:?}");
    }
}

/// All vectors of the first segment.
fn stored_vectors(folder: &TempDir) -> Vec<u8> {
    let manifest = Manifest::read(folder.path()).expect("a manifest");
    let path = folder.path().join(&manifest.segments[0].vectors.name);
    let mapped = MappedFile::open(&path, FileKind::Vectors).expect("mapped");
    mapped.payload().to_vec()
}

#[test]
fn copies_that_would_make_a_scan_miss_something_are_found_and_mended() {
    let folder = index(40, usize::MAX);
    rewrite(&folder, FileKind::Quantised, |payload| {
        let values_at = payload.len() - 40 * DIM;
        payload[values_at + 9 * DIM] ^= 0x40;
    });
    assert!(wrong(&folder).contains(&Subject::Vectors));
    assert_eq!(
        mend_with(&folder, Loss::Refuse).expect("mended").n_segments,
        1
    );
    assert_eq!(wrong(&folder), []);
    Snapshot::open(folder.path())
        .expect("opens")
        .verify()
        .expect("sound");
}

#[test]
fn a_damaged_graph_is_found_and_built_again() {
    let folder = index(300, 100);
    assert_eq!(wrong(&folder), []);
    let manifest = Manifest::read(folder.path()).expect("a manifest");
    let graph = manifest.segments[0].graph.as_ref().expect("a graph");
    let path = folder.path().join(&graph.file.name);
    let mut content = fs::read(&path).expect("read");
    let middle = content.len() / 2;
    content[middle] ^= 0x55;
    fs::write(&path, content).expect("damaged");
    let diagnosis = diagnose(folder.path()).expect("a diagnosis");
    let files = check(&diagnosis, Subject::Files);
    assert_eq!(files.n_findings, 1);
    assert_eq!(
        check(&diagnosis, Subject::Recall).verdict(),
        Verdict::NotChecked
    );
    assert_eq!(
        mend_with(&folder, Loss::Refuse).expect("mended").n_segments,
        1
    );
    assert_eq!(wrong(&folder), []);
    assert!(
        Snapshot::open(folder.path())
            .expect("opens")
            .status()
            .n_graph_passages
            == 300
    );
}

#[test]
fn records_that_speak_of_other_keys_are_named_with_their_place() {
    let folder = index(12, usize::MAX);
    rewrite(&folder, FileKind::Passages, |payload| {
        let records_at = payload.len() - 8 - 12 * 72;
        payload[records_at + 2 * 72] ^= 0x40;
    });
    let diagnosis = diagnose(folder.path()).expect("a diagnosis");
    let found = &check(&diagnosis, Subject::Passages).findings;
    assert_eq!(found.len(), 1);
    assert!(
        found[0].offset.is_some() && found[0].problem.contains("d0002"),
        "{found:?}"
    );
}

#[test]
fn nothing_is_written_where_nothing_is_wrong() {
    let folder = index(5, usize::MAX);
    assert_eq!(
        mend_with(&folder, Loss::Refuse).expect("sound"),
        Mended::default()
    );
    assert_eq!(
        diagnose(folder.path()).expect("a diagnosis").generation,
        Some(1)
    );
}

/// Flips bytes of a payload and writes it with a right digest, as only a bug or an attacker would.
fn forge(folder: &TempDir, kind: FileKind, flips: &[(usize, u8)]) {
    let flip = |payload: &mut Vec<u8>| {
        for (at, mask) in flips {
            let at = at % payload.len();
            payload[at] ^= mask;
        }
    };
    let path = folder.path().join(MANIFEST);
    match kind {
        FileKind::Manifest => {
            let mut file = fs::read(&path).expect("read");
            let mut payload = file.split_off(HEADER_BYTES);
            flip(&mut payload);
            atomic::replace(&path, kind, &payload).expect("replaced");
        }
        FileKind::Catalog => {
            let mut manifest = Manifest::read(folder.path()).expect("a manifest");
            let path = folder.path().join(&manifest.catalog.name);
            let mut file = fs::read(&path).expect("read");
            let mut payload = file.split_off(HEADER_BYTES);
            flip(&mut payload);
            atomic::replace(&path, kind, &payload).expect("replaced");
            manifest.catalog.digest = *blake3::hash(&payload).as_bytes();
            manifest.publish(folder.path()).expect("published");
        }
        kind => rewrite(folder, kind, flip),
    }
}

/// A copy of an index that is built once.
fn copy_of_small() -> TempDir {
    static SMALL: OnceLock<TempDir> = OnceLock::new();
    let small = SMALL.get_or_init(|| index(6, 5));
    let copy = tempfile::tempdir().expect("a folder");
    copy_folder(small.path(), copy.path());
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("read").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).expect("created");
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn forged_files_are_found_or_harmless_and_a_repair_leaves_a_sound_index(
        kind in prop::sample::select(vec![
            FileKind::Manifest,
            FileKind::Catalog,
            FileKind::Passages,
            FileKind::Vectors,
            FileKind::Quantised,
        ]),
        flips in prop::collection::vec((0..100_000_usize, 1..=255_u8), 1..4),
    ) {
        let folder = copy_of_small();
        forge(&folder, kind, &flips);
        let Ok(diagnosis) = diagnose(folder.path()) else {
            return Err(TestCaseError::fail("a damaged index is a diagnosis and no error"));
        };
        let mended = mend_with(&folder, Loss::Accept);
        match diagnosis.verdict() {
            Verdict::Sound => prop_assert_eq!(mended.expect("nothing to do"), Mended::default()),
            _ if mended.is_ok() => {
                let after = diagnose(folder.path()).expect("a diagnosis");
                prop_assert_eq!(after.verdict(), Verdict::Sound, "{:?}\n{:?}", diagnosis, after);
                Snapshot::open(folder.path()).expect("opens");
            }
            _ => {}
        }
    }
}
