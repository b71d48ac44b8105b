//! Every container and timing that has its own way of going wrong, against the rule of the time grid.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod media;

use std::path::Path;

use media::{TEN_SECS, TEN_SECS_VARIABLE, assert_follows_rule, make, truth};
use souffleur_core::MediaTime;

/// Makes a video and holds the reader against the rule on several grids, with and without a later start. `end` is
/// the length in seconds where the header does not state it.
fn check(name: &str, args: &str, end: Option<f64>) {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), name, args);
    check_file(&path, end);
}

fn check_file(path: &Path, end: Option<f64>) {
    let truth = truth(path);
    let end = end.map(MediaTime::from_secs_f64).or(truth.duration).unwrap();
    assert_follows_rule(path, &truth, end, &[(0.1, 0.0), (1.0 / 3.0, 7.77)]);
}

#[test]
fn constant_rate_with_reordered_frames() {
    check("b.mp4", &format!("{TEN_SECS} -c:v libx264 -preset ultrafast -bf 3 -g 30"), None);
}

#[test]
fn variable_rate() {
    check("v.mp4", &format!("{TEN_SECS_VARIABLE} -c:v libx264 -preset ultrafast -g 20"), None);
    check("v.mkv", &format!("{TEN_SECS_VARIABLE} -c:v libx264 -preset ultrafast -g 20"), None);
}

#[test]
fn flash_video_of_variable_rate() {
    check("v.flv", &format!("{TEN_SECS_VARIABLE} -c:v libx264 -preset ultrafast -g 20"), None);
}

#[test]
fn gif_with_pauses() {
    check("v.gif", &TEN_SECS_VARIABLE.replace("r=25", "r=10").replace("0.15", "0.3"), None);
}

#[test]
fn a_last_picture_that_stays() {
    let dir = tempfile::tempdir().unwrap();
    let args = "-f lavfi -i testsrc2=s=96x64:r=10:d=2 -final_delay 600";
    let path = make(dir.path(), "stays.gif", args);
    let truth = truth(&path);
    // From 5 s on there is no new frame at all.
    let end = MediaTime::from_secs_f64(7.9);
    assert_eq!(truth.duration, Some(end));
    assert_follows_rule(&path, &truth, end, &[(0.7, 0.0), (1.0, 1.85), (1.0, 5.0)]);
}

#[test]
fn transport_stream_that_starts_late() {
    check("a.ts", &format!("{TEN_SECS} -c:v libx264 -preset ultrafast -bf 3 -g 40 -output_ts_offset 5000"), None);
    check("b.ts", &format!("{TEN_SECS} -c:v mpeg2video -bf 2 -g 15"), None);
}

#[test]
fn edit_list_that_hides_the_first_frames() {
    let dir = tempfile::tempdir().unwrap();
    let whole = make(
        dir.path(),
        "whole.mp4",
        &format!("{TEN_SECS} -c:v libx264 -preset ultrafast -bf 3 -g 250").replace("d=10", "d=14"),
    );
    let cut = make(dir.path(), "cut.mp4", &format!("-ss 3.3 -i {} -c copy", whole.display()));
    check_file(&cut, None);
}

#[test]
fn picture_that_begins_after_the_sound() {
    let args = "-itsoffset 0.7 -f lavfi -i testsrc2=s=96x64:r=25:d=10 -f lavfi -i sine=d=10.7 -c:v libx264 -preset ultrafast -c:a aac";
    check("late.mkv", args, None);
    check("late.mp4", args, None);
}

#[test]
fn sound_that_goes_on_after_the_picture() {
    check("long.mkv", &format!("{TEN_SECS} -f lavfi -i sine=d=13 -c:v libx264 -preset ultrafast"), None);
    check("long.mp4", &format!("{TEN_SECS} -f lavfi -i sine=d=13 -c:v libx264 -preset ultrafast"), None);
}

#[test]
fn fragments_without_a_duration_in_the_header() {
    check(
        "frag.mp4",
        &format!("{TEN_SECS} -c:v libx264 -preset ultrafast -g 25 -movflags frag_keyframe+empty_moov"),
        None,
    );
}

#[test]
fn streams_without_a_duration() {
    check("live.webm", &format!("{TEN_SECS} -c:v libvpx -deadline realtime -f webm -live 1"), Some(10.0));
    check("live.mkv", &format!("{TEN_SECS} -c:v libx264 -preset ultrafast -bf 2 -f matroska -live 1"), Some(10.0));
}

#[test]
fn raw_streams_without_times() {
    check("raw.h264", &format!("{TEN_SECS} -c:v libx264 -preset ultrafast -bf 2 -g 50"), Some(10.0));
    check("raw.mjpeg", &format!("{TEN_SECS} -c:v mjpeg"), Some(10.0));
}

#[test]
fn rates_that_are_no_whole_number() {
    check("ntsc.mp4", &format!("{TEN_SECS} -c:v libx264 -preset ultrafast").replace("r=25", "r=30000/1001"), None);
    check("ntsc.avi", &format!("{TEN_SECS} -c:v mpeg4").replace("r=25", "r=30000/1001"), None);
}

#[test]
fn hidden_frames_of_vp9() {
    check(
        "alt.webm",
        &format!("{TEN_SECS} -c:v libvpx-vp9 -auto-alt-ref 1 -lag-in-frames 10 -deadline realtime -cpu-used 8"),
        None,
    );
}

#[test]
fn seeking_into_open_groups_and_far_from_a_keyframe() {
    let twenty = TEN_SECS.replace("d=10", "d=20");
    let open = format!("{twenty} -c:v libx264 -x264-params open-gop=1:keyint=60:bframes=4:b-pyramid=normal");
    check("open.mp4", &open, None);
    check("open.ts", &open, None);
    check(
        "far.mkv",
        &format!("{twenty} -c:v libx264 -preset ultrafast -g 1000 -keyint_min 1000 -sc_threshold 0"),
        None,
    );
    check(
        "hevc.mp4",
        &format!("{twenty} -c:v libx265 -preset ultrafast -x265-params open-gop=1:keyint=60:bframes=4:log-level=none"),
        None,
    );
}

#[test]
fn seeking_at_a_very_low_rate_with_reordering() {
    check(
        "slow.mp4",
        &format!("{TEN_SECS} -c:v libx264 -preset ultrafast -bf 4 -g 8").replace("r=25:d=10", "r=1:d=60"),
        None,
    );
}

#[test]
fn one_frame() {
    let dir = tempfile::tempdir().unwrap();
    for (name, codec) in
        [("one.mp4", "-c:v libx264 -preset ultrafast"), ("one.gif", ""), ("one.webm", "-c:v libvpx"), ("one.tiff", "")]
    {
        let path = make(dir.path(), name, &format!("{TEN_SECS} -frames:v 1 {codec}"));
        assert_follows_rule(&path, &truth(&path), MediaTime::ZERO, &[(1.0, 0.0)]);
    }
}
