use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::MediaTime;

/// An 8-bit RGB image, rows from the top, three bytes a pixel, no padding. Cloning shares the pixels.
#[derive(Clone, PartialEq, Eq)]
pub struct RgbImage {
    width_px: u32,
    height_px: u32,
    pixels: Arc<[u8]>,
}

/// Why bytes are not an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RgbImageError {
    width_px: u32,
    height_px: u32,
    found_bytes: usize,
}

impl fmt::Display for RgbImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width_px, height_px, found_bytes } = self;
        let expected = (u64::from(*width_px) * u64::from(*height_px)).saturating_mul(3);
        write!(f, "an image of {width_px}×{height_px} px needs {expected} bytes, found {found_bytes}")
    }
}

impl std::error::Error for RgbImageError {}

impl RgbImage {
    /// Takes `height_px · width_px · 3` bytes.
    ///
    /// # Errors
    /// When a side is 0 or the number of bytes does not fit the size.
    pub fn new(width_px: u32, height_px: u32, pixels: impl Into<Arc<[u8]>>) -> Result<Self, RgbImageError> {
        let pixels = pixels.into();
        let expected = (u64::from(width_px) * u64::from(height_px)).saturating_mul(3);
        if width_px == 0 || height_px == 0 || expected != pixels.len() as u64 {
            return Err(RgbImageError { width_px, height_px, found_bytes: pixels.len() });
        }
        Ok(Self { width_px, height_px, pixels })
    }

    /// Width in pixels, at least 1.
    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    /// Height in pixels, at least 1.
    pub fn height_px(&self) -> u32 {
        self.height_px
    }

    /// The bytes, `[height_px, width_px, 3]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl fmt::Debug for RgbImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RgbImage({}×{})", self.width_px, self.height_px)
    }
}

/// One captured image with its two clocks: when it was taken, and where in the video it lies.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The picture.
    pub image: RgbImage,
    /// Position on the video's time axis (for a device: since the session's start).
    pub media_time: MediaTime,
    /// When the program got hold of it. `captured_at.elapsed()` at the reply is the age of the frame.
    pub captured_at: Instant,
}
