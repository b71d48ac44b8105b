//! What this machine can really run, found out by running it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use souffleur_core::RgbImage;

use crate::{
    Engine, EngineError, EngineOptions, Provider, ProvidersUsed, Resolution, Sampling, TurnInput, TurnModel, catalog,
    runtime,
};

/// Size of the frame of a trial.
const FRAME_PX: (u32, u32) = (112, 112);

/// The ONNX Runtime library of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedRuntime {
    /// The file.
    pub path: PathBuf,
    /// The 31 of 1.31.
    pub minor_version: u32,
}

impl fmt::Display for LoadedRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ONNX Runtime 1.{} at {}", self.minor_version, self.path.display())
    }
}

/// Loads the library, as the first engine of a process does, and says which one it is.
///
/// # Errors
/// When there is none, it cannot be loaded, or it is too old.
pub fn load_runtime(setting: Option<&Path>) -> Result<LoadedRuntime, EngineError> {
    runtime::environment(setting)?;
    let path = runtime::find_runtime(setting)?;
    let unusable =
        || EngineError::RuntimeUnusable { path: path.clone(), reason: "it does not tell its version".into() };
    let minor_version = ort::util::probe(&path).ok_or_else(unusable)?;
    Ok(LoadedRuntime { path, minor_version })
}

/// What came of one turn on a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderTrial {
    /// What was asked for.
    pub provider: Provider,
    /// What really ran where, from the runtime's own record.
    pub providers: ProvidersUsed,
    /// The turn, without loading the model.
    pub turn: Duration,
}

impl ProviderTrial {
    /// Whether the costly graphs ran on the provider that was asked for, if not all of their nodes.
    pub fn is_used(&self) -> bool {
        let runs = |label: &str| label.split('+').any(|name| name == self.provider.as_str());
        self.provider == Provider::Auto || (runs(&self.providers.vision) && runs(&self.providers.decoder))
    }
}

impl fmt::Display for ProviderTrial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ProvidersUsed { vision, embed, decoder } = &self.providers;
        let millis = self.turn.as_secs_f64() * 1e3;
        write!(f, "a turn of {} in {millis:.0} ms, ", catalog::DEFAULT_MODEL)?;
        write!(f, "vision on {vision}, embed on {embed}, decoder on {decoder}")
    }
}

/// Takes one real turn of the embedded model on a provider: that it can be registered says nothing.
///
/// # Errors
/// When the runtime is missing, or the model does not load or run on that provider.
pub fn try_provider(provider: Provider) -> Result<ProviderTrial, EngineError> {
    let options = EngineOptions { provider, ..EngineOptions::default() };
    let mut engine = Engine::start(catalog::resolve(catalog::DEFAULT_MODEL)?, options)?;
    engine.reset()?;
    let (width_px, height_px) = FRAME_PX;
    let grey = vec![128; (width_px * height_px * 3) as usize];
    let frame = RgbImage::new(width_px, height_px, grey).expect("three bytes a pixel");
    let input = TurnInput {
        frames: vec![frame],
        text: Some("Is anything there?".into()),
        is_pinned: false,
        eagerness: 0.0,
        sampling: Sampling::Greedy,
    };
    let started_at = Instant::now();
    engine.observe(input)?;
    engine.resolve(Resolution::Silent)?;
    Ok(ProviderTrial { provider, providers: engine.info().providers.clone(), turn: started_at.elapsed() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_of_this_build_takes_a_turn() {
        for &provider in Provider::IN_THIS_BUILD {
            let trial = try_provider(provider).unwrap();
            assert!(trial.is_used(), "{trial}");
        }
    }

    #[test]
    fn the_loaded_library_is_the_one_that_is_found() {
        let loaded = load_runtime(None).unwrap();
        assert_eq!(loaded.path, runtime::find_runtime(None).unwrap());
        assert!(loaded.minor_version >= runtime::MIN_RUNTIME_MINOR);
    }

    #[test]
    fn a_turn_that_fell_back_to_the_processor_is_not_use_of_another_provider() {
        let used = |vision: &str, decoder: &str| ProvidersUsed {
            vision: vision.into(),
            embed: "cpu".into(),
            decoder: decoder.into(),
        };
        let trial = |provider, providers| ProviderTrial { provider, providers, turn: Duration::ZERO };
        assert!(trial(Provider::Cpu, used("cpu", "cuda+cpu")).is_used());
        assert!(!trial(Provider::Cpu, used("cuda", "cuda+cpu")).is_used());
        assert!(trial(Provider::Auto, used("cuda", "cuda")).is_used());
    }
}
