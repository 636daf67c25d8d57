//! AVX2 and AVX-512 VNNI.
//!
//! A value of [`Avx2`] or [`Avx512`] can only be made on a processor that has the instructions,
//! so holding one is the proof that its methods may run.

// The proof is that there is a `self`; there is nothing in it to read.
#![allow(clippy::unused_self)]

use std::arch::x86_64::{
    __m256, __m256i, __m512, __m512i, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm256_add_epi32,
    _mm256_add_ps, _mm256_cvtepi8_epi16, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_madd_epi16,
    _mm256_setzero_ps, _mm256_setzero_si256, _mm256_storeu_ps, _mm256_storeu_si256,
    _mm512_add_epi32, _mm512_add_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_reduce_add_epi32, _mm512_reduce_add_ps, _mm512_set1_epi8,
    _mm512_setzero_ps, _mm512_setzero_si512, _mm512_xor_si512,
};

/// The proof that this processor has AVX2 and FMA.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    pub(super) fn dot_rows_i8(self, query: &[i8], rows: &[i8], out: &mut [i32]) {
        // SAFETY: `self` was made by `detect`, which found AVX2 and FMA.
        unsafe { dot_rows_i8_avx2(query, rows, out) }
    }

    pub(super) fn dot_some_i8(self, query: &[i8], rows: &[i8], ids: &[u32], out: &mut [i32]) {
        // SAFETY: `self` was made by `detect`, which found AVX2 and FMA.
        unsafe { dot_some_i8_avx2(query, rows, ids, out) }
    }

    #[inline]
    pub(super) fn dot_f32(self, left: &[f32], right: &[f32]) -> f32 {
        // SAFETY: `self` was made by `detect`, which found AVX2 and FMA.
        unsafe { dot_f32_avx2(left, right) }
    }
}

/// The proof that this processor has AVX-512 F, BW and VNNI.
#[derive(Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vnni"))
        .then_some(Self(()))
    }

    pub(super) fn dot_rows_i8(self, query: &[i8], rows: &[i8], out: &mut [i32]) {
        // SAFETY: `self` was made by `detect`, which found AVX-512 F, BW and VNNI.
        unsafe { dot_rows_i8_avx512(query, rows, out) }
    }

    pub(super) fn dot_some_i8(self, query: &[i8], rows: &[i8], ids: &[u32], out: &mut [i32]) {
        // SAFETY: `self` was made by `detect`, which found AVX-512 F, BW and VNNI.
        unsafe { dot_some_i8_avx512(query, rows, ids, out) }
    }

    #[inline]
    pub(super) fn dot_f32(self, left: &[f32], right: &[f32]) -> f32 {
        // SAFETY: `self` was made by `detect`, which found AVX-512 F, BW and VNNI.
        unsafe { dot_f32_avx512(left, right) }
    }
}

#[target_feature(enable = "avx2,fma")]
fn dot_rows_i8_avx2(query: &[i8], rows: &[i8], out: &mut [i32]) {
    let dim = query.len();
    dot_each_i8_avx2(query, |i| &rows[i * dim..][..dim], out);
}

#[target_feature(enable = "avx2,fma")]
fn dot_some_i8_avx2(query: &[i8], rows: &[i8], ids: &[u32], out: &mut [i32]) {
    dot_each_i8_avx2(query, some_rows(query.len(), rows, ids), out);
}

/// Widens to 16 bits and multiplies there: no product saturates, and pairs are added in 32 bits.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn dot_each_i8_avx2<'a>(query: &[i8], row_at: impl Fn(usize) -> &'a [i8], out: &mut [i32]) {
    let (query_blocks, query_rest) = query.as_chunks::<16>();
    for (i, sum) in out.iter_mut().enumerate() {
        let (row_blocks, row_rest) = row_at(i).as_chunks::<16>();
        let mut lanes = _mm256_setzero_si256();
        for (q, r) in query_blocks.iter().zip(row_blocks) {
            lanes = _mm256_add_epi32(lanes, _mm256_madd_epi16(widen(q), widen(r)));
        }
        let rest: i32 = query_rest
            .iter()
            .zip(row_rest)
            .map(|(q, r)| i32::from(*q) * i32::from(*r))
            .sum();
        *sum = lanes_i32(lanes).iter().sum::<i32>() + rest;
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn dot_rows_i8_avx512(query: &[i8], rows: &[i8], out: &mut [i32]) {
    let dim = query.len();
    dot_each_i8_avx512(query, |i| &rows[i * dim..][..dim], out);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn dot_some_i8_avx512(query: &[i8], rows: &[i8], ids: &[u32], out: &mut [i32]) {
    dot_each_i8_avx512(query, some_rows(query.len(), rows, ids), out);
}

/// VNNI multiplies unsigned by signed bytes, so each row is raised by 128 (its top bit is
/// flipped), and 128 times the sum of the query is taken off again.
///
/// The sums are modulo 2^32, so that the detour cannot overflow where the result does not.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn dot_each_i8_avx512<'a>(query: &[i8], row_at: impl Fn(usize) -> &'a [i8], out: &mut [i32]) {
    let (query_blocks, query_rest) = query.as_chunks::<64>();
    let query_rest = pad(query_rest);
    let raised_by = query
        .iter()
        .map(|q| i32::from(*q))
        .sum::<i32>()
        .wrapping_mul(128);
    let top_bits = _mm512_set1_epi8(-128);
    for (i, sum) in out.iter_mut().enumerate() {
        let (row_blocks, row_rest) = row_at(i).as_chunks::<64>();
        // Two sums, because each step waits for the one before it on the same sum.
        let mut lanes = [_mm512_setzero_si512(); 2];
        for (block, (q, r)) in query_blocks.iter().zip(row_blocks).enumerate() {
            let raised = _mm512_xor_si512(load_bytes(r), top_bits);
            lanes[block % 2] = _mm512_dpbusd_epi32(lanes[block % 2], raised, load_bytes(q));
        }
        if !row_rest.is_empty() {
            let raised = _mm512_xor_si512(load_bytes(&pad(row_rest)), top_bits);
            lanes[0] = _mm512_dpbusd_epi32(lanes[0], raised, load_bytes(&query_rest));
        }
        let total = _mm512_reduce_add_epi32(_mm512_add_epi32(lanes[0], lanes[1]));
        *sum = total.wrapping_sub(raised_by);
    }
}

/// The row that the `i`-th of `ids` names, asked for one after the other. Those some places later
/// are fetched meanwhile.
#[inline]
fn some_rows<'a>(dim: usize, rows: &'a [i8], ids: &'a [u32]) -> impl Fn(usize) -> &'a [i8] {
    let row = move |id: u32| &rows[id as usize * dim..][..dim];
    ids.iter().take(AHEAD).for_each(|id| prefetch(row(*id)));
    move |i| {
        if let Some(later) = ids.get(i + AHEAD) {
            prefetch(row(*later));
        }
        row(ids[i])
    }
}

/// How many rows ahead of the one that is summed are fetched.
const AHEAD: usize = 4;

#[target_feature(enable = "avx2,fma")]
fn dot_f32_avx2(left: &[f32], right: &[f32]) -> f32 {
    let (left_blocks, left_rest) = left.as_chunks::<8>();
    let (right_blocks, right_rest) = right.as_chunks::<8>();
    let mut lanes = [_mm256_setzero_ps(); 4];
    for (block, (l, r)) in left_blocks.iter().zip(right_blocks).enumerate() {
        lanes[block % 4] = _mm256_fmadd_ps(load_floats(l), load_floats(r), lanes[block % 4]);
    }
    let total = _mm256_add_ps(
        _mm256_add_ps(lanes[0], lanes[1]),
        _mm256_add_ps(lanes[2], lanes[3]),
    );
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(l, r)| l * r).sum();
    lanes_f32(total).iter().sum::<f32>() + rest
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn dot_f32_avx512(left: &[f32], right: &[f32]) -> f32 {
    let (left_blocks, left_rest) = left.as_chunks::<16>();
    let (right_blocks, right_rest) = right.as_chunks::<16>();
    let mut lanes = [_mm512_setzero_ps(); 4];
    for (block, (l, r)) in left_blocks.iter().zip(right_blocks).enumerate() {
        lanes[block % 4] =
            _mm512_fmadd_ps(load_wide_floats(l), load_wide_floats(r), lanes[block % 4]);
    }
    let total = _mm512_add_ps(
        _mm512_add_ps(lanes[0], lanes[1]),
        _mm512_add_ps(lanes[2], lanes[3]),
    );
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(l, r)| l * r).sum();
    _mm512_reduce_add_ps(total) + rest
}

/// Asks for each cache line of these values.
#[inline]
pub(super) fn prefetch<T: Copy>(values: &[T]) {
    const LINE: usize = 64;
    let start = values.as_ptr().cast::<i8>();
    for at in (0..size_of_val(values)).step_by(LINE) {
        // SAFETY: the address lies within `values`, and fetching it ahead reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(at)) };
    }
}

/// Fills up the last bytes of a vector with zeros, which add nothing to a product.
fn pad(rest: &[i8]) -> [i8; 64] {
    let mut block = [0; 64];
    block[..rest.len()].copy_from_slice(rest);
    block
}

#[target_feature(enable = "avx2")]
#[inline]
fn widen(bytes: &[i8; 16]) -> __m256i {
    // SAFETY: the reference covers the 16 bytes read, and the load needs no alignment.
    let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
    _mm256_cvtepi8_epi16(bytes)
}

#[target_feature(enable = "avx2")]
#[inline]
fn lanes_i32(lanes: __m256i) -> [i32; 8] {
    let mut out = [0; 8];
    // SAFETY: `out` has the 32 bytes written, and the store needs no alignment.
    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), lanes) };
    out
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_floats(values: &[f32; 8]) -> __m256 {
    // SAFETY: the reference covers the 8 floats read, and the load needs no alignment.
    unsafe { _mm256_loadu_ps(values.as_ptr()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn lanes_f32(lanes: __m256) -> [f32; 8] {
    let mut out = [0.0; 8];
    // SAFETY: `out` has the 8 floats written, and the store needs no alignment.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), lanes) };
    out
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_bytes(bytes: &[i8; 64]) -> __m512i {
    // SAFETY: the reference covers the 64 bytes read, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_wide_floats(values: &[f32; 16]) -> __m512 {
    // SAFETY: the reference covers the 16 floats read, and the load needs no alignment.
    unsafe { _mm512_loadu_ps(values.as_ptr()) }
}
