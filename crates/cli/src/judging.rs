use std::path::PathBuf;
use std::sync::OnceLock;

use clap::Args;
use souffleur_bench::{JudgeChoice, JudgeProgress, JudgeSettings, Omega};

use crate::failure::{Failure, OrFail};
use crate::progress;

/// Who judges replies, and how strictly: the same for every command that scores
#[derive(Args)]
pub(crate) struct JudgingArgs {
    /// Who judges: the words alone, embeddings on this machine, or a model on a server
    ///
    /// URL is any OpenAI-compatible address such as http://localhost:8000/v1?model=NAME. Only then anything leaves this
    /// machine: questions, gold answers and replies go to that server. SOUFFLEUR_JUDGE_KEY holds its key,
    /// SOUFFLEUR_JUDGE_MODEL the model where the address names none.
    #[arg(long, value_name = "exact|embedded|URL", default_value = "exact")]
    judge: String,
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
    /// How much of a reply's lateness is forgiven: numbers from 0 to 1, separated by commas
    #[arg(long, value_name = "LIST", default_value = "0,0.5,1", allow_negative_numbers = true)]
    omega: String,
}

impl JudgingArgs {
    /// The judge as typed.
    pub(crate) fn typed_judge(&self) -> &str {
        &self.judge
    }

    pub(crate) fn choice(&self) -> Result<JudgeChoice, Failure> {
        self.judge.parse().or_misuse()
    }

    pub(crate) fn omegas(&self) -> Result<Vec<Omega>, Failure> {
        Omega::parse_list(&self.omega).or_misuse()
    }

    /// How a judge on a server is asked.
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
