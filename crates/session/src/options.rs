use std::time::Duration;

use crossbeam_channel::Receiver;
use souffleur_core::{FrameGrid, MediaTime};
use souffleur_engine::Sampling;

use crate::{Clock, GateRules, MinuteOfDay, ModelLabel, Policy, RealClock, StopSignal, Utterance};

/// How a session behaves.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// Where frames lie in time and how many make a turn.
    pub grid: FrameGrid,
    /// How the decision is read off the logits.
    pub policy: Policy,
    /// Subtracted from the logit of the first silence token; 0 is off.
    pub eagerness: f32,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Upper bound of a reply's tokens.
    pub max_new_tokens: usize,
    /// Whether replies that add nothing to a recent one are kept from the user.
    pub repeat_guard: bool,
    /// What else keeps replies from the user; `None` lets all through.
    pub gate: Option<GateRules>,
    /// Whether an unchanged frame reuses the last silence without running the model, and for how long at most; `None`
    /// looks at every frame.
    pub static_skip: Option<MediaTime>,
    /// Names the model in the session's first event.
    pub label: ModelLabel,
}

impl SessionOptions {
    /// The model's own words decide, greedy, 512 new tokens at most (MMDuet2's setting), nothing is kept
    /// from the user.
    pub fn new(grid: FrameGrid, label: ModelLabel) -> Self {
        Self {
            grid,
            policy: Policy::Text,
            eagerness: 0.0,
            sampling: Sampling::Greedy,
            max_new_tokens: 512,
            repeat_guard: false,
            gate: None,
            static_skip: None,
            label,
        }
    }
}

/// What the user wants of a running session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Said now: it joins the next turn, after what the script has for it.
    Say(Utterance),
    /// Keep silent for so long, counted from the next turn. Needs a gate; zero ends a snooze.
    Snooze(Duration),
}

/// How the world outside reaches into a running session.
pub struct Controls {
    /// Ends it after the running turn.
    pub stop: StopSignal,
    /// Commands of the user; taken up before each turn. The sender waits while the channel is full.
    pub commands: Receiver<Command>,
    /// The clock that times it.
    pub clock: Box<dyn Clock>,
    /// Tells the local time of day, where the gate has quiet hours.
    pub minute_of_day: Option<fn() -> MinuteOfDay>,
}

/// Never stopped, no commands, the machine's clock.
impl Default for Controls {
    fn default() -> Self {
        Self {
            stop: StopSignal::default(),
            commands: crossbeam_channel::never(),
            clock: Box::new(RealClock),
            minute_of_day: None,
        }
    }
}
