//! The one error of the tasks: what went wrong and how to mend it.

use std::fmt;
use std::process::ExitCode;

/// Why a task stopped. Printed as one `error:` and one `hint:` line, like the errors of the program itself.
#[derive(Debug)]
pub struct Failure {
    what: String,
    hint: String,
    is_usage: bool,
}

impl Failure {
    /// A task that could not do its work (exit code 1).
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into(), is_usage: false }
    }

    /// A task that was called wrongly (exit code 2).
    pub fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into(), is_usage: true }
    }

    /// A file or folder that could not be read or written.
    pub fn file(action: &str, path: &std::path::Path, err: &std::io::Error) -> Self {
        Self::new(
            format!("cannot {action} {}: {err}", path.display()),
            "check that the disk is not full and that you own the folder",
        )
    }

    /// What the process exits with.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.is_usage { 2 } else { 1 })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\nhint: {}", self.what, self.hint)
    }
}
