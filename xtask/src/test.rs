//! `cargo xtask test`: every check that CI runs, in the same order, with the same result.

use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::failure::Failure;
use crate::test_count::TestCount;
use crate::{command, judge_model, setup, tidy, workspace};

pub const HELP: &str = "\
Sets the machine up where needed, then runs every step below, prints the time each took, and ends with the number of
tests that passed and failed. A step that fails does not stop those after it, setup apart. Exits 1 when any step failed.

  --only STEP   run one step alone: setup, fmt, tidy, clippy, doc, build, tests, judge, doctests or fuzz";

/// One check.
struct Step {
    name: &'static str,
    run: fn() -> Result<TestCount, Failure>,
}

/// The machine first, for nothing works without it; then the cheapest, so that the common slips are told in seconds.
const STEPS: &[Step] = &[
    Step { name: "setup", run: set_up },
    Step { name: "fmt", run: check_format },
    Step { name: "tidy", run: check_rules },
    Step { name: "clippy", run: lint },
    Step { name: "doc", run: build_docs },
    Step { name: "build", run: build_program },
    Step { name: "tests", run: run_tests },
    Step { name: "judge", run: run_judge_tests },
    Step { name: "doctests", run: run_doctests },
    Step { name: "fuzz", run: run_fuzz_tests },
];

/// Cases of each fuzz test in the fuzz step; in the tests step they run with the library's own small number.
const FUZZ_CASES: &str = "50000";

/// Tests that feed arbitrary bytes or text to a reader say so in their names.
const FUZZ_FILTER: &str = "test(panic) | test(fuzz)";

/// Runs the task.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let steps = chosen_steps(arguments)?;
    let started_at = Instant::now();
    let mut failed_steps = Vec::new();
    let mut count = TestCount::default();
    let mut times = Vec::new();
    for step in steps {
        println!("\n== {} ==", step.name);
        let step_started_at = Instant::now();
        let step_count = (step.run)().unwrap_or_else(|failure| {
            eprintln!("{failure}");
            TestCount { num_failed: 1, ..TestCount::default() }
        });
        let is_good = step_count.num_failed == 0;
        count += step_count;
        let line = format!("{:<9} {:>7.1} s  {}", step.name, step_started_at.elapsed().as_secs_f64(), verdict(is_good));
        println!("{line}");
        times.push(line);
        if !is_good {
            failed_steps.push(step.name);
            if step.name == "setup" {
                break;
            }
        }
    }
    println!("\n== times ==\n{}", times.join("\n"));
    println!("{:<9} {:>7.1} s", "all", started_at.elapsed().as_secs_f64());
    if !failed_steps.is_empty() {
        println!("failed steps: {}", failed_steps.join(", "));
    }
    println!("{count}");
    Ok(if failed_steps.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verdict(is_good: bool) -> &'static str {
    if is_good { "ok" } else { "FAILED" }
}

fn chosen_steps(arguments: &[String]) -> Result<Vec<&'static Step>, Failure> {
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match names[..] {
        [] => Ok(STEPS.iter().collect()),
        ["--only", name] => match STEPS.iter().find(|step| step.name == name) {
            Some(step) => Ok(vec![step]),
            None => Err(Failure::usage(format!("there is no step '{name}'"), "see `cargo xtask test --help`")),
        },
        _ => Err(Failure::usage("expected nothing or `--only STEP`", "see `cargo xtask test --help`")),
    }
}

/// A check that has no tests to count.
fn plain(command: &mut Command, hint: &str) -> Result<TestCount, Failure> {
    command::run(command.current_dir(workspace::root()), hint)?;
    Ok(TestCount::default())
}

fn set_up() -> Result<TestCount, Failure> {
    if !setup::ensure()? {
        println!("everything is in place");
    }
    Ok(TestCount::default())
}

fn check_format() -> Result<TestCount, Failure> {
    plain(command::cargo().args(["fmt", "--all", "--check"]), "run `cargo fmt --all` (`rustup component add rustfmt`)")
}

fn check_rules() -> Result<TestCount, Failure> {
    tidy::check()?;
    Ok(TestCount::default())
}

fn lint() -> Result<TestCount, Failure> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"];
    plain(
        command::cargo().args(arguments),
        "mend what clippy names (`rustup component add clippy` where it is missing)",
    )
}

fn build_docs() -> Result<TestCount, Failure> {
    let arguments = ["doc", "--workspace", "--no-deps", "--locked", "--quiet"];
    plain(command::cargo().args(arguments).env("RUSTDOCFLAGS", "-D warnings"), "mend the comments rustdoc names")
}

fn build_program() -> Result<TestCount, Failure> {
    workspace::build_release_program()?;
    Ok(TestCount::default())
}

/// The tests that press on the command line run the program that users get: the release build.
fn test_command(subcommand: &[&str]) -> Command {
    let mut command = command::cargo();
    command.args(subcommand).args(["--workspace", "--locked", "--color", "never"]);
    command.current_dir(workspace::root()).env("SOUFFLEUR_PROGRAM", workspace::release_program());
    command
}

/// nextest runs each test in a process of its own, and in less time; a fresh machine does without it.
fn has_nextest() -> bool {
    command::succeeds(command::cargo().args(["nextest", "--version"]))
}

/// Runs a test command and counts; a command that fails without a failed test (it did not compile) counts as one.
fn counted(mut command: Command) -> Result<TestCount, Failure> {
    let (result, lines) = command::tee(&mut command, "see the failures above")?;
    let count = TestCount::from_output(lines.iter().map(String::as_str));
    match result {
        Err(failure) if count.num_failed == 0 => Err(failure),
        _ => Ok(count),
    }
}

fn run_tests() -> Result<TestCount, Failure> {
    // Nothing to do after the build step; with `--only tests` an old program would be tested.
    build_program()?;
    if has_nextest() {
        let mut command = test_command(&["nextest", "run"]);
        command.args([
            "--no-fail-fast",
            "--no-tests",
            "pass",
            "--status-level",
            "slow",
            "--final-status-level",
            "fail",
        ]);
        return counted(command);
    }
    let mut command = test_command(&["test"]);
    command.args(["--no-fail-fast", "--lib", "--bins", "--tests"]);
    counted(command)
}

/// The tests that need the embedded judge's encoder, which is fetched here: the other tests do without it, and say so by
/// being ignored.
fn run_judge_tests() -> Result<TestCount, Failure> {
    judge_model::ensure()?;
    let mut command = test_command(&["test", "--test", "it", "--test", "sentence_encoder"]);
    command.args(["--", "--ignored", "--nocapture"]);
    counted(command)
}

fn run_doctests() -> Result<TestCount, Failure> {
    counted(test_command(&["test", "--doc", "--no-fail-fast"]))
}

/// The readers of foreign files, with many more random inputs than in the tests step. The same tests, so not counted
/// again unless one fails.
fn run_fuzz_tests() -> Result<TestCount, Failure> {
    let mut command = if has_nextest() {
        let mut command = test_command(&["nextest", "run"]);
        command.args(["--no-fail-fast", "--no-tests", "pass", "--status-level", "slow", "-E", FUZZ_FILTER]);
        command
    } else {
        let mut command = test_command(&["test"]);
        command.args(["--no-fail-fast", "--lib", "--tests", "--", "panic", "fuzz"]);
        command
    };
    command.env("PROPTEST_CASES", FUZZ_CASES);
    let count = counted(command)?;
    Ok(TestCount { num_failed: count.num_failed, ..TestCount::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[&str]) -> Result<Vec<&'static str>, String> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let steps = chosen_steps(&arguments).map_err(|failure| failure.to_string())?;
        Ok(steps.iter().map(|step| step.name).collect())
    }

    #[test]
    fn all_steps_run_unless_one_is_named() {
        assert_eq!(names(&[]).unwrap().len(), STEPS.len());
        assert_eq!(names(&["--only", "tidy"]).unwrap(), ["tidy"]);
        assert!(names(&["--only", "lint"]).unwrap_err().contains("no step 'lint'"));
        assert!(names(&["tidy"]).is_err());
    }

    #[test]
    fn the_help_names_every_step() {
        for step in STEPS {
            assert!(HELP.contains(step.name), "{}", step.name);
        }
    }
}
