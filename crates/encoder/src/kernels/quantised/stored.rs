//! Packed matrices as bytes, to be written to a file and read back.

use std::io;

use crate::kernels::aligned::Aligned;
use crate::kernels::huge_pages::{Pages, line_up};

use super::Int8Panels;

/// Which order of weights in a panel this is: another number for every change of what
/// [`Kernels::pack_int8`](crate::kernels::Kernels::pack_int8) makes of a matrix, on any instruction
/// set. Files of another number are not used.
pub(crate) const LAYOUT_VERSION: u32 = 1;

/// The bytes of the scales, the sums, the biases and the reach for each column and each matrix.
const NUMBER: usize = size_of::<f32>();

/// How the kernels of an instruction set lay out a matrix.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct PanelLayout {
    /// The columns of a panel.
    pub(in crate::kernels) width: usize,
    /// The weights of a group.
    pub(in crate::kernels) group: usize,
    /// The number of groups of a column is rounded up to a multiple of so many.
    pub(in crate::kernels) step: usize,
}

/// Int8 matrices of known sizes in the layout of one instruction set, as bytes, little-endian:
///
/// 1. the groups of each matrix, each beginning on a multiple of 64 bytes;
/// 2. for each matrix the scales, the scaled sums and the biases of its columns, those of a last
///    panel that is not full included, and its reach, NaN where it has none.
#[derive(Debug)]
pub(crate) struct StoredInt8 {
    layout: PanelLayout,
    /// `[n, k]` of each matrix.
    shapes: Vec<[usize; 2]>,
}

impl StoredInt8 {
    pub(in crate::kernels) fn new(layout: PanelLayout, shapes: Vec<[usize; 2]>) -> Self {
        Self { layout, shapes }
    }

    /// The number of bytes of all matrices, where it is one that a file may have.
    pub(crate) fn n_bytes(&self) -> Option<u64> {
        let PanelLayout { width, group, step } = self.layout;
        // Half of what would overflow, so that the rounding up cannot.
        let of_matrix = |&[n, k]: &[usize; 2]| {
            let n_padded = n.checked_next_multiple_of(width)?;
            let n_groups = (k / group).checked_next_multiple_of(step)?;
            let n_numbers = n_padded.checked_mul(n_groups.checked_add(3)?)?;
            n_numbers.checked_mul(2 * NUMBER)
        };
        let roughly = self.shapes.iter().try_fold(0_usize, |sum, shape| {
            sum.checked_add(of_matrix(shape)?.checked_add(1 << 10)?)
        });
        roughly?;
        let groups: usize = self.lens().iter().map(|&len| line_up(len)).sum();
        Some((groups + self.columns_len()) as u64)
    }

    /// The numbers of groups of the matrices.
    fn lens(&self) -> Vec<usize> {
        let PanelLayout { group, step, .. } = self.layout;
        let len = |&[n, k]: &[usize; 2]| self.n_padded(n) * (k / group).next_multiple_of(step);
        self.shapes.iter().map(len).collect()
    }

    fn n_padded(&self, n: usize) -> usize {
        n.next_multiple_of(self.layout.width)
    }

    /// The bytes of what the columns of all matrices have.
    fn columns_len(&self) -> usize {
        let len = |&[n, _]: &[usize; 2]| NUMBER * (3 * self.n_padded(n) + 1);
        self.shapes.iter().map(len).sum()
    }

    /// Reads the matrices, the weights right into huge pages. `fill` fills memory with the bytes
    /// that come next; they need not be sound.
    ///
    /// # Errors
    /// What `fill` fails with, and `OutOfMemory`.
    pub(crate) fn read(
        &self,
        mut fill: impl FnMut(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<Vec<Int8Panels>> {
        let no_memory = || io::Error::from(io::ErrorKind::OutOfMemory);
        let mut pages = Pages::for_numbers(&self.lens()).ok_or_else(no_memory)?;
        fill(pages.bytes())?;
        to_native(pages.bytes());
        let groups = pages.freeze().ok_or_else(no_memory)?;
        let mut columns = vec![0; self.columns_len()];
        fill(&mut columns)?;
        let mut numbers = columns
            .as_chunks()
            .0
            .iter()
            .copied()
            .map(f32::from_le_bytes);
        let mut take = |n| {
            let mut values = Aligned::zeroed(n);
            values
                .iter_mut()
                .zip(&mut numbers)
                .for_each(|(to, value)| *to = value);
            values
        };
        let read = |(&[n, k], groups): (&[usize; 2], _)| {
            let columns = [(); 3].map(|()| take(self.n_padded(n)));
            let reach = Some(take(1)[0]).filter(|reach| !reach.is_nan());
            Int8Panels::from_parts(groups, columns, self.layout.width, [n, k], reach)
        };
        Ok(self.shapes.iter().zip(groups).map(read).collect())
    }

    /// Writes matrices of these sizes; `put` takes the bytes that come next.
    ///
    /// # Errors
    /// What `put` fails with.
    pub(crate) fn write(
        &self,
        matrices: &[Int8Panels],
        mut put: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        for (matrix, len) in matrices.iter().zip(self.lens()) {
            debug_assert_eq!(
                matrix.groups.len(),
                len,
                "the layout that it was packed for"
            );
            bytes.clear();
            bytes.extend(matrix.groups.iter().flat_map(|group| group.to_le_bytes()));
            bytes.resize(line_up(len), 0);
            put(&bytes)?;
        }
        for matrix in matrices {
            let columns = [&matrix.scales, &matrix.sums, &matrix.bias].into_iter();
            let reach = matrix.reach().unwrap_or(f32::NAN);
            let numbers = columns.flat_map(|values| values.iter()).chain([&reach]);
            bytes.clear();
            bytes.extend(numbers.flat_map(|number| number.to_le_bytes()));
            put(&bytes)?;
        }
        Ok(())
    }
}

/// Turns little-endian numbers into those of this machine, which mostly are the same.
fn to_native(bytes: &mut [u8]) {
    if cfg!(target_endian = "big") {
        for number in bytes.as_chunks_mut::<4>().0 {
            number.reverse();
        }
    }
}
