//! Questions that are longer than what the models read of one.

use serde_json::Value;

use crate::place::{err, out, status};
use crate::{Place, QUESTION};

/// This many words that say nothing of bread.
fn filler(n_words: usize) -> String {
    let words =
        "the committee met again on tuesday and spoke at length about the budget".split(' ');
    words.cycle().take(n_words).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_long_question_is_read_at_both_ends_and_the_passage_with_it() {
    let place = Place::new();
    for question in [
        format!("{QUESTION} {}", filler(250)),
        format!("{} {QUESTION}", filler(250)),
    ] {
        let output = place.run(&["search", "--json", &question]);
        assert_eq!(status(&output), 0, "{}", err(&output));
        let answer: Value = serde_json::from_str(out(&output)).unwrap();
        let second = &answer["second_pass"];
        assert_eq!(second["query_tokens_read"], 32);
        assert!(second["query_tokens"].as_u64().unwrap() > 250);
        let first = &answer["first_pass"];
        assert_eq!(first["query_tokens"], first["query_tokens_read"]);
        let warnings = answer["warnings"].to_string();
        let said = "the cross-encoder reads only the first 16 and the last 16";
        assert!(warnings.contains(said), "{warnings}");
        // Passages are told apart.
        let logits = answer["hits"].as_array().unwrap().iter();
        let logits: Vec<f64> = logits
            .filter_map(|hit| hit["scores"]["cross_encoder"].as_f64())
            .collect();
        assert!(
            logits.iter().any(|logit| (logit - logits[0]).abs() > 1.0),
            "{logits:?}"
        );
        assert!(err(&place.run(&["search", &question])).contains(said));

        let lines = b"Yeast makes the dough rise.\nCarbon makes iron hard.\n";
        let reranked = place.run_with(&["rerank", &question], lines);
        assert!(err(&reranked).contains(said), "{}", err(&reranked));
    }
    let longer = place.run(&["search", "--no-rerank", &filler(700)]);
    assert!(
        err(&longer).contains("the bi-encoder embeds only the first "),
        "{}",
        err(&longer)
    );
    let lexical = place.run(&["search", "--mode", "lexical", "--no-rerank", &filler(700)]);
    assert!(!err(&lexical).contains("tokens"), "{}", err(&lexical));
    let short = place.run(&["search", QUESTION]);
    assert!(!err(&short).contains("tokens"), "{}", err(&short));
}
