//! The second pass alone: orders texts that are in no index.

use reread_document::is_wordless;
use reread_rerank::{check_logits, logistic, neutral_logit, rank};
use reread_retrieval::is_marked_heading;

use crate::Result;
use crate::engine::Engine;
use crate::windows::windows;
use crate::words_first::words_first;

/// One text as the second pass ranks it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Reranked {
    /// The text's position in the call.
    pub position: usize,
    /// The cross-encoder's logit; higher is more relevant.
    pub logit: f32,
    /// The logit on a scale from 0 to 1; 0 for a text without a word, and little for a heading of Markdown,
    /// whatever its logit.
    pub relevance: f32,
    /// In how many pieces it was read: more than one where it is longer than what the model reads beside
    /// the query. It has the logit of the best.
    pub n_windows: usize,
}

impl Engine {
    /// Orders texts by their relevance to a query, best first, without an index. Texts that are too long
    /// for the model are read in pieces that overlap. Equally relevant ones stay in order, and those without
    /// a word come last.
    ///
    /// # Errors
    /// `Models`, `Rerank`.
    pub fn rerank(&self, query: &str, texts: &[&str]) -> Result<Vec<Reranked>> {
        self.install(|| {
            if texts.is_empty() {
                return Ok(Vec::new());
            }
            let model = self.cross_encoder()?;
            let mut pieces = Vec::with_capacity(texts.len());
            let mut n_windows = Vec::with_capacity(texts.len());
            for text in texts {
                let windows = windows(model.as_ref(), query, text)?;
                n_windows.push(windows.len());
                pieces.extend(windows);
            }
            let scored = check_logits(model.score(query, &pieces), pieces.len())?;
            let mut scored = scored.into_iter();
            let best = |&n: &usize| scored.by_ref().take(n).fold(f32::NEG_INFINITY, f32::max);
            let logits: Vec<f32> = n_windows.iter().map(best).collect();
            // A heading repeats words of the question and answers nothing.
            let most = neutral_logit(self.logit_scale(model.as_ref())?);
            let counted = logits.iter().zip(texts).map(|(&logit, text)| {
                if is_marked_heading(text) {
                    logit.min(most)
                } else {
                    logit
                }
            });
            let counted: Vec<f32> = counted.collect();
            let reranked = |position: usize| {
                let logit = logits[position];
                Reranked {
                    position,
                    logit,
                    relevance: if is_wordless(texts[position]) {
                        0.0
                    } else {
                        logistic(counted[position])
                    },
                    n_windows: n_windows[position],
                }
            };
            // Models give brackets and rules more than sentences that are off the point.
            let order = words_first(rank(&counted), texts);
            Ok(order.into_iter().map(reranked).collect())
        })
    }
}
