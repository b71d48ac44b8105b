//! What the crate promises, pressed on from outside.

#![allow(clippy::unwrap_used, reason = "tests may unwrap, and so may what they share")]

mod annotations;
mod choices;
mod judge_agreement;
mod pauc_against_others;
mod run;
mod runs;
