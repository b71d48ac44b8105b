use std::path::Path;

use souffleur_capture::open_source;
use souffleur_core::{FrameGrid, MediaTime};
use souffleur_session::Thumbnail;

/// Frames of an example.
pub(super) const NUM_PICTURES: u32 = 6;
/// Longest side of a frame: about 5 kB of JPEG.
const MAX_SIDE_PX: u32 = 176;

/// Frames from the middle of each sixth of a clip; none where the video cannot be read: the page is whole without.
pub(super) fn pictures(video: &Path, from_secs: f64, to_secs: f64) -> Vec<Thumbnail> {
    // A grid of twelfths: every second frame of it is in the middle of a sixth.
    let grid = FrameGrid::new((to_secs - from_secs) / f64::from(2 * NUM_PICTURES), from_secs, 1);
    let Ok(grid) = grid else { return Vec::new() };
    let Ok(mut source) = open_source(video, grid, Some(MediaTime::from_secs_f64(to_secs))) else { return Vec::new() };
    let mut pictures = Vec::new();
    for idx in 0..2 * NUM_PICTURES {
        let Ok(Some(frame)) = source.next_frame() else { break };
        if idx % 2 == 1 {
            pictures.extend(Thumbnail::of(frame.media_time, &frame.image, MAX_SIDE_PX));
        }
    }
    pictures
}
