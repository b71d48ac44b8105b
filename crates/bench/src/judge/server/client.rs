//! One request to an OpenAI-compatible chat-completions endpoint, and what can come of it.

use std::time::Duration;

use serde::Deserialize;
use ureq::Agent;

use super::endpoint::{Endpoint, Key};

/// The longest answer in tokens: a digit or a word is expected.
const MAX_TOKENS: u32 = 32;
/// The largest body that is read: an answer of so few tokens takes a few kilobytes.
const MAX_BODY_BYTES: u64 = 1 << 20;
/// How much of a server's own words an error repeats.
const MAX_QUOTED_CHARS: usize = 200;

/// Talks to one server as one model.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    endpoint: Endpoint,
    model: String,
    key: Option<Key>,
}

/// What the model said, and what it cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

/// Why a request brought no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing came in time.
    TimedOut,
    /// No connection, or it ended too early.
    Broken(String),
    /// 429, with the `Retry-After` of the server.
    TooMany { retry_after: Option<String>, reason: String },
    /// 408 or 5xx.
    ServerError(String),
    /// 200, but no chat completion.
    Nonsense(String),
    /// This one request is refused, and always will be.
    BadRequest(String),
    /// Every request will be refused: wrong key, wrong address, wrong model.
    Refused(String),
}

impl Trouble {
    /// What happened, on one line.
    pub fn reason(&self) -> String {
        match self {
            Self::TimedOut => "no answer in time".into(),
            Self::TooMany { reason, .. } => reason.clone(),
            Self::Broken(reason)
            | Self::ServerError(reason)
            | Self::Nonsense(reason)
            | Self::BadRequest(reason)
            | Self::Refused(reason) => reason.clone(),
        }
    }
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

impl Client {
    pub fn new(endpoint: Endpoint, model: String, key: Option<Key>, timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would carry the texts to a server that nobody named.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(timeout));
        // Through a proxy, this machine would be another one.
        let config = if endpoint.is_local { config.proxy(None) } else { config };
        Self { agent: config.build().new_agent(), endpoint, model, key }
    }

    pub fn model(&self) -> &str {
        &self.model
    }

    /// The address as it may be shown.
    pub fn server(&self) -> &str {
        &self.endpoint.shown
    }

    /// Asks once.
    pub fn ask(&self, prompt: &str) -> Result<Answer, Trouble> {
        let body = serde_json::json!({
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
        });
        let mut request = self.agent.post(&self.endpoint.url).header("Content-Type", "application/json");
        if let Some(key) = &self.key {
            request = request.header("Authorization", key.header());
        }
        let mut response = request.send(body.to_string()).map_err(|err| self.trouble(&err))?;
        let status = response.status().as_u16();
        let retry_after =
            response.headers().get("Retry-After").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let bytes = response.body_mut().with_config().limit(MAX_BODY_BYTES).read_to_vec();
        match status {
            200 => self.answer(&bytes.map_err(|err| self.trouble(&err))?),
            _ => Err(self.refusal(status, retry_after, &bytes.unwrap_or_default())),
        }
    }

    fn answer(&self, bytes: &[u8]) -> Result<Answer, Trouble> {
        let nonsense = |what: &str| {
            Trouble::Nonsense(format!("a chat completion is expected, found {what}: {}", self.quoted(bytes)))
        };
        let completion: Completion =
            serde_json::from_slice(bytes).map_err(|err| nonsense(&format!("other text ({err})")))?;
        let choice = completion.choices.into_iter().next().ok_or_else(|| nonsense("no choice"))?;
        let Usage { prompt_tokens, completion_tokens } = completion.usage.unwrap_or_default();
        Ok(Answer { text: choice.message.content.unwrap_or_default(), prompt_tokens, completion_tokens })
    }

    fn refusal(&self, status: u16, retry_after: Option<String>, body: &[u8]) -> Trouble {
        let reason = format!("status {status}: {}", self.quoted(body));
        match status {
            429 => Trouble::TooMany { retry_after, reason },
            408 | 500.. => Trouble::ServerError(reason),
            300..=399 | 401 | 403..=407 | 410 => Trouble::Refused(reason),
            _ => Trouble::BadRequest(reason),
        }
    }

    fn trouble(&self, err: &ureq::Error) -> Trouble {
        match err {
            ureq::Error::Timeout(_) => Trouble::TimedOut,
            ureq::Error::BodyExceedsLimit(_) => Trouble::Nonsense(format!("more than {MAX_BODY_BYTES} bytes came")),
            _ => Trouble::Broken(self.quoted(err.to_string().as_bytes())),
        }
    }

    /// The beginning of what a server said, on one line and without the key.
    fn quoted(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        let text = self.key.as_ref().map_or_else(|| text.to_string(), |key| key.removed_from(&text));
        let words = text.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty());
        let line = words.collect::<Vec<_>>().join(" ");
        let quoted: String = line.chars().take(MAX_QUOTED_CHARS).collect();
        if quoted.is_empty() { "an empty body".into() } else { quoted }
    }
}
