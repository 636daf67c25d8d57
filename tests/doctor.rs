//! `reread doctor` over sound and damaged indexes: it names the damaged file, mends it, and never
//! panics.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[path = "common/place.rs"]
mod place;

use std::fs;
use std::path::{Path, PathBuf};

use place::{Place, err, files, out, status};
use reread_engine::{Document, Engine};
use serde_json::Value;

/// The checks that did not end well, by name.
fn not_ok(report: &Value) -> Vec<&str> {
    let checks = report["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["verdict"] != "ok")
        .map(|check| check["name"].as_str().unwrap())
        .collect()
}

/// The files of the index that a damage can be put into.
fn damageable(place: &Place) -> Vec<PathBuf> {
    let mut found = files(&place.index());
    found.retain(|path| !path.ends_with(".gitignore"));
    assert!(found.len() >= 10, "{found:?}");
    found
}

/// Writes damaged content in place of a file, without touching what is linked to it.
fn replace(path: &Path, content: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

/// A document that an application adds.
fn memo() -> Document {
    Document::new("memo", "A memo that stands in no file.").with_title("Memo")
}

#[test]
fn a_sound_index_passes_every_check() {
    let place = Place::indexed();
    let (exit, report) = place.json(&["doctor", "--json"]);
    assert_eq!(exit, 0, "{report}");
    assert_eq!(report["schema"], 2);
    assert_eq!(report["verdict"], "ok");
    assert_eq!(report["generation"], 1);
    let checks = report["checks"].as_array().unwrap();
    let names: Vec<&str> = checks.iter().map(|c| c["name"].as_str().unwrap()).collect();
    let expected = [
        "manifest",
        "files",
        "catalog",
        "passages",
        "lexical",
        "vectors",
        "graph",
        "recall",
        "leftovers",
    ];
    assert_eq!(names, expected);
    assert!(not_ok(&report).is_empty(), "{report}");
    assert_eq!(checks[4]["extent"], checks[3]["extent"]);

    let text = place.run(&["doctor"]);
    assert_eq!(status(&text), 0);
    assert!(
        out(&text).ends_with("the index is sound\n"),
        "{}",
        out(&text)
    );
}

#[test]
fn an_updated_index_with_deleted_passages_passes_too() {
    let place = Place::indexed();
    place.write("steel.txt", "Iron and carbon, again.\n");
    fs::remove_file(place.docs.path().join("notes/backup.html")).unwrap();
    assert_eq!(status(&place.run(&["index"])), 0);
    let (exit, report) = place.json(&["doctor", "--json"]);
    assert_eq!(
        (exit, &report["generation"]),
        (0, &Value::from(2)),
        "{report}"
    );
}

#[test]
fn every_flipped_byte_is_found_and_its_file_named() {
    let place = Place::indexed();
    for path in damageable(&place) {
        let sound = fs::read(&path).unwrap();
        let last = sound.len() - 1;
        for at in [0, 9, 13, 20, 40, 64, sound.len() / 2, last] {
            let Some(&byte) = sound.get(at) else { continue };
            let mut flipped = sound.clone();
            flipped[at] = byte ^ 0x55;
            replace(&path, &flipped);
            expect_named(&place, &path, &format!("byte {at} flipped"));
        }
        replace(&path, &sound);
    }
    assert_eq!(status(&place.run(&["doctor"])), 0);
}

#[test]
fn every_file_cut_short_or_gone_is_found_and_named() {
    let place = Place::indexed();
    for path in damageable(&place) {
        let sound = fs::read(&path).unwrap();
        for len in [0, 1, 63, 64, sound.len() / 2, sound.len() - 1] {
            if len < sound.len() {
                replace(&path, &sound[..len]);
                expect_named(&place, &path, &format!("cut to {len}"));
            }
        }
        fs::remove_file(&path).unwrap();
        expect_named(&place, &path, "gone");
        fs::write(&path, &sound).unwrap();
    }
    assert_eq!(status(&place.run(&["doctor"])), 0);
}

/// Doctor ends with 1 and names the file, or with 2 where the manifest says another version.
fn expect_named(place: &Place, path: &Path, what: &str) {
    let output = place.run(&["doctor", "--json"]);
    let name = path.strip_prefix(place.docs.path()).unwrap();
    let shown = format!(
        "{}: {what}: {}{}",
        name.display(),
        out(&output),
        err(&output)
    );
    assert!(!err(&output).contains("panicked"), "{shown}");
    if status(&output) == 2 {
        assert!(
            path.ends_with("MANIFEST") && err(&output).contains("format version"),
            "{shown}"
        );
        return;
    }
    assert_eq!(status(&output), 1, "{shown}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap().iter();
    let mut findings = checks.flat_map(|check| check["findings"].as_array().unwrap());
    let ends = name.to_str().unwrap();
    assert!(
        findings.any(|f| f["path"].as_str().unwrap().ends_with(ends)),
        "{shown}"
    );
}

#[test]
fn all_damaged_files_are_named_in_one_run() {
    let place = Place::indexed();
    let damaged: Vec<PathBuf> = damageable(&place)
        .into_iter()
        .filter(|path| !path.ends_with("MANIFEST"))
        .collect();
    for path in &damaged {
        let mut content = fs::read(path).unwrap();
        let last = content.len() - 1;
        content[last] ^= 1;
        replace(path, &content);
    }
    let (exit, report) = place.json(&["doctor", "--json"]);
    assert_eq!(exit, 1);
    assert_eq!(report["checks"][1]["n_findings"], damaged.len());
}

#[test]
fn a_repair_derives_what_it_can_and_loses_nothing() {
    let place = Place::indexed();
    let engine = Engine::builder().root(place.docs.path()).build().unwrap();
    engine.add_documents(&[memo()]).unwrap();
    let before = out(&place.run(&["search", "--no-refresh", "memo in no file"])).to_owned();
    assert!(
        before.contains("A memo that stands in no file."),
        "{before}"
    );

    let derived = files(&place.index())
        .into_iter()
        .filter(|path| path.ends_with("quantised") || path.to_str().unwrap().contains("lexical-"));
    for path in derived {
        let mut content = fs::read(&path).unwrap();
        let last = content.len() - 1;
        content[last] ^= 1;
        replace(&path, &content);
    }
    assert_eq!(status(&place.run(&["doctor"])), 1);
    let (exit, report) = place.json(&["doctor", "--repair", "--json"]);
    assert_eq!(exit, 0, "{report}");
    let repairs = report["repairs"].as_array().unwrap();
    assert!(repairs.last().unwrap() == "lost: nothing", "{report}");
    assert_eq!(report["added"], serde_json::json!(["memo"]));
    let after = place.run(&["search", "--no-refresh", "memo in no file"]);
    assert_eq!(out(&after), before);
    assert_eq!(
        status(&place.run(&["index"])),
        0,
        "the writer goes on from it"
    );
    assert_eq!(status(&place.run(&["doctor"])), 0);
}

#[test]
fn a_repair_that_would_lose_added_documents_asks_first() {
    let place = Place::indexed();
    let engine = Engine::builder().root(place.docs.path()).build().unwrap();
    engine.add_documents(&[memo()]).unwrap();
    damage(&place, "passages");

    let refused = place.run(&["doctor", "--repair"]);
    assert_eq!(status(&refused), 2);
    let said = err(&refused);
    assert!(
        said.contains("memo") && said.contains("--discard-added"),
        "{said}"
    );
    let (exit, report) = place.json(&["doctor", "--repair", "--discard-added", "--json"]);
    assert_eq!(exit, 0, "{report}");
    let done = report["repairs"].as_array().unwrap();
    assert_eq!(
        done.last().unwrap(),
        "lost: 1 document that an application added (memo)"
    );
    let found = place.run(&["search", "why does dough rise"]);
    assert!(out(&found).starts_with("1. bread.md"), "{}", out(&found));
    assert_eq!(status(&place.run(&["doctor"])), 0);
}

/// What a few questions find.
fn answers(place: &Place) -> Vec<Value> {
    let questions = ["why does dough rise", "what is steel", "restore a backup"];
    let answer = |question: &&str| {
        let (exit, answer) = place.json(&["search", "--no-refresh", "--json", question]);
        assert_eq!(exit, 0, "{answer}");
        let hits = answer["hits"].as_array().unwrap().iter();
        let seen = hits.map(|hit| serde_json::json!([hit["path"], hit["lines"], hit["score"]]));
        seen.collect()
    };
    questions.iter().map(answer).collect()
}

/// Flips a byte in the middle of each file whose path holds `name`.
fn damage(place: &Place, name: &str) {
    let mut n_damaged = 0;
    for path in damageable(place) {
        let inside = path.strip_prefix(place.index()).unwrap();
        if inside.to_str().unwrap().contains(name) {
            let mut content = fs::read(&path).unwrap();
            let middle = content.len() / 2;
            content[middle] ^= 0x10;
            replace(&path, &content);
            n_damaged += 1;
        }
    }
    assert!(n_damaged > 0, "{name}");
}

#[test]
fn a_repair_of_any_kind_of_file_brings_back_the_same_answers() {
    let kinds = [
        "MANIFEST",
        "catalog",
        "passages",
        "vectors",
        "quantised",
        "lexical",
    ];
    for cut in [false, true] {
        for kind in kinds {
            let place = Place::indexed();
            let before = answers(&place);
            damage(&place, kind);
            if cut {
                let inside = |path: &PathBuf| path.to_str().unwrap().contains(kind);
                for path in damageable(&place).into_iter().filter(inside) {
                    let content = fs::read(&path).unwrap();
                    replace(&path, &content[..content.len() / 2]);
                }
            }
            assert_eq!(status(&place.run(&["doctor"])), 1, "{kind}");
            let (exit, report) = place.json(&["doctor", "--repair", "--json"]);
            assert_eq!(exit, 0, "{kind}: {report}");
            if kind == "passages" {
                let done = report["repairs"].as_array().unwrap().iter();
                let mut dropped = done.filter(|what| what.as_str().unwrap().starts_with("dropped"));
                assert!(dropped.next().unwrap().to_string().contains("bread.md"));
                let (_, summary) = place.json(&["index", "--json"]);
                assert_eq!(summary["files"]["added"], 3, "{summary}");
            }
            assert_eq!(answers(&place), before, "{kind}");
            assert_eq!(status(&place.run(&["doctor"])), 0, "{kind}");
        }
    }
}

#[test]
fn all_files_but_the_manifest_damaged_at_once_are_mended() {
    let place = Place::indexed();
    let before = answers(&place);
    for kind in ["catalog", "passages", "vectors", "quantised", "lexical"] {
        damage(&place, kind);
    }
    let (exit, report) = place.json(&["doctor", "--repair", "--json"]);
    assert_eq!(exit, 0, "{report}");
    assert_eq!(answers(&place), before);
}

#[test]
fn a_repair_waits_for_no_writer() {
    let place = Place::indexed();
    damage(&place, "quantised");
    let lock = fs::File::open(place.index().join("LOCK")).unwrap();
    lock.lock().unwrap();
    assert_eq!(status(&place.run(&["doctor"])), 1, "a check takes no lock");
    let refused = place.run(&["doctor", "--repair"]);
    assert_eq!(status(&refused), 2);
    assert!(
        err(&refused).contains("another process is writing"),
        "{}",
        err(&refused)
    );
    drop(lock);
    assert_eq!(status(&place.run(&["doctor", "--repair"])), 0);
}

#[test]
fn an_index_without_its_manifest_is_built_anew_as_it_was() {
    let place = Place::indexed();
    place.write(
        ".hidden.md",
        "# Hidden\n\nOnly found when hidden files are taken in.\n",
    );
    let options = ["index", "--hidden", "--passage-tokens", "64"];
    assert_eq!(status(&place.run(&options)), 0);
    let manifest = place.index().join("MANIFEST");
    let catalog = files(&place.index()).into_iter().find(|path| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("catalog-")
    });
    fs::remove_file(catalog.unwrap()).unwrap();
    let (exit, report) = place.json(&["doctor", "--repair", "--json"]);
    assert_eq!(exit, 0, "{report}");
    let (_, now) = place.json(&["status", "--json"]);
    assert_eq!(
        (&now["files"], &now["passage_tokens"]),
        (&Value::from(4), &Value::from(64))
    );

    fs::remove_file(&manifest).unwrap();
    assert_eq!(status(&place.run(&["doctor"])), 1);
    let mended = place.run(&["doctor", "--repair"]);
    assert_eq!(status(&mended), 0, "{}", err(&mended));
    assert!(
        err(&mended).contains("documents that an application added"),
        "{}",
        err(&mended)
    );
}

#[test]
fn leftovers_are_noted_and_removed_and_other_files_stay() {
    let place = Place::indexed();
    let index = place.index();
    fs::create_dir(index.join("segment-99")).unwrap();
    fs::write(index.join("segment-99/passages"), "half").unwrap();
    fs::write(index.join("segment-1/unknown"), "what").unwrap();
    fs::write(index.join("MANIFEST.new"), "half").unwrap();
    fs::write(index.join("mine.txt"), "a user's file").unwrap();
    let (exit, report) = place.json(&["doctor", "--json"]);
    assert_eq!((exit, not_ok(&report)), (0, vec!["leftovers"]), "{report}");
    assert_eq!(report["checks"][8]["n_findings"], 3);
    let (exit, report) = place.json(&["doctor", "--repair", "--json"]);
    assert_eq!(
        (exit, report["repairs"].as_array().unwrap().len()),
        (0, 3),
        "{report}"
    );
    assert!(!index.join("segment-99").exists() && index.join("mine.txt").exists());
    assert!(not_ok(&report).is_empty(), "{report}");
}

#[test]
fn what_cannot_be_checked_is_not_called_sound() {
    let place = Place::empty();
    let none = place.run(&["doctor"]);
    assert_eq!(status(&none), 2);
    assert!(
        err(&none).contains("there is no index in"),
        "{}",
        err(&none)
    );
    assert_eq!(status(&place.run(&["doctor", "no-such-folder"])), 2);
}
