//! How a verdict on the second pass is written.

use std::io::{self, Write};
use std::time::Duration;

use reread_eval::statistics::queries_needed;
use reread_eval::{Answer, Comparison, Kind, Measure, N_SPLITS, SMALLEST_GAIN, Verdict};
use reread_wire::eval::Comparison as Gain;
use reread_wire::worth_it::{self as wire, Setting};
use reread_wire::{SCHEMA, milliseconds};

use super::eval::{ALPHA, POWER, decimal, p_value, signed};
use super::json::write_line;
use super::{clean, counted, duration, grouped};

/// One setting of the second pass.
pub(crate) struct Choice {
    pub(crate) depth: usize,
    pub(crate) percent: u8,
    /// The mean gain over the first pass alone.
    pub(crate) gain: f64,
    /// Of a question, median and 95th percentile.
    pub(crate) time: (Duration, Duration),
}

/// Everything that was found.
pub(crate) struct Findings {
    pub(crate) name: String,
    pub(crate) measure: Measure,
    /// The mean of the measure for the first pass alone.
    pub(crate) hybrid: f64,
    pub(crate) first_pass_time: (Duration, Duration),
    pub(crate) choices: Vec<Choice>,
    pub(crate) verdict: Verdict,
    pub(crate) warnings: Vec<String>,
    /// Whether the questions were made from the documents.
    pub(crate) is_known_item: bool,
}

impl Findings {
    fn named(&self, setting: usize) -> String {
        let choice = &self.choices[setting];
        format!("depth {}, weight {}", choice.depth, weight(choice.percent))
    }

    /// The answer as one sentence.
    fn answer(&self) -> String {
        let gain = &self.verdict.current_gain;
        match self.verdict.answer {
            Answer::Yes(setting) if setting == self.verdict.current => {
                format!(
                    "Yes, the second pass pays as it is ({}).",
                    self.named(setting)
                )
            }
            Answer::Yes(setting) => {
                let choice = &self.choices[setting];
                format!(
                    "Yes, the second pass pays, with --depth {} --rerank-weight {}.",
                    choice.depth,
                    weight(choice.percent)
                )
            }
            Answer::OnlyFor(kind) => format!(
                "Only for {}: the second pass pays there; for all questions together this is not established.",
                words(kind)
            ),
            Answer::No => format!(
                "No: a gain of {SMALLEST_GAIN} {} or more can be ruled out. Use --no-rerank.",
                self.measure
            ),
            Answer::Unknown => {
                let n_questions = gain.n_queries;
                let more = queries_needed(SMALLEST_GAIN, gain.deviation, ALPHA, POWER)
                    .filter(|&needed| needed > n_questions)
                    .map_or_else(String::new, |needed| {
                        format!(
                            " It takes about {} questions to see a gain of {SMALLEST_GAIN}.",
                            grouped(needed)
                        )
                    });
                format!(
                    "{} are too few to tell.{more}",
                    counted(n_questions, "question")
                )
            }
        }
    }
}

fn weight(percent: u8) -> String {
    format!("{:.2}", f64::from(percent) / 100.0)
}

fn words(kind: Kind) -> String {
    match kind {
        Kind::Short(n) => format!("questions of up to {}", counted(n, "word")),
        Kind::Long(n) => format!("questions of more than {}", counted(n, "word")),
    }
}

fn interval(comparison: &Comparison) -> String {
    comparison.interval.map_or_else(String::new, |(low, high)| {
        format!(" (95 % interval {} to {})", signed(low), signed(high))
    })
}

/// Writes the verdict for people.
pub(crate) fn write_screen(out: &mut impl Write, findings: &Findings) -> io::Result<()> {
    let verdict = &findings.verdict;
    let name = clean(&findings.name);
    if findings.is_known_item {
        writeln!(
            out,
            "{name}: no verdict. The questions were made from the documents: they are easier than real ones, and BM25"
        )?;
        write!(
            out,
            "finds them best. They show what works, not what pays. For these questions: "
        )?;
        writeln!(out, "{}", findings.answer())?;
    } else {
        writeln!(out, "{name}: {}", findings.answer())?;
    }
    writeln!(out)?;
    writeln!(
        out,
        "first pass  {} {}, {} per question",
        decimal(findings.hybrid),
        findings.measure,
        duration(findings.first_pass_time.0)
    )?;
    let current = &verdict.current_gain;
    let p = verdict.current_p;
    write_gain(out, findings, "as it is", verdict.current, current, p)?;
    for (kind, comparison, p) in &verdict.kinds {
        writeln!(
            out,
            "            {} {}{}, p {}",
            words(*kind),
            signed(comparison.mean),
            interval(comparison),
            p_value(*p)
        )?;
    }
    let n_questions = counted(current.n_queries, "question");
    if let Some(detectable) = current.detectable {
        let gain = decimal(detectable);
        writeln!(
            out,
            "            {n_questions} would show a true gain of {gain} with a chance of 80 %"
        )?;
    }
    let (best, p) = (&verdict.best_gain, verdict.best_p);
    write_gain(out, findings, "best here", verdict.best, best, p)?;
    writeln!(
        out,
        "            choosing on one half gains {}{} on the other",
        signed(verdict.held_out.mean),
        interval(&verdict.held_out)
    )?;
    writeln!(out, "            {}", chosen(findings))?;
    writeln!(out)?;
    write_grid(out, findings)
}

fn write_gain(
    out: &mut impl Write,
    findings: &Findings,
    name: &str,
    setting: usize,
    gain: &Comparison,
    p: f64,
) -> io::Result<()> {
    let (p50, p95) = findings.choices[setting].time;
    writeln!(
        out,
        "{name:<10}  {}{}: {} better, {} worse, {} equal; corrected p {}",
        signed(gain.mean),
        interval(gain),
        gain.wins,
        gain.losses,
        gain.ties,
        p_value(p)
    )?;
    writeln!(
        out,
        "            {}: {} per question, one in twenty takes more than {}",
        findings.named(setting),
        duration(p50),
        duration(p95)
    )
}

/// Which settings the halves chose, the most frequent first.
fn chosen(findings: &Findings) -> String {
    let n_halves = 2 * N_SPLITS;
    let counts = &findings.verdict.chosen;
    let mut order: Vec<usize> = (0..counts.len()).filter(|&at| counts[at] > 0).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(counts[at]));
    let named = order.iter().take(3).map(|&at| {
        let name = match findings.choices.get(at) {
            Some(_) => findings.named(at),
            None => "no second pass".to_owned(),
        };
        format!("{name} ({})", counts[at])
    });
    let named: Vec<String> = named.collect();
    let rest = if order.len() > 3 {
        "; others less often"
    } else {
        ""
    };
    format!("chosen on {n_halves} halves: {}{rest}", named.join("; "))
}

/// The gain of every setting: a row a depth, a column a weight.
fn write_grid(out: &mut impl Write, findings: &Findings) -> io::Result<()> {
    let depths: Vec<&[Choice]> = findings
        .choices
        .chunk_by(|one, next| one.depth == next.depth)
        .collect();
    write!(out, "{:<10}", "weight")?;
    for choice in depths.first().into_iter().copied().flatten() {
        write!(out, "{:>9}", weight(choice.percent))?;
    }
    writeln!(out, "{:>9}", "p50")?;
    for row in depths {
        write!(out, "{:<10}", format!("depth {}", row[0].depth))?;
        for choice in row {
            write!(out, "{:>9}", signed(choice.gain))?;
        }
        writeln!(out, "{:>9}", duration(row[0].time.0))?;
    }
    Ok(())
}

impl Findings {
    fn setting(&self, at: usize) -> Setting {
        let choice = &self.choices[at];
        Setting {
            depth: choice.depth,
            rerank_weight: f64::from(choice.percent) / 100.0,
            gain: choice.gain,
            p50_ms: milliseconds(choice.time.0),
            p95_ms: milliseconds(choice.time.1),
            chosen: self.verdict.chosen[at],
        }
    }
}

/// Writes the verdict as one object on one line.
pub(crate) fn write_json(out: &mut impl Write, findings: &Findings) -> io::Result<()> {
    let verdict = &findings.verdict;
    let kind = |(kind, gain, p): &(Kind, Comparison, f64)| wire::Kind {
        kind: words(*kind),
        gain: Gain::new(gain, Some(*p)),
    };
    let settings = 0..findings.choices.len();
    let json = wire::Verdict {
        schema: SCHEMA,
        name: findings.name.clone(),
        answer: wire::word(verdict.answer).to_owned(),
        sentence: findings.answer(),
        measure: findings.measure.to_string(),
        n_questions: verdict.current_gain.n_queries,
        hybrid: findings.hybrid,
        current: findings.setting(verdict.current),
        current_gain: Gain::new(&verdict.current_gain, Some(verdict.current_p)),
        best: findings.setting(verdict.best),
        best_gain: Gain::new(&verdict.best_gain, Some(verdict.best_p)),
        held_out: Gain::new(&verdict.held_out, None),
        kinds: verdict.kinds.iter().map(kind).collect(),
        settings: settings.map(|at| findings.setting(at)).collect(),
        first_pass_ms: milliseconds(findings.first_pass_time.0),
        warnings: findings.warnings.clone(),
    };
    write_line(out, &json)
}
