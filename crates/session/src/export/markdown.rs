use std::fmt::Write;

use crate::Recording;

/// A heading, the session in a line, and a table of all replies.
pub(super) fn render(recording: &Recording) -> String {
    let mut text = format!("# {}\n\n", cell(&recording.source.name));
    let mut facts = Vec::new();
    if let Some(start) = recording.start() {
        facts.push(format!("Model {} on {}", cell(&start.label.model), cell(&start.label.provider)));
    }
    if let Some(summary) = recording.summary() {
        facts.push(format!("{} turns, {} replies", summary.turns, summary.replies));
        facts.push(format!("{} frames dropped", summary.dropped_frames));
    }
    // Writing into a string cannot fail.
    _ = write!(text, "{}\n\n", facts.join(" · "));
    text.push_str("| Time | Reply | Question | Kept back |\n|---:|---|---|---|\n");
    for reply in recording.replies() {
        let suppressed = reply.suppressed.map(|reason| reason.to_string().replace('_', " ")).unwrap_or_default();
        _ = writeln!(text, "| {} | {} | {} | {suppressed} |", reply.time, cell(&reply.text), cell(&reply.question));
    }
    text
}

/// A text that stays one cell and says nothing to a Markdown reader but itself.
fn cell(text: &str) -> String {
    let text = super::plain(text);
    let lines: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(escape).collect();
    lines.join("<br>")
}

fn escape(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    for char in line.chars() {
        if matches!(char, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '&' | '~' | '#' | '$') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{recording, saying};
    use super::*;
    use proptest::prelude::*;
    use souffleur_core::SuppressReason;

    #[test]
    fn a_table_of_all_replies() {
        let kept = Some(SuppressReason::CoolDown);
        let replies = [(1.0, "Salt | *pepper*\n<script>", None), (62.5, "Again.", kept)];
        let table = render(&recording(&replies));
        insta::assert_snapshot!(table, @r"
        # clip.mp4

        Model kitchen on cpu · 65 turns, 1 replies · 0 frames dropped

        | Time | Reply | Question | Kept back |
        |---:|---|---|---|
        | 0:01 | Salt \| \*pepper\*<br>\<script\> | What happens? |  |
        | 1:02.5 | Again. | What happens? | cool down |
        ");
    }

    /// The cells of a row: parts between bars that no backslash escapes.
    fn cells(row: &str) -> Vec<String> {
        let mut cells = vec![String::new()];
        let mut chars = row.chars();
        while let Some(char) = chars.next() {
            match char {
                '\\' => cells.last_mut().unwrap().extend(chars.next()),
                '|' => cells.push(String::new()),
                _ => cells.last_mut().unwrap().push(char),
            }
        }
        cells
    }

    proptest! {
        #[test]
        fn every_reply_is_one_row_of_four_cells(texts in prop::collection::vec("(\\PC|\n|\\||\\\\){1,20}", 1..5)) {
            let written = render(&saying(&texts));
            let rows: Vec<&str> = written.split('\n').skip_while(|line| !line.starts_with("|---")).skip(1).collect();
            prop_assert_eq!(rows.len(), texts.len() + 1, "and the last line's end");
            for (row, text) in rows.iter().zip(&texts) {
                let cells = cells(row);
                prop_assert_eq!(cells.len(), 6, "{}", row);
                let plain = super::super::plain(text);
                let lines: Vec<&str> = plain.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                let expected = lines.join("<br>");
                prop_assert_eq!(cells[2].trim(), expected.trim());
            }
        }
    }
}
