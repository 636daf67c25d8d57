//! Packed matrices as bytes, to be written to a file and read back.

use std::io;

use crate::kernels::aligned::Aligned;
use crate::kernels::huge_pages::{Pages, line_up};

use super::Int8Panels;

/// Which order of weights in a panel this is: another number for every change of what
/// [`Kernels::pack_int8`](crate::kernels::Kernels::pack_int8) makes of a matrix, on any instruction
/// set. Files of another number are not used.
pub(crate) const LAYOUT_VERSION: u32 = 1;

/// The bytes of a number.
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
    /// Panels are cut into runs, as long as their weights make them: such matrices are not stored.
    pub(in crate::kernels) in_runs: bool,
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

    /// The number of bytes of all matrices; none where they are not stored, or more than any file has.
    pub(crate) fn n_bytes(&self) -> Option<u64> {
        let PanelLayout {
            width,
            group,
            step,
            in_runs,
        } = self.layout;
        if in_runs {
            return None;
        }
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

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::instruction_set::InstructionSet;
    use crate::kernels::Kernels;

    const SHAPES: [[usize; 2]; 3] = [[70, 96], [33, 32], [64, 160]];

    /// Matrices whose columns do not fill the last panel, and whose rows do not fill the last step.
    fn matrices(kernels: Kernels) -> Vec<Int8Panels> {
        let pack = |[n, k]: [usize; 2]| {
            let bias: Vec<f32> = (0..n).map(|column| column as f32 / 8.0 - 3.0).collect();
            let packed = kernels.pack_int8(k, &bias, |row, to| {
                for (number, to) in to.iter_mut().enumerate() {
                    *to = ((row * 31 + number * 7 + row * number) % 251) as u8 as i8;
                }
                0.5 + row as f32 / 64.0
            });
            if n == 64 {
                packed.with_reach(2.5)
            } else {
                packed
            }
        };
        SHAPES.map(pack).into_iter().collect()
    }

    fn bytes(stored: &StoredInt8, matrices: &[Int8Panels]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let put = |part: &[u8]| {
            bytes.extend_from_slice(part);
            Ok(())
        };
        stored.write(matrices, put).unwrap();
        bytes
    }

    /// Where this fails, what is packed has changed: give [`LAYOUT_VERSION`] another number and put the
    /// new digests here, so that files of the old kind are not used.
    #[test]
    fn packed_bytes_do_not_change_without_another_version() {
        assert_eq!(LAYOUT_VERSION, 1);
        let expected = [
            (InstructionSet::Amx, "8acadfb49985014e"),
            (InstructionSet::Avx512Vnni, "9dd7d8b45349adc0"),
            (InstructionSet::Avx512, "e48441ebf25b4f8a"),
            (InstructionSet::AvxVnni, "ff88198b9480913d"),
            (InstructionSet::Portable, "8c402a99effad0e7"),
        ];
        for (set, expected) in expected {
            let Some(kernels) = Kernels::native_or_emulated(set) else {
                continue;
            };
            let stored = kernels.stored_int8(SHAPES.to_vec());
            if stored.n_bytes().is_some() {
                let bytes = bytes(&stored, &matrices(kernels));
                assert_eq!(&blake3::hash(&bytes).to_hex()[..16], expected, "{set}");
            }
        }
    }

    #[test]
    fn matrices_are_read_back_as_they_were_written() {
        for set in InstructionSet::ALL {
            let Some(kernels) = Kernels::native_or_emulated(set) else {
                continue;
            };
            let (stored, packed) = (kernels.stored_int8(SHAPES.to_vec()), matrices(kernels));
            if stored.n_bytes().is_none() {
                continue;
            }
            let written = bytes(&stored, &packed);
            assert_eq!(stored.n_bytes(), Some(written.len() as u64), "{set}");
            let mut from = &*written;
            let read = stored.read(|to| from.read_exact(to)).unwrap();
            assert_eq!(bytes(&stored, &read), written, "{set}");
            for (packed, read) in packed.iter().zip(&read) {
                assert_eq!(packed.groups[..], read.groups[..]);
                assert_eq!([packed.n(), packed.k()], [read.n(), read.k()]);
                assert_eq!((packed.width, packed.reach()), (read.width, read.reach()));
            }
            let cut = stored.read(|to| (&written[..9]).read_exact(to));
            assert!(cut.is_err(), "{set}");
        }
    }

    #[test]
    fn sizes_that_no_file_has_are_no_panic() {
        for set in InstructionSet::available() {
            let kernels = Kernels::of(set).unwrap();
            for shape in [[1 << 40, 1 << 40], [usize::MAX, 32], [32, usize::MAX]] {
                assert_eq!(kernels.stored_int8(vec![shape]).n_bytes(), None);
            }
            let many = vec![[1 << 30, 1 << 30]; 64];
            assert_eq!(kernels.stored_int8(many).n_bytes(), None);
        }
    }
}
