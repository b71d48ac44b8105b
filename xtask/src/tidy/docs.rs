//! Rules that keep the documents true.

use std::path::Path;

use super::Finding;
use crate::failure::Failure;
use crate::workspace;

const CODE_MAP: &str = "## Code map";

/// Checks ARCHITECTURE.md against the workspace and README.md against the tasks.
pub fn check() -> Result<Vec<Finding>, Failure> {
    let (map, readme) = (Path::new("ARCHITECTURE.md"), Path::new("README.md"));
    let mut findings = check_code_map(map, &workspace::read(map)?, &workspace::members()?);
    findings.extend(check_tasks(readme, &workspace::read(readme)?, crate::TASKS.iter().map(|task| task.name)));
    Ok(findings)
}

/// The README has a row for each task.
fn check_tasks<'a>(path: &Path, text: &str, tasks: impl Iterator<Item = &'a str>) -> Vec<Finding> {
    let missing = tasks.filter(|task| !text.contains(&format!("\n| `cargo xtask {task}` |")));
    missing.map(|task| Finding::new(path, 0, "tasks", format!("the task {task} has no row in the table"))).collect()
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

    #[test]
    fn every_task_has_a_row() {
        let text = "| a | b |\n|---|---|\n| `cargo xtask setup` | installs |\n";
        let found = check_tasks(Path::new("README.md"), text, ["setup", "set"].into_iter());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "README.md:1: tasks: the task set has no row in the table");
    }
}
