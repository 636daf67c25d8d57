//! Packed weights that are kept in a file: results are the same bit for bit, and what is not sound is
//! not used.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use reread_encoder::{CancelToken, Error, InstructionSet, Model, ModelOptions, Precision};
use tempfile::TempDir;

use common::random_model::{Kind, RECIPE, Recipe};
use common::{CROSS_ENCODER, EMBEDDER, bits, shipped};

/// The bytes before the weights: magic, versions, names and digests.
const FRONT_BYTES: usize = 128;

fn kept(elsewhere: Option<&Path>) -> ModelOptions {
    ModelOptions::default().with_packed_kept(elsewhere.map(Path::to_owned))
}

fn open(dir: &Path, options: &ModelOptions) -> Model {
    Model::open_with(dir, options).unwrap()
}

/// What the small models make of a few texts.
fn results(model: &Model) -> Vec<u32> {
    let mut values = model.embed(&["a b c d", "d a", "c"], 64).unwrap();
    if model.is_cross_encoder() {
        values.extend(model.score("a b", &["c d d", "a"], 64).unwrap());
    }
    bits(&values)
}

fn small_model() -> TempDir {
    RECIPE.folder(&RECIPE.tensors())
}

/// As large as the small model to the byte, with other weights.
fn other_model() -> TempDir {
    let mut tensors = RECIPE.tensors();
    let name = "bert.encoder.layer.0.output.dense.weight";
    let (_, _, bytes) = tensors.get_mut(name).unwrap();
    for float in bytes.as_chunks_mut::<4>().0 {
        float[3] ^= 0x80;
    }
    RECIPE.folder(&tensors)
}

/// The packed files in a folder.
fn packed_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let packed = entries.filter(|path| path.extension().is_some_and(|end| end == "packed"));
    packed.collect()
}

/// Opens the model, which is expected to give `expected` and to leave the sound file `packed`.
#[track_caller]
fn check_mended(dir: &Path, expected: &[u32], path: &Path, packed: &[u8], how: &str) {
    assert_eq!(results(&open(dir, &kept(None))), expected, "{how}");
    assert!(fs::read(path).unwrap() == packed, "{how}: it is replaced");
}

#[test]
fn shipped_models_give_the_same_on_every_instruction_set() {
    let texts = [
        "How do I copy the folder?",
        "Kopieren, während sie läuft.",
        "",
    ];
    for name in [EMBEDDER, CROSS_ENCODER] {
        let elsewhere = tempfile::tempdir().unwrap();
        let dir = copy_of(&shipped(name));
        for set in InstructionSet::available() {
            let on = |options: ModelOptions| open(dir.path(), &options.with_instruction_set(set));
            let plain = on(ModelOptions::default());
            let first = on(kept(Some(elsewhere.path())));
            let second = on(kept(Some(elsewhere.path())));
            let results = |model: &Model| {
                let mut values = model.embed(&texts, 64).unwrap();
                if model.is_cross_encoder() {
                    values.extend(model.score(texts[0], &texts, 64).unwrap());
                }
                bits(&values)
            };
            assert_eq!(results(&plain), results(&first), "{name} on {set}");
            assert_eq!(results(&plain), results(&second), "{name} on {set}");
            assert_eq!(plain.identity(), second.identity());
        }
        let n_sets = InstructionSet::available().len();
        assert_eq!(packed_in(dir.path()).len(), n_sets, "one for each");
        assert!(packed_in(elsewhere.path()).is_empty());
    }
}

#[test]
fn an_opening_stops_wherever_it_asks_and_leaves_no_file() {
    let (model, elsewhere) = (small_model(), tempfile::tempdir().unwrap());
    let expected = results(&open(model.path(), &ModelOptions::default()));
    let n_files = || fs::read_dir(model.path()).unwrap().count();
    let n_before = n_files();
    for precision in Precision::ALL {
        let options = kept(Some(elsewhere.path())).with_precision(precision);
        let stopped = (0..).map_while(|n_asks| {
            let options = options.clone().with_cancel(CancelToken::after_asks(n_asks));
            let stopped = Model::open_with(model.path(), &options).err()?;
            assert!(matches!(stopped, Error::Cancelled(_)), "{stopped}");
            assert_eq!(n_files(), n_before, "{n_asks} asks");
            assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
            Some(())
        });
        let n_asks = stopped.count();
        assert!(n_asks > RECIPE.n_layers + 1, "{n_asks} in {precision:?}");
        assert_eq!(
            packed_in(model.path()).len(),
            usize::from(precision == Precision::Int8)
        );
        for path in packed_in(model.path()) {
            assert_eq!(results(&open(model.path(), &options)), expected);
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn identities_are_those_that_indexes_were_made_with() {
    for (name, digest) in [
        (
            EMBEDDER,
            "ad9267366e89c70364a8279531a0df45efc92a7dc34fc3b483e669439fafae9a",
        ),
        (
            CROSS_ENCODER,
            "acdac44e98a9650cc6ad67663146a5fbed50c4dae35a1812c09e0b6ffe0c1cbc",
        ),
    ] {
        assert_eq!(
            Model::open(&shipped(name)).unwrap().identity().digest,
            digest
        );
    }
}

#[test]
fn every_kind_of_weights_is_kept() {
    for kind in [
        Kind::Float(safetensors::Dtype::F16),
        Kind::Int8,
        Kind::Int8Rows,
        Kind::Int8Shifted,
    ] {
        let recipe = Recipe { kind, ..RECIPE };
        let dir = recipe.folder(&recipe.tensors());
        let expected = results(&open(dir.path(), &ModelOptions::default()));
        for _ in 0..2 {
            assert_eq!(
                results(&open(dir.path(), &kept(None))),
                expected,
                "{kind:?}"
            );
        }
        assert_eq!(packed_in(dir.path()).len(), 1);
    }
}

#[test]
fn nothing_is_written_unless_it_is_asked_for() {
    let dir = small_model();
    open(dir.path(), &ModelOptions::default());
    open(dir.path(), &kept(None).with_precision(Precision::F32));
    assert!(packed_in(dir.path()).is_empty());
}

#[test]
fn damaged_files_are_replaced() {
    let dir = small_model();
    let expected = results(&open(dir.path(), &kept(None)));
    let path = packed_in(dir.path()).remove(0);
    let sound = fs::read(&path).unwrap();
    let steps = (0..FRONT_BYTES).chain((FRONT_BYTES..sound.len()).step_by(997));
    for at in steps.chain([sound.len() - 1]) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x20;
        fs::write(&path, damaged).unwrap();
        check_mended(
            dir.path(),
            &expected,
            &path,
            &sound,
            &format!("byte {at} flipped"),
        );
    }
    let lens = (0..=FRONT_BYTES).chain((FRONT_BYTES..sound.len()).step_by(4999));
    for len in lens.chain([sound.len() - 1]) {
        fs::write(&path, &sound[..len]).unwrap();
        check_mended(
            dir.path(),
            &expected,
            &path,
            &sound,
            &format!("cut at {len}"),
        );
    }
    fs::write(&path, [&*sound, b"\0"].concat()).unwrap();
    check_mended(dir.path(), &expected, &path, &sound, "a byte too many");
}

#[test]
fn a_sound_file_is_left_as_it_is() {
    let dir = small_model();
    open(dir.path(), &kept(None));
    let path = packed_in(dir.path()).remove(0);
    let changed = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let before = changed(&path);
    open(dir.path(), &kept(None));
    assert_eq!(changed(&path), before);
}

#[test]
fn a_file_of_another_model_or_instruction_set_is_not_used() {
    let (dir, other) = (small_model(), other_model());
    let expected = results(&open(dir.path(), &kept(None)));
    let path = packed_in(dir.path()).remove(0);
    let sound = fs::read(&path).unwrap();
    let others = results(&open(other.path(), &kept(None)));
    assert_ne!(others, expected);
    fs::copy(packed_in(other.path()).remove(0), &path).unwrap();
    check_mended(dir.path(), &expected, &path, &sound, "of another model");
    let portable = kept(None).with_instruction_set(InstructionSet::Portable);
    open(other.path(), &portable);
    for packed in packed_in(other.path()) {
        fs::copy(packed, &path).unwrap();
        check_mended(
            dir.path(),
            &expected,
            &path,
            &sound,
            "of another instruction set",
        );
    }
}

#[test]
fn changed_weights_are_packed_again() {
    let (dir, other) = (small_model(), other_model());
    open(dir.path(), &kept(None));
    let expected = results(&open(other.path(), &ModelOptions::default()));
    let weights = "model.safetensors";
    // With the same length and time of change.
    let time = fs::metadata(dir.path().join(weights))
        .unwrap()
        .modified()
        .unwrap();
    fs::copy(other.path().join(weights), dir.path().join(weights)).unwrap();
    let file = fs::File::options()
        .append(true)
        .open(dir.path().join(weights))
        .unwrap();
    file.set_modified(time).unwrap();
    for _ in 0..2 {
        assert_eq!(results(&open(dir.path(), &kept(None))), expected);
    }
    assert_eq!(packed_in(dir.path()).len(), 1, "the old one is replaced");
}

#[test]
fn where_nothing_can_be_written_another_folder_is_used_or_none() {
    let dir = small_model();
    let expected = results(&open(dir.path(), &kept(None)));
    let path = packed_in(dir.path()).remove(0);
    // A folder in the file's place cannot be replaced, by whatever user.
    fs::remove_file(&path).unwrap();
    fs::create_dir_all(path.join("in the way")).unwrap();
    let parent = tempfile::tempdir().unwrap();
    let elsewhere = parent.path().join("made").join("if need be");
    for _ in 0..2 {
        assert_eq!(
            results(&open(dir.path(), &kept(Some(&elsewhere)))),
            expected
        );
        assert_eq!(packed_in(&elsewhere).len(), 1);
    }
    let no_folder = dir.path().join("config.json").join("below a file");
    assert_eq!(
        results(&open(dir.path(), &kept(Some(&no_folder)))),
        expected
    );
    assert_eq!(results(&open(dir.path(), &kept(None))), expected);
    assert_eq!(
        packed_in(dir.path()),
        [path],
        "no file is left half-written"
    );
}

#[test]
fn models_share_a_folder_and_each_has_its_own_file() {
    let (one, two) = (small_model(), other_model());
    let elsewhere = tempfile::tempdir().unwrap();
    let expected = [&one, &two].map(|dir| {
        let results = results(&open(dir.path(), &kept(None)));
        let path = packed_in(dir.path()).remove(0);
        fs::remove_file(&path).unwrap();
        fs::create_dir_all(path.join("in the way")).unwrap();
        results
    });
    for _ in 0..2 {
        for (dir, expected) in [&one, &two].iter().zip(&expected) {
            assert_eq!(
                &results(&open(dir.path(), &kept(Some(elsewhere.path())))),
                expected
            );
        }
        assert_eq!(packed_in(elsewhere.path()).len(), 2);
    }
}

#[test]
fn what_a_killed_run_has_left_is_removed_when_it_is_old() {
    let dir = small_model();
    let left = |name: &str, hours: u64| {
        let path = dir.path().join(name);
        let file = fs::File::create(&path).unwrap();
        let age = std::time::Duration::from_secs(3600 * hours + 60);
        file.set_modified(std::time::SystemTime::now() - age)
            .unwrap();
        path
    };
    let old = left(".packing-abc.packed", 1);
    let kept_files = [
        left(".packing-def.packed", 0),
        left("other.packed", 5),
        left(".packing-notes.txt", 5),
    ];
    open(dir.path(), &kept(None));
    assert!(!old.exists());
    assert!(kept_files.iter().all(|path| path.exists()));
}

#[test]
fn many_may_open_at_once() {
    let dir = small_model();
    let expected = results(&open(dir.path(), &ModelOptions::default()));
    for _ in 0..10 {
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| assert_eq!(results(&open(dir.path(), &kept(None))), expected));
            }
        });
        fs::remove_file(packed_in(dir.path()).remove(0)).unwrap();
        assert!(
            packed_in(dir.path()).is_empty(),
            "each has written the same file"
        );
    }
}

/// The files that make a model, without those of its folder that others may have written.
fn copy_of(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in [
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "1_Pooling/config.json",
        "config_sentence_transformers.json",
    ] {
        if dir.join(name).is_file() {
            let to = copy.path().join(name);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(dir.join(name), to).unwrap();
        }
    }
    copy
}
