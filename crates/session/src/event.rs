use std::time::Duration;

use serde::{Deserialize, Serialize};
use souffleur_core::{MediaTime, Reply};
use souffleur_engine::{EngineInfo, ProvidersUsed};

/// What happens in a session: one line of JSON each, in this order of fields (the command line's contract).
///
/// One `session`, then for each turn a `turn` and, if it spoke, a `reply`, at last one `summary`, also when the
/// session ended in an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The session starts.
    Session(SessionStart),
    /// A turn was decided, silent ones too.
    Turn(TurnRecord),
    /// The turn before said something; marked if it was kept from the user.
    Reply(Reply),
    /// The session is over.
    Summary(Summary),
}

impl Event {
    /// The event as one line of JSON, without the line's end.
    pub fn to_json_line(&self) -> String {
        // Every type here is a plain struct with string keys; only foreign Serialize code or maps can fail.
        serde_json::to_string(self).expect("an event is plain data")
    }
}

/// Which model runs where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelLabel {
    /// The model's name.
    pub model: String,
    /// The execution provider that does the main work.
    pub provider: String,
    /// The provider really used for each graph.
    pub providers: GraphProviders,
}

/// The execution provider really used for each graph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphProviders {
    /// The vision tower.
    pub vision: String,
    /// The embedding table.
    pub embed: String,
    /// The decoder.
    pub decoder: String,
}

impl From<&EngineInfo> for ModelLabel {
    fn from(info: &EngineInfo) -> Self {
        let ProvidersUsed { vision, embed, decoder } = info.providers.clone();
        let providers = GraphProviders { vision, embed, decoder };
        Self { model: info.model.clone(), provider: info.provider.to_owned(), providers }
    }
}

/// How a session was set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionStart {
    /// Which model runs where.
    #[serde(flatten)]
    pub label: ModelLabel,
    /// Seconds between frames.
    pub frame_interval: MediaTime,
    /// Frames a turn, 1 or 2.
    pub frames_per_turn: u32,
}

/// One turn: what was decided, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnRecord {
    /// The stamp: the end of the turn's last frame.
    pub time: MediaTime,
    /// Whether nothing was said.
    pub silent: bool,
    /// Probability of the first silence token, before any bias.
    pub p_silent: f32,
    /// Probability of the whole silence text.
    pub p_silence_text: f32,
    /// Forward passes of the decoder; 0 where an unchanged frame reused the last silence.
    pub passes: u32,
    /// Tokens in the KV cache at the end of the turn.
    pub cache_tokens: usize,
    /// From the capture of the last frame to the end of the turn: how old was what the reply speaks of.
    pub frame_age_ms: f64,
    /// How late the turn ended: seconds since the next frame was there. 0 where the session keeps up, and always
    /// where the source waits for it.
    pub behind_s: f64,
    /// The time it took.
    pub ms: TurnMillis,
}

/// Milliseconds by stage, rounded to the microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnMillis {
    /// Resize and patches.
    pub preprocess: f64,
    /// Vision encoder.
    pub encode: f64,
    /// Decoder over the turn's tokens and the drafted silence.
    pub prefill: f64,
    /// Decoding of the reply.
    pub decode: f64,
    /// The whole turn, by the session's clock.
    pub total: f64,
}

/// A session in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Turns taken.
    pub turns: u64,
    /// Replies that reached the user.
    pub replies: u64,
    /// Frames skipped because a newer one was there.
    pub dropped_frames: u64,
    /// Half of the turns took no longer; `null` without a turn.
    pub p50_ms: Option<f64>,
    /// 99 % of the turns took no longer; `null` without a turn.
    pub p99_ms: Option<f64>,
    /// Replies kept from the user by the repeat guard or the gate.
    pub suppressed_replies: u64,
}

/// Milliseconds, rounded to the microsecond.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// The least of `totals_ms` that `percent` of them do not exceed (nearest rank); `None` without any.
pub(crate) fn percentile(totals_ms: &[f64], percent: u32) -> Option<f64> {
    let mut sorted = totals_ms.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent as usize).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use souffleur_core::{QuestionId, SuppressReason};

    fn round_trip(event: &Event) -> String {
        let line = event.to_json_line();
        assert_eq!(&serde_json::from_str::<Event>(&line).unwrap(), event, "{line}");
        line
    }

    #[test]
    fn session_line() {
        let cpu = || "cpu".to_owned();
        let providers = GraphProviders { vision: cpu(), embed: cpu(), decoder: cpu() };
        let label = ModelLabel { model: "kitchen".into(), provider: cpu(), providers };
        let start = SessionStart { label, frame_interval: MediaTime::from_secs_f64(0.5), frames_per_turn: 2 };
        insta::assert_snapshot!(round_trip(&Event::Session(start)), @r#"{"type":"session","model":"kitchen","provider":"cpu","providers":{"vision":"cpu","embed":"cpu","decoder":"cpu"},"frame_interval":0.5,"frames_per_turn":2}"#);
    }

    #[test]
    fn turn_line() {
        let ms = TurnMillis { preprocess: 0.5, encode: 3.0, prefill: 7.125, decode: 0.0, total: 11.001 };
        let turn = TurnRecord {
            time: MediaTime::from_secs_f64(1.0),
            silent: true,
            p_silent: 0.9375,
            p_silence_text: 0.875,
            passes: 1,
            cache_tokens: 146,
            frame_age_ms: 12.5,
            behind_s: 0.0,
            ms,
        };
        insta::assert_snapshot!(round_trip(&Event::Turn(turn)), @r#"{"type":"turn","time":1.0,"silent":true,"p_silent":0.9375,"p_silence_text":0.875,"passes":1,"cache_tokens":146,"frame_age_ms":12.5,"behind_s":0.0,"ms":{"preprocess":0.5,"encode":3.0,"prefill":7.125,"decode":0.0,"total":11.001}}"#);
    }

    #[test]
    fn reply_lines() {
        let reply = Reply {
            time: MediaTime::from_secs_f64(7.0),
            question: "What is in the pan?".into(),
            question_ids: vec![QuestionId(1)],
            text: "An egg.\nIt is \"done\".".into(),
            suppressed: None,
        };
        insta::assert_snapshot!(round_trip(&Event::Reply(reply.clone())), @r#"{"type":"reply","time":7.0,"question":"What is in the pan?","question_ids":[1],"text":"An egg.\nIt is \"done\"."}"#);
        let kept = Reply { suppressed: Some(SuppressReason::CoolDown), ..reply };
        insta::assert_snapshot!(round_trip(&Event::Reply(kept)), @r#"{"type":"reply","time":7.0,"question":"What is in the pan?","question_ids":[1],"text":"An egg.\nIt is \"done\".","suppressed":"cool_down"}"#);
    }

    #[test]
    fn summary_lines() {
        let summary = Summary { turns: 24, replies: 3, p50_ms: Some(11.0), p99_ms: Some(35.25), ..Summary::default() };
        insta::assert_snapshot!(round_trip(&Event::Summary(summary)), @r#"{"type":"summary","turns":24,"replies":3,"dropped_frames":0,"p50_ms":11.0,"p99_ms":35.25,"suppressed_replies":0}"#);
        insta::assert_snapshot!(round_trip(&Event::Summary(Summary::default())), @r#"{"type":"summary","turns":0,"replies":0,"dropped_frames":0,"p50_ms":null,"p99_ms":null,"suppressed_replies":0}"#);
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (Some(50.0), Some(99.0)));
        assert_eq!((percentile(&[3.0], 50), percentile(&[3.0], 99)), (Some(3.0), Some(3.0)));
        assert_eq!(percentile(&[], 50), None);
    }
}
