//! The report as one page that needs nothing else.

mod charts;
mod pictures;
mod plot;
mod tables;
mod viewer;

use std::collections::HashMap;

use souffleur_session::export::document::{Document, escape};

use super::data::{ItemReport, RunReport};
use super::markdown::facts;
use crate::run::{Clip, Subset};
use viewer::Example;

const STYLE: &str = concat!(include_str!("../../../../session/src/export/theme.css"), include_str!("report.css"));

/// Items with frames at most: the page stays below some hundred kilobytes.
const MAX_EXAMPLES: usize = 12;

/// The whole page; `subsets` tell where the videos are.
pub(super) fn render(report: &RunReport, subsets: &[Subset]) -> String {
    let examples = examples(report, subsets);
    let is_pauc = report.main().subsets.iter().any(|subset| !subset.pauc.is_empty());
    let mut body = header(report) + "<main>\n";
    if is_pauc {
        body += &charts::scores(report);
        body += &charts::curves(report);
        body += "<div class=\"pair\">\n";
        body += &charts::calibration(report);
        body += &charts::delays(report);
        body += "</div>\n";
        body += &viewer::card(report, &examples);
        body += "<div class=\"pair\">\n";
        body += &charts::duplicates(report);
        body += &tables::published(report);
        body += "</div>\n";
        body += &tables::subsets(report);
        body += &tables::all_scores(report);
    } else {
        body += &tables::metrics(report);
        body += &viewer::card(report, &examples);
    }
    body += &tables::slow(report);
    body += &tables::oddities(report);
    body += "</main>\n";
    let title = format!("{} on {}", report.model.name, report.benchmark);
    Document { title: &title, style: STYLE, script: "", body_class: "", body: &body }.render()
}

fn header(report: &RunReport) -> String {
    let main = report.main();
    let headline = main.pauc(&report.headline_omega).map(|pauc| {
        format!("<p class=\"headline\"><b>{pauc:.1}</b> PAUC at ω {}</p>\n", escape(&report.headline_omega))
    });
    let facts = facts(report).into_iter().map(|(name, value)| format!("<li>{name} <b>{}</b></li>", escape(&value)));
    format!(
        "<header>\n<p class=\"mark\">Souffleur</p>\n<h1 dir=\"auto\">{} on {}</h1>\n{}<ul class=\"facts\">{}</ul>\n</header>\n",
        escape(&report.model.name),
        escape(&report.benchmark),
        headline.unwrap_or_default(),
        facts.collect::<String>()
    )
}

/// Items from the lowest score to the highest, evenly spread, with their frames.
fn examples<'a>(report: &'a RunReport, subsets: &[Subset]) -> Vec<Example<'a>> {
    let mut items: Vec<&ItemReport> = report.items.iter().filter(|item| item.is_predicted).collect();
    let score = |item: &ItemReport| item.score.get(&report.headline_omega).copied().flatten().unwrap_or(0.0);
    items.sort_by(|a, b| score(a).total_cmp(&score(b)).then_with(|| a.question_id.cmp(&b.question_id)));
    let num = items.len().min(MAX_EXAMPLES);
    let last = items.len().saturating_sub(1);
    let picked = (0..num).map(|idx| items[if num > 1 { idx * last / (num - 1) } else { 0 }]);
    let clips: HashMap<(&str, &str), &Clip> = subsets
        .iter()
        .flat_map(|subset| subset.clips.iter().map(|clip| ((subset.name.as_str(), clip.question_id.as_str()), clip)))
        .collect();
    let examples = picked.map(|item| {
        let clip = clips.get(&(item.subset.as_str(), item.question_id.as_str()));
        let from_secs = clip.map_or(0.0, |clip| clip.from_secs);
        let to_secs = item.duration_secs.max(from_secs + 1.0);
        let video = clip.and_then(|clip| clip.video.as_deref());
        let pictures = video.map(|video| pictures::pictures(video, from_secs, to_secs)).unwrap_or_default();
        Example { item, from_secs, to_secs, pictures }
    });
    examples.collect()
}
