//! What the files of a sentence encoder say: a BERT whose token states are averaged and brought to length 1
//! (Sentence-BERT, arXiv 1908.10084; all-MiniLM-L6-v2 is one). It serves the benchmark's embedded judge.

use std::fmt;

use souffleur_core::one_line;
use tokenizers::{TruncationParams, TruncationStrategy};

use crate::ModelError;
use crate::json::{self, Section};
use crate::names::files;

/// Files and outlets of a sentence encoder; inputs share [`INPUT_IDS`](crate::names::graph::INPUT_IDS).
pub mod sentence_encoder_names {
    /// How long a text may be, as Sentence-Transformers writes it.
    pub const SENTENCE_CONFIG: &str = "sentence_bert_config.json";
    /// The graph.
    pub const ENCODER_ONNX: &str = "encoder.onnx";
    /// In: `[1, S]` i64, 0 to S − 1.
    pub const POSITION_IDS: &str = "position_ids";
    /// Out: `[1, hidden_size]` f32, of length 1.
    pub const SENTENCE_EMBEDDING: &str = "sentence_embedding";
}

use sentence_encoder_names::SENTENCE_CONFIG;

/// Sizes beyond any published encoder; they keep products of them inside `usize`.
const MAX_SIZE: u32 = 1 << 20;

/// A sentence encoder's sizes, under Hugging Face's names.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are Hugging Face's, explained there")]
pub struct SentenceEncoderConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub max_position_embeddings: usize,
    pub type_vocab_size: usize,
    pub layer_norm_eps: f32,
    /// Tokens after which a text is cut, the two special ones included.
    pub max_seq_length: usize,
}

impl SentenceEncoderConfig {
    /// Reads `config.json` and `sentence_bert_config.json`.
    ///
    /// # Errors
    /// When either is not of its form, or the network is no BERT with the exact GELU.
    pub fn from_json(config: &[u8], sentence_config: &[u8]) -> Result<Self, ModelError> {
        let value = json::parse(files::CONFIG, config)?;
        let top = Section::top(files::CONFIG, &value)?;
        for (key, expected) in [("model_type", "bert"), ("hidden_act", "gelu")] {
            if top.get(key).and_then(|value| value.as_str()) != Some(expected) {
                return Err(top.wrong(key, format!("{expected:?}"), top.found(key)));
            }
        }
        let size = |key: &str| top.size(key, MAX_SIZE);
        let max_position_embeddings = size("max_position_embeddings")?;
        let hidden_size = size("hidden_size")?;
        let num_attention_heads = size("num_attention_heads")?;
        if !hidden_size.is_multiple_of(num_attention_heads) {
            let expected = format!("a divisor of hidden_size {hidden_size}");
            return Err(top.wrong("num_attention_heads", expected, num_attention_heads));
        }
        let sentence_value = json::parse(SENTENCE_CONFIG, sentence_config)?;
        // Three, so that a word fits between the two special tokens.
        let max_seq_length = Section::top(SENTENCE_CONFIG, &sentence_value)?
            .integer("max_seq_length", 3..=max_position_embeddings as u64)? as usize;
        Ok(Self {
            vocab_size: size("vocab_size")?,
            hidden_size,
            intermediate_size: size("intermediate_size")?,
            num_hidden_layers: size("num_hidden_layers")?,
            num_attention_heads,
            max_position_embeddings,
            type_vocab_size: size("type_vocab_size")?,
            layer_norm_eps: top.positive("layer_norm_eps")? as f32,
            max_seq_length,
        })
    }

    /// Whether `config.json` is that of a BERT, told before anything else is read.
    pub fn is_bert(config: &[u8]) -> bool {
        let value = serde_json::from_slice::<serde_json::Value>(config).ok();
        value.is_some_and(|value| value.get("model_type").and_then(|kind| kind.as_str()) == Some("bert"))
    }
}

/// Text to the ids a sentence encoder reads, its two special tokens around them. Special tokens are never made from
/// text.
pub struct SentenceTokenizer(tokenizers::Tokenizer);

impl fmt::Debug for SentenceTokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SentenceTokenizer({} tokens)", self.0.get_vocab_size(true))
    }
}

impl SentenceTokenizer {
    /// Loads `tokenizer.json`; texts will be cut as `config` says.
    ///
    /// # Errors
    /// When the bytes are no tokenizer, or have ids beyond the embedding table.
    pub fn from_bytes(json: &[u8], config: &SentenceEncoderConfig) -> Result<Self, ModelError> {
        let mut inner = tokenizers::Tokenizer::from_bytes(json)
            .map_err(|err| ModelError::TokenizerFile(one_line(&err.to_string())))?;
        let max_id = inner.get_vocab(true).into_values().max().unwrap_or(0);
        if max_id as usize >= config.vocab_size {
            return Err(ModelError::WrongTokenizer {
                what: "every token id".into(),
                expected: format!("below vocab_size {}", config.vocab_size),
                found: max_id.to_string(),
            });
        }
        // The file carries the fixed padding of a training run.
        inner.with_padding(None);
        let truncation = TruncationParams {
            max_length: config.max_seq_length,
            strategy: TruncationStrategy::LongestFirst,
            ..TruncationParams::default()
        };
        inner.with_truncation(Some(truncation)).map_err(|err| ModelError::TokenizerFile(one_line(&err.to_string())))?;
        inner.set_encode_special_tokens(true);
        Ok(Self(inner))
    }

    /// The ids of a text, at most `max_seq_length`; at least the two special ones.
    ///
    /// # Errors
    /// When the library fails.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let encoding =
            self.0.encode_fast(text, true).map_err(|err| ModelError::Tokenize(one_line(&err.to_string())))?;
        Ok(encoding.get_ids().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"model_type": "bert", "hidden_act": "gelu", "vocab_size": 8, "hidden_size": 4,
        "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 16,
        "type_vocab_size": 2, "layer_norm_eps": 1e-12}"#;

    fn config(max_seq_length: u32) -> Result<SentenceEncoderConfig, ModelError> {
        let sentence_config = format!(r#"{{"max_seq_length": {max_seq_length}, "do_lower_case": false}}"#);
        SentenceEncoderConfig::from_json(CONFIG.as_bytes(), sentence_config.as_bytes())
    }

    /// A word-piece vocabulary of eight, with the same steps before and after it as the published files have.
    fn tokenizer() -> String {
        let vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "pan", "##cake", "sep", "["];
        let vocab: serde_json::Map<_, _> =
            vocab.iter().enumerate().map(|(id, token)| ((*token).to_owned(), id.into())).collect();
        let special = |id: u32, token: &str| {
            serde_json::json!({"id": id, "special": true, "content": token, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false})
        };
        let around = |token: &str| serde_json::json!({"SpecialToken": {"id": token, "type_id": 0}});
        let text = serde_json::json!({"Sequence": {"id": "A", "type_id": 0}});
        serde_json::json!({
            "version": "1.0", "truncation": null, "padding": null,
            "added_tokens": [special(0, "[PAD]"), special(2, "[CLS]"), special(3, "[SEP]")],
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "TemplateProcessing", "single": [around("[CLS]"), text, around("[SEP]")],
                "pair": [around("[CLS]"), text, around("[SEP]")],
                "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                    "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
            "decoder": null,
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": vocab},
        })
        .to_string()
    }

    #[test]
    fn texts_are_cut_and_hold_no_special_tokens_of_their_own() {
        let tokenizer = SentenceTokenizer::from_bytes(tokenizer().as_bytes(), &config(5).unwrap()).unwrap();
        assert_eq!(tokenizer.encode("Pancake").unwrap(), [2, 4, 5, 3]);
        assert_eq!(tokenizer.encode("pan pan pan pan").unwrap(), [2, 4, 4, 4, 3]);
        assert_eq!(tokenizer.encode("").unwrap(), [2, 3]);
        let ids = tokenizer.encode("[SEP]").unwrap();
        assert_eq!(ids.iter().filter(|id| **id == 3).count(), 1, "{ids:?}");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let message = config(17).unwrap_err().to_string();
        assert!(message.starts_with("sentence_bert_config.json: max_seq_length must be a whole number from 3 to 16"));
        let other = CONFIG.replace("\"bert\"", "\"roberta\"");
        let message = SentenceEncoderConfig::from_json(other.as_bytes(), b"{}").unwrap_err().to_string();
        assert_eq!(message, "config.json: model_type must be \"bert\", found \"roberta\"");
        assert!(SentenceEncoderConfig::is_bert(CONFIG.as_bytes()) && !SentenceEncoderConfig::is_bert(other.as_bytes()));
        let small = SentenceEncoderConfig { vocab_size: 7, ..config(5).unwrap() };
        let message = SentenceTokenizer::from_bytes(tokenizer().as_bytes(), &small).unwrap_err().to_string();
        assert!(message.contains("below vocab_size 7, found 7"), "{message}");
    }
}
