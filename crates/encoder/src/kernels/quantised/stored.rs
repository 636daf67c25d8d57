//! Packed matrices as bytes, to be written to a file and read back.

use std::io;
use std::sync::Arc;

use memmap2::Mmap;

use crate::kernels::aligned::Aligned;
use crate::kernels::huge_pages::{Packed, line_up};

use super::panels::Int8Panels;
use super::runs::PanelRuns;

/// Which order of weights in a panel this is: another number for every change of what
/// [`Kernels::pack_int8`](crate::kernels::Kernels::pack_int8) makes of a matrix, on any instruction
/// set. Files of another number are not used.
pub(crate) const LAYOUT_VERSION: u32 = 1;

/// Where numbers begin that are read in registers: on a cache line.
const LINE: usize = 64;

/// The bytes of a number.
const NUMBER: usize = size_of::<f32>();

/// How the kernels of an instruction set lay out a matrix.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct PanelLayout {
    /// The columns of a panel.
    pub(in crate::kernels) width: usize,
    /// The weights of a group.
    pub(in crate::kernels) group: usize,
    /// The number of groups of a column is rounded up to a multiple of this.
    pub(in crate::kernels) step: usize,
    /// Panels are cut into runs, and are as long as their weights make them.
    pub(in crate::kernels) in_runs: bool,
}

/// Int8 matrices of known sizes in the layout of one instruction set, as bytes, little-endian:
///
/// 1. where panels are cut into runs, for each panel of each matrix the length of a run and the
///    number of lines at its end, 32 bits each; then the groups of all those lines, 16 bits each;
///    then zeros up to a multiple of 64 bytes;
/// 2. the groups of each matrix, each beginning on a multiple of 64 bytes;
/// 3. for each matrix the scales, the scaled sums and the biases of its columns, those of a last
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

    /// Tells whether a file could hold matrices of these sizes, as this machine reads them: the bytes of
    /// a number in the order of the file.
    pub(crate) fn fits_a_file(&self) -> bool {
        let PanelLayout {
            width, group, step, ..
        } = self.layout;
        // Half of what would overflow, so that the rounding up cannot.
        let of_matrix = |&[n, k]: &[usize; 2]| {
            let n_padded = n.checked_next_multiple_of(width)?;
            let n_groups = (k / group).checked_next_multiple_of(step)?;
            let n_numbers = n_padded.checked_mul(n_groups.checked_add(3)?)?;
            n_numbers.checked_mul(2 * NUMBER)?.checked_add(1 << 10)
        };
        let mut sizes = self.shapes.iter().map(of_matrix);
        let sum = sizes.try_fold(0_usize, |sum, size| sum.checked_add(size?));
        sum.is_some() && cfg!(target_endian = "little")
    }

    /// The number of bytes of all matrices, which [fit a file](Self::fits_a_file); none where the
    /// weights decide.
    pub(crate) fn n_bytes(&self) -> Option<u64> {
        let lens = self.lens(&vec![Vec::new(); self.shapes.len()]);
        (!self.layout.in_runs).then(|| self.content_len(&lens))
    }

    /// The bytes of everything but the runs.
    fn content_len(&self, lens: &[usize]) -> u64 {
        let groups: usize = lens.iter().map(|&len| line_up(len)).sum();
        (groups + self.columns_len()) as u64
    }

    /// The numbers of groups of the matrices; `runs` has those of each matrix.
    fn lens(&self, runs: &[Vec<PanelRuns>]) -> Vec<usize> {
        let PanelLayout {
            width, group, step, ..
        } = self.layout;
        let len = |(&[n, k], runs): (&[usize; 2], &Vec<PanelRuns>)| {
            let n_extra: usize = runs.iter().map(|runs| runs.extra().len()).sum();
            self.n_padded(n) * (k / group).next_multiple_of(step) + n_extra * width
        };
        self.shapes.iter().zip(runs).map(len).collect()
    }

    fn n_padded(&self, n: usize) -> usize {
        n.next_multiple_of(self.layout.width)
    }

    /// The bytes of what the columns of all matrices have.
    fn columns_len(&self) -> usize {
        let len = |&[n, _]: &[usize; 2]| NUMBER * (3 * self.n_padded(n) + 1);
        self.shapes.iter().map(len).sum()
    }

    /// Finds the matrices in a mapped file, in which they begin at `start` and end with the file. None
    /// where it is not as long as they are.
    pub(crate) fn find(&self, file: &Arc<Mmap>, start: usize) -> Option<Vec<Int8Panels>> {
        let (runs, groups_start) = if self.layout.in_runs {
            self.runs(file, start)?
        } else {
            (vec![Vec::new(); self.shapes.len()], start)
        };
        let lens = self.lens(&runs);
        if file.len() as u64 != groups_start as u64 + self.content_len(&lens) {
            return None;
        }
        let columns = &file[file.len() - self.columns_len()..];
        let mut columns = columns.as_chunks().0.iter();
        let mut take = |n| {
            let mut values = Aligned::zeroed(n);
            for (to, &bytes) in values.iter_mut().zip(&mut columns) {
                *to = f32::from_le_bytes(bytes);
            }
            values
        };
        let mut at = groups_start;
        let mut matrices = Vec::new();
        for ((&[n, k], runs), len) in self.shapes.iter().zip(runs).zip(lens) {
            let groups = Packed::in_file(file, at, len)?;
            at += line_up(len);
            let columns = [(); 3].map(|()| take(self.n_padded(n)));
            let reach = Some(take(1)[0]).filter(|reach| !reach.is_nan());
            let (width, shape) = (self.layout.width, [n, k]);
            let matrix = Int8Panels::from_parts(groups, runs, columns, width, shape, reach);
            matrices.push(matrix);
        }
        Some(matrices)
    }

    /// How the panels of all matrices are cut into runs, and where their groups begin.
    fn runs(&self, file: &[u8], start: usize) -> Option<(Vec<Vec<PanelRuns>>, usize)> {
        let PanelLayout { width, group, .. } = self.layout;
        let n_panels = |&[n, _]: &[usize; 2]| n.div_ceil(width);
        let n_panels_of_all: usize = self.shapes.iter().map(n_panels).sum();
        let extra_start = start + 2 * NUMBER * n_panels_of_all;
        let numbers = file.get(start..extra_start)?.as_chunks().0.iter();
        let numbers: Vec<usize> = numbers
            .map(|&bytes| u32::from_le_bytes(bytes) as usize)
            .collect();
        let mut counts = numbers.as_chunks().0.iter();
        let mut extra = file[extra_start..].as_chunks().0.iter();
        let mut n_extra_of_all = 0;
        let mut runs = Vec::new();
        for shape in &self.shapes {
            let n_groups = shape[1] / group;
            let (mut at, mut of_matrix) = (0, Vec::new());
            for &[len, n_extra] in counts.by_ref().take(n_panels(shape)) {
                let extra = extra.by_ref().take(n_extra);
                let extra: Vec<u16> = extra.map(|&bytes| u16::from_le_bytes(bytes)).collect();
                if extra.len() < n_extra {
                    return None;
                }
                n_extra_of_all += n_extra;
                let next = at + (n_groups + n_extra) * width;
                let panel = PanelRuns::from_parts(at, len, extra);
                if !panel.is_within(n_groups, width, next) {
                    return None;
                }
                of_matrix.push(panel);
                at = next;
            }
            runs.push(of_matrix);
        }
        let end = extra_start + size_of::<u16>() * n_extra_of_all;
        Some((runs, start + (end - start).next_multiple_of(LINE)))
    }

    /// Writes matrices; `put` takes the bytes that come next.
    ///
    /// # Errors
    /// What `put` fails with.
    pub(crate) fn write(
        matrices: &[Int8Panels],
        mut put: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        let panels = matrices.iter().flat_map(|matrix| &matrix.runs);
        for runs in panels.clone() {
            let counts = [runs.len(), runs.extra().len()];
            bytes.extend(counts.iter().flat_map(|&n| (n as u32).to_le_bytes()));
        }
        let extra = panels.flat_map(PanelRuns::extra);
        bytes.extend(extra.flat_map(|group| group.to_le_bytes()));
        bytes.resize(bytes.len().next_multiple_of(LINE), 0);
        put(&bytes)?;
        for matrix in matrices {
            bytes.clear();
            bytes.extend(matrix.groups.iter().flat_map(|group| group.to_le_bytes()));
            bytes.resize(line_up(matrix.groups.len()), 0);
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

#[cfg(test)]
mod tests {
    use memmap2::MmapMut;

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

    fn bytes(matrices: &[Int8Panels]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let put = |part: &[u8]| {
            bytes.extend_from_slice(part);
            Ok(())
        };
        StoredInt8::write(matrices, put).unwrap();
        bytes
    }

    fn mapped(bytes: &[u8]) -> Arc<Mmap> {
        let mut map = MmapMut::map_anon(bytes.len()).unwrap();
        map.copy_from_slice(bytes);
        Arc::new(map.make_read_only().unwrap())
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
            (InstructionSet::Avx2, "ff6fa9ca8cae8793"),
            (InstructionSet::Portable, "8c402a99effad0e7"),
        ];
        for (set, expected) in expected {
            let Some(kernels) = Kernels::native_or_emulated(set) else {
                continue;
            };
            let bytes = bytes(&matrices(kernels));
            assert_eq!(&blake3::hash(&bytes).to_hex()[..16], expected, "{set}");
        }
    }

    #[test]
    fn matrices_are_read_back_as_they_were_written() {
        for set in InstructionSet::ALL {
            let Some(kernels) = Kernels::native_or_emulated(set) else {
                continue;
            };
            let (stored, packed) = (kernels.stored_int8(SHAPES.to_vec()), matrices(kernels));
            let written = bytes(&packed);
            let len = written.len() as u64;
            assert_eq!(stored.n_bytes().unwrap_or(len), len, "{set}");
            let read = stored.find(&mapped(&written), 0).unwrap();
            assert_eq!(bytes(&read), written, "{set}");
            for (packed, read) in packed.iter().zip(&read) {
                assert_eq!(packed.groups[..], read.groups[..]);
                assert_eq!(packed.runs, read.runs);
                assert_eq!([packed.n(), packed.k()], [read.n(), read.k()]);
                assert_eq!((packed.width, packed.reach()), (read.width, read.reach()));
            }
            let longer = [&*written, &[0; 64]].concat();
            for wrong in [&written[..9], &written[..written.len() - 1], &longer] {
                assert!(stored.find(&mapped(wrong), 0).is_none(), "{set}");
            }
        }
    }

    #[test]
    fn sizes_that_no_file_has_are_no_panic() {
        for set in InstructionSet::available() {
            let kernels = Kernels::of(set).unwrap();
            for shape in [[1 << 40, 1 << 40], [usize::MAX, 32], [32, usize::MAX]] {
                assert!(!kernels.stored_int8(vec![shape]).fits_a_file());
            }
            let many = vec![[1 << 30, 1 << 30]; 64];
            assert!(!kernels.stored_int8(many).fits_a_file());
        }
    }
}
