use std::path::Path;

use souffleur_core::{FrameGrid, MediaTime};

use crate::still::is_still;
use crate::{CaptureError, FrameSource, ImageFolder, VideoFile};

/// Opens what lies at a path: a folder as an [`ImageFolder`], a single still image as one frame, anything else as a
/// [`VideoFile`].
///
/// # Errors
/// Those of the source in question.
pub fn open_source(path: &Path, grid: FrameGrid, to: Option<MediaTime>) -> Result<Box<dyn FrameSource>, CaptureError> {
    if path.is_dir() {
        return Ok(Box::new(ImageFolder::open(path, grid, to)?));
    }
    // Not through ffmpeg, which takes a `%d` in the name of an image for a pattern.
    if path.is_file() && is_still(path) {
        return Ok(Box::new(ImageFolder::open_still(path, grid, to)?));
    }
    Ok(Box::new(VideoFile::open(path, grid, to)?))
}
