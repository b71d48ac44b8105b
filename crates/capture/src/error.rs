use std::io;
use std::path::{Path, PathBuf};

use souffleur_core::{Hint, MediaTime, RgbImageError};

/// Why a source gives no (more) frames, or a subtitle file no lines.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// Nothing lies at the path.
    #[error("{}: no such file or folder", shown(.0))]
    NotFound(PathBuf),
    /// The path cannot be looked at or opened.
    #[error("{}: cannot be read: {cause}", shown(path))]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file is expected.
    #[error("{}: a file is expected, found a folder", shown(.0))]
    IsDirectory(PathBuf),
    /// A folder is expected.
    #[error("{}: a folder of images is expected, found a file", shown(.0))]
    NotADirectory(PathBuf),
    /// Neither a file nor a folder: a pipe, a socket, a device.
    #[error("{}: a regular file is expected, found a pipe or a device", shown(.0))]
    NotAFile(PathBuf),
    /// Zero bytes.
    #[error("{}: the file is empty", shown(.0))]
    EmptyFile(PathBuf),
    /// No demuxer knows the bytes.
    #[error("{}: not a video or an image: {cause}", shown(path))]
    NotAVideo {
        /// The file.
        path: PathBuf,
        /// What ffprobe says.
        cause: String,
    },
    /// A media file, but nothing to see in it.
    #[error("{}: has no video, only {found}", shown(path))]
    NoVideo {
        /// The file.
        path: PathBuf,
        /// The streams there are.
        found: String,
    },
    /// The container is fine, its video is in a codec that this ffmpeg cannot decode.
    #[error("{}: the video codec {codec} is not supported by this ffmpeg", shown(path))]
    UnsupportedCodec {
        /// The file.
        path: PathBuf,
        /// Name or four-letter tag.
        codec: String,
    },
    /// Not one frame could be decoded.
    #[error("{}: no frame can be decoded: {cause}", shown(path))]
    Decode {
        /// The file.
        path: PathBuf,
        /// What ffmpeg says.
        cause: String,
    },
    /// The frames stop before the end that the file states. All before that were delivered.
    #[error("{}: the video breaks off near {at} of {end}: {cause}", shown(path))]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where the next frame was due.
        at: MediaTime,
        /// Where the file says it ends.
        end: MediaTime,
        /// What ffmpeg says.
        cause: String,
    },
    /// `ffmpeg` or `ffprobe` is not on this machine.
    #[error("{0} is not installed: it is neither beside the program nor on PATH")]
    FfmpegMissing(&'static str),
    /// `ffmpeg` or `ffprobe` is there but does not run.
    #[error("{program} does not run: {cause}")]
    FfmpegFailed {
        /// Which of the two.
        program: &'static str,
        /// What the system says.
        cause: String,
    },
    /// `ffprobe` did not come to an end.
    #[error("{}: ffprobe has not understood the file within {limit_secs} s", shown(path))]
    ProbeTimedOut {
        /// The file.
        path: PathBuf,
        /// How long it was given.
        limit_secs: u64,
    },
    /// The start lies at or after the end of the video.
    #[error("the start {from} does not lie before the end of {name}, which lasts {end}")]
    FromPastEnd {
        /// The source.
        name: String,
        /// The start asked for.
        from: MediaTime,
        /// Where the source ends.
        end: MediaTime,
    },
    /// The end does not lie after the start.
    #[error("the end must lie after the start, found from {from} to {to}")]
    EmptyRange {
        /// The start asked for.
        from: MediaTime,
        /// The end asked for.
        to: MediaTime,
    },
    /// A folder without an image file.
    #[error("{}: the folder holds no image (png, jpg, webp, bmp or gif)", shown(.0))]
    NoImages(PathBuf),
    /// A still image that is broken.
    #[error("{0}")]
    UnreadableImage(String),
    /// A folder whose every image is broken.
    #[error("{}: none of its {num_images} images can be read; the first: {first_reason}", shown(path))]
    NoReadableImage {
        /// The folder.
        path: PathBuf,
        /// How many were tried.
        num_images: u64,
        /// Why the first failed.
        first_reason: String,
    },
    /// A decoder gave bytes that are not an image.
    #[error(transparent)]
    Image(#[from] RgbImageError),
    /// A thread of the source ended without a word.
    #[error("the thread {0} ended unexpectedly")]
    ThreadEnded(String),
    /// The failure that a test asked [`Synthetic`](crate::Synthetic) for.
    #[error("the synthetic source fails at frame {frame_idx}, as it was told to")]
    Injected {
        /// Which frame.
        frame_idx: u64,
    },
    /// A subtitle file without a single readable line.
    #[error("{}: no subtitle line can be read ({num_malformed} malformed); SRT or WebVTT is expected", shown(path))]
    NoSubtitles {
        /// The file.
        path: PathBuf,
        /// Cues that made no sense.
        num_malformed: usize,
    },
    /// A subtitle file that no reader would have written.
    #[error("{}: a subtitle file of at most {max_bytes} bytes is expected, found {found_bytes}", shown(path))]
    SubtitlesTooLong {
        /// The file.
        path: PathBuf,
        /// What is accepted.
        max_bytes: u64,
        /// What is there.
        found_bytes: u64,
    },
}

impl CaptureError {
    /// Reads the system's answer to looking at or opening `path`.
    pub(crate) fn from_io(path: &Path, cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::NotFound => Self::NotFound(path.into()),
            _ => Self::Unreadable { path: path.into(), cause },
        }
    }
}

impl Hint for CaptureError {
    fn hint(&self) -> String {
        match self {
            Self::NotFound(_) => "check the path; quote it if it holds spaces".into(),
            Self::Unreadable { .. } => "check the permissions of the path".into(),
            Self::IsDirectory(_) => "name a file inside the folder".into(),
            Self::NotADirectory(_) | Self::NotAFile(_) => "name a video file or a folder of images".into(),
            Self::EmptyFile(_) => "copy or download the file again".into(),
            Self::NotAVideo { .. } => "check with `ffprobe FILE` what the file is; give a video ffmpeg can read".into(),
            Self::NoVideo { .. } => "give a file with a video stream".into(),
            Self::UnsupportedCodec { .. } => {
                "install an ffmpeg built with this codec, or convert the file to H.264 first".into()
            }
            Self::Decode { .. } => "play the file in another player; if it is broken, copy or download it again".into(),
            Self::Truncated { .. } => "copy or download the file again; what came before that point was used".into(),
            Self::FfmpegMissing(_) => format!("install it with `{INSTALL_FFMPEG}`, or run `cargo xtask setup`"),
            Self::FfmpegFailed { .. } => format!("install ffmpeg anew with `{INSTALL_FFMPEG}`"),
            Self::ProbeTimedOut { .. } => "copy the file to a local disk and check that it plays".into(),
            Self::FromPastEnd { .. } => "give --from a time before the end".into(),
            Self::EmptyRange { .. } => "give --to a time later than --from".into(),
            Self::NoImages(_) => "name a folder that holds the images directly, not in subfolders".into(),
            Self::UnreadableImage(_) => "check the image in a viewer and copy or export it again".into(),
            Self::NoReadableImage { .. } => "check the images in a viewer and copy or export them again".into(),
            Self::Image(err) => err.hint(),
            Self::ThreadEnded(_) | Self::Injected { .. } => "this is a fault of the program: please report it".into(),
            Self::NoSubtitles { .. } => {
                "give an .srt or .vtt file with lines such as `00:00:01,000 --> 00:00:02,500`".into()
            }
            Self::SubtitlesTooLong { .. } => "give the subtitle file itself, not the video".into(),
        }
    }
}

const INSTALL_FFMPEG: &str = if cfg!(target_os = "macos") {
    "brew install ffmpeg"
} else if cfg!(windows) {
    "winget install Gyan.FFmpeg"
} else {
    "sudo apt-get install ffmpeg"
};

/// A path on one line: file names may hold line breaks and other control characters, messages may not.
pub(crate) fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy())
}

/// Control characters become their escapes.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, char| {
        if char.is_control() {
            line.extend(char.escape_default())
        } else {
            line.push(char)
        }
        line
    })
}

/// The last part of a path, on one line; the whole path where it has none.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| shown(path), |name| one_line(&name.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_and_hint_is_one_line() {
        let path = PathBuf::from("a\nb.mp4");
        let errors = [
            CaptureError::NotFound(path.clone()),
            CaptureError::NoVideo { path: path.clone(), found: "audio (mp3)".into() },
            CaptureError::NoReadableImage { path, num_images: 2, first_reason: "x.png: broken".into() },
        ];
        for err in errors {
            assert!(!err.to_string().contains('\n'), "{err}");
            assert!(!err.hint().contains('\n') && !err.hint().is_empty());
        }
    }
}
