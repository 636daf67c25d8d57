use reread_models::{BoxError, Cancelled};

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in the second pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The cross-encoder failed while scoring, or returned what no order can be made of.
    #[error("the cross-encoder failed")]
    CrossEncoder(#[source] BoxError),
    /// The caller asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}
