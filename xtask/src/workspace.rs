//! What the tasks know of the repository: its root, its members and its files.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::failure::Failure;

/// The repository's root, whatever folder the task was started in.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies one folder below the root")
}

/// Where cargo puts what it builds.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The program that `cargo build --release -p souffleur` writes.
pub fn release_program() -> PathBuf {
    target_dir().join("release").join(format!("souffleur{}", std::env::consts::EXE_SUFFIX))
}

/// Builds the command line in release mode.
pub fn build_release_program() -> Result<(), Failure> {
    command::run(
        command::cargo().args(["build", "--release", "--locked", "-p", "souffleur"]).current_dir(root()),
        "read the compiler's message above",
    )
}

/// The text of a file, by its path from the root.
pub fn read(path: &Path) -> Result<String, Failure> {
    let path = root().join(path);
    std::fs::read_to_string(&path).map_err(|err| Failure::file("read", &path, &err))
}

/// The paths of the members, as the root's `Cargo.toml` lists them.
pub fn members() -> Result<Vec<String>, Failure> {
    let manifest = read_manifest(Path::new("Cargo.toml"))?;
    let members = manifest.get("workspace").and_then(|table| table.get("members")).and_then(|list| list.as_array());
    let members = members.ok_or_else(|| Failure::new("Cargo.toml lists no workspace members", "restore the list"))?;
    Ok(members.iter().filter_map(|member| member.as_str().map(str::to_owned)).collect())
}

/// A `Cargo.toml`, by its path from the root.
pub fn read_manifest(path: &Path) -> Result<toml::Table, Failure> {
    read(path)?.parse().map_err(|err| Failure::new(format!("cannot parse {}: {err}", path.display()), "mend the TOML"))
}

/// Folders that hold nothing of the project's own.
const SKIPPED_FOLDERS: [&str; 3] = [".git", "target", "node_modules"];

/// Every file of the project, by its path from the root, in order.
///
/// Git knows best which these are. A source archive has no git: there every file counts.
pub fn files() -> Result<Vec<PathBuf>, Failure> {
    let mut git = Command::new("git");
    // A checkout that belongs to another user (a container started as root) is still this project.
    git.args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = git.current_dir(root()).stdin(std::process::Stdio::null()).output();
    let mut files = match listed {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout)
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            // Deleted but not yet committed.
            .filter(|path| root().join(path).is_file())
            .collect(),
        _ => {
            let mut files = Vec::new();
            walk(root(), &mut files)?;
            files
        }
    };
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder).map_err(|err| Failure::file("list", folder, &err))? {
        let entry = entry.map_err(|err| Failure::file("list", folder, &err))?;
        let path = entry.path();
        if path.is_dir() {
            if !SKIPPED_FOLDERS.iter().any(|name| entry.file_name() == *name) {
                walk(&path, files)?;
            }
        } else if let Ok(relative) = path.strip_prefix(root()) {
            files.push(relative.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_and_the_walk_both_find_the_project() {
        let mut walked = Vec::new();
        walk(root(), &mut walked).unwrap();
        let here = Path::new("xtask").join("src").join("workspace.rs");
        assert!(walked.contains(&here));
        assert!(files().unwrap().contains(&here));
        assert!(!walked.iter().any(|path| path.starts_with("target") || path.starts_with(".git")));
    }

    #[test]
    fn this_crate_is_a_member() {
        assert!(members().unwrap().contains(&"xtask".to_owned()));
    }
}
