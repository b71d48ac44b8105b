//! Where frames and subtitle lines come from: a video file, a folder of images, a synthetic source for tests.
//!
//! Everything that gives frames is a [`FrameSource`]. [`open_source`] finds the right one for a path; [`Paced`]
//! plays any of them in real time through a [`LatestSlot`], where a late reader gets the newest frame and what
//! nobody read is counted. Files are decoded by an `ffmpeg` child that may read this one file and nothing else:
//! no network, no standard input.

mod decoder;
mod error;
mod ffmpeg;
mod image_folder;
mod installed;
mod latest_slot;
mod natural_order;
mod open;
mod paced;
mod ppm;
mod probe;
mod seek;
mod source;
mod still;
mod subtitles;
mod synthetic;
mod video_file;

pub use error::CaptureError;
pub use image_folder::ImageFolder;
pub use installed::{InstalledTool, installed_tools};
pub use latest_slot::{LatestSlot, Taken};
pub use natural_order::compare_naturally;
pub use open::open_source;
pub use paced::{Paced, PacedStop, Pacer, RealTime};
pub use source::{FrameSource, Skipped, SourceInfo, SourceKind};
pub use subtitles::{Subtitles, parse_subtitles, read_subtitles};
pub use synthetic::{Synthetic, synthetic_image};
pub use video_file::VideoFile;
