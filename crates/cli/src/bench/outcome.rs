//! A run that is over: scored, reported, printed.

use std::io::{Write, stdout};

use souffleur_bench::run::{LeftOut, RunFolder};
use souffleur_bench::run_report::{RunReport, ScoredRun, score_run, write_report};
use souffleur_bench::{ExactJudge, Judge, JudgeChoice, Omega};

use crate::failure::{Failure, OrFail, one_line};
use crate::judging::JudgingArgs;
use crate::pauc::json_line;

/// Items listed one by one.
const MAX_LISTED: usize = 10;

/// How a run is to be scored.
pub(super) struct Scoring {
    judge_name: String,
    judge: Box<dyn Judge>,
    omegas: Vec<Omega>,
}

impl Scoring {
    pub(super) fn new(args: &JudgingArgs) -> Result<Self, Failure> {
        let choice = args.choice()?;
        let omegas = args.omegas()?;
        let judge = choice.open(&args.settings()).or_fail()?;
        // What stands behind an address may hold a key.
        let judge_name = match &choice {
            JudgeChoice::Server(endpoint) => endpoint.shown.clone(),
            _ => args.typed_judge().to_owned(),
        };
        Ok(Self { judge_name, judge, omegas })
    }

    /// Multiple choice: nobody needs to judge.
    pub(super) fn by_letter() -> Self {
        Self { judge_name: "the first option letter".into(), judge: Box::new(ExactJudge), omegas: Vec::new() }
    }
}

/// Scores a run, writes its report, prints the numbers.
pub(super) fn report(run: &RunFolder, scoring: &Scoring, left_out: &[LeftOut], json: bool) -> Result<(), Failure> {
    let Scoring { judge_name, judge, omegas } = scoring;
    let scored = score_run(run, judge.as_ref(), judge_name, omegas, left_out).or_fail()?;
    write_report(run, &scored).or_fail()?;
    note_oddities(&scored.report);
    if json {
        writeln!(stdout(), "{}", json_text(&scored))?;
    } else {
        print(&scored.report)?;
    }
    crate::note(format_args!("written: {}", run.path().join("report.html").display()));
    Ok(())
}

fn note_oddities(report: &RunReport) {
    let missing: Vec<_> = report.not_played().collect();
    for (item, why) in missing.iter().take(MAX_LISTED) {
        let why = why.unwrap_or("no predictions");
        crate::note(format_args!("note: {}: {}; it counts as silent", one_line(&item.question_id), one_line(why)));
    }
    if missing.len() > MAX_LISTED {
        crate::note(format_args!("note: {} items without predictions in all", missing.len()));
    }
    if missing.len() == report.items.len() && !missing.is_empty() {
        crate::note("note: nothing was played: the scores are those of silence");
    }
    for (subset, finding) in report.findings.iter().take(MAX_LISTED) {
        crate::note(format_args!("note: {subset}: {}", one_line(finding)));
    }
    if report.findings.len() > MAX_LISTED {
        crate::note(format_args!("note: {} oddities in the annotations in all", report.findings.len()));
    }
}

/// The object of `pauc --json` a subset and two means; for other metrics their values by name.
fn json_text(scored: &ScoredRun) -> String {
    if let Some(table) = &scored.table {
        return json_line(table);
    }
    let subsets = scored.report.main().subsets.iter().map(|subset| {
        let mut values: serde_json::Map<String, serde_json::Value> =
            subset.metrics.iter().map(|(name, _, value)| (name.clone(), (*value).into())).collect();
        values.insert("items".into(), subset.items.into());
        (subset.name.clone(), serde_json::Value::Object(values))
    });
    json_line(&serde_json::Value::Object(subsets.collect()))
}

fn print(report: &RunReport) -> Result<(), Failure> {
    let mut out = stdout().lock();
    let omega = &report.headline_omega;
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    for subset in &report.main().subsets {
        for (name, unit, value) in &subset.metrics {
            writeln!(out, "{:<24} {:<28} {:>7} {unit}", one_line(&subset.name), one_line(name), number(*value))?;
        }
        if let Some(pauc) = subset.pauc.get(omega) {
            let (name, answers) = (one_line(&subset.name), subset.turns);
            writeln!(out, "{name:<24} PAUC {:>6} % (omega {omega}) of {answers} gold answers", number(*pauc))?;
        }
    }
    if report.main().mean_turns.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{:<24} {:>6}  {:>13}  {:>11}  {:>11}", "", "PAUC %", "95 %", "duplicates %", "replies/min")?;
    for row in &report.rows {
        let interval = row.interval.map_or_else(|| "-".to_owned(), |(low, high)| format!("{low:.1} - {high:.1}"));
        let (label, pauc, duplicates) = (one_line(&row.label), number(row.pauc(omega)), number(row.duplicates));
        writeln!(out, "{label:<24} {pauc:>6}  {interval:>13}  {duplicates:>12}  {:>11.1}", row.replies_per_minute)?;
    }
    Ok(())
}
