//! `souffleur bench`: benchmarks of models, and of this machine.

mod engine;

use clap::{Args, Subcommand};

use crate::failure::Failure;

/// Measure this machine
#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Subcommand)]
enum BenchCommand {
    Engine(engine::EngineArgs),
}

pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    match &args.command {
        BenchCommand::Engine(args) => engine::run(args),
    }
}
