//! What the second pass is given to read.

/// A passage that the first pass found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate<'a> {
    /// The text that the model reads.
    pub text: &'a str,
    /// What the first pass says of it: its fused score.
    pub first_pass: f32,
    /// The result that it is part of: candidates of one document have the same number where results are
    /// documents. `None` where each candidate is a result of its own.
    pub result: Option<u64>,
    /// Whether it is a heading and says nothing itself.
    pub is_heading: bool,
}

impl<'a> Candidate<'a> {
    /// A candidate that is a result of its own.
    pub fn new(text: &'a str, first_pass: f32) -> Self {
        Self {
            text,
            first_pass,
            result: None,
            is_heading: false,
        }
    }

    /// Says whether it is a heading without text below it.
    #[must_use]
    pub fn as_heading(mut self, is_heading: bool) -> Self {
        self.is_heading = is_heading;
        self
    }

    /// Makes it part of a result.
    #[must_use]
    pub fn of_result(mut self, result: u64) -> Self {
        self.result = Some(result);
        self
    }
}
