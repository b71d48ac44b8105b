//! The loop as a whole: a source of made-up frames, a model that answers from a list, a clock that moves by itself.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod calibration;
mod events;
mod faults;
mod pace;
mod script;
mod stage;
