//! Files in memory, read as they are needed.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

/// Maps a whole file. Calling all its pages at once, where it is going to be read to its end, was no
/// faster.
///
/// # Errors
/// What the system says of a file that cannot be opened or mapped.
#[allow(unsafe_code, reason = "a file cannot be mapped otherwise")]
pub(crate) fn map(path: &Path) -> io::Result<Mmap> {
    let file = File::open(path)?;
    // SAFETY: the mapping is private and only read. Nobody may cut the file short or overwrite it
    // while it is mapped; `Model::open`, `ModelOptions::with_packed_kept` and docs/format.md say so.
    unsafe { Mmap::map(&file) }
}
