//! How ONNX models are used.

/// How the vectors of a text's tokens become the text's vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The first token's vector.
    Cls,
    /// The mean over all tokens.
    Mean,
}

/// How an ONNX bi-encoder is used. What is not set here is taken from the model's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FastembedEmbedderOptions {
    /// The longest text in tokens, special tokens included; the rest is cut off. Without it, or
    /// beyond it: what the model was made for.
    pub max_tokens: Option<usize>,
    /// How token vectors become one. Without it: what `1_Pooling/config.json` says, else the
    /// first token's vector.
    pub pooling: Option<Pooling>,
    /// What to put before each query. Without it: the prompt `query` of
    /// `config_sentence_transformers.json`, else nothing.
    pub query_prefix: Option<String>,
    /// What to put before each passage. Without it: the prompt `passage` or `document` of
    /// `config_sentence_transformers.json`, else nothing.
    pub passage_prefix: Option<String>,
}

impl FastembedEmbedderOptions {
    /// Cuts texts at `max_tokens`.
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: usize) -> Self {
        self.max_tokens = Some(max_tokens);
        self
    }

    /// Makes a text's vector from its tokens' vectors by `pooling`.
    #[must_use]
    pub fn with_pooling(mut self, pooling: Pooling) -> Self {
        self.pooling = Some(pooling);
        self
    }

    /// Puts `prefix` before each query.
    #[must_use]
    pub fn with_query_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.query_prefix = Some(prefix.into());
        self
    }

    /// Puts `prefix` before each passage.
    #[must_use]
    pub fn with_passage_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.passage_prefix = Some(prefix.into());
        self
    }
}

/// How an ONNX cross-encoder is used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FastembedCrossEncoderOptions {
    /// The longest pair in tokens, special tokens included; the end of a longer passage is cut
    /// off. 256 holds a query and a passage of the usual length, at half the cost of 512. More
    /// than the model was made for is taken as what it was made for.
    pub max_tokens: usize,
}

impl Default for FastembedCrossEncoderOptions {
    fn default() -> Self {
        Self { max_tokens: 256 }
    }
}

impl FastembedCrossEncoderOptions {
    /// Cuts pairs at `max_tokens`.
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: usize) -> Self {
        self.max_tokens = max_tokens;
        self
    }
}
