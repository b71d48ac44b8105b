//! The built program as a black box: what it prints, what it leaves behind, how it ends.
#![allow(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod bad_input;
mod bench;
mod demo;
mod installed;
mod judge;
mod machine;
mod media;
mod model;
mod pauc;
mod usage;
mod watch;
