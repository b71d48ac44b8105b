use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ffmpeg_sidecar::command::FfmpegCommand;

use crate::error::one_line;
use crate::{CaptureError, InstalledTool};

/// The two programs, found beside our own binary or on `PATH`.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    ffmpeg: PathBuf,
    ffprobe: PathBuf,
}

impl Tools {
    /// Where ffmpeg-sidecar looks: beside the running program first, then `PATH`. Never downloads.
    pub(crate) fn find() -> Self {
        Self { ffmpeg: ffmpeg_sidecar::paths::ffmpeg_path(), ffprobe: ffmpeg_sidecar::ffprobe::ffprobe_path() }
    }

    /// Runs `ffprobe ARGS INPUT`.
    pub(crate) fn ffprobe(&self, name: &str, args: &[&str], input: &Path) -> Result<ChildProcess, CaptureError> {
        let mut args: Vec<OsString> = args.iter().map(OsString::from).collect();
        args.extend(["-protocol_whitelist", PROTOCOLS, "-i"].map(OsString::from));
        args.push(file_url(input)?);
        ChildProcess::spawn("ffprobe", &self.ffprobe, name, "error", args)
    }

    /// Runs `ffmpeg BEFORE -i INPUT AFTER`, its messages from `log_level` up.
    pub(crate) fn ffmpeg(
        &self,
        name: &str,
        log_level: &'static str,
        before: &[&str],
        input: &Path,
        after: &[&str],
    ) -> Result<ChildProcess, CaptureError> {
        let mut args: Vec<OsString> = ["-nostdin", "-nostats", "-protocol_whitelist", PROTOCOLS].map(Into::into).into();
        args.extend(before.iter().map(OsString::from));
        args.push("-i".into());
        args.push(file_url(input)?);
        args.extend(after.iter().map(OsString::from));
        ChildProcess::spawn("ffmpeg", &self.ffmpeg, name, log_level, args)
    }

    /// Asks one of the two, `ffmpeg` or `ffprobe`, for its version.
    pub(crate) fn installed(&self, program: &'static str) -> Result<InstalledTool, CaptureError> {
        let failed = |cause: String| CaptureError::FfmpegFailed { program, cause };
        let executable = if program == "ffprobe" { &self.ffprobe } else { &self.ffmpeg };
        let process = ChildProcess::spawn(program, executable, program, "error", vec!["-version".into()])?;
        let answer = process.read_output(VERSION_LIMIT)?;
        let (text, finished) =
            answer.ok_or_else(|| failed(format!("no answer within {} s", VERSION_LIMIT.as_secs())))?;
        if !finished.status.success() {
            return Err(failed(finished.messages.last_error().unwrap_or_else(|| finished.status.to_string())));
        }
        let first_line = one_line(text.lines().next().unwrap_or("it says nothing"));
        let mut words = first_line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(name), Some("version"), Some(version)) if name == program => {
                Ok(InstalledTool { program, path: on_path(executable), version: version.to_owned() })
            }
            _ => Err(failed(format!("\"{program} version …\" is expected of it, found \"{first_line}\""))),
        }
    }
}

/// Asking for the version takes milliseconds; more means that it hangs.
const VERSION_LIMIT: Duration = Duration::from_secs(4);

/// Where the system finds a program that is given by its bare name.
fn on_path(executable: &Path) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let file_name = format!("{}{}", executable.display(), std::env::consts::EXE_SUFFIX);
    let found = match executable.components().count() {
        1 => std::env::split_paths(&folders).map(|folder| folder.join(&file_name)).find(|path| path.is_file()),
        _ => None,
    };
    found.unwrap_or_else(|| executable.to_owned())
}

#[cfg(test)]
impl Tools {
    pub(crate) fn fake_missing() -> Self {
        Self { ffmpeg: "/nonexistent/ffmpeg".into(), ffprobe: "/nonexistent/ffprobe".into() }
    }

    /// Both are this program.
    pub(crate) fn fake(path: &str) -> Self {
        Self { ffmpeg: path.into(), ffprobe: path.into() }
    }
}

/// No network, whatever a playlist inside the file asks for.
const PROTOCOLS: &str = "file,pipe,crypto,data";

/// The path as an address that ffmpeg takes literally: a leading `-` is no option, a `:` no protocol.
fn file_url(path: &Path) -> Result<OsString, CaptureError> {
    let absolute = std::path::absolute(path).map_err(|err| CaptureError::from_io(path, err))?;
    let mut url = OsString::from("file:");
    url.push(absolute);
    Ok(url)
}

/// A running `ffmpeg` or `ffprobe`: killed and reaped when dropped, its messages read all along so that it never
/// stalls on a full pipe.
pub(crate) struct ChildProcess {
    program: &'static str,
    child: Child,
    messages: Option<JoinHandle<Messages>>,
}

impl ChildProcess {
    fn spawn(
        program: &'static str,
        executable: &Path,
        name: &str,
        log_level: &str,
        args: Vec<OsString>,
    ) -> Result<Self, CaptureError> {
        let mut command: Command = FfmpegCommand::new_with_path(executable).into();
        command.args(["-hide_banner", "-loglevel", &format!("level+{log_level}")]).args(args);
        // FFREPORT would write a log file into the user's folder, colours would get into the messages.
        command.env_remove("FFREPORT").env("AV_LOG_FORCE_NOCOLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|err| match err.kind() {
            io::ErrorKind::NotFound => CaptureError::FfmpegMissing(program),
            _ => CaptureError::FfmpegFailed { program, cause: err.to_string() },
        })?;
        let stderr = child.stderr.take();
        let mut process = Self { program, child, messages: None };
        let read = move || stderr.map(Messages::read).unwrap_or_default();
        let thread = thread::Builder::new().name(format!("capture:{name}:messages")).spawn(read);
        process.messages = Some(thread.map_err(|err| CaptureError::FfmpegFailed { program, cause: err.to_string() })?);
        Ok(process)
    }

    /// Takes the child's standard output; a second call finds nothing.
    pub(crate) fn take_stdout(&mut self) -> Result<ChildStdout, CaptureError> {
        self.child.stdout.take().ok_or_else(|| self.failed("its output was already taken"))
    }

    /// Waits for the end. Call it after the output was read to its end or dropped.
    pub(crate) fn finish(mut self) -> Result<Finished, CaptureError> {
        let status = self.child.wait().map_err(|err| self.failed(&err.to_string()))?;
        let messages = self.messages.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Ok(Finished { status, messages })
    }

    /// Reads the whole output, at most 64 MiB of it, and waits for the end. `Ok(None)` when the child takes
    /// longer than `limit`: it is killed then.
    pub(crate) fn read_output(mut self, limit: Duration) -> Result<Option<(String, Finished)>, CaptureError> {
        let mut stdout = self.take_stdout()?.take(64 << 20);
        let (tx, rx) = crossbeam_channel::bounded(1);
        let read = move || {
            let mut bytes = Vec::new();
            // A child that dies early shows in its exit status; what it wrote until then still counts.
            let _ = stdout.read_to_end(&mut bytes);
            let _ = tx.send(bytes);
        };
        let thread = thread::Builder::new().name("capture:output".into()).spawn(read);
        thread.map_err(|err| self.failed(&err.to_string()))?;
        let Ok(bytes) = rx.recv_timeout(limit) else { return Ok(None) };
        let finished = self.finish()?;
        Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), finished)))
    }

    fn failed(&self, cause: &str) -> CaptureError {
        CaptureError::FfmpegFailed { program: self.program, cause: cause.to_owned() }
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // Both fail only when the child is already gone, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(thread) = self.messages.take() {
            let _ = thread.join();
        }
    }
}

/// How a child ended and what it said.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) messages: Messages,
}

/// What a child writes on its standard error: the last lines of it.
#[derive(Default)]
pub(crate) struct Messages {
    /// The last messages, oldest first.
    lines: VecDeque<String>,
    /// Messages of level `error` or worse, those included that `lines` no longer holds.
    pub(crate) num_errors: u64,
}

impl Messages {
    const MAX_LINES: usize = 40;
    const MAX_LINE_BYTES: u64 = 2000;

    fn read(stderr: ChildStderr) -> Self {
        let mut stderr = BufReader::new(stderr);
        let mut messages = Self::default();
        let mut line = Vec::new();
        // A line longer than the bound comes in pieces: memory stays bounded whatever a broken file makes it say.
        while let Ok(1..) = stderr.by_ref().take(Self::MAX_LINE_BYTES).read_until(b'\n', &mut line) {
            messages.push(&String::from_utf8_lossy(&line));
            line.clear();
        }
        messages
    }

    fn push(&mut self, line: &str) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        if ["[error]", "[fatal]", "[panic]"].iter().any(|level| line.contains(level)) {
            self.num_errors += 1;
        }
        if self.lines.len() == Self::MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(one_line(line));
    }

    /// The messages kept, oldest first.
    pub(crate) fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// The last message of level `error` or worse, without the marks in front and without the path, which our own
    /// message already names.
    pub(crate) fn last_error(&self) -> Option<String> {
        let line = self.lines().rev().find(|line| line.contains("[error]") || line.contains("[fatal]"))?;
        let text = line.rsplit_once("[error] ").or_else(|| line.rsplit_once("[fatal] "))?.1;
        let text =
            if text.starts_with("file:") { text.rsplit_once(": ").map_or(text, |(_, cause)| cause) } else { text };
        Some(text.trim_end_matches('.').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_error_is_told_without_its_marks() {
        let mut messages = Messages::default();
        messages.push("[mov,mp4 @ 0x5563] [error] moov atom not found\n");
        messages.push("[error] file:/a: b/c.mp4: Invalid data found when processing input");
        messages.push("[info] done");
        assert_eq!(messages.num_errors, 2);
        assert_eq!(messages.last_error().unwrap(), "Invalid data found when processing input");
    }

    #[test]
    fn memory_stays_bounded() {
        let mut messages = Messages::default();
        (0..10_000).for_each(|idx| messages.push(&format!("[error] {idx}")));
        assert_eq!((messages.lines().count(), messages.num_errors), (Messages::MAX_LINES, 10_000));
    }

    #[test]
    fn an_absent_program_is_named() {
        let err = Tools::fake_missing().ffprobe("x", &[], Path::new("x.mp4")).err().unwrap();
        assert!(matches!(err, CaptureError::FfmpegMissing("ffprobe")), "{err}");
    }
}
