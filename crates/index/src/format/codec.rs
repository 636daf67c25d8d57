//! Encodes the small structures of the index; the only file that names bincode.
//!
//! bincode is complete but no longer maintained (RUSTSEC-2025-0141), and its version 3.0.0 is an
//! empty tombstone, so 2.0 is pinned. To replace it, give these two functions another body, raise
//! `FORMAT_VERSION` and describe the new encoding in `docs/format.md`: nothing else knows of it.
//! What it reads is always covered by a digest that has been checked before.

use std::path::Path;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::format::header::HEADER_BYTES;
use crate::{Error, Result};

/// No structure is larger: a damaged length must not size an allocation.
const LIMIT_BYTES: usize = 1 << 32;

fn config() -> Configuration<LittleEndian, Fixint, Limit<LIMIT_BYTES>> {
    bincode::config::standard()
        .with_fixed_int_encoding()
        .with_limit::<LIMIT_BYTES>()
}

/// Encodes a structure.
///
/// # Errors
/// `Damaged` when the structure is beyond the size limit (`path` says where it was to go).
pub(crate) fn encode<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>> {
    bincode::serde::encode_to_vec(value, config()).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        offset: 0,
        problem: format!("cannot be encoded: {error}"),
    })
}

/// Decodes a structure that takes up the whole of `payload`.
///
/// # Errors
/// `Damaged` when the bytes are not such a structure.
pub(crate) fn decode<T: DeserializeOwned>(path: &Path, payload: &[u8]) -> Result<T> {
    let damaged = |offset: usize, problem: String| Error::Damaged {
        path: path.to_owned(),
        offset: (HEADER_BYTES + offset) as u64,
        problem,
    };
    let (value, used) = bincode::serde::decode_from_slice(payload, config())
        .map_err(|error| damaged(0, format!("cannot be decoded: {error}")))?;
    if used != payload.len() {
        return Err(damaged(used, "bytes are left over".to_owned()));
    }
    Ok(value)
}
