//! Medians, agreement of rankings, and how they are printed.

/// The median with its quartiles, as `median (lower-upper)`; `digits` after the point.
pub(crate) fn spread(values: &[f64], digits: usize) -> String {
    if values.is_empty() {
        return "-".to_owned();
    }
    let [lower, median, upper] = [0.25, 0.5, 0.75].map(|at| quantile(values, at));
    format!("{median:.digits$} ({lower:.digits$}-{upper:.digits$})")
}

/// The value below which the share `at` of the values lies, between the two nearest ones.
pub(crate) fn quantile(values: &[f64], at: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = at * sorted.len().saturating_sub(1) as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    match (sorted.get(below), sorted.get(below + 1)) {
        (Some(value), Some(next)) => value + share * (next - value),
        (Some(value), None) => *value,
        _ => f64::NAN,
    }
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Kendall's tau of two scorings of the same items: the share of pairs of items in the same order
/// less the share in opposite order.
pub(crate) fn kendall_tau(one: &[f32], other: &[f32]) -> f64 {
    let n = one.len();
    let sign = |a: f32, b: f32| f64::from(i8::from(a > b) - i8::from(a < b));
    let mut sum = 0.0;
    for i in 0..n {
        for j in 0..i {
            sum += sign(one[i], one[j]) * sign(other[i], other[j]);
        }
    }
    sum / ((n * n.saturating_sub(1)) as f64 / 2.0).max(1.0)
}

/// How far apart two scorings of the same items are, item by item.
pub(crate) fn differences<'a>(one: &'a [f32], other: &'a [f32]) -> impl Iterator<Item = f64> + 'a {
    let pairs = one.iter().zip(other);
    pairs.map(|(a, b)| f64::from((a - b).abs()))
}

/// Prints a line of a Markdown table.
pub(crate) fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

/// Prints the head of a Markdown table.
pub(crate) fn head(cells: &[&str]) {
    println!("| {} |", cells.join(" | "));
    println!("|{}", "---|".repeat(cells.len()));
}
