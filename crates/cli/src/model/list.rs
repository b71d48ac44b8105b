use std::io::{Write, stdout};

use clap::Args;
use serde::Serialize;
use souffleur_engine::catalog::{self, CatalogEntry, ModelOrigin};
use souffleur_model::Weights;

use crate::failure::{Failure, one_line};
use crate::pauc::json_line;

/// List the models that --model knows by name
#[derive(Args)]
pub(super) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A model as JSON: with what its manifest says, or why it cannot be used.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    /// `embedded`, or the folder.
    origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Weights>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl<'a> Listed<'a> {
    fn new(entry: &'a CatalogEntry) -> Self {
        let manifest = entry.manifest.as_ref();
        Self {
            name: &entry.name,
            origin: origin(&entry.origin),
            weights: manifest.ok().map(|manifest| manifest.weights),
            licence: manifest.ok().map(|manifest| manifest.licence.as_str()),
            summary: manifest.ok().map(|manifest| manifest.card.summary.as_str()),
            error: manifest.err().map(String::as_str),
        }
    }

    fn line(&self) -> String {
        let Self { name, origin, weights, licence, error, .. } = self;
        match (weights, error) {
            (_, Some(error)) => format!("{name:<16} unusable  {origin}: {error}"),
            (Some(weights), None) => {
                format!("{name:<16} {:<8}  {origin}  {}", weights.as_str(), licence.unwrap_or_default())
            }
            (None, None) => format!("{name:<16} {origin}"),
        }
    }
}

fn origin(origin: &ModelOrigin) -> String {
    match origin {
        ModelOrigin::Embedded => "embedded".into(),
        ModelOrigin::Folder(path) => path.display().to_string(),
    }
}

pub(super) fn run(args: &ListArgs) -> Result<(), Failure> {
    let entries = catalog::list();
    let listed: Vec<Listed<'_>> = entries.iter().map(Listed::new).collect();
    let mut out = stdout().lock();
    if args.json {
        writeln!(out, "{}", json_line(&listed))?;
    } else {
        for model in &listed {
            writeln!(out, "{}", one_line_keeping_columns(&model.line()))?;
        }
    }
    Ok(())
}

/// Columns are runs of spaces, which [`one_line`] closes up: each part between them is cleaned by itself.
fn one_line_keeping_columns(line: &str) -> String {
    line.split(' ').map(one_line).collect::<Vec<_>>().join(" ")
}
