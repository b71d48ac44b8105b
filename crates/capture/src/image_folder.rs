use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::Receiver;
use souffleur_core::{Frame, FrameGrid, MediaTime, RgbImage};

use crate::error::{file_name, one_line};
use crate::natural_order::compare_naturally;
use crate::still::{EXTENSIONS, read_still};
use crate::video_file::check_range;
use crate::{CaptureError, FrameSource, Skipped, SourceInfo, SourceKind};

/// A folder of images as a video of one image an interval, in natural order of their names (`2.png` before
/// `10.png`); subfolders, hidden files and other files are passed over.
///
/// Image `i` is shown from `i · interval` on, so `from` leaves out the images before it, as in a video. An image
/// that cannot be read is skipped and counted, and the next readable one takes its place. Which formats, and what
/// becomes of alpha, orientation and 16 bits, is told at `still.rs`; sizes may differ from image to image.
///
/// A thread `capture:NAME` decodes up to two images ahead.
pub struct ImageFolder {
    info: SourceInfo,
    grid: FrameGrid,
    next_idx: u64,
    skipped: Skipped,
    /// Decoded while opening, not yet delivered.
    first_image: Option<RgbImage>,
    /// `None` once the end was reached.
    images: Option<Receiver<Decoded>>,
    thread: Option<JoinHandle<()>>,
}

/// An image, or the reason why it is skipped.
type Decoded = Result<RgbImage, String>;

impl ImageFolder {
    /// Lists a folder and waits for its first readable image.
    ///
    /// # Errors
    /// When the path is no folder, holds no image, none of them between `grid.from()` and `to`, or none readable.
    pub fn open(path: &Path, grid: FrameGrid, to: Option<MediaTime>) -> Result<Self, CaptureError> {
        check_range(&grid, to)?;
        let files = list_images(path)?;
        Self::start(path, SourceKind::ImageFolder, files, grid, to)
    }

    /// One still image as a video of one frame.
    pub(crate) fn open_still(path: &Path, grid: FrameGrid, to: Option<MediaTime>) -> Result<Self, CaptureError> {
        check_range(&grid, to)?;
        Self::start(path, SourceKind::VideoFile, vec![path.into()], grid, to)
    }

    fn start(
        path: &Path,
        kind: SourceKind,
        files: Vec<PathBuf>,
        grid: FrameGrid,
        to: Option<MediaTime>,
    ) -> Result<Self, CaptureError> {
        let name = file_name(path);
        let duration = grid.interval().times(files.len() as u64);
        if grid.from() >= duration {
            return Err(CaptureError::FromPastEnd { name, from: grid.from(), end: duration });
        }
        let num_frames = grid.num_frames(to.map_or(duration, |to| to.min(duration)));
        let num_before = (grid.from().as_micros() / grid.interval().as_micros()) as usize;
        let wanted: Vec<PathBuf> = files.into_iter().skip(num_before).take(num_frames as usize).collect();
        let (tx, images) = crossbeam_channel::bounded(1);
        let decode = move || {
            for file in wanted {
                let decoded = read_still(&file).map_err(|reason| format!("{}: {reason}", file_name(&file)));
                if tx.send(decoded).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name(format!("capture:{name}")).spawn(decode);
        let thread = thread.map_err(|_| CaptureError::ThreadEnded(format!("capture:{name}")))?;
        let info = SourceInfo {
            name,
            kind,
            num_frames: Some(num_frames),
            duration: Some(duration),
            width_px: None,
            height_px: None,
            media_path: Some(path.into()),
        };
        let (images, thread) = (Some(images), Some(thread));
        let mut folder =
            Self { info, grid, next_idx: 0, skipped: Skipped::default(), first_image: None, images, thread };
        folder.wait_for_first(path)?;
        Ok(folder)
    }

    fn wait_for_first(&mut self, path: &Path) -> Result<(), CaptureError> {
        let Some(image) = self.next_image()? else {
            let first_reason = self.skipped.first_reasons.first().cloned().unwrap_or_default();
            let num_images = self.skipped.num_images;
            return Err(match self.info.kind {
                SourceKind::ImageFolder => {
                    CaptureError::NoReadableImage { path: path.into(), num_images, first_reason }
                }
                _ => CaptureError::UnreadableImage(first_reason),
            });
        };
        (self.info.width_px, self.info.height_px) = (Some(image.width_px()), Some(image.height_px()));
        self.first_image = Some(image);
        Ok(())
    }

    fn next_image(&mut self) -> Result<Option<RgbImage>, CaptureError> {
        if let Some(image) = self.first_image.take() {
            return Ok(Some(image));
        }
        let Some(images) = &self.images else { return Ok(None) };
        for decoded in images {
            match decoded {
                Ok(image) => return Ok(Some(image)),
                Err(reason) => self.skipped.add(reason),
            }
        }
        self.images = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(CaptureError::ThreadEnded(format!("capture:{}", self.info.name))),
            _ => Ok(None),
        }
    }
}

impl FrameSource for ImageFolder {
    fn describe(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let Some(image) = self.next_image()? else { return Ok(None) };
        let media_time = self.grid.frame_time(self.next_idx);
        self.next_idx += 1;
        Ok(Some(Frame { image, media_time, captured_at: Instant::now() }))
    }

    fn skipped(&self) -> Skipped {
        self.skipped.clone()
    }
}

/// The image files of a folder, in natural order.
fn list_images(path: &Path) -> Result<Vec<PathBuf>, CaptureError> {
    let metadata = fs::metadata(path).map_err(|err| CaptureError::from_io(path, err))?;
    if !metadata.is_dir() {
        return Err(CaptureError::NotADirectory(path.into()));
    }
    let entries = fs::read_dir(path).map_err(|err| CaptureError::from_io(path, err))?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut named: Vec<(String, PathBuf)> = paths
        .filter(|path| has_image_name(path) && !path.is_dir())
        .map(|path| (one_line(&path.file_name().unwrap_or_default().to_string_lossy()), path))
        .collect();
    if named.is_empty() {
        return Err(CaptureError::NoImages(path.into()));
    }
    // Names that are not Unicode may look alike; the path settles those.
    named.sort_by(|left, right| compare_naturally(&left.0, &right.0).then_with(|| left.1.cmp(&right.1)));
    Ok(named.into_iter().map(|(_, path)| path).collect())
}

fn has_image_name(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    !is_hidden && extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}
