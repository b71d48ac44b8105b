//! `cargo xtask tidy`: the rules of the project that no compiler and no lint knows.
//!
//! A rule is a function from files to findings, tested on texts of its own.

mod docs;
mod layers;
mod source;
mod text;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::failure::Failure;
use crate::{third_party, workspace};

pub const HELP: &str = "\
Checks the rules that no compiler knows, and prints `path:line: rule: why` for each breach:
  - crates depend on each other, and on the heavy libraries, only in the direction ARCHITECTURE.md states
  - every crate has a line of purpose and the workspace's lints
  - source files are at most 500 lines, named after the one concept they hold, and hold nothing unfinished
  - only the command line and xtask print; every thread has a name
  - no file names a package registry's host or a folder outside the repository
  - ARCHITECTURE.md lists the crates there are, README.md the tasks, and THIRD-PARTY.md is up to date";

/// One breach of one rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    path: PathBuf,
    /// From 1; 0 for the file as a whole.
    line: usize,
    rule: &'static str,
    why: String,
}

impl Finding {
    fn new(path: &Path, line: usize, rule: &'static str, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule, why: why.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path.display(), self.line.max(1), self.rule, self.why)
    }
}

/// Runs the task.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    crate::expect_no_arguments("tidy", arguments)?;
    check()?;
    println!("tidy");
    Ok(ExitCode::SUCCESS)
}

/// Applies every rule to the repository and prints what breaks one.
///
/// # Errors
/// When any rule is broken.
pub fn check() -> Result<(), Failure> {
    let files = workspace::files()?;
    let mut findings = Vec::new();
    for path in &files {
        findings.extend(source::check_name(path));
        // Pictures, clips and weights are not text: no rule reads them.
        let Ok(text) = String::from_utf8(std::fs::read(workspace::root().join(path)).unwrap_or_default()) else {
            continue;
        };
        findings.extend(text::check(path, &text));
        if path.extension().is_some_and(|extension| extension == "rs") {
            findings.extend(source::check(path, &text));
        }
    }
    findings.extend(layers::check()?);
    findings.extend(docs::check()?);
    for finding in &findings {
        println!("{finding}");
    }
    third_party::check()?;
    match findings.len() {
        0 => Ok(()),
        num => Err(Failure::new(format!("{num} breaches of the project's rules"), "mend the lines named above")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_can_be_clicked() {
        let finding = Finding::new(Path::new("a/b.rs"), 7, "file-name", "too vague");
        assert_eq!(finding.to_string(), "a/b.rs:7: file-name: too vague");
        let whole_file = Finding::new(Path::new("a/b.rs"), 0, "file-name", "too vague");
        assert_eq!(whole_file.to_string(), "a/b.rs:1: file-name: too vague");
    }
}
