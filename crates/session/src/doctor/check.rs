use serde::{Deserialize, Serialize};
use souffleur_core::Hint;

/// The form of [`Diagnosis`] as JSON.
const FORMAT: u32 = 1;

/// How a thing was found, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// Neither good nor bad: said so that it is known.
    Info,
    /// It works, with something to look at.
    Warning,
    /// Something cannot be done before it is mended.
    Failed,
}

impl CheckStatus {
    /// As JSON writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at, such as `ffmpeg` or `model kitchen`.
    pub name: String,
    /// How it was found.
    pub status: CheckStatus,
    /// What was found: version and place, or what is wrong.
    pub found: String,
    /// The mend, in the imperative; on every warning and failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Check {
    pub(super) fn new(
        name: impl Into<String>,
        status: CheckStatus,
        found: impl Into<String>,
        hint: Option<String>,
    ) -> Self {
        Self { name: name.into(), status, found: found.into(), hint }
    }

    pub(super) fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, CheckStatus::Ok, found, None)
    }

    pub(super) fn info(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, CheckStatus::Info, found, None)
    }

    pub(super) fn failed(name: impl Into<String>, err: &impl Hint) -> Self {
        Self::new(name, CheckStatus::Failed, err.to_string(), Some(err.hint()))
    }
}

/// Everything that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The form of this object.
    pub version: u32,
    /// In the order in which they should be mended.
    pub checks: Vec<Check>,
    /// The worst of them; what is only said counts as ok.
    pub status: CheckStatus,
}

impl Diagnosis {
    pub(super) fn new(checks: Vec<Check>) -> Self {
        let judged = checks.iter().map(|check| check.status).filter(|status| *status != CheckStatus::Info);
        let status = judged.max().unwrap_or(CheckStatus::Ok);
        Self { version: FORMAT, checks, status }
    }

    /// The names of what failed.
    pub fn failed(&self) -> Vec<&str> {
        let failed = self.checks.iter().filter(|check| check.status == CheckStatus::Failed);
        failed.map(|check| check.name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_what_is_only_said_does_not() {
        let status = |statuses: &[CheckStatus]| {
            Diagnosis::new(statuses.iter().map(|&status| Check::new("a", status, "b", None)).collect()).status
        };
        assert_eq!(status(&[]), CheckStatus::Ok);
        assert_eq!(status(&[CheckStatus::Info, CheckStatus::Ok]), CheckStatus::Ok);
        assert_eq!(status(&[CheckStatus::Info]), CheckStatus::Ok);
        assert_eq!(status(&[CheckStatus::Failed, CheckStatus::Warning]), CheckStatus::Failed);
    }

    #[test]
    fn the_json_is_what_was_promised() {
        let checks =
            vec![Check::ok("ffmpeg", "7"), Check::new("disk", CheckStatus::Warning, "1 MiB", Some("x".into()))];
        let diagnosis = Diagnosis::new(checks);
        let json = serde_json::to_string(&diagnosis).unwrap();
        assert_eq!(
            json,
            r#"{"version":1,"checks":[{"name":"ffmpeg","status":"ok","found":"7"},{"name":"disk","status":"warning","found":"1 MiB","hint":"x"}],"status":"warning"}"#
        );
        assert_eq!(serde_json::from_str::<Diagnosis>(&json).unwrap(), diagnosis);
        for status in [CheckStatus::Ok, CheckStatus::Info, CheckStatus::Warning, CheckStatus::Failed] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
