//! `souffleur doctor`, on machines that lack one thing or another.

use std::process::Command;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::machine::{Ended, Machine};
use crate::media::kitchen_folder;

/// The program with a data folder of its own, and the runtime of this machine.
fn doctor(machine: &Machine, options: &[&str]) -> Command {
    let mut command = machine.command(["doctor"].iter().chain(options));
    command.env("XDG_DATA_HOME", machine.path("data"));
    command.env("ORT_DYLIB_PATH", souffleur_engine::find_runtime(None).unwrap());
    command
}

/// Settings under which what differs from machine to machine does not show.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings
        .add_filter(r"ONNX Runtime 1\.[0-9]+ at [^;\n]*\.(so|dylib|dll)[0-9.]*", "ONNX Runtime [VERSION] at [PATH]");
    settings.add_filter(r"a turn of kitchen in [0-9]+ ms", "a turn of kitchen in [MS]");
    settings.add_filter(r"(?m)^(ok +ff[a-z]+ +).*$", "$1[VERSION] at [PATH]");
    settings.add_filter(
        r"(?m)^(ok|warning) +disk +[0-9.]+ [MG]iB free for ([^;\n]*).*$",
        "[STATUS] disk [SIZE] free for $2",
    );
    settings.add_filter("[0-9a-f]{64}", "[SHA256]");
    settings
}

fn failed(ended: &Ended) -> String {
    assert_eq!(ended.code, 1);
    let failed: Vec<&str> = ended.stdout.lines().filter(|line| line.starts_with("failed")).collect();
    format!("{}\n{}", failed.join("\n"), ended.error())
}

#[test]
fn a_machine_in_order() {
    let machine = Machine::new();
    let ended = machine.run_command(doctor(&machine, &[]));
    assert_eq!(ended.stderr, "");
    settings().bind(|| {
        assert_snapshot!(ended.ok(), @r"
    ok       onnxruntime     ONNX Runtime [VERSION] at [PATH]
    ok       provider cpu    a turn of kitchen in [MS], vision on cpu, embed on cpu, decoder on cpu
    ok       ffmpeg          [VERSION] at [PATH]
    ok       ffprobe         [VERSION] at [PATH]
    ok       model kitchen   embedded, int8, all 10 files as they were exported
    [STATUS] disk [SIZE] free for [HERE]/data/souffleur
    info     camera          not in this build: it watches video files and folders of images
    info     screen          not in this build: it watches video files and folders of images
    info     sound           not in this build: replies are written, not played
    ")
    });
    assert!(machine.files().is_empty(), "nothing is left behind");
}

#[test]
fn json_keeps_the_contract() {
    let machine = Machine::new();
    let ended = machine.run_command(doctor(&machine, &["--json"]));
    let diagnosis: Value = serde_json::from_str(ended.ok()).unwrap();
    assert_eq!(diagnosis["version"], 1);
    let checks = diagnosis["checks"].as_array().unwrap();
    for check in checks {
        assert!(check["name"].is_string() && check["found"].is_string(), "{check}");
        let status = check["status"].as_str().unwrap();
        assert!(["ok", "info", "warning", "failed"].contains(&status), "{check}");
        assert_eq!(check["hint"].is_string(), ["warning", "failed"].contains(&status), "{check}");
    }
    let camera = json!({
        "name": "camera",
        "status": "info",
        "found": "not in this build: it watches video files and folders of images",
    });
    assert!(checks.contains(&camera), "{diagnosis}");
}

#[test]
fn without_ffmpeg() {
    let machine = Machine::new();
    std::fs::create_dir(machine.path("nothing")).unwrap();
    let mut command = doctor(&machine, &[]);
    command.env("PATH", machine.path("nothing"));
    assert_snapshot!(failed(&machine.run_command(command)), @r"
    failed   ffmpeg          ffmpeg is not installed: it is neither beside the program nor on PATH; hint: install it with `sudo apt-get install ffmpeg`, or run `cargo xtask setup`
    failed   ffprobe         ffprobe is not installed: it is neither beside the program nor on PATH; hint: install it with `sudo apt-get install ffmpeg`, or run `cargo xtask setup`
    error: 2 of 9 checks failed: ffmpeg, ffprobe
    hint: do what the hints of the failed checks say, from the first on
    ");
}

#[test]
fn without_onnx_runtime() {
    let machine = Machine::new();
    let mut command = doctor(&machine, &[]);
    command.env("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so");
    assert_snapshot!(failed(&machine.run_command(command)), @r"
    failed   onnxruntime     the ONNX Runtime library was not found; looked at /nowhere/libonnxruntime.so; hint: run `cargo xtask setup`, or set ORT_DYLIB_PATH to the library of an ONNX Runtime you have
    failed   provider cpu    not tried: it needs ONNX Runtime; hint: mend onnxruntime first, then run `souffleur doctor` again
    error: 2 of 9 checks failed: onnxruntime, provider cpu
    hint: do what the hints of the failed checks say, from the first on
    ");
    let mut command = doctor(&machine, &["--json"]);
    command.env("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so");
    let ended = machine.run_command(command);
    let diagnosis: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &diagnosis["status"]), (1, &"failed".into()), "the JSON is whole all the same");
}

#[cfg(target_os = "linux")]
#[test]
fn with_an_old_onnx_runtime() {
    let machine = Machine::new();
    let mut command = doctor(&machine, &[]);
    command.env("ORT_DYLIB_PATH", crate::bad_input::old_runtime(&machine));
    assert_snapshot!(failed(&machine.run_command(command)), @r"
    failed   onnxruntime     ONNX Runtime 1.24 or later is expected, found 1.17 at [HERE]/libonnxruntime.so; hint: unset ORT_DYLIB_PATH and run `cargo xtask setup`, or install 1.24 or later
    failed   provider cpu    not tried: it needs ONNX Runtime; hint: mend onnxruntime first, then run `souffleur doctor` again
    error: 2 of 9 checks failed: onnxruntime, provider cpu
    hint: do what the hints of the failed checks say, from the first on
    ");
}

#[test]
fn with_something_else_for_onnx_runtime() {
    let machine = Machine::new();
    machine.write("libonnxruntime.so", "text");
    let mut command = doctor(&machine, &[]);
    command.env("ORT_DYLIB_PATH", machine.path("libonnxruntime.so"));
    assert_snapshot!(failed(&machine.run_command(command)), @r"
    failed   onnxruntime     [HERE]/libonnxruntime.so is no usable ONNX Runtime library: it does not tell its version; hint: run `cargo xtask setup` to fetch a fresh library, or let ORT_DYLIB_PATH name another one
    failed   provider cpu    not tried: it needs ONNX Runtime; hint: mend onnxruntime first, then run `souffleur doctor` again
    error: 2 of 9 checks failed: onnxruntime, provider cpu
    hint: do what the hints of the failed checks say, from the first on
    ");
}

/// The user's folder comes from the environment on Linux.
#[cfg(target_os = "linux")]
#[test]
fn the_users_models_are_read_whole() {
    let machine = Machine::new();
    let models = machine.path("data/souffleur/models");
    for name in ["broken", "cut", "mine"] {
        kitchen_folder(&machine);
        std::fs::create_dir_all(&models).unwrap();
        std::fs::rename(machine.path("kitchen"), models.join(name)).unwrap();
    }
    std::fs::remove_file(models.join("broken/onnx/embed.onnx")).unwrap();
    let weights = models.join("cut/onnx/decoder.onnx.data");
    std::fs::write(&weights, &std::fs::read(&weights).unwrap()[..1000]).unwrap();
    let ended = machine.run_command(doctor(&machine, &[]));
    settings().bind(|| {
        assert_snapshot!(failed(&ended), @r"
    failed   model broken    the model [HERE]/data/souffleur/models/broken has no onnx/embed.onnx; hint: point --model at a folder that `souffleur model export` wrote, or export the checkpoint again
    failed   model cut       onnx/decoder.onnx.data of the model [HERE]/data/souffleur/models/cut is corrupt: expected sha256 [SHA256], found [SHA256]; hint: copy the model folder again, or export it again with `souffleur model export`
    error: 2 of 12 checks failed: model broken, model cut
    hint: do what the hints of the failed checks say, from the first on
    ")
    });
    assert!(ended.stdout.contains("ok       model mine      [HERE]/data/souffleur/models/mine, int8, all 10 files"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_data_folder_that_cannot_be_written_is_a_warning() {
    let machine = Machine::new();
    machine.write("data", "a file");
    let ended = machine.run_command(doctor(&machine, &[]));
    let disk: Vec<&str> = ended.ok().lines().filter(|line| line.contains(" disk ")).collect();
    assert_snapshot!(disk.join("\n"), @r"
    warning  disk            [HERE]/data/souffleur cannot be written: Not a directory (os error 20); hint: let this account write to [HERE]/data
    ");
}

/// Neither a home, nor a search path, nor anything else in the environment.
#[test]
fn an_empty_environment_is_no_reason_to_panic() {
    let machine = Machine::new();
    let mut command = machine.command(["doctor", "--json"]);
    command.env_clear();
    let ended = machine.run_command(command);
    let diagnosis: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(diagnosis["checks"].as_array().unwrap().len() >= 9);
    if ended.code != 0 {
        ended.error();
    }
}
