//! ONNX Runtime: fetched as the official Python package, of which one library is kept.
//!
//! The package is the same for every Python, because the platform and the Python version are named in the call: so one
//! pinned sha256 a platform is enough, whatever Python happens to fetch it.

use std::fs;
use std::path::{Path, PathBuf};

use super::pip_package::{PipPackage, WorkFolder};
use crate::failure::Failure;

/// The version that is fetched; the engine looks for the same one.
const VERSION: &str = "1.31.1";

/// What accompanies the library, so that its licence stays with it.
const NOTICES: [&str; 2] = ["LICENSE", "ThirdPartyNotices.txt"];

/// The package of one platform.
struct Wheel {
    /// As Rust names the platform: operating system and processor.
    machine: (&'static str, &'static str),
    /// As the package names it.
    platform_tag: &'static str,
    /// Of the package, in hexadecimal.
    sha256: &'static str,
    /// The library's name in the package's `capi` folder, and on disk.
    library: &'static str,
    /// The library's exact size: one stat tells a whole library from a damaged one at every start.
    library_bytes: u64,
}

/// Recorded from the packages themselves, each downloaded once with the call of [`PipPackage::fetch`].
const WHEELS: [Wheel; 5] = [
    Wheel {
        machine: ("linux", "x86_64"),
        platform_tag: "manylinux_2_28_x86_64",
        sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
        library: "libonnxruntime.so.1.31.1",
        library_bytes: 29_352_200,
    },
    Wheel {
        machine: ("linux", "aarch64"),
        platform_tag: "manylinux_2_28_aarch64",
        sha256: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
        library: "libonnxruntime.so.1.31.1",
        library_bytes: 25_265_040,
    },
    Wheel {
        machine: ("macos", "aarch64"),
        platform_tag: "macosx_14_0_arm64",
        sha256: "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7",
        library: "libonnxruntime.1.31.1.dylib",
        library_bytes: 33_037_336,
    },
    Wheel {
        machine: ("windows", "x86_64"),
        platform_tag: "win_amd64",
        sha256: "c3d91b5de31e2fc82d71bd65b2b22bddee8b49057a3a36338e9a868e0ea90c05",
        library: "onnxruntime.dll",
        library_bytes: 19_288_888,
    },
    Wheel {
        machine: ("windows", "aarch64"),
        platform_tag: "win_arm64",
        sha256: "93800007a7023b3ab26ad72e6463d0d57d84ead49a2f6341954d91438e046bc0",
        library: "onnxruntime.dll",
        library_bytes: 19_171_640,
    },
];

/// Where the library of this machine's platform belongs, and how it gets there.
pub struct Installation {
    wheel: &'static Wheel,
    /// `…/souffleur/onnxruntime/VERSION`: the folder the engine looks into.
    folder: PathBuf,
}

impl Installation {
    /// For this machine and this user.
    ///
    /// # Errors
    /// Where no package exists for the machine, or the user has no folder for data.
    pub fn of_this_machine() -> Result<Self, Failure> {
        let data_folder = directories::BaseDirs::new().map(|folders| folders.data_local_dir().to_owned());
        let data_folder =
            data_folder.ok_or_else(|| Failure::new("this user has no home folder", "set HOME to a folder of yours"))?;
        Ok(Self::of(wheel_of(std::env::consts::OS, std::env::consts::ARCH)?, &data_folder))
    }

    fn of(wheel: &'static Wheel, data_folder: &Path) -> Self {
        Self { wheel, folder: data_folder.join("souffleur").join("onnxruntime").join(VERSION) }
    }

    /// What it is and where it goes, in one line.
    pub fn purpose(&self) -> String {
        format!("ONNX Runtime {VERSION}, which runs the model, into {}", self.folder.display())
    }

    /// Whether the whole library is there.
    pub fn is_in_place(&self) -> bool {
        let library = self.folder.join(self.wheel.library);
        library.metadata().is_ok_and(|data| data.is_file() && data.len() == self.wheel.library_bytes)
    }

    /// Fetches the package, checks it and puts the library in place; nothing appears there before it is whole.
    ///
    /// # Errors
    /// When pip fails, the package is not the pinned one, or the disk refuses.
    pub fn install(&self, python: &str) -> Result<(), Failure> {
        // Beside its final place, so that the last step is one rename.
        let work = WorkFolder::create(self.folder.with_file_name(format!("{VERSION}.partial-{}", std::process::id())))?;
        let requirement = format!("onnxruntime=={VERSION}");
        let platform = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--platform"];
        let platform = [&platform[..], &[self.wheel.platform_tag]].concat();
        let package = PipPackage {
            requirement: &requirement,
            arguments: &platform,
            sha256: self.wheel.sha256,
            name: "ONNX Runtime",
        };
        let unpacked = package.fetch(python, work.path())?;
        let whole = work.path().join("whole");
        fs::create_dir(&whole).map_err(|err| Failure::file("create", &whole, &err))?;
        let package = unpacked.join("onnxruntime");
        take(&package.join("capi").join(self.wheel.library), &whole)?;
        for notice in NOTICES {
            take(&package.join(notice), &whole)?;
        }
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).map_err(|err| Failure::file("replace", &self.folder, &err))?;
        }
        fs::rename(&whole, &self.folder).map_err(|err| Failure::file("create", &self.folder, &err))
    }
}

fn wheel_of(system: &str, processor: &str) -> Result<&'static Wheel, Failure> {
    WHEELS.iter().find(|wheel| wheel.machine == (system, processor)).ok_or_else(|| {
        Failure::new(
            format!("ONNX Runtime {VERSION} has no ready library for {system} on {processor}"),
            "build ONNX Runtime 1.24 or later, set ORT_DYLIB_PATH to its library, and build with plain cargo",
        )
    })
}

/// Moves a file into `folder` under its own name.
fn take(file: &Path, folder: &Path) -> Result<(), Failure> {
    let target = folder.join(file.file_name().unwrap_or_default());
    fs::rename(file, target).map_err(|err| Failure::file("move", file, &err))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_looks_for_what_is_installed() {
        let engine = crate::workspace::read(Path::new("crates/engine/src/runtime.rs")).unwrap();
        assert!(engine.contains(&format!("RUNTIME_VERSION: &str = \"{VERSION}\"")), "the versions differ");
        for wheel in &WHEELS {
            assert!(engine.contains(&format!("\"{}\"", wheel.library)), "the engine does not know {}", wheel.library);
        }
    }

    #[test]
    fn a_machine_without_a_package_gets_a_way_out() {
        let failure = wheel_of("macos", "x86_64").err().unwrap().to_string();
        assert!(failure.contains("macos on x86_64") && failure.contains("ORT_DYLIB_PATH"), "{failure}");
    }

    #[test]
    fn a_library_of_another_size_is_not_in_place() {
        let data = WorkFolder::create(std::env::temp_dir().join(format!("xtask-size-{}", std::process::id()))).unwrap();
        let installation = Installation::of(&WHEELS[0], data.path());
        assert!(!installation.is_in_place());
        fs::create_dir_all(&installation.folder).unwrap();
        let library = installation.folder.join(WHEELS[0].library);
        fs::write(&library, b"damaged").unwrap();
        assert!(!installation.is_in_place());
        fs::File::options().write(true).open(&library).unwrap().set_len(WHEELS[0].library_bytes).unwrap();
        assert!(installation.is_in_place());
    }
}
