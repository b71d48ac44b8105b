//! `souffleur.toml`: what a model folder says about itself beyond Hugging Face's files.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use souffleur_core::FrameGrid;

use crate::ModelError;
use crate::names::files;

/// The form of the manifest this program writes and reads.
pub const MANIFEST_FORMAT: u32 = 1;

/// What an eagerness may be, a manifest's or a user's: at either end one logit outweighs all others of any model.
pub const EAGERNESS_RANGE: RangeInclusive<f32> = -100.0..=100.0;

/// The manifest. What the dialogue was trained on is written here, never in code: the system prompt, the silence
/// text, the interval and the size of frames all belong to a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`].
    pub format: u32,
    /// What the model is called, such as `kitchen`.
    pub name: String,
    /// First message of every dialogue.
    pub system_prompt: String,
    /// The answer that means silence; trimmed, on one line.
    pub silence_text: String,
    /// Seconds between two frames, 0.001 to 3600.
    pub frame_interval_secs: f64,
    /// Frames a turn, 1 or 2.
    pub frames_per_turn: u32,
    /// A frame of fewer pixels is enlarged.
    pub min_pixels: u64,
    /// A frame of more pixels is shrunk.
    pub max_pixels: u64,
    /// Turns of the longest dialogue the model was trained on: the default window.
    pub trained_turns: u32,
    /// Tokens of that dialogue.
    pub trained_tokens: u32,
    /// Tokens the KV cache holds unless the user says otherwise.
    pub context_tokens: u32,
    /// Subtracted from the logit of the first silence token unless the user says otherwise; 0 is off.
    pub default_eagerness: f32,
    /// How the weights are stored.
    pub weights: Weights,
    /// Where the checkpoint came from.
    pub source: String,
    /// SPDX expression or the licence's name.
    pub licence: String,
    /// Set where the licence restricts use: what a user must know, on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence_note: Option<String>,
    /// What people should know before they trust the model.
    #[serde(default)]
    pub card: Card,
    /// SHA-256 of every other file, by its path in the folder with `/` between the parts.
    pub files: BTreeMap<String, String>,
}

/// What people should know before they trust a model. Every part is free text on one line and may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Card {
    /// What it is.
    pub summary: String,
    /// What it sees and knows.
    pub knows: String,
    /// What it does not.
    pub limits: String,
    /// How well it does, with the data and the metric.
    pub measured: String,
}

/// How the weights of a model are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 8-bit blocks.
    Int8,
    /// 4-bit blocks.
    Int4,
}

impl Weights {
    /// All kinds, from the largest.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Int8, Self::Int4];

    /// As the command line and the manifest write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
        }
    }
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Manifest {
    /// Reads and checks `souffleur.toml`. Unknown keys are ignored, so that an older program reads a newer folder.
    ///
    /// # Errors
    /// When the bytes are not TOML, a key is missing or of the wrong type, or a value is out of its range.
    pub fn from_toml(bytes: &[u8]) -> Result<Self, ModelError> {
        let text = std::str::from_utf8(bytes).map_err(|err| ModelError::syntax(files::MANIFEST, "TOML", err))?;
        let manifest: Self = toml::from_str(text).map_err(|err| {
            let line = err.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let place = line.filter(|line| *line > 1).map_or_else(String::new, |line| format!("line {line}: "));
            ModelError::syntax(files::MANIFEST, "TOML", format!("{place}{}", err.message()))
        })?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The text of `souffleur.toml`: the same manifest gives the same bytes.
    ///
    /// # Errors
    /// When a value is out of its range: what [`from_toml`](Self::from_toml) would refuse is not written.
    pub fn to_toml(&self) -> Result<String, ModelError> {
        self.check()?;
        toml::to_string(self).map_err(|err| ModelError::syntax(files::MANIFEST, "TOML", err))
    }

    fn check(&self) -> Result<(), ModelError> {
        let wrong = |key: &str, expected: &str, found: &dyn fmt::Display| {
            Err(ModelError::value(files::MANIFEST, key, expected, found))
        };
        if self.format != MANIFEST_FORMAT {
            return wrong("format", &format!("{MANIFEST_FORMAT}, the one this program reads"), &self.format);
        }
        if self.name.is_empty() || self.name.contains(|c: char| c.is_control() || c == '/' || c == '\\') {
            return wrong("name", "a name on one line, without slashes", &format!("{:?}", self.name));
        }
        let silence = &self.silence_text;
        if silence.is_empty() || silence.trim() != silence || silence.contains(['\n', '\r']) {
            return wrong("silence_text", "a text on one line without space around it", &format!("{silence:?}"));
        }
        if let Err(err) = FrameGrid::new(self.frame_interval_secs, 0.0, self.frames_per_turn) {
            return wrong("frame_interval_secs and frames_per_turn", "in their ranges", &err);
        }
        if !(1..=self.max_pixels).contains(&self.min_pixels) {
            return wrong("min_pixels", &format!("from 1 to max_pixels {}", self.max_pixels), &self.min_pixels);
        }
        if self.max_pixels > crate::preprocessor::MAX_PIXELS {
            return wrong("max_pixels", &format!("up to {}", crate::preprocessor::MAX_PIXELS), &self.max_pixels);
        }
        const MAX_TOKENS: u32 = 1 << 24;
        for (key, tokens) in [
            ("trained_turns", self.trained_turns),
            ("trained_tokens", self.trained_tokens),
            ("context_tokens", self.context_tokens),
        ] {
            if !(1..=MAX_TOKENS).contains(&tokens) {
                return wrong(key, &format!("from 1 to {MAX_TOKENS}"), &tokens);
            }
        }
        if !EAGERNESS_RANGE.contains(&self.default_eagerness) {
            return wrong("default_eagerness", "from -100 to 100", &self.default_eagerness);
        }
        self.check_files()
    }

    fn check_files(&self) -> Result<(), ModelError> {
        for (path, digest) in &self.files {
            if !is_inside_folder(path) {
                let expected = "relative paths inside the folder";
                return Err(ModelError::value(files::MANIFEST, "files", expected, format!("{path:?}")));
            }
            if digest.len() != 64 || !digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                let key = format!("files.{path:?}");
                return Err(ModelError::value(files::MANIFEST, &key, "64 lower-case hexadecimal digits", digest));
            }
        }
        Ok(())
    }
}

/// Whether a path that a file of a folder names (a manifest, a table of shards) leads to a file inside that folder on
/// every system: parts of plain names with `/` between them. A colon would be a drive or a stream on Windows, a backslash a separator.
pub fn is_inside_folder(path: &str) -> bool {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.ends_with(['.', ' ']);
    path.split('/').all(is_plain) && !path.contains(|c: char| c.is_control() || c == '\\' || c == ':')
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn example() -> Manifest {
        Manifest {
            format: MANIFEST_FORMAT,
            name: "tiny".into(),
            system_prompt: "You \"watch\".\nSecond line.".into(),
            silence_text: "NO REPLY".into(),
            frame_interval_secs: 1.0,
            frames_per_turn: 1,
            min_pixels: 3136,
            max_pixels: 150_528,
            trained_turns: 14,
            trained_tokens: 900,
            context_tokens: 4096,
            default_eagerness: -1.1,
            weights: Weights::Int8,
            source: "a test".into(),
            licence: "Apache-2.0".into(),
            licence_note: None,
            card: Card { summary: "Tiny.".into(), ..Card::default() },
            files: BTreeMap::from([
                ("onnx/vision.onnx".into(), "0".repeat(64)),
                ("config.json".into(), "a".repeat(64)),
            ]),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let manifest = example();
        let text = manifest.to_toml().unwrap();
        assert_eq!(Manifest::from_toml(text.as_bytes()).unwrap(), manifest);
        assert_eq!(manifest.to_toml().unwrap(), text);
        let newer = format!("wings = \"open\"\n{text}");
        assert_eq!(Manifest::from_toml(newer.as_bytes()).unwrap(), manifest, "unknown keys are ignored");
    }

    #[test]
    fn values_out_of_range_are_named() {
        type Change = fn(&mut Manifest);
        let cases: [(&str, Change); 13] = [
            ("format must be 1, ", |m| m.format = 2),
            ("name must be ", |m| m.name = "a/b".into()),
            ("silence_text must be ", |m| m.silence_text = " NO REPLY".into()),
            ("silence_text must be ", |m| m.silence_text = String::new()),
            ("frame_interval_secs and ", |m| m.frame_interval_secs = f64::NAN),
            ("frame_interval_secs and ", |m| m.frames_per_turn = 3),
            ("min_pixels must be from 1 to max_pixels 150528, found 0", |m| m.min_pixels = 0),
            ("min_pixels must be from 1 to max_pixels 1, found 3136", |m| m.max_pixels = 1),
            ("context_tokens must be ", |m| m.context_tokens = 0),
            ("default_eagerness must be ", |m| m.default_eagerness = f32::NAN),
            ("files must be relative paths", |m| drop(m.files.insert("../x".into(), "0".repeat(64)))),
            ("files.\"x\" must be 64 ", |m| drop(m.files.insert("x".into(), "0".repeat(63)))),
            ("files.\"x\" must be 64 ", |m| drop(m.files.insert("x".into(), "A".repeat(64)))),
        ];
        for (expected, change) in cases {
            let mut manifest = example();
            change(&mut manifest);
            let message = manifest.to_toml().unwrap_err().to_string();
            assert!(message.starts_with(&format!("souffleur.toml: {expected}")), "{message}");
            let text = toml::to_string(&manifest).unwrap();
            assert_eq!(Manifest::from_toml(text.as_bytes()).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn syntax_errors_are_one_line_with_the_place() {
        let text = example().to_toml().unwrap();
        for (bytes, expected) in [
            (text.replace("frames_per_turn = 1", "frames_per_turn = \"one\""), "invalid type: string"),
            (text.replace("weights = \"int8\"", "weights = \"int2\""), "unknown variant `int2`"),
            (text.replace("licence = \"Apache-2.0\"\n", ""), "missing field `licence`"),
            (text.replace("format = 1", "format ="), "string values must be quoted"),
            (text.replace("name = ", "name "), "line 2"),
        ] {
            let message = Manifest::from_toml(bytes.as_bytes()).unwrap_err().to_string();
            assert!(message.starts_with("souffleur.toml is not valid TOML: ") && !message.contains('\n'), "{message}");
            assert!(message.contains(expected), "{message}");
        }
        assert!(Manifest::from_toml(b"\xff").is_err());
    }

    #[test]
    fn paths_stay_inside_the_folder() {
        for good in ["config.json", "onnx/vision.onnx", "a/b/c.d", "..a", "ä b"] {
            assert!(is_inside_folder(good), "{good}");
        }
        for bad in ["", "/a", "a/", "..", "a/../b", "./a", "a//b", "C:x", "a\\b", "a\0", "a\n", "con./x", "x "] {
            assert!(!is_inside_folder(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = Manifest::from_toml(&bytes);
        }

        /// A manifest with a few bytes changed is read or refused, and what is read can be written again.
        #[test]
        fn damage_never_panics(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
            let mut bytes = example().to_toml().unwrap().into_bytes();
            for (place, byte) in edits {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            if let Ok(manifest) = Manifest::from_toml(&bytes) {
                let text = manifest.to_toml().unwrap();
                prop_assert_eq!(Manifest::from_toml(text.as_bytes()).unwrap(), manifest);
            }
        }

        #[test]
        fn any_text_survives(prompt in any::<String>(), interval in 0.001f64..3600.0, eagerness in -100f32..100.0) {
            let manifest = Manifest {
                system_prompt: prompt, frame_interval_secs: interval, default_eagerness: eagerness, ..example()
            };
            prop_assert_eq!(Manifest::from_toml(manifest.to_toml().unwrap().as_bytes()).unwrap(), manifest);
        }
    }
}
