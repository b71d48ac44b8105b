//! Small videos made with ffmpeg, and what they truly hold by ffprobe's own account.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sha2::{Digest, Sha256};
use souffleur_capture::{CaptureError, FrameSource, VideoFile};
use souffleur_core::{Frame, FrameGrid, MediaTime, RgbImage};

/// Runs a program of the ffmpeg family, which the tests need on `PATH`.
pub fn run<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> Output {
    let result = Command::new(program).args(args).output();
    let output = result.unwrap_or_else(|err| panic!("these tests need {program} on PATH (`cargo xtask setup`): {err}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Makes `dir/name` with ffmpeg from arguments split at white space.
pub fn make(dir: &Path, name: &str, args: &str) -> PathBuf {
    let path = dir.join(name);
    let quiet = ["-nostdin", "-v", "error", "-y"].map(OsStr::new);
    run("ffmpeg", quiet.into_iter().chain(args.split_whitespace().map(OsStr::new)).chain([path.as_os_str()]));
    path
}

/// Ten seconds of moving test picture at 25 frames a second, 96×64 pixels.
pub const TEN_SECS: &str = "-f lavfi -i testsrc2=s=96x64:r=25:d=10";

/// The same with a third of the frames left out at random: variable frame rate.
pub const TEN_SECS_VARIABLE: &str = "-f lavfi -i testsrc2=s=96x64:r=25:d=10 -vf select=lt(random(1)\\,0.15)+not(n)";

/// What ffprobe says of a file's first video stream.
pub struct Truth {
    /// Presentation times from the start of the file, in the order of presentation.
    pub times: Vec<MediaTime>,
    /// The length that the header states.
    pub duration: Option<MediaTime>,
}

/// Asks ffprobe for every frame.
pub fn truth(path: &Path) -> Truth {
    let entries = "frame=best_effort_timestamp_time:format=start_time,duration";
    let args = ["-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "csv"].map(OsStr::new);
    let listing = String::from_utf8(run("ffprobe", args.into_iter().chain([path.as_os_str()])).stdout).unwrap();
    let secs = |text: Option<&str>| text.and_then(|text| text.parse().ok()).map(MediaTime::from_secs_f64);
    let mut format =
        listing.lines().find_map(|line| line.strip_prefix("format,")).unwrap().split(',').map(|it| secs(Some(it)));
    let (start, duration) = (format.next().flatten().unwrap_or(MediaTime::ZERO), format.next().flatten());
    let stamps = listing.lines().filter_map(|line| line.strip_prefix("frame,")).enumerate();
    // Raw streams carry no times: they play at 25 frames a second.
    let time = |(idx, line): (usize, &str)| {
        secs(line.split(',').next()).map_or(MediaTime::from_micros(40_000).times(idx as u64), |stamp| stamp - start)
    };
    Truth { times: stamps.map(time).collect(), duration }
}

impl Truth {
    /// Which frame the rule of the grid wants at `time`: the last with a presentation time at most that, else the
    /// first.
    pub fn wanted_idx(&self, time: MediaTime) -> usize {
        self.times.iter().rposition(|&shown| shown <= time).unwrap_or(0)
    }
}

/// SHA-256 of the RGB pixels of frames by their index in the order of presentation, from a plain decode that knows
/// nothing of times.
pub fn frame_hashes(path: &Path, frame_idxs: &BTreeSet<usize>) -> BTreeMap<usize, String> {
    let terms: Vec<String> = frame_idxs.iter().map(|idx| format!("eq(n\\,{idx})")).collect();
    // Longer sums are more than ffmpeg's expressions can hold; hashing every frame is only slower.
    let is_selected = terms.len() <= 80;
    let select = if is_selected { terms.join("+") } else { "1".into() };
    let filter = format!("select={select},format=rgb24,settb=1/25,setpts=N");
    let before = ["-nostdin", "-v", "error", "-i"].map(OsStr::new);
    let after =
        ["-map", "0:v:0", "-vf", &filter, "-r", "25", "-f", "framehash", "-hash", "sha256", "-"].map(OsStr::new);
    let listing =
        String::from_utf8(run("ffmpeg", before.into_iter().chain([path.as_os_str()]).chain(after)).stdout).unwrap();
    let lines = listing.lines().filter(|line| !line.starts_with('#'));
    let hashes: Vec<String> = lines.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect();
    if is_selected {
        assert_eq!(hashes.len(), frame_idxs.len(), "{}", path.display());
        return frame_idxs.iter().copied().zip(hashes).collect();
    }
    frame_idxs.iter().map(|&idx| (idx, hashes[idx].clone())).collect()
}

/// SHA-256 of the pixels as ffmpeg writes it.
pub fn hash(image: &RgbImage) -> String {
    Sha256::digest(image.pixels()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All frames of a source; the error that ended it, if one did.
pub fn drain(source: &mut dyn FrameSource) -> (Vec<Frame>, Option<CaptureError>) {
    let mut frames = Vec::new();
    loop {
        match source.next_frame() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(err) => return (frames, Some(err)),
        }
    }
}

/// A grid of one frame a turn.
pub fn grid(interval_secs: f64, from_secs: f64) -> FrameGrid {
    FrameGrid::new(interval_secs, from_secs, 1).unwrap()
}

/// Checks number, times and pixels of the frames that `VideoFile` gives against the rule, on several grids of
/// (interval, from) in seconds. `end` is where the file ends.
pub fn assert_follows_rule(path: &Path, truth: &Truth, end: MediaTime, grids: &[(f64, f64)]) {
    let num_frames = |grid: &FrameGrid| grid.num_frames(end);
    let grids: Vec<FrameGrid> =
        grids.iter().map(|&(interval_secs, from_secs)| grid(interval_secs, from_secs)).collect();
    let wanted_idxs = |grid: &FrameGrid| -> Vec<usize> {
        (0..num_frames(grid)).map(|idx| truth.wanted_idx(grid.frame_time(idx))).collect()
    };
    let hashes = frame_hashes(path, &grids.iter().flat_map(wanted_idxs).collect());
    for grid in grids {
        let label = format!("{} every {} from {}", path.display(), grid.interval().as_secs_f64(), grid.from());
        let mut video = VideoFile::open(path, grid, None).unwrap_or_else(|err| panic!("{label}: {err}"));
        assert_eq!(video.describe().num_frames, Some(num_frames(&grid)), "{label}");
        let (frames, err) = drain(&mut video);
        assert!(err.is_none(), "{label}: {err:?}");
        let times: Vec<MediaTime> = frames.iter().map(|frame| frame.media_time).collect();
        let wanted_times: Vec<MediaTime> = (0..num_frames(&grid)).map(|idx| grid.frame_time(idx)).collect();
        assert_eq!(times, wanted_times, "{label}");
        for (frame, wanted_idx) in frames.iter().zip(wanted_idxs(&grid)) {
            let found = hash(&frame.image);
            let found_idx = hashes.iter().find(|(_, hash)| **hash == found).map(|(idx, _)| idx);
            let is_right = hashes[&wanted_idx] == found;
            assert!(is_right, "{label}: at {} frame {wanted_idx} is due, found {found_idx:?}", frame.media_time);
        }
    }
}
