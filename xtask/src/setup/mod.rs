//! `cargo xtask setup`: finds what the build and the program need and installs what is missing.

mod onnxruntime;
mod packages;
pub mod pip_package;
pub mod python;

use std::process::ExitCode;

use crate::command::find_program;
use crate::failure::Failure;

use packages::{Package, PackageManager};

pub const HELP: &str = "\
Finds what is missing on this machine, says what it will install, and installs it:
  - a C compiler and linker, for the tokenizer's C code
  - ffmpeg and ffprobe, which read video files
  - ONNX Runtime, the library that runs the model, from its official Python package (checked against a pinned
    sha256), and pip to fetch it where pip is missing
On Debian and Ubuntu packages come through apt-get, as root or through sudo. On other systems the exact command is
printed instead. A second run finds everything in place and does nothing.";

/// Runs the task.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    crate::expect_no_arguments("setup", arguments)?;
    if !ensure()? {
        println!("nothing to install: everything is in place");
    }
    Ok(ExitCode::SUCCESS)
}

/// Installs what is missing; quiet where nothing is. Returns whether anything was.
///
/// What is there is asked of the machine each time, not remembered in a file: it takes milliseconds, and it stays true
/// when a package is removed later.
pub fn ensure() -> Result<bool, Failure> {
    let library = onnxruntime::Installation::of_this_machine()?;
    let must_fetch = !library.is_in_place();
    let mut missing: Vec<&Package> =
        packages::NEEDED.iter().filter(|package| package.is_needed_here() && !package.is_installed()).collect();
    if must_fetch && python::with_pip().is_none() {
        missing.push(&packages::PIP);
    }
    if missing.is_empty() && !must_fetch {
        return Ok(false);
    }

    println!("missing on this machine, and about to be installed:");
    for package in &missing {
        println!("  - {}", package.purpose);
    }
    if must_fetch {
        println!("  - {}", library.purpose());
    }
    if !missing.is_empty() {
        PackageManager::of_this_machine().install(&missing)?;
        check_installed(&missing)?;
    }
    if must_fetch {
        let python = python::with_pip().ok_or_else(|| {
            Failure::new("no Python 3 with pip was found", "install pip for python3, so that `python3 -m pip` works")
        })?;
        library.install(&python)?;
    }
    println!("everything is in place");
    Ok(true)
}

/// A package that installs without error and still does not bring its program is not installed.
fn check_installed(packages: &[&Package]) -> Result<(), Failure> {
    for program in packages.iter().flat_map(|package| package.programs) {
        if find_program(program).is_none() {
            return Err(Failure::new(
                format!("`{program}` was installed but is not on the search path"),
                "open a new terminal and run the same command again",
            ));
        }
    }
    Ok(())
}
