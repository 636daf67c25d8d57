//! What a person who judges sees.

use std::io::{self, Write};

use reread_engine::Passage;
use reread_eval::Standing;

use super::eval::{p_value, signed};
use super::{clean, clean_lines, counted, grouped};

/// A passage is cut after this many characters: enough to judge by.
const MAX_CHARS: usize = 1_200;

pub(crate) fn write_question(
    out: &mut impl Write,
    number: usize,
    n_questions: usize,
    text: &str,
) -> io::Result<()> {
    writeln!(out, "\nquestion {number} of {n_questions}: {}", clean(text))
}

/// Writes a candidate without any word of which pass favours it.
pub(crate) fn write_candidate(
    out: &mut impl Write,
    name: &str,
    passage: &Passage,
) -> io::Result<()> {
    writeln!(out, "\n{}  {}", clean(name), clean(&passage.title))?;
    let text: String = passage.text.chars().take(MAX_CHARS).collect();
    let rest = if text.len() < passage.text.len() {
        "…"
    } else {
        ""
    };
    writeln!(out, "{}{rest}", clean_lines(&text))
}

/// Writes what the judgements so far say.
pub(crate) fn write_standing(out: &mut impl Write, standing: &Standing) -> io::Result<()> {
    let comparison = &standing.comparison;
    if comparison.n_queries == 0 {
        return writeln!(out, "\nnothing has been judged yet");
    }
    write!(
        out,
        "\nso far: of {}, the second pass is better on {}, worse on {}; {} DCG@10, p {}: ",
        counted(comparison.n_queries, "judged question"),
        comparison.wins,
        comparison.losses,
        signed(comparison.mean),
        p_value(comparison.p_value)
    )?;
    match (standing.is_decided, standing.n_more) {
        (true, _) if comparison.mean > 0.0 => writeln!(out, "enough to decide: it is better"),
        (true, _) => writeln!(out, "enough to decide: it is worse"),
        (false, Some(n_more)) => writeln!(
            out,
            "if it goes on like this, about {} more questions will decide",
            grouped(n_more)
        ),
        (false, None) => writeln!(out, "too little to tell"),
    }
}
