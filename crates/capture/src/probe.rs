use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use souffleur_core::MediaTime;

use crate::CaptureError;
use crate::error::file_name;
use crate::ffmpeg::{Messages, Tools};

/// What ffprobe finds in a file: its best video stream and its times, counted from the start of the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VideoProbe {
    /// Index of the stream in the file.
    pub(crate) stream_idx: u32,
    /// Pixels a frame, before rotation; 0 where the header does not say.
    pub(crate) num_pixels: u64,
    /// Name of the codec, or its tag where it has no name.
    pub(crate) codec: String,
    /// Frames a second, on average.
    pub(crate) average_fps: Option<f64>,
    /// Where the file ends: what a player shows as its length.
    pub(crate) end: MediaTime,
    /// Where the video stream itself ends, where the header says so; sound may go on.
    pub(crate) stream_end: Option<MediaTime>,
}

/// Looks at a file, and measures its length where the header does not tell it.
///
/// # Errors
/// When ffprobe is missing, makes nothing of the file, takes too long, or finds no video in it.
pub(crate) fn probe_video(tools: &Tools, path: &Path) -> Result<VideoProbe, CaptureError> {
    let args = ["-show_streams", "-show_format", "-of", "json"];
    let process = tools.ffprobe(&file_name(path), &args, path)?;
    let limit_secs = PROBE_LIMIT.as_secs();
    let timed_out = || CaptureError::ProbeTimedOut { path: path.into(), limit_secs };
    let (json, finished) = process.read_output(PROBE_LIMIT)?.ok_or_else(timed_out)?;
    if !finished.status.success() {
        return Err(not_a_video(path, &finished.messages));
    }
    let listing: Listing = serde_json::from_str(&json)
        .map_err(|err| CaptureError::FfmpegFailed { program: "ffprobe", cause: format!("its answer: {err}") })?;
    // The text demuxer "plays" any .txt as a terminal would show it.
    if listing.format.format_name == "tty" {
        return Err(CaptureError::NotAVideo { path: path.into(), cause: "a text file".into() });
    }
    let stream = best_stream(&listing.streams)
        .ok_or_else(|| CaptureError::NoVideo { path: path.into(), found: describe_streams(&listing.streams) })?;
    let start = listing.format.start_time.as_deref().and_then(parse_secs).unwrap_or(MediaTime::ZERO);
    let header_duration = listing.format.duration.as_deref().and_then(parse_secs).filter(|_| !listing.is_raw());
    let end = match header_duration {
        Some(duration) => duration,
        None => measure_end(tools, path, stream.index)? - start,
    };
    Ok(VideoProbe {
        stream_idx: stream.index,
        num_pixels: stream.num_pixels(),
        codec: stream.codec(),
        average_fps: stream.avg_frame_rate.as_deref().and_then(parse_ratio),
        end,
        stream_end: header_duration.and_then(|_| stream.end()).map(|end| end - start),
    })
}

/// Probing reads a bounded part of a file and takes well under a second; more means that it hangs. Bad input is to
/// be refused within 5 s.
pub(crate) const PROBE_LIMIT: Duration = Duration::from_millis(4500);

fn not_a_video(path: &Path, messages: &Messages) -> CaptureError {
    // ffprobe looks for an index in anything that is named .mp4; only in a real one does its absence tell something.
    let has_no_index = messages.lines().any(|line| line.contains("moov atom not found")) && begins_as_mp4(path);
    let cause = match messages.last_error() {
        _ if has_no_index => "its index (moov) is missing, the file is cut short".into(),
        Some(cause) => cause,
        None => "ffprobe does not recognise it".into(),
    };
    CaptureError::NotAVideo { path: path.into(), cause }
}

fn begins_as_mp4(path: &Path) -> bool {
    let mut head = [0; 8];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && &head[4..] == b"ftyp"
}

/// The end of the last frame of a stream, by reading all its packets without decoding them: for files whose header
/// does not state a duration (raw streams, live recordings).
fn measure_end(tools: &Tools, path: &Path, stream_idx: u32) -> Result<MediaTime, CaptureError> {
    let stream = stream_idx.to_string();
    let entries = "packet=pts_time,dts_time,duration_time";
    let args = ["-select_streams", &stream, "-show_entries", entries, "-of", "csv=p=0"];
    let mut process = tools.ffprobe(&file_name(path), &args, path)?;
    let (mut last_end, mut sum, mut is_stamped) = (MediaTime::ZERO, MediaTime::ZERO, true);
    for line in BufReader::new(process.take_stdout()?).lines().map_while(Result::ok) {
        let mut times = line.split(',').map(parse_secs);
        let (pts, _dts, duration) = (times.next().flatten(), times.next(), times.next().flatten());
        let duration = duration.unwrap_or(MediaTime::ZERO);
        sum = sum + duration;
        is_stamped &= pts.is_some();
        last_end = last_end.max(pts.unwrap_or(MediaTime::ZERO) + duration);
    }
    process.finish()?;
    // Raw streams carry no times at all: ffmpeg plays them at their frame rate, one after the other.
    Ok(if is_stamped { last_end } else { sum })
}

/// The stream a player would show: pictures attached to music are none, a default one wins, then the largest.
fn best_stream(streams: &[Stream]) -> Option<&Stream> {
    let videos = streams.iter().filter(|stream| stream.codec_type == "video" && !stream.is_attached_picture());
    videos.max_by_key(|s| (s.has("default"), s.num_pixels(), std::cmp::Reverse(s.index)))
}

fn describe_streams(streams: &[Stream]) -> String {
    let kind = |stream: &Stream| match stream.is_attached_picture() {
        true => "a cover picture".to_owned(),
        false => format!("{} ({})", stream.codec_type, stream.codec()),
    };
    let kinds: Vec<String> = streams.iter().map(kind).take(4).collect();
    if kinds.is_empty() { "an empty container".into() } else { kinds.join(", ") }
}

#[derive(Deserialize)]
struct Listing {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

impl Listing {
    /// Elementary streams: a duration, where ffprobe gives one at all, is guessed from a bit rate.
    fn is_raw(&self) -> bool {
        const RAW: [&str; 10] =
            ["h264", "hevc", "mpegvideo", "m4v", "mjpeg", "vc1", "obu", "dirac", "cavsvideo", "h263"];
        RAW.contains(&self.format.format_name.as_str())
    }
}

#[derive(Default, Deserialize)]
struct Format {
    #[serde(default)]
    format_name: String,
    start_time: Option<String>,
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    index: u32,
    #[serde(default)]
    codec_type: String,
    codec_name: Option<String>,
    codec_tag_string: Option<String>,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    avg_frame_rate: Option<String>,
    start_time: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    disposition: HashMap<String, i32>,
    #[serde(default)]
    tags: HashMap<String, String>,
}

impl Stream {
    fn has(&self, disposition: &str) -> bool {
        self.disposition.get(disposition).is_some_and(|&value| value != 0)
    }

    fn is_attached_picture(&self) -> bool {
        self.has("attached_pic") || self.has("timed_thumbnails")
    }

    fn num_pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    fn codec(&self) -> String {
        let name = self.codec_name.as_deref().filter(|name| *name != "unknown");
        name.or(self.codec_tag_string.as_deref()).unwrap_or("unknown").to_owned()
    }

    /// On the file's own clock. Matroska states the end of each stream as a tag.
    fn end(&self) -> Option<MediaTime> {
        let start = self.start_time.as_deref().and_then(parse_secs).unwrap_or(MediaTime::ZERO);
        let stated = self.duration.as_deref().and_then(parse_secs).map(|duration| start + duration);
        stated.or_else(|| self.tags.get("DURATION").and_then(|tag| parse_clock(tag)))
    }
}

fn parse_secs(text: &str) -> Option<MediaTime> {
    text.trim().parse().ok().filter(|secs: &f64| secs.abs() < MediaTime::MAX_SECS).map(MediaTime::from_secs_f64)
}

/// `hh:mm:ss.fraction`.
fn parse_clock(text: &str) -> Option<MediaTime> {
    let mut parts = text.trim().splitn(3, ':').map(|part| part.parse::<f64>().ok());
    let (hours, minutes, secs) = (parts.next()??, parts.next()??, parts.next()??);
    Some(hours * 3600.0 + minutes * 60.0 + secs)
        .filter(|secs| secs.abs() < MediaTime::MAX_SECS)
        .map(MediaTime::from_secs_f64)
}

/// `30000/1001`; none for `0/0`.
fn parse_ratio(text: &str) -> Option<f64> {
    let (numerator, denominator) = text.split_once('/')?;
    let ratio = numerator.parse::<f64>().ok()? / denominator.parse::<f64>().ok()?;
    (ratio.is_finite() && ratio > 0.0).then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(json: &str) -> Vec<Stream> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_default_stream_wins_then_the_largest() {
        let found = streams(
            r#"[{"index":0,"codec_type":"video","width":900,"height":900,"disposition":{"attached_pic":1,"default":1}},
                {"index":1,"codec_type":"audio","codec_name":"aac","disposition":{"default":1}},
                {"index":2,"codec_type":"video","width":64,"height":64,"disposition":{"default":0}},
                {"index":3,"codec_type":"video","width":32,"height":32,"disposition":{"default":1}},
                {"index":4,"codec_type":"video","width":32,"height":32,"disposition":{"default":1}}]"#,
        );
        assert_eq!(best_stream(&found).unwrap().index, 3);
        assert_eq!(best_stream(&found[..3]).unwrap().index, 2);
        assert!(best_stream(&found[..2]).is_none());
        assert_eq!(describe_streams(&found[..2]), "a cover picture, audio (aac)");
    }

    #[test]
    fn times_and_ratios_of_ffprobe_are_read() {
        assert_eq!(parse_secs("1.480000"), Some(MediaTime::from_micros(1_480_000)));
        assert_eq!(parse_secs("N/A"), None);
        assert_eq!(parse_clock("00:01:04.003000000"), Some(MediaTime::from_micros(64_003_000)));
        assert_eq!((parse_ratio("25/1"), parse_ratio("0/0"), parse_ratio("25/0")), (Some(25.0), None, None));
    }
}
