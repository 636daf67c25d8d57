//! Drawn vectors: a mixture of topics on the sphere.

use super::DIM;

const N_TOPICS: usize = 100;
const N_DIRECTIONS: usize = 96;
const SEED: u64 = 20_260;

/// Draws `n` normalised rows.
pub(super) fn mixture(n: usize) -> Vec<f32> {
    let mut draw = Draw(SEED);
    let centres: Vec<f32> = (0..N_TOPICS * DIM).map(|_| draw.normal()).collect();
    let directions: Vec<f32> = (0..N_TOPICS * N_DIRECTIONS * DIM)
        .map(|_| draw.normal())
        .collect();
    let weights: Vec<f32> = (0..N_DIRECTIONS)
        .map(|i| 0.4 / ((i + 1) as f32).powf(0.3))
        .collect();
    let mut rows = Vec::with_capacity(n * DIM);
    for _ in 0..n {
        let topic = (draw.uniform() * draw.uniform() * N_TOPICS as f64) as usize;
        let mut row = centres[topic * DIM..][..DIM].to_vec();
        let directions = directions[topic * N_DIRECTIONS * DIM..].chunks_exact(DIM);
        for (weight, direction) in weights.iter().zip(directions) {
            let weight = weight * draw.normal();
            row.iter_mut()
                .zip(direction)
                .for_each(|(value, d)| *value += weight * d);
        }
        for value in &mut row {
            *value += 0.1 * draw.normal();
        }
        let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        rows.extend(row.iter().map(|value| value / norm));
    }
    rows
}

/// `SplitMix64` (Steele, Lea and Flood 2014).
struct Draw(u64);

impl Draw {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Box and Muller 1958.
    fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * self.uniform()).cos()) as f32
    }
}
