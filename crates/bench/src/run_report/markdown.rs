//! The report as Markdown: every table, no picture.

use std::fmt::Write;

use super::data::{RowKind, RunReport};
use super::published::{PUBLISHED, SOURCE, SUBSETS};
use crate::run::OFFLINE_PROMPT;

pub(super) fn render(report: &RunReport) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    _ = writeln!(text, "# {} with {}\n", cell(&report.benchmark), cell(&report.model.name));
    for (name, value) in facts(report) {
        _ = writeln!(text, "- {name}: {}", cell(&value));
    }
    text.push('\n');
    scores(&mut text, report);
    subsets(&mut text, report);
    published(&mut text, report);
    slowest(&mut text, report);
    left_out(&mut text, report);
    text
}

/// What was run, for the head of a report.
pub(super) fn facts(report: &RunReport) -> Vec<(&'static str, String)> {
    let settings = &report.settings;
    let mut facts = match settings.sampled_frames {
        Some(num) => vec![
            ("frames", format!("{num}, spread evenly over the video, in one turn")),
            ("system prompt", OFFLINE_PROMPT.to_owned()),
        ],
        None => vec![
            ("policy", settings.policy.clone()),
            ("eagerness", settings.eagerness.to_string()),
            ("interval", format!("{} s", settings.interval_secs)),
            ("frames a turn", settings.frames_per_turn.to_string()),
        ],
    };
    let num_predicted = report.items.iter().filter(|item| item.is_predicted).count();
    facts.push(("judge", report.judge.clone()));
    facts.push(("items", format!("{num_predicted} of {}", report.items.len())));
    if let Some(usage) = &report.judge_usage {
        facts.push(("judging", usage.clone()));
    }
    if report.shard != "1/1" {
        facts.push(("shard", report.shard.clone()));
    }
    facts
}

/// A number with one digit, or a dash.
pub(super) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"))
}

/// Where a row comes from, in words.
pub(super) fn origin(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Main => "as set",
        RowKind::Reckoned => "no model",
        RowKind::Baseline => "same model",
        RowKind::Sweep => "sweep",
    }
}

fn has_pauc(report: &RunReport) -> bool {
    report.main().subsets.iter().any(|subset| !subset.pauc.is_empty())
}

fn scores(text: &mut String, report: &RunReport) {
    _ = writeln!(text, "## Scores\n");
    if !has_pauc(report) {
        _ = writeln!(text, "| row | subset | metric | value | unit |\n|---|---|---|---:|---|");
        for row in &report.rows {
            for subset in &row.subsets {
                for (name, unit, value) in &subset.metrics {
                    let (label, subset, name) = (cell(&row.label), cell(&subset.name), cell(name));
                    _ = writeln!(text, "| {label} | {subset} | {name} | {} | {unit} |", number(*value));
                }
            }
        }
        text.push('\n');
        return;
    }
    let omegas = report.omegas.iter().map(|omega| format!(" PAUC ω {omega} |")).collect::<String>();
    _ = writeln!(text, "| row | from |{omegas} 95 % at ω {} | duplicates % | replies/min |", report.headline_omega);
    _ = writeln!(text, "|---|---|{}---:|---:|---:|", "---:|".repeat(report.omegas.len()));
    for row in &report.rows {
        let pauc = report.omegas.iter().map(|omega| format!(" {} |", number(row.pauc(omega)))).collect::<String>();
        let interval = row.interval.map_or_else(|| "–".to_owned(), |(low, high)| format!("{low:.1}–{high:.1}"));
        let (label, from) = (cell(&row.label), origin(row.kind));
        let (duplicates, rate) = (number(row.duplicates), row.replies_per_minute);
        _ = writeln!(text, "| {label} | {from} |{pauc} {interval} | {duplicates} | {rate:.1} |");
    }
    _ = writeln!(
        text,
        "\nMeans weigh every gold answer the same. Rows without a model are judged by their words alone; the others by \
         {}.\n",
        cell(&report.judge)
    );
}

fn subsets(text: &mut String, report: &RunReport) {
    if !has_pauc(report) {
        return;
    }
    let omega = &report.headline_omega;
    _ = writeln!(text, "## Subsets\n");
    _ = writeln!(
        text,
        "| subset | PAUC ω {omega} | answers | items | replies | duplicates % | out of span | unscored | delay s |"
    );
    _ = writeln!(text, "|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for subset in &report.main().subsets {
        _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            cell(&subset.name),
            number(subset.pauc.get(omega).copied().flatten()),
            subset.turns,
            subset.items,
            subset.replies,
            number(subset.duplicates),
            subset.out_of_span,
            subset.unscored,
            number(subset.first_reply_delay_s)
        );
    }
    let mean = report.main().mean_subsets.get(omega).copied().flatten();
    _ = writeln!(text, "\nMean over subsets: {}.\n", number(mean));
}

fn published(text: &mut String, report: &RunReport) {
    if report.benchmark != "proactivevideoqa" {
        return;
    }
    _ = writeln!(text, "## Published\n\nPAUC at ω 0.5 / duplicates %. {SOURCE}: compare with care.\n");
    _ = writeln!(text, "| system | {} | mean |", SUBSETS.join(" | "));
    _ = writeln!(text, "|---|{}", "---:|".repeat(SUBSETS.len() + 1));
    for row in &PUBLISHED {
        let cells = row.pauc.iter().enumerate().map(|(idx, pauc)| match row.duplicates {
            Some(duplicates) => format!(" {pauc:.1} / {:.1} |", duplicates[idx]),
            None => format!(" {pauc:.1} |"),
        });
        _ = writeln!(text, "| {} |{} {:.1} |", row.system, cells.collect::<String>(), row.mean());
    }
    text.push('\n');
}

fn slowest(text: &mut String, report: &RunReport) {
    let slowest = report.slowest();
    if slowest.is_empty() {
        return;
    }
    _ = writeln!(text, "## Slowest items\n\n| item | turns | seconds | p50 ms | p99 ms |\n|---|---:|---:|---:|---:|");
    for item in slowest {
        let (id, turns, secs) = (cell(&item.question_id), item.turns, item.seconds);
        _ = writeln!(text, "| {id} | {turns} | {secs:.1} | {} | {} |", number(item.p50_ms), number(item.p99_ms));
    }
    text.push('\n');
}

fn left_out(text: &mut String, report: &RunReport) {
    let missing: Vec<_> = report.not_played().collect();
    if !missing.is_empty() {
        _ = writeln!(text, "## Not played\n\n{} item(s) have no predictions and count as silent:\n", missing.len());
        for (item, why) in missing {
            let why = why.map(|reason| format!(": {}", cell(reason))).unwrap_or_default();
            _ = writeln!(text, "- {}{why}", cell(&item.question_id));
        }
        text.push('\n');
    }
    if !report.findings.is_empty() {
        _ = writeln!(text, "## Odd in the annotations\n");
        for (subset, finding) in &report.findings {
            _ = writeln!(text, "- {}: {}", cell(subset), cell(finding));
        }
    }
}

/// A text inside a table or a list: one line, nothing that Markdown or HTML would read as its own.
fn cell(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            char if char.is_control() => escaped.push(' '),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '!' | '#' => {
                escaped.push('\\');
                escaped.push(char);
            }
            _ => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_name_cannot_break_a_table() {
        assert_eq!(cell("a|b\n<c>![x](y)"), "a\\|b &lt;c&gt;\\!\\[x\\](y)");
    }
}
