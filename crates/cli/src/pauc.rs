use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::Args;
use souffleur_bench::{JudgeChoice, Omega, PaucOptions, run_pauc};

use crate::failure::{Failure, OrFail};

/// Findings listed one by one; a file with more of them is odd as a whole.
const MAX_LISTED_FINDINGS: usize = 10;

/// Score replies against gold answers: PAUC, duplicates, replies a minute, replies out of span
#[derive(Args)]
pub(crate) struct PaucArgs {
    /// Gold answers, in ProactiveVideoQA's form
    #[arg(long, value_name = "ANNO.json")]
    gold: PathBuf,
    /// Replies to score: a line of JSON an item
    #[arg(long, value_name = "PRED.jsonl")]
    pred: PathBuf,
    /// Scores given by a judge beforehand
    #[arg(long, value_name = "SCORES.jsonl", conflicts_with = "judge")]
    scores: Option<PathBuf>,
    /// Who judges
    #[arg(long, value_name = "exact|embedded|URL", default_value = "exact")]
    judge: String,
    /// How much of a reply's lateness is forgiven: numbers from 0 to 1, separated by commas
    #[arg(long, value_name = "LIST", default_value = "0,0.5,1", allow_negative_numbers = true)]
    omega: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &PaucArgs) -> Result<(), Failure> {
    let judge = match &args.scores {
        Some(path) => JudgeChoice::Scores(path.clone()),
        None => args.judge.parse().or_misuse()?,
    };
    let options = PaucOptions { omegas: Omega::parse_list(&args.omega).or_misuse()?, judge, ..PaucOptions::default() };
    let scored = run_pauc(&args.gold, &args.pred, &options).or_fail()?;
    for finding in scored.findings.iter().take(MAX_LISTED_FINDINGS) {
        crate::note(format_args!("note: {finding}"));
    }
    if scored.findings.len() > MAX_LISTED_FINDINGS {
        crate::note(format_args!("note: and {} more", scored.findings.len() - MAX_LISTED_FINDINGS));
    }
    for question_id in &scored.result.items_without_predictions {
        crate::note(format_args!("note: no predictions for {question_id}: it counts as silent"));
    }
    if args.json {
        writeln!(stdout(), "{}", json_line(&scored.result))?;
    } else {
        writeln!(stdout(), "{}", scored.result)?;
    }
    Ok(())
}

/// A result as one line of JSON.
pub(crate) fn json_line(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("results are plain data with string keys")
}
