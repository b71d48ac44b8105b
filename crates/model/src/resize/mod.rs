//! The one resize: Pillow's bicubic, byte for byte, because the model was trained on pixels made by it.
//!
//! A cubic kernel (a = −0.5) that widens when shrinking, weights in fixed point, a horizontal pass and then a
//! vertical one with the pixels rounded to bytes between them, each only where that side changes: Pillow up to 12.1,
//! `src/libImaging/Resample.c`. Other resizers, exact as they may be, give other bytes.
//!
//! Everything here is single-threaded. Rows stream through: only as many rows of the half-done image are kept as the
//! vertical pass needs for one output row.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod coefficients;
mod error;
mod passes;
mod smart_resize;

use std::iter::repeat_n;
use std::sync::Arc;

use souffleur_core::RgbImage;

use coefficients::Coefficients;
use passes::{Passes, ROWS_AT_ONCE, Rows, padded_row_bytes};

pub use error::ResizeError;
pub use smart_resize::{MAX_ASPECT_RATIO, smart_resize};

/// The most pixels a resized image may have, four times an 8 K frame: far beyond what the model takes, far below what
/// fills a machine.
pub const MAX_RESIZED_PX: u64 = 1 << 27;

/// Coefficient tables kept, least recently used dropped first. One stream of frames needs two.
const MAX_TABLES: usize = 8;

/// Scratch memory above this many bytes is given back after an image.
const MAX_KEPT_SCRATCH_BYTES: usize = 8 << 20;

/// Resizes images, remembering the coefficients of recent sizes. Keep one for a stream of frames.
#[derive(Debug)]
pub struct Resizer {
    passes: Passes,
    /// Most recently used last.
    tables: Vec<Arc<Coefficients>>,
    scratch: Scratch,
}

/// Memory used while an image is resized; its contents mean nothing between images.
#[derive(Debug, Default)]
struct Scratch {
    /// Rows the horizontal pass made: input row `y` in slot `y % num_slots`.
    ring: Vec<u8>,
    /// The output row being made.
    row: Vec<u8>,
    /// Where the rows of the current window begin.
    starts: Vec<usize>,
}

impl Default for Resizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Resizer {
    /// A resizer that uses the fastest instructions this machine has.
    pub fn new() -> Self {
        Self::with_passes(Passes::detect())
    }

    /// A resizer in plain Rust, without explicit SIMD. Its bytes are the same; it is there to measure and to test
    /// against.
    pub fn portable() -> Self {
        Self::with_passes(Passes::Portable)
    }

    fn with_passes(passes: Passes) -> Self {
        Self { passes, tables: Vec::new(), scratch: Scratch::default() }
    }

    /// `image` at `width_px × height_px`, the bytes of Pillow's `image.resize((width, height), BICUBIC)`.
    ///
    /// # Errors
    /// When a side is 0 or the result would have more than [`MAX_RESIZED_PX`] pixels.
    pub fn resize(&mut self, image: &RgbImage, width_px: u32, height_px: u32) -> Result<RgbImage, ResizeError> {
        ResizeError::check_size(width_px, height_px)?;
        if (image.width_px(), image.height_px()) == (width_px, height_px) {
            return Ok(image.clone());
        }
        let row_bytes = width_px as usize * 3;
        let mut pixels: Arc<[u8]> = repeat_n(0, row_bytes * height_px as usize).collect();
        let out = Arc::get_mut(&mut pixels).expect("nobody else knows an Arc that was just made");
        self.resize_rows(image, width_px, height_px, |y, row| {
            out[y * row_bytes..][..row_bytes].copy_from_slice(row);
        })?;
        Ok(RgbImage::new(width_px, height_px, pixels).expect("the sides are not 0 and the bytes were counted by them"))
    }

    /// As [`Resizer::resize`], but gives each finished row, `3 · width_px` bytes from the top down, to `sink` with its
    /// index and keeps no image.
    pub(crate) fn resize_rows(
        &mut self,
        image: &RgbImage,
        width_px: u32,
        height_px: u32,
        mut sink: impl FnMut(usize, &[u8]),
    ) -> Result<(), ResizeError> {
        ResizeError::check_size(width_px, height_px)?;
        let (width, height) = (image.width_px() as usize, image.height_px() as usize);
        let horizontal = self.coefficients(width, width_px as usize);
        let vertical = self.coefficients(height, height_px as usize);
        let scratch = &mut self.scratch;
        match (horizontal, vertical) {
            (None, None) => {
                for (y, row) in image.pixels().chunks_exact(width * 3).enumerate() {
                    sink(y, row);
                }
            }
            (Some(horizontal), None) => widen(self.passes, image, &horizontal, scratch, &mut sink),
            (None, Some(vertical)) => heighten(self.passes, image, &vertical, scratch, &mut sink),
            (Some(horizontal), Some(vertical)) => {
                widen_and_heighten(self.passes, image, &horizontal, &vertical, scratch, &mut sink);
            }
        }
        if scratch.ring.capacity() + scratch.row.capacity() > MAX_KEPT_SCRATCH_BYTES {
            *scratch = Scratch::default();
        }
        Ok(())
    }

    /// The table of one pass, none where the length stays.
    fn coefficients(&mut self, in_len: usize, out_len: usize) -> Option<Arc<Coefficients>> {
        if in_len == out_len {
            return None;
        }
        let known = self.tables.iter().position(|table| (table.in_len, table.out_len) == (in_len, out_len));
        let table = match known {
            Some(idx) => self.tables.remove(idx),
            None => Arc::new(Coefficients::new(in_len, out_len)),
        };
        if self.tables.len() == MAX_TABLES {
            self.tables.remove(0);
        }
        self.tables.push(Arc::clone(&table));
        Some(table)
    }
}

/// Runs the horizontal pass over input rows `y..y + ROWS_AT_ONCE` of `image`; beyond the last row, over the last row
/// again.
fn widen_rows(passes: Passes, image: &RgbImage, y: usize, coefficients: &Coefficients, out: &mut [u8]) {
    let row_bytes = image.width_px() as usize * 3;
    let last_row = image.height_px() as usize - 1;
    let rows = std::array::from_fn(|idx| &image.pixels()[(y + idx).min(last_row) * row_bytes..]);
    passes.horizontal(rows, coefficients, out);
}

fn widen(
    passes: Passes,
    image: &RgbImage,
    coefficients: &Coefficients,
    scratch: &mut Scratch,
    sink: &mut impl FnMut(usize, &[u8]),
) {
    let row_bytes = coefficients.out_len * 3;
    let stride = padded_row_bytes(coefficients.out_len);
    scratch.ring.resize(ROWS_AT_ONCE * stride, 0);
    let height = image.height_px() as usize;
    for y in (0..height).step_by(ROWS_AT_ONCE) {
        widen_rows(passes, image, y, coefficients, &mut scratch.ring);
        for (idx, row) in scratch.ring.chunks_exact(stride).take(height - y).enumerate() {
            sink(y + idx, &row[..row_bytes]);
        }
    }
}

fn heighten(
    passes: Passes,
    image: &RgbImage,
    coefficients: &Coefficients,
    scratch: &mut Scratch,
    sink: &mut impl FnMut(usize, &[u8]),
) {
    let Scratch { row, starts, .. } = scratch;
    let row_bytes = image.width_px() as usize * 3;
    row.resize(row_bytes, 0);
    for y in 0..coefficients.out_len {
        let (first, weights) = coefficients.window(y);
        starts.clear();
        starts.extend((first..first + weights.len()).map(|in_y| in_y * row_bytes));
        passes.vertical(Rows { bytes: image.pixels(), starts }, weights, coefficients.pairs(y), row);
        sink(y, row);
    }
}

fn widen_and_heighten(
    passes: Passes,
    image: &RgbImage,
    horizontal: &Coefficients,
    vertical: &Coefficients,
    scratch: &mut Scratch,
    sink: &mut impl FnMut(usize, &[u8]),
) {
    let Scratch { ring, row, starts } = scratch;
    let stride = padded_row_bytes(horizontal.out_len);
    // Rows come in batches, so up to a batch less one may be there beyond the window's end.
    let num_slots = (vertical.taps() + ROWS_AT_ONCE - 1).next_multiple_of(ROWS_AT_ONCE);
    ring.resize(num_slots * stride, 0);
    row.resize(horizontal.out_len * 3, 0);
    let mut num_rows_made = 0;
    for y in 0..vertical.out_len {
        let (first, weights) = vertical.window(y);
        while num_rows_made < first + weights.len() {
            let slots = &mut ring[num_rows_made % num_slots * stride..][..ROWS_AT_ONCE * stride];
            widen_rows(passes, image, num_rows_made, horizontal, slots);
            num_rows_made += ROWS_AT_ONCE;
        }
        starts.clear();
        starts.extend((first..first + weights.len()).map(|in_y| in_y % num_slots * stride));
        passes.vertical(Rows { bytes: ring, starts }, weights, vertical.pairs(y), row);
        sink(y, row);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(width_px: u32, height_px: u32, pixel: impl FnMut(usize) -> u8) -> RgbImage {
        let num_bytes = width_px as usize * height_px as usize * 3;
        RgbImage::new(width_px, height_px, (0..num_bytes).map(pixel).collect::<Vec<_>>()).unwrap()
    }

    fn noise(width_px: u32, height_px: u32) -> RgbImage {
        image(width_px, height_px, |idx| ((idx as u32).wrapping_mul(0x9E37_79B1) >> 17) as u8)
    }

    #[test]
    fn the_same_size_is_the_same_image() {
        let image = noise(5, 7);
        assert_eq!(Resizer::new().resize(&image, 5, 7).unwrap(), image);
    }

    #[test]
    fn tables_are_reused_and_bounded() {
        let mut resizer = Resizer::new();
        let image = noise(9, 9);
        for side in 1..40 {
            resizer.resize(&image, side, side).unwrap();
            assert!(resizer.tables.len() <= MAX_TABLES);
        }
        let before = Arc::clone(resizer.tables.last().unwrap());
        resizer.resize(&image, 39, 39).unwrap();
        assert!(Arc::ptr_eq(&before, resizer.tables.last().unwrap()));
    }

    #[test]
    fn extreme_shapes_cost_little_memory() {
        let mut resizer = Resizer::new();
        for (from, to) in
            [((100_000, 1), (28, 28)), ((1, 100_000), (28, 28)), ((1, 1), (100_000, 2)), ((3, 9000), (2000, 5))]
        {
            let out = resizer.resize(&noise(from.0, from.1), to.0, to.1).unwrap();
            assert_eq!((out.width_px(), out.height_px()), to);
            assert!(resizer.scratch.ring.capacity() <= MAX_KEPT_SCRATCH_BYTES);
        }
    }

    #[test]
    fn sizes_beyond_reason_are_errors() {
        let mut resizer = Resizer::new();
        let image = noise(2, 2);
        assert_eq!(resizer.resize(&image, 0, 3), Err(ResizeError::Empty { height: 3, width: 0 }));
        let side = u32::MAX as usize;
        assert_eq!(
            resizer.resize(&image, u32::MAX, u32::MAX),
            Err(ResizeError::TooLarge { height: side, width: side })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn simd_and_portable_give_the_same_bytes(
            (width, height, pixels) in (1..70u32, 1..50u32).prop_flat_map(|(width, height)| {
                let num_bytes = (width * height * 3) as usize;
                (Just(width), Just(height), prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(255)], num_bytes))
            }),
            to_width in 1..90u32,
            to_height in 1..60u32,
        ) {
            let image = RgbImage::new(width, height, pixels).unwrap();
            let fast = Resizer::new().resize(&image, to_width, to_height).unwrap();
            prop_assert_eq!(fast, Resizer::portable().resize(&image, to_width, to_height).unwrap());
        }

        #[test]
        fn a_plain_image_stays_plain(value: u8, sides in prop::array::uniform4(1..60u32)) {
            let [width, height, to_width, to_height] = sides;
            let out = Resizer::new().resize(&image(width, height, |_| value), to_width, to_height).unwrap();
            prop_assert!(out.pixels().iter().all(|&byte| byte == value));
        }
    }
}
