//! `cargo xtask third-party`: what the program is made of besides its own code, and under which licences.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use crate::failure::Failure;
use crate::{command, workspace};

pub const HELP: &str = "\
Writes THIRD-PARTY.md: every library compiled into the command line, on any system, with its licence and authors,
and what comes with it that is not code.

  --check   write nothing; fail when the file is not up to date";

const FILE: &str = "THIRD-PARTY.md";

/// The package whose libraries are listed: what users get.
const PROGRAM: &str = "souffleur";

/// Runs the task.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    match arguments {
        [] => {
            let path = workspace::root().join(FILE);
            std::fs::write(&path, document()?).map_err(|err| Failure::file("write", &path, &err))?;
            println!("wrote {FILE}");
        }
        [argument] if argument == "--check" => check()?,
        _ => return Err(Failure::usage("expected nothing or `--check`", "see `cargo xtask third-party --help`")),
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails when the file is not what would be written now.
pub fn check() -> Result<(), Failure> {
    if std::fs::read_to_string(workspace::root().join(FILE)).ok() == Some(document()?) {
        return Ok(());
    }
    Err(Failure::new(format!("{FILE} is not up to date"), "run `cargo xtask third-party` and commit the file"))
}

/// One library, as the table shows it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Library {
    name: String,
    version: String,
    licence: String,
    authors: String,
}

fn document() -> Result<String, Failure> {
    let arguments = ["metadata", "--format-version", "1", "--locked"];
    let metadata = command::capture(
        command::cargo().args(arguments).current_dir(workspace::root()),
        "read cargo's message above",
    )?;
    let metadata: Value = serde_json::from_str(&metadata)
        .map_err(|err| Failure::new(format!("cargo metadata is not JSON: {err}"), "update cargo"))?;
    let mut text = workspace::read(Path::new("xtask/src/third_party_head.md"))?;
    for library in libraries(&metadata, PROGRAM) {
        let Library { name, version, licence, authors } = library;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {name} | {version} | {licence} | {authors} |");
    }
    Ok(text)
}

/// Everything reachable from `program` over dependencies that are compiled into it, this workspace's crates apart.
fn libraries(metadata: &Value, program: &str) -> BTreeSet<Library> {
    let packages: BTreeMap<&str, &Value> =
        list(&metadata["packages"]).iter().filter_map(|package| Some((package["id"].as_str()?, package))).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).iter().filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let is_program = |id: &&&str| packages[**id]["name"] == program && packages[**id]["source"].is_null();
    let mut waiting: Vec<&str> = packages.keys().filter(is_program).copied().collect();
    let mut reached = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !reached.insert(id) {
            continue;
        }
        let dependencies = nodes.get(id).map_or(&[][..], |node| list(&node["deps"]));
        // Kinds are null (compiled in), "build" and "dev".
        let compiled_in =
            dependencies.iter().filter(|dep| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()));
        waiting.extend(compiled_in.filter_map(|dep| dep["pkg"].as_str()));
    }
    reached
        .iter()
        .filter_map(|id| packages.get(id))
        .filter(|package| !package["source"].is_null())
        .map(|package| library(package))
        .collect()
}

fn library(package: &Value) -> Library {
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let authors: Vec<&str> = list(&package["authors"]).iter().filter_map(Value::as_str).map(without_address).collect();
    Library {
        name: text("name"),
        version: text("version"),
        licence: match package["license"].as_str() {
            Some(licence) => licence.replace('/', " OR "),
            None => format!("see {} in the package", package["license_file"].as_str().unwrap_or("the licence")),
        },
        authors: authors.join(", ").replace('|', "\\|"),
    }
}

/// `Name <address>` without the address.
fn without_address(author: &str) -> &str {
    author.split(" <").next().unwrap_or(author).trim()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_compiled_in_is_listed() {
        let package = |id: &str, source: Value| {
            json!({ "id": id, "name": id, "version": "1.0.0", "license": "MIT/Apache-2.0", "source": source,
                    "authors": ["A B <a@b.c>", "D|E"] })
        };
        let dep = |id: &str, kind: Value| json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [package("souffleur", Value::Null), package("inner", Value::Null), package("used", json!("r")),
                         package("builds", json!("r")), package("tests", json!("r")), package("deep", json!("r"))],
            "resolve": { "nodes": [
                { "id": "souffleur", "deps": [dep("inner", Value::Null), dep("builds", json!("build")), dep("tests", json!("dev"))] },
                { "id": "inner", "deps": [dep("used", Value::Null)] },
                { "id": "used", "deps": [dep("deep", Value::Null)] },
            ] }
        });
        let found: Vec<Library> = libraries(&metadata, "souffleur").into_iter().collect();
        let names: Vec<&str> = found.iter().map(|library| library.name.as_str()).collect();
        assert_eq!(names, ["deep", "used"]);
        assert_eq!(found[0].licence, "MIT OR Apache-2.0");
        assert_eq!(found[0].authors, "A B, D\\|E");
    }
}
