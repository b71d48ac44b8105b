//! `cargo xtask models`: the embedded model, exported again from its checkpoint.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::failure::Failure;
use crate::{command, setup, workspace};

pub const HELP: &str = "\
Exports models/checkpoints/kitchen, the checkpoint of the embedded model, puts the graphs and settings into
models/kitchen, and says whether they are the ones that were there. Run it after the checkpoint or the exporter changed,
then commit the folder.";

const CHECKPOINT: &str = "models/checkpoints/kitchen";
const FOLDER: &str = "models/kitchen";

/// Half of f32's size: the folder is compiled into the program.
const WEIGHTS: &str = "int8";

/// Runs the task.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    crate::expect_no_arguments("models", arguments)?;
    setup::ensure()?;
    workspace::build_release_program()?;
    let exported = workspace::target_dir().join("xtask").join("kitchen");
    if exported.exists() {
        fs::remove_dir_all(&exported).map_err(|err| Failure::file("replace", &exported, &err))?;
    }
    if let Some(parent) = exported.parent() {
        fs::create_dir_all(parent).map_err(|err| Failure::file("create", parent, &err))?;
    }
    let mut export = Command::new(workspace::release_program());
    export.args(["model", "export"]).arg(workspace::root().join(CHECKPOINT)).arg(&exported);
    command::run(export.args(["--weights", WEIGHTS]), "read the program's own message above")?;
    let changed = replace(&exported, &workspace::root().join(FOLDER))?;
    if changed.is_empty() {
        println!("{FOLDER} is this very export: nothing changed");
    } else {
        println!("changed in {FOLDER}; build again to compile it in, then commit:");
        for path in changed {
            println!("  {}", path.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings the files of `from` into `to`, subfolders too, and returns those that were not there just so. What else lies
/// directly in `to` stays (the clips); in a subfolder of `from` it goes (a graph that is no longer exported).
fn replace(from: &Path, to: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut changed = Vec::new();
    fs::create_dir_all(to).map_err(|err| Failure::file("create", to, &err))?;
    for name in names(from)? {
        let (source, target) = (from.join(&name), to.join(&name));
        if source.is_dir() {
            changed.extend(replace(&source, &target)?);
            let kept = names(&source)?;
            for old in names(&target)?.into_iter().filter(|old| !kept.contains(old)) {
                let old = target.join(old);
                fs::remove_file(&old).map_err(|err| Failure::file("remove", &old, &err))?;
                changed.push(old);
            }
            continue;
        }
        let bytes = fs::read(&source).map_err(|err| Failure::file("read", &source, &err))?;
        if fs::read(&target).ok().as_ref() != Some(&bytes) {
            fs::write(&target, bytes).map_err(|err| Failure::file("write", &target, &err))?;
            changed.push(target);
        }
    }
    Ok(changed)
}

fn names(folder: &Path) -> Result<Vec<OsString>, Failure> {
    let entries = fs::read_dir(folder).map_err(|err| Failure::file("list", folder, &err))?;
    let mut names: Vec<OsString> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_takes_the_place_of_the_old_one_and_leaves_the_clips() {
        let work = std::env::temp_dir().join(format!("xtask-models-{}", std::process::id()));
        let (from, to) = (work.join("from"), work.join("to"));
        for (path, text) in [
            (from.join("config.json"), "same"),
            (from.join("onnx").join("new.onnx"), "new"),
            (from.join("souffleur.toml"), "new"),
            (to.join("clips").join("anno.json"), "kept"),
            (to.join("config.json"), "same"),
            (to.join("onnx").join("old.onnx"), "old"),
            (to.join("souffleur.toml"), "old"),
        ] {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let changed = replace(&from, &to).unwrap();
        let onnx = to.join("onnx");
        assert_eq!(changed, [onnx.join("new.onnx"), onnx.join("old.onnx"), to.join("souffleur.toml")]);
        assert_eq!(fs::read_to_string(to.join("souffleur.toml")).unwrap(), "new");
        assert!(onnx.join("new.onnx").is_file() && !onnx.join("old.onnx").exists());
        assert!(to.join("clips").join("anno.json").is_file());
        assert!(replace(&from, &to).unwrap().is_empty());
        fs::remove_dir_all(&work).unwrap();
    }
}
