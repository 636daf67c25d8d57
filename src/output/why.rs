//! What became of a place in a search: one sentence, a table of the stages, and what would help.

mod json;
mod sentences;

use std::io::{self, Write};

use reread_engine::{Cause, Hit, Mode, Place, Placed, SearchOptions, Stages, Why};

pub(crate) use json::write_json;

use self::sentences::{change, effect, not_scored, range, read_to, verdict};
use super::shown::Shown;
use super::{clean, counted, grouped};

/// How many of the results above the place are listed.
const MAX_ABOVE: usize = 3;

/// Writes the diagnosis for people.
pub(crate) fn write_text(
    out: &mut impl Write,
    why: &Why,
    options: &SearchOptions,
    shown: &Shown,
) -> io::Result<()> {
    writeln!(out, "{}", clean(&verdict(why, options, &place(why, shown))))?;
    if let (Some(stand_in), false) = (&why.stand_in, matches!(why.cause, Cause::Folded { .. })) {
        let place = format!("{}:{}", shown.path(&stand_in.path), range(stand_in.lines()));
        writeln!(
            out,
            "Its text was ranked and read at {}, which stands for it.",
            clean(&place)
        )?;
    }
    let was_ranked = !matches!(why.cause, Cause::NotIndexed(_) | Cause::FilteredOut(_));
    if was_ranked {
        writeln!(out)?;
        write_stages(out, why, options)?;
    }
    if was_ranked && why.cause != Cause::Shown && !why.above.is_empty() {
        writeln!(out)?;
        write_above(out, &why.above, shown)?;
    }
    if !why.remedies.is_empty() {
        writeln!(out)?;
        writeln!(out, "what can be changed")?;
    }
    for remedy in &why.remedies {
        let change = clean(&change(&remedy.change));
        writeln!(out, "  {change:<24} {}", effect(remedy, options.top_k))?;
    }
    Ok(())
}

/// The place as it was given; a path so that it opens.
fn place(why: &Why, shown: &Shown) -> String {
    sentences::place(&Place {
        document: shown.named(&why.place.document),
        lines: why.place.lines.clone(),
    })
}

fn write_stages(out: &mut impl Write, why: &Why, options: &SearchOptions) -> io::Result<()> {
    let stages = &why.stages;
    writeln!(out, "{:<14}{:>8}{:>10}", "stage", "rank", "score")?;
    let mut row = |name: &str, placed: Option<Placed>, note: &str| {
        let (rank, score) = placed.map_or_else(
            || ("-".to_owned(), "-".to_owned()),
            |placed| {
                (
                    grouped(placed.rank as usize),
                    format!("{:.4}", placed.score),
                )
            },
        );
        writeln!(
            out,
            "{}",
            format!("{name:<14}{rank:>8}{score:>10}  {note}").trim_end()
        )
    };
    let among = |count: usize| match count {
        0 => "not searched".to_owned(),
        count => format!("of {}", grouped(count)),
    };
    let bm25 = match (stages.n_lexical, stages.lexical) {
        _ if options.first_pass.mode == Mode::Dense => "not searched".to_owned(),
        (0, _) => "no passage contains a word of the question".to_owned(),
        (_, None) => "it contains no word of the question".to_owned(),
        (count, _) => among(count),
    };
    row("BM25", stages.lexical, &bm25)?;
    row("vector", stages.dense, &among(stages.n_dense))?;
    row("first pass", stages.first_pass, &first_pass(stages))?;
    let reading = read_to(why).unwrap_or_default();
    let note = match stages.cross_encoder {
        Some(_) => reading,
        None => not_scored(why, options),
    };
    row("cross-encoder", stages.cross_encoder, &note)?;
    let shown = format!("shown: the first {}", grouped(options.top_k));
    row("answer", stages.answer, &shown)
}

fn first_pass(stages: &Stages) -> String {
    match (stages.first_pass, stages.depth_needed) {
        (None, _) if stages.lexical.or(stages.dense).is_none() => "in neither list".to_owned(),
        (None, _) => "beyond the deepest first pass".to_owned(),
        (Some(_), Some(needed)) if needed > stages.depth => format!(
            "depth {} would reach it; the depth was {}",
            grouped(needed),
            grouped(stages.depth)
        ),
        _ => format!("within the depth of {}", grouped(stages.depth)),
    }
}

fn write_above(out: &mut impl Write, above: &[Hit], shown: &Shown) -> io::Result<()> {
    writeln!(out, "above it")?;
    for hit in above.iter().take(MAX_ABOVE) {
        let logit = hit.scores.cross_encoder;
        let logit = logit
            .map(|logit| format!("  logit {logit:.4}"))
            .unwrap_or_default();
        let path = shown.path(&hit.passage.path);
        let line = hit.passage.lines().start();
        writeln!(out, "  {:>3}. {path}:{line}{logit}", hit.rank)?;
    }
    let more = above.len().saturating_sub(MAX_ABOVE);
    if more > 0 {
        writeln!(out, "       and {}", counted(more, "more result"))?;
    }
    Ok(())
}
