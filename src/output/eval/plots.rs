//! The plots of the page. Each says in its title what it shows.

use std::time::Duration;

use maud::{Markup, html};
use reread_eval::{Fate, System, SystemSummary};

use super::svg::{Frame, px};
use super::{Results, decimal, signed};
use crate::output::duration;

const ROW: f64 = 26.0;
const WIDE: f64 = 720.0;
const LABELS: f64 = 90.0;

/// The main measure by depth, its interval against the hybrid, and the ceiling.
pub(super) fn depth_curve(results: &Results) -> Markup {
    let frame = Frame {
        width: WIDE,
        height: 300.0,
        left: 56.0,
        bottom: 40.0,
    };
    let Some(hybrid) = results.hybrid() else {
        return html! {};
    };
    let base = value(hybrid);
    let rows: Vec<&SystemSummary> = results.second_pass().collect();
    let low_high = |row: &SystemSummary| {
        let interval = row
            .against_hybrid
            .and_then(|comparison| comparison.interval);
        interval.map_or((value(row), value(row)), |(low, high)| {
            (base + low, base + high)
        })
    };
    let ends = rows.iter().map(|row| low_high(row));
    let (mut low, mut high) = (base, base);
    for (from, to) in ends {
        low = low.min(from);
        high = high.max(to);
    }
    for row in &rows {
        high = high.max(row.ceiling);
    }
    let margin = (high - low).max(0.01) * 0.08;
    let deepest = rows.last().map_or(1, |row| depth(row.system));
    let (x, y) = (
        frame.x(0.0, deepest as f64),
        frame.y((low - margin).max(0.0), (high + margin).min(1.0)),
    );
    let at = |row: &SystemSummary| x.at(depth(row.system) as f64);
    let path = |values: &dyn Fn(&SystemSummary) -> f64, first: f64| {
        let mut points = vec![format!("{},{}", px(x.at(0.0)), px(y.at(first)))];
        points.extend(
            rows.iter()
                .map(|row| format!("{},{}", px(at(row)), px(y.at(values(row))))),
        );
        points.join(" ")
    };
    let inside = html! {
        (frame.grid(y, |value| format!("{value:.2}")))
        line.base x1=(px(frame.left)) x2=(px(frame.right())) y1=(px(y.at(base))) y2=(px(y.at(base))) {}
        polyline.ceiling points=(path(&|row| row.ceiling, base)) {}
        polyline.line points=(path(&value, base)) {}
        circle.dot cx=(px(x.at(0.0))) cy=(px(y.at(base))) r="4" { title { "hybrid: " (decimal(base)) } }
        text.tick x=(px(x.at(0.0))) y=(px(frame.base() + 16.0)) text-anchor="middle" { "0" }
        @for row in &rows {
            @let (from, to) = low_high(row);
            line.whisker x1=(px(at(row))) x2=(px(at(row))) y1=(px(y.at(from))) y2=(px(y.at(to))) {}
            circle.dot cx=(px(at(row))) cy=(px(y.at(value(row)))) r="4" {
                title { (row.system) ": " (decimal(value(row))) ", ceiling " (decimal(row.ceiling)) }
            }
            text.tick x=(px(at(row))) y=(px(frame.base() + 16.0)) text-anchor="middle" { (depth(row.system)) }
        }
        text.tick x=(px(f64::midpoint(frame.left, frame.right()))) y=(px(frame.height - 6.0)) text-anchor="middle" {
            "candidates the second pass reads (0: the hybrid)"
        }
    };
    frame.draw(
        &format!("{} by depth, with its ceiling", results.main_measure()),
        &inside,
    )
}

/// One bar a question: what the second pass gained or lost there, sorted.
pub(super) fn gains(results: &Results, row: &SystemSummary) -> Markup {
    let frame = Frame {
        width: WIDE,
        height: 200.0,
        left: 56.0,
        bottom: 20.0,
    };
    let Some(hybrid) = results.hybrid() else {
        return html! {};
    };
    let queries = row.evaluation.queries.iter().map(|query| &query.query);
    let differences = row
        .evaluation
        .column(0)
        .into_iter()
        .zip(hybrid.evaluation.column(0));
    let mut gains: Vec<(f64, &String)> = differences.map(|(a, b)| a - b).zip(queries).collect();
    gains.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let most = gains.iter().map(|gain| gain.0.abs()).fold(0.1, f64::max);
    let (x, y) = (frame.x(0.0, gains.len() as f64), frame.y(-most, most));
    let width = (x.at(1.0) - x.at(0.0)).max(0.3);
    let inside = html! {
        (frame.grid(y, |value| format!("{value:+.2}")))
        @for (pos, (gain, query)) in gains.iter().enumerate() {
            @if gain.abs() > 1e-9 {
                @let (top, bottom) = (y.at(gain.max(0.0)), y.at(gain.min(0.0)));
                rect class=(if *gain > 0.0 { "gain" } else { "loss" }) x=(px(x.at(pos as f64)))
                    y=(px(top)) width=(px(width * 0.9)) height=(px(bottom - top)) {
                    title { "question " (query) ": " (signed(*gain)) }
                }
            }
        }
        line.base x1=(px(frame.left)) x2=(px(frame.right())) y1=(px(y.at(0.0))) y2=(px(y.at(0.0))) {}
    };
    frame.draw(
        &format!(
            "{}: gain in {} per question, sorted",
            row.system,
            results.main_measure()
        ),
        &inside,
    )
}

/// One bar a system, in parts by what became of the relevant places.
pub(super) fn fates(results: &Results) -> Markup {
    let frame = Frame {
        width: WIDE,
        height: ROW * results.rows.len() as f64 + 40.0,
        left: LABELS,
        bottom: 26.0,
    };
    let total: usize = results
        .rows
        .first()
        .map_or(0, |row| row.fates.values().sum());
    let x = frame.x(0.0, total.max(1) as f64);
    let parts = |row: &SystemSummary| {
        let mut from = 0;
        let mut parts = Vec::new();
        for (shade, fate) in Fate::ALL.into_iter().enumerate() {
            let count = row.fates.get(&fate).copied().unwrap_or(0);
            if count > 0 {
                parts.push((shade, fate, from, count));
            }
            from += count;
        }
        parts
    };
    let inside = html! {
        @for (pos, row) in results.rows.iter().enumerate() {
            @let y = 14.0 + ROW * pos as f64;
            text.label x=(px(frame.left - 8.0)) y=(px(y + 14.0)) text-anchor="end" { (row.system) }
            @for (shade, fate, from, count) in parts(row) {
                @let (left, right) = (x.at(from as f64), x.at((from + count) as f64));
                rect class=(format!("fate{shade}")) x=(px(left)) y=(px(y)) width=(px(right - left)) height=(px(ROW - 7.0)) {
                    title { (row.system) ": " (count) " " (fate.label()) }
                }
                @if right - left > 26.0 {
                    text class=(format!("count on{shade}")) x=(px(left + 5.0)) y=(px(y + 14.0)) { (count) }
                }
            }
        }
    };
    html! {
        (frame.draw("What became of the relevant places, by system", &inside))
        ul.legend {
            @for (shade, fate) in Fate::ALL.into_iter().enumerate() {
                @if results.rows.iter().any(|row| row.fates.contains_key(&fate)) {
                    li { span class=(format!("key key{shade}")) {} (fate.label()) }
                }
            }
        }
    }
}

/// One bar a system to its median time, a line to the 95th percentile.
pub(super) fn latency(results: &Results) -> Markup {
    let frame = Frame {
        width: WIDE,
        height: ROW * results.rows.len() as f64 + 40.0,
        left: LABELS,
        bottom: 26.0,
    };
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let slowest = results
        .rows
        .iter()
        .filter_map(|row| row.time)
        .map(|time| ms(time.1));
    let x = frame.x(0.0, slowest.fold(1.0, f64::max) * 1.15);
    let inside = html! {
        @for tick in x.ticks() {
            line.grid x1=(px(x.at(tick))) x2=(px(x.at(tick))) y1="10" y2=(px(frame.base())) {}
            text.tick x=(px(x.at(tick))) y=(px(frame.base() + 16.0)) text-anchor="middle" { (tick) " ms" }
        }
        @for (pos, row) in results.rows.iter().enumerate() {
            @let y = 14.0 + ROW * pos as f64;
            text.label x=(px(frame.left - 8.0)) y=(px(y + 14.0)) text-anchor="end" { (row.system) }
            @if let Some((p50, p95)) = row.time {
                @let (end, far) = (x.at(ms(p50)), x.at(ms(p95)));
                rect.time x=(px(frame.left)) y=(px(y)) width=(px((end - frame.left).max(1.0))) height=(px(ROW - 7.0)) {
                    title { (row.system) ": median " (duration(p50)) ", 95th percentile " (duration(p95)) }
                }
                line.whisker x1=(px(end)) x2=(px(far)) y1=(px(y + 9.5)) y2=(px(y + 9.5)) {}
                text.tick x=(px(far + 5.0)) y=(px(y + 14.0)) { (if row.estimated { "~" } else { "" }) (duration(p50)) }
            }
        }
    };
    frame.draw(
        "Time per question by system: median and 95th percentile",
        &inside,
    )
}

fn value(row: &SystemSummary) -> f64 {
    row.evaluation.means().first().copied().unwrap_or(0.0)
}

fn depth(system: System) -> usize {
    match system {
        System::Depth(depth) => depth,
        _ => 0,
    }
}
