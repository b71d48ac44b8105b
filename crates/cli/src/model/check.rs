use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use souffleur_engine::{CheckReport, EngineOptions, catalog, check};
use souffleur_model::Weights;

use crate::failure::{Failure, OrFail};
use crate::pauc::json_line;

/// Hold a model against outputs of the original implementation
///
/// Distances are the largest absolute difference. With weights in f32 every one must be within 1e-3 (pixels 1e-6), or
/// the command fails; with f16, int8 and int4 they are reported, and only pixels, tokens and positions must agree.
#[derive(Args)]
pub(super) struct CheckArgs {
    /// Folder of the model, or a name from `souffleur model list`
    #[arg(value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    model: String,
    /// Folder with reference.json, reference.safetensors and images/
    #[arg(long, value_name = "REFERENCE")]
    against: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let folder = catalog::resolve(&args.model).or_fail()?;
    let weights = folder.manifest().weights;
    let report = check(&folder, &args.against, &EngineOptions::default()).or_fail()?;
    if args.json {
        writeln!(stdout(), "{}", json_line(&report))?;
    } else {
        let mut out = stdout().lock();
        for (name, value) in rows(&report) {
            writeln!(out, "{name:<44}{value}")?;
        }
    }
    let is_right = match weights {
        Weights::F32 => report.is_within_tolerance(),
        Weights::F16 | Weights::Int8 | Weights::Int4 => report.is_exact_before_the_weights(),
    };
    if is_right {
        return Ok(());
    }
    let expected = match weights {
        Weights::F32 => "within the tolerances of f32",
        _ => "exact in pixels, tokens and positions",
    };
    let message = format!("{} ({weights}) is expected to be {expected}, the distances above are not", args.model);
    Err(Failure::because(message, "export the model again from the checkpoint the reference was made with"))
}

fn rows(report: &CheckReport) -> [(&'static str, String); 9] {
    let distance = |value: f32| format!("{value:.2e}");
    let equal = |is_equal: bool| if is_equal { "equal" } else { "DIFFERENT" }.to_owned();
    let percent = |share: f32| format!("{:.1} %", share * 100.0);
    [
        ("pixel_values, largest distance", distance(report.pixel_values)),
        ("image_embeds, largest distance", distance(report.image_embeds)),
        ("input_ids", equal(report.input_ids_equal)),
        ("position_ids", equal(report.position_ids_equal)),
        ("logits at once, largest distance", distance(report.logits)),
        ("logits turn by turn, largest distance", distance(report.stepwise_logits)),
        ("greedy continuation", equal(report.greedy_equal)),
        ("likeliest next token agrees", percent(report.argmax_agreement)),
        ("decision to speak agrees", percent(report.decision_agreement)),
    ]
}
