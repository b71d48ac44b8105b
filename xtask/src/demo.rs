//! `cargo xtask demo`: the first minute, without a camera or a model of one's own.

use std::process::{Command, ExitCode};

use crate::failure::Failure;
use crate::{command, setup, workspace};

pub const HELP: &str = "\
Sets the machine up where needed, builds the command line in release mode, and plays the clips that are bundled with
the program through the model that is built into it: each reply with its time, beside the truth. Arguments are handed
on to `souffleur demo`.";

/// Runs the task.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    setup::ensure()?;
    workspace::build_release_program()?;
    command::run(
        Command::new(workspace::release_program()).arg("demo").args(arguments),
        "read the program's own message above",
    )?;
    Ok(ExitCode::SUCCESS)
}
