//! The numbers behind the figures, for those who want them exactly or do not see them drawn.

use souffleur_session::export::document::escape;

use super::charts::row_label;
use crate::run_report::data::RunReport;
use crate::run_report::markdown::{number, origin};
use crate::run_report::published::{PUBLISHED, SOURCE, SUBSETS};

/// A table that scrolls by itself where the page is narrow. Every cell is markup already.
fn table(label: &str, head: &[String], rows: &[Vec<String>]) -> String {
    let head: String = head.iter().map(|cell| format!("<th scope=\"col\">{cell}</th>")).collect();
    let rows: String = rows
        .iter()
        .map(|row| {
            let cells = row.iter().enumerate().map(|(idx, cell)| match idx {
                0 => format!("<th scope=\"row\" dir=\"auto\">{cell}</th>"),
                _ => format!("<td>{cell}</td>"),
            });
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        })
        .collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\"><table>\n<thead><tr>{head}</tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div>\n"
    )
}

fn card(title: &str, note: &str, content: &str) -> String {
    let note = if note.is_empty() { String::new() } else { format!("<p class=\"note\">{note}</p>\n") };
    format!("<section class=\"card\">\n<h2>{title}</h2>\n{note}{content}</section>\n")
}

fn texts<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Every row at every ω.
pub(super) fn all_scores(report: &RunReport) -> String {
    let mut head = texts(["", "from"]);
    head.extend(report.omegas.iter().map(|omega| format!("ω {}", escape(omega))));
    head.extend(texts(["95 %", "duplicates %", "replies/min", "mean of subsets"]));
    let rows: Vec<Vec<String>> = report
        .rows
        .iter()
        .enumerate()
        .map(|(idx, row)| {
            let mut cells = vec![format!("{} {}", idx + 1, escape(row_label(row))), origin(row.kind).to_owned()];
            cells.extend(report.omegas.iter().map(|omega| number(row.pauc(omega))));
            cells.push(row.interval.map_or_else(|| "–".into(), |(low, high)| format!("{low:.1}–{high:.1}")));
            cells.push(number(row.duplicates));
            cells.push(format!("{:.1}", row.replies_per_minute));
            cells.push(number(row.mean_subsets.get(&report.headline_omega).copied().flatten()));
            cells
        })
        .collect();
    let note = format!(
        "PAUC in percent. Rows with no model follow from the annotation and are judged by their words alone; the \
         others are judged by {}.",
        escape(&report.judge)
    );
    card("Every row", &note, &table("Every row", &head, &rows))
}

/// The run subset by subset, and what papers report.
pub(super) fn subsets(report: &RunReport) -> String {
    let omega = &report.headline_omega;
    let head = texts([
        "",
        "PAUC",
        "95 %",
        "answers",
        "items",
        "replies",
        "duplicates %",
        "out of span",
        "unscored",
        "delay s",
    ]);
    let rows: Vec<Vec<String>> = report
        .main()
        .subsets
        .iter()
        .map(|subset| {
            vec![
                escape(&subset.name),
                number(subset.pauc.get(omega).copied().flatten()),
                subset.interval.map_or_else(|| "–".into(), |(low, high)| format!("{low:.1}–{high:.1}")),
                subset.turns.to_string(),
                format!("{} of {}", subset.items_predicted, subset.items),
                subset.replies.to_string(),
                number(subset.duplicates),
                subset.out_of_span.to_string(),
                subset.unscored.to_string(),
                number(subset.first_reply_delay_s),
            ]
        })
        .collect();
    let note = format!("This run at ω {}.", escape(omega));
    card("Subsets", &note, &table("Subsets", &head, &rows))
}

/// Metrics of the benchmarks without PAUC.
pub(super) fn metrics(report: &RunReport) -> String {
    let mut rows = Vec::new();
    for row in &report.rows {
        for subset in &row.subsets {
            rows.extend(subset.metrics.iter().map(|(name, unit, value)| {
                vec![escape(row_label(row)), escape(&subset.name), escape(name), number(*value), unit.clone()]
            }));
        }
    }
    card("Scores", "", &table("Scores", &texts(["", "subset", "metric", "value", "unit"]), &rows))
}

/// What papers report on the four subsets.
pub(super) fn published(report: &RunReport) -> String {
    if report.benchmark != "proactivevideoqa" {
        return String::new();
    }
    let mut head = texts([""]);
    head.extend(SUBSETS.iter().map(|name| (*name).to_owned()));
    head.push("mean".into());
    let mut rows: Vec<Vec<String>> = Vec::new();
    let of_run = |name: &str| {
        let subset = report.main().subsets.iter().find(|subset| subset.name == name)?;
        let pauc = subset.pauc.get("0.5").copied().flatten()?;
        Some(format!("{pauc:.1}<small> / {}</small>", number(subset.duplicates)))
    };
    let own: Vec<Option<String>> = SUBSETS.iter().map(|name| of_run(name)).collect();
    if own.iter().any(Option::is_some) {
        let mut cells = vec!["this run".to_owned()];
        cells.extend(own.into_iter().map(|cell| cell.unwrap_or_else(|| "–".into())));
        cells.push(number(report.main().mean_subsets.get("0.5").copied().flatten()));
        rows.push(cells);
    }
    rows.extend(PUBLISHED.iter().map(|row| {
        let mut cells = vec![row.system.to_owned()];
        cells.extend(row.pauc.iter().enumerate().map(|(idx, pauc)| match row.duplicates {
            Some(duplicates) => format!("{pauc:.1}<small> / {:.1}</small>", duplicates[idx]),
            None => format!("{pauc:.1}"),
        }));
        cells.push(format!("{:.1}", row.mean()));
        cells
    }));
    let note = format!("PAUC at ω 0.5 / duplicates in percent. {SOURCE}, so compare with care.");
    card("Published on ProactiveVideoQA", &note, &table("Published", &head, &rows))
}

/// Where the time went.
pub(super) fn slow(report: &RunReport) -> String {
    let items = report.slowest();
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            let secs = format!("{:.1}", item.seconds);
            vec![escape(&item.question_id), item.turns.to_string(), secs, number(item.p50_ms), number(item.p99_ms)]
        })
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => {
            card("Slowest items", "", &table("Slowest items", &texts(["", "turns", "s", "p50 ms", "p99 ms"]), &rows))
        }
    }
}

/// Lines of a list at most: a folder without its videos would be listed item by item.
const MAX_LISTED: usize = 200;

/// What could not be played, and what is odd about the annotations.
pub(super) fn oddities(report: &RunReport) -> String {
    let mut lists = String::new();
    let missing: Vec<String> = report
        .not_played()
        .map(|(item, why)| format!("{}{}", item.question_id, why.map(|why| format!(": {why}")).unwrap_or_default()))
        .collect();
    lists += &list(&missing, "without predictions: counted as silent");
    let broken =
        report.items.iter().filter_map(|item| Some(format!("{}: {}", item.question_id, item.broke_off.as_ref()?)));
    lists += &list(&broken.collect::<Vec<_>>(), "broke off");
    let odd: Vec<String> = report.findings.iter().map(|(subset, finding)| format!("{subset}: {finding}")).collect();
    lists += &list(&odd, "odd in the annotations");
    lists
}

/// A list to be opened; nothing where it is empty.
fn list(lines: &[String], what: &str) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let items: String = lines.iter().take(MAX_LISTED).map(|line| format!("<li>{}</li>", escape(line))).collect();
    format!("<details class=\"card\"><summary>{} {what}</summary><ul>{items}</ul></details>\n", lines.len())
}
