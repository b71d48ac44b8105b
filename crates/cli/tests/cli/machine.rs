//! Runs the program in a folder of its own and looks at what is left.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long an error may take.
const ERROR_WITHIN: Duration = Duration::from_secs(5);

/// The program: the one that `SOUFFLEUR_PROGRAM` names (`cargo xtask test` names the release build, which is what
/// users get), or else the one that cargo built for these tests.
pub fn program() -> PathBuf {
    std::env::var_os("SOUFFLEUR_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_souffleur").into(), PathBuf::from)
}

/// A folder in which the program runs.
pub struct Machine {
    folder: TempDir,
}

impl Machine {
    pub fn new() -> Self {
        Self { folder: TempDir::with_prefix("souffleur-cli-").unwrap() }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the folder and gives its name.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Every file and folder in it, by its path.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                found.insert(path.strip_prefix(self.folder.path()).unwrap().to_owned());
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
        found
    }

    /// The program with these arguments, to run in the folder.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(program());
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null()).env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs the program with arguments written on one line; those with spaces in them stand in `'…'`.
    pub fn run(&self, line: &str) -> Ended {
        self.run_command(self.command(words(line)))
    }

    pub fn run_command(&self, mut command: Command) -> Ended {
        let started = Instant::now();
        let output = command.output().unwrap();
        Ended::new(output, started.elapsed(), self.folder.path())
    }

    /// Runs what must fail: with this exit code, two lines on standard error and no file more than before.
    pub fn fails(&self, code: i32, line: &str) -> String {
        self.fails_command(code, self.command(words(line)))
    }

    pub fn fails_command(&self, code: i32, command: Command) -> String {
        let before = self.files();
        let ended = self.run_command(command);
        assert_eq!(self.files(), before, "nothing is left behind");
        let error = ended.error();
        assert_eq!(ended.stderr.trim_end(), error, "the two lines and nothing else");
        assert_eq!(ended.code, code, "{error}");
        error
    }
}

fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(idx, part)| match idx % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

/// A run that is over. Paths into its folder read `[HERE]`.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Ended {
    fn new(output: Output, took: Duration, folder: &Path) -> Self {
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(&format!("{}/", folder.display()), "[HERE]/").replace(&folder.display().to_string(), "[HERE]")
        };
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            took,
        }
    }

    /// The run's standard output, if it went well.
    pub fn ok(&self) -> &str {
        assert_eq!(self.code, 0, "{}", self.stderr);
        &self.stdout
    }

    /// The two lines every failed run ends with.
    pub fn error(&self) -> String {
        let lines: Vec<&str> = self.stderr.lines().collect();
        for (prefix, from_end) in [("error: ", 2), ("hint: ", 1)] {
            let places: Vec<_> = lines.iter().enumerate().filter(|(_, line)| line.starts_with(prefix)).collect();
            assert!(places.len() == 1 && places[0].0 == lines.len() - from_end, "{prefix}\n{}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked") && !self.stderr.contains(".rs:"), "{}", self.stderr);
        assert!(self.took < ERROR_WITHIN, "took {:?}\n{}", self.took, self.stderr);
        lines[lines.len() - 2..].join("\n")
    }

    /// Standard output as JSON lines.
    pub fn events(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The events of one type.
    pub fn events_of(&self, kind: &str) -> Vec<serde_json::Value> {
        self.events().into_iter().filter(|event| event["type"] == kind).collect()
    }

    /// `time text` of each reply among the events.
    pub fn replies(&self) -> Vec<String> {
        let replies = self.events_of("reply").into_iter();
        replies.map(|reply| format!("{} {}", reply["time"], reply["text"].as_str().unwrap())).collect()
    }
}
