use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use souffleur_core::{Frame, FrameGrid, MediaTime, RgbImage};

use crate::decoder::{Decoder, Ended, Selection};
use crate::error::file_name;
use crate::ffmpeg::{Messages, Tools};
use crate::probe::{VideoProbe, probe_video};
use crate::{CaptureError, FrameSource, SourceInfo, SourceKind};

/// A video file, decoded by ffmpeg: any container and codec it reads.
///
/// Frame `k` is the last one whose presentation time, to the microsecond and counted from the start of the file, is
/// at most `from + k · interval`; the first one where there is none yet. There are
/// [`FrameGrid::num_frames`]`(min(end, to))` of them, `end` being what a player shows as the length; where sound
/// goes on after the picture, the last picture stays. Rotation is applied. If the size changes within the video,
/// later frames are scaled to the first one's size.
///
/// A thread `capture:NAME` reads ahead by up to eight frames or 96 MiB, whichever is less, at least one; beyond
/// that ffmpeg waits. Dropping the source ends the thread and the child.
pub struct VideoFile {
    tools: Tools,
    path: PathBuf,
    info: SourceInfo,
    grid: FrameGrid,
    probe: VideoProbe,
    num_frames: u64,
    next_idx: u64,
    last_image: Option<RgbImage>,
    /// Decoded while opening, not yet delivered.
    first_image: Option<RgbImage>,
    /// `None` once the end or an error was reached.
    decoder: Option<Decoder>,
}

impl VideoFile {
    /// Opens a file and waits for its first frame, so that a file that cannot be decoded is known here.
    ///
    /// # Errors
    /// When the path is no file, ffmpeg is missing, the file has no video that can be decoded, or the range from
    /// `grid.from()` to `to` holds nothing of it.
    pub fn open(path: &Path, grid: FrameGrid, to: Option<MediaTime>) -> Result<Self, CaptureError> {
        Self::open_with(&Tools::find(), path, grid, to)
    }

    pub(crate) fn open_with(
        tools: &Tools,
        path: &Path,
        grid: FrameGrid,
        to: Option<MediaTime>,
    ) -> Result<Self, CaptureError> {
        check_range(&grid, to)?;
        check_file(path)?;
        let probe = probe_video(tools, path)?;
        if grid.from() > MediaTime::ZERO && grid.from() >= probe.end {
            return Err(CaptureError::FromPastEnd { name: file_name(path), from: grid.from(), end: probe.end });
        }
        let num_frames = grid.num_frames(to.map_or(probe.end, |to| to.min(probe.end)));
        let mut decoder = Decoder::start(tools, path, &probe, grid.from(), &Selection::Grid { grid, num_frames })?;
        let (first_image, decoder) = match decoder.next_image()? {
            Some(image) => (image, Some(decoder)),
            None => (stand_in_image(tools, path, &probe, &grid, &decoder.finish()?)?, None),
        };
        let info = SourceInfo {
            name: file_name(path),
            kind: SourceKind::VideoFile,
            num_frames: Some(num_frames),
            duration: Some(probe.end),
            width_px: Some(first_image.width_px()),
            height_px: Some(first_image.height_px()),
            media_path: Some(path.into()),
        };
        Ok(Self {
            tools: tools.clone(),
            path: path.into(),
            info,
            grid,
            probe,
            num_frames,
            next_idx: 0,
            last_image: None,
            first_image: Some(first_image),
            decoder,
        })
    }

    fn next_image(&mut self) -> Result<Option<RgbImage>, CaptureError> {
        if let Some(first_image) = self.first_image.take() {
            return Ok(Some(first_image));
        }
        let Some(decoder) = &mut self.decoder else { return Ok(self.last_image.clone()) };
        if let Some(image) = decoder.next_image()? {
            return Ok(Some(image));
        }
        let ended = self.decoder.take().map(Decoder::finish).transpose()?;
        match ended.and_then(|ended| self.why_cut(&ended)) {
            Some(err) => Err(err),
            None => self.read_last_image().map(Some),
        }
    }

    /// What stays on screen where the sound goes on after the picture. The grid has stopped short of the last
    /// picture, so the frames after the last one delivered are decoded again; there is less than one interval of
    /// them. None at all means that the last one delivered is the last picture.
    fn read_last_image(&self) -> Result<RgbImage, CaptureError> {
        let after = self.grid.frame_time(self.next_idx.saturating_sub(1));
        let decoder = Decoder::start(&self.tools, &self.path, &self.probe, after, &Selection::From(after))?;
        let last = decoder.last_image()?.or_else(|| self.last_image.clone());
        last.ok_or_else(|| CaptureError::Decode { path: self.path.clone(), cause: "the file holds no frame".into() })
    }

    /// Whether the frames ended too early: before the end of the stream that the header states, and with a word
    /// from the decoder. A broken frame in the middle, which players pass over, makes no cut file; neither does a
    /// last frame that stays for long, as in recordings of a screen.
    fn why_cut(&self, ended: &Ended) -> Option<CaptureError> {
        let due = self.grid.frame_time(self.next_idx);
        let end = self.probe.stream_end.unwrap_or(self.probe.end).min(self.probe.end);
        let is_cut = !ended.is_clean && self.next_idx < self.grid.num_frames(end);
        is_cut.then(|| CaptureError::Truncated {
            path: self.path.clone(),
            at: due,
            end,
            cause: ended.messages.last_error().unwrap_or_else(|| "ffmpeg gave up".into()),
        })
    }
}

impl FrameSource for VideoFile {
    fn describe(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        if self.next_idx >= self.num_frames {
            self.decoder = None;
            return Ok(None);
        }
        let image = match self.next_image() {
            Ok(Some(image)) => image,
            ended => {
                self.next_idx = self.num_frames;
                self.decoder = None;
                return ended.map(|_| None);
            }
        };
        let media_time = self.grid.frame_time(self.next_idx);
        self.next_idx += 1;
        self.last_image = Some(image.clone());
        Ok(Some(Frame { image, media_time, captured_at: Instant::now() }))
    }
}

/// The first image where decoding from `grid.from()` gave none: the picture that stays until the end, if `from` lies
/// after the last frame was shown, or the reason why there is none.
fn stand_in_image(
    tools: &Tools,
    path: &Path,
    probe: &VideoProbe,
    grid: &FrameGrid,
    ended: &Ended,
) -> Result<RgbImage, CaptureError> {
    if !ended.is_clean || grid.from() <= MediaTime::ZERO {
        return Err(why_no_frame(path, probe, &ended.messages));
    }
    let whole = Selection::From(MediaTime::ZERO);
    let last = Decoder::start(tools, path, probe, grid.from(), &whole)?.last_image()?;
    last.ok_or_else(|| why_no_frame(path, probe, &ended.messages))
}

/// Says why not one frame came.
fn why_no_frame(path: &Path, probe: &VideoProbe, messages: &Messages) -> CaptureError {
    // The wording of ffmpeg 4 to 8 where it was built without a decoder or meets an unknown tag.
    let no_decoder = |line: &str| line.contains("Decoder (codec ") || line.contains("no decoder found for");
    if messages.lines().any(no_decoder) {
        return CaptureError::UnsupportedCodec { path: path.into(), codec: probe.codec.clone() };
    }
    let cause = messages.last_error().unwrap_or_else(|| "the file holds no frame".into());
    CaptureError::Decode { path: path.into(), cause }
}

/// The end, where one is asked for, lies after the start.
pub(crate) fn check_range(grid: &FrameGrid, to: Option<MediaTime>) -> Result<(), CaptureError> {
    match to {
        Some(to) if to <= grid.from() => Err(CaptureError::EmptyRange { from: grid.from(), to }),
        _ => Ok(()),
    }
}

/// A regular file with at least one byte: ffmpeg would wait for ever on a pipe.
fn check_file(path: &Path) -> Result<(), CaptureError> {
    let metadata = fs::metadata(path).map_err(|err| CaptureError::from_io(path, err))?;
    if metadata.is_dir() {
        return Err(CaptureError::IsDirectory(path.into()));
    }
    if !metadata.is_file() {
        return Err(CaptureError::NotAFile(path.into()));
    }
    if metadata.len() == 0 {
        return Err(CaptureError::EmptyFile(path.into()));
    }
    fs::File::open(path).map(drop).map_err(|err| CaptureError::from_io(path, err))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_programs_are_told_by_name() {
        let grid = FrameGrid::new(1.0, 0.0, 1).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), b"x").unwrap();
        let err = VideoFile::open_with(&Tools::fake_missing(), file.path(), grid, None).err().unwrap();
        assert!(matches!(err, CaptureError::FfmpegMissing("ffprobe")), "{err}");
    }

    #[test]
    fn paths_that_are_no_files_are_refused_before_any_child_starts() {
        let open = |path: &Path, to| {
            let grid = FrameGrid::new(1.0, 2.0, 1).unwrap();
            VideoFile::open_with(&Tools::fake_missing(), path, grid, to).err().unwrap()
        };
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty.mp4");
        fs::write(&empty, b"").unwrap();
        assert!(matches!(open(&dir.path().join("none.mp4"), None), CaptureError::NotFound(_)));
        assert!(matches!(open(dir.path(), None), CaptureError::IsDirectory(_)));
        assert!(matches!(open(&empty, None), CaptureError::EmptyFile(_)));
        #[cfg(unix)]
        assert!(matches!(open(Path::new("/dev/zero"), None), CaptureError::NotAFile(_)));
        let to = Some(MediaTime::from_secs_f64(2.0));
        assert!(matches!(open(&empty, to), CaptureError::EmptyRange { .. }));
    }
}
