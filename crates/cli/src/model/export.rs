use std::io::{Write, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use souffleur_export::{ExportOptions, ManifestDefaults, Progress, export, export_sentence_encoder};
use souffleur_model::names::files;
use souffleur_model::{Manifest, SentenceEncoderConfig, Weights};

use crate::failure::{Failure, OrFail, one_line};
use crate::{interrupt, progress};

/// Make a model folder from a Hugging Face checkpoint
///
/// What a checkpoint does not say (system prompt, silence text, licence, …) is read from a souffleur.toml beside it,
/// and else has the values of the released MMDuet2.
///
/// A sentence encoder (BERT, such as all-MiniLM-L6-v2) becomes a folder for `--judge embedded=OUT`, always in f32.
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
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        if is_sentence_encoder(&args.src) {
            export_sentence_encoder(&args.src, &args.out, &mut on_progress).map(|()| None)
        } else {
            export(&args.src, &args.out, &options, &mut on_progress).map(Some)
        }
    }));
    bar.finish_and_clear();
    let manifest = match outcome {
        Ok(manifest) => manifest.or_fail()?,
        Err(payload) if payload.is::<Interrupted>() => {
            return Err(Failure::because("the export was interrupted; nothing of it was kept", "run it again"));
        }
        Err(payload) => resume_unwind(payload),
    };
    match manifest {
        Some(manifest) => print_model(&args.out, &manifest),
        None => {
            let out = args.out.display();
            writeln!(stdout(), "{out}: a sentence encoder\njudge with it: souffleur pauc … --judge embedded={out}")?;
            Ok(())
        }
    }
}

/// What is no such config is left to the export of models, which says what is wrong.
fn is_sentence_encoder(src: &Path) -> bool {
    std::fs::read(src.join(files::CONFIG)).is_ok_and(|config| SentenceEncoderConfig::is_bert(&config))
}

fn print_model(folder: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let mut out = stdout().lock();
    writeln!(out, "{}: {} as {}", folder.display(), one_line(&manifest.source), manifest.weights)?;
    writeln!(out, "licence: {}", one_line(&manifest.licence))?;
    if let Some(note) = &manifest.licence_note {
        writeln!(out, "note: {}", one_line(note))?;
    }
    writeln!(out, "watch with it: souffleur watch SOURCE --ask TEXT --model {}", folder.display())?;
    Ok(())
}
