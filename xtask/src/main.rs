//! Developer tasks of Souffleur: `cargo xtask TASK`.
//!
//! Written in Rust, so that the same commands work on every system, and with few dependencies, so that they start
//! within seconds on a machine that has nothing but Rust. Each task is a file; [`TASKS`] is the list of them.

mod bench;
mod command;
mod demo;
mod failure;
mod judge_model;
mod models;
mod setup;
mod shape_3b;
mod test;
mod test_count;
mod third_party;
mod tidy;
mod workspace;

use std::process::ExitCode;

use failure::Failure;

/// One developer task.
struct Task {
    /// What is typed after `cargo xtask`.
    name: &'static str,
    /// One line for the list of tasks.
    purpose: &'static str,
    /// What `--help` prints below the purpose.
    help: &'static str,
    /// Runs with the arguments after the name.
    run: fn(&[String]) -> Result<ExitCode, Failure>,
}

/// Every task, in the order in which a newcomer meets them.
const TASKS: &[Task] = &[
    Task { name: "setup", purpose: "install what the build and the program need", help: setup::HELP, run: setup::run },
    Task { name: "demo", purpose: "set up, build, and play the bundled clips", help: demo::HELP, run: demo::run },
    Task { name: "test", purpose: "set up and run every check that CI runs", help: test::HELP, run: test::run },
    Task { name: "bench", purpose: "measure the resize and the engine", help: bench::HELP, run: bench::run },
    Task { name: "tidy", purpose: "check the rules no compiler knows", help: tidy::HELP, run: tidy::run },
    Task { name: "models", purpose: "export the embedded model again", help: models::HELP, run: models::run },
    Task {
        name: "judge-model",
        purpose: "fetch the embedded judge's encoder",
        help: judge_model::HELP,
        run: judge_model::run,
    },
    Task {
        name: "shape-3b",
        purpose: "make a 3B-shaped random model to measure",
        help: shape_3b::HELP,
        run: shape_3b::run,
    },
    Task { name: "third-party", purpose: "write THIRD-PARTY.md", help: third_party::HELP, run: third_party::run },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        None => ("help", &[][..]),
        Some((name, rest)) => (name.as_str(), rest),
    };
    if matches!(name, "help" | "--help" | "-h") {
        print_tasks();
        return ExitCode::SUCCESS;
    }
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        eprintln!("error: there is no task '{name}'\nhint: `cargo xtask help` lists the tasks");
        return ExitCode::from(2);
    };
    if rest.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("cargo xtask {}: {}\n\n{}", task.name, task.purpose, task.help.trim_end());
        return ExitCode::SUCCESS;
    }
    (task.run)(rest).unwrap_or_else(|failure| {
        eprintln!("{failure}");
        failure.exit_code()
    })
}

fn print_tasks() {
    println!("cargo xtask TASK [--help]\n");
    for task in TASKS {
        println!("  {:<12} {}", task.name, task.purpose);
    }
}

/// Fails when a task that takes no arguments was given some.
fn expect_no_arguments(task: &str, arguments: &[String]) -> Result<(), Failure> {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => Err(Failure::usage(
            format!("`cargo xtask {task}` takes no arguments, but was given '{argument}'"),
            format!("see `cargo xtask {task} --help`"),
        )),
    }
}
