use std::path::PathBuf;

use souffleur_core::{Frame, MediaTime};

use crate::CaptureError;

/// Something that gives frames in the order of their times.
pub trait FrameSource: Send {
    /// What this source is.
    fn describe(&self) -> &SourceInfo;

    /// The next frame, `Ok(None)` at the end. May wait for a decoder. After an error the source is at its end:
    /// what was found before the error has been delivered.
    ///
    /// # Errors
    /// When the source breaks: a file that is cut short, a folder without one readable image.
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError>;

    /// Whether frames come by the clock, so that a reader can be late. A file gives them as fast as they are read.
    fn is_live(&self) -> bool {
        false
    }

    /// Frames that came and that nobody read in time, so far. Only a source that keeps to a clock has any.
    fn num_dropped(&self) -> u64 {
        0
    }

    /// What could not be read and was left out, so far.
    fn skipped(&self) -> Skipped {
        Skipped::default()
    }
}

impl<S: FrameSource + ?Sized> FrameSource for Box<S> {
    fn describe(&self) -> &SourceInfo {
        (**self).describe()
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        (**self).next_frame()
    }

    fn is_live(&self) -> bool {
        (**self).is_live()
    }

    fn num_dropped(&self) -> u64 {
        (**self).num_dropped()
    }

    fn skipped(&self) -> Skipped {
        (**self).skipped()
    }
}

/// What a source says about itself once it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// For people: the name of the file or folder, on one line.
    pub name: String,
    /// Which kind of source.
    pub kind: SourceKind,
    /// How many frames will come, where that is known. An image folder gives fewer when it skips some.
    pub num_frames: Option<u64>,
    /// How long the whole thing lasts, before `from` and `to` are applied.
    pub duration: Option<MediaTime>,
    /// Width of the first frame, as shown (rotation applied). Images of a folder may differ.
    pub width_px: Option<u32>,
    /// Height of the first frame, as shown.
    pub height_px: Option<u32>,
    /// The file, for a page that plays it beside the replies.
    pub media_path: Option<PathBuf>,
}

/// The kinds of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A video file, or one still image.
    VideoFile,
    /// A folder of images.
    ImageFolder,
    /// Made up, for tests.
    Synthetic,
}

/// What was left out, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many images.
    pub num_images: u64,
    /// The first few reasons, one line each, the file's name first.
    pub first_reasons: Vec<String>,
}

impl Skipped {
    /// More than this many reasons tell the user nothing new.
    const MAX_REASONS: usize = 5;

    /// Counts one more.
    pub(crate) fn add(&mut self, reason: String) {
        self.num_images += 1;
        if self.first_reasons.len() < Self::MAX_REASONS {
            self.first_reasons.push(reason);
        }
    }
}
