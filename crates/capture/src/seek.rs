use std::path::Path;

use souffleur_core::MediaTime;

use crate::CaptureError;
use crate::error::file_name;
use crate::ffmpeg::Tools;
use crate::probe::{PROBE_LIMIT, VideoProbe};

/// Times of the file for every frame, wherever reading begins: without `-copyts` a seek would shift them by a
/// rounded offset, and without `-noaccurate_seek` the frame that is on screen at the seek point would be cut off.
pub(crate) const FILE_TIMES: [&str; 3] = ["-copyts", "-start_at_zero", "-noaccurate_seek"];

/// Where to let ffmpeg start reading so that decoding reaches `from` with every frame intact; `None` is the start
/// of the file.
///
/// A container's index may point at a keyframe that is *shown* after `from`, and a container without one (MPEG-TS)
/// may be entered in mid-picture. So a candidate counts only when ffmpeg itself, entering the file there, shows a
/// keyframe at or before `from`; failing that, decoding begins at the start, slower and just as exact.
pub(crate) fn seek_point(
    tools: &Tools,
    path: &Path,
    probe: &VideoProbe,
    from: MediaTime,
) -> Result<Option<MediaTime>, CaptureError> {
    // Sixteen frames is the most that a codec reorders (H.264 and H.265, level limits).
    let reordering_secs = 16.0 / probe.average_fps.unwrap_or(25.0);
    for margin_secs in [reordering_secs.max(1.0), reordering_secs.max(1.0) + 14.0] {
        let at = from - MediaTime::from_secs_f64(margin_secs);
        if at <= MediaTime::ZERO {
            return Ok(None);
        }
        if first_keyframe_after_seek(tools, path, probe, at)?.is_some_and(|shown| shown <= from) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// The time of the first keyframe that ffmpeg shows when it enters the file at `at`.
fn first_keyframe_after_seek(
    tools: &Tools,
    path: &Path,
    probe: &VideoProbe,
    at: MediaTime,
) -> Result<Option<MediaTime>, CaptureError> {
    let (seek, stream) = (seek_arg(at), format!("0:{}", probe.stream_idx));
    let before = [&["-ss", &seek][..], &FILE_TIMES].concat();
    let filter = "settb=AVTB,select=key,showinfo=checksum=0";
    let after = ["-map", &stream, "-vf", filter, "-frames:v", "1", "-f", "null", "-"];
    let process = tools.ffmpeg(&file_name(path), "info", &before, path, &after)?;
    // A seek that gets lost in the file is no use; the start of the file is.
    let Some((_, finished)) = process.read_output(PROBE_LIMIT)? else { return Ok(None) };
    Ok(finished.messages.lines().find_map(shown_micros).map(MediaTime::from_micros))
}

/// Seconds with six digits, the form `-ss` takes.
pub(crate) fn seek_arg(at: MediaTime) -> String {
    let micros = at.as_micros().max(0);
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// The time stamp in a line of the `showinfo` filter, in units of the time base that `settb=AVTB` sets.
fn shown_micros(line: &str) -> Option<i64> {
    let (head, rest) = line.split_once(" pts:")?;
    head.contains(" n:").then(|| rest.split_whitespace().next()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_shown_frame_is_read() {
        let line = "[Parsed_showinfo_2 @ 0x5581] [info] n:   0 pts:2480000 pts_time:2.48    pos:     4912 fmt:yuv420p";
        assert_eq!(shown_micros(line), Some(2_480_000));
        assert_eq!(shown_micros("[info] n: 0 pts:NOPTS"), None);
        assert_eq!(shown_micros("[info] Stream #0:0 pts: 5"), None);
    }

    #[test]
    fn seconds_are_written_without_rounding() {
        assert_eq!(seek_arg(MediaTime::from_micros(3_000_001)), "3.000001");
    }
}
