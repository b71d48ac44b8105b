use std::io;

use souffleur_core::{Hint, one_line};

use crate::names::files;

/// What can be wrong with a model's files or with what is asked of them.
///
/// Paths are relative to the model folder, with `/` between the parts; `folder` is where it lies, or `embedded`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file the model cannot do without is not there.
    #[error("the model {folder} has no {path}")]
    Missing {
        /// The folder as the user named it.
        folder: String,
        /// What was looked for in it.
        path: String,
    },
    /// The folder itself is not there, or is no folder.
    #[error("{folder} is not a model folder: {reason}")]
    NotAFolder {
        /// The folder as the user named it.
        folder: String,
        /// Why not.
        reason: String,
    },
    /// The system could not read a file that is there.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file on disk.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not the one that was exported.
    #[error("{path} of the model {folder} is corrupt: expected sha256 {expected}, found {found}")]
    Corrupt {
        /// The folder as the user named it.
        folder: String,
        /// The file in it.
        path: String,
        /// 64 hexadecimal digits from the manifest.
        expected: String,
        /// What the bytes give.
        found: String,
    },
    /// A file does not have the form of its kind at all.
    #[error("{file} is not valid {format}: {reason}")]
    Syntax {
        /// Which file.
        file: String,
        /// JSON or TOML.
        format: &'static str,
        /// Place and cause, on one line.
        reason: String,
    },
    /// A file says something that no model of this kind can be.
    #[error("{file}: {key} must be {expected}, found {found}")]
    Value {
        /// Which file.
        file: String,
        /// The key with its section, such as `vision_config.patch_size`.
        key: String,
        /// What would be right.
        expected: String,
        /// What the file says; `nothing` where the key is absent.
        found: String,
    },
    /// The tokenizer file cannot be loaded.
    #[error("tokenizer.json cannot be loaded: {0}")]
    TokenizerFile(String),
    /// The tokenizer does not belong to this model.
    #[error("the tokenizer does not fit the model: {what} must be {expected}, found {found}")]
    WrongTokenizer {
        /// Which token or count.
        what: String,
        /// What the model's config says.
        expected: String,
        /// What the tokenizer says.
        found: String,
    },
    /// The library could not turn a text into tokens or tokens into a text.
    #[error("the tokenizer failed: {0}")]
    Tokenize(String),
    /// A reply whose first characters would be one token with the newline before it.
    #[error("a reply must begin with a character that stands apart from the newline before it, found {text:?}")]
    ReplyStart {
        /// How the reply begins.
        text: String,
    },
    /// The patch grid of a picture is not one the vision tower can merge.
    #[error("a patch grid must have t = 1 and h and w that are multiples of {merge} up to {max}, found {t}×{h}×{w}")]
    Grid {
        /// `spatial_merge_size`.
        merge: usize,
        /// Most patches along a side.
        max: usize,
        /// Temporal patches.
        t: usize,
        /// Rows of patches.
        h: usize,
        /// Patches a row.
        w: usize,
    },
}

impl ModelError {
    /// The error of one key in one file.
    pub(crate) fn value(file: &str, key: &str, expected: impl ToString, found: impl ToString) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        Self::Value { file: file.to_owned(), key: key.to_owned(), expected, found }
    }

    /// The error of a file that a parser refused; keeps the first line of the parser's words.
    pub(crate) fn syntax(file: &str, format: &'static str, reason: impl ToString) -> Self {
        let reason = one_line(&reason.to_string());
        Self::Syntax { file: file.to_owned(), format, reason }
    }
}

impl Hint for ModelError {
    fn hint(&self) -> String {
        match self {
            Self::Missing { .. } => {
                "point --model at a folder that `souffleur model export` wrote, or export the checkpoint again".into()
            }
            Self::NotAFolder { .. } => "`souffleur model list` shows the models that are there".into(),
            Self::Read { .. } => "check that the file exists and that you may read it".into(),
            Self::Corrupt { .. } => {
                "copy the model folder again, or export it again with `souffleur model export`".into()
            }
            Self::Syntax { file, .. } | Self::Value { file, .. } if file == files::MANIFEST => {
                "mend that file, or export the model again with `souffleur model export`".into()
            }
            Self::Syntax { .. } | Self::Value { .. } => {
                "take the file from the original checkpoint again, then export with `souffleur model export`".into()
            }
            Self::TokenizerFile(_) | Self::WrongTokenizer { .. } => {
                "use the tokenizer.json that came with this checkpoint".into()
            }
            Self::Tokenize(_) => "try another text; if it stays so, please report the text".into(),
            Self::ReplyStart { .. } => "trim the text: it may not begin with a newline".into(),
            Self::Grid { .. } => "this is a fault of the program: please report it with the size of the picture".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No checkpoint holds a manifest: the hint that fits all other files would send the user nowhere.
    #[test]
    fn a_bad_manifest_is_not_looked_for_in_the_checkpoint() {
        let hint = |file| ModelError::value(file, "format", "1", "2").hint();
        assert!(hint(files::CONFIG).contains("checkpoint"));
        assert!(!hint(files::MANIFEST).contains("checkpoint"));
        assert!(!ModelError::syntax(files::MANIFEST, "TOML", "line 3").hint().contains("checkpoint"));
    }
}
