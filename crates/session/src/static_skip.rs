use souffleur_core::{Frame, MediaTime, RgbImage};

/// Cells along each side of the grid that frames are compared on.
const CELLS: usize = 16;
/// The most a cell's mean may move, of 255, in a frame that counts as unchanged: above the noise of a camera, below
/// a cursor that appears in a cell.
const MAX_CELL_CHANGE: f32 = 2.0;

/// Reuses the last silence while nothing changes, without running the model.
///
/// It only ever keeps silent: that something changes is no reason to speak, since change signals alone are worse
/// than chance as triggers. A look is due at least every `max_gap`, after any user text, and after any reply.
/// Frames are compared with those of the last *look*, so a slow drift adds up until it is looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StaticSkip {
    last_look: Option<Look>,
}

#[derive(Clone, Debug, PartialEq)]
struct Look {
    time: MediaTime,
    is_silent: bool,
    cells: Cells,
}

/// Mean brightness of each cell, 0–255.
type Cells = [[f32; CELLS]; CELLS];

impl StaticSkip {
    /// Whether the turn stamped `time` may reuse the last silence.
    pub fn may_skip(&self, time: MediaTime, frames: &[Frame], has_text: bool, max_gap: MediaTime) -> bool {
        let Some(look) = &self.last_look else { return false };
        let is_due = has_text || !look.is_silent || time - look.time >= max_gap;
        !is_due && frames.iter().all(|frame| most_change(&cells(&frame.image), &look.cells) <= MAX_CELL_CHANGE)
    }

    /// The state after the model has looked at a turn.
    pub fn looked(time: MediaTime, frames: &[Frame], is_silent: bool) -> Self {
        let last_look = frames.last().map(|frame| Look { time, is_silent, cells: cells(&frame.image) });
        Self { last_look }
    }
}

/// Every cell reads at most this many pixels a side: enough for a mean, cheap at 4K.
const MAX_SAMPLES: usize = 24;

fn cells(image: &RgbImage) -> Cells {
    let (width, height) = (image.width_px() as usize, image.height_px() as usize);
    let pixels = image.pixels();
    std::array::from_fn(|row| {
        std::array::from_fn(|col| {
            let (mut sum, mut count) = (0u32, 0u32);
            for y in samples(row, height) {
                for x in samples(col, width) {
                    let pixel = &pixels[(y * width + x) * 3..][..3];
                    sum += u32::from(pixel[0]) + u32::from(pixel[1]) + u32::from(pixel[2]);
                    count += 3;
                }
            }
            sum as f32 / count.max(1) as f32
        })
    })
}

/// Positions in cell `cell` of a side of `len` pixels: at least one, at most [`MAX_SAMPLES`], evenly spread.
fn samples(cell: usize, len: usize) -> impl Iterator<Item = usize> {
    let start = (cell * len / CELLS).min(len - 1);
    let end = ((cell + 1) * len / CELLS).clamp(start + 1, len);
    (start..end).step_by((end - start).div_ceil(MAX_SAMPLES))
}

fn most_change(a: &Cells, b: &Cells) -> f32 {
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    fn secs(value: f64) -> MediaTime {
        MediaTime::from_secs_f64(value)
    }

    /// A grey frame with one square of another brightness.
    fn frame(width: u32, height: u32, square: u8) -> Frame {
        let value = |idx: u32| {
            let (x, y) = (idx / 3 % width, idx / 3 / width);
            if x < width.div_ceil(8) && y < height.div_ceil(8) { square } else { 100 }
        };
        let pixels: Vec<u8> = (0..width * height * 3).map(value).collect();
        let image = RgbImage::new(width, height, pixels).unwrap();
        Frame { image, media_time: MediaTime::ZERO, captured_at: Instant::now() }
    }

    #[test]
    fn skips_only_what_did_not_change() {
        let still = [frame(64, 48, 100)];
        let state = StaticSkip::looked(secs(1.0), &still, true);
        assert!(state.may_skip(secs(2.0), &still, false, secs(10.0)));
        assert!(state.may_skip(secs(2.0), &[frame(64, 48, 102)], false, secs(10.0)));
        assert!(!state.may_skip(secs(2.0), &[frame(64, 48, 160)], false, secs(10.0)));
        assert!(!state.may_skip(secs(2.0), &[frame(64, 48, 100), frame(64, 48, 160)], false, secs(10.0)));
    }

    #[test]
    fn looks_when_a_look_is_due() {
        let still = [frame(64, 48, 100)];
        let state = StaticSkip::looked(secs(1.0), &still, true);
        assert!(!state.may_skip(secs(2.0), &still, true, secs(10.0)), "the user said something");
        assert!(!state.may_skip(secs(11.0), &still, false, secs(10.0)), "the gap is over");
        assert!(!StaticSkip::looked(secs(1.0), &still, false).may_skip(secs(2.0), &still, false, secs(10.0)));
        assert!(!StaticSkip::default().may_skip(secs(1.0), &still, false, secs(10.0)), "nothing was looked at yet");
    }

    proptest! {
        #[test]
        fn any_size_is_compared(width in 1u32..70, height in 1u32..70, square in 110u8..) {
            let still = [frame(width, height, 100)];
            let state = StaticSkip::looked(secs(1.0), &still, true);
            prop_assert!(state.may_skip(secs(2.0), &still, false, secs(10.0)));
            prop_assert!(!state.may_skip(secs(2.0), &[frame(width, height, square)], false, secs(10.0)));
        }
    }
}
