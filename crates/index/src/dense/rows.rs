//! What rows of vectors must be, and the order of hits.

use crate::{Error, Result};

/// How far from 1 a row's norm may be. Normalising in f16 stays within it.
const NORM_TOLERANCE: f64 = 1e-3;

/// The largest norm that passes, with room for its own rounding.
pub(super) const MAX_NORM: f32 = 1.0011;

/// The widest vectors whose int8 products fit 32 bits, whatever the values.
const MAX_DIM: usize = 65_536;

/// Checks that `rows` holds whole rows of `dim` finite values with an L2 norm of 1, within 1e-3.
///
/// # Errors
/// [`Error::BadEmbedding`], which names `model` and the first row that is not so.
pub fn validate_rows(model: &str, rows: &[f32], dim: usize) -> Result<()> {
    let bad = |problem| {
        Err(Error::BadEmbedding {
            model: model.to_owned(),
            problem,
        })
    };
    check_dim(dim)?;
    if !rows.len().is_multiple_of(dim) {
        return bad(format!("{} values are not whole rows of {dim}", rows.len()));
    }
    for (pos, row) in rows.chunks_exact(dim).enumerate() {
        if let Some(at) = row.iter().position(|value| !value.is_finite()) {
            return bad(format!("row {pos} holds {} at {at}", row[at]));
        }
        let squares: f64 = row
            .iter()
            .map(|value| f64::from(*value) * f64::from(*value))
            .sum();
        let norm = squares.sqrt();
        if (norm - 1.0).abs() > NORM_TOLERANCE {
            return bad(format!("row {pos} has a norm of {norm:.4}, not 1"));
        }
    }
    Ok(())
}

/// Refuses a width that no product here can have.
pub(super) fn check_dim(dim: usize) -> Result<()> {
    if dim == 0 || dim > MAX_DIM {
        return Err(Error::InvalidOption {
            option: "dim",
            value: dim.to_string(),
            bound: "between 1 and 65536",
        });
    }
    Ok(())
}

/// Orders hits by score, descending, then by position, ascending.
pub(super) fn by_score(left: (u32, f32), right: (u32, f32)) -> std::cmp::Ordering {
    right.1.total_cmp(&left.1).then(left.0.cmp(&right.0))
}
