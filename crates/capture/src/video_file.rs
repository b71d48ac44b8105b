use std::fs;
use std::io::BufReader;
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::Receiver;
use souffleur_core::{Frame, FrameGrid, MediaTime, RgbImage};

use crate::error::file_name;
use crate::ffmpeg::{ChildProcess, Messages, Tools};
use crate::ppm::read_ppm;
use crate::probe::{VideoProbe, probe_video};
use crate::seek::{FILE_TIMES, seek_arg, seek_point};
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
        let past_end = || CaptureError::FromPastEnd { name: file_name(path), from: grid.from(), end: probe.end };
        if grid.from() > MediaTime::ZERO && grid.from() >= probe.end {
            return Err(past_end());
        }
        let num_frames = grid.num_frames(to.map_or(probe.end, |to| to.min(probe.end)));
        let mut decoder = Decoder::start(tools, path, &probe, &grid, num_frames)?;
        let Some(first_image) = decoder.next_image()? else {
            return Err(match decoder.finish()? {
                ended if ended.is_clean && grid.from() > MediaTime::ZERO => past_end(),
                ended => why_no_frame(path, &probe, &ended.messages),
            });
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
        let (last_image, first_image) = (None, Some(first_image));
        Ok(Self { info, grid, probe, num_frames, next_idx: 0, last_image, first_image, decoder: Some(decoder) })
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
            // The picture ends before the sound: what is on screen is the last picture.
            None => Ok(self.last_image.clone()),
        }
    }

    /// Whether the frames ended too early. Some headers are off by a few frames, and some files have a broken frame
    /// in the middle that a player passes over; neither makes a cut file.
    fn why_cut(&self, ended: &Ended) -> Option<CaptureError> {
        let due = self.grid.frame_time(self.next_idx);
        let end = self.probe.stream_end.unwrap_or(self.probe.end).min(self.probe.end);
        let is_short = self.next_idx < self.grid.num_frames(end);
        let is_far_short = self.probe.stream_end.is_some() && due + HEADER_TOLERANCE < end;
        let is_cut = is_short && (!ended.is_clean || is_far_short);
        is_cut.then(|| CaptureError::Truncated {
            path: self.info.media_path.clone().unwrap_or_default(),
            at: due,
            end,
            cause: ended.messages.last_error().unwrap_or_else(|| "the file holds no more frames".into()),
        })
    }
}

/// How much longer than its frames a header may say the video is, before the file counts as cut.
const HEADER_TOLERANCE: MediaTime = MediaTime::from_micros(1_000_000);

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

/// The child and the thread that reads its pictures.
struct Decoder {
    images: Receiver<Result<RgbImage, CaptureError>>,
    process: ChildProcess,
    thread: Option<JoinHandle<()>>,
    name: String,
}

/// How decoding ended.
struct Ended {
    /// Exit status 0 and not one error message.
    is_clean: bool,
    messages: Messages,
}

impl Decoder {
    fn start(
        tools: &Tools,
        path: &Path,
        probe: &VideoProbe,
        grid: &FrameGrid,
        num_frames: u64,
    ) -> Result<Self, CaptureError> {
        let seek = seek_point(tools, path, probe, grid.from())?.map(seek_arg);
        let mut before: Vec<&str> = seek.iter().flat_map(|at| ["-ss", at]).collect();
        before.extend(FILE_TIMES);
        // A new size would otherwise rebuild the filters, and `fps` would begin anew at frame 0.
        before.extend(["-reinit_filter", "0"]);
        let (stream, filter, num_frames) = (format!("0:{}", probe.stream_idx), filters(grid), num_frames.to_string());
        let after = ["-map", &stream, "-vf", &filter, "-frames:v", &num_frames, "-c:v", "ppm", "-f", "image2pipe", "-"];
        let name = file_name(path);
        let mut process = tools.ffmpeg(&name, "error", &before, path, &after)?;
        let mut stdout = BufReader::with_capacity(1 << 16, process.take_stdout()?);
        let (tx, images) = crossbeam_channel::bounded(frames_ahead(probe.num_pixels));
        let path = path.to_owned();
        let read = move || {
            loop {
                let image = match read_ppm(&mut stdout) {
                    Ok(Some(image)) => Ok(image),
                    Ok(None) => return,
                    // Half a picture: the child died, and its exit status and messages say why.
                    Err(err) if err.kind() == std::io::ErrorKind::UnexpectedEof => return,
                    Err(cause) => Err(CaptureError::Unreadable { path: path.clone(), cause }),
                };
                let is_last = image.is_err();
                // Nobody listens any more once the source is dropped.
                if tx.send(image).is_err() || is_last {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name(format!("capture:{name}")).spawn(read);
        let thread = thread.map_err(|_| CaptureError::ThreadEnded(format!("capture:{name}")))?;
        Ok(Self { images, process, thread: Some(thread), name })
    }

    fn next_image(&mut self) -> Result<Option<RgbImage>, CaptureError> {
        self.images.recv().ok().transpose()
    }

    /// Once `next_image` found the end: how it came about.
    fn finish(mut self) -> Result<Ended, CaptureError> {
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            return Err(CaptureError::ThreadEnded(format!("capture:{}", self.name)));
        }
        let finished = self.process.finish()?;
        Ok(Ended {
            is_clean: finished.status.success() && finished.messages.num_errors == 0,
            messages: finished.messages,
        })
    }
}

/// The selection of frames, left to ffmpeg so that only the frames wanted cross the pipe.
///
/// `settb` counts in microseconds, so that all that follows is whole numbers. `fps` with `round=up` numbers each
/// frame `ceil((pts − from) / interval)` and gives, for each number `k`, the last frame numbered at most `k`: the
/// last with `pts ≤ from + k · interval`; `start_time` makes `from` number 0 and lets the first frame stand in when
/// the video begins later. `setpts=N` renumbers the output from 0: the muxer would otherwise fill up the time
/// before `from` with copies. `scale` without a new size converts to RGB and holds the first frame's size.
fn filters(grid: &FrameGrid) -> String {
    let (interval_micros, from) = (grid.interval().as_micros(), seek_arg(grid.from()));
    format!("settb=AVTB,fps=fps=1000000/{interval_micros}:round=up:start_time={from},setpts=N,scale=iw:ih,format=rgb24")
}

/// How many decoded frames may wait.
fn frames_ahead(num_pixels: u64) -> usize {
    ((96 << 20) / (num_pixels.max(1) * 3)).clamp(1, 8) as usize
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
    fn waiting_frames_are_bounded_by_number_and_by_bytes() {
        assert_eq!(frames_ahead(640 * 360), 8);
        assert_eq!(frames_ahead(3840 * 2160), 4);
        assert_eq!(frames_ahead(16_384 * 16_384), 1);
        assert_eq!(frames_ahead(0), 8);
    }

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
