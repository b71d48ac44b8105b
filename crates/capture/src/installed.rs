use std::path::PathBuf;

use crate::CaptureError;
use crate::ffmpeg::Tools;

/// A program that sources need, as it is on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledTool {
    /// `ffmpeg` or `ffprobe`.
    pub program: &'static str,
    /// Where it lies; its bare name where the system finds it in a place of its own.
    pub path: PathBuf,
    /// As it states it, such as `5.1.9-0+deb12u1` or `N-113000-g1234567`.
    pub version: String,
}

impl InstalledTool {
    /// The oldest major version that video files are read with.
    pub const MIN_MAJOR_VERSION: u32 = 4;

    /// Whether it is too old; a build from a snapshot, which has no number, is not.
    pub fn is_too_old(&self) -> bool {
        let major = self.version.trim_start_matches('n').split(['.', '-']).next().and_then(|part| part.parse().ok());
        major.is_some_and(|major: u32| major < Self::MIN_MAJOR_VERSION)
    }
}

/// The programs that video files are read with, each run to ask for its version.
pub fn installed_tools() -> [(&'static str, Result<InstalledTool, CaptureError>); 2] {
    let tools = Tools::find();
    ["ffmpeg", "ffprobe"].map(|program| (program, tools.installed(program)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_of_this_machine_tell_their_version() {
        for (program, found) in installed_tools() {
            let found = found.unwrap();
            assert_eq!(found.program, program);
            assert!(found.path.is_file() && !found.version.is_empty() && !found.is_too_old(), "{found:?}");
        }
    }

    #[test]
    fn versions_of_every_kind_are_compared() {
        let is_too_old = |version: &str| {
            InstalledTool { program: "ffmpeg", path: "ffmpeg".into(), version: version.into() }.is_too_old()
        };
        assert!(is_too_old("3.4.11-0ubuntu0.1") && is_too_old("n2.8"));
        assert!(!is_too_old("4.4.2") && !is_too_old("n7.1") && !is_too_old("N-113000-g1234567") && !is_too_old("8.0"));
    }

    #[test]
    fn a_missing_program_is_named() {
        let err = Tools::fake_missing().installed("ffprobe").unwrap_err();
        assert!(matches!(err, CaptureError::FfmpegMissing("ffprobe")), "{err}");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_is_something_else_is_refused() {
        for (path, says) in [("/bin/true", "says nothing"), ("/bin/false", "exit"), ("/bin/echo", "ffmpeg version")] {
            let err = Tools::fake(path).installed("ffmpeg").unwrap_err();
            assert!(err.to_string().starts_with("ffmpeg does not run: "), "{err}");
            assert!(err.to_string().contains(says), "{err}");
        }
    }
}
