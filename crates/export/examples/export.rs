//! `cargo run -p souffleur-export --example export -- SRC OUT f32|f16|int8|int4`

use std::path::PathBuf;

use souffleur_core::Hint;
use souffleur_export::{ExportOptions, ManifestDefaults, Weights, export};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [src, out, kind] = std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "SRC OUT KIND")?;
    let weights = Weights::ALL.into_iter().find(|weights| weights.as_str() == kind).ok_or("f32, f16, int8 or int4")?;
    let options = ExportOptions { weights, manifest_defaults: ManifestDefaults::default() };
    let exported = export(&PathBuf::from(src), &PathBuf::from(&out), &options, &mut |_| {});
    let manifest = exported.map_err(|err| format!("{err}\nhint: {}", err.hint()))?;
    eprintln!("{out}: {}, {} files", manifest.weights, manifest.files.len());
    Ok(())
}
