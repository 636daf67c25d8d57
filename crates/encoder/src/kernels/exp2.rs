//! The exponential of attention in words: `2^14 * 2^(x / 2^11)` for `x` of 16 bits, at most 0.
//!
//! With `n` the whole part of `x / 2^11` and `f` the fraction in 15 bits,
//!
//! ```text
//! half  = 2^14 + f (A + f (B + f C))        2^(f - 1) in 15 bits; error 1.1e-4
//! value = half * POWERS[-n]                 rounded; POWERS[k] = 2^(15 - k)
//! ```
//!
//! Products are of fractions, `(a b + 2^14) >> 15`, which AVX2 and AVX-512 have as one instruction
//! for words. Each instruction set has the same integers, so the weights of attention are equal
//! bit for bit everywhere.

/// The coefficients of the cubic, fitted to the smallest relative error with both ends exact.
pub(super) const A: i16 = 11_394;
pub(super) const B: i16 = 3_708;
pub(super) const C: i16 = 1_282;

/// `2^(15 - k)` for `k` up to 15; the first is as near as a word comes.
pub(super) const POWERS: [i16; 16] = {
    let mut powers = [i16::MAX; 16];
    let mut k = 1;
    while k < 16 {
        powers[k] = 1 << (15 - k);
        k += 1;
    }
    powers
};

/// `(a b + 2^14) >> 15`.
#[inline(always)]
pub(super) fn mul_fractions(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b) + (1 << 14)) >> 15) as i16
}

/// One value, for the tests.
#[cfg(test)]
pub(super) fn exp2(x: i32) -> i16 {
    let x = x.max(-0x8000);
    let fraction = ((x << 4) & 0x7FFF) as i16;
    let half = mul_fractions(fraction, C) + B;
    let half = mul_fractions(half, fraction) + A;
    let half = mul_fractions(half, fraction) + (1 << 14);
    let power = POWERS.get(-(x >> 11) as usize).copied().unwrap_or(0);
    mul_fractions(half, power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_exact_to_a_half_and_two_parts_in_ten_thousand() {
        for x in -0x9000..=0 {
            let exact = f64::from(1 << 14) * (f64::from(x.max(-0x8000)) / 2048.0).exp2();
            let error = (f64::from(exp2(x)) - exact).abs();
            assert!(error <= 0.5 + 2e-4 * exact, "{x}: {} for {exact}", exp2(x));
        }
    }
}
