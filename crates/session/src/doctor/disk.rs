use std::io;
use std::path::Path;

use super::{Check, CheckStatus};

const NAME: &str = "disk";

/// Less than this is worth a warning: models of the sizes people release take gigabytes.
const LEAST_FREE_BYTES: u64 = 4 << 30;

/// Whether there is room in the folder where the user's models and the runtime library live, and whether it can be
/// written to. A folder that does not exist yet is judged by the one it would be made in. Nothing stays behind.
pub(super) fn check(dir: Option<&Path>) -> Check {
    let Some(dir) = dir else {
        let hint = "set HOME, so that the program has a folder of its own".to_owned();
        return Check::new(NAME, CheckStatus::Warning, "there is no folder for data on this account", Some(hint));
    };
    let shown = dir.display();
    let place = dir.ancestors().find(|folder| folder.exists()).unwrap_or(dir);
    match try_to_write(place) {
        Err(cause) => {
            let found = format!("{shown} cannot be written: {cause}");
            Check::new(
                NAME,
                CheckStatus::Warning,
                found,
                Some(format!("let this account write to {}", place.display())),
            )
        }
        Ok(free_bytes) => {
            let found = format!("{} free for {shown}", size(free_bytes));
            let hint = (free_bytes < LEAST_FREE_BYTES).then(|| "make room: a large model takes gigabytes".to_owned());
            let status = if hint.is_some() { CheckStatus::Warning } else { CheckStatus::Ok };
            Check::new(NAME, status, found, hint)
        }
    }
}

/// Writes a file that is gone at once, and gives the bytes that are free.
fn try_to_write(folder: &Path) -> io::Result<u64> {
    use io::Write;
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&[0; 4096])?;
    file.flush()?;
    fs4::available_space(folder)
}

/// `12.3 GiB`, or `512 MiB` below one.
fn size(bytes: u64) -> String {
    const MIB: f64 = (1u64 << 20) as f64;
    match bytes as f64 / MIB {
        mib if mib < 1024.0 => format!("{mib:.0} MiB"),
        mib => format!("{:.1} GiB", mib / 1024.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_is_judged_by_its_parent_and_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("share/souffleur");
        let check = check(Some(&data));
        assert!(check.found.ends_with(&format!("free for {}", data.display())), "{check:?}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing stays behind");
    }

    #[test]
    fn a_place_that_is_no_folder_is_a_warning() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let check = check(Some(&file.path().join("souffleur")));
        assert!(check.status == CheckStatus::Warning && check.found.contains("cannot be written: "), "{check:?}");
        assert!(check.hint.is_some_and(|hint| hint.ends_with(&file.path().display().to_string())));
    }

    #[test]
    fn an_account_without_a_folder_is_a_warning() {
        assert_eq!(check(None).status, CheckStatus::Warning);
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!([0, 512 << 20, 1 << 30, 13_207_024_435].map(size), ["0 MiB", "512 MiB", "1.0 GiB", "12.3 GiB"]);
    }
}
