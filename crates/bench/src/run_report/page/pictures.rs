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
    let interval_secs = (to_secs - from_secs) / f64::from(NUM_PICTURES);
    let grid = FrameGrid::new(interval_secs, from_secs + interval_secs / 2.0, 1);
    let Ok(grid) = grid else { return Vec::new() };
    let to = MediaTime::from_secs_f64(to_secs + interval_secs / 2.0);
    let Ok(mut source) = open_source(video, grid, Some(to)) else { return Vec::new() };
    let mut pictures = Vec::new();
    while pictures.len() < NUM_PICTURES as usize {
        let Ok(Some(frame)) = source.next_frame() else { break };
        pictures.extend(Thumbnail::of(frame.media_time, &frame.image, MAX_SIDE_PX));
    }
    pictures
}
