//! Which crate may depend on which, and on which heavy library.

use std::path::{Path, PathBuf};

use super::Finding;
use crate::failure::Failure;
use crate::workspace;

/// The crates of the workspace that each crate may depend on. Arrows point one way, so no crate can grow a second
/// resize, wire format or position rule beside the first. Tests may look sideways: `[dev-dependencies]` are free.
const LAYERS: &[(&str, &[&str])] = &[
    ("souffleur-core", &[]),
    ("souffleur-model", &["souffleur-core"]),
    ("souffleur-capture", &["souffleur-core"]),
    ("souffleur-export", &["souffleur-model", "souffleur-core"]),
    ("souffleur-engine", &["souffleur-model", "souffleur-core"]),
    ("souffleur-session", &["souffleur-engine", "souffleur-capture", "souffleur-model", "souffleur-core"]),
    (
        "souffleur-bench",
        &["souffleur-session", "souffleur-engine", "souffleur-capture", "souffleur-model", "souffleur-core"],
    ),
    (
        "souffleur",
        &[
            "souffleur-bench",
            "souffleur-export",
            "souffleur-session",
            "souffleur-engine",
            "souffleur-capture",
            "souffleur-model",
            "souffleur-core",
        ],
    ),
    ("souffleur-tests", &[]),
    ("xtask", &[]),
];

/// Libraries that are costly to build or to change: each is known to one crate alone, its tests included.
const LIBRARIES_OF_ONE_CRATE: &[(&str, &str)] =
    &[("ort", "souffleur-engine"), ("burn", "souffleur-train"), ("tauri", "souffleur-desktop")];

const DEPENDENCY_TABLES: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

/// Checks the manifest of every member.
pub fn check() -> Result<Vec<Finding>, Failure> {
    let root_manifest = workspace::read(Path::new("Cargo.toml"))?;
    let members = workspace::members()?;
    let mut findings = check_purposes(&root_manifest, &members);
    for member in members {
        let path = PathBuf::from(member).join("Cargo.toml");
        let text = workspace::read(&path)?;
        let manifest = workspace::read_manifest(&path)?;
        findings.extend(check_manifest(&path, &text, &manifest));
    }
    Ok(findings)
}

/// The members list is the map of the project: each line of it ends with what the crate is for.
fn check_purposes(root_manifest: &str, members: &[String]) -> Vec<Finding> {
    let path = Path::new("Cargo.toml");
    let mut findings = Vec::new();
    for member in members {
        let quoted = format!("\"{member}\"");
        let found = root_manifest.lines().enumerate().find(|(_, line)| line.trim_start().starts_with(&quoted));
        let (line, text) = found.unwrap_or((0, ""));
        if text.split_once('#').is_none_or(|(_, purpose)| purpose.trim().is_empty()) {
            let why = format!("member {quoted} has no line of its own with `# purpose`");
            findings.push(Finding::new(path, line + 1, "purpose", why));
        }
    }
    findings
}

fn check_manifest(path: &Path, text: &str, manifest: &toml::Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    let package = manifest.get("package").and_then(|value| value.as_table());
    let value_of = |key: &str| package.and_then(|table| table.get(key)?.as_str()).unwrap_or_default();
    let name = value_of("name");
    if value_of("description").is_empty() {
        findings.push(Finding::new(path, 1, "purpose", "the crate has no `description`"));
    }
    let lints = manifest.get("lints").and_then(|value| value.get("workspace")?.as_bool());
    if lints != Some(true) {
        findings.push(Finding::new(path, 1, "lints", "`[lints] workspace = true` is missing"));
    }
    let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
        let why = format!("crate {name} has no entry in the layers of xtask's tidy");
        findings.push(Finding::new(path, 1, "layers", why));
        return findings;
    };
    for (table, dependency) in dependencies(manifest) {
        let line = line_of(text, &dependency);
        if table != "dev-dependencies" && dependency.starts_with("souffleur") && !allowed.contains(&dependency.as_str())
        {
            let why = format!("{name} may not depend on {dependency}");
            findings.push(Finding::new(path, line, "layers", why));
        }
        for (library, owner) in LIBRARIES_OF_ONE_CRATE {
            let is_part = dependency == *library || dependency.starts_with(&format!("{library}-"));
            if is_part && name != *owner {
                let why = format!("only {owner} may use {library}, {name} may not");
                findings.push(Finding::new(path, line, "layers", why));
            }
        }
    }
    findings
}

/// Every dependency with the kind of table it stands in, those for one platform only included.
fn dependencies(manifest: &toml::Table) -> Vec<(&'static str, String)> {
    let per_target = manifest.get("target").and_then(|value| value.as_table());
    let tables = std::iter::once(manifest).chain(per_target.into_iter().flatten().filter_map(|(_, v)| v.as_table()));
    let mut found = Vec::new();
    for table in tables {
        for kind in DEPENDENCY_TABLES {
            let entries = table.get(kind).and_then(|value| value.as_table());
            for (key, value) in entries.into_iter().flatten() {
                // `x = { package = "ort" }` is ort, whatever it is called here.
                let name = value.get("package").and_then(|package| package.as_str()).unwrap_or(key);
                found.push((kind, name.to_owned()));
            }
        }
    }
    found
}

fn line_of(text: &str, dependency: &str) -> usize {
    text.lines().position(|line| line.starts_with(dependency)).map_or(1, |line_idx| line_idx + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let found = check_manifest(Path::new("Cargo.toml"), text, &text.parse().unwrap());
        found.iter().map(ToString::to_string).collect()
    }

    fn manifest(name: &str, dependencies: &str) -> String {
        format!("[package]\nname = \"{name}\"\ndescription = \"x\"\n[lints]\nworkspace = true\n{dependencies}")
    }

    #[test]
    fn arrows_point_one_way() {
        assert!(findings(&manifest("souffleur-model", "[dependencies]\nsouffleur-core.workspace = true\n")).is_empty());
        assert_eq!(
            findings(&manifest("souffleur-model", "[dependencies]\nsouffleur-engine.workspace = true\n")),
            ["Cargo.toml:7: layers: souffleur-model may not depend on souffleur-engine"]
        );
        assert!(
            findings(&manifest("souffleur-engine", "[dev-dependencies]\nsouffleur-export.workspace = true\n"))
                .is_empty()
        );
    }

    #[test]
    fn a_heavy_library_belongs_to_one_crate() {
        assert!(findings(&manifest("souffleur-engine", "[dependencies]\nort = \"2\"\n")).is_empty());
        for dependencies in [
            "[dev-dependencies]\nort = \"2\"\n",
            "[target.'cfg(windows)'.dependencies]\nort-sys = \"2\"\n",
            "[dependencies]\nruntime = { package = \"ort\", version = \"2\" }\n",
        ] {
            assert_eq!(findings(&manifest("souffleur-session", dependencies)).len(), 1, "{dependencies}");
        }
        // Begins alike and is another library.
        assert!(findings(&manifest("souffleur-session", "[dependencies]\northo = \"1\"\n")).is_empty());
    }

    #[test]
    fn a_crate_has_a_purpose_lints_and_a_layer() {
        let found = findings("[package]\nname = \"souffleur-new\"\n");
        let rules: Vec<&str> = found.iter().filter_map(|line| line.split(": ").nth(1)).collect();
        assert_eq!(rules, ["purpose", "lints", "layers"]);
    }

    #[test]
    fn a_member_has_a_line_of_purpose() {
        let members = ["a".to_owned(), "b".to_owned()];
        let found = check_purposes("members = [\n  \"a\", # the first\n  \"b\",\n]\n", &members);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 3);
    }
}
