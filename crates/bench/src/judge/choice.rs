use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::server::{Endpoint, Key, MODEL_VARIABLE, Prompt, ServerJudge, ServerSettings};
use super::{EmbeddedJudge, ExactJudge, Judge, JudgeError, JudgeProgress};
use crate::{BenchError, ScoresJudge};

/// Who judges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum JudgeChoice {
    /// By the words alone.
    #[default]
    Exact,
    /// A file of scores.
    Scores(PathBuf),
    /// Sentence embeddings on this machine; the encoder's folder, or the one `cargo xtask judge-model` fills.
    Embedded(Option<PathBuf>),
    /// A model behind an OpenAI-compatible address. The only judge that sends anything anywhere.
    Server(Endpoint),
}

impl FromStr for JudgeChoice {
    type Err = JudgeError;

    /// A judge as on the command line: `exact`, `embedded`, `embedded=DIR`, `http(s)://…[?model=NAME]`.
    fn from_str(typed: &str) -> Result<Self, JudgeError> {
        match typed {
            "exact" => Ok(Self::Exact),
            "embedded" => Ok(Self::Embedded(None)),
            _ => match typed.strip_prefix("embedded=").filter(|folder| !folder.is_empty()) {
                Some(folder) => Ok(Self::Embedded(Some(folder.into()))),
                None if typed.starts_with("http://") || typed.starts_with("https://") => {
                    typed.parse().map(Self::Server)
                }
                None => Err(JudgeError::Spec { typed: typed.to_owned(), reason: String::new() }),
            },
        }
    }
}

/// How a judge on a server is asked. The others need none of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgeSettings {
    /// Replaces the prompt for grades; must hold `{gold}` and `{reply}`, may hold `{question}`.
    pub score_prompt: Option<PathBuf>,
    /// Replaces the prompt for duplicates; must hold `{earlier}` and `{reply}`.
    pub duplicate_prompt: Option<PathBuf>,
    /// The file of answers; by default one in the program's data folder, shared by all runs.
    pub cache: Option<PathBuf>,
    /// Requests at a time.
    pub concurrency: usize,
    /// How long one request may take.
    pub timeout: Duration,
    /// Tries a question, the first included.
    pub max_tries: u32,
    /// Told how far the questions are.
    pub progress: JudgeProgress,
}

/// Eight requests at a time, a minute each, five tries.
impl Default for JudgeSettings {
    fn default() -> Self {
        Self {
            score_prompt: None,
            duplicate_prompt: None,
            cache: None,
            concurrency: 8,
            timeout: Duration::from_secs(60),
            max_tries: 5,
            progress: JudgeProgress::default(),
        }
    }
}

impl JudgeChoice {
    /// The judge itself. The caller gives it all items by [`Judge::prepare`], scores, and calls [`Judge::finish`].
    ///
    /// # Errors
    /// When its file, prompt, encoder or key cannot be used. Nothing is sent yet.
    pub fn open(&self, settings: &JudgeSettings) -> Result<Box<dyn Judge>, BenchError> {
        Ok(match self {
            Self::Exact => Box::new(ExactJudge),
            Self::Scores(path) => Box::new(ScoresJudge::read(path)?),
            Self::Embedded(folder) => Box::new(EmbeddedJudge::open(folder.as_deref())?),
            Self::Server(endpoint) => Box::new(open_server(endpoint, settings)?),
        })
    }
}

fn open_server(endpoint: &Endpoint, settings: &JudgeSettings) -> Result<ServerJudge, JudgeError> {
    let of_environment = || std::env::var(MODEL_VARIABLE).ok().filter(|name| !name.trim().is_empty());
    let model = endpoint.model.clone().or_else(of_environment);
    let model = model.ok_or_else(|| JudgeError::NoModel { server: endpoint.shown.clone() })?;
    let prompt = |path: &Option<PathBuf>, places: &[&str], default: fn() -> Prompt| match path {
        Some(path) => Prompt::read(path, places),
        None => Ok(default()),
    };
    let cache = settings.cache.clone().or_else(|| Some(souffleur_engine::data_dir()?.join("judge-answers.jsonl")));
    let no_folder = || JudgeError::Cache {
        path: "judge-answers.jsonl".into(),
        cause: std::io::Error::new(std::io::ErrorKind::NotFound, "this user has no folder for data"),
    };
    let settings = ServerSettings {
        score_prompt: prompt(&settings.score_prompt, &["gold", "reply"], Prompt::score)?,
        duplicate_prompt: prompt(&settings.duplicate_prompt, &["earlier", "reply"], Prompt::duplicate)?,
        cache: cache.ok_or_else(no_folder)?,
        concurrency: settings.concurrency,
        timeout: settings.timeout,
        max_tries: settings.max_tries.max(1),
        progress: settings.progress.clone(),
    };
    ServerJudge::new(endpoint.clone(), model, Key::from_environment()?, settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_by_name() {
        assert_eq!("exact".parse::<JudgeChoice>().unwrap(), JudgeChoice::Exact);
        assert_eq!("embedded".parse::<JudgeChoice>().unwrap(), JudgeChoice::Embedded(None));
        assert_eq!("embedded=a/b".parse::<JudgeChoice>().unwrap(), JudgeChoice::Embedded(Some("a/b".into())));
        let JudgeChoice::Server(endpoint) = "http://localhost:1/v1?model=m".parse().unwrap() else { panic!() };
        assert_eq!(
            (endpoint.url.as_str(), endpoint.model.as_deref()),
            ("http://localhost:1/v1/chat/completions", Some("m"))
        );
        for typed in ["", "Exact", "embedded=", "gpt-5", "ftp://x", "localhost:8000"] {
            let message = typed.parse::<JudgeChoice>().unwrap_err().to_string();
            assert!(message.ends_with(&format!("found {typed:?}")), "{message}");
        }
    }

    #[test]
    fn what_is_missing_is_told_before_anything_is_sent() {
        let judge: JudgeChoice = "embedded=/nowhere".parse().unwrap();
        let message = judge.open(&JudgeSettings::default()).err().unwrap().to_string();
        assert_eq!(message, "the embedded judge's sentence encoder is expected in /nowhere, and is not there");
        let settings = JudgeSettings { score_prompt: Some("/nowhere/prompt.txt".into()), ..JudgeSettings::default() };
        let judge: JudgeChoice = "http://localhost:1/v1?model=m".parse().unwrap();
        let message = judge.open(&settings).err().unwrap().to_string();
        assert!(message.starts_with("the prompt /nowhere/prompt.txt cannot be used: "), "{message}");
    }
}
