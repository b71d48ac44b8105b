use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::Args;
use souffleur_bench::{JudgeChoice, JudgeUsage, PaucOptions, SubsetResult, run_pauc};

use crate::failure::{Failure, OrFail};
use crate::judging::JudgingArgs;

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
    #[command(flatten)]
    judging: JudgingArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints: the result, and what a judge on a server took.
#[derive(serde::Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    result: &'a SubsetResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    judge: Option<&'a JudgeUsage>,
}

pub(crate) fn run(args: &PaucArgs) -> Result<(), Failure> {
    let judge = match &args.scores {
        Some(path) => JudgeChoice::Scores(path.clone()),
        None => args.judging.choice()?,
    };
    let options = PaucOptions {
        omegas: args.judging.omegas()?,
        judge,
        judge_settings: args.judging.settings(),
        ..PaucOptions::default()
    };
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
    if let Some(usage) = &scored.judge_usage {
        crate::note(format_args!("{usage}"));
    }
    if args.json {
        let printed = Printed { result: &scored.result, judge: scored.judge_usage.as_ref() };
        writeln!(stdout(), "{}", json_line(&printed))?;
    } else {
        writeln!(stdout(), "{}", scored.result)?;
    }
    Ok(())
}

/// A result as one line of JSON.
pub(crate) fn json_line(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("results are plain data with string keys")
}
