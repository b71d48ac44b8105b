//! A Python whose pip works.

use std::process::Command;

use crate::command;

/// Names and places to try. The system's own comes last: where another Python stands first on the search path, its
/// package manager's pip lands only there.
const CANDIDATES: [&str; 4] = ["python3", "python", "py", "/usr/bin/python3"];

/// The first Python 3 that has pip.
pub fn with_pip() -> Option<String> {
    CANDIDATES
        .iter()
        // Python 2 and the Windows store's placeholder both fail this.
        .find(|python| {
            command::succeeds(Command::new(python).args(["-c", "import pip, sys; assert sys.version_info[0] == 3"]))
        })
        .map(|python| (*python).to_owned())
}
