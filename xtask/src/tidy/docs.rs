//! Rules that keep the documents true.

use std::path::Path;

use super::Finding;
use crate::failure::Failure;
use crate::workspace;

const CODE_MAP: &str = "## Code map";

/// Checks ARCHITECTURE.md against the workspace.
pub fn check() -> Result<Vec<Finding>, Failure> {
    let path = Path::new("ARCHITECTURE.md");
    Ok(check_code_map(path, &workspace::read(path)?, &workspace::members()?))
}

/// The code map has a line "- `PATH`…" for each member, and none for a crate that is gone.
fn check_code_map(path: &Path, text: &str, members: &[String]) -> Vec<Finding> {
    let rule = "code-map";
    let mut findings = Vec::new();
    let Some(map_line_idx) = text.lines().position(|line| line == CODE_MAP) else {
        return vec![Finding::new(path, 0, rule, format!("the section '{CODE_MAP}' is missing"))];
    };
    let section = text.lines().enumerate().skip(map_line_idx + 1).take_while(|(_, line)| !line.starts_with("## "));
    let entries: Vec<(usize, &str)> = section
        .filter_map(|(line_idx, line)| Some((line_idx + 1, line.strip_prefix("- `")?.split_once('`')?.0)))
        .collect();
    for member in members {
        if !entries.iter().any(|(_, entry)| entry == member) {
            findings.push(Finding::new(path, map_line_idx + 1, rule, format!("crate {member} is not in the code map")));
        }
    }
    for (line, entry) in entries {
        if !members.iter().any(|member| member == entry) {
            findings.push(Finding::new(path, line, rule, format!("{entry} is not a crate of the workspace")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_map_is_the_members_list() {
        let members = ["crates/a".to_owned(), "crates/b".to_owned()];
        let path = Path::new("ARCHITECTURE.md");
        let text =
            "# x\n## Code map\n- `crates/a` (`a`): one\n- `crates/gone`: none\n## Next\n- `crates/b`: elsewhere\n";
        let found: Vec<String> = check_code_map(path, text, &members).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "ARCHITECTURE.md:2: code-map: crate crates/b is not in the code map",
                "ARCHITECTURE.md:4: code-map: crates/gone is not a crate of the workspace",
            ]
        );
        assert_eq!(check_code_map(path, "no map", &members).len(), 1);
    }
}
