//! The live loop of Souffleur: frames come in, the model looks, a policy decides, replies go out, everything is kept.
//!
//! [`run`] watches one source to its end. What the user says comes from a [`Script`] or, live, through [`Controls`];
//! how the decision is read off the logits is a [`Policy`]; what reaches the user is up to the [`RepeatGuard`] and
//! the [`gate`]. Each of these is a pure step, so that a session can be replayed from its events. A [`Recording`]
//! keeps the [`Event`]s, and [`export`] writes it to a file.

pub mod calibration;
mod clock;
pub mod doctor;
mod error;
mod event;
pub mod export;
pub mod gate;
mod options;
pub mod policy;
mod recording;
mod repeat_guard;
mod run;
mod script;
mod scripted;
mod sink;
mod static_skip;
mod words;

pub use clock::{Clock, RealClock, StopSignal, VirtualClock};
pub use error::SessionError;
pub use event::{Event, GraphProviders, ModelLabel, SessionStart, Summary, TurnMillis, TurnRecord};
pub use gate::{GateRules, MinuteOfDay, QuietHours};
pub use options::{Command, Controls, SessionOptions};
pub use policy::{Policy, PolicyError};
pub use recording::{RecordedSource, Recording, Thumbnail};
pub use repeat_guard::{REMEMBERED_REPLIES, RepeatGuard, adds_nothing};
pub use run::run;
pub use script::{Script, ScriptError, ScriptItem, Utterance};
pub use scripted::{ScriptedAnswer, ScriptedModel};
pub use sink::Sink;
pub use static_skip::StaticSkip;
