//! From a run's predictions and a judge to the data of its report.

use std::collections::HashMap;

use super::data::{AnswerReport, ByOmega, FORMAT, ItemReport, Row, RowKind, RunReport, SubsetRow};
use super::other_metrics;
use super::reckoned;
use super::score_log::{ScoreLog, height};
use crate::run::{Gold, LeftOut, MAIN, Prediction, RunError, RunFolder, RunRecord, Subset, VariantKind, to_score};
use crate::{
    BenchError, Bootstrap, Evaluation, ExactJudge, Item, Judge, Omega, PercentByOmega, Predictions, SubsetResult,
    SubsetTable, Tally, evaluate,
};

/// Points of a drawn curve.
const CURVE_STEPS: usize = 100;

/// A scored run.
pub struct ScoredRun {
    /// The report.
    pub report: RunReport,
    /// The numbers that `bench --json` prints; `None` where the benchmark's metric is not PAUC.
    pub table: Option<SubsetTable>,
    /// The verdicts on the run itself, as lines of a score file for `pauc --scores`, subset by subset.
    pub score_files: Vec<(String, String)>,
}

/// Scores everything in a run's folder, and the rows that need no model.
///
/// # Errors
/// When a file of the run is missing or broken, or the judge cannot judge at all.
pub fn score_run(
    run: &RunFolder,
    judge: &dyn Judge,
    judge_name: &str,
    omegas: &[Omega],
    left_out: &[LeftOut],
) -> Result<ScoredRun, RunError> {
    let record = run.record()?;
    let subsets = run.subsets()?;
    let headline = headline(omegas);
    let mut rows = Vec::new();
    let mut items = Vec::new();
    let mut table = SubsetTable::default();
    let mut score_files = Vec::new();
    for label in run.labels() {
        let folder = run.variant(&label);
        let kind = match folder.record()?.variant_kind() {
            VariantKind::Main => RowKind::Main,
            VariantKind::Baseline => RowKind::Baseline,
            VariantKind::Sweep => RowKind::Sweep,
        };
        let mut scorer = Scorer::new(judge, omegas, headline);
        for subset in &subsets {
            let predicted = folder.predictions(&subset.name)?;
            let scored = scorer.add(subset, &predicted)?;
            if label == MAIN {
                table.subsets.extend(scored.result.map(|result| (subset.name.clone(), result)));
                items.extend(scored.items);
                score_files.push((subset.name.clone(), scored.score_file));
            }
        }
        rows.push(scorer.row(label, kind));
    }
    let judge_usage = judge.finish().map_err(BenchError::from)?;
    let mut reckoned = reckoned_rows(&record, &subsets, omegas, headline)?;
    // Behind the run itself, before what the model scored otherwise.
    rows.splice(1..1, reckoned.drain(..));
    let findings = subsets
        .iter()
        .flat_map(|subset| subset.findings.iter().map(|finding| (subset.name.clone(), finding.to_string())));
    let report = RunReport {
        format: FORMAT,
        program: format!("souffleur {}", env!("CARGO_PKG_VERSION")),
        benchmark: record.benchmark.clone(),
        model: record.model.clone(),
        settings: record.settings.clone(),
        shard: record.shard.clone(),
        judge: judge_name.to_owned(),
        judge_usage: judge_usage.map(|usage| usage.to_string()),
        omegas: omegas.iter().map(|omega| omega.typed().to_owned()).collect(),
        headline_omega: omegas.get(headline).map(|omega| omega.typed().to_owned()).unwrap_or_default(),
        rows,
        items,
        left_out: left_out
            .iter()
            .map(|left| (left.subset.clone(), left.question_id.clone(), left.reason.clone()))
            .collect(),
        findings: findings.collect(),
    };
    let table = (!table.subsets.is_empty()).then_some(table);
    Ok(ScoredRun { report, table, score_files })
}

/// ω 0.5, the paper's, or the first.
fn headline(omegas: &[Omega]) -> usize {
    omegas.iter().position(|omega| omega.value() == 0.5).unwrap_or(0)
}

fn reckoned_rows(
    record: &RunRecord,
    subsets: &[Subset],
    omegas: &[Omega],
    headline: usize,
) -> Result<Vec<Row>, RunError> {
    let has_answers = subsets.iter().any(|subset| matches!(subset.gold, Gold::Answers(_)));
    let rows = reckoned::ALL.into_iter().filter(|_| has_answers).map(|(label, reckoned)| {
        let mut scorer = Scorer::new(&ExactJudge, omegas, headline);
        for subset in subsets {
            if let Gold::Answers(items) = &subset.gold {
                let frames = record.model.frames_per_turn;
                let predictions = reckoned.predictions(items, subset, &record.settings, frames);
                scorer.add_answers(subset, items, &predictions, &[])?;
            }
        }
        Ok(scorer.row(label.to_owned(), RowKind::Reckoned))
    });
    rows.collect()
}

/// Scores one way of replying subset by subset.
struct Scorer<'a> {
    judge: &'a dyn Judge,
    omegas: &'a [Omega],
    headline: usize,
    subsets: Vec<SubsetRow>,
    table: SubsetTable,
    tally: Tally,
    item_sums: Vec<(f64, u32)>,
    heights: Vec<f64>,
    num_heights: usize,
    delays_secs: Vec<f64>,
}

/// One subset's part of a row.
#[derive(Default)]
struct ScoredSubset {
    result: Option<SubsetResult>,
    items: Vec<ItemReport>,
    score_file: String,
}

impl<'a> Scorer<'a> {
    fn new(judge: &'a dyn Judge, omegas: &'a [Omega], headline: usize) -> Self {
        Self {
            judge,
            omegas,
            headline,
            subsets: Vec::new(),
            table: SubsetTable::default(),
            tally: Tally::default(),
            item_sums: Vec::new(),
            heights: vec![0.0; CURVE_STEPS + 1],
            num_heights: 0,
            delays_secs: Vec::new(),
        }
    }

    fn add(&mut self, subset: &Subset, predicted: &[Prediction]) -> Result<ScoredSubset, RunError> {
        let predictions = to_score(predicted);
        match &subset.gold {
            Gold::Answers(items) => self.add_answers(subset, items, &predictions, predicted),
            other => {
                let (row, items) = other_metrics::score(subset, other, &predictions, predicted);
                self.subsets.push(row);
                Ok(ScoredSubset { items, ..ScoredSubset::default() })
            }
        }
    }

    fn add_answers(
        &mut self,
        subset: &Subset,
        items: &[Item],
        predictions: &Predictions,
        predicted: &[Prediction],
    ) -> Result<ScoredSubset, RunError> {
        self.judge.prepare(items, predictions).map_err(BenchError::from)?;
        let log = ScoreLog::new(self.judge);
        let evaluation = evaluate(items, predictions, &log, self.omegas);
        let result = SubsetResult::from(&evaluation);
        let sums = evaluation.item_sums(self.headline);
        let interval = Bootstrap::default().mean_of_turns(&sums);
        self.item_sums.extend(sums);
        self.delays_secs.extend_from_slice(&evaluation.first_reply_delays_secs);
        self.add_heights(items, &log);
        self.tally += evaluation.tally;
        self.subsets.push(SubsetRow {
            name: subset.name.clone(),
            pauc: by_omega(&result.pauc),
            metrics: Vec::new(),
            interval: interval.map(|interval| (interval.low * 100.0, interval.high * 100.0)),
            turns: result.turns,
            items: result.items,
            items_predicted: result.items - result.items_without_predictions.len(),
            replies: result.replies,
            duplicates: result.duplicates,
            replies_per_minute: result.replies_per_minute,
            out_of_span: result.out_of_span,
            unscored: result.unscored,
            first_reply_delay_s: result.first_reply_delay_s,
        });
        self.table.subsets.push((subset.name.clone(), result.clone()));
        Ok(ScoredSubset {
            items: item_reports(subset, items, &evaluation, &log, predicted),
            score_file: score_file(&log),
            result: Some(result),
        })
    }

    fn add_heights(&mut self, items: &[Item], log: &ScoreLog<'_>) {
        let max_score = self.judge.max_score();
        for item in items {
            for (answer_idx, answer) in item.answers.iter().enumerate() {
                let verdicts = log.verdicts(&item.question_id, answer_idx);
                for (step, sum) in self.heights.iter_mut().enumerate() {
                    *sum += height(answer, &verdicts, step as f64 / CURVE_STEPS as f64, max_score);
                }
                self.num_heights += 1;
            }
        }
    }

    fn row(self, label: String, kind: RowKind) -> Row {
        let interval = Bootstrap::default().mean_of_turns(&self.item_sums);
        let num = self.num_heights as f64;
        Row {
            label,
            kind,
            mean_turns: by_omega(&self.table.mean_turns()),
            mean_subsets: by_omega(&self.table.mean_subsets()),
            interval: interval.map(|interval| (interval.low * 100.0, interval.high * 100.0)),
            duplicates: self.tally.duplicates_percent(),
            replies_per_minute: self.tally.replies_per_minute(),
            curve: match self.num_heights {
                0 => Vec::new(),
                _ => self.heights.iter().map(|sum| (sum / num * 1e4).round() / 1e2).collect(),
            },
            delays_secs: self.delays_secs,
            subsets: self.subsets,
        }
    }
}

fn by_omega(percents: &PercentByOmega) -> ByOmega {
    percents.0.iter().cloned().collect()
}

fn item_reports(
    subset: &Subset,
    items: &[Item],
    evaluation: &Evaluation,
    log: &ScoreLog<'_>,
    predicted: &[Prediction],
) -> Vec<ItemReport> {
    let rows: HashMap<&str, &Prediction> = predicted.iter().map(|row| (row.question_id.as_str(), row)).collect();
    let omegas = evaluation.omegas();
    let mut values: Vec<_> = (0..omegas.len()).map(|idx| evaluation.values(idx)).collect();
    let reports = items.iter().map(|item| {
        let answers: Vec<AnswerReport> = item
            .answers
            .iter()
            .enumerate()
            .map(|(answer_idx, answer)| AnswerReport {
                text: answer.text.clone(),
                span: answer.reply_timespan.map(|span| (span.start_secs, span.end_secs)),
                pauc: omegas
                    .iter()
                    .zip(&mut values)
                    .map(|(omega, values)| (omega.typed().to_owned(), values.next().map(|value| value * 100.0)))
                    .collect(),
                scores: log.verdicts(&item.question_id, answer_idx),
            })
            .collect();
        let mut report = item_report(&subset.name, &item.question_id, rows.get(item.question_id.as_str()).copied());
        report.video.clone_from(&item.video);
        report.duration_secs = item.duration_or_last_span_secs();
        report.texts = item.conversation.iter().map(|text| (text.time_secs, text.text.clone())).collect();
        report.score = omegas.iter().map(|omega| (omega.typed().to_owned(), mean(&answers, omega.typed()))).collect();
        report.answers = answers;
        report
    });
    reports.collect()
}

/// What the prediction says of an item.
pub(super) fn item_report(subset: &str, question_id: &str, predicted: Option<&Prediction>) -> ItemReport {
    let mut report = ItemReport {
        subset: subset.to_owned(),
        question_id: question_id.to_owned(),
        is_predicted: predicted.is_some(),
        ..ItemReport::default()
    };
    if let Some(row) = predicted {
        report.replies = row.replies().into_iter().map(|reply| (reply.time_secs, reply.text)).collect();
        report.p_silent.clone_from(&row.p_silent);
        (report.turns, report.seconds) = (row.turns, row.seconds);
        (report.p50_ms, report.p99_ms) = (row.p50_ms, row.p99_ms);
        report.broke_off.clone_from(&row.broke_off);
    }
    report
}

fn mean(answers: &[AnswerReport], omega: &str) -> Option<f64> {
    let values: Vec<f64> = answers.iter().filter_map(|answer| answer.pauc.get(omega).copied().flatten()).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn score_file(log: &ScoreLog<'_>) -> String {
    let rows = log.rows().into_iter().map(|(question_id, turn, (time, score))| {
        serde_json::json!({"question_id": question_id, "turn": turn, "time": time, "score": score}).to_string() + "\n"
    });
    rows.collect()
}
