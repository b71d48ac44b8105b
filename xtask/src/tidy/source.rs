//! Rules for Rust source files.

use std::path::Path;

use super::Finding;

/// A file that does not fit here holds more than one concept.
const MAX_LINES: usize = 500;

/// Names that say nothing about what a file holds, and so attract anything.
const VAGUE_NAMES: [&str; 7] = ["util", "utils", "manager", "helper", "helpers", "common", "misc"];

/// Marks of work that is not finished. Each is put together here, so that this file does not break its own rule.
const UNFINISHED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("unimplemented", "!("),
    concat!("todo", "!("),
    concat!("Under ", "construction"),
];

/// The file's name, whatever kind of file it is.
pub fn check_name(path: &Path) -> Vec<Finding> {
    let vague = path.components().find_map(|component| {
        let name = component.as_os_str().to_string_lossy();
        let stem = name.split('.').next()?.to_lowercase();
        let word = stem.split(['_', '-']).find(|word| VAGUE_NAMES.contains(word))?.to_owned();
        Some(word)
    });
    let finding = |word| Finding::new(path, 0, "file-name", format!("'{word}' names no concept: name what it holds"));
    vague.map(finding).into_iter().collect()
}

/// Every rule for the text of a `.rs` file.
pub fn check(path: &Path, text: &str) -> Vec<Finding> {
    // Written by a program, read by none of us.
    if text.lines().take(3).any(|line| line.contains("@generated")) {
        return Vec::new();
    }
    let mut findings = check_length(path, text);
    findings.extend(check_unfinished(path, text));
    findings.extend(check_printing(path, text));
    findings.extend(check_thread_names(path, text));
    findings
}

fn check_length(path: &Path, text: &str) -> Vec<Finding> {
    let num_lines = text.lines().count();
    if num_lines <= MAX_LINES {
        return Vec::new();
    }
    let why = format!("{num_lines} lines, more than {MAX_LINES}: split it by concept");
    vec![Finding::new(path, num_lines, "file-length", why)]
}

fn check_unfinished(path: &Path, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line_idx, line) in text.lines().enumerate() {
        if let Some(mark) = UNFINISHED.iter().find(|mark| line.contains(**mark)) {
            let why = format!("'{mark}': finish it or open an issue");
            findings.push(Finding::new(path, line_idx + 1, "unfinished", why));
        }
    }
    findings
}

/// A library that prints spoils the output of the program that calls it.
fn check_printing(path: &Path, text: &str) -> Vec<Finding> {
    // cargo reads what a build script prints, a person what a benchmark does, and a test's is shown when it fails.
    let may_print = path.starts_with("xtask")
        || path.starts_with("crates/cli")
        || path.file_name().is_some_and(|name| name == "build.rs")
        || path
            .components()
            .any(|component| ["benches", "examples", "tests"].iter().any(|name| component.as_os_str() == *name));
    if may_print {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (line_idx, line) in text.lines().enumerate() {
        let is_comment = line.trim_start().starts_with("//");
        // Finds `eprintln!(` and `eprint!(` as well.
        if !is_comment && (line.contains("println!(") || line.contains("print!(")) {
            findings.push(Finding::new(path, line_idx + 1, "printing", "only the command line prints: return it"));
        }
    }
    findings
}

/// `std::thread::spawn` is forbidden by clippy.toml; what it cannot see is a builder without a name, and a scope.
fn check_thread_names(path: &Path, text: &str) -> Vec<Finding> {
    let builder = concat!("thread::Builder", "::new()");
    let mut findings = Vec::new();
    for (start, _) in text.match_indices(builder) {
        let rest = text[start + builder.len()..].trim_start();
        if !rest.starts_with(".name(") {
            let line = text[..start].lines().count().max(1);
            findings.push(Finding::new(path, line, "thread-name", "begin the builder with `.name(…)`"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(findings: &[Finding]) -> Vec<usize> {
        findings.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn vague_names_are_found_as_words_in_any_part_of_the_path() {
        for path in ["crates/model/src/utils.rs", "tests/common/mod.rs", "src/kv_helper.rs", "ui/misc.ts"] {
            assert_eq!(check_name(Path::new(path)).len(), 1, "{path}");
        }
        for path in ["crates/model/src/resize.rs", "src/commonwealth.rs", "docs/management.md"] {
            assert!(check_name(Path::new(path)).is_empty(), "{path}");
        }
    }

    #[test]
    fn a_long_file_is_found_and_a_generated_one_is_not() {
        let long = "\n".repeat(MAX_LINES + 1);
        let path = Path::new("crates/model/src/a.rs");
        assert_eq!(lines(&check(path, &long)), [MAX_LINES + 1]);
        assert!(check(path, &"\n".repeat(MAX_LINES)).is_empty());
        assert!(check(path, &format!("// @generated by x\n{long}")).is_empty());
    }

    #[test]
    fn unfinished_work_is_found() {
        let text = format!("fn a() {{}}\n// {}: later\n", UNFINISHED[0]);
        assert_eq!(lines(&check_unfinished(Path::new("a.rs"), &text)), [2]);
    }

    #[test]
    fn only_front_ends_print() {
        let text = "fn a() {\n    eprintln!(\"x\");\n}\n// println!(\"in a comment\")\n";
        assert_eq!(lines(&check_printing(Path::new("crates/model/src/a.rs"), text)), [2]);
        for path in [
            "crates/cli/src/main.rs",
            "xtask/src/main.rs",
            "crates/x/build.rs",
            "crates/model/benches/resize.rs",
            "tests/tests/clips.rs",
        ] {
            assert!(check_printing(Path::new(path), text).is_empty(), "{path}");
        }
    }

    #[test]
    fn a_thread_without_a_name_is_found() {
        let named = format!("{}\n    .name(\"engine\".into())", concat!("thread::Builder", "::new()"));
        let anonymous = format!("fn a() {{\n    {}.spawn(|| ());\n}}", concat!("thread::Builder", "::new()"));
        let path = Path::new("a.rs");
        assert!(check_thread_names(path, &named).is_empty());
        assert_eq!(lines(&check_thread_names(path, &anonymous)), [2]);
    }
}
