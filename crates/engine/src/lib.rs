//! Runs an exported Qwen2.5-VL through ONNX Runtime: one thread, one KV cache, one forward pass a silent turn.
//!
//! [`Engine`] is the handle to the thread that owns the model; it implements [`TurnModel`], the two-step contract of a
//! turn: `observe` encodes the frames and appends them, the text and the drafted silence in one pass of the decoder;
//! `resolve` keeps the silence or rolls back and decodes a reply.

mod canceller;
pub mod catalog;

mod check;
mod decoder;
mod draft;
mod engine;
mod error;
mod graph;
mod info;
mod kv_cache;
mod ort_model;
mod runtime;
mod sampler;
mod sentence_encoder;
pub mod speed;
mod trial;
mod turn_model;
mod vision;
mod window;

pub use canceller::Canceller;
pub use check::{CheckReport, check};
pub use engine::{Engine, EngineOptions, Provider, SilencePass, SilentTurns};
pub use error::EngineError;
pub use graph::ProviderShare;
pub use info::{EngineInfo, ProvidersUsed};
pub use runtime::{RUNTIME_FILE_NAME, RUNTIME_VERSION, SearchedPlaces, data_dir, find_runtime};
pub use sentence_encoder::SentenceEncoder;
pub use trial::{LoadedRuntime, ProviderTrial, load_runtime, try_provider};
pub use turn_model::{Finish, Observed, Resolution, Resolved, Sampling, TurnInput, TurnModel, Urge};
pub use window::Window;
