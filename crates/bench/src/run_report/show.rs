use std::fmt::Write;
use std::path::Path;

use souffleur_core::{MediaTime, one_line};

use super::data::{ItemReport, RunReport};
use super::markdown::number;
use crate::run::RunError;

/// The item of that identity, or the only one whose identity holds the text.
///
/// # Errors
/// When there is none, or there are several.
pub fn find_item<'a>(report: &'a RunReport, folder: &Path, wanted: &str) -> Result<&'a ItemReport, RunError> {
    if let Some(item) = report.items.iter().find(|item| item.question_id == wanted) {
        return Ok(item);
    }
    let near: Vec<&ItemReport> = report.items.iter().filter(|item| item.question_id.contains(wanted)).collect();
    match near.as_slice() {
        [only] => Ok(only),
        _ => Err(RunError::UnknownItem {
            folder: folder.to_owned(),
            item: wanted.to_owned(),
            near: near.first().or(report.items.iter().collect::<Vec<_>>().first()).map(|item| item.question_id.clone()),
        }),
    }
}

/// An item for a terminal: what was asked, what was due, what was said and what the judge made of it, by time.
pub fn show_item(report: &RunReport, item: &ItemReport) -> String {
    let omega = &report.headline_omega;
    let mut text = String::new();
    // Writing into a string cannot fail.
    _ = writeln!(text, "{} ({})", one_line(&item.question_id), one_line(&item.subset));
    let mut lines: Vec<(f64, u8, String)> = Vec::new();
    lines.extend(item.texts.iter().map(|(secs, words)| (*secs, 0, format!("user   {}", one_line(words)))));
    for answer in &item.answers {
        let Some((start, end)) = answer.span else {
            lines.push((0.0, 1, format!("due    {}", one_line(&answer.text))));
            continue;
        };
        let pauc = number(answer.pauc.get(omega).copied().flatten());
        let words = one_line(&answer.text);
        lines.push((start, 1, format!("due    {words}  [{}–{}, PAUC {pauc}]", time(start), time(end))));
    }
    for (secs, words) in &item.replies {
        lines.push((*secs, 2, format!("model  {}{}", one_line(words), verdicts(item, *secs))));
    }
    lines.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for (secs, _, line) in lines {
        _ = writeln!(text, "{:>8}  {line}", time(secs));
    }
    if !item.is_predicted {
        _ = writeln!(text, "not played: it counts as silent");
    }
    if !omega.is_empty() {
        _ = write!(text, "PAUC (omega {omega}) {}, ", number(item.score.get(omega).copied().flatten()));
    }
    _ = write!(text, "{} turns in {:.1} s", item.turns, item.seconds);
    text
}

fn verdicts(item: &ItemReport, secs: f64) -> String {
    let scores = item.answers.iter().enumerate().flat_map(|(idx, answer)| {
        let same = answer.scores.iter().filter(move |(time, _)| (time - secs).abs() < 1e-6);
        same.map(move |(_, score)| match score {
            Some(score) => format!("answer {}: {score}", idx + 1),
            None => format!("answer {}: no score", idx + 1),
        })
    });
    let scores: Vec<String> = scores.collect();
    match (scores.is_empty(), item.answers.is_empty()) {
        (_, true) => String::new(),
        (true, _) => "  [out of span or said before]".into(),
        (false, _) => format!("  [{}]", scores.join(", ")),
    }
}

fn time(secs: f64) -> String {
    MediaTime::from_secs_f64(secs).to_string()
}
