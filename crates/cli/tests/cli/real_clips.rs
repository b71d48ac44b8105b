//! Every real clip goes through `watch` whole: cameras, screens, MP4 and GIF, each with its own frame rate. What the
//! model says of them is worth nothing (it knows drawn kitchens only); that each second is one turn is the point.
//! That the frames are the right ones is held against ffprobe by the tests of `capture`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::machine::Machine;

fn clips() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clips")
}

/// Watches every clip of a manifest; the manifest states the durations.
fn watch_all(manifest: &str, num_clips: usize) {
    let entries: Vec<Value> = serde_json::from_slice(&std::fs::read(clips().join(manifest)).unwrap()).unwrap();
    assert_eq!(entries.len(), num_clips);
    let machine = Machine::new();
    for entry in &entries {
        let path = clips().join(entry["file"].as_str().unwrap());
        let ended = machine.run(&format!("watch '{}' --ask 'What happens?' --format jsonl", path.display()));
        ended.ok();
        let times: Vec<f64> = ended.events_of("turn").iter().map(|turn| turn["time"].as_f64().unwrap()).collect();
        let num_seconds = entry["duration_s"].as_f64().unwrap().floor() as u32;
        let expected: Vec<f64> = (1..=num_seconds).map(f64::from).collect();
        assert_eq!(times, expected, "{}", path.display());
    }
}

#[test]
fn cooking_clips() {
    watch_all("captaincook4d.json", 25);
}

#[test]
fn other_cameras_and_screens() {
    watch_all("others.json", 5);
}
