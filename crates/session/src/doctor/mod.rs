//! Whether this machine has what sessions need, and what to do where it has not.
//!
//! Every check looks at the real thing: a provider takes a turn, a model's files are read whole, a folder is written
//! to. Nothing is changed and nothing fetched.

mod check;
mod disk;

use souffleur_capture::{InstalledTool, installed_tools};
use souffleur_core::Hint;
use souffleur_engine::catalog::{self, CatalogEntry, ModelOrigin};
use souffleur_engine::{EngineError, Provider, data_dir, load_runtime, try_provider};
use souffleur_model::ModelFolder;

pub use check::{Check, CheckStatus, Diagnosis};

/// Sources and sinks of other versions of this program. Their absence is told, so that nobody looks for them.
const NOT_IN_THIS_BUILD: [(&str, &str); 3] = [
    ("camera", "not in this build: it watches video files and folders of images"),
    ("screen", "not in this build: it watches video files and folders of images"),
    ("sound", "not in this build: replies are written, not played"),
];

/// Looks at the machine. Reads every model whole, which takes seconds where one is large.
pub fn examine() -> Diagnosis {
    let runtime = runtime();
    let has_runtime = runtime.status != CheckStatus::Failed;
    let mut checks = vec![runtime];
    checks.extend(Provider::IN_THIS_BUILD.iter().map(|&name| provider(name, has_runtime)));
    checks.extend(installed_tools().into_iter().map(|(program, found)| tool(program, found)));
    checks.extend(catalog::list().iter().map(model));
    checks.push(disk::check(data_dir().as_deref()));
    checks.extend(NOT_IN_THIS_BUILD.map(|(name, found)| Check::info(name, found)));
    Diagnosis::new(checks)
}

fn runtime() -> Check {
    match load_runtime(None) {
        Ok(loaded) => Check::ok("onnxruntime", loaded.to_string()),
        Err(err) => Check::failed("onnxruntime", &err),
    }
}

fn provider(provider: Provider, has_runtime: bool) -> Check {
    let name = format!("provider {}", provider.as_str());
    if !has_runtime {
        let hint = "mend onnxruntime first, then run `souffleur doctor` again";
        return Check::new(name, CheckStatus::Failed, "not tried: it needs ONNX Runtime", Some(hint.into()));
    }
    match try_provider(provider) {
        Ok(trial) if trial.is_used() => Check::ok(name, trial.to_string()),
        Ok(trial) => {
            let found = format!("asked for and not used: {trial}");
            let hint = "install the provider's own libraries, or run with --provider cpu";
            Check::new(name, CheckStatus::Failed, found, Some(hint.into()))
        }
        Err(err) => Check::failed(name, &err),
    }
}

fn tool(program: &'static str, found: Result<InstalledTool, impl Hint>) -> Check {
    match found {
        Ok(tool) => {
            let place =
                if tool.path.is_absolute() { tool.path.display().to_string() } else { "the system's own place".into() };
            let found = format!("{} at {place}", tool.version);
            let least = InstalledTool::MIN_MAJOR_VERSION;
            let hint = tool.is_too_old().then(|| format!("install {program} {least} or later"));
            let status = if hint.is_some() { CheckStatus::Warning } else { CheckStatus::Ok };
            Check::new(program, status, found, hint)
        }
        Err(err) => Check::failed(program, &err),
    }
}

fn model(entry: &CatalogEntry) -> Check {
    let name = format!("model {}", entry.name);
    match verified(&entry.origin) {
        Ok((folder, location)) => {
            let manifest = folder.manifest();
            let num_files = manifest.files.len();
            Check::ok(name, format!("{location}, {}, all {num_files} files as they were exported", manifest.weights))
        }
        Err(err) => Check::failed(name, &err),
    }
}

/// Reads every file of a model and holds it against its digest.
fn verified(origin: &ModelOrigin) -> Result<(ModelFolder, String), EngineError> {
    let (folder, location) = match origin {
        ModelOrigin::Embedded => (catalog::resolve(catalog::DEFAULT_MODEL)?, "embedded".to_owned()),
        ModelOrigin::Folder(path) => (ModelFolder::open(path)?, path.display().to_string()),
    };
    folder.verify(u64::MAX)?;
    Ok((folder, location))
}

#[cfg(test)]
mod tests {
    use super::*;
    use souffleur_capture::CaptureError;

    #[test]
    fn this_machine_is_in_order() {
        let diagnosis = examine();
        let status = |name: &str| diagnosis.checks.iter().find(|check| check.name == name).map(|check| check.status);
        for name in ["onnxruntime", "provider cpu", "ffmpeg", "ffprobe", "model kitchen"] {
            assert_eq!(status(name), Some(CheckStatus::Ok), "{name}: {diagnosis:#?}");
        }
        assert!(status("disk") <= Some(CheckStatus::Warning) && status("camera") == Some(CheckStatus::Info));
    }

    #[test]
    fn an_old_program_is_a_warning_and_a_missing_one_a_failure() {
        let path = || "/usr/bin/ffmpeg".into();
        let old = InstalledTool { program: "ffmpeg", path: path(), version: "3.4.8".into() };
        let check = tool("ffmpeg", Ok::<_, CaptureError>(old));
        assert_eq!((check.status, check.hint.as_deref()), (CheckStatus::Warning, Some("install ffmpeg 4 or later")));
        let check = tool("ffmpeg", Err(CaptureError::FfmpegMissing("ffmpeg")));
        assert!(check.status == CheckStatus::Failed && check.hint.is_some());
    }

    #[test]
    fn without_the_runtime_no_provider_is_tried() {
        let check = provider(Provider::Cpu, false);
        assert_eq!((check.status, check.found.as_str()), (CheckStatus::Failed, "not tried: it needs ONNX Runtime"));
    }
}
