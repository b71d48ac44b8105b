use std::io::{Write, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use souffleur_export::{ExportOptions, ManifestDefaults, Progress, export};
use souffleur_model::Weights;

use crate::failure::{Failure, OrFail, one_line};
use crate::{interrupt, progress};

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

/// What unwinds out of an export that Ctrl-C ends.
struct Interrupted;

fn weights_parser() -> impl TypedValueParser<Value = Weights> {
    PossibleValuesParser::new(Weights::ALL.map(Weights::as_str)).try_map(|typed| {
        Weights::ALL.into_iter().find(|weights| weights.as_str() == typed).ok_or("f32, f16, int8 or int4 is expected")
    })
}

pub(super) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let options = ExportOptions { weights: args.weights, manifest_defaults: ManifestDefaults::default() };
    let stop = interrupt::stop_signal("tensor")?;
    let bar = progress::bytes(0);
    let mut on_progress = |done: Progress<'_>| {
        bar.set_length(done.total_bytes);
        bar.set_position(done.done_bytes);
        bar.set_message(one_line(done.tensor));
        if stop.is_stopped() {
            // Unwinding takes the unfinished folder away; there is no other way out of an export.
            resume_unwind(Box::new(Interrupted));
        }
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| export(&args.src, &args.out, &options, &mut on_progress)));
    bar.finish_and_clear();
    let manifest = match outcome {
        Ok(manifest) => manifest.or_fail()?,
        Err(payload) if payload.is::<Interrupted>() => {
            return Err(Failure::because("the export was interrupted; nothing of it was kept", "run it again"));
        }
        Err(payload) => resume_unwind(payload),
    };
    let mut out = stdout().lock();
    writeln!(out, "{}: {} as {}", args.out.display(), one_line(&manifest.source), manifest.weights)?;
    writeln!(out, "licence: {}", one_line(&manifest.licence))?;
    if let Some(note) = &manifest.licence_note {
        writeln!(out, "note: {}", one_line(note))?;
    }
    writeln!(out, "watch with it: souffleur watch SOURCE --ask TEXT --model {}", args.out.display())?;
    Ok(())
}
