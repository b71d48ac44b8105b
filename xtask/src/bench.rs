//! `cargo xtask bench`: the numbers of this machine.

use std::process::{Command, ExitCode};

use crate::failure::Failure;
use crate::{command, setup, workspace};

pub const HELP: &str = "\
Sets the machine up where needed, builds in release mode, and prints
  - the resize: its time and the ratio to one call of fast_image_resize on the same machine
  - the engine: milliseconds a turn by stage, for the embedded model
  - PAUC: the metric's time and memory, the ratio to the Python reference, and the whole command
Close other programs first: both use every core.

  --only resize|engine|pauc   measure one alone";

/// Runs the task.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let only = match names[..] {
        [] => None,
        ["--only", only @ ("resize" | "engine" | "pauc")] => Some(only),
        _ => {
            let hint = "see `cargo xtask bench --help`";
            return Err(Failure::usage("expected nothing or `--only resize|engine|pauc`", hint));
        }
    };
    let is_wanted = |name| only.is_none_or(|only| only == name);
    setup::ensure()?;
    if is_wanted("resize") {
        let arguments = ["bench", "--locked", "--package", "souffleur-model", "--bench", "resize"];
        command::run(command::cargo().args(arguments).current_dir(workspace::root()), "read the message above")?;
    }
    if is_wanted("engine") {
        workspace::build_release_program()?;
        let mut bench = Command::new(workspace::release_program());
        command::run(bench.args(["bench", "engine"]), "read the program's own message above")?;
    }
    if is_wanted("pauc") {
        workspace::build_release_program()?;
        let arguments = ["bench", "--locked", "--package", "souffleur-bench", "--bench", "pauc"];
        let mut bench = command::cargo();
        bench.args(arguments).env("SOUFFLEUR_PROGRAM", workspace::release_program()).current_dir(workspace::root());
        command::run(&mut bench, "read the message above")?;
    }
    Ok(ExitCode::SUCCESS)
}
