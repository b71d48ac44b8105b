//! Where a judge server is, and who asks.

use std::fmt;
use std::str::FromStr;

use ureq::http::Uri;

use crate::JudgeError;

/// Environment variable with the key; sent as `Authorization: Bearer …`, kept out of everything else.
pub const KEY_VARIABLE: &str = "SOUFFLEUR_JUDGE_KEY";
/// Environment variable with the model's name, where the address has none.
pub const MODEL_VARIABLE: &str = "SOUFFLEUR_JUDGE_MODEL";

const PATH: &str = "/chat/completions";

/// An OpenAI-compatible server as the user typed it: `http(s)://HOST[:PORT]/PATH[?model=NAME]`. `/chat/completions` is
/// added to a path that does not end in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address that is called.
    pub url: String,
    /// The address as it may be shown: no query, which may hold secrets.
    pub shown: String,
    /// The model from the query.
    pub model: Option<String>,
    /// Whether this very machine is meant, so that no proxy may come between.
    pub is_local: bool,
}

impl FromStr for Endpoint {
    type Err = JudgeError;

    fn from_str(typed: &str) -> Result<Self, JudgeError> {
        let (address, query) = typed.split_once('?').unwrap_or((typed, ""));
        // What is shown may lack what is secret, so the address without its query and user stands for it.
        let wrong = |reason: &str| JudgeError::Spec {
            typed: address.rsplit_once('@').map_or(address, |(_, host)| host).to_owned(),
            reason: format!(": {reason}"),
        };
        let uri: Uri = address.parse().map_err(|_| wrong("it is no address"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("it must begin with http:// or https://"));
        }
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        if authority.contains('@') {
            return Err(wrong("a name or password does not belong into the address"));
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it has no host"))?;
        let is_local = host == "localhost" || host.starts_with("127.") || host == "[::1]";
        let base = address.trim_end_matches('/');
        let shown = if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") };
        let mut model = None;
        let mut others = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.strip_prefix("model=") {
                Some(name) => model = Some(percent_decoded(name).ok_or_else(|| wrong("its model is no UTF-8"))?),
                None => others.push(pair),
            }
        }
        let url = if others.is_empty() { shown.clone() } else { format!("{shown}?{}", others.join("&")) };
        Ok(Self { url, shown, model: model.filter(|name| !name.is_empty()), is_local })
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A secret: never shown, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key, checked to fit into a header.
    ///
    /// # Errors
    /// When it holds anything but printable ASCII.
    pub fn new(text: &str) -> Result<Self, JudgeError> {
        let text = text.trim();
        if text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            Ok(Self(text.to_owned()))
        } else {
            Err(JudgeError::Key)
        }
    }

    /// The key of `SOUFFLEUR_JUDGE_KEY`, if it is set and not empty.
    ///
    /// # Errors
    /// As [`Key::new`].
    pub fn from_environment() -> Result<Option<Self>, JudgeError> {
        match std::env::var(KEY_VARIABLE) {
            Ok(text) if text.trim().is_empty() => Ok(None),
            Ok(text) => Self::new(&text).map(Some),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(JudgeError::Key),
        }
    }

    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// A server may repeat the key in its answer.
    pub(super) fn removed_from(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "[key]") }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([hidden])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let endpoint: Endpoint = "http://localhost:8000/v1/?model=Qwen%2FQ+3:8b&api-version=2".parse().unwrap();
        assert_eq!(endpoint.url, "http://localhost:8000/v1/chat/completions?api-version=2");
        assert_eq!(endpoint.shown, "http://localhost:8000/v1/chat/completions");
        assert_eq!((endpoint.model.as_deref(), endpoint.is_local), (Some("Qwen/Q+3:8b"), true));
        let endpoint: Endpoint = "https://judge.example/v1/chat/completions".parse().unwrap();
        assert_eq!((endpoint.url.as_str(), endpoint.model, endpoint.is_local), (endpoint.shown.as_str(), None, false));
    }

    #[test]
    fn what_is_no_address_is_told_without_its_secrets() {
        for typed in ["http://", "https:///v1", "ftp://host", "http://host name", "http://user:secret@host/v1?k=secret"]
        {
            let message = typed.parse::<Endpoint>().unwrap_err().to_string();
            assert!(message.starts_with("a judge is exact") && !message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = Key::new(" sk-123 ").unwrap();
        assert_eq!((format!("{key:?}").as_str(), key.header().as_str()), ("Key([hidden])", "Bearer sk-123"));
        assert_eq!(key.removed_from("no such key: sk-123."), "no such key: [key].");
        let message = Key::new("sk\n123").unwrap_err().to_string();
        assert!(!message.contains("123"), "{message}");
    }
}
