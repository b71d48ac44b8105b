//! `cargo xtask bench`: the numbers of this machine.

use std::process::{Command, ExitCode};

use crate::failure::Failure;
use crate::{command, setup, workspace};

pub const HELP: &str = "\
Sets the machine up where needed, builds in release mode, and prints
  - the resize: its time and the ratio to one call of fast_image_resize on the same machine
  - the engine: milliseconds a turn by stage, for the embedded model
Close other programs first: both use every core.

  --only resize|engine   measure one alone";

/// Runs the task.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (resize, engine) = match names[..] {
        [] => (true, true),
        ["--only", "resize"] => (true, false),
        ["--only", "engine"] => (false, true),
        _ => {
            return Err(Failure::usage("expected nothing or `--only resize|engine`", "see `cargo xtask bench --help`"));
        }
    };
    setup::ensure()?;
    if resize {
        let arguments = ["bench", "--locked", "--package", "souffleur-model", "--bench", "resize"];
        command::run(command::cargo().args(arguments).current_dir(workspace::root()), "read the message above")?;
    }
    if engine {
        workspace::build_release_program()?;
        let mut bench = Command::new(workspace::release_program());
        command::run(bench.args(["bench", "engine"]), "read the program's own message above")?;
    }
    Ok(ExitCode::SUCCESS)
}
