//! Running other programs: every failure becomes one clear [`Failure`].

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use crate::failure::Failure;

/// The cargo that started this task, so that inner calls use the same toolchain.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The command line as a person would type it.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|argument| {
        let argument = argument.to_string_lossy();
        if argument.is_empty() || argument.contains([' ', '\'', '"', '(', '*']) {
            format!("{argument:?}")
        } else {
            argument.into_owned()
        }
    }));
    words.join(" ")
}

/// Runs a command with this terminal's output.
///
/// # Errors
/// When it cannot be started or does not succeed; `hint` says what the user can do.
pub fn run(command: &mut Command, hint: &str) -> Result<(), Failure> {
    let status = command.status().map_err(|err| not_started(command, &err, hint))?;
    check(command, status, hint)
}

/// Runs a command and returns its standard output; its standard error goes to the terminal.
///
/// # Errors
/// As [`run`].
pub fn capture(command: &mut Command, hint: &str) -> Result<String, Failure> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|err| not_started(command, &err, hint))?;
    check(command, output.status, hint)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a command can be started and succeeds; it prints nothing.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a command, passes its output on line by line, and returns those lines with the result.
///
/// # Errors
/// When it cannot be started. A command that runs and fails is not an error here: its lines say what failed.
pub fn tee(command: &mut Command, hint: &str) -> Result<(Result<(), Failure>, Vec<String>), Failure> {
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.map_err(|err| not_started(command, &err, hint))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let lines = thread::scope(|scope| -> std::io::Result<Vec<String>> {
        // Two pipes need two readers, or the one not read fills and the command waits for ever.
        let reader = thread::Builder::new()
            .name("command-stdout".into())
            .spawn_scoped(scope, || stdout.map(|pipe| pass_on(pipe, |line| println!("{line}"))).unwrap_or_default())?;
        let mut lines = stderr.map(|pipe| pass_on(pipe, |line| eprintln!("{line}"))).unwrap_or_default();
        lines.extend(reader.join().unwrap_or_default());
        Ok(lines)
    });
    let lines = lines.map_err(|err| not_started(command, &err, hint))?;
    let status = child.wait().map_err(|err| not_started(command, &err, hint))?;
    Ok((check(command, status, hint), lines))
}

fn pass_on(pipe: impl Read, print: impl Fn(&str)) -> Vec<String> {
    let mut lines = Vec::new();
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    // Bytes, not `lines()`: a test may print something that is not UTF-8, and reading must go on to the end.
    while reader.read_until(b'\n', &mut bytes).is_ok_and(|num_read| num_read > 0) {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        print(&line);
        lines.push(line);
        bytes.clear();
    }
    lines
}

fn check(command: &Command, status: ExitStatus, hint: &str) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("`{}` failed ({status})", shown(command)), hint))
}

fn not_started(command: &Command, err: &std::io::Error, hint: &str) -> Failure {
    Failure::new(format!("cannot run `{}`: {err}", shown(command)), hint)
}

/// Where a program lies on the search path, if anywhere.
pub fn find_program(name: &str) -> Option<PathBuf> {
    find_program_in(name, &std::env::var_os("PATH")?)
}

fn find_program_in(name: &str, search_path: &std::ffi::OsStr) -> Option<PathBuf> {
    std::env::split_paths(search_path)
        .map(|folder| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("/usr/bin/apt-get");
        command.args(["install", "-E", "test(fuzz)", "a b"]);
        assert_eq!(shown(&command), r#"apt-get install -E "test(fuzz)" "a b""#);
    }

    #[test]
    fn a_program_that_does_not_exist_is_one_error_and_one_hint() {
        let failure = run(&mut Command::new("souffleur-no-such-program"), "install it").unwrap_err().to_string();
        assert!(failure.starts_with("error: cannot run `souffleur-no-such-program`: "), "{failure}");
        assert!(failure.ends_with("\nhint: install it"), "{failure}");
    }

    #[test]
    fn lines_are_passed_on_even_when_they_are_not_utf8() {
        let printed = std::cell::RefCell::new(Vec::new());
        let lines = pass_on(&b"one\r\n\xff\nlast"[..], |line| printed.borrow_mut().push(line.to_owned()));
        assert_eq!(lines, ["one", "\u{fffd}", "last"]);
        assert_eq!(lines, *printed.borrow());
    }

    #[test]
    fn an_empty_search_path_finds_nothing() {
        assert_eq!(find_program_in("cc", std::ffi::OsStr::new("")), None);
    }
}
