//! Videos, images and models to watch, made where they are needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::machine::Machine;

/// A folder of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path).canonicalize().unwrap()
}

/// A bundled clip.
pub fn clip(name: &str) -> String {
    repository("models/kitchen/clips/videos").join(name).display().to_string()
}

/// Lets ffmpeg write a file of the machine's folder, in which it runs; the arguments stand apart by spaces.
pub fn ffmpeg(machine: &Machine, arguments: &str, name: &str) {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments.split_whitespace())
        .arg(name)
        .current_dir(machine.path("."));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A test picture of so many seconds, as MP4.
pub fn test_video(machine: &Machine, secs: u32, name: &str) {
    let arguments = format!("-f lavfi -i testsrc=size=128x96:rate=5:duration={secs} -pix_fmt yuv420p");
    ffmpeg(machine, &arguments, name);
}

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// The embedded model as a folder `kitchen`, to be damaged.
pub fn kitchen_folder(machine: &Machine) {
    copy_folder(&repository("models/kitchen/onnx"), &machine.path("kitchen/onnx"));
    let files =
        ["souffleur.toml", "config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json"];
    for file in files {
        std::fs::copy(repository("models/kitchen").join(file), machine.path("kitchen").join(file)).unwrap();
    }
}

/// A small checkpoint to export.
pub fn checkpoint(machine: &Machine) {
    copy_folder(&repository("tests/fixtures/reference/tiny"), &machine.path("tiny"));
}
