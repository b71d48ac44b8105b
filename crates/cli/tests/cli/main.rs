//! The built program as a black box: what it prints, what it leaves behind, how it ends.
#![allow(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod bad_input;
mod bench;
mod calibrate;
mod demo;
mod doctor;
mod installed;
mod judge;
mod machine;
mod media;
mod model;
mod pauc;
mod real_clips;
mod usage;
mod watch;
