use std::io::{Write, stdout};

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;
use souffleur_engine::catalog;
use souffleur_model::ModelFolder;

use crate::failure::{Failure, OrFail, one_line};
use crate::pauc::json_line;

/// Say what a model is: shape, parameters, weights, licence, how it wants to be driven
///
/// Every file is held against its checksum first, which for a large model takes some seconds.
#[derive(Args)]
pub(super) struct InfoArgs {
    /// Folder of a model, or a name from `souffleur model list`
    #[arg(value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    model: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &InfoArgs) -> Result<(), Failure> {
    let folder = catalog::resolve(&args.model).or_fail()?;
    folder.verify(u64::MAX).or_fail()?;
    if args.json {
        writeln!(stdout(), "{}", json_line(&facts(&folder)))?;
    } else {
        let mut out = stdout().lock();
        for (name, value) in rows(&folder) {
            writeln!(out, "{name:<17}{}", one_line(&value))?;
        }
    }
    Ok(())
}

fn facts(folder: &ModelFolder) -> serde_json::Value {
    let (manifest, config) = (folder.manifest(), folder.config());
    let (text, vision) = (&config.text, &config.vision);
    json!({
        "name": manifest.name,
        "location": folder.location(),
        "parameters": config.num_parameters(),
        "weights": manifest.weights,
        "text": {
            "num_hidden_layers": text.num_hidden_layers,
            "hidden_size": text.hidden_size,
            "num_attention_heads": text.num_attention_heads,
            "num_key_value_heads": text.num_key_value_heads,
            "vocab_size": text.vocab_size,
        },
        "vision": { "depth": vision.depth, "hidden_size": vision.hidden_size, "num_heads": vision.num_heads },
        "frame_interval": manifest.frame_interval_secs,
        "frames_per_turn": manifest.frames_per_turn,
        "min_pixels": manifest.min_pixels,
        "max_pixels": manifest.max_pixels,
        "silence_text": manifest.silence_text,
        "system_prompt": manifest.system_prompt,
        "default_eagerness": manifest.default_eagerness,
        "trained_turns": manifest.trained_turns,
        "trained_tokens": manifest.trained_tokens,
        "context_tokens": manifest.context_tokens,
        "source": manifest.source,
        "licence": manifest.licence,
        "licence_note": manifest.licence_note,
        "card": manifest.card,
        "files": manifest.files,
    })
}

fn rows(folder: &ModelFolder) -> Vec<(&'static str, String)> {
    let (manifest, config) = (folder.manifest(), folder.config());
    let (text, vision) = (&config.text, &config.vision);
    let mut rows = vec![
        ("name", manifest.name.clone()),
        ("location", folder.location()),
        ("parameters", grouped(config.num_parameters())),
        ("weights", manifest.weights.to_string()),
        (
            "decoder",
            format!(
                "{} layers, hidden {}, {} heads, {} key-value heads, {} tokens",
                text.num_hidden_layers,
                text.hidden_size,
                text.num_attention_heads,
                text.num_key_value_heads,
                text.vocab_size
            ),
        ),
        ("vision tower", format!("{} blocks, hidden {}, {} heads", vision.depth, vision.hidden_size, vision.num_heads)),
        (
            "frames",
            format!(
                "every {} s, {} a turn, {} to {} pixels",
                manifest.frame_interval_secs, manifest.frames_per_turn, manifest.min_pixels, manifest.max_pixels
            ),
        ),
        ("silence text", manifest.silence_text.clone()),
        ("eagerness", manifest.default_eagerness.to_string()),
        ("trained on", format!("{} turns, {} tokens", manifest.trained_turns, manifest.trained_tokens)),
        ("context", format!("{} tokens", manifest.context_tokens)),
        ("source", manifest.source.clone()),
        ("licence", manifest.licence.clone()),
    ];
    rows.extend(manifest.licence_note.clone().map(|note| ("licence note", note)));
    let card = &manifest.card;
    let parts =
        [("summary", &card.summary), ("knows", &card.knows), ("limits", &card.limits), ("measured", &card.measured)];
    rows.extend(parts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.clone())));
    rows.push(("files", manifest.files.keys().map(String::as_str).collect::<Vec<_>>().join(", ")));
    rows
}

/// `3,782,976`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits are ASCII")).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_apart() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (3_782_976, "3,782,976")] {
            assert_eq!(grouped(number), expected);
        }
    }
}
