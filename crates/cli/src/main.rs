//! The command line: parses, calls, prints. All it knows about models, videos and metrics it asks of other crates.

mod bench;
mod bug;
mod calibrate;
mod demo;
mod doctor;
mod failure;
mod interrupt;
mod judging;
mod model;
mod pauc;
mod progress;
mod usage;
mod watch;

use std::fmt;
use std::io::Write;
use std::panic::catch_unwind;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Watches a video and says what you asked for, at the moment it happens. Everything runs on this machine.
#[derive(Parser)]
#[command(name = "souffleur", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Watch(Box<watch::WatchArgs>),
    Demo(demo::DemoArgs),
    Model(model::ModelArgs),
    Pauc(pauc::PaucArgs),
    Bench(bench::BenchArgs),
    Calibrate(calibrate::CalibrateArgs),
    Doctor(doctor::DoctorArgs),
}

impl Command {
    fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Watch(args) => watch::run(args),
            Self::Demo(args) => demo::run(args),
            Self::Model(args) => model::run(args),
            Self::Pauc(args) => pauc::run(args),
            Self::Bench(args) => bench::run(args),
            Self::Calibrate(args) => calibrate::run(args),
            Self::Doctor(args) => doctor::run(args),
        }
    }
}

fn main() -> ExitCode {
    bug::report_on_main_thread();
    // Unwinding first removes temporary files.
    catch_unwind(run).unwrap_or(ExitCode::FAILURE)
}

fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(err) => match usage::failure(&err) {
            Some(failure) => return failure.report(),
            None => {
                // Fails only when nobody reads; then there is nobody to tell.
                let _ = err.print();
                return ExitCode::SUCCESS;
            }
        },
    };
    match cli.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Prints a line on standard error, where everything but results goes. A closed standard error is no reason to fail.
fn note(line: impl fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_declarations_are_sound() {
        super::Cli::command().debug_assert();
    }
}
