//! A recording as a file: subtitles, a log, a table, a page.

mod cue;
pub mod document;
mod html;
mod jsonl;
mod link;
mod markdown;
mod srt;
mod timeline;
mod vtt;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use souffleur_core::Hint;
use tempfile::NamedTempFile;

use crate::Recording;

/// A form a recording can be written in. The file's extension names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// SubRip subtitles: the replies that reached the user.
    Srt,
    /// WebVTT subtitles: the replies that reached the user; the others as notes, which players skip.
    Vtt,
    /// Every event, one line of JSON each.
    Jsonl,
    /// A table of all replies.
    Markdown,
    /// A page that needs nothing else: timeline, decisions, replies, the video beside it or pictures in it.
    Html,
}

/// Why a recording is not in the file it was meant for. Nothing half-written is there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The extension names no format.
    #[error("an export ends in .srt, .vtt, .jsonl, .md or .html, found {}", path.display())]
    UnknownExtension {
        /// The file asked for.
        path: PathBuf,
    },
    /// The folder is not there, or is no folder.
    #[error("{} is to be written into an existing folder, found none at {}", path.display(), folder.display())]
    NoFolder {
        /// The file asked for.
        path: PathBuf,
        /// Where it should go.
        folder: PathBuf,
    },
    /// The file is a folder.
    #[error("a file is to be written at {}, found a folder", path.display())]
    IsFolder {
        /// The file asked for.
        path: PathBuf,
    },
    /// The disk is full, the folder is write-protected and the like.
    #[error("{} cannot be written: {reason}", path.display())]
    Write {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
}

impl Hint for ExportError {
    fn hint(&self) -> String {
        match self {
            Self::UnknownExtension { .. } => {
                "name the file after what you want, such as --export replies.srt or --export report.html".into()
            }
            Self::NoFolder { .. } => "create the folder first, or write somewhere else".into(),
            Self::IsFolder { .. } => "give the file another name".into(),
            Self::Write { reason, .. } if reason.kind() == io::ErrorKind::StorageFull => {
                "free some space on that disk, or write to another one".into()
            }
            Self::Write { .. } => "check that you may write into that folder, or write somewhere else".into(),
        }
    }
}

impl ExportFormat {
    /// The format that the extension of `path` names, whatever its capitals.
    ///
    /// # Errors
    /// When it names none.
    pub fn of(path: &Path) -> Result<Self, ExportError> {
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "srt" => Ok(Self::Srt),
            "vtt" => Ok(Self::Vtt),
            "jsonl" => Ok(Self::Jsonl),
            "md" => Ok(Self::Markdown),
            "html" => Ok(Self::Html),
            _ => Err(ExportError::UnknownExtension { path: path.to_owned() }),
        }
    }
}

/// Where an export goes, looked at before a session starts rather than after it ran for an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportTarget {
    path: PathBuf,
    format: ExportFormat,
}

impl ExportTarget {
    /// Checks the extension and the folder; leaves nothing there.
    ///
    /// # Errors
    /// When the extension names no format, the folder is missing or takes no file, or `path` is itself a folder.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, ExportError> {
        let path = path.into();
        let format = ExportFormat::of(&path)?;
        let folder = folder_of(&path);
        if !folder.is_dir() {
            return Err(ExportError::NoFolder { folder: folder.to_owned(), path });
        }
        if path.is_dir() {
            return Err(ExportError::IsFolder { path });
        }
        // A file made and taken away again: whether a folder can be written to is more than its permissions say.
        match temporary_in(folder) {
            Ok(_) => Ok(Self { path, format }),
            Err(reason) => Err(ExportError::Write { path, reason }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its format.
    pub fn format(&self) -> ExportFormat {
        self.format
    }

    /// Writes `recording` there. The file appears under its name only when it is whole, and replaces an older one.
    ///
    /// # Errors
    /// When the system refuses; an older file is then as it was.
    pub fn write(&self, recording: &Recording) -> Result<(), ExportError> {
        let text = render(recording, self.format, folder_of(&self.path));
        write_whole(&self.path, text.as_bytes())
            .map_err(|reason| ExportError::Write { path: self.path.clone(), reason })
    }
}

/// A recording as the text of a file in `folder` (the page links to the video from there).
pub fn render(recording: &Recording, format: ExportFormat, folder: &Path) -> String {
    match format {
        ExportFormat::Srt => srt::render(recording),
        ExportFormat::Vtt => vtt::render(recording),
        ExportFormat::Jsonl => jsonl::render(recording),
        ExportFormat::Markdown => markdown::render(recording),
        ExportFormat::Html => html::render(recording, folder),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes a file beside its place and puts it there: it appears whole or not at all, and outlives a power cut.
///
/// # Errors
/// What the system said.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = temporary_in(folder_of(path))?;
    file.write_all(bytes).map_err(without_path)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn temporary_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".souffleur-");
    // A temporary file is the user's alone by default; this one becomes an ordinary file, so the umask decides.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(without_path)
}

/// The system's own words: `tempfile` adds the name of the temporary file, which tells a user nothing.
fn without_path(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((words, _)) => io::Error::new(error.kind(), words),
        None => error,
    }
}

/// A text without the control characters that no file format here can hold, its line ends as `\n`.
fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|&char| char == '\n' || char == '\t' || !char.is_control()).collect()
}

/// Shared by the tests of the formats.
#[cfg(test)]
mod fixture {
    use souffleur_core::{MediaTime, QuestionId, Reply, SuppressReason};

    use crate::{
        Event, GraphProviders, ModelLabel, RecordedSource, Recording, SessionStart, Sink, Summary, TurnMillis,
        TurnRecord,
    };

    pub(crate) fn secs(value: f64) -> MediaTime {
        MediaTime::from_secs_f64(value)
    }

    /// A session that says these texts, one a second.
    pub(crate) fn saying(texts: &[String]) -> Recording {
        let replies = texts.iter().enumerate().map(|(idx, text)| (idx as f64 + 1.0, text.as_str(), None));
        recording(&replies.collect::<Vec<_>>())
    }

    /// A session of one turn a second until the last reply plus two; suppressed where a reason is given.
    pub(crate) fn recording(replies: &[(f64, &str, Option<SuppressReason>)]) -> Recording {
        let mut recording = Recording::new(RecordedSource { name: "clip.mp4".into(), video: None });
        let cpu = || "cpu".to_owned();
        let providers = GraphProviders { vision: cpu(), embed: cpu(), decoder: cpu() };
        recording.receive(
            Event::Session(SessionStart {
                label: ModelLabel { model: "kitchen".into(), provider: cpu(), providers },
                frame_interval: secs(1.0),
                frames_per_turn: 1,
            }),
            &[],
        );
        let num_turns = replies.iter().map(|(time, ..)| time.ceil() as u32 + 2).max().unwrap_or(3);
        let mut left = replies.iter().peekable();
        for turn in 1..=num_turns {
            let time = secs(f64::from(turn));
            let reply = left.next_if(|(at, ..)| secs(*at) <= time);
            let p_silent = if reply.is_some() { 0.125 } else { 0.875 };
            recording.receive(
                Event::Turn(TurnRecord {
                    time: reply.map_or(time, |(at, ..)| secs(*at)),
                    silent: reply.is_none(),
                    p_silent,
                    p_silence_text: p_silent,
                    passes: 1,
                    cache_tokens: 20 * turn as usize,
                    frame_age_ms: 12.0,
                    behind_s: 0.0,
                    ms: TurnMillis { total: 11.5, ..TurnMillis::default() },
                }),
                &[],
            );
            if let Some((at, text, suppressed)) = reply {
                recording.receive(
                    Event::Reply(Reply {
                        time: secs(*at),
                        question: "What happens?".into(),
                        question_ids: vec![QuestionId(1)],
                        text: (*text).to_owned(),
                        suppressed: *suppressed,
                    }),
                    &[],
                );
            }
        }
        let shown = replies.iter().filter(|(.., suppressed)| suppressed.is_none()).count() as u64;
        recording.receive(
            Event::Summary(Summary {
                turns: u64::from(num_turns),
                replies: shown,
                dropped_frames: 0,
                p50_ms: Some(11.5),
                p99_ms: Some(11.5),
                suppressed_replies: replies.len() as u64 - shown,
            }),
            &[],
        );
        recording
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::fixture::recording;
    use super::*;

    #[test]
    fn the_extension_names_the_format() {
        assert_eq!(ExportFormat::of(Path::new("a/b.SRT")).unwrap(), ExportFormat::Srt);
        assert_eq!(ExportFormat::of(Path::new("b.html")).unwrap(), ExportFormat::Html);
        let refusal = ExportFormat::of(Path::new("out.pdf")).unwrap_err();
        insta::assert_snapshot!(refusal, @"an export ends in .srt, .vtt, .jsonl, .md or .html, found out.pdf");
        assert!(ExportFormat::of(Path::new("srt")).is_err());
    }

    #[test]
    fn a_target_is_checked_before_the_session() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none").join("a.srt");
        assert!(matches!(ExportTarget::new(missing), Err(ExportError::NoFolder { .. })));
        let taken = folder.path().join("taken.md");
        fs::create_dir(&taken).unwrap();
        assert!(matches!(ExportTarget::new(taken), Err(ExportError::IsFolder { .. })));
    }

    #[test]
    fn a_file_replaces_an_older_one_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        fs::write(&path, "old").unwrap();
        let recording = recording(&[(1.0, "Hello.", None)]);
        ExportTarget::new(&path).unwrap().write(&recording).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), jsonl::render(&recording));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.srt");
        let target = ExportTarget::new(&path).unwrap();
        // The name is taken by a folder between the check and the writing: the last step fails.
        fs::create_dir(&path).unwrap();
        let error = target.write(&recording(&[])).unwrap_err();
        assert!(matches!(error, ExportError::Write { .. }), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the folder that was in the way");
        fs::remove_dir(&path).unwrap();
        // The folder goes away: the first step fails.
        fs::remove_dir(folder.path()).unwrap();
        assert!(target.write(&recording(&[])).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_takes_no_file_is_known_before_the_session() {
        // No file can be made in /proc, not even by root.
        let refusal = ExportTarget::new("/proc/a.srt").unwrap_err();
        insta::assert_snapshot!(refusal, @"/proc/a.srt cannot be written: No such file or directory (os error 2)");
    }

    #[test]
    fn looking_at_a_target_leaves_nothing_and_harms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.srt");
        fs::write(&path, "old").unwrap();
        ExportTarget::new(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_readable_as_any_other() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, ordinary) = (folder.path().join("a.md"), folder.path().join("ordinary"));
        ExportTarget::new(&path).unwrap().write(&recording(&[])).unwrap();
        fs::write(&ordinary, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&ordinary));
    }
}
