//! Copies that are one result, and documents that leave places to others.

use serde_json::Value;

use crate::Place;
use crate::place::{err, out, status};

/// What a command prints.
fn said(place: &Place, args: &[&str]) -> String {
    out(&place.run(args)).to_owned()
}

#[test]
fn copies_are_one_result_with_its_other_places() {
    let place = Place::new();
    for copy in 0..11 {
        place.write(
            &format!("copies/{copy}.txt"),
            "Yeast makes  the dough\nrise.\n",
        );
    }
    let question = "why does dough rise";
    let output = place.run(&["search", question]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let text = out(&output);
    assert_eq!(text.matches("and 11 more places").count(), 1, "{text}");
    assert_eq!(text.matches("Yeast makes").count(), 1, "{text}");
    let explained = said(&place, &["search", "--explain", question]);
    assert_eq!(explained.matches(" copies/").count(), 10, "{explained}");
    assert!(
        explained.contains("which stand for 11 more passages"),
        "{explained}"
    );

    let answer: Value =
        serde_json::from_str(&said(&place, &["search", "--json", question])).unwrap();
    assert_eq!(answer["first_pass"]["folded"], 11);
    let first = &answer["hits"][0];
    let places = first["also_at"].as_array().unwrap();
    assert_eq!(places.len(), 11);
    let folded = places.iter().find(|place| place["path"] == "copies/3.txt");
    let (folded, path) = match folded {
        Some(place) => (place, "copies/3.txt"),
        None => (&places[0], "copies/0.txt"),
    };
    assert_eq!(
        (&folded["start_line"], &folded["end_line"]),
        (&1.into(), &2.into())
    );
    assert_eq!(folded["doc_id"], *path);

    let why = place.run(&["why", question, path]);
    assert_eq!(status(&why), 1, "{}", err(&why));
    assert!(
        out(&why).contains("is folded into the result at rank 1 (bread.md:5)"),
        "{}",
        out(&why)
    );
    assert!(out(&why).contains("--fold never"), "{}", out(&why));
    let all = said(&place, &["search", "--fold", "never", "-k", "50", question]);
    assert_eq!(all.matches("copies/").count(), 11, "{all}");
    let run = said(
        &place,
        &[
            "search", "--format", "trec", "--by", "passage", "-k", "50", question,
        ],
    );
    assert_eq!(
        run.matches("copies/").count(),
        11,
        "judgements may name any: {run}"
    );
}

#[test]
fn a_document_leaves_places_to_others() {
    let place = Place::empty();
    let sections: Vec<String> = (0..15)
        .map(|n| format!("# Part {n}\n\nThe dough of bread {n} rises.\n\n"))
        .collect();
    place.write("long.md", sections.concat());
    place.write("short.txt", "Bread is baked.\n");
    let limited = |options: &[&str]| {
        let trec = ["search", "--format", "trec", "--by", "passage"];
        said(&place, &[&trec, options, &["bread dough rises"]].concat())
    };
    assert_eq!(limited(&["--no-rerank"]).matches("long.md#").count(), 10);
    let two = limited(&["--per-document", "2"]);
    assert_eq!(
        (two.matches("long.md#").count(), two.lines().count()),
        (2, 3),
        "{two}"
    );
    let refused = place.run(&["search", "--per-document", "0", "bread"]);
    assert_eq!(status(&refused), 2);
    place.write("reread.toml", "per_document = 1\nfold = \"similar\"\n");
    assert_eq!(limited(&[]).matches("long.md#").count(), 1);
}
