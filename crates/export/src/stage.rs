//! A folder that appears under its name only when it is whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use souffleur_model::names::files;
use souffleur_model::{Manifest, Sha256Hex};
use tempfile::TempDir;

use crate::ExportError;

/// Where bytes go. Tests put a disk that fills up in its place.
pub trait Sink: Write {
    /// Waits until the bytes are on the disk.
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Creates a new file.
pub type OpenSink<'a> = &'a dyn Fn(&Path) -> io::Result<Box<dyn Sink>>;

/// Creates a file on the disk.
pub fn open_file(path: &Path) -> io::Result<Box<dyn Sink>> {
    Ok(Box::new(File::create_new(path)?))
}

/// The output while it is written: a hidden folder beside it, deleted unless [`Stage::publish`] is reached.
pub struct Stage<'a> {
    folder: TempDir,
    out: PathBuf,
    open: OpenSink<'a>,
    digests: BTreeMap<String, String>,
}

impl<'a> Stage<'a> {
    /// Begins an output that will be `out`.
    ///
    /// # Errors
    /// When `out` is there and is neither empty nor an earlier export, or the folder around it cannot be written to.
    pub fn new(out: &Path, open: OpenSink<'a>) -> Result<Self, ExportError> {
        // The place of the folder itself, so that a link to a folder stays a link.
        let out = if out.exists() { fs::canonicalize(out).map_err(ExportError::read(out))? } else { out.to_owned() };
        check_replaceable(&out)?;
        let folder = temporary_beside(&out)?;
        Ok(Self { folder, out, open, digests: BTreeMap::new() })
    }

    /// Opens a new file; `path` is relative to the output, with `/` between the parts.
    pub fn create(&mut self, path: &str) -> Result<StagedFile<'_>, ExportError> {
        let place = self.folder.path().join(path);
        // What a user reads in an error is the name the file was to have.
        let shown = self.out.join(path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(ExportError::write(&shown))?;
        }
        let sink = (self.open)(&place).map_err(ExportError::write(&shown))?;
        let writer = BufWriter::with_capacity(1 << 20, sink);
        let digests = &mut self.digests;
        Ok(StagedFile { writer, digest: Sha256Hex::default(), num_bytes: 0, path: path.to_owned(), shown, digests })
    }

    /// Writes a whole file.
    pub fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let mut file = self.create(path)?;
        file.write(bytes)?;
        file.finish()
    }

    /// SHA-256 of every finished file, by path.
    pub fn digests(&self) -> &BTreeMap<String, String> {
        &self.digests
    }

    /// Gives the folder its name. An earlier export in its place goes away only after that has worked.
    pub fn publish(self) -> Result<(), ExportError> {
        let out = &self.out;
        let failed = || ExportError::write(out);
        let earlier = if !out.exists() {
            None
        } else if is_empty(out)? {
            fs::remove_dir(out).map_err(failed())?;
            None
        } else {
            let grave = temporary_beside(out)?;
            fs::rename(out, grave.path().join("earlier")).map_err(failed())?;
            Some(grave)
        };
        if let Err(err) = fs::rename(self.folder.path(), out) {
            if let Some(grave) = earlier {
                fs::rename(grave.path().join("earlier"), out).map_err(failed())?;
            }
            return Err(failed()(err));
        }
        let _moved_away = self.folder.keep();
        Ok(())
    }
}

/// A file of the output. Hashes what passes through, so that nothing is read again.
pub struct StagedFile<'a> {
    writer: BufWriter<Box<dyn Sink>>,
    digest: Sha256Hex,
    num_bytes: u64,
    path: String,
    shown: PathBuf,
    digests: &'a mut BTreeMap<String, String>,
}

impl StagedFile<'_> {
    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.writer.write_all(bytes).map_err(ExportError::write(&self.shown))?;
        self.digest.update(bytes);
        self.num_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Bytes written so far.
    pub fn num_bytes(&self) -> u64 {
        self.num_bytes
    }

    /// Closes the file once it is on the disk.
    pub fn finish(mut self) -> Result<(), ExportError> {
        self.writer.flush().map_err(ExportError::write(&self.shown))?;
        self.writer.get_mut().sync().map_err(ExportError::write(&self.shown))?;
        self.digests.insert(self.path, self.digest.finish());
        Ok(())
    }
}

fn temporary_beside(out: &Path) -> Result<TempDir, ExportError> {
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(ExportError::write(parent))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".souffleur-export-");
    // Temporary folders are private by default; this one becomes the model folder, which others may read.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755));
    builder.tempdir_in(parent).map_err(ExportError::write(parent))
}

/// Refuses to replace anything but an empty folder or a folder that holds an export and nothing else.
fn check_replaceable(out: &Path) -> Result<(), ExportError> {
    if !out.exists() {
        return Ok(());
    }
    let refused = |reason: String| Err(ExportError::OutputExists { path: out.to_owned(), reason });
    if !out.is_dir() {
        return refused("it is a file".into());
    }
    if is_empty(out)? {
        return Ok(());
    }
    let manifest_path = out.join(files::MANIFEST);
    if !manifest_path.is_file() {
        return refused(format!("it is not empty and has no {}", files::MANIFEST));
    }
    let bytes = fs::read(&manifest_path).map_err(ExportError::read(&manifest_path))?;
    let manifest = match Manifest::from_toml(&bytes) {
        Ok(manifest) => manifest,
        Err(err) => return refused(err.to_string()),
    };
    match stranger(out, "", &manifest)? {
        Some(path) => refused(format!("its manifest does not list {path}")),
        None => Ok(()),
    }
}

/// The first file below `folder` that the manifest does not know.
fn stranger(folder: &Path, prefix: &str, manifest: &Manifest) -> Result<Option<String>, ExportError> {
    for entry in fs::read_dir(folder).map_err(ExportError::read(folder))? {
        let entry = entry.map_err(ExportError::read(folder))?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let is_folder = entry.file_type().map_err(ExportError::read(folder))?.is_dir();
        let found = if is_folder {
            stranger(&entry.path(), &format!("{path}/"), manifest)?
        } else {
            (path != files::MANIFEST && !manifest.files.contains_key(&path)).then_some(path)
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn is_empty(folder: &Path) -> Result<bool, ExportError> {
    Ok(fs::read_dir(folder).map_err(ExportError::read(folder))?.next().is_none())
}
