//! `souffleur pauc` as one call.

use std::path::Path;

use crate::finding::FindingKind::UnknownId;
use crate::{
    Annotations, BenchError, Finding, Judge, JudgeChoice, JudgeSettings, JudgeUsage, Omega, Predictions, SILENCE_TEXT,
    ScoresJudge, SubsetResult, evaluate,
};

/// What becomes of oddities in the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Counted and listed.
    #[default]
    Lenient,
    /// The first one is an error.
    Strict,
}

impl Strictness {
    /// Refuses oddities where they are errors; `origin` names where they are.
    ///
    /// # Errors
    /// The first of them, with their number.
    pub(crate) fn check(self, findings: &[Finding], origin: &str) -> Result<(), BenchError> {
        match findings.first() {
            Some(first) if self == Self::Strict => Err(BenchError::Strict {
                origin: origin.to_owned(),
                count: findings.len(),
                first: Box::new(first.clone()),
            }),
            _ => Ok(()),
        }
    }
}

/// Settings of [`run_pauc`].
#[derive(Clone, Debug, PartialEq)]
pub struct PaucOptions {
    /// The ω to score at.
    pub omegas: Vec<Omega>,
    /// Who judges.
    pub judge: JudgeChoice,
    /// How a judge on a server is asked.
    pub judge_settings: JudgeSettings,
    /// What becomes of oddities.
    pub strictness: Strictness,
    /// What the model writes when it has nothing to say.
    pub silence_text: String,
}

/// ω at 0, 0.5 and 1, the exact judge, lenient, the published silence text.
impl Default for PaucOptions {
    fn default() -> Self {
        Self {
            omegas: Omega::parse_list("0,0.5,1").unwrap_or_default(),
            judge: JudgeChoice::Exact,
            judge_settings: JudgeSettings::default(),
            strictness: Strictness::Lenient,
            silence_text: SILENCE_TEXT.to_owned(),
        }
    }
}

/// A scored prediction file.
#[derive(Clone, Debug, PartialEq)]
pub struct PaucRun {
    /// The numbers; its JSON is `pauc --json`.
    pub result: SubsetResult,
    /// What was odd in the files.
    pub findings: Vec<Finding>,
    /// What judging took, where the judge is a server.
    pub judge_usage: Option<JudgeUsage>,
}

/// Scores a prediction file against an annotation file.
///
/// # Errors
/// When a file cannot be read or is not of its form, or the judge cannot judge; under [`Strictness::Strict`] when
/// anything is odd.
pub fn run_pauc(gold: &Path, predictions: &Path, options: &PaucOptions) -> Result<PaucRun, BenchError> {
    let Annotations { items, mut findings } = Annotations::read(gold)?;
    let predictions = Predictions::read(predictions, &options.silence_text)?;
    findings.extend_from_slice(&predictions.findings);
    let judge: Box<dyn Judge> = match &options.judge {
        JudgeChoice::Scores(path) => {
            let scores = ScoresJudge::read(path)?;
            findings.extend_from_slice(&scores.findings);
            findings.extend(scores.unknown(&items));
            Box::new(scores)
        }
        other => other.open(&options.judge_settings)?,
    };
    judge.prepare(&items, &predictions)?;
    let result = SubsetResult::from(&evaluate(&items, &predictions, &*judge, &options.omegas));
    let judge_usage = judge.finish()?;
    if result.unknown_ids > 0 {
        let what = format!("{} row(s) for items that are not in the annotation", result.unknown_ids);
        findings.push(Finding::new(UnknownId, "predictions", what));
    }
    options.strictness.check(&findings, &gold.display().to_string())?;
    Ok(PaucRun { result, findings, judge_usage })
}
