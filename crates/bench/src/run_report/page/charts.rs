//! The figures of a report: each answers one question about the run's row among the others.

use std::fmt::Write;

use souffleur_session::export::document::escape;

use super::plot::{Axis, Plot};
use crate::run_report::data::{Row, RowKind, RunReport};
use crate::run_report::markdown::{number, origin};
use crate::run_report::published::PUBLISHED;

/// The name of a row in the figures: its place in the list of scores, from 1.
pub(super) fn row_name(idx: usize) -> String {
    (idx + 1).to_string()
}

/// What a row is called.
pub(super) fn row_label(row: &Row) -> &str {
    if row.kind == RowKind::Main { "this run" } else { &row.label }
}

fn class(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Main => "main",
        RowKind::Reckoned => "reckoned",
        RowKind::Baseline => "baseline",
        RowKind::Sweep => "sweep",
    }
}

/// Every row on one scale from 0 to 100, with the interval of its mean.
pub(super) fn scores(report: &RunReport) -> String {
    let omega = &report.headline_omega;
    let mut rows = String::new();
    for (idx, row) in report.rows.iter().enumerate() {
        let pauc = row.pauc(omega);
        let mut marks = String::from("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"50%\" y2=\"50%\"/>");
        for at in [0, 25, 50, 75, 100] {
            _ = write!(marks, "<line class=\"grid\" x1=\"{at}%\" x2=\"{at}%\" y1=\"25%\" y2=\"75%\"/>");
        }
        if let Some((low, high)) = row.interval {
            _ = write!(marks, "<line class=\"whisker\" x1=\"{low:.2}%\" x2=\"{high:.2}%\" y1=\"50%\" y2=\"50%\"/>");
        }
        if let Some(pauc) = pauc {
            _ = write!(marks, "<circle cx=\"{pauc:.2}%\" cy=\"50%\" r=\"6\"/>");
        }
        _ = writeln!(
            rows,
            "<li class=\"{}\"><span class=\"no\" aria-hidden=\"true\">{}</span><span class=\"name\" dir=\"auto\">{} \
             <small>{}</small></span><svg class=\"track\" aria-hidden=\"true\">{marks}</svg><b class=\"value\">{}</b></li>",
            class(row.kind),
            row_name(idx),
            escape(row_label(row)),
            origin(row.kind),
            number(pauc)
        );
    }
    format!(
        "<section class=\"card\">\n<div class=\"head\"><h2>Scores</h2><ul class=\"legend\"><li>PAUC in percent at ω {}, \
         every gold answer weighed the same; the line is the middle 95 % of resampled items</li></ul></div>\n\
         <ol class=\"scores\">\n{rows}</ol>\n</section>\n",
        escape(omega)
    )
}

/// How good what was said is, from the start to the end of a gold span.
pub(super) fn curves(report: &RunReport) -> String {
    let mut plot =
        Plot::new(Axis::percent("share of the gold span that has passed"), Axis::percent("mean judge score"));
    let mut names = Vec::new();
    // The run itself is drawn last, over the others.
    for (idx, row) in report.rows.iter().enumerate().rev() {
        if let Some(last) = row.curve.last() {
            let steps = (row.curve.len() - 1).max(1) as f64;
            let points = row.curve.iter().enumerate().map(|(step, height)| (step as f64 / steps * 100.0, *height));
            plot.line(points, &format!("curve {}", class(row.kind)));
            names.push((*last, idx + 1));
        }
    }
    plot.end_names(&names);
    let description = format!("Mean judge score over the gold span, {} rows", names.len());
    figure(
        "Time and quality",
        "The area under a curve is PAUC at ω 0. Silence stays at 25; a reply lifts or sinks its answer from then on.",
        &plot.render("tall named", &description),
        &legend(report),
    )
}

/// Whether a score was bought with repetition.
pub(super) fn duplicates(report: &RunReport) -> String {
    let mut plot = Plot::new(Axis::percent("duplicates"), Axis::percent("PAUC"));
    let omega = &report.headline_omega;
    let mut unknown = Vec::new();
    for (idx, row) in report.rows.iter().enumerate().rev() {
        match (row.duplicates, row.pauc(omega)) {
            (Some(duplicates), Some(pauc)) => {
                let title = format!("{}: {duplicates:.1} % duplicates, PAUC {pauc:.1}", row_label(row));
                plot.dot((duplicates, pauc), &row_name(idx), &title, &format!("mark {}", class(row.kind)));
            }
            _ => unknown.push(row_name(idx)),
        }
    }
    let mut legend = String::new();
    if report.benchmark == "proactivevideoqa" {
        for (letter, row) in ('a'..).zip(PUBLISHED.iter().filter(|row| row.duplicates.is_some())) {
            let duplicates = row.duplicates.map_or(0.0, |values| values.iter().sum::<f64>() / values.len() as f64);
            let title = format!("{}, published, mean of four subsets, other judge", row.system);
            plot.dot((duplicates, row.mean()), &letter.to_string(), &title, "mark published");
            _ = write!(legend, "<li><b>{letter}</b> {}, published</li>", row.system);
        }
    }
    unknown.reverse();
    let note = match unknown.as_slice() {
        [] => "Up and to the left is better.".to_owned(),
        rows => format!(
            "Up and to the left is better. Too few replies to say: {}. Published means are from other clips and judges.",
            rows.join(", ")
        ),
    };
    figure("PAUC and duplicates", &note, &plot.render("", "PAUC against the share of repeated replies"), &legend)
}

/// What speaking more often costs or brings with this model.
pub(super) fn calibration(report: &RunReport) -> String {
    let omega = &report.headline_omega;
    let is_of_model = |row: &Row| row.kind != RowKind::Reckoned || row.replies_per_minute == 0.0;
    let mut points: Vec<(usize, &Row, f64)> = Vec::new();
    for (idx, row) in report.rows.iter().enumerate() {
        if let Some(pauc) = row.pauc(omega).filter(|_| is_of_model(row)) {
            points.push((idx, row, pauc));
        }
    }
    let max = points.iter().map(|(_, row, _)| row.replies_per_minute).fold(0.0, f64::max);
    let mut plot = Plot::new(Axis::up_to("replies a minute", 0.0, max, ""), Axis::percent("PAUC"));
    let mut swept: Vec<(f64, f64)> = points
        .iter()
        .filter(|(_, row, _)| matches!(row.kind, RowKind::Main | RowKind::Sweep))
        .map(|(_, row, pauc)| (row.replies_per_minute, *pauc))
        .collect();
    swept.sort_by(|a, b| a.0.total_cmp(&b.0));
    if swept.len() > 1 {
        plot.line(swept, "curve sweep");
    }
    for (idx, row, pauc) in points.iter().rev() {
        let title = format!("{}: {:.1} replies a minute, PAUC {pauc:.1}", row_label(row), row.replies_per_minute);
        plot.dot((row.replies_per_minute, *pauc), &row_name(*idx), &title, &format!("mark {}", class(row.kind)));
    }
    let has_sweep = report.rows.iter().any(|row| row.kind == RowKind::Sweep);
    let note = if has_sweep {
        "Where the curve turns down, more words only bring more wrong ones."
    } else {
        "One run is one point: a sweep such as --sweep eagerness=-2..2 draws the curve."
    };
    figure("Silence, calibrated", note, &plot.render("", "PAUC against replies a minute"), "")
}

/// Bins of the histogram at most.
const MAX_BINS: usize = 24;

/// How long after the evidence begins the first reply comes.
pub(super) fn delays(report: &RunReport) -> String {
    let delays = &report.main().delays_secs;
    let (Some(min), Some(max)) = (delays.iter().copied().reduce(f64::min), delays.iter().copied().reduce(f64::max))
    else {
        return figure("Delay of the first reply", "No reply fell into a gold span.", "", "");
    };
    let from = min.min(0.0).floor();
    let width = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0]
        .into_iter()
        .find(|width| (max - from) / width < MAX_BINS as f64)
        .unwrap_or((max - from) / MAX_BINS as f64 + 1.0);
    let mut bins = vec![0usize; ((max - from) / width) as usize + 1];
    for delay in delays {
        bins[((delay - from) / width) as usize] += 1;
    }
    let most = bins.iter().copied().max().unwrap_or(0) as f64;
    let end = from + bins.len() as f64 * width;
    let mut plot = Plot::new(
        Axis::up_to("seconds from the start of the evidence", from, end, " s"),
        Axis::up_to("gold answers", 0.0, most.max(4.0), ""),
    );
    for (idx, count) in bins.iter().enumerate().filter(|(_, count)| **count > 0) {
        let left = from + idx as f64 * width;
        let title = format!("{left} to {} s: {count} answers", left + width);
        plot.bar(left, left + width, *count as f64, &title);
    }
    let answers: usize = report.main().subsets.iter().map(|subset| subset.turns).sum();
    let mean = delays.iter().sum::<f64>() / delays.len() as f64;
    let note =
        format!("{} of {answers} answers got a reply in their span, after {mean:.1} s on average.", delays.len());
    figure("Delay of the first reply", &note, &plot.render("", &note), "")
}

fn legend(report: &RunReport) -> String {
    let rows = report.rows.iter().enumerate();
    let rows = rows.filter(|(_, row)| !row.curve.is_empty()).map(|(idx, row)| {
        format!(
            "<li class=\"{}\"><svg viewBox=\"0 0 18 14\" aria-hidden=\"true\"><path class=\"curve {0}\" d=\"M0 7H18\"/></svg>\
             {} {}</li>",
            class(row.kind),
            row_name(idx),
            escape(row_label(row))
        )
    });
    rows.collect()
}

fn figure(title: &str, note: &str, drawing: &str, legend: &str) -> String {
    let legend = match legend {
        "" => String::new(),
        items => format!("<ul class=\"legend\">{items}</ul>"),
    };
    format!(
        "<section class=\"card\">\n<h2>{title}</h2>\n<p class=\"note\">{}</p>\n{drawing}{legend}</section>\n",
        escape(note)
    )
}
