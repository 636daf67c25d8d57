//! The commands beside `search`.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::place::{BINARY, err, out, status};
use crate::{Place, lines_of_json};

#[test]
fn get_prints_lines_and_stays_in_the_folder() {
    let place = Place::new();
    assert_eq!(
        out(&place.run(&["get", "bread.md:5"])),
        "Yeast makes the dough rise.\n"
    );
    assert_eq!(
        out(&place.run(&["get", "bread.md:1-3"])),
        "# Bread\n\n## Rising\n"
    );
    let html = place.run(&["get", "notes/backup.html"]);
    assert!(out(&html).contains("stop the server") && !out(&html).contains('<'));
    assert_eq!(
        out(&place.run(&["get", "corpus.jsonl:2"])),
        "A lake holds fresh water.\n"
    );
    let inner = place.docs.path().join("notes");
    let inner = inner.to_str().unwrap();
    assert_eq!(
        out(&place.run(&["get", "retry.rs:1", inner])),
        "fn retry() {\n"
    );

    let absolute = place.docs.path().join("bread.md");
    for escape in [
        "../bread.md",
        "x/../../bread.md",
        absolute.to_str().unwrap(),
        "/etc/hostname",
    ] {
        let output = place.run(&["get", escape, inner]);
        assert_eq!((status(&output), out(&output)), (2, ""), "{escape}");
        assert!(
            err(&output).contains("is outside"),
            "{escape}: {}",
            err(&output)
        );
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&absolute, Path::new(inner).join("link.md")).unwrap();
        let output = place.run(&["get", "link.md", inner]);
        assert!(
            err(&output).contains("link.md is outside"),
            "{}",
            err(&output)
        );
    }
    let missing = place.run(&["get", "missing.md"]);
    assert_eq!(status(&missing), 2);
    assert!(err(&missing).contains("missing.md"), "{}", err(&missing));
}

#[test]
fn rerank_orders_lines_and_leaves_them_as_they_are() {
    let place = Place::empty();
    let input = b"Berlin is in Germany.\r\n\nCaf\xe9 \xff\nBerlin has 3.5 million inhabitants.\n";
    let run = |args: &[&str]| {
        let question = "how many people live in Berlin";
        let args = [&["rerank", question][..], args].concat();
        place.run_with(&args, input)
    };
    let output = run(&[]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let lines: Vec<&[u8]> = output.stdout.split(|&byte| byte == b'\n').collect();
    assert_eq!(lines[0], b"Berlin has 3.5 million inhabitants.");
    assert_eq!(lines[1], b"Berlin is in Germany.\r");
    assert_eq!(lines[2], b"Caf\xe9 \xff");
    assert_eq!(lines.len(), 4);

    let scored = run(&["--scores", "--top-k", "1"]);
    let (score, line) = out(&scored).trim_end().split_once('\t').unwrap();
    assert_eq!(
        (score.len(), line),
        (6, "Berlin has 3.5 million inhabitants.")
    );
    assert!(
        (0.9..=1.0).contains(&score.parse::<f32>().unwrap()),
        "{score}"
    );

    let json = lines_of_json(&run(&["--json"]));
    assert_eq!(
        (&json[0]["rank"], &json[0]["line"]),
        (&Value::from(1), &Value::from(4))
    );
    assert!(json[0]["score"].as_f64().unwrap() > 1.0);

    let nothing = place.run_with(&["rerank", "q"], "\n\n".as_ref());
    assert_eq!((status(&nothing), out(&nothing)), (1, ""));
}

#[test]
fn index_reports_what_it_did() {
    let place = Place::new();
    place.write("image.bin", "\0\u{1}\0\u{2}\0\0\0\u{3}");
    let summary = place.json(&["index", "--json"]);
    assert_eq!(summary["schema"], 2);
    assert_eq!(summary["changed"], true);
    assert_eq!(summary["files"]["binary"], 1);
    assert!(summary["passages"]["written"].as_u64().unwrap() >= 6);
    assert!(summary["problems"].is_array() && summary["elapsed_ms"].is_f64());
    assert_eq!(place.json(&["index", "--json"])["changed"], false);
    assert_eq!(
        place.json(&["index", "--json", "--rebuild"])["changed"],
        true
    );
}

#[test]
fn a_rebuild_does_not_remove_what_is_no_index() {
    let place = Place::new();
    let precious = place.home.path().join("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("letter.txt"), "dear").unwrap();
    let output = place.run(&["index", "--rebuild", "--index", precious.to_str().unwrap()]);
    assert_eq!(
        fs::read_to_string(precious.join("letter.txt")).unwrap(),
        "dear"
    );
    assert!(
        status(&output) == 0 || err(&output).contains("precious"),
        "{}",
        err(&output)
    );
}

#[test]
fn an_index_can_be_elsewhere() {
    let place = Place::new();
    let index = place.home.path().join("index");
    let index = index.to_str().unwrap();
    let output = place.run(&["search", "--index", index, "yeast"]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    assert!(!place.docs.path().join(".reread").exists());
    assert!(Path::new(index).is_dir());
}

#[test]
fn status_says_what_the_index_holds() {
    let place = Place::new();
    let without = place.run(&["status"]);
    assert_eq!(status(&without), 2);
    assert!(err(&without).contains("reread index"), "{}", err(&without));
    place.run(&["index"]);
    let report = place.json(&["status", "--json", "--verify"]);
    assert_eq!(report["documents"], 6);
    assert_eq!(report["dim"], 384);
    assert_eq!(report["verified"], true);
    assert!(
        report["model"]["name"]
            .as_str()
            .unwrap()
            .contains("bge-small")
    );
    assert!(report["models"]["embedder"].is_string() && report["size_bytes"].is_u64());
    let text = place.run(&["status"]);
    assert!(out(&text).contains("passages") && out(&text).contains("ONNX Runtime"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_in_order_and_leaves_no_half_index() {
    let place = Place::empty();
    for file in 0..40 {
        let text = format!("Sentence {file} of a text that takes a while to read. ").repeat(400);
        place.write(&format!("{file}.txt"), &text);
    }
    let mut child = Command::new(BINARY)
        .arg("index")
        .current_dir(place.docs.path())
        .env("XDG_CONFIG_HOME", place.home.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The index folder appears after the handler is set and before anything is embedded.
    while !place.docs.path().join(".reread").exists() {
        assert_eq!(child.try_wait().unwrap(), None);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    assert!(
        stderr.contains("stopping") && stderr.contains("stopped on request"),
        "{stderr}"
    );
    assert_eq!(status(&place.run(&["status"])), 2);
}
