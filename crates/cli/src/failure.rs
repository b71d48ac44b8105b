use std::error::Error;
use std::io;
use std::process::ExitCode;

use souffleur_core::Hint;
pub(crate) use souffleur_core::one_line;

/// What ends a command early: the line after `error:`, the line after `hint:`, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: FailureKind,
    message: String,
    hint: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FailureKind {
    /// Exit 1.
    Failed,
    /// Exit 2.
    Usage,
    /// Nobody reads our output any more (`| head`): no line, exit 0.
    ReaderGone,
}

impl Failure {
    /// Exit 1: the command was understood and could not be carried out.
    pub(crate) fn failed(err: &impl Hint) -> Self {
        Self::because(err.to_string(), err.hint())
    }

    /// Exit 1, in own words.
    pub(crate) fn because(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: FailureKind::Failed, message: message.into(), hint: hint.into() }
    }

    /// Exit 2: the command makes no sense as it was given.
    pub(crate) fn usage(err: &impl Hint) -> Self {
        Self::misuse(err.to_string(), err.hint())
    }

    /// Exit 2, in own words.
    pub(crate) fn misuse(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: FailureKind::Usage, message: message.into(), hint: hint.into() }
    }

    /// Standard output could not be written.
    pub(crate) fn output(err: &io::Error) -> Self {
        let kind = match err.kind() {
            io::ErrorKind::BrokenPipe => FailureKind::ReaderGone,
            _ => FailureKind::Failed,
        };
        Self {
            kind,
            message: format!("cannot write to standard output: {err}"),
            hint: "make room where the output goes, or send it elsewhere".into(),
        }
    }

    /// Prints both lines and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if self.kind == FailureKind::ReaderGone {
            return ExitCode::SUCCESS;
        }
        crate::note(format_args!("error: {}\nhint: {}", one_line(&self.message), one_line(&self.hint)));
        ExitCode::from(if self.kind == FailureKind::Usage { 2 } else { 1 })
    }
}

/// So that `?` works on whatever `write!` gives: the commands write to standard output only.
impl From<io::Error> for Failure {
    fn from(err: io::Error) -> Self {
        Self::output(&err)
    }
}

/// Lets `?` take any error that knows its mend, as a failure with exit 1.
pub(crate) trait OrFail<T> {
    /// Exit 1 on an error.
    fn or_fail(self) -> Result<T, Failure>;
    /// Exit 2 on an error.
    fn or_misuse(self) -> Result<T, Failure>;
}

impl<T, E: Hint + Error> OrFail<T> for Result<T, E> {
    fn or_fail(self) -> Result<T, Failure> {
        self.map_err(|err| Failure::failed(&err))
    }

    fn or_misuse(self) -> Result<T, Failure> {
        self.map_err(|err| Failure::usage(&err))
    }
}
