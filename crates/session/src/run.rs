use std::time::Duration;

use souffleur_capture::{CaptureError, FrameSource};
use souffleur_core::{Decision, Frame, MediaTime, Reply, StandingRequests, SuppressReason, Turn};
use souffleur_engine::{EngineError, Observed, Resolution, Resolved, TurnInput, TurnModel, Urge};

use crate::event::{millis, percentile};
use crate::gate::{self, GateState};
use crate::policy::{self, PolicyState, Verdict};
use crate::script::{self, TurnText};
use crate::{
    Command, Controls, Event, RepeatGuard, Script, SessionError, SessionOptions, SessionStart, Sink, StaticSkip,
    Summary, TurnMillis, TurnRecord, Utterance,
};

/// Watches `source` to its end (or until asked to stop) and reports every decision to `sink`.
///
/// The source sets the pace: a file gives every frame as soon as it is wanted, and time is that of the video; one
/// that plays in real time ([`Paced`](souffleur_capture::Paced)) gives the newest and counts the others as dropped.
///
/// The model is reset first. Each turn: the next frames, the text that is due, one look of the model,
/// the policy's decision, the reply if there is one, repeat guard and gate. A last frame without its partner makes a
/// turn of one frame. Subtitles that are gone when the grid starts are left out.
///
/// Once the last standing request is cancelled the model still watches, but says nothing until it is asked again:
/// it cannot forget what it was asked.
///
/// # Errors
/// When the source breaks off or the model fails. All events until then, and the summary, have been sent by then.
pub fn run(
    source: &mut dyn FrameSource,
    model: &mut dyn TurnModel,
    script: Script,
    options: &SessionOptions,
    controls: &Controls,
    sink: &mut dyn Sink,
) -> Result<Summary, SessionError> {
    let start = SessionStart {
        label: options.label.clone(),
        frame_interval: options.grid.interval(),
        frames_per_turn: options.grid.frames_per_turn(),
    };
    sink.receive(Event::Session(start), &[]);
    let script = script.starting_at(options.grid.from());
    let mut session = Session { source, model, options, controls, sink, script, state: State::default() };
    let outcome = session.watch();
    let summary = session.summary();
    session.sink.receive(Event::Summary(summary), &[]);
    outcome.map(|()| summary)
}

struct Session<'a> {
    source: &'a mut dyn FrameSource,
    model: &'a mut dyn TurnModel,
    options: &'a SessionOptions,
    controls: &'a Controls,
    sink: &'a mut dyn Sink,
    script: Script,
    state: State,
}

/// All that changes from turn to turn.
#[derive(Default)]
struct State {
    /// Items of the script that have joined a turn.
    script_cursor: usize,
    requests: StandingRequests,
    /// Whether the turn at hand states them.
    is_restated: bool,
    /// Whether anything was ever asked.
    has_asked: bool,
    policy: PolicyState,
    repeat_guard: RepeatGuard,
    gate: GateState,
    static_skip: StaticSkip,
    /// Of the last turn the model looked at.
    last_record: Option<TurnRecord>,
    /// The whole time of each turn.
    totals_ms: Vec<f64>,
    num_replies: u64,
    num_suppressed: u64,
}

/// A turn that the model has ended.
struct Answered {
    observed: Observed,
    resolved: Resolved,
    total_ms: f64,
}

impl Session<'_> {
    fn watch(&mut self) -> Result<(), SessionError> {
        self.model.reset().map_err(SessionError::Start)?;
        while !self.controls.stop.is_stopped() {
            let (frames, end) = self.next_frames();
            if let Some(last) = frames.last()
                && !self.controls.stop.is_stopped()
            {
                let time = self.options.grid.turn_time(last.media_time);
                let text = self.text_for(time);
                match self.take_turn(Turn { frames, text, time }) {
                    // The stop came in the middle of a look: that turn has not happened.
                    Err(EngineError::Cancelled) if self.controls.stop.is_stopped() => return Ok(()),
                    Err(error) => return Err(SessionError::Turn { time, error }),
                    Ok(()) => {}
                }
            }
            match end {
                None => {}
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) => return Err(SessionError::Source(error)),
            }
        }
        Ok(())
    }

    /// The frames of the next turn: fewer than usual only at the end, none after it. The second part is the end, once
    /// it is known.
    fn next_frames(&mut self) -> (Vec<Frame>, Option<Result<(), CaptureError>>) {
        let mut frames = Vec::new();
        while frames.len() < self.options.grid.frames_per_turn() as usize {
            match self.source.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, Some(Ok(()))),
                Err(error) => return (frames, Some(Err(error))),
            }
        }
        (frames, None)
    }

    /// What the user says in the turn stamped `time`.
    fn text_for(&mut self, time: MediaTime) -> Option<String> {
        let (cursor, due) = self.script.due(self.state.script_cursor, time);
        self.state.script_cursor = cursor;
        let mut said: Vec<(MediaTime, &Utterance)> = due.iter().map(|item| (item.time, &item.utterance)).collect();
        let commands: Vec<Command> = self.controls.commands.try_iter().collect();
        for command in &commands {
            match command {
                Command::Say(utterance) => said.push((time, utterance)),
                Command::Snooze(duration) => {
                    let until = time + MediaTime::from_secs_f64(duration.as_secs_f64());
                    self.state.gate = std::mem::take(&mut self.state.gate).snoozed_until(until);
                }
            }
        }
        let TurnText { text, is_restated } = script::apply(&mut self.state.requests, said);
        self.state.is_restated = is_restated;
        self.state.has_asked |= !self.state.requests.active().is_empty();
        text
    }

    fn take_turn(&mut self, turn: Turn) -> Result<(), EngineError> {
        if let Some(record) = self.skipped(&turn) {
            self.sink.receive(Event::Turn(record), &turn.frames);
            return Ok(());
        }
        let answered = self.answer(&turn)?;
        let is_silent = answered.resolved.is_silent || answered.resolved.text.is_empty();
        self.state.totals_ms.push(answered.total_ms);
        let record = self.record(&turn, &answered, is_silent);
        if self.options.static_skip.is_some() {
            self.state.static_skip = StaticSkip::looked(turn.time, &turn.frames, is_silent);
            self.state.last_record = Some(record);
        }
        self.sink.receive(Event::Turn(record), &turn.frames);
        if !is_silent {
            let reply = self.reply(turn.time, answered.resolved.text);
            self.sink.receive(Event::Reply(reply), &turn.frames);
        }
        Ok(())
    }

    /// The record of a turn that reuses the last silence: no pass, and the probabilities of the last look.
    fn skipped(&mut self, turn: &Turn) -> Option<TurnRecord> {
        let (max_gap, last) = (self.options.static_skip?, self.state.last_record?);
        let started_at = self.controls.clock.now();
        if !self.state.static_skip.may_skip(turn.time, &turn.frames, turn.text.is_some(), max_gap) {
            return None;
        }
        let now = self.controls.clock.now();
        let total = millis(now.saturating_duration_since(started_at));
        self.state.totals_ms.push(total);
        let age = turn.frames.last().map_or(Duration::ZERO, |frame| now.saturating_duration_since(frame.captured_at));
        Some(TurnRecord {
            time: turn.time,
            passes: 0,
            frame_age_ms: millis(age),
            behind_s: self.behind(age).as_secs_f64(),
            ms: TurnMillis { total, ..TurnMillis::default() },
            ..last
        })
    }

    /// Lets the model look, decides, and has the decision carried out.
    fn answer(&mut self, turn: &Turn) -> Result<Answered, EngineError> {
        let started_at = self.controls.clock.now();
        let observed = self.model.observe(TurnInput {
            frames: turn.frames.iter().map(|frame| frame.image.clone()).collect(),
            text: turn.text.clone(),
            is_pinned: self.state.is_restated,
            eagerness: self.options.eagerness,
            sampling: self.options.sampling,
        })?;
        let resolution = match self.decide(&observed) {
            Verdict { decision: Decision::Silent, .. } => Resolution::Silent,
            Verdict { urge, .. } => Resolution::Speak { max_new_tokens: self.options.max_new_tokens, urge },
        };
        let resolved = self.model.resolve(resolution)?;
        let total = self.controls.clock.now().saturating_duration_since(started_at);
        Ok(Answered { observed, resolved, total_ms: millis(total) })
    }

    fn decide(&mut self, observed: &Observed) -> Verdict {
        let (next, verdict) = policy::step(self.options.policy, &self.state.policy, &observed.observation);
        self.state.policy = next;
        let is_all_cancelled = self.state.has_asked && self.state.requests.active().is_empty();
        if is_all_cancelled { Verdict { decision: Decision::Silent, urge: Urge::Model } } else { verdict }
    }

    fn record(&self, turn: &Turn, answered: &Answered, is_silent: bool) -> TurnRecord {
        let Answered { observed, resolved, total_ms } = answered;
        let now = self.controls.clock.now();
        let age = turn.frames.last().map_or(Duration::ZERO, |frame| now.saturating_duration_since(frame.captured_at));
        TurnRecord {
            time: turn.time,
            silent: is_silent,
            p_silent: observed.observation.p_silent,
            p_silence_text: observed.observation.p_silence_text,
            passes: observed.passes + resolved.passes,
            cache_tokens: resolved.cache_tokens,
            frame_age_ms: millis(age),
            behind_s: self.behind(age).as_secs_f64(),
            ms: TurnMillis {
                preprocess: millis(observed.preprocess),
                encode: millis(observed.encode),
                prefill: millis(observed.prefill),
                decode: millis(resolved.decode),
                total: *total_ms,
            },
        }
    }

    /// How long the frame after the turn's last one has been there: where frames come by the clock, it came one
    /// interval after it.
    fn behind(&self, age: Duration) -> Duration {
        let interval_micros = self.options.grid.interval().as_micros().unsigned_abs();
        if self.source.is_live() { age.saturating_sub(Duration::from_micros(interval_micros)) } else { Duration::ZERO }
    }

    /// The reply of a turn, marked if the repeat guard or the gate keeps it from the user.
    fn reply(&mut self, time: MediaTime, text: String) -> Reply {
        let suppressed = self.reason_to_suppress(time, &text);
        match suppressed {
            None => {
                self.state.num_replies += 1;
                self.state.repeat_guard = self.state.repeat_guard.with_shown(&text);
            }
            Some(_) => self.state.num_suppressed += 1,
        }
        let question = self.state.requests.text();
        Reply { time, question, question_ids: self.state.requests.ids(), text, suppressed }
    }

    fn reason_to_suppress(&mut self, time: MediaTime, text: &str) -> Option<SuppressReason> {
        if self.options.repeat_guard && self.state.repeat_guard.is_repeat(text) {
            return Some(SuppressReason::Repeat);
        }
        let rules = self.options.gate.as_ref()?;
        let minute_of_day = self.controls.minute_of_day.map(|minute_of_day| minute_of_day());
        let (next, reason) = gate::step(rules, &self.state.gate, time, minute_of_day, text);
        self.state.gate = next;
        reason
    }

    fn summary(&self) -> Summary {
        Summary {
            turns: self.state.totals_ms.len() as u64,
            replies: self.state.num_replies,
            dropped_frames: self.source.num_dropped(),
            p50_ms: percentile(&self.state.totals_ms, 50),
            p99_ms: percentile(&self.state.totals_ms, 99),
            suppressed_replies: self.state.num_suppressed,
        }
    }
}
