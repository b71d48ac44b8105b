//! Which models there are, and what a name means: first the embedded ones, then the user's folder, then a path.

use std::path::{Path, PathBuf};

use souffleur_model::{EmbeddedFile, Manifest, ModelFolder};

use crate::{EngineError, data_dir};

/// Compiles a file of `models/` into the program.
macro_rules! embedded_files {
    ($model:literal: $($path:literal),+ $(,)?) => {
        &[$(EmbeddedFile {
            path: $path,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/", $model, "/", $path)),
        }),+]
    };
}

/// The name of the model that runs when none is asked for.
pub const DEFAULT_MODEL: &str = "kitchen";

/// The kitchen model, so that the program works the minute it is cloned.
static KITCHEN: &[EmbeddedFile] = embedded_files!("kitchen":
    "souffleur.toml",
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "onnx/vision.onnx",
    "onnx/vision.onnx.data",
    "onnx/embed.onnx",
    "onnx/embed.onnx.data",
    "onnx/decoder.onnx",
    "onnx/decoder.onnx.data",
);

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelOrigin {
    /// Compiled into the program.
    Embedded,
    /// A folder on disk.
    Folder(PathBuf),
}

/// A model that can be named.
#[derive(Clone, Debug)]
pub struct CatalogEntry {
    /// What `--model` takes.
    pub name: String,
    /// Where it is.
    pub origin: ModelOrigin,
    /// What it says of itself, or why it cannot be used.
    pub manifest: Result<Manifest, String>,
}

/// The folder whose sub-folders are the user's models.
pub fn user_models_dir() -> Option<PathBuf> {
    data_dir().map(|dir| dir.join("models"))
}

/// The embedded models, then the user's in order of their names. A folder that is no model is listed with the reason:
/// a model that silently disappears is worse than one that says what is wrong.
pub fn list() -> Vec<CatalogEntry> {
    let embedded = CatalogEntry {
        name: DEFAULT_MODEL.to_owned(),
        origin: ModelOrigin::Embedded,
        manifest: manifest(ModelFolder::embedded(KITCHEN)),
    };
    let entries = user_models_dir().and_then(|dir| std::fs::read_dir(dir).ok()).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    let from_user = folders.into_iter().map(|path| CatalogEntry {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        manifest: manifest(ModelFolder::open(&path)),
        origin: ModelOrigin::Folder(path),
    });
    std::iter::once(embedded).chain(from_user).collect()
}

fn manifest(folder: Result<ModelFolder, souffleur_model::ModelError>) -> Result<Manifest, String> {
    folder.map(|folder| folder.manifest().clone()).map_err(|err| err.to_string())
}

/// Opens the model of that name, or in that folder.
///
/// # Errors
/// When there is none, or its files are missing or malformed. Checksums are the engine's to verify.
pub fn resolve(name_or_path: &str) -> Result<ModelFolder, EngineError> {
    if name_or_path == DEFAULT_MODEL {
        return Ok(ModelFolder::embedded(KITCHEN)?);
    }
    // A name is one plain component; anything else is a path from the start.
    let is_name = Path::new(name_or_path).components().count() == 1 && !name_or_path.starts_with('.');
    let in_user_folder =
        user_models_dir().filter(|_| is_name).map(|dir| dir.join(name_or_path)).filter(|dir| dir.is_dir());
    let path = in_user_folder.unwrap_or_else(|| PathBuf::from(name_or_path));
    if !path.is_dir() {
        let known = list().into_iter().map(|entry| entry.name).collect();
        return Err(EngineError::UnknownModel { name: name_or_path.to_owned(), known });
    }
    Ok(ModelFolder::open(&path)?)
}
