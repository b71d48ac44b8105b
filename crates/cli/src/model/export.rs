use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use souffleur_export::{ExportOptions, ManifestDefaults, export};
use souffleur_model::Weights;

use crate::failure::{Failure, OrFail, one_line};
use crate::progress;

/// Make a model folder from a Hugging Face checkpoint
///
/// What a checkpoint does not say (system prompt, silence text, licence, …) is read from a souffleur.toml beside it,
/// and else has the values of the released MMDuet2.
#[derive(Args)]
pub(super) struct ExportArgs {
    /// Folder of the checkpoint: config.json, tokenizer.json, model.safetensors or its shards
    src: PathBuf,
    /// Folder to make; it appears when it is whole
    out: PathBuf,
    /// How the weights are stored
    #[arg(long, value_parser = weights_parser(), default_value = Weights::Int8.as_str())]
    weights: Weights,
}

fn weights_parser() -> impl TypedValueParser<Value = Weights> {
    PossibleValuesParser::new(Weights::ALL.map(Weights::as_str)).try_map(|typed| {
        Weights::ALL.into_iter().find(|weights| weights.as_str() == typed).ok_or("f32, f16, int8 or int4 is expected")
    })
}

pub(super) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let options = ExportOptions { weights: args.weights, manifest_defaults: ManifestDefaults::default() };
    let bar = progress::bytes(0);
    let manifest = export(&args.src, &args.out, &options, &mut |done| {
        bar.set_length(done.total_bytes);
        bar.set_position(done.done_bytes);
        bar.set_message(one_line(done.tensor));
    });
    bar.finish_and_clear();
    let manifest = manifest.or_fail()?;
    let mut out = stdout().lock();
    writeln!(out, "{}: {} as {}", args.out.display(), one_line(&manifest.source), manifest.weights)?;
    writeln!(out, "licence: {}", one_line(&manifest.licence))?;
    if let Some(note) = &manifest.licence_note {
        writeln!(out, "note: {}", one_line(note))?;
    }
    writeln!(out, "watch with it: souffleur watch SOURCE --ask TEXT --model {}", args.out.display())?;
    Ok(())
}
