use crate::Recording;

/// The command line's `--format jsonl`, line for line.
pub(super) fn render(recording: &Recording) -> String {
    recording.events.iter().map(|event| event.to_json_line() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::recording;
    use super::*;
    use crate::Event;

    #[test]
    fn reads_back() {
        let recording = recording(&[(1.0, "Two\nlines \u{2028} \"quoted\"", None)]);
        let read: Vec<Event> = render(&recording).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, recording.events);
    }
}
