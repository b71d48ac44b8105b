//! `generation_config.json`: where a reply ends.

use crate::ModelError;
use crate::json::{self, Section};

const FILE: &str = "generation_config.json";

/// The part of the generation defaults that belongs to the checkpoint. How tokens are chosen is the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationConfig {
    /// Any of these ends a reply; at least one.
    pub eos_token_ids: Vec<u32>,
}

impl GenerationConfig {
    /// Reads `generation_config.json`; `eos_token_id` is one id or a list.
    ///
    /// # Errors
    /// When the bytes are not a JSON object or name no end token.
    pub fn from_json(json: &[u8]) -> Result<Self, ModelError> {
        let value = json::parse(FILE, json)?;
        let top = Section::top(FILE, &value)?;
        let eos_token_ids = match top.get("eos_token_id") {
            Some(list) if list.is_array() => {
                let ids = top.integers("eos_token_id", 0..=u64::from(u32::MAX))?;
                ids.into_iter().map(|id| id as u32).collect()
            }
            _ => vec![top.token_id("eos_token_id")?],
        };
        if eos_token_ids.is_empty() {
            return Err(top.wrong("eos_token_id", "at least one token id", "[]"));
        }
        Ok(Self { eos_token_ids })
    }

    /// Whether a token ends the reply.
    pub fn is_eos(&self, token_id: u32) -> bool {
        self.eos_token_ids.contains(&token_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_end_token_or_several() {
        assert_eq!(GenerationConfig::from_json(br#"{"eos_token_id": 7}"#).unwrap().eos_token_ids, [7]);
        let several = GenerationConfig::from_json(br#"{"eos_token_id": [7, 3], "do_sample": false}"#).unwrap();
        assert!(several.is_eos(3) && several.is_eos(7) && !several.is_eos(0));
    }

    #[test]
    fn none_is_refused() {
        for json in ["{}", r#"{"eos_token_id": []}"#, r#"{"eos_token_id": [-1]}"#, r#"{"eos_token_id": "x"}"#] {
            let message = GenerationConfig::from_json(json.as_bytes()).unwrap_err().to_string();
            assert!(message.starts_with("generation_config.json: eos_token_id must be "), "{message}");
        }
    }
}
