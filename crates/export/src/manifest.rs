//! What a checkpoint does not say about itself, and where it comes from instead.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use souffleur_core::one_line;
use souffleur_model::names::files;
use souffleur_model::{Card, MANIFEST_FORMAT, Manifest, ModelConfig, ModelError, PreprocessorConfig, Weights};

use crate::ExportError;
use crate::licence::licence_by_shape;

/// The manifest's fields that a checkpoint does not know. What is `None` is looked for in `souffleur.toml` of the
/// checkpoint's folder, and then has the default named here, which suits the released MMDuet2 checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ManifestDefaults {
    /// Default: the name of the output folder.
    pub name: Option<String>,
    /// Default: the prompt MMDuet2 was trained and evaluated with (released code).
    pub system_prompt: Option<String>,
    /// Default: `NO REPLY` (MMDuet2 §3).
    pub silence_text: Option<String>,
    /// Default: 1 s.
    pub frame_interval_secs: Option<f64>,
    /// Default: 1.
    pub frames_per_turn: Option<u32>,
    /// Default: that of `preprocessor_config.json`.
    pub min_pixels: Option<u64>,
    /// Default: that of `preprocessor_config.json`, but 100,352 at most: the 128 tokens a frame of MMDuet2's SFT.
    pub max_pixels: Option<u64>,
    /// Default: 60, the longest span of MMDuet2's reinforcement learning at a turn a second.
    pub trained_turns: Option<u32>,
    /// Default: 8192, about what those turns take.
    pub trained_tokens: Option<u32>,
    /// Default: 16,384, or `max_position_embeddings` where that is less.
    pub context_tokens: Option<u32>,
    /// Default: 0.
    pub default_eagerness: Option<f32>,
    /// Default: the name of the checkpoint's folder.
    pub source: Option<String>,
    /// Default: by the model's shape, see [`licence_by_shape`].
    pub licence: Option<String>,
    /// Default: by the model's shape where `licence` is, too.
    pub licence_note: Option<String>,
    /// Default: empty.
    pub card: Option<Card>,
}

const MMDUET2_SYSTEM_PROMPT: &str = "You are a helpful assistant. Your task is to answer questions based on \
    continuously incoming video frames. Your responses should include information from the video since your last \
    reply (if any). If the information in this segment of the video cannot answer the question, output \"NO REPLY\".";
const MMDUET2_SFT_MAX_PIXELS: u64 = 128 * 28 * 28;

impl ManifestDefaults {
    /// Reads the fields of a TOML file: a whole `souffleur.toml`, or any part of one.
    ///
    /// # Errors
    /// When it is not TOML or a value is of the wrong type.
    pub fn from_toml(bytes: &[u8]) -> Result<Self, ModelError> {
        let syntax = |reason: String| ModelError::Syntax { file: files::MANIFEST.into(), format: "TOML", reason };
        let text = std::str::from_utf8(bytes).map_err(|err| syntax(err.to_string()))?;
        toml::from_str(text).map_err(|err| syntax(one_line(err.message())))
    }

    /// These fields, and where they are `None` those of `souffleur.toml` in the checkpoint's folder.
    pub(crate) fn or_from(self, src: &Path) -> Result<Self, ExportError> {
        let path = src.join(files::MANIFEST);
        let other = match std::fs::read(&path) {
            Ok(bytes) => Self::from_toml(&bytes)?,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(err) => return Err(ExportError::read(path)(err)),
        };
        // A licence and its note belong together: a stated licence without a note has none.
        let licence_note =
            if self.licence.is_some() { self.licence_note } else { self.licence_note.or(other.licence_note) };
        Ok(Self {
            name: self.name.or(other.name),
            system_prompt: self.system_prompt.or(other.system_prompt),
            silence_text: self.silence_text.or(other.silence_text),
            frame_interval_secs: self.frame_interval_secs.or(other.frame_interval_secs),
            frames_per_turn: self.frames_per_turn.or(other.frames_per_turn),
            min_pixels: self.min_pixels.or(other.min_pixels),
            max_pixels: self.max_pixels.or(other.max_pixels),
            trained_turns: self.trained_turns.or(other.trained_turns),
            trained_tokens: self.trained_tokens.or(other.trained_tokens),
            context_tokens: self.context_tokens.or(other.context_tokens),
            default_eagerness: self.default_eagerness.or(other.default_eagerness),
            source: self.source.or(other.source),
            licence: self.licence.or(other.licence),
            licence_note,
            card: self.card.or(other.card),
        })
    }

    /// The manifest of a model, without its files yet.
    pub(crate) fn manifest(
        self,
        config: &ModelConfig,
        preprocessor: &PreprocessorConfig,
        weights: Weights,
        src: &Path,
        out: &Path,
    ) -> Manifest {
        let by_shape = licence_by_shape(&config.text);
        let (licence, licence_note) = match self.licence {
            Some(licence) => (licence, self.licence_note),
            None => (by_shape.name.to_owned(), self.licence_note.or(by_shape.note.map(str::to_owned))),
        };
        let min_pixels = self.min_pixels.unwrap_or(preprocessor.min_pixels);
        let max_pixels =
            self.max_pixels.unwrap_or_else(|| preprocessor.max_pixels.min(MMDUET2_SFT_MAX_PIXELS).max(min_pixels));
        let max_context_tokens = config.text.max_position_embeddings as u32;
        Manifest {
            format: MANIFEST_FORMAT,
            name: self.name.unwrap_or_else(|| folder_name(out)),
            system_prompt: self.system_prompt.unwrap_or_else(|| MMDUET2_SYSTEM_PROMPT.to_owned()),
            silence_text: self.silence_text.unwrap_or_else(|| "NO REPLY".to_owned()),
            frame_interval_secs: self.frame_interval_secs.unwrap_or(1.0),
            frames_per_turn: self.frames_per_turn.unwrap_or(1),
            min_pixels,
            max_pixels,
            trained_turns: self.trained_turns.unwrap_or(60),
            trained_tokens: self.trained_tokens.unwrap_or(8192),
            context_tokens: self.context_tokens.unwrap_or(16_384.min(max_context_tokens)),
            default_eagerness: self.default_eagerness.unwrap_or(0.0),
            weights,
            source: self.source.unwrap_or_else(|| folder_name(src)),
            licence,
            licence_note,
            card: self.card.unwrap_or_default(),
            files: BTreeMap::new(),
        }
    }
}

/// The last part of a path that has a name, as a manifest can carry it.
fn folder_name(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned());
    name.replace(|c: char| c.is_control() || c == '\\', "-")
}
