//! The thirty real clips: number, times and pixels of the frames at one a second, against ffprobe's frame list.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod media;

use std::path::{Path, PathBuf};

use media::{assert_follows_rule, truth};

/// All clips whose name begins so, each against the rule.
fn check(prefix: &str, num_clips: usize) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clips");
    let paths = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let is_clip = |path: &PathBuf| {
        let is_media = path.extension().is_some_and(|extension| extension == "mp4" || extension == "gif");
        is_media && path.file_name().unwrap().to_string_lossy().starts_with(prefix)
    };
    let clips: Vec<PathBuf> = paths.filter(is_clip).collect();
    assert_eq!(clips.len(), num_clips, "{prefix} in {}", dir.display());
    for clip in clips {
        let truth = truth(&clip);
        assert_follows_rule(&clip, &truth, truth.duration.unwrap(), &[(1.0, 0.0)]);
    }
}

#[test]
fn cooking_measurement() {
    check("measurement_error_", 5);
}

#[test]
fn cooking_order() {
    check("order_error_", 5);
}

#[test]
fn cooking_preparation() {
    check("preparation_error_", 5);
}

#[test]
fn cooking_technique() {
    check("technique_error_1_", 5);
    check("technique_error_2_", 5);
}

#[test]
fn bottles() {
    check("intel_", 1);
}

#[test]
fn wallet() {
    check("perceptiontest_", 1);
}

#[test]
fn screen_recordings() {
    check("marktext_", 1);
    check("nushell_", 1);
}

#[test]
fn large_screen_recording() {
    check("voila_", 1);
}
