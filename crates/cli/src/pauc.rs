use std::io::{Write, stdout};
use std::path::PathBuf;
use std::sync::OnceLock;

use clap::Args;
use souffleur_bench::{
    JudgeChoice, JudgeProgress, JudgeSettings, JudgeUsage, Omega, PaucOptions, SubsetResult, run_pauc,
};

use crate::failure::{Failure, OrFail};
use crate::progress;

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
    /// Who judges: the words alone, embeddings on this machine, or a model on a server
    ///
    /// URL is any OpenAI-compatible address such as http://localhost:8000/v1?model=NAME. Only then anything leaves this
    /// machine: questions, gold answers and replies go to that server. SOUFFLEUR_JUDGE_KEY holds its key,
    /// SOUFFLEUR_JUDGE_MODEL the model where the address names none.
    #[arg(long, value_name = "exact|embedded|URL", default_value = "exact")]
    judge: String,
    #[command(flatten)]
    server: JudgeServerArgs,
    /// How much of a reply's lateness is forgiven: numbers from 0 to 1, separated by commas
    #[arg(long, value_name = "LIST", default_value = "0,0.5,1", allow_negative_numbers = true)]
    omega: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How a judge on a server is asked
#[derive(Args)]
pub(crate) struct JudgeServerArgs {
    /// Prompt for grades 1 to 3, with {question}, {gold} and {reply} in it
    #[arg(long, value_name = "FILE")]
    judge_prompt: Option<PathBuf>,
    /// Prompt for duplicates, yes or no, with {earlier} and {reply} in it
    #[arg(long, value_name = "FILE")]
    judge_duplicate_prompt: Option<PathBuf>,
    /// Where answers are kept, so that nothing is asked twice
    #[arg(long, value_name = "FILE.jsonl")]
    judge_cache: Option<PathBuf>,
    /// Requests at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    judge_concurrency: u16,
}

impl JudgeServerArgs {
    pub(crate) fn settings(&self) -> JudgeSettings {
        let bar = OnceLock::new();
        let progress = JudgeProgress::to(move |num_done, num_all| {
            // Not before the first answer: a judge that asks nobody leaves the terminal alone.
            let bar = bar.get_or_init(progress::questions);
            bar.set_length(num_all as u64);
            bar.set_position(num_done as u64);
            if num_done == num_all {
                bar.finish_and_clear();
            }
        });
        JudgeSettings {
            progress,
            score_prompt: self.judge_prompt.clone(),
            duplicate_prompt: self.judge_duplicate_prompt.clone(),
            cache: self.judge_cache.clone(),
            concurrency: self.judge_concurrency.into(),
            ..JudgeSettings::default()
        }
    }
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
        None => args.judge.parse().or_misuse()?,
    };
    let options = PaucOptions {
        omegas: Omega::parse_list(&args.omega).or_misuse()?,
        judge,
        judge_settings: args.server.settings(),
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
