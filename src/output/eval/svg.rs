//! What the plots share: a scale, axes, and numbers as attributes.

use maud::{Markup, html};

/// The inside of a plot, in pixels of its own coordinates.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) bottom: f64,
}

/// From values to pixels.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    from: (f64, f64),
    to: (f64, f64),
}

const TOP: f64 = 14.0;
const RIGHT: f64 = 16.0;

impl Frame {
    /// A scale over the width.
    pub(super) fn x(&self, low: f64, high: f64) -> Scale {
        Scale::new((low, high), (self.left, self.width - RIGHT))
    }

    /// A scale over the height, upwards.
    pub(super) fn y(&self, low: f64, high: f64) -> Scale {
        Scale::new((low, high), (self.height - self.bottom, TOP))
    }

    pub(super) fn right(&self) -> f64 {
        self.width - RIGHT
    }

    pub(super) fn base(&self) -> f64 {
        self.height - self.bottom
    }

    /// Horizontal lines at round values, with their labels.
    pub(super) fn grid(&self, y: Scale, label: impl Fn(f64) -> String) -> Markup {
        html! {
            @for value in y.ticks() {
                line.grid x1=(px(self.left)) x2=(px(self.right())) y1=(px(y.at(value))) y2=(px(y.at(value))) {}
                text.tick x=(px(self.left - 6.0)) y=(px(y.at(value) + 4.0)) text-anchor="end" { (label(value)) }
            }
        }
    }

    /// A plot that says in words what it shows, for those who do not see it.
    pub(super) fn draw(&self, title: &str, inside: &Markup) -> Markup {
        html! {
            svg viewBox=(format!("0 0 {} {}", px(self.width), px(self.height))) role="img" aria-label=(title) {
                title { (title) }
                (inside)
            }
        }
    }
}

impl Scale {
    fn new(from: (f64, f64), to: (f64, f64)) -> Self {
        // A scale of no width would divide by 0.
        let high = if from.1 > from.0 {
            from.1
        } else {
            from.0 + 1.0
        };
        Self {
            from: (from.0, high),
            to,
        }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value - self.from.0) / (self.from.1 - self.from.0);
        self.to.0 + share * (self.to.1 - self.to.0)
    }

    /// Some four to eight round values within the scale.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let range = self.from.1 - self.from.0;
        let power = 10f64.powf((range / 4.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .rfind(|step| range / step >= 3.0)
            .unwrap_or(power);
        let first = (self.from.0 / step).ceil() as i64;
        let last = (self.from.1 / step).floor() as i64;
        // At most a dozen, whatever the numbers are.
        (first..=last.min(first.saturating_add(12)))
            .map(|tick| tick as f64 * step)
            .collect()
    }
}

/// A coordinate.
pub(super) fn px(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        for (low, high) in [
            (0.0, 1.0),
            (0.31, 0.44),
            (-0.7, 0.9),
            (0.0, 2_315.0),
            (0.2, 0.2),
        ] {
            let scale = Scale::new((low, high), (0.0, 100.0));
            let ticks = scale.ticks();
            assert!((2..=11).contains(&ticks.len()), "{low} {high}: {ticks:?}");
            for tick in ticks {
                assert!(
                    (-1e-9..=100.0 + 1e-9).contains(&scale.at(tick)),
                    "{low} {high}: {tick}"
                );
            }
        }
    }
}
