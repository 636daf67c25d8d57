//! `model.safetensors`: mapped, checked against what is expected, decoded row by row.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::tensor::{Dtype, Metadata, SafeTensors};

use crate::error::{Error, Result};
use crate::kernels::{Int8Panels, Kernels, Norm, Panels};
use crate::mapped;

/// A mapped weights file.
#[derive(Debug)]
pub(crate) struct Weights {
    path: PathBuf,
    map: Mmap,
    metadata: Metadata,
    /// Where the header ends and the tensors begin.
    start: usize,
}

impl Weights {
    /// Maps the file and reads its header.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let map = mapped::map(path).map_err(|source| Error::Io {
            path: path.to_owned(),
            source,
        })?;
        let (header_len, metadata) =
            SafeTensors::read_metadata(&map).map_err(|source| Error::DamagedWeights {
                path: path.to_owned(),
                source: source.into(),
            })?;
        let start = header_len + size_of::<u64>();
        Ok(Self {
            path: path.to_owned(),
            map,
            metadata,
            start,
        })
    }

    /// The bytes of the whole file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// The shape of a tensor, which may carry the prefix `bert.`, where there is one.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.find(name)?.1.shape)
    }

    /// Finds a table of `[rows, columns]`.
    pub(crate) fn table(&self, name: &str, rows: usize, columns: usize) -> Result<Table> {
        let (full_name, info) = self.find(name).ok_or_else(|| Error::MissingTensor {
            path: self.path.clone(),
            tensor: name.to_owned(),
        })?;
        let shape_expected = [rows, columns];
        let flat = columns == 1 && info.shape == [rows];
        if info.shape != shape_expected && !flat {
            return Err(self.wrong_shape(&full_name, &info.shape, &shape_expected));
        }
        let numbers = match info.dtype {
            Dtype::F32 => Numbers::F32,
            Dtype::F16 => Numbers::F16,
            Dtype::BF16 => Numbers::Bf16,
            Dtype::I8 => self.quantised(&full_name, rows)?,
            other => return Err(self.wrong_type(&full_name, other, "F32, F16, BF16 and I8")),
        };
        // The header was checked against the file's length when it was read.
        let at = self.start + info.data_offsets.0;
        Ok(Table {
            at,
            rows,
            columns,
            numbers,
        })
    }

    /// Finds a table and writes all its values out, row after row.
    pub(crate) fn values(&self, name: &str, rows: usize, columns: usize) -> Result<Vec<f32>> {
        let table = self.table(name, rows, columns)?;
        let mut values = vec![0.0; rows * columns];
        for (number, row) in values.chunks_exact_mut(columns).enumerate() {
            table.read(self, number, row);
        }
        if !values.iter().all(|value| value.is_finite()) {
            return Err(self.not_finite(name));
        }
        Ok(values)
    }

    /// Finds the weights of a linear layer and checks that they are numbers.
    ///
    /// A few that are none need not show in the result, since maxima and integers lose them.
    fn matrix(&self, name: &str, n: usize, k: usize) -> Result<Table> {
        let table = self.table(name, n, k)?;
        if !table.is_finite(self) {
            return Err(self.not_finite(name));
        }
        Ok(table)
    }

    /// Finds the weights and biases of linear layers of equal input, `[n, k]` each, and packs
    /// them as one.
    pub(crate) fn linear(
        &self,
        kernels: Kernels,
        names: &[String],
        n: usize,
        k: usize,
    ) -> Result<Panels> {
        let mut tables = Vec::new();
        let mut bias = Vec::new();
        for name in names {
            tables.push(self.matrix(&format!("{name}.weight"), n, k)?);
            bias.extend(self.values(&format!("{name}.bias"), n, 1)?);
        }
        let row = |row: usize, to: &mut [f32]| tables[row / n].read(self, row % n, to);
        Ok(kernels.pack(k, &bias, row))
    }

    /// Finds the weights and biases of linear layers of equal input, `[n, k]` each, and packs
    /// them as one int8 matrix. Weights of other types are quantised row by row.
    pub(crate) fn int8(
        &self,
        kernels: Kernels,
        names: &[String],
        n: usize,
        k: usize,
    ) -> Result<Int8Panels> {
        let mut tables = Vec::new();
        let mut bias = Vec::new();
        for name in names {
            tables.push(self.matrix(&format!("{name}.weight"), n, k)?);
            bias.extend(self.values(&format!("{name}.bias"), n, 1)?);
        }
        let row = |row: usize, to: &mut [i8]| tables[row / n].read_int8(self, row % n, to);
        Ok(kernels.pack_int8(k, &bias, row))
    }

    /// The greatest magnitude that the `n` values of a linear layer reach, as [`Self::int8`] packs
    /// it, for rows that `norm` has normalised: such a row, before gain and shift, is as long as the
    /// root of its width at most and has a mean of 0. None where it is no number of 32 bits.
    pub(crate) fn reach(&self, name: &str, n: usize, norm: &Norm) -> Result<Option<f32>> {
        let k = norm.gain.len();
        let table = self.matrix(&format!("{name}.weight"), n, k)?;
        let bias = self.values(&format!("{name}.bias"), n, 1)?;
        let mut numbers = vec![0; k];
        let mut reach = 0.0_f64;
        for (row, &bias) in bias.iter().enumerate() {
            let scale = table.read_int8(self, row, &mut numbers);
            reach = reach.max(reach_of_row(&numbers, scale, bias, norm));
        }
        let reach = reach as f32;
        Ok(reach.is_finite().then_some(reach))
    }

    /// Finds the weights of a layer normalisation.
    pub(crate) fn norm(&self, name: &str, width: usize, epsilon: f32) -> Result<Norm> {
        // Checkpoints converted from TensorFlow call them gamma and beta.
        let old = self.find(&format!("{name}.gamma")).is_some();
        let (gain, shift) = if old {
            ("gamma", "beta")
        } else {
            ("weight", "bias")
        };
        let gain = self.values(&format!("{name}.{gain}"), width, 1)?;
        let shift = self.values(&format!("{name}.{shift}"), width, 1)?;
        Ok(Norm {
            gain,
            shift,
            epsilon,
        })
    }

    fn find(&self, name: &str) -> Option<(String, &safetensors::tensor::TensorInfo)> {
        [format!("bert.{name}"), name.to_owned()]
            .into_iter()
            .find_map(|full_name| {
                let info = self.metadata.info(&full_name)?;
                Some((full_name, info))
            })
    }

    /// Reads the scale and zero point of an int8 tensor of `rows` rows.
    fn quantised(&self, full_name: &str, rows: usize) -> Result<Numbers> {
        let scale_name = format!("{full_name}_scale");
        let Some(scale) = self.metadata.info(&scale_name) else {
            let path = self.path.clone();
            return Err(Error::MissingTensor {
                path,
                tensor: scale_name,
            });
        };
        if scale.dtype != Dtype::F32 {
            return Err(self.wrong_type(&scale_name, scale.dtype, "F32"));
        }
        if scale.shape != [1] && scale.shape != [rows] {
            return Err(self.wrong_shape(&scale_name, &scale.shape, &[rows]));
        }
        let scales = f32s(self.data(scale)).collect();
        let zero_name = format!("{full_name}_zero_point");
        let zero_point = match self.metadata.info(&zero_name) {
            None => 0.0,
            Some(zero) if zero.dtype != Dtype::I8 => {
                return Err(self.wrong_type(&zero_name, zero.dtype, "I8"));
            }
            Some(zero) => match *self.data(zero) {
                [value] => f32::from(value.cast_signed()),
                _ => return Err(self.wrong_shape(&zero_name, &zero.shape, &[1])),
            },
        };
        Ok(Numbers::I8 { scales, zero_point })
    }

    fn data(&self, info: &safetensors::tensor::TensorInfo) -> &[u8] {
        &self.map[self.start + info.data_offsets.0..self.start + info.data_offsets.1]
    }

    fn wrong_shape(&self, tensor: &str, found: &[usize], expected: &[usize]) -> Error {
        Error::TensorShape {
            path: self.path.clone(),
            tensor: tensor.to_owned(),
            found: found.to_vec(),
            expected: expected.to_vec(),
        }
    }

    fn not_finite(&self, tensor: &str) -> Error {
        Error::TensorNotFinite {
            path: self.path.clone(),
            tensor: tensor.to_owned(),
        }
    }

    fn wrong_type(&self, tensor: &str, found: Dtype, expected: &'static str) -> Error {
        Error::TensorType {
            path: self.path.clone(),
            tensor: tensor.to_owned(),
            found: format!("{found:?}"),
            expected,
        }
    }
}

/// A checked table `[rows, columns]` in a weights file, whose rows are decoded on demand.
#[derive(Debug)]
pub(crate) struct Table {
    /// Where it begins in the file.
    at: usize,
    rows: usize,
    columns: usize,
    numbers: Numbers,
}

#[derive(Debug)]
enum Numbers {
    F32,
    F16,
    Bf16,
    /// A value is `(number - zero_point) * scale`; one scale for all rows or one each.
    I8 {
        scales: Vec<f32>,
        zero_point: f32,
    },
}

impl Table {
    /// The number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Tells whether all values are finite.
    fn is_finite(&self, weights: &Weights) -> bool {
        let n_values = self.rows * self.columns;
        let bytes = |width| &weights.map[self.at..][..n_values * width];
        match &self.numbers {
            Numbers::F32 => f32s(bytes(4)).all(f32::is_finite),
            Numbers::F16 => pairs(bytes(2)).all(|pair| f16::from_le_bytes(pair).is_finite()),
            Numbers::Bf16 => pairs(bytes(2)).all(|pair| bf16::from_le_bytes(pair).is_finite()),
            Numbers::I8 { scales, .. } => scales.iter().all(|scale| scale.is_finite()),
        }
    }

    /// Writes out row `row`, which is less than `rows`; `weights` is the file it was found in.
    pub(crate) fn read(&self, weights: &Weights, row: usize, to: &mut [f32]) {
        assert!(
            row < self.rows && to.len() == self.columns,
            "a row of the table"
        );
        let width = match self.numbers {
            Numbers::F32 => 4,
            Numbers::F16 | Numbers::Bf16 => 2,
            Numbers::I8 { .. } => 1,
        };
        let len = self.columns * width;
        let bytes = &weights.map[self.at + row * len..self.at + (row + 1) * len];
        match &self.numbers {
            Numbers::F32 => fill(to, f32s(bytes)),
            Numbers::F16 => fill(
                to,
                pairs(bytes).map(|pair| f16::from_le_bytes(pair).to_f32()),
            ),
            Numbers::Bf16 => fill(
                to,
                pairs(bytes).map(|pair| bf16::from_le_bytes(pair).to_f32()),
            ),
            Numbers::I8 { scales, zero_point } => {
                let scale = scale_of(scales, row);
                for (to, &byte) in to.iter_mut().zip(bytes) {
                    *to = (f32::from(byte.cast_signed()) - zero_point) * scale;
                }
            }
        }
    }
}

impl Table {
    /// Writes out row `row` as int8 and returns its scale: `value = scale * number`.
    ///
    /// Rows that are int8 around zero are taken as they are, others are quantised.
    pub(crate) fn read_int8(&self, weights: &Weights, row: usize, to: &mut [i8]) -> f32 {
        if let Numbers::I8 {
            scales,
            zero_point: 0.0,
        } = &self.numbers
        {
            let bytes = &weights.map[self.at + row * self.columns..][..self.columns];
            for (to, &byte) in to.iter_mut().zip(bytes) {
                *to = byte.cast_signed();
            }
            return scale_of(scales, row);
        }
        let mut values = vec![0.0; self.columns];
        self.read(weights, row, &mut values);
        let greatest = values
            .iter()
            .fold(0.0_f32, |greatest, value| greatest.max(value.abs()));
        let steps = if greatest > 0.0 {
            127.0 / greatest
        } else {
            0.0
        };
        for (to, value) in to.iter_mut().zip(values) {
            *to = (value * steps).round() as i8;
        }
        greatest / 127.0
    }
}

/// The scale of a row, of one scale for all rows or one each.
fn scale_of(scales: &[f32], row: usize) -> f32 {
    match *scales {
        [one_for_all] => one_for_all,
        _ => scales[row],
    }
}

/// The greatest magnitude of one value of a linear layer, as [`Weights::reach`] says. In 64 bits: the
/// difference of two squares would be lost in fewer.
fn reach_of_row(numbers: &[i8], scale: f32, bias: f32, norm: &Norm) -> f64 {
    let (mut sum, mut squares, mut shift) = (0.0, 0.0, 0.0);
    for (&number, (&gain, &by)) in numbers.iter().zip(norm.gain.iter().zip(&norm.shift)) {
        let weight = f64::from(number);
        let scaled = weight * f64::from(gain);
        sum += scaled;
        squares += scaled * scaled;
        shift += weight * f64::from(by);
    }
    let length = (squares * numbers.len() as f64 - sum * sum).max(0.0).sqrt();
    let scale = f64::from(scale);
    length * scale.abs() + (shift * scale + f64::from(bias)).abs()
}

fn fill(to: &mut [f32], from: impl Iterator<Item = f32>) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from;
    }
}

fn f32s(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&four| f32::from_le_bytes(four))
}

fn pairs(bytes: &[u8]) -> impl Iterator<Item = [u8; 2]> {
    bytes.as_chunks::<2>().0.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn norm(gain: f32, shift: f32) -> Norm {
        Norm {
            gain: vec![gain; 4],
            shift: vec![shift; 4],
            epsilon: 1e-12,
        }
    }

    #[test]
    fn a_value_reaches_as_far_as_the_longest_row_along_its_weights() {
        // Without their mean, weights 3 1 1 -1 are 2 0 0 -2, of a length of the root of 8; the row is
        // as long as the root of 4.
        let reach = reach_of_row(&[3, 1, 1, -1], 0.5, -7.0, &norm(2.0, 0.25));
        let length = 2.0 * 8_f64.sqrt() * 2.0 * 0.5;
        assert!(
            (reach - (length + (1.0 * 0.5 - 7.0_f64).abs())).abs() < 1e-9,
            "{reach}"
        );
    }

    #[test]
    fn an_immense_gain_and_nearly_equal_weights_are_not_lost() {
        let of_gain = |gain| reach_of_row(&[127, 126, 127, 126], 1e-20, 0.0, &norm(gain, 0.0));
        let (small, immense) = (of_gain(1.0), of_gain(3e37));
        assert!((immense / small / 3e37 - 1.0).abs() < 1e-6, "{immense}");
    }
}
