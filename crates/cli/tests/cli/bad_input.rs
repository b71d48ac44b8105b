//! Files and machines that are not as they should be: one error, one hint, exit 1, quickly, nothing left behind.

use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;

use crate::machine::Machine;
use crate::media::{checkpoint, clip, ffmpeg, kitchen_folder, repository, test_video};

fn fails_to_watch(machine: &Machine, source: &str) -> String {
    machine.fails(1, &format!("watch {source} --ask 'Describe each step.'"))
}

#[test]
fn no_file() {
    assert_snapshot!(fails_to_watch(&Machine::new(), "nothing.mp4"), @r"
    error: nothing.mp4: no such file or folder
    hint: check the path; quote it if it holds spaces
    ");
}

#[test]
fn empty_file() {
    let machine = Machine::new();
    machine.write("empty.mp4", "");
    assert_snapshot!(fails_to_watch(&machine, "empty.mp4"), @r"
    error: empty.mp4: the file is empty
    hint: copy or download the file again
    ");
}

#[test]
fn text_renamed_to_video() {
    let machine = Machine::new();
    machine.write("notes.mp4", "Buy onions.\n".repeat(400));
    let error = fails_to_watch(&machine, "notes.mp4");
    assert!(error.starts_with("error: notes.mp4: not a video or an image: "), "{error}");
}

#[test]
fn audio_only() {
    let machine = Machine::new();
    ffmpeg(&machine, "-f lavfi -i sine=duration=1 -c:a aac", "sound.m4a");
    assert_snapshot!(fails_to_watch(&machine, "sound.m4a"), @r"
    error: sound.m4a: has no video, only audio (aac)
    hint: give a file with a video stream
    ");
}

/// Cut in the middle of its frames, with the index in front: what came before is watched.
#[test]
fn a_truncated_video_gives_what_there_is() {
    let machine = Machine::new();
    test_video(&machine, 8, "whole.mp4");
    ffmpeg(&machine, "-i whole.mp4 -c copy -movflags +faststart", "front.mp4");
    let whole = std::fs::read(machine.path("front.mp4")).unwrap();
    machine.write("cut.mp4", &whole[..whole.len() / 2]);
    let ended = machine.run("watch cut.mp4 --ask 'Describe each step.' --format jsonl --export cut.jsonl");
    assert_eq!(ended.code, 1);
    let error = ended.error();
    assert!(error.starts_with("error: cut.mp4: the video breaks off near 0:0"), "{error}");
    let num_turns = ended.events_of("turn").len();
    assert!((1..8).contains(&num_turns), "{num_turns} turns");
    assert_eq!(ended.events().last().unwrap()["turns"], num_turns);
    let exported = std::fs::read_to_string(machine.path("cut.jsonl")).unwrap();
    assert_eq!(exported, ended.stdout, "the export holds what there was");
}

/// Without its index nothing of it can be read.
#[test]
fn a_video_without_its_end() {
    let machine = Machine::new();
    test_video(&machine, 4, "whole.mp4");
    let whole = std::fs::read(machine.path("whole.mp4")).unwrap();
    machine.write("cut.mp4", &whole[..whole.len() / 2]);
    let error = fails_to_watch(&machine, "cut.mp4");
    assert!(error.starts_with("error: cut.mp4: "), "{error}");
}

#[test]
fn an_image_like_a_thread() {
    let machine = Machine::new();
    image::RgbImage::new(100_000, 1).save(machine.path("thread.png")).unwrap();
    let ended = machine.run("watch thread.png --ask 'Describe each step.' --export thread.md");
    assert_eq!(ended.code, 1);
    assert_snapshot!(ended.error(), @r"
    error: the turn at 0:01 failed: the model takes images whose long side is at most 200 times the short one, found 100000×1 px
    hint: crop the image to a less narrow part
    ");
    assert!(!machine.path("thread.md").exists());
}

#[test]
fn a_folder_of_broken_images() {
    let machine = Machine::new();
    std::fs::create_dir(machine.path("frames")).unwrap();
    for idx in 1..=3 {
        machine.write(&format!("frames/{idx}.png"), b"\x89PNG\r\n\x1a\nbroken");
    }
    let error = fails_to_watch(&machine, "frames");
    assert!(error.starts_with("error: frames: none of its 3 images can be read; the first: 1.png: "), "{error}");
    std::fs::create_dir(machine.path("empty")).unwrap();
    assert_snapshot!(fails_to_watch(&machine, "empty"), @r"
    error: empty: the folder holds no image (png, jpg, webp, bmp or gif)
    hint: name a folder that holds the images directly, not in subfolders
    ");
}

#[test]
fn devices_are_not_in_this_build() {
    let machine = Machine::new();
    assert_snapshot!(fails_to_watch(&machine, "camera"), @r"
    error: this build has no camera source
    hint: give a video file or a folder of images; a folder of that name is ./camera
    ");
    assert_snapshot!(fails_to_watch(&machine, "screen:2"), @r"
    error: this build has no screen source
    hint: give a video file or a folder of images; a folder of that name is ./screen
    ");
}

#[test]
fn subtitles_are_not_written_over() {
    let machine = Machine::new();
    machine.write("talk.srt", "1\n00:00:01,000 --> 00:00:02,000\nHello.\n");
    let line = format!("watch '{}' --subtitles talk.srt --export ./talk.srt", clip("kitchen-1.mp4"));
    assert_snapshot!(machine.fails(2, &line), @r"
    error: ./talk.srt would be written over while it is read
    hint: give the --export a file of its own
    ");
}

#[test]
fn a_name_of_nothing() {
    let machine = Machine::new();
    for line in ["watch x.mp4 --ask a --model ''", "watch x.mp4 --ask a --provider ''", "model info ''"] {
        let error = machine.fails(2, line);
        assert!(error.starts_with("error: a value is required for '"), "{error}");
    }
}

#[test]
fn a_broken_still_image() {
    let machine = Machine::new();
    machine.write("a.png", b"\x89PNG\r\n\x1a\nbroken");
    let error = fails_to_watch(&machine, "a.png");
    assert!(error.starts_with("error: a.png: ") && !error.contains("images"), "{error}");
}

#[test]
fn subtitles_that_are_none() {
    let machine = Machine::new();
    let line = format!("watch '{}' --subtitles lines.srt", clip("kitchen-1.mp4"));
    assert_snapshot!(machine.fails(1, &line), @r"
    error: lines.srt: no such file or folder
    hint: check the path; quote it if it holds spaces
    ");
    machine.write("lines.srt", "not a subtitle");
    assert_snapshot!(machine.fails(1, &line), @r"
    error: lines.srt: no subtitle line can be read (0 malformed); SRT or WebVTT is expected
    hint: give an .srt or .vtt file with lines such as `00:00:01,000 --> 00:00:02,500`
    ");
}

#[test]
fn a_question_longer_than_the_context() {
    let machine = Machine::new();
    let question = "Is the water boiling by now? ".repeat(3000);
    let ended = machine.run_command(machine.command(["watch", &clip("kitchen-1.mp4"), "--ask", &question]));
    assert_eq!(ended.code, 1);
    assert_snapshot!(ended.error(), @r"
    error: the turn at 0:01 failed: this turn needs 36088 tokens of context, 8192 of 8192 are free
    hint: shorten the question, watch a shorter span with --from and --to, or use a model with a longer context
    ");
}

#[test]
fn a_start_past_the_end() {
    let machine = Machine::new();
    let line = format!("watch '{}' --ask a --from 60", clip("kitchen-1.mp4"));
    assert_snapshot!(machine.fails(1, &line), @r"
    error: the start 1:00 does not lie before the end of kitchen-1.mp4, which lasts 0:24
    hint: give --from a time before the end
    ");
}

// Models.

fn fails_with_kitchen(damage: impl Fn(&Machine)) -> String {
    let machine = Machine::new();
    kitchen_folder(&machine);
    damage(&machine);
    machine.fails(1, &format!("watch '{}' --ask 'Describe each step.' --model kitchen/", clip("kitchen-1.mp4")))
}

#[test]
fn an_unknown_model() {
    let machine = Machine::new();
    let error = machine.fails(1, &format!("watch '{}' --ask a --model cellar", clip("kitchen-1.mp4")));
    assert!(error.contains("cellar"), "{error}");
    let error = machine.fails(1, "model info cellar");
    assert!(error.contains("cellar"), "{error}");
}

#[test]
fn a_graph_is_missing() {
    let error = fails_with_kitchen(|machine| std::fs::remove_file(machine.path("kitchen/onnx/decoder.onnx")).unwrap());
    assert_snapshot!(error, @r"
    error: the model kitchen/ has no onnx/decoder.onnx
    hint: point --model at a folder that `souffleur model export` wrote, or export the checkpoint again
    ");
}

#[test]
fn a_graph_is_corrupt() {
    for file in ["onnx/vision.onnx", "onnx/decoder.onnx.data"] {
        let error = fails_with_kitchen(|machine| {
            let path = machine.path("kitchen").join(file);
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(path, bytes).unwrap();
        });
        assert!(error.contains(file) && error.starts_with("error: "), "{error}");
    }
}

#[test]
fn a_graph_is_no_graph() {
    let error = fails_with_kitchen(|machine| replace(machine, "onnx/vision.onnx", b"not a graph"));
    assert!(error.starts_with("error: ONNX Runtime cannot load onnx/vision.onnx: "), "{error}");
}

#[test]
fn the_tokenizer_of_another_model() {
    let other = std::fs::read(repository("tests/fixtures/reference/tiny/tokenizer.json")).unwrap();
    let error = fails_with_kitchen(|machine| replace(machine, "tokenizer.json", &other));
    assert!(error.contains("tokenizer.json"), "{error}");
}

#[test]
fn a_manifest_that_leads_outside() {
    let error = fails_with_kitchen(|machine| {
        let path = machine.path("kitchen/souffleur.toml");
        let manifest = std::fs::read_to_string(&path).unwrap().replace("\"config.json\"", "\"../config.json\"");
        let manifest = manifest.replace("\nconfig.json", "\n\"../config.json\"");
        std::fs::write(path, manifest).unwrap();
    });
    assert!(error.contains("souffleur.toml"), "{error}");
}

/// Puts other bytes in a file's place and their checksum into the manifest: what is then found is no damage.
fn replace(machine: &Machine, file: &str, bytes: &[u8]) {
    let path = machine.path("kitchen").join(file);
    let digest = |bytes: &[u8]| souffleur_model::sha256_hex(bytes).unwrap();
    let before = digest(&std::fs::read(&path).unwrap());
    std::fs::write(path, bytes).unwrap();
    let manifest = machine.path("kitchen/souffleur.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(&before), "{file} is listed");
    std::fs::write(manifest, text.replace(&before, &digest(bytes))).unwrap();
}

// Checkpoints.

fn fails_to_export(damage: impl Fn(&Machine)) -> String {
    let machine = Machine::new();
    checkpoint(&machine);
    damage(&machine);
    machine.fails(1, "model export tiny out --weights f32")
}

fn with_header(machine: &Machine, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let path = machine.path("tiny/model.safetensors");
    std::fs::write(&path, change(std::fs::read(&path).unwrap())).unwrap();
}

#[test]
fn a_truncated_safetensors_header() {
    for num_bytes in [0, 5, 8, 100] {
        let error = fails_to_export(|machine| with_header(machine, |bytes| bytes[..num_bytes].to_vec()));
        assert!(error.starts_with("error: tiny/model.safetensors is not a sound checkpoint file: "), "{error}");
    }
}

#[test]
fn a_header_that_lies_about_its_length() {
    let error = fails_to_export(|machine| {
        with_header(machine, |mut bytes| {
            bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
            bytes
        });
    });
    assert!(error.starts_with("error: tiny/model.safetensors is not a sound checkpoint file: "), "{error}");
}

#[test]
fn a_header_that_lies_about_offsets() {
    let error = fails_to_export(|machine| {
        with_header(machine, |bytes| {
            let header_len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header_len]).unwrap();
            let mut header = header.as_object().unwrap().clone();
            let (_, tensor) = header.iter_mut().find(|(name, _)| *name != "__metadata__").unwrap();
            tensor["data_offsets"] = serde_json::json!([0, 1u64 << 40]);
            let header = serde_json::to_vec(&header).unwrap();
            [&(header.len() as u64).to_le_bytes()[..], &header, &bytes[8 + header_len..]].concat()
        });
    });
    assert!(error.starts_with("error: tiny/model.safetensors is not a sound checkpoint file: "), "{error}");
}

#[test]
fn a_checkpoint_without_weights() {
    let error = fails_to_export(|machine| std::fs::remove_file(machine.path("tiny/model.safetensors")).unwrap());
    assert_snapshot!(error, @r"
    error: tiny holds neither model.safetensors nor model.safetensors.index.json
    hint: point SRC at the folder of a Hugging Face checkpoint saved as safetensors
    ");
    assert_snapshot!(Machine::new().fails(1, "model export nowhere out --weights int8"), @r"
    error: cannot read nowhere: No such file or directory (os error 2)
    hint: point SRC at the whole folder of the original checkpoint, configs and tokenizer too
    ");
}

#[test]
fn an_output_that_holds_something_else() {
    let machine = Machine::new();
    checkpoint(&machine);
    std::fs::create_dir(machine.path("out")).unwrap();
    machine.write("out/thesis.txt", "precious");
    let error = machine.fails(1, "model export tiny out");
    assert!(error.contains("out exists and is not an earlier export: "), "{error}");
    assert_eq!(std::fs::read(machine.path("out/thesis.txt")).unwrap(), b"precious");
}

/// A limit on the size of files stands in for a full disk: it refuses a write in the middle of a file, and needs
/// neither root nor a disk.
#[cfg(unix)]
fn on_a_small_disk(machine: &Machine, line: &str) -> Command {
    let mut command = Command::new("sh");
    // Blocks of 512 bytes; a refused write is an error then, not a signal.
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f 8; exec \"$0\" {line}")]);
    command.arg(crate::machine::program()).current_dir(machine.path("."));
    command
}

#[cfg(unix)]
#[test]
fn the_disk_is_full_while_exporting_a_model() {
    let machine = Machine::new();
    checkpoint(&machine);
    let error = machine.fails_command(1, on_a_small_disk(&machine, "model export tiny out --weights f32"));
    assert!(error.starts_with("error: cannot write out"), "{error}");
}

#[cfg(unix)]
#[test]
fn the_disk_is_full_while_exporting_replies() {
    let machine = Machine::new();
    let line = format!("watch '{}' --ask a --policy threshold=1 --export page.html", clip("kitchen-1.mp4"));
    let ended = machine.run_command(on_a_small_disk(&machine, &line));
    assert_eq!(ended.code, 1);
    let error = ended.error();
    assert!(error.starts_with("error: page.html cannot be written: "), "{error}");
    assert!(machine.files().is_empty(), "{:?}", machine.files());
    assert!(!ended.stdout.is_empty(), "the replies were still printed");
}

#[cfg(target_os = "linux")]
#[test]
fn standard_output_is_full() {
    let machine = Machine::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = machine.command(["model", "list"]);
    command.stdout(full).stderr(std::process::Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @r"
    error: cannot write to standard output: No space left on device (os error 28)
    hint: make room where the output goes, or send it elsewhere
    ");
}

// The machine.

fn without_runtime(library: &Path) -> String {
    let machine = Machine::new();
    let mut command = machine.command(["watch", &clip("kitchen-1.mp4"), "--ask", "a"]);
    command.env("ORT_DYLIB_PATH", library);
    machine.fails_command(1, command)
}

#[test]
fn onnx_runtime_is_missing() {
    assert_snapshot!(without_runtime(Path::new("/nowhere/libonnxruntime.so")), @r"
    error: the ONNX Runtime library was not found; looked at /nowhere/libonnxruntime.so
    hint: run `cargo xtask setup`, or set ORT_DYLIB_PATH to the library of an ONNX Runtime you have
    ");
}

#[test]
fn onnx_runtime_is_no_library() {
    let machine = Machine::new();
    machine.write("libonnxruntime.so", "text");
    let error = without_runtime(&machine.path("libonnxruntime.so"));
    assert!(error.contains("is no usable ONNX Runtime library"), "{error}");
}

/// A library that is an ONNX Runtime of long ago, as far as it says.
#[cfg(target_os = "linux")]
pub fn old_runtime(machine: &Machine) -> std::path::PathBuf {
    let source = r#"
        typedef struct { const void *(*api)(unsigned); const char *(*version)(void); } Base;
        static const void *api(unsigned version) { (void)version; return 0; }
        static const char *version(void) { return "1.17.3"; }
        static const Base base = { api, version };
        const Base *OrtGetApiBase(void) { return &base; }
    "#;
    machine.write("old.c", source);
    let library = machine.path("libonnxruntime.so");
    let mut compiler = Command::new("cc");
    assert!(
        compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(machine.path("old.c")).status().unwrap().success()
    );
    library
}

#[cfg(target_os = "linux")]
#[test]
fn onnx_runtime_is_too_old() {
    let error = without_runtime(&old_runtime(&Machine::new()));
    assert!(error.starts_with("error: ONNX Runtime 1.24 or later is expected, found 1.17 at "), "{error}");
}

#[test]
fn ffmpeg_is_missing() {
    let machine = Machine::new();
    std::fs::create_dir(machine.path("nothing")).unwrap();
    let mut command = machine.command(["watch", &clip("kitchen-1.mp4"), "--ask", "a"]);
    command.env("PATH", machine.path("nothing"));
    assert_snapshot!(machine.fails_command(1, command), @r"
    error: ffprobe is not installed: it is neither beside the program nor on PATH
    hint: install it with `sudo apt-get install ffmpeg`, or run `cargo xtask setup`
    ");
}
