//! `cargo xtask models`: the embedded model, exported again from its checkpoint.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::failure::Failure;
use crate::{command, setup, workspace};

pub const HELP: &str = "\
Exports models/kitchen/source, the checkpoint of the embedded model, and replaces the graphs and settings in
models/kitchen by the result. Run it after the checkpoint or the exporter changed, then commit the folder.";

const FOLDER: &str = "models/kitchen";

/// Half of f32's size: the folder is compiled into the program.
const WEIGHTS: &str = "f16";

/// Runs the task.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    crate::expect_no_arguments("models", arguments)?;
    setup::ensure()?;
    workspace::build_release_program()?;
    let source = workspace::root().join(FOLDER).join("source");
    let exported = workspace::target_dir().join("xtask").join("kitchen");
    if exported.exists() {
        fs::remove_dir_all(&exported).map_err(|err| Failure::file("replace", &exported, &err))?;
    }
    if let Some(parent) = exported.parent() {
        fs::create_dir_all(parent).map_err(|err| Failure::file("create", parent, &err))?;
    }
    let mut export = Command::new(workspace::release_program());
    export.args(["model", "export"]).arg(source).arg(&exported).args(["--weights", WEIGHTS]);
    command::run(&mut export, "read the program's own message above")?;
    replace_entries(&exported, &workspace::root().join(FOLDER))?;
    println!("replaced the export in {FOLDER}; build again to compile it in");
    Ok(ExitCode::SUCCESS)
}

/// Puts each file and folder of `from` in place of the one of that name in `to`; what else lies in `to` stays.
fn replace_entries(from: &Path, to: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(from).map_err(|err| Failure::file("list", from, &err))? {
        let entry = entry.map_err(|err| Failure::file("list", from, &err))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            if target.exists() {
                fs::remove_dir_all(&target).map_err(|err| Failure::file("replace", &target, &err))?;
            }
            fs::create_dir_all(&target).map_err(|err| Failure::file("create", &target, &err))?;
            replace_entries(&source, &target)?;
        } else {
            // Copied, not renamed: the target folder may lie on another disk than the repository.
            fs::copy(&source, &target).map_err(|err| Failure::file("write", &target, &err))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_replaced_whole_and_the_checkpoint_stays() {
        let work = std::env::temp_dir().join(format!("xtask-models-{}", std::process::id()));
        let (from, to) = (work.join("from"), work.join("to"));
        for (path, text) in [
            (from.join("onnx").join("new.onnx"), "new"),
            (from.join("config.json"), "new"),
            (to.join("onnx").join("old.onnx"), "old"),
            (to.join("config.json"), "old"),
            (to.join("source").join("model.safetensors"), "kept"),
        ] {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        replace_entries(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("config.json")).unwrap(), "new");
        assert!(to.join("onnx").join("new.onnx").is_file());
        assert!(!to.join("onnx").join("old.onnx").exists());
        assert!(to.join("source").join("model.safetensors").is_file());
        fs::remove_dir_all(&work).unwrap();
    }
}
