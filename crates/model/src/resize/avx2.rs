//! The passes in AVX2.
//!
//! A 22-bit weight does not fit the 16-bit operands of `vpmaddwd`, and `vpmulld` is slow on many machines. So each
//! weight is split in two parts that do fit; both sums are exact in 32 bits and are joined at the end, which gives
//! the same 32-bit number as the one multiplication would.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_castsi128_si256, _mm256_extract_epi32,
    _mm256_inserti128_si256, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_packs_epi32, _mm256_packus_epi16,
    _mm256_set1_epi32, _mm256_setr_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi32,
    _mm256_srai_epi32, _mm256_storeu_si256, _mm256_unpackhi_epi8, _mm256_unpacklo_epi8,
};

use super::coefficients::{Coefficients, ROUND, SPLIT_BITS, TAPS_STEP, TapPair, WEIGHT_BITS};
use super::passes::{ROWS_AT_ONCE, Rows, padded_row_bytes};

/// Proof that the machine has AVX2: only [`Avx2::detect`] makes one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(());

/// Bytes of a 256-bit register.
const BLOCK: usize = 32;

/// Bytes of a 128-bit register, of which four pixels fill twelve.
const LOAD: usize = 16;

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// Writes the first pixels of four rows and says how many. The last few are left where reading their window in
    /// whole registers would go beyond the end of `rows`.
    pub(super) fn horizontal(self, rows: [&[u8]; ROWS_AT_ONCE], coefficients: &Coefficients, out: &mut [u8]) -> usize {
        // SAFETY: `self` proves that the machine has AVX2.
        unsafe { horizontal(rows, coefficients, out) }
    }

    /// Writes the whole row and says `true`, or nothing when the row is shorter than a register.
    pub(super) fn vertical(self, rows: Rows<'_>, pairs: &[TapPair], out: &mut [u8]) -> bool {
        if out.len() < BLOCK {
            return false;
        }
        // SAFETY: `self` proves that the machine has AVX2.
        unsafe { vertical(rows, pairs, out) };
        true
    }
}

/// Sums of the weights' high and low parts, eight 32-bit lanes.
#[derive(Clone, Copy)]
struct SplitSum {
    high: __m256i,
    low: __m256i,
}

impl SplitSum {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new() -> Self {
        Self { high: _mm256_setzero_si256(), low: _mm256_set1_epi32(ROUND) }
    }

    /// Adds pixel · weight of two taps to each lane; `pixels` holds the two pixels of a lane as 16-bit numbers.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(&mut self, pixels: __m256i, pair: TapPair) {
        let (high, low) = (_mm256_set1_epi32(pair.high), _mm256_set1_epi32(pair.low));
        self.high = _mm256_add_epi32(self.high, _mm256_madd_epi16(pixels, high));
        self.low = _mm256_add_epi32(self.low, _mm256_madd_epi16(pixels, low));
    }

    /// The joined sums without the bits after the point.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn finish(self) -> __m256i {
        let sum = _mm256_add_epi32(_mm256_slli_epi32::<{ SPLIT_BITS as i32 }>(self.high), self.low);
        _mm256_srai_epi32::<{ WEIGHT_BITS as i32 }>(sum)
    }
}

#[target_feature(enable = "avx2")]
fn horizontal(rows: [&[u8]; ROWS_AT_ONCE], coefficients: &Coefficients, out: &mut [u8]) -> usize {
    // Of the 16 bytes of four RGB pixels in each half: pixels 0 and 1, then 2 and 3, as 16-bit pairs for red, green,
    // blue and nothing. −1 makes a zero.
    const Z: i8 = -1;
    let taps_0_1 = _mm256_setr_epi8(
        0, Z, 3, Z, 1, Z, 4, Z, 2, Z, 5, Z, Z, Z, Z, Z, 0, Z, 3, Z, 1, Z, 4, Z, 2, Z, 5, Z, Z, Z, Z, Z,
    );
    let taps_2_3 = _mm256_setr_epi8(
        6, Z, 9, Z, 7, Z, 10, Z, 8, Z, 11, Z, Z, Z, Z, Z, 6, Z, 9, Z, 7, Z, 10, Z, 8, Z, 11, Z, Z, Z, Z, Z,
    );

    let out_stride = padded_row_bytes(coefficients.out_len);
    assert!(out.len() >= ROWS_AT_ONCE * out_stride, "the horizontal pass writes whole padded rows");

    // The last group of four taps reads LOAD bytes though its pixels are only twelve.
    let window_bytes = coefficients.taps() * 3 + (LOAD - TAPS_STEP * 3);
    let shortest = rows.iter().map(|row| row.len()).min().unwrap_or(0);
    let Some(last_first_byte) = shortest.checked_sub(window_bytes) else { return 0 };
    let num_pixels = coefficients.num_beginning_within(last_first_byte / 3);

    for x in 0..num_pixels {
        let (first, _) = coefficients.window(x);
        let (mut sum_0_1, mut sum_2_3) = (SplitSum::new(), SplitSum::new());
        for (group_idx, group) in coefficients.pairs(x).as_chunks::<{ TAPS_STEP / 2 }>().0.iter().enumerate() {
            let at = first * 3 + group_idx * TAPS_STEP * 3;
            // SAFETY: windows never go back, so every x < num_pixels has first ≤ last_first_byte / 3, and then
            // at + LOAD ≤ first · 3 + window_bytes ≤ shortest ≤ the length of each row.
            let [a, b, c, d] = unsafe { rows.map(|row| load_half(row, at)) };
            for (sum, pixels) in [(&mut sum_0_1, join(a, b)), (&mut sum_2_3, join(c, d))] {
                sum.add(_mm256_shuffle_epi8(pixels, taps_0_1), group[0]);
                sum.add(_mm256_shuffle_epi8(pixels, taps_2_3), group[1]);
            }
        }
        // Lanes of 32 bits: row 0, row 2, row 0, row 2 | row 1, row 3, row 1, row 3.
        let words = _mm256_packs_epi32(sum_0_1.finish(), sum_2_3.finish());
        let bytes = _mm256_packus_epi16(words, words);
        let pixels = [
            _mm256_extract_epi32::<0>(bytes),
            _mm256_extract_epi32::<4>(bytes),
            _mm256_extract_epi32::<1>(bytes),
            _mm256_extract_epi32::<5>(bytes),
        ];
        for (row_idx, pixel) in pixels.into_iter().enumerate() {
            let at = row_idx * out_stride + x * 3;
            // SAFETY: x < out_len and a padded row has at least 3 · out_len + 1 bytes, so the four bytes from `at`
            // lie in row `row_idx`, which the assertion above says is there. The fourth is the next pixel's first,
            // not yet written, or padding.
            unsafe { out.as_mut_ptr().add(at).cast::<i32>().write_unaligned(pixel) };
        }
    }
    num_pixels
}

#[target_feature(enable = "avx2")]
fn vertical(rows: Rows<'_>, pairs: &[TapPair], out: &mut [u8]) {
    let Rows { bytes, starts } = rows;
    let last_start = starts.iter().copied().max().unwrap_or(0);
    assert!(
        out.len() >= BLOCK && bytes.len().checked_sub(out.len()).is_some_and(|room| last_start <= room),
        "the vertical pass reads whole rows, each at least a register wide"
    );
    assert!(pairs.len() >= starts.len().div_ceil(2), "each row has its weight");

    let (blocks, rest) = (out.len() / BLOCK * BLOCK, out.len() % BLOCK);
    // A rest shorter than a register is written together with bytes before it, which come out the same again.
    let overlapping = (rest > 0).then(|| out.len() - BLOCK);
    for at in (0..blocks).step_by(BLOCK).chain(overlapping) {
        let mut sums = [SplitSum::new(); 4];
        for (pair_idx, row_pair) in starts.chunks(2).enumerate() {
            let (even, odd) = (row_pair[0], row_pair[row_pair.len() - 1]);
            // SAFETY: at + BLOCK ≤ out.len(), and each start + out.len() ≤ bytes.len() by the assertion above.
            let (even, odd) = unsafe { (load(bytes, even + at), load(bytes, odd + at)) };
            let zero = _mm256_setzero_si256();
            let (front, back) = (_mm256_unpacklo_epi8(even, odd), _mm256_unpackhi_epi8(even, odd));
            // A window of odd length pairs its last row with itself; the padding makes its second weight 0.
            sums[0].add(_mm256_unpacklo_epi8(front, zero), pairs[pair_idx]);
            sums[1].add(_mm256_unpackhi_epi8(front, zero), pairs[pair_idx]);
            sums[2].add(_mm256_unpacklo_epi8(back, zero), pairs[pair_idx]);
            sums[3].add(_mm256_unpackhi_epi8(back, zero), pairs[pair_idx]);
        }
        // Unpacking and packing both work within halves of a register, so the order of the bytes is restored.
        let front = _mm256_packs_epi32(sums[0].finish(), sums[1].finish());
        let back = _mm256_packs_epi32(sums[2].finish(), sums[3].finish());
        let block = _mm256_packus_epi16(front, back);
        // SAFETY: at + BLOCK ≤ out.len(): `at` is a multiple of BLOCK below `blocks`, or out.len() − BLOCK.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(at).cast(), block) };
    }
}

/// Two halves as one register.
#[inline]
#[target_feature(enable = "avx2")]
fn join(low: __m128i, high: __m128i) -> __m256i {
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
}

/// # Safety
/// `at + LOAD ≤ bytes.len()`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_half(bytes: &[u8], at: usize) -> __m128i {
    debug_assert!(at + LOAD <= bytes.len());
    // SAFETY: the caller says that the LOAD bytes from `at` are in bounds; the load needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().add(at).cast()) }
}

/// # Safety
/// `at + BLOCK ≤ bytes.len()`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load(bytes: &[u8], at: usize) -> __m256i {
    debug_assert!(at + BLOCK <= bytes.len());
    // SAFETY: the caller says that the BLOCK bytes from `at` are in bounds; the load needs no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().add(at).cast()) }
}
