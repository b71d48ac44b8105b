//! `souffleur model`: what there is, what it is, how it is made, whether it is right.

mod check;
mod export;
mod info;
mod list;

use clap::{Args, Subcommand};

use crate::failure::Failure;

/// List, look at, make and check models
#[derive(Args)]
pub(crate) struct ModelArgs {
    #[command(subcommand)]
    command: ModelCommand,
}

#[derive(Subcommand)]
enum ModelCommand {
    List(list::ListArgs),
    Info(info::InfoArgs),
    Export(export::ExportArgs),
    Check(check::CheckArgs),
    #[command(hide = true)]
    Pull(LaterArgs),
    #[command(hide = true)]
    Import(LaterArgs),
}

/// Whatever is given to a command that does not exist yet.
#[derive(Args)]
struct LaterArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<std::ffi::OsString>,
}

pub(crate) fn run(args: &ModelArgs) -> Result<(), Failure> {
    match &args.command {
        ModelCommand::List(args) => list::run(args),
        ModelCommand::Info(args) => info::run(args),
        ModelCommand::Export(args) => export::run(args),
        ModelCommand::Check(args) => check::run(args),
        ModelCommand::Pull(_) => Err(later("pull")),
        ModelCommand::Import(_) => Err(later("import")),
    }
}

fn later(command: &str) -> Failure {
    Failure::misuse(
        format!("model {command} is not in this version"),
        "put a checkpoint on this machine and run `souffleur model export SRC OUT --weights int8`",
    )
}
