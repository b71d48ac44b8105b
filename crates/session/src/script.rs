use souffleur_core::{Hint, MediaTime, QuestionId, StandingRequests, SubtitleLine, join_turn_texts};

/// Something the user says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Utterance {
    /// A new standing request beside the others.
    Ask(String),
    /// A question that takes over from all earlier ones: how benchmarks mean a later user turn.
    Replace(String),
    /// New words for a standing request. One that is not active any more is left alone.
    Edit(QuestionId, String),
    /// The end of a standing request. One that is not active any more is left alone.
    Cancel(QuestionId),
    /// A subtitle line of the video.
    Subtitle(SubtitleLine),
}

impl Utterance {
    fn words(&self) -> Option<&str> {
        match self {
            Self::Ask(text) | Self::Replace(text) | Self::Edit(_, text) => Some(text),
            Self::Cancel(_) => None,
            Self::Subtitle(line) => Some(&line.words),
        }
    }
}

/// An utterance and when it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptItem {
    /// The item joins the first turn whose time is later than this.
    pub time: MediaTime,
    /// What is said.
    pub utterance: Utterance,
}

/// Why something cannot stand in a script.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScriptError {
    /// Nothing but white space.
    #[error("a question of at least one word is expected, found an empty text")]
    EmptyText,
    /// A time before the video.
    #[error("a question is asked at 0 seconds or later, found {0}")]
    Time(f64),
    /// Not of the form `SECONDS=TEXT`.
    #[error("a timed question is written SECONDS=TEXT, found \"{0}\"")]
    Form(String),
}

impl Hint for ScriptError {
    fn hint(&self) -> String {
        match self {
            Self::EmptyText => "say what to look for, such as --ask \"Tell me when the water boils.\"".into(),
            Self::Time(_) => "count the time in seconds from the start of the video, such as --ask-at 12.5=TEXT".into(),
            Self::Form(_) => "write it like --ask-at 12.5=\"What is in the pan?\"".into(),
        }
    }
}

/// All that is said in a session and is known before it starts, in time order.
///
/// Items of one time keep the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    items: Vec<ScriptItem>,
}

impl Script {
    /// Adds an utterance at `time`.
    ///
    /// # Errors
    /// When its text is blank or `time` is negative.
    pub fn say(&mut self, time: MediaTime, utterance: Utterance) -> Result<(), ScriptError> {
        if utterance.words().is_some_and(|words| words.trim().is_empty()) {
            return Err(ScriptError::EmptyText);
        }
        if time < MediaTime::ZERO {
            return Err(ScriptError::Time(time.as_secs_f64()));
        }
        let place = self.items.partition_point(|item| item.time <= time);
        self.items.insert(place, ScriptItem { time, utterance });
        Ok(())
    }

    /// Adds a question from the very start.
    ///
    /// # Errors
    /// When it is blank.
    pub fn ask(&mut self, text: &str) -> Result<(), ScriptError> {
        self.say(MediaTime::ZERO, Utterance::Ask(text.trim().to_owned()))
    }

    /// Adds a question written `SECONDS=TEXT`, as `--ask-at` takes it.
    ///
    /// # Errors
    /// When it is not of that form, the time is not one, or the text is blank.
    pub fn ask_at(&mut self, written: &str) -> Result<(), ScriptError> {
        let form = || ScriptError::Form(written.to_owned());
        let (secs, text) = written.split_once('=').ok_or_else(form)?;
        let secs: f64 = secs.trim().parse().map_err(|_| form())?;
        if !(0.0..MediaTime::MAX_SECS).contains(&secs) {
            return Err(ScriptError::Time(secs));
        }
        self.say(MediaTime::from_secs_f64(secs), Utterance::Ask(text.trim().to_owned()))
    }

    /// Adds subtitle lines, each at its start. Lines without words are left out.
    pub fn add_subtitles(&mut self, lines: impl IntoIterator<Item = SubtitleLine>) {
        let lines = lines.into_iter().filter(|line| !line.words.trim().is_empty());
        self.items.extend(lines.map(|line| ScriptItem { time: line.start, utterance: Utterance::Subtitle(line) }));
        self.items.sort_by_key(|item| item.time); // stable: what was added first stays first
    }

    /// Leaves out the subtitle lines that are gone by `from`: a session that starts in the middle of a video does
    /// not read the dialogue of its beginning. Questions stand, whenever they were asked.
    #[must_use]
    pub fn starting_at(mut self, from: MediaTime) -> Self {
        self.items.retain(|item| !matches!(&item.utterance, Utterance::Subtitle(line) if line.end <= from));
        self
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All items in time order.
    pub fn items(&self) -> &[ScriptItem] {
        &self.items
    }

    /// The questions that come too late for a session whose last turn is stamped `last_turn_time`.
    pub fn never_asked(&self, last_turn_time: MediaTime) -> impl Iterator<Item = &ScriptItem> {
        let (_, on_time) = self.due(0, last_turn_time);
        let late = &self.items[on_time.len()..];
        late.iter().filter(|item| matches!(item.utterance, Utterance::Ask(_) | Utterance::Replace(_)))
    }

    /// The items that join the turn stamped `turn_time` when the first `cursor` items have joined earlier ones, and
    /// the cursor for the next turn. An item joins the first turn whose time is > its own.
    pub fn due(&self, cursor: usize, turn_time: MediaTime) -> (usize, &[ScriptItem]) {
        let rest = self.items.get(cursor..).unwrap_or_default();
        let num_due = rest.partition_point(|item| item.time < turn_time);
        (cursor + num_due, &rest[..num_due])
    }
}

/// Carries out what is said in one turn, in order, and gives the turn's text: the standing requests if they
/// changed, then the subtitles.
pub fn apply<'a>(
    requests: &mut StandingRequests,
    items: impl IntoIterator<Item = (MediaTime, &'a Utterance)>,
) -> TurnText {
    let mut subtitles = Vec::new();
    for (time, utterance) in items {
        match utterance {
            Utterance::Ask(text) => _ = requests.add(text, time),
            Utterance::Replace(text) => _ = requests.replace_all(text, time),
            Utterance::Edit(id, text) => _ = requests.edit(*id, text, time),
            Utterance::Cancel(id) => _ = requests.cancel(*id),
            Utterance::Subtitle(line) => subtitles.push(line.user_text()),
        }
    }
    let restated = requests.take_pending();
    TurnText { text: join_turn_texts(restated.as_deref(), &subtitles), is_restated: restated.is_some() }
}

/// What a turn says to the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnText {
    /// The user text, if there is any.
    pub text: Option<String>,
    /// Whether it states the standing requests: the model then keeps this turn whatever it forgets.
    pub is_restated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secs(value: f64) -> MediaTime {
        MediaTime::from_secs_f64(value)
    }

    fn line(start: f64, end: f64, words: &str) -> SubtitleLine {
        SubtitleLine { start: secs(start), end: secs(end), speaker: None, words: words.into() }
    }

    fn text_at(script: &Script, requests: &mut StandingRequests, cursor: usize, time: f64) -> (usize, Option<String>) {
        let (next, items) = script.due(cursor, secs(time));
        (next, apply(requests, items.iter().map(|item| (item.time, &item.utterance))).text)
    }

    #[test]
    fn an_item_joins_the_first_later_turn() {
        let mut script = Script::default();
        script.ask_at("1=Late?").unwrap();
        script.ask("Early?").unwrap();
        let mut requests = StandingRequests::default();
        let (cursor, text) = text_at(&script, &mut requests, 0, 1.0);
        assert_eq!((cursor, text.as_deref()), (1, Some("Early?")));
        let (cursor, text) = text_at(&script, &mut requests, cursor, 2.0);
        assert_eq!((cursor, text.as_deref()), (2, Some("1. Early?\n2. Late?")));
        assert_eq!(text_at(&script, &mut requests, cursor, 3.0), (2, None));
    }

    #[test]
    fn questions_come_before_subtitles() {
        let mut script = Script::default();
        script.add_subtitles([line(0.2, 0.9, "Hello"), line(0.1, 0.2, "  "), line(0.5, 0.9, "there")]);
        script.ask_at("0.4=What is said?").unwrap();
        let (_, text) = text_at(&script, &mut StandingRequests::default(), 0, 1.0);
        assert_eq!(text.as_deref(), Some("What is said?\nSubtitle: Hello\nSubtitle: there"));
    }

    #[test]
    fn a_later_start_skips_what_was_said_before() {
        let mut script = Script::default();
        script.ask("Who?").unwrap();
        script.add_subtitles([line(1.0, 3.0, "gone"), line(9.0, 11.0, "still shown")]);
        let script = script.starting_at(secs(10.0));
        let (_, text) = text_at(&script, &mut StandingRequests::default(), 0, 11.0);
        assert_eq!(text.as_deref(), Some("Who?\nSubtitle: still shown"));
    }

    #[test]
    fn a_question_at_or_after_the_last_turn_is_never_asked() {
        let mut script = Script::default();
        for written in ["3.9=In time?", "4=Late?", "1e8=Later?"] {
            script.ask_at(written).unwrap();
        }
        script.add_subtitles([line(5.0, 6.0, "no question")]);
        let late: Vec<MediaTime> = script.never_asked(secs(4.0)).map(|item| item.time).collect();
        assert_eq!(late, [secs(4.0), secs(1e8)]);
    }

    #[test]
    fn edits_cancels_and_takeovers() {
        let mut requests = StandingRequests::default();
        let mut say = |utterance| apply(&mut requests, [(MediaTime::ZERO, &utterance)]).text;
        assert_eq!(say(Utterance::Ask("A".into())).as_deref(), Some("A"));
        assert_eq!(say(Utterance::Edit(QuestionId(1), "B".into())).as_deref(), Some("B"));
        assert_eq!(say(Utterance::Edit(QuestionId(9), "C".into())), None);
        assert_eq!(say(Utterance::Replace("D".into())).as_deref(), Some("D"));
        assert_eq!(say(Utterance::Cancel(QuestionId(2))), None);
    }

    #[test]
    fn refuses_what_says_nothing() {
        let mut script = Script::default();
        assert_eq!(script.ask(" \n"), Err(ScriptError::EmptyText));
        assert_eq!(script.ask_at("5="), Err(ScriptError::EmptyText));
        assert_eq!(script.ask_at("-1=x"), Err(ScriptError::Time(-1.0)));
        assert!(matches!(script.ask_at("NaN=x"), Err(ScriptError::Time(_))));
        assert_eq!(script.ask_at("now"), Err(ScriptError::Form("now".into())));
        assert_eq!(script.ask_at("x=y"), Err(ScriptError::Form("x=y".into())));
        assert!(script.is_empty());
        script.ask_at("1.5=a = b?").unwrap();
        assert_eq!(script.items()[0].utterance, Utterance::Ask("a = b?".into()));
    }

    proptest! {
        /// Against the definition, item by item: the first turn with a later time, each item once.
        #[test]
        fn every_item_joins_the_turn_the_definition_names(
            item_times in prop::collection::vec(0i64..50, 0..20),
            steps in prop::collection::vec(1i64..8, 1..20),
        ) {
            let mut script = Script::default();
            for &time in &item_times {
                script.say(MediaTime::from_micros(time), Utterance::Ask(format!("at {time}"))).unwrap();
            }
            let turn_times: Vec<i64> =
                steps.iter().scan(0, |time, step| { *time += step; Some(*time) }).collect();
            let mut cursor = 0;
            for (turn_idx, &turn_time) in turn_times.iter().enumerate() {
                let (next, due) = script.due(cursor, MediaTime::from_micros(turn_time));
                cursor = next;
                let mut expected: Vec<i64> = item_times.iter().copied()
                    .filter(|item| turn_times.iter().position(|turn| turn > item) == Some(turn_idx)).collect();
                expected.sort_unstable();
                prop_assert_eq!(due.iter().map(|item| item.time.as_micros()).collect::<Vec<_>>(), expected);
            }
        }
    }
}
