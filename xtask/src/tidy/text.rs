//! Rules for every text file.

use std::path::Path;

use super::Finding;

/// Where packages come from is this machine's setting (cargo's, pip's, npm's, apt's), never the project's. Each name is
/// put together here, so that this file does not break its own rule.
const REGISTRY_HOSTS: [&str; 7] = [
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("npm", "js.org"),
    concat!("npm", "js.com"),
    concat!("deb.debian", ".org"),
    concat!("archive.ubuntu", ".com"),
];

/// A clone must hold everything it needs: nothing refers to a folder beside it.
const OUTSIDE_FOLDERS: [&str; 2] = [concat!("../", "shared"), concat!("/work", "/")];

/// Lock files name the source of each package by themselves.
const LOCK_FILES: [&str; 2] = ["Cargo.lock", "package-lock.json"];

/// Every rule for the text of any file.
pub fn check(path: &Path, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !path.file_name().is_some_and(|name| LOCK_FILES.iter().any(|lock| name == *lock)) {
        let why = |host: &str| format!("'{host}' is a registry's host: leave it to the machine's settings");
        findings.extend(find_each(path, text, "registry-host", &REGISTRY_HOSTS, why));
    }
    let why = |folder: &str| format!("'{folder}' lies outside the repository");
    findings.extend(find_each(path, text, "outside-folder", &OUTSIDE_FOLDERS, why));
    findings
}

fn find_each(
    path: &Path,
    text: &str,
    rule: &'static str,
    forbidden: &[&'static str],
    why: impl Fn(&str) -> String,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line_idx, line) in text.lines().enumerate() {
        for word in forbidden.iter().filter(|word| line.contains(**word)) {
            findings.push(Finding::new(path, line_idx + 1, rule, why(word)));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_host_is_found_except_in_a_lock_file() {
        let text = format!("a\nsource = \"{}\"\n", REGISTRY_HOSTS[0]);
        let found = check(Path::new("README.md"), &text);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].rule), (2, "registry-host"));
        assert!(check(Path::new("Cargo.lock"), &text).is_empty());
    }

    #[test]
    fn a_folder_beside_the_clone_is_found() {
        let text = format!("see {}/spec\n", OUTSIDE_FOLDERS[0]);
        let found = check(Path::new("tests/generate.py"), &text);
        assert_eq!((found[0].line, found[0].rule), (1, "outside-folder"));
    }
}
