//! A model folder, on disk or compiled into the program.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::manifest::is_inside_folder;
use crate::names::files;
use crate::{GenerationConfig, Manifest, ModelConfig, ModelError, PreprocessorConfig, Tokenizer, sha256_hex};

/// A file that was compiled into the program.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedFile {
    /// Path in the model folder, with `/` between the parts.
    pub path: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
}

/// An opened model folder: complete, its small files read and in agreement with each other.
#[derive(Debug)]
pub struct ModelFolder {
    storage: Storage,
    manifest: Manifest,
    config: ModelConfig,
    generation: GenerationConfig,
    preprocessor: PreprocessorConfig,
    tokenizer: Tokenizer,
}

#[derive(Clone, Debug)]
enum Storage {
    Directory(PathBuf),
    Embedded(&'static [EmbeddedFile]),
}

impl ModelFolder {
    /// Opens a folder that `souffleur model export` wrote.
    ///
    /// The config files and the tokenizer are read and held against the manifest's digests; the graphs and their
    /// weights are only looked for. [`verify`](Self::verify) reads those.
    ///
    /// # Errors
    /// When the folder or one of its files is missing, corrupt, or contradicts another.
    pub fn open(dir: &Path) -> Result<Self, ModelError> {
        let folder = dir.display().to_string();
        match fs::metadata(dir) {
            Ok(metadata) if metadata.is_dir() => Self::from_storage(Storage::Directory(dir.to_owned())),
            Ok(_) => Err(ModelError::NotAFolder { folder, reason: "it is a file".into() }),
            Err(err) => Err(ModelError::NotAFolder { folder, reason: err.to_string() }),
        }
    }

    /// Opens a model that was compiled into the program.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn embedded(files: &'static [EmbeddedFile]) -> Result<Self, ModelError> {
        Self::from_storage(Storage::Embedded(files))
    }

    fn from_storage(storage: Storage) -> Result<Self, ModelError> {
        storage.expect_present(files::REQUIRED.iter().copied())?;
        let manifest = Manifest::from_toml(&storage.read(files::MANIFEST)?)?;
        let unlisted =
            files::REQUIRED.iter().find(|path| **path != files::MANIFEST && !manifest.files.contains_key(**path));
        if let Some(path) = unlisted {
            let expected = format!("a table that lists {path}");
            return Err(ModelError::value(files::MANIFEST, "files", expected, "none"));
        }
        storage.expect_present(manifest.files.keys().map(String::as_str))?;

        let checked = |path: &str| -> Result<Cow<'static, [u8]>, ModelError> {
            let bytes = storage.read(path)?;
            storage.expect_digest(&manifest, path, &bytes[..])?;
            Ok(bytes)
        };
        let config = ModelConfig::from_json(&checked(files::CONFIG)?)?;
        let generation = GenerationConfig::from_json(&checked(files::GENERATION_CONFIG)?)?;
        let preprocessor = PreprocessorConfig::from_json(&checked(files::PREPROCESSOR_CONFIG)?)?;
        preprocessor.check_fits(&config.vision)?;
        let preprocessor = preprocessor.with_pixel_bounds(manifest.min_pixels, manifest.max_pixels)?;
        let tokenizer = Tokenizer::from_bytes(&checked(files::TOKENIZER)?)?;
        tokenizer.check_fits(&config, &generation)?;
        Ok(Self { storage, manifest, config, generation, preprocessor, tokenizer })
    }

    /// The folder as the user named it, or `embedded`.
    pub fn location(&self) -> String {
        self.storage.location()
    }

    /// What the folder says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Sizes and token ids.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// End tokens.
    pub fn generation(&self) -> &GenerationConfig {
        &self.generation
    }

    /// Normalisation, with the pixel bounds of the manifest: those the model was trained on.
    pub fn preprocessor(&self) -> &PreprocessorConfig {
        &self.preprocessor
    }

    /// The tokenizer, known to fit the config.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// A whole file: borrowed from the program where it is embedded, read into memory where it is on disk.
    ///
    /// # Errors
    /// When `path` is not in the folder or cannot be read.
    pub fn read(&self, path: &str) -> Result<Cow<'static, [u8]>, ModelError> {
        self.storage.read(path)
    }

    /// Where a file lies on disk; `None` for an embedded model or a path that leads outside.
    pub fn path_on_disk(&self, path: &str) -> Option<PathBuf> {
        match &self.storage {
            Storage::Directory(dir) if is_inside_folder(path) => Some(dir.join(path)),
            _ => None,
        }
    }

    /// Holds every listed file of up to `max_bytes` against its digest; `u64::MAX` for all of them. Streams: no file
    /// is in memory at once.
    ///
    /// # Errors
    /// At the first file, in the order of paths, that is missing, unreadable or not the one that was exported.
    pub fn verify(&self, max_bytes: u64) -> Result<(), ModelError> {
        for path in self.manifest.files.keys() {
            match &self.storage {
                Storage::Embedded(_) => {
                    let bytes = self.storage.read(path)?;
                    if bytes.len() as u64 <= max_bytes {
                        self.storage.expect_digest(&self.manifest, path, &bytes[..])?;
                    }
                }
                Storage::Directory(dir) => {
                    let on_disk = dir.join(path);
                    let file = File::open(&on_disk).map_err(|source| self.storage.read_error(path, source))?;
                    let num_bytes = file.metadata().map_err(|source| self.storage.read_error(path, source))?.len();
                    if num_bytes <= max_bytes {
                        self.storage.expect_digest(&self.manifest, path, file)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Storage {
    fn location(&self) -> String {
        match self {
            Self::Directory(dir) => dir.display().to_string(),
            Self::Embedded(_) => "embedded".to_owned(),
        }
    }

    fn has(&self, path: &str) -> bool {
        match self {
            Self::Directory(dir) => dir.join(path).is_file(),
            Self::Embedded(files) => files.iter().any(|file| file.path == path),
        }
    }

    fn expect_present<'a>(&self, paths: impl Iterator<Item = &'a str>) -> Result<(), ModelError> {
        let missing: Vec<&str> = paths.filter(|path| !self.has(path)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(ModelError::Missing { folder: self.location(), path: missing.join(", ") })
    }

    fn read(&self, path: &str) -> Result<Cow<'static, [u8]>, ModelError> {
        match self {
            Self::Directory(dir) if is_inside_folder(path) => {
                fs::read(dir.join(path)).map(Cow::Owned).map_err(|source| self.read_error(path, source))
            }
            Self::Directory(_) => Err(ModelError::Missing { folder: self.location(), path: path.to_owned() }),
            Self::Embedded(files) => {
                let file = files.iter().find(|file| file.path == path);
                file.map(|file| Cow::Borrowed(file.bytes))
                    .ok_or_else(|| ModelError::Missing { folder: self.location(), path: path.to_owned() })
            }
        }
    }

    fn read_error(&self, path: &str, source: io::Error) -> ModelError {
        let folder = self.location();
        if source.kind() == io::ErrorKind::NotFound {
            return ModelError::Missing { folder, path: path.to_owned() };
        }
        ModelError::Read { path: Path::new(&folder).join(path).display().to_string(), source }
    }

    fn expect_digest(&self, manifest: &Manifest, path: &str, bytes: impl io::Read) -> Result<(), ModelError> {
        let Some(expected) = manifest.files.get(path) else { return Ok(()) };
        let found = sha256_hex(bytes).map_err(|source| self.read_error(path, source))?;
        if found == *expected {
            return Ok(());
        }
        Err(ModelError::Corrupt { folder: self.location(), path: path.to_owned(), expected: expected.clone(), found })
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::manifest::tests::example;
    use crate::reference;

    /// A complete folder around the reference checkpoint's config files, with graphs of a few bytes.
    fn folder() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("onnx")).unwrap();
        for name in [files::CONFIG, files::GENERATION_CONFIG, files::PREPROCESSOR_CONFIG, files::TOKENIZER] {
            fs::write(dir.path().join(name), reference::read(&format!("tiny/{name}"))).unwrap();
        }
        for graph in files::GRAPHS {
            fs::write(dir.path().join(graph), graph).unwrap();
            fs::write(dir.path().join(files::external_data(graph)), [7; 1000]).unwrap();
        }
        write_manifest(dir.path());
        dir
    }

    /// Writes a manifest that fits the files as they are.
    fn write_manifest(dir: &Path) {
        let data = files::GRAPHS.map(files::external_data);
        let listed = files::REQUIRED.iter().copied().filter(|path| *path != files::MANIFEST);
        let mut manifest = example();
        manifest.files = listed
            .chain(data.iter().map(String::as_str))
            .map(|path| (path.to_owned(), sha256_hex(File::open(dir.join(path)).unwrap()).unwrap()))
            .collect();
        fs::write(dir.join(files::MANIFEST), manifest.to_toml().unwrap()).unwrap();
    }

    fn message(result: Result<impl std::fmt::Debug, ModelError>, dir: &Path) -> String {
        result.unwrap_err().to_string().replace(&dir.display().to_string(), "DIR")
    }

    #[test]
    fn a_whole_folder_opens_and_verifies() {
        let dir = folder();
        let model = ModelFolder::open(dir.path()).unwrap();
        model.verify(u64::MAX).unwrap();
        assert_eq!(model.preprocessor().max_pixels, 150_528, "the manifest's bounds, not the preprocessor's");
        assert_eq!(*model.read(files::VISION_ONNX).unwrap(), *files::VISION_ONNX.as_bytes());
        assert_eq!(model.path_on_disk(files::EMBED_ONNX), Some(dir.path().join("onnx/embed.onnx")));
        assert_eq!(model.path_on_disk("../secret"), None);
        assert!(matches!(model.read("../secret"), Err(ModelError::Missing { .. })));
    }

    #[test]
    fn what_is_missing_is_named() {
        let dir = folder();
        fs::remove_file(dir.path().join(files::VISION_ONNX)).unwrap();
        fs::remove_file(dir.path().join(files::TOKENIZER)).unwrap();
        let found = message(ModelFolder::open(dir.path()), dir.path());
        assert_eq!(found, "the model DIR has no tokenizer.json, onnx/vision.onnx");

        let dir = folder();
        fs::remove_file(dir.path().join("onnx/decoder.onnx.data")).unwrap();
        let found = message(ModelFolder::open(dir.path()), dir.path());
        assert_eq!(found, "the model DIR has no onnx/decoder.onnx.data");

        let nowhere = message(ModelFolder::open(&dir.path().join("nowhere")), dir.path());
        assert!(nowhere.starts_with("DIR/nowhere is not a model folder: "), "{nowhere}");
        let file = message(ModelFolder::open(&dir.path().join(files::CONFIG)), dir.path());
        assert_eq!(file, "DIR/config.json is not a model folder: it is a file");
    }

    #[test]
    fn what_is_corrupt_is_named() {
        let dir = folder();
        fs::write(dir.path().join("onnx/embed.onnx.data"), [8; 1000]).unwrap();
        let model = ModelFolder::open(dir.path()).unwrap();
        model.verify(999).unwrap();
        let found = message(model.verify(1000), dir.path());
        assert!(found.starts_with("onnx/embed.onnx.data of the model DIR is corrupt: expected sha256 "), "{found}");

        fs::write(dir.path().join(files::CONFIG), "{}").unwrap();
        let found = message(ModelFolder::open(dir.path()), dir.path());
        assert!(found.starts_with("config.json of the model DIR is corrupt: "), "{found}");
    }

    #[test]
    fn files_of_another_model_are_refused() {
        let dir = folder();
        let preprocessor =
            reference::text("tiny/preprocessor_config.json").replace("\"merge_size\": 2", "\"merge_size\": 4");
        fs::write(dir.path().join(files::PREPROCESSOR_CONFIG), preprocessor).unwrap();
        write_manifest(dir.path());
        let found = message(ModelFolder::open(dir.path()), dir.path());
        assert_eq!(found, "preprocessor_config.json: merge_size must be the config's 2, found 4");

        let dir = folder();
        let config = reference::text("tiny/config.json").replace("\"image_token_id\": 454", "\"image_token_id\": 453");
        fs::write(dir.path().join(files::CONFIG), config).unwrap();
        write_manifest(dir.path());
        let found = message(ModelFolder::open(dir.path()), dir.path());
        assert_eq!(found, "the tokenizer does not fit the model: the id of <|image_pad|> must be 453, found 454");
    }

    #[test]
    fn a_manifest_must_list_what_is_needed() {
        let dir = folder();
        let manifest = fs::read_to_string(dir.path().join(files::MANIFEST)).unwrap();
        let kept: Vec<&str> = manifest.lines().filter(|line| !line.starts_with("\"tokenizer.json\"")).collect();
        fs::write(dir.path().join(files::MANIFEST), kept.join("\n")).unwrap();
        let found = message(ModelFolder::open(dir.path()), dir.path());
        assert_eq!(found, "souffleur.toml: files must be a table that lists tokenizer.json, found none");
    }

    #[test]
    fn an_embedded_model_is_the_same_model() {
        let dir = folder();
        let on_disk = ModelFolder::open(dir.path()).unwrap();
        let paths = on_disk.manifest().files.keys().map(String::as_str).chain([files::MANIFEST]);
        let embedded: Vec<EmbeddedFile> = paths
            .map(|path| EmbeddedFile {
                path: String::leak(path.to_owned()),
                bytes: Vec::leak(fs::read(dir.path().join(path)).unwrap()),
            })
            .collect();
        let model = ModelFolder::embedded(Vec::leak(embedded)).unwrap();
        model.verify(u64::MAX).unwrap();
        assert_eq!((model.config(), model.manifest()), (on_disk.config(), on_disk.manifest()));
        assert!(matches!(model.read(files::CONFIG).unwrap(), Cow::Borrowed(_)));
        assert_eq!(model.path_on_disk(files::CONFIG), None);
        assert!(
            ModelFolder::embedded(&[])
                .unwrap_err()
                .to_string()
                .starts_with("the model embedded has no souffleur.toml, ")
        );
    }
}
