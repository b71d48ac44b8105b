use std::io::{BufReader, ErrorKind};
use std::path::Path;
use std::process::ChildStdout;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender};
use souffleur_core::{FrameGrid, MediaTime, RgbImage};

use crate::CaptureError;
use crate::error::file_name;
use crate::ffmpeg::{ChildProcess, Messages, Tools};
use crate::ppm::read_ppm;
use crate::probe::VideoProbe;
use crate::seek::{FILE_TIMES, seek_arg, seek_point};

/// The child and the thread that reads its pictures.
pub(crate) struct Decoder {
    images: Receiver<Result<RgbImage, CaptureError>>,
    process: ChildProcess,
    thread: Option<JoinHandle<()>>,
    name: String,
}

/// How decoding ended.
pub(crate) struct Ended {
    /// Exit status 0 and not one error message.
    pub(crate) is_clean: bool,
    pub(crate) messages: Messages,
}

impl Decoder {
    pub(crate) fn start(
        tools: &Tools,
        path: &Path,
        probe: &VideoProbe,
        from: MediaTime,
        selection: &Selection,
    ) -> Result<Self, CaptureError> {
        let seek = seek_point(tools, path, probe, from)?.map(seek_arg);
        let mut before: Vec<&str> = seek.iter().flat_map(|at| ["-ss", at]).collect();
        before.extend(FILE_TIMES);
        // A new size would otherwise rebuild the filters, and `fps` would begin anew at frame 0.
        before.extend(["-reinit_filter", "0"]);
        let (stream, selection) = (format!("0:{}", probe.stream_idx), selection.args());
        let mut after = vec!["-map", &stream];
        after.extend(selection.iter().map(String::as_str));
        after.extend(["-c:v", "ppm", "-f", "image2pipe", "-"]);
        let name = file_name(path);
        let mut process = tools.ffmpeg(&name, "error", &before, path, &after)?;
        let stdout = process.take_stdout()?;
        let (tx, images) = crossbeam_channel::bounded(frames_ahead(probe.num_pixels));
        let path = path.to_owned();
        let read = move || read_images(stdout, &path, &tx);
        let thread = thread::Builder::new().name(format!("capture:{name}")).spawn(read);
        let thread = thread.map_err(|_| CaptureError::ThreadEnded(format!("capture:{name}")))?;
        Ok(Self { images, process, thread: Some(thread), name })
    }

    pub(crate) fn next_image(&mut self) -> Result<Option<RgbImage>, CaptureError> {
        self.images.recv().ok().transpose()
    }

    /// Reads to the end and keeps only the last.
    pub(crate) fn last_image(mut self) -> Result<Option<RgbImage>, CaptureError> {
        let mut last = None;
        while let Some(image) = self.next_image()? {
            last = Some(image);
        }
        Ok(last)
    }

    /// Once `next_image` found the end: how it came about.
    pub(crate) fn finish(mut self) -> Result<Ended, CaptureError> {
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

/// What the thread does: pictures from the pipe into the channel, until either end closes.
fn read_images(stdout: ChildStdout, path: &Path, tx: &Sender<Result<RgbImage, CaptureError>>) {
    let mut stdout = BufReader::with_capacity(1 << 16, stdout);
    loop {
        let image = match read_ppm(&mut stdout) {
            Ok(Some(image)) => Ok(image),
            Ok(None) => return,
            // Half a picture: the child died, and its exit status and messages say why.
            Err(err) if err.kind() == ErrorKind::UnexpectedEof => return,
            Err(cause) => Err(CaptureError::Unreadable { path: path.into(), cause }),
        };
        let is_last = image.is_err();
        // Nobody listens any more once the source is dropped.
        if tx.send(image).is_err() || is_last {
            return;
        }
    }
}

/// Which frames are wanted. The selection is left to ffmpeg, so that only they cross the pipe.
pub(crate) enum Selection {
    /// The frames of a grid.
    Grid { grid: FrameGrid, num_frames: u64 },
    /// Every frame from a time on, in order; some may come twice.
    From(MediaTime),
}

impl Selection {
    /// `settb` counts in microseconds, so that all that follows is whole numbers. `fps` with `round=up` numbers each
    /// frame `ceil((pts − from) / interval)` and gives, for each number `k`, the last frame numbered at most `k`:
    /// the last with `pts ≤ from + k · interval`; `start_time` makes `from` number 0 and lets the first frame stand
    /// in when the video begins later. `scale` without a new size converts to RGB and holds the first frame's size.
    ///
    /// Last, `setpts` numbers the frames anew, in the time base that `fps` leaves: by their own times the muxer, which
    /// wants a constant rate, would fill up the time before `from` with copies. (`-vsync` and `-fps_mode` would say
    /// so plainly, but no one of them is known to every ffmpeg in use.)
    fn args(&self) -> Vec<String> {
        let convert = "scale=iw:ih,format=rgb24";
        match self {
            Self::Grid { grid, num_frames } => {
                let (interval_micros, from) = (grid.interval().as_micros(), seek_arg(grid.from()));
                let select = format!("fps=fps=1000000/{interval_micros}:round=up:start_time={from}");
                let filter = format!("settb=AVTB,{select},setpts=N,{convert}");
                ["-vf".into(), filter, "-frames:v".into(), num_frames.to_string()].into()
            }
            Self::From(time) => {
                let select = format!("select=gte(pts\\,{})", time.as_micros());
                let filter = format!("settb=AVTB,{select},settb=1/25,setpts=N,{convert}");
                ["-vf".into(), filter, "-r".into(), "25".into()].into()
            }
        }
    }
}

/// How many decoded frames may wait.
fn frames_ahead(num_pixels: u64) -> usize {
    ((96 << 20) / (num_pixels.max(1) * 3)).clamp(1, 8) as usize
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
}
