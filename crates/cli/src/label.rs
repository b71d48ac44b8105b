use souffleur_engine::EngineInfo;
use souffleur_session::{GraphProviders, ModelLabel};

/// Names a running model in a session's first event.
pub(crate) fn label(engine: &EngineInfo) -> ModelLabel {
    let used = &engine.providers;
    ModelLabel {
        model: engine.model.clone(),
        provider: engine.provider.to_owned(),
        providers: GraphProviders {
            vision: used.vision.clone(),
            embed: used.embed.clone(),
            decoder: used.decoder.clone(),
        },
    }
}
