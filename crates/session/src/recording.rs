use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use souffleur_capture::{SourceInfo, SourceKind};
use souffleur_core::{Frame, MediaTime, Reply, RgbImage};
use souffleur_model::Resizer;

use crate::{Event, SessionStart, Sink, Summary, TurnRecord};

/// Most pictures a recording keeps: about 3 MB of them.
const MAX_THUMBNAILS: usize = 200;
/// Widest and highest picture, so that a tall frame stays small too.
const MAX_SIDE_PX: u32 = 320;
const JPEG_QUALITY: u8 = 72;

/// What was watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedSource {
    /// As the user named it.
    pub name: String,
    /// The file, where it is a video that a page can play beside the replies.
    pub video: Option<PathBuf>,
}

impl From<&SourceInfo> for RecordedSource {
    fn from(info: &SourceInfo) -> Self {
        let path = info.media_path.as_ref().filter(|path| info.kind == SourceKind::VideoFile && is_playable(path));
        Self { name: info.name.clone(), video: path.cloned() }
    }
}

/// Whether browsers have a player for such a container. What is inside decides in the end: the page falls back to
/// its pictures.
fn is_playable(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["mp4", "m4v", "mov", "webm", "mkv", "ogv"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The picture of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// The stamp of the reply.
    pub time: MediaTime,
    /// Size in pixels.
    pub width_px: u32,
    /// Size in pixels.
    pub height_px: u32,
    /// The file, JPEG.
    pub jpeg: Vec<u8>,
}

/// A whole session, as it is exported. It is a [`Sink`]: give it to [`run`](crate::run()).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// What was watched.
    pub source: RecordedSource,
    /// Every event, in order.
    pub events: Vec<Event>,
    /// Pictures of the first 200 replies, if they are kept; at most 320 px wide and high.
    pub thumbnails: Vec<Thumbnail>,
    keeps_thumbnails: bool,
}

impl Recording {
    /// An empty recording without pictures.
    pub fn new(source: RecordedSource) -> Self {
        Self { source, ..Self::default() }
    }

    /// Keeps the last frame of each reply, for [`ExportFormat::Html`](crate::export::ExportFormat::Html).
    #[must_use]
    pub fn with_thumbnails(self) -> Self {
        Self { keeps_thumbnails: true, ..self }
    }

    /// How the session was set up.
    pub fn start(&self) -> Option<&SessionStart> {
        self.events.iter().find_map(|event| if let Event::Session(start) = event { Some(start) } else { None })
    }

    /// Every turn, in order.
    pub fn turns(&self) -> impl Iterator<Item = &TurnRecord> {
        self.events.iter().filter_map(|event| if let Event::Turn(turn) = event { Some(turn) } else { None })
    }

    /// Every reply, in order; those that were kept from the user too.
    pub fn replies(&self) -> impl Iterator<Item = &Reply> {
        self.events.iter().filter_map(|event| if let Event::Reply(reply) = event { Some(reply) } else { None })
    }

    /// The session in numbers, once it is over.
    pub fn summary(&self) -> Option<&Summary> {
        self.events.iter().find_map(|event| if let Event::Summary(summary) = event { Some(summary) } else { None })
    }

    /// The picture of the reply stamped `time`.
    pub fn thumbnail(&self, time: MediaTime) -> Option<&Thumbnail> {
        self.thumbnails.binary_search_by_key(&time, |thumbnail| thumbnail.time).ok().map(|idx| &self.thumbnails[idx])
    }
}

impl Thumbnail {
    /// A picture of `frame`, at most so many pixels wide and high. `None` where the encoder refuses: a page without
    /// a picture is better than no page.
    pub fn of(time: MediaTime, frame: &RgbImage, max_side_px: u32) -> Option<Self> {
        let (width_px, height_px) = fit(frame.width_px(), frame.height_px(), max_side_px);
        let small = Resizer::new().resize(frame, width_px, height_px).ok()?;
        let mut jpeg = Cursor::new(Vec::new());
        JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
            .write_image(small.pixels(), width_px, height_px, ExtendedColorType::Rgb8)
            .ok()?;
        Some(Self { time, width_px, height_px, jpeg: jpeg.into_inner() })
    }
}

impl Sink for Recording {
    fn receive(&mut self, event: Event, frames: &[Frame]) {
        if let Event::Reply(reply) = &event
            && self.keeps_thumbnails
            && self.thumbnails.len() < MAX_THUMBNAILS
        {
            let thumbnail = frames.last().and_then(|frame| Thumbnail::of(reply.time, &frame.image, MAX_SIDE_PX));
            self.thumbnails.extend(thumbnail);
        }
        self.events.push(event);
    }
}

/// The largest size of the same shape within the bounds; never enlarged, no side 0.
fn fit(width_px: u32, height_px: u32, max_side_px: u32) -> (u32, u32) {
    let scale = (f64::from(max_side_px) / f64::from(width_px.max(height_px))).min(1.0);
    let scaled = |side_px: u32| ((f64::from(side_px) * scale).round() as u32).max(1);
    (scaled(width_px), scaled(height_px))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_may_play_is_linked() {
        let info = |kind, path: &str| SourceInfo {
            name: "clip".into(),
            kind,
            num_frames: None,
            duration: None,
            width_px: None,
            height_px: None,
            media_path: Some(path.into()),
        };
        let video = |kind, path| RecordedSource::from(&info(kind, path)).video;
        assert_eq!(video(SourceKind::VideoFile, "a/clip.MP4"), Some("a/clip.MP4".into()));
        assert_eq!(video(SourceKind::VideoFile, "clip.gif"), None);
        assert_eq!(video(SourceKind::ImageFolder, "clip.mp4"), None);
    }

    #[test]
    fn pictures_fit_and_keep_their_shape() {
        assert_eq!(fit(1920, 1080, 320), (320, 180));
        assert_eq!(fit(224, 224, 320), (224, 224));
        assert_eq!(fit(100, 2000, 320), (16, 320));
        assert_eq!(fit(100_000, 1, 320), (320, 1));
    }

    #[test]
    fn a_picture_is_a_jpeg_of_that_size() {
        let frame = RgbImage::new(640, 360, vec![200u8; 640 * 360 * 3]).unwrap();
        let thumbnail = Thumbnail::of(MediaTime::ZERO, &frame, 320).unwrap();
        let read = image::load_from_memory(&thumbnail.jpeg).unwrap();
        assert_eq!((read.width(), read.height()), (320, 180));
    }
}
