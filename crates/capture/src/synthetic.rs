use std::thread;
use std::time::{Duration, Instant};

use souffleur_core::{Frame, FrameGrid, RgbImage};

use crate::{CaptureError, FrameSource, SourceInfo, SourceKind};

/// A source for tests: frames of one colour each, the same in every run, with a stall or a failure on request.
#[derive(Clone, Debug)]
pub struct Synthetic {
    info: SourceInfo,
    grid: FrameGrid,
    num_frames: u64,
    next_idx: u64,
    width_px: u32,
    height_px: u32,
    stall: Option<(u64, Duration)>,
    failure_idx: Option<u64>,
}

impl Synthetic {
    /// `num_frames` frames of 56×56 pixels.
    pub fn new(grid: FrameGrid, num_frames: u64) -> Self {
        let info = SourceInfo {
            name: "synthetic".into(),
            kind: SourceKind::Synthetic,
            num_frames: Some(num_frames),
            duration: Some(grid.frame_time(num_frames)),
            width_px: Some(56),
            height_px: Some(56),
            media_path: None,
        };
        Self { info, grid, num_frames, next_idx: 0, width_px: 56, height_px: 56, stall: None, failure_idx: None }
    }

    /// Frames of another size. A side of 0 makes every frame an error.
    #[must_use]
    pub fn with_size(mut self, width_px: u32, height_px: u32) -> Self {
        (self.width_px, self.height_px) = (width_px, height_px);
        (self.info.width_px, self.info.height_px) = (Some(width_px), Some(height_px));
        self
    }

    /// Keeps the reader waiting before frame `frame_idx`, as a device does that hangs.
    #[must_use]
    pub fn with_stall(mut self, frame_idx: u64, stall: Duration) -> Self {
        self.stall = Some((frame_idx, stall));
        self
    }

    /// Fails instead of giving frame `frame_idx`, and is at its end then.
    #[must_use]
    pub fn with_failure(mut self, frame_idx: u64) -> Self {
        self.failure_idx = Some(frame_idx);
        self
    }
}

impl FrameSource for Synthetic {
    fn describe(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let frame_idx = self.next_idx;
        if frame_idx >= self.num_frames {
            return Ok(None);
        }
        self.next_idx += 1;
        if let Some((_, stall)) = self.stall.filter(|(idx, _)| *idx == frame_idx) {
            thread::sleep(stall);
        }
        if self.failure_idx == Some(frame_idx) {
            self.next_idx = self.num_frames;
            return Err(CaptureError::Injected { frame_idx });
        }
        let image = synthetic_image(frame_idx, self.width_px, self.height_px)?;
        Ok(Some(Frame { image, media_time: self.grid.frame_time(frame_idx), captured_at: Instant::now() }))
    }
}

/// The picture of a synthetic frame: one colour, which differs from those of the 2²⁴ − 1 frames around it.
///
/// # Errors
/// When a side is 0.
pub fn synthetic_image(frame_idx: u64, width_px: u32, height_px: u32) -> Result<RgbImage, CaptureError> {
    // An odd factor permutes the 24-bit numbers, so neighbours look different and none repeats.
    let colour = (frame_idx.wrapping_mul(0x009E_3779) + 0x0040_80C0).to_le_bytes();
    let num_pixels = width_px as usize * height_px as usize;
    Ok(RgbImage::new(width_px, height_px, colour[..3].repeat(num_pixels))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_its_frames_then_the_end() {
        let mut source = Synthetic::new(FrameGrid::new(0.5, 2.0, 1).unwrap(), 3).with_size(4, 2);
        let times: Vec<f64> =
            std::iter::from_fn(|| source.next_frame().unwrap()).map(|frame| frame.media_time.as_secs_f64()).collect();
        assert_eq!(times, [2.0, 2.5, 3.0]);
        assert!(source.next_frame().unwrap().is_none());
    }

    #[test]
    fn fails_where_it_is_told_to_and_ends() {
        let mut source = Synthetic::new(FrameGrid::new(1.0, 0.0, 1).unwrap(), 3).with_failure(1);
        assert!(source.next_frame().unwrap().is_some());
        assert!(matches!(source.next_frame(), Err(CaptureError::Injected { frame_idx: 1 })));
        assert!(source.next_frame().unwrap().is_none());
    }

    #[test]
    fn no_two_pictures_are_alike() {
        let colours: std::collections::HashSet<Vec<u8>> =
            (0..5000).map(|idx| synthetic_image(idx, 1, 1).unwrap().pixels().to_vec()).collect();
        assert_eq!(colours.len(), 5000);
    }
}
