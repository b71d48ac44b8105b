//! The two passes over rows of interleaved RGB bytes: the portable form, and the choice between it and SIMD.
//!
//! Every form gives the same bytes: sums of pixel · weight are taken in 32-bit integers, where order is free.

use super::coefficients::{Coefficients, ROUND, TapPair, WEIGHT_BITS};

/// Rows that a horizontal pass takes at once, so that the SIMD form loads each weight once for all of them.
pub(super) const ROWS_AT_ONCE: usize = 4;

/// Bytes to which the width of a row written by the horizontal pass is rounded up, with at least one byte to spare.
const ROW_STEP: usize = 32;

/// Bytes from one written row to the next for rows of `width` pixels.
pub(super) fn padded_row_bytes(width: usize) -> usize {
    (width * 3 + 1).next_multiple_of(ROW_STEP)
}

/// Which form of the passes to run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Passes {
    /// Plain Rust, for the compiler to vectorise.
    Portable,
    /// AVX2 intrinsics.
    #[cfg(target_arch = "x86_64")]
    Avx2(super::avx2::Avx2),
}

/// The rows that make one output row of the vertical pass: `bytes[start..]` for each of `starts`.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) starts: &'a [usize],
}

impl Passes {
    /// The fastest form this machine runs.
    pub(super) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = super::avx2::Avx2::detect() {
            return Self::Avx2(avx2);
        }
        Self::Portable
    }

    /// Resizes [`ROWS_AT_ONCE`] rows to `coefficients.out_len` pixels. Each of `rows` begins with the row and may go
    /// on beyond it; `out` holds the new rows, each [`padded_row_bytes`] long.
    pub(super) fn horizontal(self, rows: [&[u8]; ROWS_AT_ONCE], coefficients: &Coefficients, out: &mut [u8]) {
        let num_done = match self {
            Self::Portable => 0,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.horizontal(rows, coefficients, out),
        };
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(padded_row_bytes(coefficients.out_len))) {
            horizontal_portable(row, coefficients, num_done, out);
        }
    }

    /// Makes one row, all of `out`, of the rows in its window, weighted by `weights`. `pairs` are the same weights.
    pub(super) fn vertical(self, rows: Rows<'_>, weights: &[i32], pairs: &[TapPair], out: &mut [u8]) {
        match self {
            Self::Portable => vertical_portable(rows, weights, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => {
                if !avx2.vertical(rows, pairs, out) {
                    vertical_portable(rows, weights, out);
                }
            }
        }
    }
}

/// A finished sum as a byte.
fn clamp_to_u8(sum: i32) -> u8 {
    (sum >> WEIGHT_BITS).clamp(0, 255) as u8
}

fn horizontal_portable(row: &[u8], coefficients: &Coefficients, from: usize, out: &mut [u8]) {
    for (x, pixel) in out[..coefficients.out_len * 3].as_chunks_mut::<3>().0.iter_mut().enumerate().skip(from) {
        let (first, weights) = coefficients.window(x);
        let mut sums = [ROUND; 3];
        for (input, &weight) in row[first * 3..].as_chunks::<3>().0.iter().zip(weights) {
            for (sum, &byte) in sums.iter_mut().zip(input) {
                *sum = sum.wrapping_add(i32::from(byte).wrapping_mul(weight));
            }
        }
        *pixel = sums.map(clamp_to_u8);
    }
}

fn vertical_portable(rows: Rows<'_>, weights: &[i32], out: &mut [u8]) {
    // Wide enough to fill vector registers, small enough that the sums stay in the nearest cache.
    const BLOCK: usize = 64;
    for (block_idx, block) in out.chunks_mut(BLOCK).enumerate() {
        let mut sums = [ROUND; BLOCK];
        for (&start, &weight) in rows.starts.iter().zip(weights) {
            let input = &rows.bytes[start + block_idx * BLOCK..][..block.len()];
            for (sum, &byte) in sums.iter_mut().zip(input) {
                *sum = sum.wrapping_add(i32::from(byte).wrapping_mul(weight));
            }
        }
        for (byte, sum) in block.iter_mut().zip(sums) {
            *byte = clamp_to_u8(sum);
        }
    }
}
