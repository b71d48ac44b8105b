//! Block quantization as `MatMulNBits` and `GatherBlockQuantized` of ONNX Runtime read it.
//!
//! Every row is cut into blocks of 32 values; a block has one f32 scale and, where the format says so, one zero
//! point: value ≈ (code − zero point) · scale. Without zero points the zero is the middle of the code's range. The
//! last block of a row that is no multiple of 32 is filled up with zeros.

/// Values a block.
pub const BLOCK_LEN: usize = 32;

/// Bits a code and whether blocks carry a zero point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockFormat {
    /// 4 or 8.
    pub bits: u8,
    /// Whether each block has its own zero point.
    pub has_zero_points: bool,
}

impl BlockFormat {
    /// 8 bits, symmetric: zero points changed the logits' error by less than its spread.
    pub const INT8: Self = Self { bits: 8, has_zero_points: false };
    /// 4 bits with zero points: at 16 codes a block that is not centred wastes many of them.
    pub const INT4: Self = Self { bits: 4, has_zero_points: true };

    /// Blocks of a row of `cols` values.
    pub fn num_blocks(self, cols: usize) -> usize {
        cols.div_ceil(BLOCK_LEN)
    }

    /// Bytes of a block's codes.
    pub fn block_bytes(self) -> usize {
        BLOCK_LEN * usize::from(self.bits) / 8
    }

    /// Bytes of a row's zero points, packed like codes.
    pub fn zero_point_bytes(self, num_blocks: usize) -> usize {
        (num_blocks * usize::from(self.bits)).div_ceil(8)
    }

    fn max_code(self) -> f32 {
        ((1u16 << self.bits) - 1) as f32
    }

    fn middle_code(self) -> f32 {
        (1u16 << (self.bits - 1)) as f32
    }
}

/// Rows in their stored form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuantizedRows {
    /// `[rows, num_blocks, block_bytes]`, the first of two 4-bit codes in the low half of its byte.
    pub codes: Vec<u8>,
    /// `[rows, num_blocks]`.
    pub scales: Vec<f32>,
    /// `[rows, zero_point_bytes]`; empty in symmetric formats.
    pub zero_points: Vec<u8>,
}

/// Quantizes whole rows of `cols` values each.
pub fn quantize_rows(values: &[f32], cols: usize, format: BlockFormat) -> QuantizedRows {
    let mut rows = QuantizedRows::default();
    let mut row_zero_points = Vec::new();
    for row in values.chunks_exact(cols) {
        row_zero_points.clear();
        for values in row.chunks(BLOCK_LEN) {
            let mut block = [0.0; BLOCK_LEN];
            block[..values.len()].copy_from_slice(values);
            let grid = best_grid(&block, format);
            pack(&grid.codes(&block), format.bits, &mut rows.codes);
            rows.scales.push(grid.scale);
            row_zero_points.push(grid.zero_point as u8);
        }
        if format.has_zero_points {
            pack(&row_zero_points, format.bits, &mut rows.zero_points);
        }
    }
    rows
}

/// The values a block's codes can stand for.
#[derive(Clone, Copy)]
struct Grid {
    scale: f32,
    /// 1 / scale; 0 for a block of zeros, or of values too small for a scale, which all become the zero point.
    inverse: f32,
    zero_point: f32,
    max_code: f32,
}

impl Grid {
    fn new(scale: f32, zero_point: f32, max_code: f32) -> Self {
        let inverse = scale.recip();
        let (scale, inverse) = if inverse.is_finite() { (scale, inverse) } else { (0.0, 0.0) };
        Self { scale, inverse, zero_point, max_code }
    }

    fn code(&self, value: f32) -> f32 {
        (round(value * self.inverse) + self.zero_point).clamp(0.0, self.max_code)
    }

    fn codes(&self, block: &[f32; BLOCK_LEN]) -> [u8; BLOCK_LEN] {
        block.map(|value| self.code(value) as u8)
    }

    fn squared_error(&self, block: &[f32; BLOCK_LEN]) -> f32 {
        block.iter().map(|&value| ((self.code(value) - self.zero_point) * self.scale - value).powi(2)).sum()
    }
}

/// Rounds half to even, for |x| < 2²²: adding 1.5 · 2²³ leaves no bit for the fraction. `f32::round_ties_even` is a
/// call a value where the baseline processor lacks the instruction, and this is most of an export's time.
fn round(x: f32) -> f32 {
    const NO_FRACTION: f32 = 12_582_912.0;
    (x + NO_FRACTION) - NO_FRACTION
}

/// The grid of least squared error among the full range and a few narrower ones: at 4 bits, cutting off the largest
/// value of a block often pays for the finer steps of the other 31. At 8 bits the full range is as good.
fn best_grid(block: &[f32; BLOCK_LEN], format: BlockFormat) -> Grid {
    let full = full_grid(block, format);
    if format.bits > 4 {
        return full;
    }
    const SHRINKS: [f32; 7] = [0.97, 0.94, 0.91, 0.88, 0.85, 0.82, 0.79];
    let narrower = SHRINKS.iter().map(|shrink| Grid::new(full.scale * shrink, full.zero_point, full.max_code));
    let mut best = (full.squared_error(block), full);
    for grid in narrower {
        let error = grid.squared_error(block);
        if error < best.0 {
            best = (error, grid);
        }
    }
    best.1
}

fn full_grid(block: &[f32; BLOCK_LEN], format: BlockFormat) -> Grid {
    let (low, high) = block.iter().fold((0.0f32, 0.0f32), |(low, high), &value| (low.min(value), high.max(value)));
    let max_code = format.max_code();
    if format.has_zero_points {
        let grid = Grid::new(high / max_code - low / max_code, format.middle_code(), max_code);
        if grid.scale == 0.0 {
            grid
        } else {
            Grid { zero_point: round(-low * grid.inverse).clamp(0.0, max_code), ..grid }
        }
    } else {
        // The code's range reaches one step further down than up: the larger end gets the further side, by a
        // negative scale where that end is positive.
        let extreme = if -low >= high { low } else { high };
        Grid::new(-extreme / format.middle_code(), format.middle_code(), max_code)
    }
}

fn pack(codes: &[u8], bits: u8, packed: &mut Vec<u8>) {
    if bits == 8 {
        packed.extend_from_slice(codes);
    } else {
        packed.extend(codes.chunks(2).map(|pair| pair[0] | pair.get(1).map_or(0, |high| high << 4)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The operators' definition, value by value, with no regard to speed.
    fn dequantize(rows: &QuantizedRows, cols: usize, format: BlockFormat) -> Vec<f32> {
        let num_blocks = format.num_blocks(cols);
        let code = |bytes: &[u8], idx: usize| match format.bits {
            8 => bytes[idx],
            _ => (bytes[idx / 2] >> (4 * (idx % 2))) & 15,
        };
        let num_rows = rows.scales.len() / num_blocks;
        let mut values = Vec::new();
        for (row, col) in (0..num_rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
            let block = row * num_blocks + col / BLOCK_LEN;
            let zero_points = &rows.zero_points[row * rows.zero_points.len() / num_rows..];
            let zero_point = match format.has_zero_points {
                true => code(zero_points, col / BLOCK_LEN),
                false => 1 << (format.bits - 1),
            };
            let found = code(&rows.codes[block * format.block_bytes()..], col % BLOCK_LEN);
            values.push((f32::from(found) - f32::from(zero_point)) * rows.scales[block]);
        }
        values
    }

    const SYMMETRIC_INT4: BlockFormat = BlockFormat { bits: 4, has_zero_points: false };

    /// Numbers that are roughly normal, as weights are: sums of uniform ones from a linear congruence.
    fn weights(num_values: usize) -> Vec<f32> {
        let mut state = 1u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        (0..num_values).map(|_| (0..12).map(|_| uniform()).sum()).collect()
    }

    fn rms_error(values: &[f32], format: BlockFormat) -> f32 {
        let back = dequantize(&quantize_rows(values, values.len(), format), values.len(), format);
        let sum: f32 = values.iter().zip(&back).map(|(value, back)| (value - back).powi(2)).sum();
        (sum / values.len() as f32).sqrt()
    }

    #[test]
    fn zero_points_and_narrower_grids_pay_at_four_bits() {
        let values = weights(64 * BLOCK_LEN);
        assert!(rms_error(&values, BlockFormat::INT4) < rms_error(&values, SYMMETRIC_INT4));
        let full_range = |values: &[f32]| {
            let block: &[f32; BLOCK_LEN] = values.try_into().unwrap();
            full_grid(block, BlockFormat::INT4).squared_error(block)
        };
        let full: f32 = values.chunks(BLOCK_LEN).map(full_range).sum();
        assert!(rms_error(&values, BlockFormat::INT4) < (full / values.len() as f32).sqrt());
        assert!(rms_error(&values, BlockFormat::INT8) < rms_error(&values, BlockFormat::INT4) / 8.0);
    }

    #[test]
    fn codes_lie_as_the_operators_read_them() {
        let values: Vec<f32> = (0..BLOCK_LEN).map(|idx| (idx % 16) as f32 - 8.0).collect();
        let rows = quantize_rows(&values, BLOCK_LEN, SYMMETRIC_INT4);
        assert_eq!(rows.scales, [1.0]);
        assert_eq!(rows.codes[..8], [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
        let rows = quantize_rows(&[0.0, 15.0, 3.0], 3, BlockFormat::INT4);
        assert_eq!((rows.codes.len(), rows.codes[0], rows.codes[1], rows.zero_points[0]), (16, 0xf0, 0x03, 0));
    }

    #[test]
    fn rounding_is_half_to_even() {
        for idx in -4000..4000 {
            let x = idx as f32 / 8.0;
            assert_eq!(round(x), x.round_ties_even(), "{x}");
        }
    }

    #[test]
    fn values_too_small_for_a_scale_become_zero() {
        for format in [BlockFormat::INT4, SYMMETRIC_INT4, BlockFormat::INT8] {
            let rows = quantize_rows(&[f32::MIN_POSITIVE / 1024.0, -1e-45], 2, format);
            assert_eq!(dequantize(&rows, 2, format), [0.0; 2]);
        }
    }

    #[test]
    fn a_block_of_zeros_stays_zero() {
        for format in [BlockFormat::INT4, SYMMETRIC_INT4, BlockFormat::INT8] {
            let rows = quantize_rows(&[0.0; 40], 40, format);
            assert_eq!(dequantize(&rows, 40, format), [0.0; 40]);
        }
    }

    #[test]
    fn an_extreme_value_is_met_exactly_at_eight_bits() {
        for extreme in [5.0, -5.0] {
            let rows = quantize_rows(&[extreme, 0.1], 2, BlockFormat::INT8);
            assert_eq!(dequantize(&rows, 2, BlockFormat::INT8)[0], extreme);
        }
    }

    proptest! {
        /// No value is further off than half a step of the full range, or, where a narrower range won, the block
        /// as a whole is nearer than that range would have been.
        #[test]
        fn the_error_is_within_half_a_step(
            values in prop::collection::vec(-1e4f32..1e4, 1..200), bits in prop::sample::select(vec![4u8, 8]),
            has_zero_points: bool,
        ) {
            let format = BlockFormat { bits, has_zero_points };
            let rows = quantize_rows(&values, values.len(), format);
            let back = dequantize(&rows, values.len(), format);
            for (block, back) in values.chunks(BLOCK_LEN).zip(back.chunks(BLOCK_LEN)) {
                let low = block.iter().fold(0.0f32, |low, &value| low.min(value));
                let high = block.iter().fold(0.0f32, |high, &value| high.max(value));
                // One step where the far side is cut (symmetric) or the zero point is rounded, half a step within.
                let step = if has_zero_points { (high - low) / format.max_code() }
                    else { high.max(-low) / format.middle_code() };
                let error: f32 = block.iter().zip(back).map(|(value, back)| (value - back).powi(2)).sum();
                prop_assert!(error.sqrt() <= step * (block.len() as f32).sqrt() * 1.01, "{error} {step}");
            }
        }
    }
}
