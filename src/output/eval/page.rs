//! The page: one file, without JavaScript, in light and dark.

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};
use reread_eval::stage_times;

use super::tables::heading;
use super::{Results, decimal, p_value, plots, signed};
use crate::output::{clean, duration, grouped};

const STYLE: &str = include_str!("page.css");

/// Writes the page.
pub(crate) fn write_report(out: &mut impl Write, results: &Results) -> io::Result<()> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Evaluation of " (clean(&results.name)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Does the second pass pay on " (clean(&results.name)) "?" }
                p { (heading(results)) }
                (findings(results))
                h2 { "How good is each ranking?" }
                (measures(results))
                p.note {
                    "All measures go from 0 to 1; higher is better. The ceiling is what the first measure would be if the "
                    "candidates that a system may reorder were in the best order; no second pass of that depth can do better."
                }
                (comparisons(results))
                (second_pass(results))
                h2 { "Where were relevant places lost?" }
                figure { (plots::fates(results)) }
                @if let Some(advice) = results.advice() { p { (advice) } }
                h2 { "What does it cost?" }
                figure {
                    (plots::latency(results))
                    figcaption {
                        "Bars end at the median, lines at the 95th percentile. Times with ~ are estimated from the deepest "
                        "second pass, in proportion to the pairs read."
                    }
                }
                (stages(results))
                (warnings(results))
            }
        }
    };
    writeln!(out, "{}", page.into_string())
}

fn findings(results: &Results) -> Markup {
    html! {
        ul { @for finding in results.findings() { li { (finding) } } }
    }
}

fn measures(results: &Results) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th { "system" }
                @for measure in &results.measures { th { (measure) } }
                th { "ceiling" } th { "reached" } th { "pairs" } th { "p50" } th { "p95" }
            } }
            tbody { @for row in &results.rows {
                @let about = if row.estimated { "~" } else { "" };
                tr {
                    td { (row.system) }
                    @for mean in row.evaluation.means() { td { (decimal(mean)) } }
                    td { (decimal(row.ceiling)) }
                    td { @match row.reached() {
                        Some(share) => { (format!("{:.0} %", share * 100.0)) }
                        None => { "–" }
                    } }
                    td { (grouped(row.n_pairs)) }
                    @if let Some((p50, p95)) = row.time {
                        td { (about) (duration(p50)) } td { (about) (duration(p95)) }
                    } @else { td { "–" } td { "–" } }
                }
            } }
        } }
    }
}

fn comparisons(results: &Results) -> Markup {
    html! {
        h2 { "Against the hybrid, in " (results.main_measure()) }
        div.scroll { table {
            thead { tr {
                th { "system" } th { "difference" } th { "95 % interval" } th { "wins" } th { "losses" } th { "ties" }
                th { "p" } th { "corrected p" }
            } }
            tbody { @for row in &results.rows { @if let Some(comparison) = row.against_hybrid {
                tr {
                    td { (row.system) }
                    td { (signed(comparison.mean)) }
                    td { @match comparison.interval {
                        Some((low, high)) => { (signed(low)) " to " (signed(high)) }
                        None => { "–" }
                    } }
                    td { (comparison.wins) } td { (comparison.losses) } td { (comparison.ties) }
                    td { (p_value(comparison.p_value)) }
                    td { (p_value(row.corrected_p.unwrap_or(1.0))) }
                }
            } } }
        } }
        p.note {
            "p is how often chance alone would show a difference of this size (paired randomisation test, seed "
            (results.seed) "); corrected for the number of comparisons by Holm's method."
        }
    }
}

fn second_pass(results: &Results) -> Markup {
    if results.second_pass().next().is_none() {
        return html! {};
    }
    html! {
        h2 { "How deep should the second pass read?" }
        figure {
            (plots::depth_curve(results))
            figcaption {
                "Solid: " (results.main_measure()) " by depth, with the 95 % interval of its difference from the hybrid "
                "(dotted). Dashed: the ceiling."
            }
        }
        h2 { "Which questions gain and which lose?" }
        @for row in results.second_pass() {
            figure {
                (plots::gains(results, row))
                figcaption { (row.system) ": one bar per question, sorted. Point at a bar to see the question's id." }
            }
        }
    }
}

fn stages(results: &Results) -> Markup {
    html! {
        div.scroll { table {
            thead { tr { th { "stage" } th { "p50" } th { "p95" } } }
            tbody { @for (stage, p50, p95) in stage_times(&results.trials) {
                tr { td { (stage) } td { (duration(p50)) } td { (duration(p95)) } }
            } }
        } }
    }
}

fn warnings(results: &Results) -> Markup {
    if results.warnings.is_empty() {
        return html! {};
    }
    html! {
        h2 { "What to know about the judgements" }
        ul { @for warning in &results.warnings { li { (clean(warning)) } } }
    }
}
