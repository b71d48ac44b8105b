//! Finding and loading the ONNX Runtime library, once a process.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ort::environment::Environment;

use crate::EngineError;

/// The first minor version with the record of which provider runs which node; see [`crate::ProvidersUsed`].
pub(crate) const MIN_RUNTIME_MINOR: u32 = 24;

/// The version that `cargo xtask setup` puts in place; tests hold [`RUNTIME_FILE_NAME`] and xtask's own to it.
pub const RUNTIME_VERSION: &str = "1.31.1";

/// File name of the library on this system, as the official packages name it.
pub const RUNTIME_FILE_NAME: &str = if cfg!(windows) {
    "onnxruntime.dll"
} else if cfg!(target_os = "macos") {
    "libonnxruntime.1.31.1.dylib"
} else {
    "libonnxruntime.so.1.31.1"
};

/// The places a library was looked for, in order.
#[derive(Clone, Debug)]
pub struct SearchedPlaces(Vec<PathBuf>);

impl fmt::Display for SearchedPlaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<_> = self.0.iter().map(|path| path.display().to_string()).collect();
        f.write_str(&places.join(", "))
    }
}

/// The library that would be loaded: the user's setting, `ORT_DYLIB_PATH`, the data folder of the program, then
/// beside the executable. A place the user named explicitly is not skipped when it is wrong.
///
/// # Errors
/// When there is none.
pub fn find_runtime(setting: Option<&Path>) -> Result<PathBuf, EngineError> {
    if let Some(path) = setting {
        return existing(path.to_path_buf());
    }
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH").filter(|value| !value.is_empty()) {
        return existing(PathBuf::from(path));
    }
    let candidates = default_places();
    let found = candidates.iter().find(|path| path.is_file()).cloned();
    found.ok_or(EngineError::RuntimeMissing { searched: SearchedPlaces(candidates) })
}

fn existing(path: PathBuf) -> Result<PathBuf, EngineError> {
    // Never a bare name: System32 of Windows holds an old library of that name.
    match std::path::absolute(&path) {
        Ok(absolute) if absolute.is_file() => Ok(absolute),
        _ => Err(EngineError::RuntimeMissing { searched: SearchedPlaces(vec![path]) }),
    }
}

fn default_places() -> Vec<PathBuf> {
    let in_data = data_dir().map(|dir| dir.join("onnxruntime").join(RUNTIME_VERSION).join(RUNTIME_FILE_NAME));
    let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(|dir| dir.join(RUNTIME_FILE_NAME)));
    in_data.into_iter().chain(beside).collect()
}

/// The program's own folder for data: the runtime library and the user's models live here.
pub fn data_dir() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|dirs| dirs.data_local_dir().join("souffleur"))
}

/// The process-wide environment. Kept for the life of the process: ONNX Runtime cannot be unloaded and loaded again.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// Loads the library on the first call; later calls share what the first one loaded.
pub(crate) fn environment(setting: Option<&Path>) -> Result<Environment, EngineError> {
    let mut slot = ENVIRONMENT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(environment) = slot.as_ref() {
        return Ok(environment.clone());
    }
    let path = find_runtime(setting)?;
    let unusable = |reason: String| EngineError::RuntimeUnusable { path: path.clone(), reason };
    // Asked before loading for good: a library that is too old must give an error, not a panic inside `ort`.
    let found_minor = ort::util::probe(&path).ok_or_else(|| unusable("it does not tell its version".into()))?;
    if found_minor < MIN_RUNTIME_MINOR {
        return Err(EngineError::RuntimeTooOld { path, found_minor });
    }
    let builder = ort::init_from(&path).map_err(|err| unusable(err.to_string()))?;
    let environment =
        builder.with_name("souffleur").with_telemetry(false).build().map_err(|err| unusable(err.to_string()))?;
    environment.set_log_level(ort::logging::LogLevel::Error);
    *slot = Some(environment.clone());
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_place_is_not_skipped() {
        let err = find_runtime(Some(Path::new("/nowhere/libonnxruntime.so"))).unwrap_err();
        assert_eq!(err.to_string(), "the ONNX Runtime library was not found; looked at /nowhere/libonnxruntime.so");
    }

    #[test]
    fn the_file_name_carries_the_version() {
        assert!(cfg!(windows) || RUNTIME_FILE_NAME.contains(RUNTIME_VERSION));
    }
}
