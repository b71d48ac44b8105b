//! Single items: frames, gold spans, replies and scores on one axis of time.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use souffleur_core::{MediaTime, SUBTITLE_PREFIX};
use souffleur_session::Thumbnail;
use souffleur_session::export::document::escape;

use crate::run_report::data::{ItemReport, RunReport};
use crate::run_report::markdown::number;

/// Gold answers drawn at most; the list below the drawing holds them all.
const MAX_LANES: usize = 40;

/// An item with its frames.
pub(super) struct Example<'a> {
    pub(super) item: &'a ItemReport,
    pub(super) from_secs: f64,
    pub(super) to_secs: f64,
    pub(super) pictures: Vec<Thumbnail>,
}

impl Example<'_> {
    /// A time's place on the axis in percent.
    fn place(&self, secs: f64) -> f64 {
        ((secs - self.from_secs) / (self.to_secs - self.from_secs).max(1e-3) * 100.0).clamp(0.0, 100.0)
    }
}

/// All examples, one open at a time.
pub(super) fn card(report: &RunReport, examples: &[Example<'_>]) -> String {
    if examples.is_empty() {
        return String::new();
    }
    let num = report.items.len();
    let note = match examples.len() == num {
        true => "Every item of the run, the lowest score first.".to_owned(),
        false => format!("{} of {num} items, from the lowest score to the highest.", examples.len()),
    };
    let items: String = examples.iter().enumerate().map(|(idx, example)| render(report, example, idx == 0)).collect();
    format!(
        "<section class=\"card examples\">\n<div class=\"head\"><h2>Items</h2>{LEGEND}</div>\n<p class=\"note\">{note}</p>\n\
         {items}</section>\n"
    )
}

const LEGEND: &str = "<ul class=\"legend\">\
    <li><svg viewBox=\"0 0 18 14\" aria-hidden=\"true\"><rect class=\"gold\" x=\"0\" y=\"3\" width=\"18\" height=\"8\" rx=\"3\"/></svg>a reply is due</li>\
    <li><svg viewBox=\"0 0 18 14\" aria-hidden=\"true\"><g class=\"reply full\"><circle cx=\"9\" cy=\"7\" r=\"6\"/></g></svg>covers it</li>\
    <li><svg viewBox=\"0 0 18 14\" aria-hidden=\"true\"><g class=\"reply part\"><circle cx=\"9\" cy=\"7\" r=\"5\"/></g></svg>partly</li>\
    <li><svg viewBox=\"0 0 18 14\" aria-hidden=\"true\"><g class=\"reply none\"><circle cx=\"9\" cy=\"7\" r=\"5\"/></g></svg>wrong, repeated or out of span</li></ul>";

fn render(report: &RunReport, example: &Example<'_>, is_open: bool) -> String {
    let item = example.item;
    let score = number(item.score.get(&report.headline_omega).copied().flatten());
    let open = if is_open { " open" } else { "" };
    let question = item.texts.iter().find(|(_, text)| !text.starts_with(SUBTITLE_PREFIX)).map_or("", |(_, text)| text);
    format!(
        "<details name=\"example\"{open}><summary><span class=\"id\" dir=\"auto\">{}</span><b>{score}</b></summary>\n\
         <p class=\"question\" dir=\"auto\">{}</p>\n<div class=\"lanes\">{}{}{}{}{}</div>\n<ol class=\"events\">\n{}</ol>\n</details>\n",
        escape(&item.question_id),
        escape(question),
        frames(example),
        silence(report, example),
        spans(example),
        replies(example),
        axis(example),
        events(report, item)
    )
}

fn frames(example: &Example<'_>) -> String {
    if example.pictures.is_empty() {
        return String::new();
    }
    let images = example.pictures.iter().map(|picture| {
        format!(
            "<img width=\"{}\" height=\"{}\" alt=\"The frame at {}\" src=\"data:image/jpeg;base64,{}\">",
            picture.width_px,
            picture.height_px,
            picture.time,
            BASE64.encode(&picture.jpeg)
        )
    });
    format!("<span></span><div class=\"strip\">{}</div>", images.collect::<String>())
}

fn silence(report: &RunReport, example: &Example<'_>) -> String {
    let turns = &example.item.p_silent;
    if turns.len() < 2 {
        return String::new();
    }
    let frames = report.settings.frames_per_turn.of(&example.item.subset, report.model.frames_per_turn);
    let turn_secs = report.settings.interval_secs * f64::from(frames);
    let mut path = String::new();
    for (idx, p_silent) in turns.iter().enumerate() {
        // A turn is stamped with the end of its last frame.
        let x = example.place(example.from_secs + (idx as f64 + 1.0) * turn_secs);
        // Writing into a string cannot fail.
        _ = write!(path, "{}{x:.2} {:.1}", if idx == 0 { 'M' } else { 'L' }, (1.0 - f64::from(*p_silent)) * 100.0);
    }
    format!(
        "<span>P(silent)</span><svg class=\"curve-lane\" viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" \
         aria-hidden=\"true\"><path class=\"grid\" d=\"M0 100H100M0 0H100\"/><path class=\"curve\" d=\"{path}\"/></svg>"
    )
}

fn spans(example: &Example<'_>) -> String {
    const HEIGHT: usize = 22;
    let answers: Vec<_> = example.item.answers.iter().filter_map(|answer| Some((answer, answer.span?))).collect();
    if answers.is_empty() {
        return String::new();
    }
    let lanes = answers.len().min(MAX_LANES);
    let mut marks = String::new();
    for (idx, (answer, (start, end))) in answers.iter().take(lanes).enumerate() {
        let (left, right) = (example.place(*start), example.place(*end));
        let (top, middle) = (idx * HEIGHT + 4, idx * HEIGHT + HEIGHT / 2);
        _ = write!(
            marks,
            "<rect class=\"gold\" x=\"{left:.2}%\" y=\"{top}\" width=\"{:.2}%\" height=\"{}\" rx=\"4\"><title>{}</title></rect>",
            (right - left).max(0.5),
            HEIGHT - 8,
            escape(&answer.text)
        );
        for (secs, score) in &answer.scores {
            let score = score.map_or_else(|| "?".to_owned(), |score| format!("{score}"));
            let x = example.place(*secs);
            _ = write!(marks, "<text class=\"score\" x=\"{x:.2}%\" y=\"{middle}\" dy=\".35em\">{score}</text>");
        }
    }
    let height = lanes * HEIGHT;
    format!("<span>due</span><svg class=\"spans\" height=\"{height}\" aria-hidden=\"true\">{marks}</svg>")
}

fn replies(example: &Example<'_>) -> String {
    let mut marks = String::from("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"50%\" y2=\"50%\"/>");
    for (secs, text) in &example.item.replies {
        let (class, _) = verdict(example.item, *secs);
        _ = write!(
            marks,
            "<g class=\"reply {class}\"><title>{}</title><circle cx=\"{:.2}%\" cy=\"50%\" r=\"6\"/></g>",
            escape(text),
            example.place(*secs)
        );
    }
    format!("<span>said</span><svg class=\"said-lane\" height=\"22\" aria-hidden=\"true\">{marks}</svg>")
}

fn axis(example: &Example<'_>) -> String {
    let labels = (0..=4).map(|quarter| {
        let secs = example.from_secs + (example.to_secs - example.from_secs) * f64::from(quarter) / 4.0;
        format!("<span>{}</span>", MediaTime::from_secs_f64(secs))
    });
    format!("<span></span><p class=\"axis\" aria-hidden=\"true\">{}</p>", labels.collect::<String>())
}

/// The best that a reply got from any gold answer: a class and words.
fn verdict(item: &ItemReport, secs: f64) -> (&'static str, &'static str) {
    let scores = item.answers.iter().flat_map(|answer| &answer.scores);
    let mine = scores.filter(|(time, _)| (time - secs).abs() < 1e-6).map(|(_, score)| *score);
    let or_below_all = |score: &Option<f64>| score.unwrap_or(f64::NEG_INFINITY);
    match mine.max_by(|a, b| or_below_all(a).total_cmp(&or_below_all(b))) {
        None => ("none", "out of span, or said before"),
        Some(None) => ("none", "the judge gave no score"),
        Some(Some(score)) if score >= 2.0 => ("full", "covers it"),
        Some(Some(score)) if score > 0.0 => ("part", "covers it partly"),
        Some(Some(_)) => ("none", "wrong"),
    }
}

/// Everything that was said and due, by time: what the drawing shows, in words.
fn events(report: &RunReport, item: &ItemReport) -> String {
    let mut lines: Vec<(f64, u8, String)> = Vec::new();
    for (secs, text) in &item.texts {
        lines.push((*secs, 0, format!("<span class=\"who\">asked</span><span dir=\"auto\">{}</span>", escape(text))));
    }
    for answer in &item.answers {
        let Some((start, end)) = answer.span else {
            let text = escape(&answer.text);
            lines.push((0.0, 1, format!("<span class=\"who\">due</span><span dir=\"auto\">{text}</span>")));
            continue;
        };
        let pauc = answer.pauc.get(&report.headline_omega).copied().flatten();
        let pauc = pauc.map(|pauc| format!(", PAUC {pauc:.1}")).unwrap_or_default();
        let text = format!(
            "<span class=\"who\">due</span><span dir=\"auto\">{} <small>until {}{pauc}</small></span>",
            escape(&answer.text),
            MediaTime::from_secs_f64(end)
        );
        lines.push((start, 1, text));
    }
    for (secs, text) in &item.replies {
        let (class, words) = verdict(item, *secs);
        let line = format!(
            "<span class=\"who {class}\">said</span><span class=\"words\" dir=\"auto\">{} <small>{words}</small></span>",
            escape(text)
        );
        lines.push((*secs, 2, line));
    }
    lines.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let lines = lines
        .into_iter()
        .map(|(secs, _, line)| format!("<li><time>{}</time>{line}</li>\n", MediaTime::from_secs_f64(secs)));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_report::data::AnswerReport;

    #[test]
    fn a_reply_is_shown_by_the_best_it_got() {
        let answer =
            |scores: &[(f64, Option<f64>)]| AnswerReport { scores: scores.to_vec(), ..AnswerReport::default() };
        let answers = vec![
            answer(&[(1.0, None), (2.0, Some(0.0)), (3.0, Some(1.0))]),
            answer(&[(2.0, None), (3.0, Some(2.0)), (4.0, Some(1.0)), (5.0, Some(0.0))]),
        ];
        let item = ItemReport { answers, ..ItemReport::default() };
        let classes = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(|secs| verdict(&item, secs));
        let expected = [
            ("none", "out of span, or said before"),
            ("none", "the judge gave no score"),
            ("none", "wrong"),
            ("full", "covers it"),
            ("part", "covers it partly"),
            ("none", "wrong"),
        ];
        assert_eq!(classes, expected);
    }
}
