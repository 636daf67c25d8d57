//! A progress bar on the standard error, where that is a terminal.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reread_engine::{IndexProgress, IndexRun, LockHolder, Observer};

use crate::interrupt;
use crate::output::{counted, duration, grouped, say};

/// How often the bar is drawn, at most.
const DRAWS_PER_SECOND: u8 = 10;

/// Shorter runs show no bar, which would only flicker.
const PATIENCE: Duration = Duration::from_millis(300);

/// Shows how far an indexing run is.
pub(crate) struct Progress {
    bar: ProgressBar,
    started: OnceLock<Instant>,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        let bar = if quiet || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
            ProgressBar::with_draw_target(Some(0), target).with_style(style())
        };
        Self {
            bar,
            started: OnceLock::new(),
        }
    }

    /// A run that this bar shows, and that the user may stop.
    pub(crate) fn run(&self) -> IndexRun<'_> {
        let run = IndexRun::default().with_observer(self);
        run.with_cancel(interrupt::token())
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Shows how far another process is that is waited for.
pub(crate) struct Waiting {
    bar: ProgressBar,
    quiet: bool,
    said: OnceLock<()>,
}

impl Waiting {
    pub(crate) fn new(quiet: bool) -> Self {
        let bar = if quiet || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
            let style = ProgressStyle::with_template("waiting  {bar:10} {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::with_draw_target(Some(0), target).with_style(style.progress_chars("=> "))
        };
        Self {
            bar,
            quiet,
            said: OnceLock::new(),
        }
    }

    /// Shows how far it is now; where there is no terminal, once.
    pub(crate) fn show(&self, holder: Option<&LockHolder>) {
        let who = holder.map_or("another process".to_owned(), |holder| {
            format!("process {}", holder.pid)
        });
        if self.bar.is_hidden() {
            if !self.quiet && self.said.set(()).is_ok() {
                say(&format!("waiting for {who}, which writes to the index"));
            }
            return;
        }
        let Some(done) = holder.and_then(|holder| holder.done) else {
            self.bar.set_message(format!("for {who}"));
            return;
        };
        self.bar.set_length(done.n_files);
        self.bar.set_position(done.n_files_done);
        self.bar.set_message(format!(
            "for {who}: {} of {} files, {} passages",
            done.n_files_done, done.n_files, done.n_passages
        ));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A bar that counts questions; hidden where [`Progress`] is.
pub(crate) fn questions(quiet: bool, n_questions: usize) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
    let template = "asking {bar:10} {pos} of {len} questions, {eta} left";
    ProgressBar::with_draw_target(Some(n_questions as u64), target).with_style(
        ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> "),
    )
}

impl Observer for Progress {
    fn progress(&self, progress: &IndexProgress) {
        if self.bar.is_hidden() {
            return;
        }
        let elapsed = self.started.get_or_init(Instant::now).elapsed();
        if elapsed < PATIENCE {
            return;
        }
        let (len, pos) = match progress.n_graph_steps {
            0 => (progress.n_bytes, progress.n_bytes_done),
            n_steps => (n_steps as u64, progress.n_graph_steps_done as u64),
        };
        self.bar.update(|bar| {
            bar.set_len(len);
            bar.set_pos(pos);
        });
        self.bar.set_message(message(progress, elapsed));
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("indexing {bar:10} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn message(progress: &IndexProgress, elapsed: Duration) -> String {
    let share = (100 * progress.n_graph_steps_done).checked_div(progress.n_graph_steps);
    if let Some(share) = share {
        return format!("building the graph, {share} %");
    }
    let files = format!(
        "{} of {}, {}",
        grouped(progress.n_files_done),
        counted(progress.n_files, "file"),
        counted(progress.n_passages, "passage")
    );
    let seconds = elapsed.as_secs_f64();
    // The first second says little about the rest.
    if seconds < 1.0 || progress.n_bytes_done == 0 {
        return files;
    }
    let rate = progress.n_passages as f64 / seconds;
    let left = progress.n_bytes.saturating_sub(progress.n_bytes_done) as f64;
    let left = seconds * left / progress.n_bytes_done as f64;
    let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
    format!("{files}, {rate:.0}/s, {} left", duration(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_bytes_done() {
        let mut progress = IndexProgress::default();
        progress.n_files = 2_000;
        progress.n_files_done = 500;
        progress.n_bytes = 4_000;
        progress.n_bytes_done = 1_000;
        progress.n_passages = 1_200;
        let shown = message(&progress, Duration::from_secs(10));
        assert_eq!(
            shown,
            "500 of 2,000 files, 1,200 passages, 120/s, 30 s left"
        );
    }

    #[test]
    fn a_graph_is_shown_by_its_steps() {
        let mut progress = IndexProgress::default();
        progress.n_bytes = 4_000;
        progress.n_bytes_done = 4_000;
        progress.n_graph_steps = 40_000;
        progress.n_graph_steps_done = 13_000;
        let shown = message(&progress, Duration::from_secs(10));
        assert_eq!(shown, "building the graph, 32 %");
    }

    #[test]
    fn nothing_is_promised_before_anything_is_known() {
        let shown = message(&IndexProgress::default(), Duration::from_secs(10));
        assert_eq!(shown, "0 of 0 files, 0 passages");
    }
}
