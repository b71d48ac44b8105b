//! Which input pixels make an output pixel, and with what weights.

/// Bits of a weight after the point. Pillow's `PRECISION_BITS` (32 − 8 − 2): 8 bits of pixel and two of head room,
/// for the sum of the weights' magnitudes passes 1, still fit a signed 32-bit sum.
pub(super) const WEIGHT_BITS: u32 = 22;

/// What a sum of pixel · weight starts from, so that the shift by [`WEIGHT_BITS`] rounds.
pub(super) const ROUND: i32 = 1 << (WEIGHT_BITS - 1);

/// Weights are also kept split at this bit: `weight = (high << SPLIT_BITS) + low`, with `0 ≤ low < 2^SPLIT_BITS`.
/// Both parts fit 16 bits, so 16-bit multiply-adds give the 32-bit sums exactly.
pub(super) const SPLIT_BITS: u32 = 12;

/// Taps are padded with zero weights to a multiple of this.
pub(super) const TAPS_STEP: usize = 4;

/// Half the width of the bicubic kernel, in pixels of the coarser side.
const SUPPORT: f64 = 2.0;

/// Keys' cubic convolution kernel with a = −0.5, the form of the polynomial as Pillow evaluates it.
fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// A weight in fixed point, rounded half away from zero.
fn fixed_point(weight: f64) -> i32 {
    let half = if weight < 0.0 { -0.5 } else { 0.5 };
    (half + weight * f64::from(1 << WEIGHT_BITS)) as i32
}

/// Two neighbouring taps' weights, as operands of a 16-bit multiply-add: the even tap in the lower 16 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TapPair {
    /// The high parts.
    pub(super) high: i32,
    /// The low parts.
    pub(super) low: i32,
}

impl TapPair {
    fn new(even: i32, odd: i32) -> Self {
        const LOW: i32 = (1 << SPLIT_BITS) - 1;
        let join = |even: i32, odd: i32| (even & 0xFFFF) | (odd << 16);
        Self { high: join(even >> SPLIT_BITS, odd >> SPLIT_BITS), low: join(even & LOW, odd & LOW) }
    }
}

/// The coefficients of one pass from `in_len` to `out_len` pixels, as Pillow's `precompute_coeffs` and
/// `normalize_coeffs_8bpc` make them. Holds about 4 · (in + out) weights whatever the scale.
#[derive(Debug)]
pub(super) struct Coefficients {
    pub(super) in_len: usize,
    pub(super) out_len: usize,
    /// Taps kept for each output pixel, a multiple of [`TAPS_STEP`].
    taps: usize,
    /// First input pixel and number of input pixels of each output pixel. Neither end ever goes back.
    windows: Vec<(usize, usize)>,
    /// `[out_len, taps]`, zero beyond the window.
    weights: Vec<i32>,
    /// `[out_len, taps / 2]`, the same weights split.
    pairs: Vec<TapPair>,
}

impl Coefficients {
    /// Both lengths are at least 1.
    pub(super) fn new(in_len: usize, out_len: usize) -> Self {
        let scale = in_len as f64 / out_len as f64;
        let filter_scale = scale.max(1.0);
        let support = SUPPORT * filter_scale;
        let centre = |out: usize| (out as f64 + 0.5) * scale;

        let windows: Vec<(usize, usize)> = (0..out_len)
            .map(|out| {
                // A cast truncates towards zero and a negative number becomes 0: both as wanted.
                let first = (centre(out) - support + 0.5) as usize;
                let end = ((centre(out) + support + 0.5) as usize).min(in_len);
                (first, end - first)
            })
            .collect();
        let max_window = windows.iter().map(|&(_, len)| len).max().unwrap_or(0);
        let taps = max_window.next_multiple_of(TAPS_STEP);

        let mut weights = vec![0_i32; out_len * taps];
        let mut exact = Vec::with_capacity(max_window);
        for (out, (&(first, len), row)) in windows.iter().zip(weights.chunks_exact_mut(taps)).enumerate() {
            let inverse = 1.0 / filter_scale;
            exact.clear();
            exact.extend((first..first + len).map(|x| bicubic((x as f64 - centre(out) + 0.5) * inverse)));
            let total: f64 = exact.iter().sum();
            for (fixed, &weight) in row.iter_mut().zip(&exact) {
                *fixed = fixed_point(if total == 0.0 { weight } else { weight / total });
            }
        }
        let pairs = weights.as_chunks::<2>().0.iter().map(|&[even, odd]| TapPair::new(even, odd)).collect();
        Self { in_len, out_len, taps, windows, weights, pairs }
    }

    /// The first input pixel of output pixel `out` and the weights of it and those that follow.
    pub(super) fn window(&self, out: usize) -> (usize, &[i32]) {
        let (first, len) = self.windows[out];
        (first, &self.weights[out * self.taps..][..len])
    }

    /// The weights of output pixel `out` in pairs, padded with zeros to [`Coefficients::taps`].
    pub(super) fn pairs(&self, out: usize) -> &[TapPair] {
        &self.pairs[out * self.taps / 2..][..self.taps / 2]
    }

    /// Taps of each output pixel with their padding.
    pub(super) fn taps(&self) -> usize {
        self.taps
    }

    /// How many output pixels, from the first, begin their window at an input pixel of at most `last_first`.
    pub(super) fn num_beginning_within(&self, last_first: usize) -> usize {
        self.windows.partition_point(|&(first, _)| first <= last_first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_pixel_gives_its_whole_weight() {
        let coefficients = Coefficients::new(1, 7);
        for out in 0..7 {
            assert_eq!(coefficients.window(out), (0, &[1 << WEIGHT_BITS][..]));
        }
    }

    proptest! {
        #[test]
        fn windows_move_on_cover_all_and_weigh_one(in_len in 1..600usize, out_len in 1..600usize) {
            let coefficients = Coefficients::new(in_len, out_len);
            let mut seen_until = 0;
            let mut last_first = 0;
            for out in 0..out_len {
                let (first, weights) = coefficients.window(out);
                prop_assert!(!weights.is_empty() && first >= last_first && first <= seen_until);
                prop_assert!(first + weights.len() >= seen_until);
                (last_first, seen_until) = (first, first + weights.len());
                let total: i64 = weights.iter().map(|&weight| i64::from(weight)).sum();
                prop_assert!((total - (1 << WEIGHT_BITS)).unsigned_abs() <= weights.len() as u64);
                // The proof that a pass cannot overflow 32 bits: 255 · Σ|w| + rounding stays below 2^31.
                let magnitude: i64 = weights.iter().map(|&weight| i64::from(weight).abs()).sum();
                prop_assert!(255 * magnitude + i64::from(ROUND) < i64::from(i32::MAX));
            }
            prop_assert_eq!(seen_until, in_len);
        }

        #[test]
        fn split_weights_join_again(even in -(1 << 27)..1 << 27, odd in -(1 << 27)..1 << 27) {
            let TapPair { high, low } = TapPair::new(even, odd);
            let join = |high: i16, low: i16| (i32::from(high) << SPLIT_BITS) + i32::from(low);
            prop_assert_eq!(join(high as i16, low as i16), even);
            prop_assert_eq!(join((high >> 16) as i16, (low >> 16) as i16), odd);
        }
    }
}
