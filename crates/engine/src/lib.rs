//! Runs an exported Qwen2.5-VL through ONNX Runtime. Under construction.

mod error;
mod turn_model;

pub use error::EngineError;
pub use turn_model::{Finish, Observed, Resolution, Resolved, Sampling, TurnInput, TurnModel, Urge};
