use souffleur_core::Hint;
use thiserror::Error;

use super::{MAX_ASPECT_RATIO, MAX_RESIZED_PX};

/// Why an image cannot be given the size the model wants.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ResizeError {
    /// A side is 0.
    #[error("an image needs a width and a height of at least 1 px, found {width}×{height}")]
    Empty {
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
    },
    /// The image is a thin strip.
    #[error(
        "the model takes images whose long side is at most {MAX_ASPECT_RATIO} times the short one, found {width}×{height} px"
    )]
    TooThin {
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
    },
    /// The result would not fit in reasonable memory.
    #[error("an image can be resized to at most {MAX_RESIZED_PX} px, found {width}×{height} px wanted")]
    TooLarge {
        /// Wanted height in pixels.
        height: usize,
        /// Wanted width in pixels.
        width: usize,
    },
    /// No size satisfies the settings.
    #[error(
        "sizes need a factor of at least 1 and 1 ≤ min_pixels ≤ max_pixels, found factor {factor}, min_pixels {min_pixels}, max_pixels {max_pixels}"
    )]
    Bounds {
        /// What both sides must be multiples of, in pixels.
        factor: usize,
        /// Fewest pixels.
        min_pixels: u64,
        /// Most pixels.
        max_pixels: u64,
    },
    /// A patch spans no frame at all.
    #[error("temporal_patch_size must be at least 1, found 0")]
    NoTemporalPatch,
}

impl ResizeError {
    /// Whether an image may be resized to this size.
    pub(crate) fn check_size(width_px: u32, height_px: u32) -> Result<(), Self> {
        let (height, width) = (height_px as usize, width_px as usize);
        if width_px == 0 || height_px == 0 {
            return Err(Self::Empty { height, width });
        }
        if u64::from(width_px) * u64::from(height_px) > MAX_RESIZED_PX {
            return Err(Self::TooLarge { height, width });
        }
        Ok(())
    }
}

impl Hint for ResizeError {
    fn hint(&self) -> String {
        match self {
            Self::Empty { .. } => "give an image that is not empty".into(),
            Self::TooThin { .. } => "crop the image to a less narrow part".into(),
            Self::TooLarge { .. } => "lower max_pixels of the model's preprocessor_config.json".into(),
            Self::Bounds { .. } => {
                "mend patch_size, merge_size, min_pixels and max_pixels in the model's preprocessor_config.json".into()
            }
            Self::NoTemporalPatch => "mend temporal_patch_size in the model's preprocessor_config.json".into(),
        }
    }
}
