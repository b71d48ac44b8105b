//! From an image to the numbers the vision encoder takes.

use souffleur_core::RgbImage;

use crate::{GridThw, PreprocessorConfig, ResizeError, Resizer, smart_resize};

/// One image as the vision encoder takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelValues {
    /// `[num_patches, 3 · temporal_patch_size · patch_size · patch_size]`. Patches come in blocks of
    /// `merge_size × merge_size`, blocks and the patches in them row by row; a patch is ordered by channel, time, y, x.
    pub data: Vec<f32>,
    /// The patches' grid.
    pub grid: GridThw,
}

/// [`Preprocessor::preprocess`] for a single image. For a stream of frames keep a [`Preprocessor`].
///
/// # Errors
/// When the image is too thin or `config` allows no size.
pub fn preprocess(image: &RgbImage, config: &PreprocessorConfig) -> Result<PixelValues, ResizeError> {
    Preprocessor::new(config.clone()).preprocess(image)
}

/// Resizes images, normalises them and cuts them in patches, remembering what only depends on sizes and settings.
#[derive(Debug)]
pub struct Preprocessor {
    config: PreprocessorConfig,
    resizer: Resizer,
    normalised: NormalisedBytes,
}

impl Preprocessor {
    /// What `config` (`preprocessor_config.json`) describes.
    pub fn new(config: PreprocessorConfig) -> Self {
        let normalised = NormalisedBytes::new(config.image_mean, config.image_std);
        Self { config, resizer: Resizer::new(), normalised }
    }

    /// The patches of one still image, as `Qwen2VLImageProcessorPil` of `transformers` makes them: resized to
    /// [`smart_resize`]'s size, each byte ×1/255, − mean, / std, the frame repeated to fill the temporal patch.
    ///
    /// The rows go to their places in the patches as the resizer finishes them: there is no whole image between.
    ///
    /// # Errors
    /// When the image is too thin or the settings allow no size.
    pub fn preprocess(&mut self, image: &RgbImage) -> Result<PixelValues, ResizeError> {
        let &PreprocessorConfig { min_pixels, max_pixels, patch_size, temporal_patch_size, merge_size, .. } =
            &self.config;
        if temporal_patch_size == 0 {
            return Err(ResizeError::NoTemporalPatch);
        }
        let (height, width) = smart_resize(
            image.height_px() as usize,
            image.width_px() as usize,
            patch_size.saturating_mul(merge_size),
            min_pixels,
            max_pixels,
        )?;
        let (Ok(width_px), Ok(height_px)) = (u32::try_from(width), u32::try_from(height)) else {
            return Err(ResizeError::TooLarge { height, width });
        };
        ResizeError::check_size(width_px, height_px)?;

        let grid = GridThw { t: 1, h: height / patch_size, w: width / patch_size };
        let order = PatchOrder { grid, patch_size, temporal_patch_size, merge_size };
        let mut data = vec![0.0; grid.num_patches() * order.patch_len()];
        let normalised = &self.normalised;
        self.resizer
            .resize_rows(image, width_px, height_px, |y, row| order.place_row(y, row, normalised, &mut data))?;
        Ok(PixelValues { data, grid })
    }
}

/// Each byte of each channel on the scale the model was trained on.
#[derive(Debug)]
struct NormalisedBytes([[f32; 256]; 3]);

impl NormalisedBytes {
    fn new(image_mean: [f32; 3], image_std: [f32; 3]) -> Self {
        // Rounded to 32 bits where the reference rounds: after the scaling, the subtraction and the division.
        Self(std::array::from_fn(|channel| {
            std::array::from_fn(|byte| {
                let scaled = (byte as f64 * (1.0 / 255.0)) as f32;
                (scaled - image_mean[channel]) / image_std[channel]
            })
        }))
    }
}

/// Where each pixel of an image goes in `pixel_values`.
#[derive(Clone, Copy, Debug)]
struct PatchOrder {
    grid: GridThw,
    patch_size: usize,
    temporal_patch_size: usize,
    merge_size: usize,
}

impl PatchOrder {
    /// Numbers a patch, one row of `pixel_values`, has.
    fn patch_len(&self) -> usize {
        3 * self.temporal_patch_size * self.patch_size * self.patch_size
    }

    /// The row of `pixel_values` of the patch in `row`, `column` of the grid.
    fn patch_idx(&self, row: usize, column: usize) -> usize {
        let merge = self.merge_size;
        let block = (row / merge) * (self.grid.w / merge) + column / merge;
        (block * merge + row % merge) * merge + column % merge
    }

    /// Puts image row `y`, interleaved RGB bytes, in its places of `data`.
    fn place_row(&self, y: usize, pixels: &[u8], normalised: &NormalisedBytes, data: &mut [f32]) {
        let side = self.patch_size;
        let frame_len = side * side;
        for (column, pixels) in pixels.chunks_exact(side * 3).enumerate() {
            let patch = &mut data[self.patch_idx(y / side, column) * self.patch_len()..][..self.patch_len()];
            let channels = patch.chunks_exact_mut(self.temporal_patch_size * frame_len);
            for (channel, (values, of_byte)) in channels.zip(&normalised.0).enumerate() {
                let line = y % side * side;
                for (value, pixel) in values[line..line + side].iter_mut().zip(pixels.as_chunks::<3>().0) {
                    *value = of_byte[usize::from(pixel[channel])];
                }
                for time in 1..self.temporal_patch_size {
                    values.copy_within(line..line + side, time * frame_len + line);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(patch_size: usize, temporal_patch_size: usize, merge_size: usize) -> PreprocessorConfig {
        PreprocessorConfig {
            min_pixels: 1,
            max_pixels: 1 << 20,
            patch_size,
            temporal_patch_size,
            merge_size,
            image_mean: [0.0; 3],
            image_std: [1.0 / 255.0; 3],
        }
    }

    #[test]
    fn patches_are_ordered_by_block_and_channel() {
        // Pixel (x, y) is [10·y + x, 100, 200]; patches of 1×1 in blocks of 2×2, so each patch shows its pixel.
        let pixels: Vec<u8> = (0..4 * 4).flat_map(|idx| [10 * (idx / 4) + idx % 4, 100, 200]).collect();
        let image = RgbImage::new(4, 4, pixels).unwrap();
        let PixelValues { data, grid } = preprocess(&image, &config(1, 2, 2)).unwrap();
        assert_eq!(grid, GridThw { t: 1, h: 4, w: 4 });
        assert_eq!((grid.num_patches(), grid.num_tokens(2)), (16, 4));
        let rounded: Vec<[u8; 6]> =
            data.as_chunks::<6>().0.iter().map(|patch| patch.map(|v| v.round() as u8)).collect();
        let reds: Vec<u8> = rounded.iter().map(|patch| patch[0]).collect();
        assert_eq!(reds, [0, 1, 10, 11, 2, 3, 12, 13, 20, 21, 30, 31, 22, 23, 32, 33]);
        assert!(rounded.iter().all(|patch| *patch == [patch[0], patch[0], 100, 100, 200, 200]));
    }

    #[test]
    fn settings_without_a_size_and_thin_images_are_errors() {
        let image = RgbImage::new(300, 1, vec![0; 900]).unwrap();
        assert_eq!(preprocess(&image, &config(14, 2, 2)), Err(ResizeError::TooThin { height: 1, width: 300 }));
        for config in [config(0, 2, 2), config(14, 2, 0), PreprocessorConfig { max_pixels: 0, ..config(14, 2, 2) }] {
            assert!(matches!(preprocess(&image, &config), Err(ResizeError::Bounds { .. })));
        }
        let vast = PreprocessorConfig { min_pixels: 1 << 40, max_pixels: u64::MAX, ..config(14, 2, 2) };
        let square = RgbImage::new(2, 2, vec![0; 12]).unwrap();
        assert!(matches!(preprocess(&square, &vast), Err(ResizeError::TooLarge { .. })));
        assert_eq!(preprocess(&square, &config(2, 0, 1)), Err(ResizeError::NoTemporalPatch));
    }
}
